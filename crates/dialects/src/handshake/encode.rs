//! A session as a disposition: what a partner would have sent for it.
use base64::Engine as _;
use serde_json::{Map, Value as Json, json};
use sessionary_core::{
    dictionary::{by_number, field},
    identity::Identity,
    outcome,
    signal::{Attributes, FieldNumber, Fields, Signal},
    time::{Instant, Millis, UnixMillis},
    value::{RawJson, Value},
};

use super::{parameters::unbracket, signal_types::user_signal_type};
use crate::View;

/// The parts of a session that a disposition tells.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeView<'a> {
    /// Its fields.
    pub fields: &'a Fields,
    /// Its attributes; of them only the numbered values without a row are told.
    pub attributes: Option<&'a Attributes>,
    /// The code that holds.
    pub code: Option<u32>,
    /// Its start; `None`: as the fields say.
    pub started_at: Option<UnixMillis>,
    /// Its length; `None`: as the fields say.
    pub duration: Option<Millis>,
    /// The sender's id of it, else ours.
    pub session_id: Option<&'a str>,
    /// Who it is about; fills the user signal, phone and e-mail where the fields lack them.
    pub identities: &'a [Identity],
    /// Whether fields are told that the source does not know.
    pub extensions: Extensions,
}

/// Fields with numbers of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// Left out: the 79 fields as printed, and unregistered numbers as they came.
    LeftOut,
    /// Told under their long names, for readers who are us.
    Told,
}

impl<'a> HandshakeView<'a> {
    /// What one signal says, and no more.
    pub fn of(signal: &'a Signal) -> HandshakeView<'a> {
        HandshakeView {
            fields: &signal.fields,
            attributes: Some(&signal.attributes),
            code: signal.claim.as_ref().map(|claim| claim.code),
            started_at: None,
            duration: None,
            session_id: signal.session.as_deref(),
            identities: &[],
            extensions: Extensions::Told,
        }
    }

    /// Numbered values without a row, as they came, by their path (D4).
    fn wrapped(&self) -> impl Iterator<Item = (&'a str, &'a RawJson)> {
        let all = self.attributes.into_iter().flatten().map(|(path, raw)| (&**path, raw));
        all.filter(|(path, _)| path.starts_with("Values."))
    }

    fn is_wrapped(&self, number: FieldNumber) -> bool {
        let path = format!("Values.{}", number.0);
        self.wrapped().any(|(wrapped, _)| wrapped == path)
    }

    /// Every field to tell, by number.
    fn told(&self) -> Fields {
        let mut told = self.fields.clone();
        let mut put = |number, value: Option<Value>| {
            if let Some(value) = value {
                told.insert(number, value);
            }
        };
        put(field::SESSION_START, self.started_at.map(|at| Value::Instant(Instant::at(at))));
        let duration = self.duration.map(|length| u64::try_from(length.0).unwrap_or_default());
        put(field::SESSION_DURATION, duration.map(Value::Number));
        put(field::DISPOSITION_CODE, self.code.map(u64::from).map(Value::Number));
        put(field::SESSION_ID, self.session_id.map(text));
        // Printed as required though it is not always there.
        told.entry(field::SESSION_VARIANT).or_insert_with(|| text("default"));
        self.tell_identities(&mut told);
        told.retain(|number, _| match by_number(*number) {
            Some(_) if !is_printed(*number) => self.extensions == Extensions::Told,
            _ => true,
        });
        told
    }

    fn tell_identities(&self, told: &mut Fields) {
        let find = |kind| self.identities.iter().find(|identity| &*identity.kind == kind);
        for (number, kind) in [(field::USER_PHONE, "phone"), (field::USER_EMAIL, "email")] {
            if let Some(identity) = find(kind) {
                told.entry(number).or_insert_with(|| text(as_sent(identity)));
            }
        }
        let typed = |identity: &'a Identity| Some((user_signal_type(&identity.kind)?, identity));
        if let Some((number, identity)) = self.identities.iter().find_map(typed)
            && !told.contains_key(&field::USER_SIGNAL_TYPE)
            && !told.contains_key(&field::USER_SIGNAL_VALUE)
        {
            told.insert(field::USER_SIGNAL_TYPE, Value::Number(number));
            told.insert(field::USER_SIGNAL_VALUE, text(as_sent(identity)));
        }
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn as_sent(identity: &Identity) -> &str {
    identity.original.as_ref().unwrap_or(&identity.value)
}

/// Whether the source prints the field: the numbers below ours, and the four pairs without one.
pub(crate) fn is_printed(number: FieldNumber) -> bool {
    number <= field::PROGRAM_SIGNAL_VALUE
}

/// A session as a disposition.
pub fn of_session(view: &View<'_>) -> Json {
    let (content, envelope) = (&view.session.content, &view.session.envelope);
    let started = content.started_at(view.rules);
    let identities: Vec<_> = content.identities.iter().cloned().collect();
    let own = envelope.id.to_string();
    let view = HandshakeView {
        fields: &content.fields,
        attributes: Some(&content.attributes),
        code: Some(outcome::of(content, view.rules).code),
        started_at: Some(started),
        duration: Some(content.ended_at().since(started)),
        session_id: Some(envelope.external_id.as_deref().unwrap_or(&own)),
        identities: &identities,
        extensions: Extensions::LeftOut,
    };
    Json::Object(encode(&view))
}

/// The flat form: long names, and numbers for what has no name.
pub fn encode(view: &HandshakeView<'_>) -> Map<String, Json> {
    let name = |number: FieldNumber| {
        by_number(number).map_or_else(|| number.0.to_string(), |row| row.name.to_owned())
    };
    view.told().iter().map(|(number, value)| (name(*number), flat(value))).collect()
}

fn flat(value: &Value) -> Json {
    match value {
        Value::Instant(instant) => Json::from(basic(instant.at)),
        Value::Texts(texts) => list(texts),
        Value::Json(raw) => match raw.to_json() {
            // A text that is JSON itself would be taken for it.
            Json::String(text) if serde_json::from_str::<Json>(&text).is_ok() => raw.text().into(),
            json => json,
        },
        value => value.to_json(),
    }
}

/// Divided by pipes; a list with a pipe in it as JSON, for the source knows no escape (D16).
fn list(texts: &[Box<str>]) -> Json {
    if texts.iter().any(|text| text.contains('|')) {
        return texts.iter().map(|text| Json::from(&**text)).collect();
    }
    Json::from(texts.join("|"))
}

/// ISO 8601 in basic form, to the second (D10).
fn basic(at: UnixMillis) -> String {
    seconds(at).replace(['-', ':'], "")
}

/// ISO 8601 in extended form, to the second.
pub(super) fn seconds(at: UnixMillis) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// A numbered `Action` and the query that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedForm {
    /// The body: `Action`, and beside it what has neither number nor short parameter.
    pub body: Json,
    /// The query: what has a short parameter.
    pub query: String,
}

/// The numbered form.
pub fn encode_numbered(view: &HandshakeView<'_>, action_key: &str) -> NumberedForm {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let mut values = Vec::new();
    let mut body = Map::new();
    for (number, value) in view.told() {
        let row = by_number(number);
        if row.is_none() && view.is_wrapped(number) {
            continue;
        }
        if let Some(parameter) = row.and_then(|row| row.parameter) {
            query.append_pair(parameter, &bracketed_if_need_be(value_text(&value)));
        } else if let Some(row) = row.filter(|row| row.signal_name.is_empty()) {
            body.insert(row.name.to_owned(), flat(&value));
        } else {
            values.push(numbered(number, &value));
        }
    }
    values.extend(view.wrapped().map(|(_, raw)| raw.to_json()));
    body.insert("Action".to_owned(), json!({"ActionKeyToken": action_key, "Values": values}));
    NumberedForm { body: Json::Object(body), query: query.finish() }
}

fn numbered(number: FieldNumber, value: &Value) -> Json {
    let data_type = match value {
        Value::Number(_) => 7,
        Value::Decimal(_) => 2,
        _ => 1,
    };
    let value = match value {
        Value::Texts(texts) => list(texts),
        value => Json::from(value_text(value)),
    };
    json!({
        "DataType": data_type,
        "OptionIDs": [],
        "SignalValueType": number.0,
        "UnitType": 0,
        "Value": value,
    })
}

fn value_text(value: &Value) -> String {
    match (value, flat(value)) {
        (Value::Json(raw), _) => raw.text().to_owned(),
        (_, Json::String(text)) => text,
        (_, other) => other.to_string(),
    }
}

/// A text that would be taken for base64 in brackets is sent as that.
fn bracketed_if_need_be(text: String) -> String {
    if *unbracket(text.as_str().into()) == *text {
        return text;
    }
    format!("[{}]", base64::engine::general_purpose::STANDARD.encode(text))
}
