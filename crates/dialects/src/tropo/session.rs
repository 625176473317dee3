//! The session payload: what the platform posts when a call or a text arrives.
//!
//! Every member is optional; null, absent and empty are the same (C21). Whatever has no field, or
//! that its field would not tell back as it was spelt, is kept as an attribute by its path.
use std::borrow::Cow;

use sessionary_core::{
    channel::Channel,
    dictionary::field,
    identity::Identity,
    json::{JsonText, Scanner},
    signal::{Attributes, Fields, Signal, kind},
    time::{Instant, parse_instant},
    value::{RawJson, Value},
};

use super::{
    Refusal, SOURCE, networks,
    sheet::{Sheet, put, put_user_type},
};
use crate::{
    Context,
    identities::{LENGTH_MAX, e164, identity, is_id},
};

/// What the key of the signal that a session's payload makes ends with.
pub(super) const KEY_END: &str = ":session";
/// What the key of its first message ends with: behind that of the session, as it comes after it.
const TEXT_KEY_END: &str = ":session.initialText";

/// The members that were read so far.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    id: Option<Cow<'a, str>>,
    account: Option<Cow<'a, str>>,
    call: Option<Cow<'a, str>>,
    started_at: Option<Instant>,
    user_type: Option<Cow<'a, str>>,
    initial_text: Option<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
    headers: Option<JsonText<'a>>,
    from: Party<'a>,
    to: Party<'a>,
    has_parameters: bool,
    sheet: Sheet,
}

/// One end of it.
#[derive(Debug, Default)]
struct Party<'a> {
    id: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    channel: Option<Cow<'a, str>>,
    network: Option<Cow<'a, str>>,
}

/// Reads the object that comes next.
pub(super) fn read<'a>(scanner: &mut Scanner<'a>) -> Option<Draft<'a>> {
    let mut draft = Draft::default();
    scanner.members(|name, scanner| draft.member(&name, scanner))?;
    Some(draft)
}

impl<'a> Draft<'a> {
    /// Reads the value of one member, which comes next.
    pub(super) fn member(&mut self, name: &str, scanner: &mut Scanner<'a>) -> Option<()> {
        if matches!((name, scanner.peek()?), ("from" | "to", b'{')) {
            let (party, path) = match name {
                "from" => (&mut self.from, "session.from"),
                _ => (&mut self.to, "session.to"),
            };
            return party.read(path, scanner, &mut self.sheet);
        }
        let json = scanner.value()?;
        let sheet = &mut self.sheet;
        match name {
            "id" => self.id = sheet.text("session.id", json),
            "accountId" => self.account = sheet.text("session.accountId", json),
            "callId" => self.call = sheet.text("session.callId", json),
            "timestamp" => self.started_at = timestamp(json, sheet),
            "userType" => self.user_type = sheet.text("session.userType", json),
            "initialText" => self.initial_text = sheet.text("session.initialText", json),
            "subject" => self.subject = sheet.text("session.subject", json),
            "headers" if json.get().starts_with('{') => {
                self.headers = Some(json).filter(|json| !is_empty(*json));
            }
            "from" | "to" | "headers" => sheet.keep(&format!("session.{name}"), json),
            "parameters" => {
                self.has_parameters = json.get().starts_with('{') && !is_empty(json);
                sheet.keep("session.parameters", json);
            }
            name => sheet.keep(&format!("session.{name}"), json),
        }
        Some(())
    }

    /// Makes the signals: the session's beginning, and the first message of a text session.
    pub(super) fn finish(
        mut self,
        rest: &[(Cow<'_, str>, JsonText<'_>)],
        context: &Context<'_>,
    ) -> Result<Vec<Signal>, Refusal> {
        let id = self.id.take();
        if id.as_deref().is_some_and(|id| !is_id(id)) {
            return Err(Refusal::BadId { member: "session.id" });
        }
        for (name, json) in rest {
            self.sheet.keep(name, *json);
        }
        let channel = self.channel();
        let identities: Vec<Identity> =
            self.from.id.as_deref().map(|id| person(id, context)).into_iter().collect();
        let fields = self.fields(&identities);
        let source = if context.source.is_empty() { SOURCE } else { context.source };
        let mut signal = Signal {
            key: "".into(),
            kind: if channel == Some(Channel::Voice) {
                kind::CALL_STARTED.into()
            } else {
                kind::SESSION_STARTED.into()
            },
            occurred_at: self.started_at.take(),
            sent_at: None,
            sequence: 0,
            channel,
            session_type: None,
            source: source.into(),
            session: id.as_deref().map(Into::into),
            identities,
            claim: None,
            fields,
            attributes: self.sheet.attributes,
            warnings: self.sheet.warnings,
        };
        let name = id.filter(|id| id.len() + TEXT_KEY_END.len() <= LENGTH_MAX);
        let name = name.map_or_else(|| signal.derived_key(), Into::into);
        signal.key = format!("{name}{KEY_END}").into();
        let message = first_message(&signal, &name);
        Ok(std::iter::once(signal).chain(message).collect())
    }

    /// The channel of either end; the first that says one.
    fn channel(&mut self) -> Option<Channel> {
        let Draft { from, to, sheet, .. } = self;
        let said = |party: &Party<'_>| party.channel.as_deref().and_then(networks::channel);
        let channel = said(from).or_else(|| said(to));
        for (party, path) in [(&*from, "session.from.channel"), (&*to, "session.to.channel")] {
            let told = channel.map_or("", networks::channel_word);
            if let Some(word) = party.channel.as_deref().filter(|word| *word != told) {
                sheet.keep_text(path, word);
            }
        }
        channel
    }

    /// The network of either end; what does not come back from our word for it is kept as it came.
    fn medium(&mut self) -> Option<Box<str>> {
        let Draft { from, to, sheet, .. } = self;
        let medium = from.network.as_deref().or(to.network.as_deref()).map(networks::medium);
        let told = medium.as_deref().map(networks::network).unwrap_or_default();
        for (party, path) in [(&*from, "session.from.network"), (&*to, "session.to.network")] {
            if let Some(word) = party.network.as_deref().filter(|word| *word != told) {
                sheet.keep_text(path, word);
            }
        }
        medium
    }

    /// The fields, in the order of their numbers.
    fn fields(&mut self, identities: &[Identity]) -> Fields {
        let medium = self.medium();
        let is_phone = identities.iter().any(|identity| &*identity.kind == "phone");
        let direction = if self.has_parameters { "outbound" } else { "inbound" };
        let full_name = self.from.known_name("session.from.name", &mut self.sheet);
        let destination = self.to.known_name("session.to.name", &mut self.sheet);
        let mut fields = Fields::with_capacity(14);
        put(&mut fields, field::USER_PHONE, self.from.id.as_deref().filter(|_| is_phone));
        put(&mut fields, field::USER_FULL_NAME, full_name.as_deref());
        if let Some(started_at) = &self.started_at {
            fields.insert(field::SESSION_START, Value::Instant(started_at.clone()));
        }
        put(&mut fields, field::DIRECTION, Some(direction));
        put(&mut fields, field::LINE_NUMBER, self.to.id.as_deref());
        put(&mut fields, field::CALL_ID, self.call.as_deref());
        if let Some(account) = &self.account {
            fields.insert(field::ACCOUNT, Value::Texts(vec![(&**account).into()]));
        }
        put(&mut fields, field::MEDIUM, medium.as_deref());
        put(&mut fields, field::SUBJECT, self.subject.as_deref());
        if let Some(word) = &self.user_type {
            put_user_type(&mut fields, &mut self.sheet, "session.userType", word);
        }
        if let Some(headers) = self.headers {
            fields.insert(field::SIP_HEADERS, Value::Json(RawJson::from_parsed(headers)));
        }
        put(&mut fields, field::DESTINATION_NAME, destination.as_deref());
        put(&mut fields, field::INITIAL_TEXT, self.initial_text.as_deref());
        fields
    }
}

impl<'a> Party<'a> {
    fn read(&mut self, path: &str, scanner: &mut Scanner<'a>, sheet: &mut Sheet) -> Option<()> {
        scanner.members(|name, scanner| {
            let json = scanner.value()?;
            let place = match &*name {
                "id" => &mut self.id,
                "name" => &mut self.name,
                "channel" => &mut self.channel,
                "network" => &mut self.network,
                _ => {
                    sheet.keep(&format!("{path}.{name}"), json);
                    return Some(());
                }
            };
            *place = sheet.text_at(|| format!("{path}.{name}"), json);
            Some(())
        })
    }

    /// The name; the word `unknown` means that there is none, and is kept as it came.
    fn known_name(&self, path: &str, sheet: &mut Sheet) -> Option<Cow<'a, str>> {
        let name = self.name.clone()?;
        if name.eq_ignore_ascii_case("unknown") {
            sheet.keep_text(path, &name);
            return None;
        }
        Some(name)
    }
}

/// Never assumes a number: what parses as one is a phone, anything else an address of messaging.
fn person(id: &str, context: &Context<'_>) -> Identity {
    let sent = id.trim();
    match e164(sent, context.country) {
        Some(value) => {
            let original = (value != sent).then(|| sent.into());
            Identity { kind: "phone".into(), value: value.into(), original }
        }
        None => identity("messaging_address", sent, None),
    }
}

fn timestamp(json: JsonText<'_>, sheet: &mut Sheet) -> Option<Instant> {
    let text = sheet.text("session.timestamp", json)?;
    let instant = parse_instant(&text).ok();
    if instant.is_none() {
        sheet.unreadable("session.timestamp", json);
    }
    instant
}

fn is_empty(json: JsonText<'_>) -> bool {
    json.get().bytes().all(|byte| byte.is_ascii_whitespace() || b"{}".contains(&byte))
}

/// The text that began a text session, as a message of its own.
fn first_message(session: &Signal, name: &str) -> Option<Signal> {
    let text = session.text(field::INITIAL_TEXT)?;
    if session.channel != Some(Channel::Messaging) {
        return None;
    }
    let mut attributes = Attributes::new();
    attributes.insert("message.text".into(), RawJson::of(&text.into()));
    let mut fields = Fields::new();
    for number in [field::LINE_NUMBER, field::MEDIUM] {
        put(&mut fields, number, session.text(number));
    }
    Some(Signal {
        key: format!("{name}{TEXT_KEY_END}").into(),
        kind: kind::MESSAGE_RECEIVED.into(),
        fields,
        attributes,
        warnings: Vec::new(),
        ..session.clone()
    })
}
