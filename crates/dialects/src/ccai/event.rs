//! A status event: one signal.
use rust_decimal::Decimal;
use sessionary_core::{
    dictionary::field,
    json::JsonText,
    signal::{FieldNumber, Signal, kind},
    time::{Instant, UnixMillis},
    value::Value,
};

use super::{
    members::Slot,
    reading::Reading,
    sheet::{Fault, Sheet},
};
use crate::{Context, identities::is_id};

/// The signal of an event.
pub(super) fn signal(reading: Reading<'_>, context: &Context<'_>) -> Result<Signal, Fault> {
    let occurred_at = occurred_at(&reading.sheet)?;
    let kind = kind_of(&reading);
    let mut signal = reading.signal(kind, context);
    let event_id = reading.sheet.text(Slot::EVENT_ID).filter(|id| is_id(id));
    let own_key = event_id.map(Into::into).or_else(|| key(&reading, occurred_at.as_ref()?));
    let said = Said::of(&reading);
    reading.tell(&mut signal, context);
    said.add(&mut signal, occurred_at.as_ref());
    signal.occurred_at = occurred_at;
    signal.key = own_key.unwrap_or_else(|| signal.derived_key());
    Ok(signal)
}

/// The same status at the same moment is the same event.
fn key(reading: &Reading<'_>, at: &Instant) -> Option<Box<str>> {
    let status = reading.status_name.as_deref()?;
    Some(format!("ccai:{}:{}:{status}:{}", reading.word(), reading.id, at.at.0).into())
}

/// When it happened: its own time, else that of the envelope, in milliseconds.
fn occurred_at(sheet: &Sheet<'_>) -> Result<Option<Instant>, Fault> {
    let send = "a time such as 2026-01-05T10:00:00.000+01:00";
    let found = [(Slot::OCCURRED_AT, "occurred_at"), (Slot::TIMESTAMP, "timestamp")];
    for (slot, name) in found {
        let Some(json) = sheet.get(slot) else { continue };
        let wrong = || Fault::wrong(name, json.get(), send);
        let text = json.plain_text().ok_or_else(wrong)?;
        return match text.parse::<i64>() {
            Ok(millis) if is_moment(millis) => Ok(Some(Instant::at(UnixMillis(millis)))),
            Ok(_) => Err(wrong()),
            Err(_) => sheet.time_of(json).map(Some).ok_or_else(wrong),
        };
    }
    Ok(None)
}

/// Milliseconds of the years 1970 to 9999, and none of the digits of a date.
fn is_moment(millis: i64) -> bool {
    (1_000_000_000..253_402_300_800_000).contains(&millis)
}

/// The kind of signal that a status says, else what the members of an event without one show.
fn kind_of(reading: &Reading<'_>) -> &'static str {
    if reading.status_name.is_some() {
        return reading.status.as_ref().map_or(kind::CALL_PROGRESSED, |status| status.kind);
    }
    let has = |slots: &[Slot]| slots.iter().any(|slot| reading.sheet.get(*slot).is_some());
    if has(&[Slot::DISPOSITIONS, Slot::DISPOSITION_CODES, Slot::RATING]) {
        return kind::SESSION_REPORTED;
    }
    if has(&[Slot::ENDS_AT]) {
        return kind::CALL_ENDED;
    }
    let has_agent = has(&[Slot::AGENT_INFO, Slot::AGENT_ID, Slot::AGENT_NAME]);
    match (has_agent, has(&[Slot::CONNECTED_AT])) {
        (true, true) => kind::CALL_ANSWERED,
        (true, false) => kind::CALL_PROGRESSED,
        _ if has(&[Slot::QUEUE_PATH_NAMES, Slot::MENU_PATH]) => kind::CALL_QUEUED,
        _ => kind::CALL_STARTED,
    }
}

/// What the status of an event says beyond its members.
struct Said {
    answered_by: Option<&'static str>,
    /// The milestone that it is.
    reached: Option<FieldNumber>,
    /// The statuses that usually follow.
    next: Option<&'static [&'static str]>,
}

impl Said {
    fn of(reading: &Reading<'_>) -> Said {
        let Some(status) = &reading.status else {
            return Said { answered_by: None, reached: None, next: None };
        };
        let reached = match status.name {
            "queued" => Some(field::QUEUED_AT),
            "assigned" => Some(field::ASSIGNED_AT),
            "connected" | "ongoing" => Some(field::CONNECTED_AT),
            "va_connected" => Some(field::VIRTUAL_AGENT_CONNECTED_AT),
            "voicemail_read" => None,
            _ if status.is_terminal() => Some(field::ENDED_AT),
            _ => None,
        };
        Said { answered_by: status.answered_by, reached, next: Some(status.next) }
    }

    fn add(self, signal: &mut Signal, at: Option<&Instant>) {
        if let Some(word) = self.answered_by {
            signal.fields.entry(field::ANSWERED_BY).or_insert_with(|| Value::Text(word.into()));
            if word == "virtual" {
                signal.fields.insert(field::VIRTUAL_AGENT, Value::Flag(true));
            }
        }
        if let (Some(number), Some(at)) = (self.reached, at) {
            signal.fields.entry(number).or_insert_with(|| Value::Instant(at.clone()));
        }
        if let Some(next) = self.next {
            let next = next.iter().map(|name| (*name).into()).collect();
            signal.fields.insert(field::SOURCE_STATUS_NEXT, Value::Texts(next));
        }
    }
}

/// Seconds, whole or not, as milliseconds.
pub(super) fn millis_of(json: JsonText<'_>) -> Option<u64> {
    let text = json.plain_text().filter(|_| !json.is_null())?;
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return seconds.checked_mul(1_000);
    }
    let seconds = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()?;
    let millis = seconds.checked_mul(Decimal::ONE_THOUSAND)?.trunc();
    u64::try_from(millis).ok()
}
