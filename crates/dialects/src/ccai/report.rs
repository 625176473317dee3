//! A session metadata file: its milestones, and the report of the whole.
//!
//! A milestone is the same signal in every version of the file, so that a file which is posted
//! again adds nothing. The report is a signal for each version: it has the version in its key, and
//! of several the one that was changed last holds.
use serde::Deserialize;
use serde_json::value::RawValue;
use sessionary_core::{
    dictionary::field,
    signal::{Signal, kind},
    time::Instant,
    value::Value,
};

use super::{
    derived::answered_by, legs::rows, members::Slot, people::id_text, reading::Reading,
    sheet::Fault,
};
use crate::Context;

/// The signals of a file, the report last.
#[expect(clippy::unnecessary_wraps, reason = "the signature that events have as well")]
pub(super) fn signals(reading: Reading<'_>, context: &Context<'_>) -> Result<Vec<Signal>, Fault> {
    let mut signals = milestones(&reading, context);
    let ended = reading.sheet.time(Slot::ENDS_AT);
    let latest = || {
        let times = [Slot::CREATED_AT, Slot::QUEUED_AT, Slot::ASSIGNED_AT, Slot::CONNECTED_AT];
        let times = times.into_iter().filter_map(|slot| reading.sheet.time(slot));
        times.max_by_key(|instant| instant.at)
    };
    let told_at = ended.or_else(latest).map(|instant| Instant::at(instant.at));
    let updated = reading.sheet.time(Slot::UPDATED_AT);
    let version = updated.map_or(0, |instant| u64::try_from(instant.at.0).unwrap_or_default());
    let name = format!("ccai:{}:{}:report:{version:015}", reading.word(), reading.id);
    let mut report = reading.signal(kind::SESSION_REPORTED, context);
    reading.tell(&mut report, context);
    report.occurred_at = told_at;
    report.sequence = version;
    report.key = format!("{name}:{:016x}", report.body_digest()).into();
    signals.push(report);
    Ok(signals)
}

/// One step of a call, at its own time.
fn milestones(reading: &Reading<'_>, context: &Context<'_>) -> Vec<Signal> {
    let sheet = &reading.sheet;
    let mut signals = Vec::new();
    let mut add = |kind: &str, at: Option<Instant>, answered_by: Option<&str>| {
        let Some(at) = at else { return };
        let mut signal = reading.signal(kind, context);
        signal.occurred_at = Some(Instant::at(at.at));
        if let Some(word) = answered_by {
            signal.fields.insert(field::ANSWERED_BY, Value::Text(word.into()));
        }
        signal.key = signal.derived_key();
        signals.push(signal);
    };
    // A call that is booked for later does not begin when it is booked.
    let is_booked = sheet.get(Slot::SCHEDULED_AT).is_some();
    let created = if is_booked { kind::CALL_PROGRESSED } else { kind::CALL_STARTED };
    add(created, sheet.time(Slot::CREATED_AT), None);
    add(kind::CALL_QUEUED, sheet.time(Slot::QUEUED_AT), None);
    add(kind::CALL_ANSWERED, sheet.time(Slot::VA_CONNECTED_AT), Some("virtual"));
    let said = sheet.text(Slot::ANSWER_TYPE);
    let by = said.and_then(|word| answered_by(&word)).unwrap_or("human");
    add(kind::CALL_ANSWERED, sheet.time(Slot::CONNECTED_AT), Some(by));
    add(kind::CALL_ENDED, sheet.time(Slot::ENDS_AT), None);
    signals.extend(transfers(reading, context));
    signals
}

#[derive(Deserialize)]
struct Transfer<'a> {
    #[serde(borrow)]
    created_at: Option<&'a RawValue>,
    #[serde(borrow)]
    connected_at: Option<&'a RawValue>,
    #[serde(borrow)]
    to_agent: Option<&'a RawValue>,
    #[serde(borrow)]
    to_virtual_agent: Option<&'a RawValue>,
}

/// A transfer begins a leg, and who takes it answers.
fn transfers(reading: &Reading<'_>, context: &Context<'_>) -> Vec<Signal> {
    let Some(list) = reading.sheet.get(Slot::TRANSFERS) else { return Vec::new() };
    let mut signals = Vec::new();
    let mut add = |kind: &str, raw: Option<&RawValue>, agent: Option<(&str, Box<str>)>| {
        let Some(at) = raw.and_then(|raw| reading.sheet.time_of(raw.into())) else { return };
        let mut signal = reading.signal(kind, context);
        signal.occurred_at = Some(Instant::at(at.at));
        if let Some((word, id)) = agent {
            signal.fields.insert(field::ANSWERED_BY, Value::Text(word.into()));
            signal.fields.insert(field::INTEGRATION_AGENT_ID, Value::Text(id));
        }
        signal.key = signal.derived_key();
        signals.push(signal);
    };
    for row in rows::<Transfer<'_>>(list) {
        let human = row.to_agent.and_then(id_text).map(|id| ("human", id));
        let robot = || row.to_virtual_agent.and_then(id_text).map(|id| ("virtual", id));
        add(kind::CALL_TRANSFERRED, row.created_at, None);
        add(kind::CALL_ANSWERED, row.connected_at, human.or_else(robot));
    }
    signals
}
