//! Damage in every file of a data directory in turn: refused by name, cut where nobody was
//! promised anything, or harmless; never a wrong answer, never a panic.
//!
//! `STORE_TEST_SWEEP=1000` sets the number of places; without it a few of each kind are tried.
use crate::{append, damage::copy, noise, opening::contents, options, texts};
use sessionary_store::{Direction, Durability, Rows, Store, StoreError, Table, check::check};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

const PLACES: usize = 60;
const GROUPS: u64 = 40;
const ROWS: u64 = 200;

#[derive(Clone, Copy, Debug)]
enum Damage {
    Byte,
    Shortened,
    Emptied,
    Missing,
    Swapped,
}

fn row(number: u64) -> Vec<u8> {
    noise(number, 200 + usize::try_from(number % 50).unwrap())
}

fn group(number: u64) -> Vec<String> {
    (0..=number % 7).map(|entry| format!("{number}-{entry}")).collect()
}

/// Table files of two generations, and a log behind them.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &options()).unwrap();
    for number in 0..GROUPS {
        let words = group(number);
        append(&store, 3, &words.iter().map(String::as_str).collect::<Vec<_>>());
        let mut rows = Rows::new();
        for at in (number * 5)..(number * 5 + 5) {
            rows.put(Table::Sessions, at.to_be_bytes(), row(at));
        }
        store.write(rows, Durability::Synced).unwrap();
        if number == 15 || number == 30 {
            store.tidy().unwrap();
        }
    }
    store.close().unwrap();
    drop(Store::open(dir.path(), &options()).unwrap());
    dir
}

/// Applies one damage; `None` when it would change nothing.
fn damage(files: &BTreeMap<String, Vec<u8>>, path: &str, kind: Damage, at: usize) -> Option<()> {
    let bytes = files.get(path).unwrap();
    let at = at % bytes.len().max(1);
    match kind {
        Damage::Byte => {
            let mut bytes = bytes.clone();
            *bytes.get_mut(at)? ^= 1 << (at % 8);
            std::fs::write(path, bytes).unwrap();
        }
        Damage::Shortened if at > 0 => std::fs::write(path, bytes.get(..at)?).unwrap(),
        Damage::Emptied if !bytes.is_empty() => std::fs::write(path, b"").unwrap(),
        Damage::Missing => std::fs::remove_file(path).unwrap(),
        Damage::Swapped => {
            let other = files.iter().filter(|(_, other)| *other != bytes).nth(at % 7)?;
            std::fs::write(path, other.1).unwrap();
            std::fs::write(other.0, bytes).unwrap();
        }
        Damage::Shortened | Damage::Emptied => return None,
    }
    Some(())
}

/// Opens, reads everything in every way, writes; says what became of it.
fn outcome(dir: &Path) -> &'static str {
    let store = match Store::open(dir, &options()) {
        Ok(store) => store,
        Err(refused) => {
            assert!(refused.exit_code() == 65, "{refused}: {refused:?}");
            return "refused";
        }
    };
    let expected: Vec<_> = (0..GROUPS).flat_map(group).collect();
    let mut harmed = 0;
    let mut read = Vec::new();
    for block in store.replay(3, 1) {
        match block {
            Ok(block) => {
                read.extend(block.entries.into_iter().map(|e| String::from_utf8(e.bytes).unwrap()));
            }
            Err(error) => harmed += is_damage(&error),
        }
    }
    assert!(expected.starts_with(&read) && (harmed > 0 || read == expected), "{read:?}");
    for (word, position) in expected.iter().zip(1..) {
        match store.read_entries(3, &[position]) {
            Ok(entries) => assert_eq!(entries, [Some(word.clone().into_bytes())]),
            Err(error) => harmed += is_damage(&error),
        }
    }
    let mut scanned = 0;
    for found in store.scan(Table::Sessions, .., Direction::Forward) {
        match found {
            Ok((key, value)) => {
                let number = u64::from_be_bytes(key.try_into().unwrap());
                assert_eq!((number, value), (scanned, row(number)));
                scanned += 1;
            }
            Err(error) => {
                harmed += is_damage(&error);
                break;
            }
        }
    }
    assert!(scanned == ROWS || harmed > 0, "{scanned}");
    for number in 0..ROWS {
        match store.get(Table::Sessions, &number.to_be_bytes()) {
            Ok(value) => assert_eq!(value, Some(row(number)), "row {number}"),
            Err(error) => harmed += is_damage(&error),
        }
    }
    let next = store.next_position(3);
    append(&store, 3, &["goes on"]);
    assert_eq!(texts(&store, 3, next), ["goes on"]);
    if harmed > 0 { "named when read" } else { "harmless" }
}

fn is_damage(error: &StoreError) -> u32 {
    assert!(matches!(error.exit_code(), 65 | 70 | 74), "{error}: {error:?}");
    1
}

#[test]
fn damage_is_refused_or_named_or_harmless_and_never_served() {
    let places = std::env::var("STORE_TEST_SWEEP").map_or(PLACES, |number| number.parse().unwrap());
    let whole = filled();
    let mut outcomes = BTreeMap::new();
    let mut seed = 7;
    let mut tried = 0;
    while tried < places {
        let copied = copy(whole.path());
        let mut files = contents(copied.path());
        files.retain(|path, _| !path.ends_with("lock"));
        let path = files.keys().nth(tried % files.len()).unwrap().clone();
        seed = u64::from_be_bytes(noise(seed, 8).try_into().unwrap());
        // Most bytes are in the middle of something; ends and beginnings matter as much.
        let at = usize::try_from(seed % 1_000_003).unwrap() % [usize::MAX, 64][tried % 2];
        let kinds = [
            Damage::Byte,
            Damage::Shortened,
            Damage::Byte,
            Damage::Missing,
            Damage::Byte,
            Damage::Swapped,
            Damage::Emptied,
        ];
        let kind = kinds[(tried / files.len() + tried) % kinds.len()];
        tried += 1;
        if damage(&files, &path, kind, at).is_none() {
            continue;
        }
        let name = PathBuf::from(&path).strip_prefix(copied.path()).unwrap().display().to_string();
        let found = check(copied.path());
        let outcome = std::panic::catch_unwind(|| outcome(copied.path()))
            .unwrap_or_else(|_| panic!("{kind:?} at {at} of {name} in {:?}", copied.keep()));
        if outcome != "harmless" {
            assert!(!found.is_whole(), "{kind:?} at {at} of {name} was {outcome} and not found");
        }
        *outcomes.entry((format!("{kind:?}"), outcome)).or_insert(0) += 1;
    }
    eprintln!("{outcomes:#?}");
}
