//! Sessions and timers: the boundaries of every plain lane, and each end exactly once.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use super::signals::Found;
use crate::{
    interrupt,
    json::at,
    load::Load,
    reader::Reader,
    sessioniser::{self, Fact, Stretch},
    stopwatch::Stopwatch,
    traffic::{GAP_MS, Lane, SETTLE_MS, SignalName, millis},
    verdict::{Finding, Verdict},
};

/// After the last signal, every session is final within this; a start may have to catch up first.
const FINAL_MAX: Duration = Duration::from_secs(40);

/// Every session, once all are final.
///
/// # Errors
/// A page cannot be read.
pub fn settled(reader: &Reader, verdict: &mut Verdict) -> anyhow::Result<Vec<Value>> {
    let watch = Stopwatch::start();
    loop {
        let sessions = reader.all("/v1/sessions")?;
        if are_final(&sessions) {
            return Ok(sessions);
        }
        if watch.is_past(FINAL_MAX) {
            for session in sessions.iter().filter(|session| !is_final(session)) {
                let (id, status) = (at(session, "/id"), at(session, "/status"));
                let secs = FINAL_MAX.as_secs();
                verdict.find(Finding::Timer, format!("session {id} is {status} after {secs} s"));
            }
            return Ok(sessions);
        }
        interrupt::check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether the timers of all these sessions have fired.
pub fn are_final(sessions: &[Value]) -> bool {
    sessions.iter().all(is_final)
}

fn is_final(session: &Value) -> bool {
    matches!(at(session, "/status").as_str(), Some("final" | "amended" | "merged"))
}

/// Compares every session with what the harness knows of it.
pub(super) fn compare(sessions: &[Value], found: &Found, load: &Load, verdict: &mut Verdict) {
    let mut ids = BTreeSet::new();
    let mut of_lane: BTreeMap<String, Vec<Stretch>> = BTreeMap::new();
    for session in sessions {
        if !ids.insert(at(session, "/id").as_str().unwrap_or_default()) {
            verdict
                .find(Finding::Session, format!("session {} is listed twice", at(session, "/id")));
        }
        for identity in at(session, "/identities").as_array().into_iter().flatten() {
            if at(identity, "/type") == "cookie" {
                let cookie = at(identity, "/value").as_str().unwrap_or_default().to_owned();
                of_lane.entry(cookie).or_default().push(stretch(session));
            }
        }
        check_once(session, verdict);
    }
    let facts: u64 = sessions.iter().map(|session| number(session, "event_count")).sum();
    let notes: u64 = sessions.iter().map(|session| number(session, "note_count")).sum();
    if facts + notes != found.0.len() as u64 {
        let signals = found.0.len();
        let what = format!("sessions count {facts} facts and {notes} notes of {signals} signals");
        verdict.find(Finding::Session, what);
    }
    for (lane, facts) in lanes(found, load) {
        let expected = sessioniser::sessions(facts);
        let mut got = of_lane.remove(&lane).unwrap_or_default();
        got.sort();
        if got != expected {
            let differs = got.iter().zip(&expected).find(|(got, expected)| got != expected);
            let (got, expected) = (got.len(), expected.len());
            let what = format!("{lane}: {got} sessions for {expected}, first other: {differs:?}");
            verdict.find(Finding::Session, what);
        }
    }
}

/// The facts of each lane that the sessioniser understands.
fn lanes(found: &Found, load: &Load) -> BTreeMap<String, Vec<Fact>> {
    let mut lanes: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
    let batches: BTreeSet<_> = found.0.keys().map(|name| name.batch).collect();
    for batch in batches {
        for (item, sent) in (0..).zip(load.traffic.batch(batch)) {
            let name = SignalName { batch, item };
            let (Lane::Once(lane) | Lane::Plain(lane)) = sent.lane else { continue };
            if found.0.contains_key(&name) {
                let fact = Fact { at_ms: sent.at_ms, id: name.id(), ends: sent.ends };
                lanes.entry(lane).or_default().push(fact);
            }
        }
    }
    lanes
}

/// A session of which everything came at once: one revision, and no timer before its time.
fn check_once(session: &Value, verdict: &mut Verdict) {
    let identity = at(session, "/identities/0/value");
    if !identity.as_str().is_some_and(|cookie| cookie.starts_with("once-")) {
        return;
    }
    let id = at(session, "/id");
    let revision = number(session, "revision");
    if at(session, "/status") == "final" && revision != 1 || at(session, "/status") == "amended" {
        verdict
            .find(Finding::Timer, format!("session {id} came at once and has revision {revision}"));
    }
    let instant = |member: &str| millis(session.get(member).unwrap_or(&Value::Null)).unwrap_or(0);
    let (received, closed, cut) =
        (instant("last_received_at"), instant("closed_at"), instant("final_at"));
    if is_final(session) && (closed < received + GAP_MS || cut < closed + SETTLE_MS) {
        let what = format!("session {id}: received {received}, closed {closed}, final {cut}");
        verdict.find(Finding::Timer, what);
    }
}

fn stretch(session: &Value) -> Stretch {
    Stretch {
        started_ms: millis(at(session, "/started_at")).unwrap_or(0),
        ended_ms: millis(at(session, "/ended_at")).unwrap_or(0),
        facts: number(session, "event_count"),
    }
}

fn number(session: &Value, member: &str) -> u64 {
    session.get(member).and_then(Value::as_u64).unwrap_or(0)
}
