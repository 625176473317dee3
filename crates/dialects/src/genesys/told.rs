//! An object on its way out: what there is nothing of is left out.
use serde_json::{Map, Value as Json};
use sessionary_core::{
    dictionary::field,
    signal::{FieldNumber, Fields},
    time::UnixMillis,
    value::Value,
};

#[derive(Default)]
pub(super) struct Told(Map<String, Json>);

impl Told {
    pub(super) fn put(&mut self, name: &str, value: impl Into<Json>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(super) fn put_some(&mut self, name: &str, value: Option<impl Into<Json>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    pub(super) fn date(&mut self, name: &str, at: Option<UnixMillis>) {
        self.put_some(name, at.map(|at| at.to_string()));
    }

    /// A field as our own JSON writes it.
    pub(super) fn field(&mut self, name: &str, fields: &Fields, number: FieldNumber) {
        self.put_some(name, fields.get(&number).map(Value::to_json));
    }

    pub(super) fn done(self) -> Json {
        Json::Object(self.0)
    }
}

pub(super) fn text(fields: &Fields, number: FieldNumber) -> Option<&str> {
    fields.get(&number).and_then(Value::as_text)
}

pub(super) fn number(fields: &Fields, number: FieldNumber) -> Option<u64> {
    fields.get(&number).and_then(Value::as_number)
}

pub(super) fn instant(fields: &Fields, number: FieldNumber) -> Option<UnixMillis> {
    match fields.get(&number)? {
        Value::Instant(instant) => Some(instant.at),
        _ => None,
    }
}

/// The JSON of a field that is kept whole.
pub(super) fn json(fields: &Fields, number: FieldNumber) -> Option<Json> {
    match fields.get(&number)? {
        Value::Json(raw) => Some(raw.to_json()),
        _ => None,
    }
}

pub(super) fn is_authenticated(fields: &Fields) -> bool {
    fields.get(&field::AUTHENTICATED) == Some(&Value::Flag(true))
}
