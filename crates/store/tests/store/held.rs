//! Rows held in memory while the disk has no room.
use crate::{append, header, open};
use sessionary_store::{Direction, Durability, Entry, Rows, Store, StoreError, Table};

/// What a scan shows, as text.
fn shown(store: &Store, direction: Direction) -> Vec<String> {
    let rows = store.scan_prefix(Table::Records, b"k", direction).map(Result::unwrap);
    rows.map(|(key, value)| String::from_utf8([key, value].concat()).unwrap()).collect()
}

fn rows(of: &[(&str, Option<&str>)]) -> Rows {
    let mut rows = Rows::new();
    for (key, value) in of {
        match value {
            Some(value) => rows.put(Table::Records, *key, *value),
            None => rows.delete(Table::Records, *key),
        }
    }
    rows
}

#[test]
fn held_writes_are_read_and_forgotten_and_leave_the_disk_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 0, &["before"]);
    let first = rows(&[("k2", Some("a")), ("k4", Some("b")), ("k6", Some("c"))]);
    store.write(first, Durability::Synced).unwrap();
    store.hold_writes();
    let before = store.snapshot();
    let held = [("k1", Some("d")), ("k2", None), ("k4", Some("e")), ("k9", Some("f"))];
    store.write(rows(&held), Durability::Buffered).unwrap();
    let forward = ["k1d", "k4e", "k6c", "k9f"];
    assert_eq!(shown(&store, Direction::Forward), forward);
    let mut backward = forward;
    backward.reverse();
    assert_eq!(shown(&store, Direction::Backward), backward);
    assert_eq!(store.get(Table::Records, b"k2").unwrap(), None);
    assert_eq!(store.get(Table::Records, b"k4").unwrap(), Some(b"e".to_vec()));
    assert_eq!(before.get(Table::Records, b"k4").unwrap(), Some(b"b".to_vec()), "of its moment");
    assert_eq!(before.scan_prefix(Table::Records, b"k", Direction::Forward).count(), 3);
    drop(before);

    let refused = |outcome: Result<(), StoreError>| {
        assert!(matches!(outcome, Err(StoreError::NoSpace { .. })), "{outcome:?}");
    };
    refused(store.write(rows(&[("k7", Some("g"))]), Durability::Synced));
    let entry = Entry { partition: 0, bytes: b"refused" };
    refused(store.append(0, &header(1), &[entry], Rows::new()).map(drop));
    refused(store.trim(0, 2));
    assert!(!store.is_poisoned());

    store.reopen().unwrap();
    assert_eq!(shown(&store, Direction::Forward), ["k2a", "k4b", "k6c"]);
    assert_eq!(append(&store, 0, &["after"]), 2);
}

/// Whatever merges wait in a store that was opened so, nothing on the disk changes.
#[test]
fn a_store_that_was_opened_holding_writes_nothing_and_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for _ in 0..9 {
        append(&store, 0, &["kept"]);
        store.write(rows(&[("k2", Some("a"))]), Durability::Synced).unwrap();
        store.tidy().unwrap();
    }
    store.reopen_holding().unwrap();
    assert!(store.holds_writes());
    let before = names_below(dir.path());
    store.write(rows(&[("k1", Some("b"))]), Durability::Buffered).unwrap();
    assert_eq!(shown(&store, Direction::Forward), ["k1b", "k2a"]);
    assert!(matches!(store.tidy(), Err(StoreError::NoSpace { .. })));
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(names_below(dir.path()), before, "no thread merges");

    store.reopen().unwrap();
    assert_eq!(shown(&store, Direction::Forward), ["k2a"]);
    assert_eq!(append(&store, 0, &["after"]), 10);
}

/// The names of all files, in order.
fn names_below(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            names.extend(names_below(&entry.path()));
        } else {
            names.push(entry.path());
        }
    }
    names.sort();
    names
}
