//! From a signal to a finished session.
use sessionary_core::{
    dictionary::field,
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    session::Status,
    signal::{ClaimBody, Signal},
    value::Value,
};
use sessionary_engine::{
    Receipt, Submission, VerdictStatus,
    entry::{ClockEntry, Entry, MarkEntry, ReviewEntry},
};

use crate::harness::{TENANT, config, minute, quick, session, signal, start, submit, wait_for};

#[test]
fn a_signal_is_found_again_and_a_repeated_one_has_no_effect() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let first = submit(&engine, vec![signal("a", "page_viewed", &minute(0))]).verdicts[0];
    assert_eq!(first.status, VerdictStatus::Accepted);
    let again = submit(&engine, vec![signal("a", "page_viewed", &minute(0))]).verdicts[0];
    assert_eq!((again.status, again.session), (VerdictStatus::Duplicate, first.session));
    let other = submit(&engine, vec![signal("a", "page_viewed", &minute(1))]).verdicts[0];
    assert_eq!((other.status, other.session), (VerdictStatus::Conflict, first.session));

    let reader = engine.reader_blocking().unwrap();
    assert_eq!(session(&engine, first.session).content.counts.events, 1);
    let (found, _, arrival) = reader.signal(TENANT, "a").unwrap().unwrap();
    assert_eq!((found, &*arrival.signal.key), (first.session, "a"));
    assert!(reader.signal(TENANT, "b").unwrap().is_none());
    let listed = reader.signals(TENANT, 10, None).unwrap();
    assert_eq!(listed.entities.len(), 1, "a repeated and a conflicting signal are not listed");
    assert_eq!(reader.quarantine(TENANT, 10, None).unwrap().entities.len(), 1);
    engine.shutdown();
}

#[test]
fn a_request_that_brings_nothing_is_answered_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let nothing = || Submission {
        tenant: TENANT,
        signals: Vec::new(),
        received_at: None,
        quarantine: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let receipts = [engine.submit_blocking(nothing()), runtime.block_on(engine.submit(nothing()))];
    for receipt in receipts {
        let Receipt { verdicts, quarantine } = receipt.unwrap();
        assert!(verdicts.is_empty() && quarantine.is_empty());
    }
    engine.shutdown();
}

#[test]
fn twins_in_one_request_count_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let twin = || signal("a", "page_viewed", &minute(0));
    let other = signal("a", "page_viewed", &minute(5));
    let receipt = submit(&engine, vec![twin(), twin(), other]);
    let statuses: Vec<_> = receipt.verdicts.iter().map(|verdict| verdict.status).collect();
    assert_eq!(
        statuses,
        [VerdictStatus::Accepted, VerdictStatus::Duplicate, VerdictStatus::Conflict]
    );
    engine.shutdown();
}

/// A long lane has a set of what it holds. It is made in the middle of a block, when the first
/// signal comes that may be a repetition, and must have what the same block brought before that.
#[test]
fn what_comes_in_one_block_with_a_repetition_is_recognised_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let seen = |n: usize| signal(&format!("k{n}"), "page_viewed", &minute(0));
    let statuses = |signals: Vec<Signal>| -> Vec<VerdictStatus> {
        submit(&engine, signals).verdicts.iter().map(|verdict| verdict.status).collect()
    };
    submit(&engine, (0..100).map(seen).collect());
    let mixed = statuses(vec![seen(100), seen(7), seen(101)]);
    assert_eq!(mixed, [VerdictStatus::Accepted, VerdictStatus::Duplicate, VerdictStatus::Accepted]);
    assert_eq!(statuses((0..102).map(seen).collect()), [VerdictStatus::Duplicate; 102]);
    engine.shutdown();
}

#[test]
fn a_silent_session_settles_and_becomes_final_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), quick());
    let id = submit(&engine, vec![signal("a", "page_viewed", &minute(0))]).verdicts[0].session;
    let last = wait_for(&engine, id, "final");
    assert_eq!(last.envelope.revision, 1);
    let record = engine.reader_blocking().unwrap().cut_record(TENANT, id, 1).unwrap().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["disposition"]["code"], 2, "one page and nothing more is a bounce");
    assert_eq!(record["status"], "final");
    engine.shutdown();
}

#[test]
fn a_late_signal_amends_a_final_session() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), quick());
    let id = submit(&engine, vec![signal("a", "page_viewed", &minute(0))]).verdicts[0].session;
    wait_for(&engine, id, "final");
    let again = submit(&engine, vec![signal("b", "product_added", &minute(0))]).verdicts[0];
    assert_eq!(again.session, id);
    let amended = wait_for(&engine, id, "amended");
    assert_eq!(amended.envelope.revision, 2);
    engine.shutdown();
}

fn outcome(key: &str, code: u32, at: &str) -> Signal {
    let claim = ClaimBody { code, author: Author::Business, policy: ClaimPolicy::Last };
    let signal = signal(key, "disposition_posted", at);
    Signal { claim: Some(claim), channel: None, identities: Vec::new(), ..signal }
}

#[test]
fn an_outcome_by_our_own_id_goes_to_that_session_however_late() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let id = submit(&engine, vec![signal("a", "page_viewed", &minute(0))]).verdicts[0].session;
    let named = Signal { session: Some(id.to_string().into()), ..outcome("o", 10, &minute(300)) };
    assert_eq!(submit(&engine, vec![named]).verdicts[0].session, id);
    let after = session(&engine, id);
    assert_eq!(after.envelope.status, Status::Settling, "a business outcome ends the session");
    assert_eq!(after.content.claims.len(), 1);
    engine.shutdown();
}

#[test]
fn an_outcome_that_names_only_a_phone_number_is_placed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let phone = || Identity::new("phone", "+16195550108");
    let mut visit = signal("a", "page_viewed", &minute(0));
    visit.identities.push(phone());
    let id = submit(&engine, vec![visit]).verdicts[0].session;
    let homeless = Signal { identities: vec![phone()], ..outcome("o", 10, &minute(2)) };
    let own = submit(&engine, vec![homeless]).verdicts[0].session;
    assert_ne!(own, id, "the reply carries the session of its own");
    let placed = wait_for(&engine, id, "settling");
    assert_eq!(placed.content.claims.len(), 1);
    assert_eq!(session(&engine, own).envelope.id, id, "its own session is a redirect");
    engine.shutdown();
}

#[test]
fn a_marked_source_closes_at_its_mark_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), quick());
    let clock = ClockEntry {
        tenant: TENANT,
        source: "file".into(),
        clock: sessionary_core::rules::SourceClock::Mark,
    };
    engine.decide_blocking(Entry::Clock(clock)).unwrap();
    let of_file = |key, at| Signal { source: "file".into(), ..signal(key, "page_viewed", at) };
    // Backwards, in two requests: one session all the same.
    let last = submit(&engine, vec![of_file("b", "2015-05-17T10:00:00.050Z")]).verdicts[0].session;
    submit(&engine, vec![of_file("a", "2015-05-17T10:00:00.000Z")]);
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(session(&engine, last).envelope.status, Status::Open);
    let mark = MarkEntry { tenant: TENANT, source: "file".into(), through: None };
    engine.decide_blocking(Entry::Mark(mark)).unwrap();
    let done = session(&engine, last);
    assert_eq!((done.envelope.status, done.envelope.revision), (Status::Final, 1));
    assert_eq!(done.content.counts.events, 2);
    engine.shutdown();
}

#[test]
fn an_order_is_counted_once_in_a_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let order = |key: &str, cookie: &str| {
        let mut signal = signal(key, "order_completed", &minute(0));
        signal.identities = vec![Identity::new("cookie", cookie)];
        signal.fields.insert(field::ORDER_ID, Value::Text("O-1".into()));
        signal
    };
    let receipt = submit(&engine, vec![order("a", "c1"), order("b", "c2")]);
    let orders = |at: usize| session(&engine, receipt.verdicts[at].session).content.orders.len();
    assert_eq!((orders(0), orders(1)), (1, 0));
    engine.shutdown();
}

#[test]
fn a_claim_that_names_a_merged_id_goes_to_the_survivor() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let open = |key, at: i64| {
        submit(&engine, vec![signal(key, "page_viewed", &minute(at))]).verdicts[0].session
    };
    let (first, second) = (open("a", 0), open("b", 50));
    assert_ne!(first, second);
    assert_eq!(open("c", 25), first, "the third joins them, and the first id lives");
    let claim =
        || Signal { session: Some(second.to_string().into()), ..outcome("o", 10, &minute(300)) };
    assert_eq!(submit(&engine, vec![claim()]).verdicts[0].session, first);
    assert_eq!(session(&engine, second).content.claims.len(), 1, "read by either id");
    let again = submit(&engine, vec![claim()]).verdicts[0];
    assert_eq!((again.status, again.session), (VerdictStatus::Duplicate, first));
    engine.shutdown();
}

#[test]
fn a_review_cannot_send_a_session_into_itself() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let id = submit(&engine, vec![signal("a", "page_viewed", &minute(0))]).verdicts[0].session;
    let decision = ReviewEntry { tenant: TENANT, session: id, into: Some(id) };
    engine.decide_blocking(Entry::Review(decision)).unwrap();
    assert_eq!(session(&engine, id).envelope.status, Status::Open);
    engine.shutdown();
}

fn marked(engine: &sessionary_engine::Engine, source: &str) {
    let clock = ClockEntry {
        tenant: TENANT,
        source: source.into(),
        clock: sessionary_core::rules::SourceClock::Mark,
    };
    engine.decide_blocking(Entry::Clock(clock)).unwrap();
}

fn complete(engine: &sessionary_engine::Engine, source: &str) {
    let mark = MarkEntry { tenant: TENANT, source: source.into(), through: None };
    engine.decide_blocking(Entry::Mark(mark)).unwrap();
}

#[test]
fn under_a_mark_an_explicit_end_settles_until_the_mark_and_an_earlier_outcome_is_placed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), quick());
    marked(&engine, "file");
    let of_file = |signal: Signal| Signal { source: "file".into(), ..signal };
    let phone = || Identity::new("phone", "+16195550108");
    // The file is read backwards: first the outcome, which names only a number.
    let homeless =
        of_file(Signal { identities: vec![phone()], ..outcome("o", 10, "2015-05-17T10:02:00Z") });
    let own = submit(&engine, vec![homeless]).verdicts[0].session;
    let ended = of_file(signal("b", "session_ended", "2015-05-17T10:00:00.090Z"));
    let mut seen = of_file(signal("a", "page_viewed", "2015-05-17T10:00:00Z"));
    seen.identities.push(phone());
    let visit = submit(&engine, vec![ended]).verdicts[0].session;
    std::thread::sleep(std::time::Duration::from_millis(1_300));
    assert_eq!(session(&engine, visit).envelope.revision, 0, "nothing is final before the mark");
    submit(&engine, vec![seen]);
    complete(&engine, "file");
    let done = session(&engine, visit);
    assert_eq!((done.envelope.status, done.envelope.revision), (Status::Final, 1));
    assert_eq!(done.content.claims.len(), 1, "the outcome found its visit");
    assert_eq!(session(&engine, own).envelope.id, visit);
    engine.shutdown();
}

#[test]
fn a_mark_finishes_the_sessions_of_a_source_whose_clock_was_never_set() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let of_file = Signal { source: "file".into(), ..signal("a", "page_viewed", &minute(0)) };
    let id = submit(&engine, vec![of_file]).verdicts[0].session;
    complete(&engine, "file");
    assert_eq!(session(&engine, id).envelope.status, Status::Final);
    engine.shutdown();
}

#[test]
fn sessions_that_are_open_wait_by_a_clock_that_is_set_later() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), quick());
    // On a busy machine a session may be over before its source's clock is set: then another.
    let set_later = |n: usize| {
        let source = format!("file {n}");
        let key = format!("a{n}");
        let of_file = Signal {
            source: source.as_str().into(),
            identities: vec![Identity::new("cookie", &key)],
            ..signal(&key, "page_viewed", &minute(0))
        };
        let id = submit(&engine, vec![of_file]).verdicts[0].session;
        marked(&engine, &source);
        (session(&engine, id).envelope.status == Status::Open).then_some((id, source))
    };
    let (id, source) = (0..50).find_map(set_later).expect("one that is open");
    std::thread::sleep(std::time::Duration::from_millis(1_300));
    assert_eq!(session(&engine, id).envelope.status, Status::Open);
    complete(&engine, &source);
    assert_eq!(session(&engine, id).envelope.status, Status::Final);
    engine.shutdown();
}
