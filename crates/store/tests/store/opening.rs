//! The lock, the manifest, read-only.
use crate::{append, open, options, refusal, texts};
use sessionary_store::{Durability, Rows, Store, StoreError, Table, check::check};
use std::{collections::BTreeMap, path::Path};

/// Every file below a directory with its bytes.
pub(crate) fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_second_open_is_refused_while_the_first_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let refused = refusal(dir.path());
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    assert_eq!(refused.exit_code(), 73);
    assert!(check(dir.path()).findings[0].what.contains("in use by another process"));
    append(&store, 0, &["the first goes on"]);
    store.close().unwrap();
    open(dir.path());
}

#[test]
fn a_newer_format_is_refused_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).close().unwrap();
    std::fs::write(dir.path().join("manifest.json"), r#"{"format":2,"more":[]}"#).unwrap();
    let before = contents(dir.path());
    let refused = refusal(dir.path());
    assert!(matches!(refused, StoreError::NewerFormat { found: 2, known: 1 }), "{refused}");
    assert_eq!(refused.exit_code(), 65);
    let Err(refused) = Store::open_read_only(dir.path(), &options()) else { panic!("it opened") };
    assert!(matches!(refused, StoreError::NewerFormat { .. }), "{refused}");
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn a_newer_format_in_an_otherwise_empty_directory_stays_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("manifest.json"), r#"{"format":2}"#).unwrap();
    refusal(dir.path());
    assert_eq!(contents(dir.path()).len(), 1);
}

#[test]
fn read_only_reads_and_never_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 0, &["kept"]);
    store.close().unwrap();
    let (store, refusals) = Store::open_read_only(dir.path(), &options()).unwrap();
    assert!(refusals.is_empty());
    assert_eq!(texts(&store, 0, 1), ["kept"]);
    let mut rows = Rows::new();
    rows.put(Table::Config, *b"k", *b"v");
    let refused = store.write(rows, Durability::Buffered).unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly), "{refused}");
    assert!(matches!(store.trim(0, 2), Err(StoreError::ReadOnly)));
    store.close().unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let refused = refusal(&dir.path().join("file/data"));
    assert_eq!(refused.exit_code(), 73, "{refused}");
    let nowhere = Store::open_read_only(&dir.path().join("none"), &options());
    assert!(matches!(nowhere, Err(StoreError::CannotCreate { .. })));
    assert!(!dir.path().join("none").exists());
}

#[test]
fn creating_that_was_cut_short_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("engine/keyspaces")).unwrap();
    std::fs::write(dir.path().join("engine/0.jnl"), [0; 100]).unwrap();
    append(&open(dir.path()), 0, &["works"]);
    std::fs::remove_file(dir.path().join("manifest.json")).unwrap();
    let refused = refusal(dir.path());
    assert!(refused.to_string().contains("manifest is damaged"), "{refused}");
}

#[test]
fn space_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 0, &["x"]);
    assert!(store.free_bytes().unwrap() > 0);
    assert!(store.disk_bytes() > 0);
    assert!(store.min_free_bytes() >= 512 << 20);
    let report = check(dir.path());
    assert!(!report.is_whole(), "it is open");
    drop(store);
    let report = check(dir.path());
    assert!(report.is_whole(), "{:?}", report.findings);
    assert_eq!((report.format, report.journal[0].entries, report.rows.len()), (Some(1), 1, 16));
}
