//! Rows: atomic writes, snapshots, ordered scans.
use crate::open;
use sessionary_store::{Direction, Durability, Rows, Store, StoreError, Table};

fn put(store: &Store, pairs: &[(&str, &str)]) {
    let mut rows = Rows::new();
    for (key, value) in pairs {
        rows.put(Table::Config, *key, *value);
    }
    store.write(rows, Durability::Buffered).unwrap();
}

fn keys(scan: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>>) -> String {
    let keys: Vec<_> = scan.map(|row| String::from_utf8(row.unwrap().0).unwrap()).collect();
    keys.join(" ")
}

#[test]
fn one_key_twice_in_a_batch_keeps_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for round in 0..50_u32 {
        let mut rows = Rows::new();
        rows.delete(Table::Config, *b"k");
        rows.put(Table::Config, *b"k", *b"earlier");
        rows.put(Table::Config, *b"k", round.to_be_bytes());
        store.write(rows, Durability::Buffered).unwrap();
        assert_eq!(store.get(Table::Config, b"k").unwrap().unwrap(), round.to_be_bytes());
    }
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.get(Table::Config, b"k").unwrap().unwrap(), 49_u32.to_be_bytes());
}

#[test]
fn a_snapshot_does_not_change() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, &[("a", "1"), ("b", "1")]);
    let before = store.snapshot();
    let mut rows = Rows::new();
    rows.put(Table::Config, *b"a", *b"2");
    rows.delete(Table::Config, *b"b");
    rows.put(Table::Config, *b"c", *b"2");
    store.write(rows, Durability::Synced).unwrap();
    assert_eq!(before.get(Table::Config, b"a").unwrap().unwrap(), b"1");
    assert_eq!(keys(before.scan(Table::Config, .., Direction::Forward)), "a b");
    assert_eq!(keys(store.scan(Table::Config, .., Direction::Forward)), "a c");
    assert_eq!(store.get(Table::Config, b"b").unwrap(), None);
}

#[test]
fn scans_walk_both_ways_and_keep_their_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, &[("a", ""), ("ab", ""), ("ac", ""), ("b", ""), ("c", "")]);
    let mut other = Rows::new();
    other.put(Table::Audit, *b"aa", *b"another table");
    store.write(other, Durability::Buffered).unwrap();
    let scan = |from: &str, to: &str, direction| {
        keys(store.scan(Table::Config, from.as_bytes()..to.as_bytes(), direction))
    };
    assert_eq!(scan("ab", "c", Direction::Forward), "ab ac b");
    assert_eq!(scan("ab", "c", Direction::Backward), "b ac ab");
    assert_eq!(scan("b", "b", Direction::Forward), "");
    assert_eq!(scan("c", "a", Direction::Backward), "");
    let to_b = (std::ops::Bound::Excluded(&b"a"[..]), std::ops::Bound::Included(&b"b"[..]));
    assert_eq!(keys(store.scan(Table::Config, to_b, Direction::Forward)), "ab ac b");
    let prefix =
        |prefix: &[u8], direction| keys(store.scan_prefix(Table::Config, prefix, direction));
    assert_eq!(prefix(b"a", Direction::Forward), "a ab ac");
    assert_eq!(prefix(b"a", Direction::Backward), "ac ab a");
    assert_eq!(prefix(b"", Direction::Backward), "c b ac ab a");
    assert_eq!(prefix(b"\xff", Direction::Forward), "");
}
