//! Damage on disk: named and refused, or cut where nobody was promised anything.
use crate::{append, open, opening::contents, options, refusal, texts};
use sessionary_store::{Durability, Rows, Store, StoreError, Table, check::check};
use std::path::{Path, PathBuf};

const GROUPS: u64 = 30;

/// A closed store with 30 groups of 10 entries in shard 3, its log as short as its content.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for group in 0..GROUPS {
        let words: Vec<_> = (0..10).map(|entry| format!("{group}-{entry}")).collect();
        append(&store, 3, &words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    store.close().unwrap();
    drop(open(dir.path()));
    dir
}

fn log(dir: &Path) -> PathBuf {
    dir.join("engine/0.jnl")
}

pub(crate) fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for (path, bytes) in contents(from) {
        let path = to.path().join(Path::new(&path).strip_prefix(from).unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    to
}

#[test]
fn a_flipped_bit_anywhere_in_the_log_is_refused_and_changes_nothing() {
    let dir = filled();
    let whole = std::fs::read(log(dir.path())).unwrap();
    let mut harmless = 0;
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(log(dir.path()), &flipped).unwrap();
        match Store::open(dir.path(), &options()) {
            Err(refused) => {
                assert_eq!(refused.exit_code(), 65, "byte {at}: {refused}");
                assert_eq!(std::fs::read(log(dir.path())).unwrap(), flipped, "byte {at}");
                if at % 100 == 0 {
                    assert_eq!(check(dir.path()).findings[0].what, refused.to_string());
                }
            }
            // The last batch's sequence number, a little higher than it was.
            Ok(store) => {
                assert_eq!(texts(&store, 3, 1).len(), 300, "byte {at}");
                harmless += 1;
            }
        }
    }
    assert!(harmless <= 2, "{harmless}");
    std::fs::write(log(dir.path()), &whole).unwrap();
    assert_eq!(texts(&open(dir.path()), 3, 1).len(), 300);
}

#[test]
fn the_refusal_names_the_positions_that_are_lost() {
    let dir = filled();
    let mut bytes = std::fs::read(log(dir.path())).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(log(dir.path()), bytes).unwrap();
    let refused = refusal(dir.path()).to_string();
    assert!(refused.starts_with("the engine's log 0.jnl is damaged: from byte "), "{refused}");
    assert!(refused.contains(" shard 3 positions ") && refused.contains(" to 300, "), "{refused}");

    // What is whole can still be read, and the store goes on refusing to be written.
    let (store, refusals) = Store::open_read_only(dir.path(), &options()).unwrap();
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    let StoreError::WatermarkAhead { missing } = &refusals[1] else { panic!("{refusals:?}") };
    let rescued = texts(&store, 3, 1).len();
    assert!((50..250).contains(&rescued), "{rescued}");
    assert!(missing.starts_with(&format!("shard 3 positions {} to 300", rescued + 1)), "{missing}");
    drop(store);
    assert!(dir.path().join("engine/0.jnl.damaged").exists());
    let refused = refusal(dir.path());
    assert!(matches!(refused, StoreError::WatermarkAhead { .. }), "{refused}");
}

#[test]
fn a_log_that_is_shorter_or_gone_is_refused() {
    let dir = filled();
    let whole = std::fs::read(log(dir.path())).unwrap();
    for length in [0, 1, whole.len() / 3, whole.len() - 1] {
        let copy = copy(dir.path());
        std::fs::write(log(copy.path()), &whole[..length]).unwrap();
        let refused = refusal(copy.path());
        assert_eq!(refused.exit_code(), 65, "length {length}: {refused}");
    }
    for gone in ["engine/0.jnl", "engine/version", "watermark", "manifest.json"] {
        let copy = copy(dir.path());
        std::fs::remove_file(copy.path().join(gone)).unwrap();
        let refused = refusal(copy.path());
        assert_eq!(refused.exit_code(), 65, "{gone}: {refused}");
        assert!(!check(copy.path()).is_whole(), "{gone}");
    }
}

#[test]
fn a_hole_in_the_log_is_refused_even_where_it_is_all_zero() {
    let dir = filled();
    let mut bytes = std::fs::read(log(dir.path())).unwrap();
    let whole = bytes.clone();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0);
    std::fs::write(log(dir.path()), &bytes).unwrap();
    let refused = refusal(dir.path()).to_string();
    let (_, from) = refused.split_once("from byte ").unwrap();
    let from: usize = from.split_once(',').unwrap().0.parse().unwrap();
    // Now from where a batch ends: it looks like the unused rest of a log file.
    bytes[from..].fill(0);
    std::fs::write(log(dir.path()), &bytes).unwrap();
    assert!(whole.starts_with(&bytes[..from]));
    let refused = refusal(dir.path());
    let StoreError::WatermarkAhead { missing } = &refused else { panic!("{refused}") };
    assert!(missing.contains(" to 300, commits "), "{missing}");
}

#[test]
fn synced_rows_are_guarded_as_appends_are() {
    let dir = filled();
    let before = std::fs::read(log(dir.path())).unwrap();
    let store = open(dir.path());
    let mut rows = Rows::new();
    rows.put(Table::Keys, *b"key", *b"value");
    store.write(rows.clone(), Durability::Buffered).unwrap();
    store.write(rows, Durability::Synced).unwrap();
    drop(store);
    std::fs::write(log(dir.path()), before).unwrap();
    let refused = refusal(dir.path());
    let StoreError::WatermarkAhead { missing } = &refused else { panic!("{refused}") };
    assert_eq!(missing, "commits 31 to 32");
}

#[test]
fn garbage_at_the_end_is_cut_and_nothing_is_lost() {
    let dir = filled();
    let whole = std::fs::read(log(dir.path())).unwrap();
    let begun = whole[..40].to_vec();
    for garbage in [b"garbage".to_vec(), vec![0xff; 5000], begun, [vec![0; 300], vec![9]].concat()]
    {
        std::fs::write(log(dir.path()), [whole.clone(), garbage].concat()).unwrap();
        let store = open(dir.path());
        assert_eq!(texts(&store, 3, 1).len(), 300);
        drop(store);
        assert_eq!(std::fs::read(log(dir.path())).unwrap(), whole);
    }
    assert_eq!(append(&open(dir.path()), 3, &["goes on"]), 301);
}

#[test]
fn a_write_cut_short_at_any_byte_is_there_whole_or_not_at_all() {
    let dir = filled();
    let before = std::fs::read(log(dir.path())).unwrap();
    let watermark = std::fs::read(dir.path().join("watermark")).unwrap();
    append(&open(dir.path()), 3, &["the last", "group"]);
    let after = std::fs::read(log(dir.path())).unwrap();
    // As it is when the power fails before the sync returns: nobody was told.
    std::fs::write(dir.path().join("watermark"), watermark).unwrap();
    let check = |bytes: &[u8], expected: usize| {
        let copy = copy(dir.path());
        std::fs::write(log(copy.path()), bytes).unwrap();
        assert_eq!(texts(&open(copy.path()), 3, 301).len(), expected);
    };
    for length in (before.len()..after.len()).step_by(7) {
        check(&after[..length], 0);
    }
    // Pages of one write may reach the disk out of order.
    let mut holed = after.clone();
    holed[before.len() + 20..before.len() + 60].fill(0);
    check(&holed, 0);
    check(&after, 2);
}

#[test]
fn a_damaged_watermark_or_manifest_is_refused() {
    let dir = filled();
    for file in ["watermark", "manifest.json"] {
        let path = dir.path().join(file);
        let whole = std::fs::read(&path).unwrap();
        for damaged in [vec![], whole[..whole.len() - 1].to_vec(), vec![b'x'; whole.len()]] {
            std::fs::write(&path, damaged).unwrap();
            let refused = refusal(dir.path());
            assert!(matches!(refused, StoreError::Damaged { .. }), "{file}: {refused}");
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(texts(&open(dir.path()), 3, 1).len(), 300);
}

/// The engine would take the key space for one that never was, and its rows in the log with it.
#[test]
fn a_key_space_that_is_gone_is_refused_and_nothing_is_changed() {
    let dir = filled();
    let key_spaces = std::fs::read_dir(dir.path().join("engine/keyspaces")).unwrap();
    let names: Vec<_> = key_spaces.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() > 10, "one for each table: {names:?}");
    for name in names {
        for gone in ["", "current"] {
            let damaged = copy(dir.path());
            let path = Path::new("engine/keyspaces").join(&name);
            let whole = damaged.path().join(&path);
            match gone {
                "" => std::fs::remove_dir_all(&whole).unwrap(),
                file => std::fs::remove_file(whole.join(file)).unwrap(),
            }
            let before = contents(damaged.path());
            let refused = refusal(damaged.path());
            assert_eq!(refused.exit_code(), 65, "{path:?}: {refused}");
            let words = format!("key space {}", name.to_str().unwrap());
            assert!(refused.to_string().contains(&words), "{path:?}: {refused}");
            assert_eq!(contents(damaged.path()), before, "{path:?}");
        }
    }
}
