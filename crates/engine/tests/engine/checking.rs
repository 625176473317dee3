//! The check finds nothing in what was folded, and finds what was changed behind its back.
use sessionary_core::{
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    signal::{ClaimBody, Signal},
};
use sessionary_engine::{
    ShardConfig,
    check::{FoldReport, check},
};
use sessionary_store::{Direction, Durability, Options, Rows, Store, Table};

use crate::harness::{config, minute, signal, start, submit};

fn store(dir: &std::path::Path) -> Store {
    let options =
        Options { cache_bytes: 16 << 20, max_journaling_bytes: 64 << 20, min_free_bytes: Some(0) };
    Store::open(dir, &options).unwrap()
}

pub(crate) fn report(dir: &std::path::Path) -> FoldReport {
    check(&store(dir)).unwrap()
}

fn visits(n: usize) -> Vec<Signal> {
    let visit = |n: usize| {
        let at = i64::try_from((n * 7_919) % 600).unwrap();
        let mut visit = signal(&format!("s{n}"), "page_viewed", &minute(at));
        visit.identities = vec![Identity::new("cookie", &format!("c{}", n % 7))];
        if n.is_multiple_of(11) {
            visit.identities.push(Identity::new("user_id", &format!("u{}", n % 3)));
        }
        if n.is_multiple_of(13) {
            visit.kind = "experiment_viewed".into();
        }
        visit
    };
    (0..n).map(visit).collect()
}

#[test]
fn what_was_folded_in_any_way_is_whole() {
    let rewriting = ShardConfig {
        rewrite_beyond_bytes: 0,
        lake: true,
        checkpoint_signals: 50,
        hot_bytes: 8_000,
        ..config()
    };
    for config in [config(), rewriting] {
        let dir = tempfile::tempdir().unwrap();
        let engine = start(dir.path(), config);
        for batch in visits(300).chunks(17) {
            submit(&engine, batch.to_vec());
        }
        engine.shutdown();
        drop(engine);
        let report = report(dir.path());
        assert!(report.is_whole(), "{:?}", report.findings);
        assert_eq!((report.lanes, report.beyond_retention), (7, 0));
        assert!(report.refolded > 20, "{report:?}");
    }
}

#[test]
fn an_outcome_that_was_placed_is_part_of_the_fold() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let phone = || Identity::new("phone", "+16195550108");
    let mut visit = signal("a", "page_viewed", &minute(0));
    visit.identities.push(phone());
    let id = submit(&engine, vec![visit]).verdicts[0].session;
    let claim = ClaimBody { code: 10, author: Author::Business, policy: ClaimPolicy::Last };
    let outcome = Signal {
        claim: Some(claim),
        channel: None,
        identities: vec![phone()],
        ..signal("o", "disposition_posted", &minute(2))
    };
    submit(&engine, vec![outcome]);
    crate::harness::wait_for(&engine, id, "settling");
    engine.shutdown();
    drop(engine);
    let report = report(dir.path());
    assert!(report.is_whole(), "{:?}", report.findings);
    assert_eq!((report.sessions, report.refolded), (2, 1), "the other is a redirect");
}

#[test]
fn a_session_that_lost_a_signal_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let of = |cookie: &str, key: &str| {
        let identities = vec![Identity::new("cookie", cookie)];
        Signal { identities, ..signal(key, "page_viewed", &minute(0)) }
    };
    submit(&engine, vec![of("c1", "a"), of("c1", "b"), of("c2", "c")]);
    engine.shutdown();
    drop(engine);
    let opened = store(dir.path());
    let rows: Vec<_> = opened.scan(Table::Sessions, .., Direction::Forward).collect();
    let [Ok(one), Ok(other)] = &rows[..] else { panic!("two sessions") };
    let mut swapped = Rows::new();
    swapped.put(Table::Sessions, one.0.clone(), with_references_of(&one.1, &other.1));
    opened.write(swapped, Durability::Synced).unwrap();
    drop((opened, rows));
    let report = report(dir.path());
    assert_eq!(report.finding_count, 2, "{:?}", report.findings);
    assert!(report.findings[0].contains("is not the fold of its"), "{:?}", report.findings);
}

/// A session's row with the references (`m`) of another's.
fn with_references_of(row: &[u8], other: &[u8]) -> Vec<u8> {
    // The references are the last member of the row.
    let references =
        |row: &[u8]| row.windows(3).rposition(|part| part == [0xa1, b'm', 0xc4]).unwrap();
    [&row[..references(row)], &other[references(other)..]].concat()
}
