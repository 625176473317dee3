//! A record to send, and short words for sending it.
use std::collections::BTreeMap;

use serde_json::{Value, json, value::to_raw_value};
use sessionary_core::time::UnixMillis;
use sessionary_deliver::{
    Guard, Kind, Options, Outcome, Outgoing, Previous, Secret, Settings, SettingsError, Target,
};

pub(crate) const SESSION: &str = "0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67";
/// 2026-01-05T10:07:36Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_767_607_656_000);

/// What a test may want to be different in a parcel.
#[derive(Clone)]
pub(crate) struct Parcel {
    pub(crate) id: &'static str,
    pub(crate) revision: u32,
    pub(crate) now: UnixMillis,
    pub(crate) record: Value,
    pub(crate) previous: Option<(u32, Option<String>)>,
    pub(crate) superseded: bool,
}

impl Parcel {
    pub(crate) fn new() -> Parcel {
        Parcel {
            id: "prc_01",
            revision: 1,
            now: NOW,
            record: record(1),
            previous: None,
            superseded: false,
        }
    }

    pub(crate) fn revision(revision: u32) -> Parcel {
        let id = match revision {
            1 => "prc_01",
            2 => "prc_02",
            _ => "prc_03",
        };
        Parcel { id, revision, record: record(revision), ..Parcel::new() }
    }

    pub(crate) async fn send(&self, target: &Target) -> Outcome {
        let body = to_raw_value(&self.record).unwrap();
        let previous = self.previous.as_ref();
        let outgoing = Outgoing {
            id: self.id,
            event: "session.final",
            tenant: 7,
            session_id: SESSION,
            revision: self.revision,
            attempt: 1,
            hops: 2,
            at: UnixMillis(1_767_607_655_000),
            now: self.now,
            body: &body,
            record: &self.record,
            format: "canonical",
            previous: previous
                .map(|(revision, note)| Previous { revision: *revision, note: note.as_deref() }),
            superseded: self.superseded,
        };
        target.send(&outgoing).await
    }
}

pub(crate) fn record(revision: u32) -> Value {
    json!({
        "id": SESSION,
        "external_id": "S-1",
        "type": "call",
        "channel": "voice",
        "revision": revision,
        "started_at": "2026-01-05T10:02:30.000Z",
        "person": {
            "phone": "+15550100", "email": "ada@example.com",
            "name": {"full": "Ada O'Neil", "first": "Ada", "last": "O'Neil"},
        },
        "disposition": {"code": 10, "name": "Convert", "notes": "said \"yes\"\nand bought"},
    })
}

pub(crate) fn settings(kind: Kind, url: &str, options: Value) -> Settings {
    Settings { kind, url: url.to_owned(), options: Options(as_object(options)) }
}

fn as_object(options: Value) -> serde_json::Map<String, Value> {
    match options {
        Value::Object(options) => options,
        _ => serde_json::Map::new(),
    }
}

/// Where private addresses are allowed, as tests need it.
pub(crate) fn open(kind: Kind, url: &str, options: Value, secret: Option<&str>) -> Target {
    try_open(kind, url, options, secret, &Guard::new(true)).unwrap()
}

pub(crate) fn try_open(
    kind: Kind,
    url: &str,
    options: Value,
    secret: Option<&str>,
    guard: &Guard,
) -> Result<Target, SettingsError> {
    let secret = secret.map(Secret::new);
    Target::open(&settings(kind, url, options), secret.as_ref(), guard)
}

/// `sent 204`, `retry connect`, `retry http_5xx 503 after 7 s`.
pub(crate) fn told(outcome: &Outcome) -> String {
    let (word, why, after) = match outcome {
        Outcome::Sent(sent) => {
            return match sent.status {
                Some(status) => format!("sent {status}"),
                None => "sent".to_owned(),
            };
        }
        Outcome::Retry { why, after } => ("retry", why, *after),
        Outcome::GiveUp { why } => ("give up", why, None),
        Outcome::Gone { why } => ("gone", why, None),
    };
    let status = why.status.map(|status| format!(" {status}")).unwrap_or_default();
    let after = after.map(|after| format!(" after {} s", after.as_secs())).unwrap_or_default();
    format!("{word} {}{status}{after}", why.reason)
}

/// The note of a receipt.
pub(crate) fn note(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Sent(sent) => sent.note.clone(),
        other => panic!("it was not sent: {other:?}"),
    }
}

/// The pairs of a query.
pub(crate) fn query(target: &str) -> BTreeMap<String, String> {
    let (_, query) = target.split_once('?').unwrap_or((target, ""));
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
