//! A volume of 64 to 128 MiB: used up to the watermark, below it, and full.
//!
//! The test needs such a volume, empty: `STORE_TEST_VOLUME=folder` names where it is mounted.
use crate::{append, header, noise};
use sessionary_store::{Direction, Durability, Entry, Options, Rows, Store, StoreError, Table};
use std::path::{Path, PathBuf};

const OPTIONS: Options = Options {
    cache_bytes: 8 << 20,
    max_journaling_bytes: 512 << 20,
    min_free_bytes: Some(4 << 20),
};

/// A group of 100 entries of 400 bytes that hardly compress, and rows that replace each other.
fn group(store: &Store, number: u64) -> Result<(), StoreError> {
    let texts: Vec<_> = (0..100).map(|at| noise(number * 1000 + at, 400)).collect();
    let entries: Vec<_> = texts.iter().map(|bytes| Entry { partition: 1, bytes }).collect();
    let mut rows = Rows::new();
    for at in 0..10 {
        rows.put(Table::Sessions, ((number * 10 + at) % 5000).to_be_bytes(), noise(number, 600));
    }
    store.write(rows, Durability::Buffered)?;
    store.append(0, &header(0), &entries, Rows::new()).map(drop)
}

fn count(store: &Store) -> u64 {
    store.replay(0, 0).map(|block| block.unwrap().entries.len() as u64).sum()
}

#[test]
fn a_small_volume_is_used_and_heals() {
    let Some(volume) = std::env::var_os("STORE_TEST_VOLUME").map(PathBuf::from) else { return };
    let dir = volume.join("data");
    let store = Store::open(&dir, &OPTIONS).unwrap();
    let mut groups = 0;
    while store.room().unwrap().is_left() {
        group(&store, groups).unwrap();
        groups += 1;
    }
    eprintln!("{groups} groups of 40 kB; {:?}", store.room().unwrap());
    assert!(groups > 200, "{groups}");
    assert_eq!(count(&store), groups * 100);
    below_the_watermark(&store);
    assert_eq!(count(&store), groups * 100 + 300 - (groups / 2) * 100);
    let room = store.room().unwrap();
    drop(store);
    let store = Store::open(&dir, &OPTIONS).unwrap();
    eprintln!("erased and half trimmed: {room:?}");
    // With nothing left the log cannot grow; with a little, flushing it fails.
    for left in [0, 1 << 20, 2 << 20, 3 << 20, 5 << 20] {
        full(&store, &volume, left);
    }
    drop(store);
    assert_eq!(sessionary_store::check::check(&dir).findings, []);
}

/// Erasing and trimming go on where nothing more is accepted.
fn below_the_watermark(store: &Store) {
    let half = count(store) / 200 * 100;
    for number in 0..300_u64 {
        let mut rows = Rows::new();
        for at in 0..10 {
            rows.delete(Table::Sessions, (number * 10 + at).to_be_bytes());
        }
        store.write(rows, Durability::Synced).unwrap();
        append(store, 0, &["erased"]);
    }
    store.trim(0, half + 1).unwrap();
    store.tidy().unwrap();
    let left = store.scan(Table::Sessions, .., Direction::Forward).map(Result::unwrap).count();
    assert!(left <= 2000, "{left}");
}

/// Somebody else takes all but so many bytes, and gives them back.
fn full(store: &Store, volume: &Path, left: u64) {
    let before = count(store);
    let ballast = volume.join("ballast");
    let free = store.free_bytes().unwrap().saturating_sub(left);
    let mut file = std::fs::File::create(&ballast).unwrap();
    let piece = noise(1, 64 << 10);
    let mut taken = 0;
    while taken + (64 << 10) <= free && std::io::Write::write_all(&mut file, &piece).is_ok() {
        taken += 64 << 10;
    }
    let mut more = 0;
    let error = loop {
        match group(store, 1_000_000 + more) {
            Ok(()) => more += 1,
            Err(error) => break error,
        }
    };
    eprintln!("{more} groups more on the full volume, then: {error}");
    assert_eq!(error.exit_code(), 70, "{error}");
    assert!(store.is_poisoned());
    drop(file);
    std::fs::remove_file(ballast).unwrap();
    store.reopen().unwrap();
    assert!(count(store) >= before + more * 100);
    append(store, 0, &["goes on"]);
    store.tidy().unwrap();
}
