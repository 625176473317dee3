//! What is sent: the session as it was, without what is withheld, in the destination's format.
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};
use sessionary_core::{
    destination::Destination,
    session::{Session, Status},
};
use sessionary_dialects::{Format, View, format};

use crate::{EngineError, Reader};

/// Something to send.
#[derive(Debug)]
pub(super) struct Rendered {
    /// In the destination's format.
    pub(super) body: Box<RawValue>,
    /// Our own record, for templates.
    pub(super) record: Value,
    /// Of the record.
    pub(super) revision: u32,
    /// How often what is told here has been told before, by the count of whoever sent it back.
    pub(super) hops: u32,
}

impl Rendered {
    /// The digest of the body.
    pub(super) fn digest(&self) -> [u8; 16] {
        let whole = blake3::hash(self.body.get().as_bytes());
        let mut digest = [0; 16];
        for (to, from) in digest.iter_mut().zip(whole.as_bytes()) {
            *to = *from;
        }
        digest
    }
}

/// Why nothing could be rendered.
#[derive(Debug)]
pub(super) enum Unrendered {
    Engine(EngineError),
    Format { word: String },
}

impl From<EngineError> for Unrendered {
    fn from(error: EngineError) -> Unrendered {
        Unrendered::Engine(error)
    }
}

/// Renders a session for a destination.
pub(super) fn render(
    reader: &Reader,
    destination: &Destination,
    mut session: Session,
) -> Result<Rendered, Unrendered> {
    let format = Format::from_word(&destination.format)
        .ok_or_else(|| Unrendered::Format { word: destination.format.to_string() })?;
    let (revision, hops) = (session.envelope.revision, crate::hops::of(&session.content));
    let withheld = &destination.withheld;
    // A redirect has nothing to tell but where it leads, whatever the format.
    let is_redirect = session.envelope.status == Status::Merged;
    let mut signals = if format.needs_signals() && !is_redirect {
        reader.signals_of(&session)?
    } else {
        Vec::new()
    };
    withheld.strip(&mut session.content);
    for (_, arrival) in &mut signals {
        withheld.strip_signal(&mut arrival.signal);
    }
    let record = format::record(&session, reader.rules(), reader.now());
    let body = if is_redirect || format == Format::Canonical {
        to_raw_value(&record).unwrap_or_default()
    } else {
        let (rules, now) = (reader.rules(), reader.now());
        format.text(&View { session: &session, rules, now, signals: &signals })
    };
    let mut record = record;
    name_person(&mut record);
    Ok(Rendered { body, record, revision, hops })
}

/// Puts how a person can be reached where templates look for it, if it is known by identities alone.
fn name_person(record: &mut Value) {
    for kind in ["email", "phone"] {
        let Some(identities) = record.get("identities").and_then(Value::as_array) else { return };
        let known = identities.iter().find(|identity| identity["type"] == kind);
        let Some(value) = known.map(|identity| identity["value"].clone()) else { continue };
        let person =
            record.as_object_mut().map(|record| record.entry("person").or_insert(json!({})));
        if let Some(Value::Object(person)) = person {
            person.entry(kind).or_insert(value);
        }
    }
}
