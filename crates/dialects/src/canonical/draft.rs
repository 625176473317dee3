//! A signal that is being read.
use std::borrow::Cow;

use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::{Field, Given, WrongValue, by_number, field},
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    json::JsonText,
    signal::{ClaimBody, FieldNumber, Fields, Signal},
    time::Instant,
    value::{RawJson, Value},
    word::Word,
};

use super::{
    parts::{
        AUTHORS, CHANNELS, Fault, POLICIES, SESSION_TYPES, code, id, instant, kind, number,
        policy_from_word, session_type_from_word, text, warnings, word,
    },
    slots::Part,
};
use crate::{
    Context, attribution_from_url, default_currency,
    identities::{self, identity, is_id},
};

/// Each slot holds the last value that came.
#[derive(Default)]
pub(super) struct Draft<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    kind: Option<Word>,
    occurred_at: Option<Instant>,
    sent_at: Option<Instant>,
    sequence: u64,
    channel: Option<Channel>,
    session_type: Option<SessionType>,
    source: Option<Box<str>>,
    session: Option<Box<str>>,
    pub(super) identities: Vec<Identity>,
    user_id: Option<Cow<'a, str>>,
    anonymous_id: Option<Cow<'a, str>>,
    code: Option<u32>,
    author: Option<Author>,
    policy: Option<ClaimPolicy>,
    pub(super) fields: Fields,
    pub(super) attributes: Vec<(Box<str>, RawJson)>,
    warnings: Vec<Box<str>>,
}

impl<'a> Draft<'a> {
    /// Reads a part other than the identities.
    pub(super) fn part(&mut self, part: Part, path: &str, json: JsonText<'a>) -> Result<(), Fault> {
        match part {
            Part::Id => self.id = id(path, json)?,
            Part::Type => self.kind = kind(json)?,
            Part::OccurredAt => self.occurred_at = instant(path, json)?,
            Part::SentAt => self.sent_at = instant(path, json)?,
            Part::Sequence => self.sequence = number(path, json)?.unwrap_or_default(),
            Part::Channel => self.channel = word(path, json, CHANNELS, Channel::from_word)?,
            Part::SessionType => {
                self.session_type = word(path, json, SESSION_TYPES, session_type_from_word)?;
            }
            Part::Source => self.source = id(path, json)?.map(Into::into),
            Part::SessionId => self.session = id(path, json)?.map(Into::into),
            Part::Identities => {}
            Part::UserId => self.user_id = id(path, json)?,
            Part::AnonymousId => self.anonymous_id = id(path, json)?,
            Part::Warnings => self.warnings.append(&mut warnings(json)?),
            Part::Code => self.code = code(path, json)?,
            Part::Author => self.author = word(path, json, AUTHORS, Author::from_word)?,
            Part::Policy => self.policy = word(path, json, POLICIES, policy_from_word)?,
        }
        Ok(())
    }

    pub(super) fn warn(&mut self, code: &str) {
        if !self.warnings.iter().any(|known| **known == *code) {
            self.warnings.push(code.into());
        }
    }

    pub(super) fn finish(&mut self, context: &Context<'_>) -> Result<Signal, Fault> {
        let kind = self.kind.take().ok_or_else(|| {
            let detail = "`type` is missing; send what happened, such as page_viewed".to_owned();
            Fault::of("type", "missing_type", detail)
        })?;
        let claim = self.claim()?;
        attribution_from_url::fill(&mut self.fields);
        default_currency(&mut self.fields, context.currency);
        self.convenient_identities(context);
        let mut signal = Signal {
            key: "".into(),
            kind,
            occurred_at: self.occurred_at.take(),
            sent_at: self.sent_at.take().map(|sent| sent.at),
            sequence: self.sequence,
            channel: self.channel.or_else(|| self.session_type.and_then(SessionType::channel)),
            session_type: self.session_type,
            source: self.source.take().unwrap_or_else(|| context.source.into()),
            session: self.session.take(),
            identities: std::mem::take(&mut self.identities),
            claim,
            fields: std::mem::take(&mut self.fields),
            attributes: self.attributes.drain(..).collect(),
            warnings: std::mem::take(&mut self.warnings),
        };
        signal.key = self.id.take().map_or_else(|| signal.derived_key(), Into::into);
        Ok(signal)
    }

    fn claim(&self) -> Result<Option<ClaimBody>, Fault> {
        match (self.code, self.author, self.policy) {
            (None, None, None) => Ok(None),
            (None, ..) => {
                let detail = "`disposition.code` is missing; send the code with its author";
                Err(Fault::of("disposition.code", "missing_code", detail.to_owned()))
            }
            (Some(code), author, policy) => Ok(Some(ClaimBody {
                code,
                author: author.unwrap_or(Author::Business),
                policy: policy.unwrap_or_default(),
            })),
        }
    }

    /// What other members say of who it is, after the identities that were listed.
    fn convenient_identities(&mut self, context: &Context<'_>) {
        let text = |number| self.fields.get(&number).and_then(Value::as_text);
        let said = [
            ("user_id", self.user_id.as_deref()),
            ("anonymous_id", self.anonymous_id.as_deref()),
            ("email", text(field::USER_EMAIL)),
            ("phone", text(field::USER_PHONE)),
        ];
        for (kind, value) in said {
            if let Some(value) = value.filter(|value| is_id(value)) {
                identities::add(&mut self.identities, identity(kind, value, context.country));
            }
        }
    }
}

/// A field's value.
pub(super) fn value(row: &Field, path: &str, json: JsonText<'_>) -> Result<Option<Value>, Fault> {
    let wrong = |wrong: WrongValue| Fault::of(path, "wrong_value", wrong.to_string());
    Value::parse(row, path, Given::Json(json)).map_err(wrong)
}

/// The number that a member of `signals` names.
pub(super) fn number_of(name: &str) -> Option<FieldNumber> {
    name.parse().map(FieldNumber).ok()
}

/// The value of a signal that is sent by its number; a number without a row is text (D4).
pub(super) fn numbered(
    number: FieldNumber,
    path: &str,
    json: JsonText<'_>,
) -> Result<Option<Value>, Fault> {
    match by_number(number) {
        Some(row) => value(row, path, json),
        None => Ok(text(path, json)?.map(|text| Value::Text(text.into()))),
    }
}
