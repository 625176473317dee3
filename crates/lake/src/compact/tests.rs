//! Any spread of revisions over files becomes one row a session, that of the highest revision.
use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use sessionary_core::{id::SessionId, lane::HashSecret, signal::TenantId};

use super::*;
use crate::{
    export::{Export, Owner},
    layout::Appending,
    tables::{Table, TableRows},
};

const OWNER: Owner<'_> = Owner { name: "shop", number: TenantId(1) };

fn id(n: u16) -> SessionId {
    SessionId::parse(&format!("0198c1f2-{n:04x}-7000-8000-000000000001")).unwrap()
}

/// Writes a file with these sessions, as the lake appends them.
fn append(files: &LakeFiles, number: u64, sessions: &BTreeMap<(u16, u32), u32>) -> Vec<Written> {
    let mut export = Export::numbered(Arc::clone(files.place()), HashSecret([7; 32]), number);
    for ((session, revision), views) in sessions {
        let record = serde_json::json!({
            "id": id(*session).to_string(), "revision": revision, "pageview_count": views,
        });
        export.push(OWNER, id(*session), &record).unwrap();
    }
    export.finish().unwrap()
}

/// Of each row of these files: id, revision, pages.
fn read(files: &LakeFiles, written: &[Written]) -> Vec<(String, i64, i64)> {
    let mut rows = Vec::new();
    for one in written {
        for batch in batches(files, one) {
            let number = |name: &str| batch.column_by_name(name).unwrap().clone();
            let (revisions, views) = (number("revision"), number("pageview_count"));
            let ids = batch.column_by_name("id").unwrap().as_string::<i32>();
            let (revisions, views) =
                (revisions.as_primitive::<Int64Type>(), views.as_primitive::<Int64Type>());
            for row in 0..batch.num_rows() {
                rows.push((ids.value(row).to_owned(), revisions.value(row), views.value(row)));
            }
        }
    }
    rows
}

fn batches(files: &LakeFiles, written: &Written) -> Vec<RecordBatch> {
    let opened = files.open(&written.name, written.bytes).unwrap();
    let listed = Listed { name: written.name.clone(), bytes: written.bytes };
    let fetched = files.place().fetch(&listed).unwrap();
    opened.must_be_whole(&fetched).unwrap();
    opened.of(&fetched).unwrap().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_highest_revision_of_each_session_is_left(
        drawn in vec(vec((0_u16..40, 1_u32..5), 1..60), 1..6),
    ) {
        let root = tempfile::tempdir().unwrap();
        let files = LakeFiles::folder(root.path());
        let mut expected: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (number, sessions) in (1..).zip(&drawn) {
            // What a revision says is the same wherever it lies.
            let rows: BTreeMap<(u16, u32), u32> = sessions
                .iter()
                .map(|(session, revision)| ((*session, *revision), u32::from(*session) * 10 + revision))
                .collect();
            for ((session, revision), views) in &rows {
                let row = (i64::from(*revision), i64::from(*views));
                let best = expected.entry(id(*session).to_string()).or_insert(row);
                *best = (*best).max(row);
            }
            append(&files, number, &rows);
        }
        let inputs = files.place().list("sessions/tenant=shop/dt=2025-08-19").unwrap();
        prop_assert_eq!(inputs.len(), drawn.len());
        let written = compact(&files, LakeTable::Sessions, &inputs, 99).unwrap();
        let expected: Vec<_> =
            expected.into_iter().map(|(id, (revision, views))| (id, revision, views)).collect();
        prop_assert_eq!(&read(&files, &written), &expected);
        // Done again from the same inputs, it gives the same; so does its own outcome.
        prop_assert_eq!(&compact(&files, LakeTable::Sessions, &inputs, 99).unwrap(), &written);
        let of_output = |one: &Written| Listed { name: one.name.clone(), bytes: one.bytes };
        let outputs: Vec<Listed> = written.iter().map(of_output).collect();
        let again = compact(&files, LakeTable::Sessions, &outputs, 100).unwrap();
        prop_assert_eq!(read(&files, &again), expected);
    }
}

/// Rows of many batches, of which each file has its part.
#[test]
fn files_of_many_batches_are_merged_in_order() {
    let root = tempfile::tempdir().unwrap();
    let files = LakeFiles::folder(root.path());
    for number in 0..3_u64 {
        let mine = (0..40_000_u16).filter(|n| u64::from(n % 3) == number || n % 7 == 0);
        let rows = mine.map(|n| ((n, 1 + u32::try_from(number).unwrap()), u32::from(n)));
        append(&files, number, &rows.collect());
    }
    let inputs = files.place().list("sessions/tenant=shop/dt=2025-08-19").unwrap();
    let written = compact(&files, LakeTable::Sessions, &inputs, 7).unwrap();
    assert_eq!(written.iter().map(|one| one.rows).sum::<u64>(), 40_000);
    let rows = read(&files, &written[..1]);
    assert_eq!(rows.len(), 40_000);
    assert!(rows.is_sorted());
    assert!(rows.iter().zip(0..).all(|((_, revision, views), n)| {
        let highest = if n % 7 == 0 { 3 } else { 1 + n % 3 };
        (*revision, *views) == (highest, n)
    }));
}

#[test]
fn a_folder_that_is_not_there_has_no_files_and_nothing_comes_of_nothing() {
    let root = tempfile::tempdir().unwrap();
    let files = LakeFiles::folder(&root.path().join("nowhere"));
    assert_eq!(files.place().list("sessions").unwrap(), []);
    assert_eq!(compact(&files, LakeTable::Sessions, &[], 1).unwrap(), []);
}

/// A signal of a session, as of a revision of it.
fn signals(files: &LakeFiles, number: u64, rows: &[(u16, u32, &str)]) {
    let day = "tenant=shop/dt=2025-08-19";
    let mut file = Appending::new(LakeTable::Signals, Arc::clone(files.place()), day, number);
    let mut grown = TableRows::new(Table::Signals);
    for (session, revision, key) in rows {
        let row = serde_json::json!({
            "session_id": id(*session).to_string(), "session_revision": revision, "key": key,
        });
        grown.push(row.as_object().unwrap()).unwrap();
    }
    file.write(&grown.finish().unwrap()).unwrap();
    file.finish().unwrap();
}

#[test]
fn of_each_session_the_signals_of_one_revision_are_left() {
    let root = tempfile::tempdir().unwrap();
    let files = LakeFiles::folder(root.path());
    signals(&files, 1, &[(1, 1, "a"), (1, 1, "b"), (2, 1, "c")]);
    signals(&files, 2, &[(1, 2, "a"), (1, 2, "b"), (1, 2, "late"), (3, 1, "d")]);
    // The same once more, as history beside the queue may bring it.
    signals(&files, 3, &[(2, 1, "c"), (3, 1, "d")]);
    let inputs = files.place().list("signals/tenant=shop/dt=2025-08-19").unwrap();
    let written = compact(&files, LakeTable::Signals, &inputs, 9).unwrap();
    let mut keys = Vec::new();
    for batch in batches(&files, &written[0]) {
        let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        let (sessions, signals) = (text("session_id"), text("key"));
        let rows = sessions.iter().zip(signals.iter());
        keys.extend(
            rows.map(|(session, key)| (session.unwrap().to_owned(), key.unwrap().to_owned())),
        );
    }
    let row = |n: u16, key: &str| (id(n).to_string(), key.to_owned());
    assert_eq!(keys, [row(1, "a"), row(1, "b"), row(1, "late"), row(2, "c"), row(3, "d")]);
}
