//! Append, replay, read by position, trim.
use crate::{append, header, open, texts};
use proptest::{collection::vec, prelude::*};
use sessionary_store::{Entry, Rows, StoreError, Table};

#[test]
fn a_group_comes_back_as_it_was_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!((store.first_position(4), store.next_position(4)), (1, 1));
    let entries = [Entry { partition: 1, bytes: b"a" }, Entry { partition: 2, bytes: b"" }];
    let mut rows = Rows::new();
    rows.put(Table::Quarantine, *b"q", *b"with the group");
    assert_eq!(store.append(4, &header(-9), &entries, rows).unwrap(), 1);
    assert_eq!(append(&store, 4, &[]), 3);
    assert_eq!(append(&store, 4, &["c"]), 4);
    assert_eq!(append(&store, 5, &["other shard"]), 1);
    store.close().unwrap();

    let store = open(dir.path());
    let blocks: Vec<_> = store.replay(4, 0).map(Result::unwrap).collect();
    assert_eq!(blocks.iter().map(|block| block.first).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(blocks.iter().map(|block| block.entries.len()).collect::<Vec<_>>(), [2, 0, 1]);
    assert_eq!(blocks[0].header, header(-9));
    assert_eq!((blocks[0].entries[1].partition, blocks[0].bytes), (2, 2 + 2 + 1));
    assert_eq!(store.get(Table::Quarantine, b"q").unwrap().unwrap(), b"with the group");
    assert_eq!(store.next_position(4), 5);
    assert_eq!(texts(&store, 5, 1), ["other shard"]);
}

#[test]
fn replay_begins_with_the_group_that_holds_the_position() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 0, &["before"]);
    let long = vec!["x"; 300];
    append(&store, 0, &long);
    append(&store, 0, &["after"]);
    for from in [2, 3, 129, 130, 301] {
        let lengths: Vec<_> =
            store.replay(0, from).map(|block| block.unwrap().entries.len()).collect();
        assert_eq!(lengths, [300, 1], "from {from}");
    }
    assert_eq!(texts(&store, 0, 302), ["after"]);
    assert!(texts(&store, 0, 303).is_empty());
    assert!(texts(&store, 1, 1).is_empty());
}

#[test]
fn entries_are_read_by_position() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let words: Vec<_> = (1..=400).map(|number| number.to_string()).collect();
    append(&store, 9, &words.iter().map(String::as_str).collect::<Vec<_>>());
    append(&store, 9, &[]);
    let read = |positions: &[u64]| -> Vec<Option<String>> {
        let entries = store.read_entries(9, positions).unwrap();
        entries.into_iter().map(|entry| Some(String::from_utf8(entry?).unwrap())).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    for _cold_then_cached in 0..2 {
        let found = read(&[400, 1, 128, 129, 1, 0, 401, 402, u64::MAX]);
        let numbers = [some("400"), some("1"), some("128"), some("129"), some("1")];
        assert_eq!(found, [&numbers[..], &[None, None, None, None]].concat());
    }
}

#[test]
fn trimming_deletes_whole_groups_below_a_position() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 0, &["1", "2", "3"]);
    append(&store, 0, &vec!["x"; 200]);
    append(&store, 0, &["204"]);
    store.read_entries(0, &[1, 2]).unwrap();
    store.trim(0, 3).unwrap();
    assert_eq!(store.first_position(0), 1, "3 is in the first group");
    store.trim(0, 4).unwrap();
    assert_eq!(store.first_position(0), 4);
    assert_eq!(store.read_entries(0, &[1, 4]).unwrap(), [None, Some(b"x".to_vec())]);
    store.trim(0, 203).unwrap();
    assert_eq!(texts(&store, 0, 1).len(), 201, "203 is in the second group");
    drop(store);
    let store = open(dir.path());
    assert_eq!((store.first_position(0), store.next_position(0)), (4, 205));
    store.trim(0, u64::MAX).unwrap();
    assert_eq!((store.first_position(0), store.next_position(0)), (205, 205));
    store.close().unwrap();
    let store = open(dir.path());
    assert!(texts(&store, 0, 1).is_empty());
    assert_eq!(append(&store, 0, &["positions are never used twice"]), 205);
    assert_eq!(texts(&store, 0, 1).len(), 1);
}

#[test]
fn what_no_row_or_block_can_hold_is_refused_and_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for key in [vec![], vec![0; 65_536]] {
        let mut rows = Rows::new();
        rows.put(Table::Config, key, *b"");
        let refused = store.append(0, &header(0), &[], rows).unwrap_err();
        assert!(matches!(refused, StoreError::Unstorable { .. }), "{refused}");
    }
    let large = vec![0; sessionary_store::ENTRY_BYTES_MAX + 1];
    let entry = Entry { partition: 0, bytes: &large };
    let refused = store.append(0, &header(0), &[entry], Rows::new()).unwrap_err();
    assert!(matches!(refused, StoreError::Unstorable { .. }), "{refused}");
    assert_eq!(append(&store, 0, &["still open"]), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn what_was_appended_is_replayed(
        groups in vec((0_u8..3, vec((any::<u8>(), vec(any::<u8>(), 0..40)), 0..300)), 1..12),
        restart_after in 0_usize..12,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let mut expected = vec![Vec::new(); 3];
        for (number, (shard, group)) in groups.iter().enumerate() {
            if number == restart_after {
                drop(store);
                store = open(dir.path());
            }
            let entries: Vec<_> =
                group.iter().map(|(partition, bytes)| Entry { partition: *partition, bytes }).collect();
            let first = store.next_position(*shard);
            let now = i64::try_from(number).unwrap();
            prop_assert_eq!(store.append(*shard, &header(now), &entries, Rows::new()).unwrap(), first);
            expected[usize::from(*shard)].push((first, now, group.clone()));
        }
        for shard in 0..3 {
            let blocks = store.replay(shard, 0).map(Result::unwrap).map(|block| {
                let entries = block.entries.into_iter().map(|entry| (entry.partition, entry.bytes));
                (block.first, block.header.now, entries.collect::<Vec<_>>())
            });
            prop_assert_eq!(blocks.collect::<Vec<_>>(), expected[usize::from(shard)].clone());
        }
    }
}
