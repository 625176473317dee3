//! A session as the platform posts it, `{"session": {…}}`, and the results that came for it.
//!
//! A session that came from the platform is told by its own signal, to the letter of its times,
//! names and headers; any other by what is known of it, with all members of the source, and with
//! the result that the platform would have posted at its end.
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{
    Value as Json,
    value::{RawValue, to_raw_value},
};
use sessionary_core::{
    channel::Channel,
    dictionary::field,
    identity::Identity,
    session::Status,
    signal::{Attributes, Fields, Signal, kind},
    value::Value,
};

use super::{
    networks,
    result::{KIND, is_state, state_of},
    session::KEY_END,
};
use crate::View;

/// The session as a JSON value; its members are in no order of the source.
pub fn of_session(view: &View<'_>) -> Json {
    serde_json::from_str(text_of_session(view).get()).unwrap_or(Json::Null)
}

/// The session as JSON text: members in the order of the source, headers in the order they came.
pub fn text_of_session(view: &View<'_>) -> Box<RawValue> {
    let own = view.signals.iter().map(|(_, arrival)| &*arrival.signal).find(|s| is_session(s));
    let (id, foreign) = (view.session.envelope.id.to_hex(), own.is_none());
    let identities: Vec<Identity> = view.session.content.identities.iter().cloned().collect();
    let told = match own {
        Some(signal) => Told::of_signal(signal, &id),
        None => Told::of_content(view, &identities, id),
    };
    let mut whole = Members::default();
    whole.put("session", &told.session());
    if !foreign {
        told.rest(&mut whole);
    }
    let results = view.signals.iter().map(|(_, arrival)| &*arrival.signal);
    let mut results: Vec<Members> = results.filter(|s| is_result(s)).map(result).collect();
    if foreign && results.is_empty() {
        results.extend(last_result(view, &told));
    }
    if !results.is_empty() {
        whole.put("results", &results);
    }
    to_raw_value(&whole).unwrap_or_default()
}

/// The payload that one signal of the platform's was, `{"session": {…}}` or `{"result": {…}}`.
pub fn encode(signal: &Signal) -> Box<RawValue> {
    let mut whole = Members::default();
    if is_result(signal) {
        whole.put("result", &result(signal));
    } else {
        let told = Told::of_signal(signal, "");
        whole.put("session", &told.session());
        told.rest(&mut whole);
    }
    to_raw_value(&whole).unwrap_or_default()
}

/// Whether it is the signal that the platform's own session made.
fn is_session(signal: &Signal) -> bool {
    matches!(&*signal.kind, kind::CALL_STARTED | kind::SESSION_STARTED)
        && signal.key.ends_with(KEY_END)
}

fn is_result(signal: &Signal) -> bool {
    &*signal.kind == KIND
        || (signal.fields.contains_key(&field::SOURCE_STATUS) && signal.key.contains(":result:"))
}

/// What a session payload is told from.
struct Told<'a> {
    id: String,
    /// As it was spelt.
    timestamp: String,
    channel: Channel,
    fields: &'a Fields,
    /// Who the session is from, as it was sent.
    from: Option<&'a str>,
    attributes: Option<&'a Attributes>,
}

impl<'a> Told<'a> {
    fn of_signal(signal: &'a Signal, id: &str) -> Told<'a> {
        let started_at = signal.occurred_at.as_ref();
        let timestamp = started_at.map(|started_at| match &started_at.text {
            Some(text) => text.to_string(),
            None => started_at.at.to_string(),
        });
        Told {
            id: signal.session.as_deref().unwrap_or(id).to_owned(),
            timestamp: timestamp.unwrap_or_default(),
            channel: signal.channel.unwrap_or(Channel::Other),
            fields: &signal.fields,
            from: signal.identities.first().map(as_sent),
            attributes: Some(&signal.attributes),
        }
    }

    fn of_content(view: &View<'a>, identities: &'a [Identity], id: String) -> Told<'a> {
        let content = &view.session.content;
        let find = |kind| identities.iter().find(|identity| &*identity.kind == kind);
        let text = |number| content.fields.get(&number).and_then(Value::as_text);
        let by_identity = ["phone", "messaging_address", "email"].into_iter().find_map(find);
        let from = text(field::USER_PHONE).or(by_identity.map(as_sent));
        Told {
            id,
            timestamp: content.started_at(view.rules).to_string(),
            channel: content.channel_or_other(),
            fields: &content.fields,
            from: from.or(identities.first().map(as_sent)),
            attributes: None,
        }
    }

    fn text(&self, number: sessionary_core::signal::FieldNumber) -> Option<&'a str> {
        self.fields.get(&number).and_then(Value::as_text)
    }

    fn session(&self) -> Members {
        let account = match self.fields.get(&field::ACCOUNT) {
            Some(Value::Texts(accounts)) => accounts.first().map(|account| &**account),
            _ => None,
        };
        let is_voice = self.channel == Channel::Voice;
        let initial = self.text(field::INITIAL_TEXT);
        let mut session = Members::default();
        session.put("id", &self.id);
        session.put("accountId", &account.unwrap_or_default());
        session.put_some("callId", self.text(field::CALL_ID));
        session.put("timestamp", &self.timestamp);
        session.put("userType", &self.text(field::USER_TYPE).unwrap_or_default().to_uppercase());
        session.put("initialText", &if is_voice { initial } else { initial.or(Some("")) });
        session.put_some("subject", self.text(field::SUBJECT));
        let (line, name) = (self.text(field::LINE_NUMBER), self.text(field::DESTINATION_NAME));
        session.put("to", &self.party("to.", line, name));
        session.put("from", &self.party("from.", self.from, self.text(field::USER_FULL_NAME)));
        match self.fields.get(&field::SIP_HEADERS) {
            Some(Value::Json(headers)) => session.put_raw("headers", headers.text()),
            _ => session.put_raw("headers", "{}"),
        }
        for (path, raw) in self.kept() {
            if !path.starts_with("from.") && !path.starts_with("to.") {
                session.put_raw(path, raw);
            }
        }
        session
    }

    fn party(&self, end: &str, id: Option<&str>, name: Option<&str>) -> Members {
        let medium = self.text(field::MEDIUM).map(networks::network);
        let is_known = self.channel != Channel::Other || self.attributes.is_none();
        let channel = is_known.then(|| networks::channel_word(self.channel));
        let mut party = Members::default();
        party.put("id", &id.unwrap_or_default());
        party.put("name", &name.unwrap_or("unknown"));
        party.put("channel", &channel.unwrap_or_default());
        party.put("network", &medium.unwrap_or_default());
        for (member, raw) in
            self.kept().filter_map(|(path, raw)| Some((path.strip_prefix(end)?, raw)))
        {
            party.put_raw(member, raw);
        }
        party
    }

    /// What was kept of the session by its path, which goes before what the fields tell.
    fn kept(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.attributes.into_iter().flatten();
        all.filter_map(|(path, raw)| Some((path.strip_prefix("session.")?, raw.text())))
    }

    /// What stood beside the session.
    fn rest(&self, whole: &mut Members) {
        for (name, raw) in self.attributes.into_iter().flatten() {
            if !name.starts_with("session.") {
                whole.put_raw(name, raw.text());
            }
        }
    }
}

fn as_sent(identity: &Identity) -> &str {
    identity.original.as_ref().unwrap_or(&identity.value)
}

/// A result as it came, with null for what the source always has.
fn result(signal: &Signal) -> Members {
    let text = |number| signal.fields.get(&number).and_then(Value::as_text);
    let seconds = signal.number(field::SESSION_DURATION).map(|ms| ms / 1_000);
    let sequence = Some(signal.sequence).filter(|sequence| *sequence > 0);
    let user_type = text(field::USER_TYPE).map(str::to_uppercase);
    let mut result = Members::default();
    result.put("sessionId", &signal.session);
    result.put_some("callId", text(field::CALL_ID));
    result.put_some("state", text(field::SOURCE_STATUS));
    result.put("sessionDuration", &seconds);
    result.put("sequence", &sequence);
    result.put("error", &text(field::INTEGRATION_RESULT_CODE));
    result.put_some("calledid", text(field::LINE_NUMBER));
    result.put_some("userType", user_type.as_deref());
    for (path, raw) in &signal.attributes {
        if let Some(member) = path.strip_prefix("result.") {
            result.put_raw(member, raw.text());
        }
    }
    result
}

/// The result at the end of a session that came by another dialect; `None`: it goes on.
fn last_result(view: &View<'_>, told: &Told<'_>) -> Option<Members> {
    let (content, envelope) = (&view.session.content, &view.session.envelope);
    if content.end_mark.is_none() && envelope.status == Status::Open {
        return None;
    }
    let status = told.text(field::SOURCE_STATUS).filter(|status| is_state(status));
    let state = status.unwrap_or_else(|| state_of(told.text(field::ENDED_HOW)));
    let reported = told.fields.get(&field::SESSION_DURATION).and_then(Value::as_number);
    let lasted = || u64::try_from(content.ended_at().since(content.started_at(view.rules)).0);
    let duration = reported.or_else(|| lasted().ok()).map(|ms| ms / 1_000);
    let mut result = Members::default();
    result.put("sessionId", &told.id);
    result.put_some("callId", told.text(field::CALL_ID));
    result.put("state", state);
    result.put("sessionDuration", &duration);
    result.put("sequence", &Json::Null);
    result.put("error", &told.text(field::INTEGRATION_RESULT_CODE));
    Some(result)
}

/// The members of an object in the order they were put; one that is put again takes the place of
/// the first.
#[derive(Default)]
struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.set(name, to_raw_value(value).unwrap_or_default());
    }

    fn put_some(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(name, text);
        }
    }

    fn put_raw(&mut self, name: &str, json: &str) {
        self.set(name, RawValue::from_string(json.to_owned()).unwrap_or_default());
    }

    fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
