use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::forms::{ask, batches, moments, numbers, texts, truths};

/// What a row says: key, moment, id, kind, disposition, value, whether it is a bot's.
type Said = (Option<&'static str>, Option<i64>, Option<u8>, bool, Option<i64>, Option<i64>, bool);

fn parameters(gap_ms: u64) -> SessionizeParameters {
    SessionizeParameters {
        key: "who".into(),
        at: "when".into(),
        id: Some("id".into()),
        gap_ms,
        without: Some(Member::new("bot", [true])),
        counted: Some(Member::new("kind", ["view"])),
        disposition: Some("disposition".into()),
        value: Some("value".into()),
    }
}

fn columns(rows: &[Said], form: usize) -> Vec<(&'static str, ArrayRef)> {
    let ids: Vec<Option<String>> =
        rows.iter().map(|row| row.2.map(|id| format!("{id:032x}"))).collect();
    let kinds: Vec<_> = rows.iter().map(|row| Some(if row.3 { "view" } else { "other" })).collect();
    let column = |of: fn(&Said) -> Option<i64>| rows.iter().map(of).collect::<Vec<_>>();
    vec![
        ("who", texts(&rows.iter().map(|row| row.0).collect::<Vec<_>>(), form)),
        ("when", moments(&column(|row| row.1), form)),
        ("id", texts(&ids.iter().map(Option::as_deref).collect::<Vec<_>>(), form + 1)),
        ("kind", texts(&kinds, form + 3)),
        ("disposition", numbers(&column(|row| row.4), form)),
        ("value", numbers(&column(|row| row.5), form + 1)),
        ("bot", truths(&rows.iter().map(|row| row.6.then_some(true)).collect::<Vec<_>>())),
    ]
}

/// By plain loops.
fn expected(rows: &[Said], gap_ms: u64) -> Vec<Session> {
    let mut by_key: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.1.is_some() && !row.6) {
        if let Some(key) = row.0 {
            by_key.entry(key).or_default().push(row);
        }
    }
    let mut sessions = Vec::new();
    for (key, mut rows) in by_key {
        rows.sort_by_key(|row| {
            let (number, value) = (row.4.unwrap_or(0), row.5.unwrap_or(0));
            (row.1, number, row.5.is_some(), row.4.is_some(), row.3, value)
        });
        let mut ids = BTreeSet::new();
        rows.retain(|row| row.2.is_none_or(|id| ids.insert(id)));
        let mut own: Vec<Vec<&Said>> = Vec::new();
        for row in rows {
            match own.last_mut() {
                Some(open)
                    if row.1.unwrap() - open.last().unwrap().1.unwrap() <= gap_ms.cast_signed() =>
                {
                    open.push(row);
                }
                _ => own.push(vec![row]),
            }
        }
        sessions.extend(own.into_iter().map(|rows| session(key, &rows)));
    }
    sessions.sort();
    sessions
}

fn session(key: &str, rows: &[&Said]) -> Session {
    let said = rows.iter().filter(|row| row.4.is_some()).max_by_key(|row| (row.1, row.4, row.5));
    Session {
        key: Digest::of_text(key).key_bytes(),
        started_at: rows.first().unwrap().1.unwrap(),
        ended_at: rows.last().unwrap().1.unwrap(),
        events: rows.len() as u64,
        counted: rows.iter().filter(|row| row.3).count() as u64,
        disposition: said.and_then(|row| row.4),
        value: said.and_then(|row| row.5),
    }
}

fn sessions_of(rows: &[Said], gap_ms: u64, clones: usize) -> Vec<Session> {
    let operator = Sessionize::new(&parameters(gap_ms), Split::for_rows(100_000));
    let mut sessions = ask(&operator, &batches(rows, columns), clones);
    sessions.sort();
    sessions
}

fn said() -> impl Strategy<Value = Said> {
    (
        option::weighted(0.9, prop_oneof![Just("ada"), Just("bea"), Just("")]),
        option::weighted(0.95, 0_i64..40),
        option::weighted(0.8, 0_u8..12),
        any::<bool>(),
        option::weighted(0.3, -2_i64..15),
        option::weighted(0.5, -3_i64..100),
        prop::bool::weighted(0.1),
    )
}

proptest! {
    #[test]
    fn sessions_are_those_of_plain_loops(
        rows in vec(said(), 0..40), gap_ms in 0_u64..6, clones in 1_usize..4,
    ) {
        prop_assert_eq!(sessions_of(&rows, gap_ms, clones), expected(&rows, gap_ms));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in vec(said(), 0..30).prop_shuffle()) {
        let mut sorted = rows.clone();
        sorted.sort();
        prop_assert_eq!(sessions_of(&rows, 3, 2), sessions_of(&sorted, 3, 1));
    }
}

#[test]
fn a_gap_of_exactly_the_limit_goes_on() {
    let at = |at, id| (Some("ada"), Some(at), Some(id), false, None, None, false);
    assert_eq!(sessions_of(&[at(0, 1), at(5, 2)], 5, 1).len(), 1);
    assert_eq!(sessions_of(&[at(0, 1), at(6, 2)], 5, 1).len(), 2);
    // The copy at 4 would have kept the session open.
    assert_eq!(sessions_of(&[at(0, 1), at(4, 1), at(6, 2)], 5, 1).len(), 2);
    assert_eq!(sessions_of(&[], 5, 2), []);
}

#[test]
fn a_disposition_beyond_its_bits_is_refused() {
    let row: Said = (Some("ada"), Some(0), None, false, Some(1), None, false);
    let mut columns = columns(&[row], 0);
    columns[4].1 = Arc::new(Int64Array::from(vec![1_i64 << 28]));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let error = Sessionize::new(&parameters(5), Split::default()).push(&batch).unwrap_err();
    expect!["a disposition is a number of at most 28 bits"].assert_eq(&error.to_string());
}

#[test]
fn sessions_become_columns() {
    let rows = [(Some("ada"), Some(7), None, true, Some(10), None, false)];
    let batch = Session::batch(&sessions_of(&rows, 5, 1)).unwrap();
    let names: Vec<String> = batch.schema().fields().iter().map(ToString::to_string).collect();
    expect![[r#"
        Field { "key": FixedSizeBinary(12) }
        Field { "started_at": Timestamp(ms, "UTC") }
        Field { "ended_at": Timestamp(ms, "UTC") }
        Field { "events": UInt64 }
        Field { "counted": UInt64 }
        Field { "disposition": nullable Int64 }
        Field { "value": nullable Int64 }"#]]
    .assert_eq(&names.join("\n"));
    assert_eq!((batch.num_rows(), batch.column(6).null_count()), (1, 1));
    assert_eq!(Session::batch(&[]).unwrap().num_rows(), 0);
}
