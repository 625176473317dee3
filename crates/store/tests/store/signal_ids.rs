//! Runs of signal ids against a plain map.
use crate::open;
use proptest::{collection::vec, prelude::*};
use sessionary_store::{Durability, Rows, Store, StoreError, Table, check::check, signal_ids};
use std::collections::{BTreeMap, BTreeSet};

fn add(store: &Store, mut entries: Vec<(u64, u64)>) {
    entries.sort_unstable();
    let mut rows = Rows::new();
    signal_ids::add_run(&mut rows, signal_ids::next_run(store).unwrap(), entries);
    store.write(rows, Durability::Buffered).unwrap();
}

fn merge_all(store: &Store) {
    while let Some(plan) = signal_ids::merge_plan(&signal_ids::runs(store).unwrap()) {
        let number = signal_ids::next_run(store).unwrap();
        let write = |rows| store.write(rows, Durability::Buffered);
        signal_ids::merge(&store.snapshot(), &plan, number, write).unwrap();
    }
}

#[test]
fn an_id_with_more_lanes_than_a_chunk_holds_is_found_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let entries = (0..3000).map(|lane| (5, lane)).chain([(4, 1), (6, 1)]).collect();
    add(&store, entries);
    assert_eq!(signal_ids::find(&store, 5).unwrap(), (0..3000).collect::<Vec<_>>());
    assert_eq!(signal_ids::find(&store, 4).unwrap(), [1]);
    assert_eq!(signal_ids::find(&store, 7).unwrap(), [0; 0]);
}

#[test]
fn many_runs_become_few_and_a_dropped_run_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for run in 0..100 {
        add(&store, vec![(run, run)]);
        merge_all(&store);
    }
    let runs = signal_ids::runs(&store).unwrap();
    let mut tiers: Vec<_> = runs.iter().map(|run| run.tier).collect();
    tiers.sort_unstable();
    assert_eq!(tiers, [0, 0, 0, 0, 1, 1, 1, 1, 2], "100 is 144 in base 8");
    let largest = runs.iter().max_by_key(|run| run.entries).unwrap();
    assert_eq!(largest.entries, 64);
    store.write(signal_ids::drop_run(&store, largest.run).unwrap(), Durability::Buffered).unwrap();
    assert_eq!(signal_ids::find(&store, 0).unwrap(), [0; 0]);
    assert_eq!(signal_ids::find(&store, 99).unwrap(), [99]);
    let listed = signal_ids::runs(&store).unwrap().len();
    let rows = store.scan(Table::SignalIds, .., sessionary_store::Direction::Forward).count();
    assert_eq!(rows, 2 * listed, "one chunk and one line in the list each");
    drop(store);
    assert_eq!(check(dir.path()).findings, []);
}

/// Cuts a merge of a quarter of a million ids short after each of its batches in turn.
#[test]
fn a_merge_that_is_cut_short_changes_no_answer_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for run in 0..8_u64 {
        add(&store, (0..32_768).map(|id| (id * 8 + run, run)).collect());
    }
    let plan = signal_ids::merge_plan(&signal_ids::runs(&store).unwrap()).unwrap();
    let listed = signal_ids::runs(&store).unwrap();
    for batches in 0.. {
        let mut left = batches;
        let outcome = signal_ids::merge(&store.snapshot(), &plan, 8, |rows| {
            assert!(rows.bytes() < 2 << 20, "{} bytes in one batch", rows.bytes());
            left =
                i32::checked_sub(left, 1).filter(|left| *left >= 0).ok_or(StoreError::Reopening)?;
            store.write(rows, Durability::Buffered)
        });
        for key in [0, 9, 131_074, 262_143] {
            assert_eq!(signal_ids::find(&store, key).unwrap(), [key % 8]);
        }
        if outcome.is_ok() {
            assert!(batches > 3, "{batches} batches are no test");
            break;
        }
        assert_eq!(signal_ids::runs(&store).unwrap(), listed);
        store.write(signal_ids::unlisted(&store).unwrap(), Durability::Buffered).unwrap();
        assert_eq!(signal_ids::unlisted(&store).unwrap(), Rows::new());
    }
    let runs = signal_ids::runs(&store).unwrap();
    assert_eq!(runs.iter().map(|run| (run.run, run.entries)).collect::<Vec<_>>(), [(8, 262_144)]);
    let rows = store.scan(Table::SignalIds, .., sessionary_store::Direction::Forward).count();
    assert_eq!(rows, 256 + 1, "its chunks and its line in the list");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn runs_answer_as_a_map_does(
        runs in vec(vec((prop_oneof![0_u64..20, any::<u64>()], 0_u64..50), 0..1500), 1..20),
        strangers in vec(any::<u64>(), 0..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut map: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for run in runs {
            for (key, lane) in &run {
                map.entry(*key).or_default().insert(*lane);
            }
            add(&store, run);
            merge_all(&store);
        }
        let snapshot = store.snapshot();
        for key in map.keys().take(200).chain(&strangers).copied().chain([0, u64::MAX]) {
            let expected: Vec<_> = map.get(&key).into_iter().flatten().copied().collect();
            prop_assert_eq!(signal_ids::find(&snapshot, key).unwrap(), expected);
        }
    }
}
