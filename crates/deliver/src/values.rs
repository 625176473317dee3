//! What templates can name: the parcel, its record, and what a recipe learns on its way.
use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::{parcel::Outgoing, summary};

/// What every template may name.
pub(crate) const NAMES: [&str; 14] = [
    "id",
    "event",
    "tenant",
    "session_id",
    "revision",
    "attempt",
    "hops",
    "at",
    "now",
    "date",
    "format",
    "file_name",
    "summary",
    "body",
];

/// Whether a name is one of the parcel's, or a path of the record.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || (name.contains('.') && name.split('.').all(|word| !word.is_empty()))
}

/// The values of one attempt.
pub(crate) struct Values<'a> {
    pub(crate) parcel: &'a Outgoing<'a>,
    /// What a recipe was given and has found.
    pub(crate) more: BTreeMap<String, String>,
}

impl<'a> Values<'a> {
    pub(crate) fn of(parcel: &'a Outgoing<'a>) -> Values<'a> {
        Values { parcel, more: BTreeMap::new() }
    }

    /// A value as text; objects and lists as JSON. `None` when there is none.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(value) = self.more.get(name) {
            return Some(value.into());
        }
        let parcel = self.parcel;
        Some(match name {
            "id" => parcel.id.into(),
            "event" => parcel.event.into(),
            "tenant" => parcel.tenant.to_string().into(),
            "session_id" => parcel.session_id.into(),
            "revision" => parcel.revision.to_string().into(),
            "attempt" => parcel.attempt.to_string().into(),
            "hops" => parcel.hops.to_string().into(),
            "at" => parcel.at.to_string().into(),
            "now" => parcel.now.to_string().into(),
            "date" => parcel.date().into(),
            "format" => parcel.format.into(),
            "file_name" => parcel.file_name().into(),
            "summary" => summary::of(parcel).into(),
            "body" => parcel.body.get().into(),
            // A single word is never a member of the record: recipes have names of their own.
            path if path.contains('.') => text(in_record(parcel.record, path)?)?,
            _ => return None,
        })
    }
}

/// The value at a dotted path; `record.` before it is allowed, numbers count into lists.
fn in_record<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.strip_prefix("record.").unwrap_or(path);
    path.split('.').try_fold(record, |value, word| match value {
        Value::Array(items) => items.get(word.parse::<usize>().ok()?),
        value => value.get(word),
    })
}

/// A value as text.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.into()),
        other => Some(other.to_string().into()),
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{json, value::to_raw_value};
    use sessionary_core::time::UnixMillis;

    /// A record with what tests ask for.
    pub(crate) fn sample_record() -> Value {
        json!({
            "id": "0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67",
            "external_id": "S-1",
            "status": "final",
            "type": "call",
            "channel": "voice",
            "revision": 2,
            "started_at": "2026-01-05T10:02:30.000Z",
            "ended_at": "2026-01-05T10:07:35.000Z",
            "duration_ms": 305_000,
            "person": {
                "phone": "+15550100", "email": "ada@example.com", "empty": "",
                "name": {"full": "Ada O'Neil", "last": "O'Neil\\"},
                "address": {"city": "Köln"},
            },
            "call": {"direction": "inbound", "line": "+15550199"},
            "queue": {"name": "Sales"},
            "legs": [{"kind": "agent", "agent": "a7"}],
            "disposition": {
                "code": 10, "name": "Convert", "author": "agent",
                "notes": "she said \"yes\" <ok>\nbye",
            },
            "orders": [{"order_id": "O-7", "total": "19.90", "currency": "EUR"}],
            "attributes": {"query": "1^ORactive=true", "script": "javascript:gs.log()"},
        })
    }

    /// Hands over the values of a sample parcel.
    pub(crate) fn with_sample<T>(look: impl FnOnce(&Values<'_>) -> T) -> T {
        let record = sample_record();
        with_record(&record, look)
    }

    pub(crate) fn with_record<T>(record: &Value, look: impl FnOnce(&Values<'_>) -> T) -> T {
        let body = to_raw_value(record).unwrap();
        let parcel = Outgoing {
            id: "prc_01",
            event: "session.final",
            tenant: 1,
            session_id: "0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67",
            revision: 2,
            attempt: 1,
            hops: 0,
            at: UnixMillis(1_767_607_655_000),
            now: UnixMillis(1_767_607_656_000),
            body: &body,
            record,
            format: "canonical",
            previous: None,
            superseded: false,
        };
        look(&Values::of(&parcel))
    }

    #[test]
    fn the_day_is_the_one_in_the_id() {
        assert_eq!(with_sample(|values| values.parcel.date()), "2025-06-30");
    }
}
