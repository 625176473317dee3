//! A signal that is being read from a body of the vendor's.
use sessionary_core::{
    channel::Channel,
    dictionary::{Given, by_number, field},
    identity::Identity,
    json::JsonText,
    signal::{Attributes, FieldNumber, Fields, Signal},
    time::Instant,
    value::{RawJson, Value},
    word::Word,
};

use super::{
    SOURCE,
    object::{Members, is_something, members, text_of},
};
use crate::{
    Context, attribution_from_url,
    canonical::is_own_member,
    identities::{self, identity, is_id},
};

pub(super) struct Draft<'c> {
    pub(super) context: &'c Context<'c>,
    pub(super) fields: Fields,
    attributes: Vec<(Box<str>, RawJson)>,
    pub(super) identities: Vec<Identity>,
    warnings: Vec<Box<str>>,
}

/// What a signal is besides what its members say.
pub(super) struct Frame {
    pub(super) kind: Word,
    pub(super) occurred_at: Option<Instant>,
    pub(super) channel: Option<Channel>,
    pub(super) session: Option<Box<str>>,
}

/// Fields that most events have no more of.
const USUAL_FIELDS: usize = 16;

impl<'c> Draft<'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Draft<'c> {
        Draft {
            context,
            fields: Fields::with_capacity(USUAL_FIELDS),
            attributes: Vec::new(),
            identities: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn source(&self) -> &'c str {
        if self.context.source.is_empty() { SOURCE } else { self.context.source }
    }

    /// The signal, without a key.
    pub(super) fn finish(mut self, frame: Frame) -> Signal {
        attribution_from_url::fill(&mut self.fields);
        Signal {
            key: "".into(),
            kind: frame.kind,
            occurred_at: frame.occurred_at,
            sent_at: None,
            sequence: 0,
            channel: frame.channel,
            session_type: None,
            source: self.source().into(),
            session: frame.session,
            identities: self.identities,
            claim: None,
            fields: self.fields,
            attributes: self.attributes.into_iter().collect::<Attributes>(),
            warnings: self.warnings,
        }
    }

    /// A member that is a field; one that cannot be read is kept as it came.
    pub(super) fn field(&mut self, name: &str, number: FieldNumber, json: JsonText<'_>) {
        let Some(row) = by_number(number) else { return };
        match Value::parse(row, name, Given::Json(json)) {
            Ok(Some(value)) => drop(self.fields.insert(number, value)),
            Ok(None) => {}
            Err(_) => self.unreadable(name, json),
        }
    }

    /// A text whose words are the vendor's.
    pub(super) fn word(
        &mut self,
        name: &str,
        number: FieldNumber,
        json: JsonText<'_>,
        ours: impl Fn(&str) -> &str,
    ) {
        match json.plain_text() {
            Some(text) if is_something(&text, json) => self.put_text(number, ours(&text)),
            Some(_) => {}
            None => self.unreadable(name, json),
        }
    }

    /// An object that is kept whole.
    pub(super) fn object(&mut self, name: &str, number: FieldNumber, json: JsonText<'_>) {
        if json.is_null() {
            return;
        }
        if json.get().starts_with(['{', '[']) {
            self.fields.insert(number, Value::Json(RawJson::from_parsed(json)));
        } else {
            self.unreadable(name, json);
        }
    }

    /// Whole seconds.
    pub(super) fn seconds(&mut self, name: &str, number: FieldNumber, json: JsonText<'_>) {
        self.field(name, number, json);
        if let Some(Value::Number(seconds)) = self.fields.get(&number) {
            let millis = seconds.saturating_mul(1_000);
            self.fields.insert(number, Value::Number(millis));
        }
    }

    pub(super) fn put_text(&mut self, number: FieldNumber, text: &str) {
        self.fields.insert(number, Value::Text(text.into()));
    }

    /// The members of an object; one that is none is kept as it came.
    pub(super) fn members<'a>(&mut self, name: &str, json: JsonText<'a>) -> Members<'a> {
        if json.is_null() {
            return Vec::new();
        }
        members(json.get(), &self.context.limits).unwrap_or_else(|| {
            self.unreadable(name, json);
            Vec::new()
        })
    }

    /// `page` and `lastPage`: address and title are fields; anything beside them is kept with them.
    pub(super) fn page(&mut self, name: &str, json: JsonText<'_>) {
        let members = self.members(name, json);
        let mut more = false;
        for (member, value) in &members {
            match &**member {
                "url" => self.field("page.url", field::PAGE_URL, *value),
                "title" => self.field("page.title", field::PAGE_TITLE, *value),
                _ => more |= !value.is_null(),
            }
        }
        if more {
            self.attribute("genesys.page", json);
        }
    }

    pub(super) fn referrer(&mut self, json: JsonText<'_>) {
        let members = self.members("referrer", json);
        for (member, value) in &members {
            if member == "url" {
                self.field("referrer.url", field::REFERRER, *value);
            }
        }
        if members.len() > 1 {
            self.attribute("genesys.referrer", json);
        }
    }

    pub(super) fn campaign(&mut self, json: JsonText<'_>) {
        for (member, value) in self.members("mktCampaign", json) {
            let path = format!("mktCampaign.{member}");
            match super::campaign::field_of(&member) {
                Some(number) => self.field(&path, number, value),
                None => self.attribute(&path, value),
            }
        }
    }

    /// The language of the browser, and the browser itself.
    pub(super) fn browser(&mut self, json: JsonText<'_>) {
        self.object("browser", field::BROWSER, json);
        let members = members(json.get(), &self.context.limits).unwrap_or_default();
        if let Some(language) = text_of(&members, "lang") {
            self.put_text(field::LANGUAGE, &language);
        }
    }

    /// A member without a place, kept under its name.
    pub(super) fn unknown(&mut self, name: &str, json: JsonText<'_>) {
        if is_own_member(name) {
            self.attribute(&format!("genesys.{name}"), json);
        } else {
            self.attribute(name, json);
        }
    }

    pub(super) fn attribute(&mut self, path: &str, json: JsonText<'_>) {
        if !json.is_null() {
            self.attributes.push((path.into(), RawJson::from_parsed(json)));
        }
    }

    pub(super) fn unreadable(&mut self, name: &str, json: JsonText<'_>) {
        self.warn(&format!("unreadable_{name}"));
        self.attribute(&format!("unreadable.{name}"), json);
    }

    pub(super) fn warn(&mut self, code: &str) {
        if !self.warnings.iter().any(|known| **known == *code) {
            self.warnings.push(code.into());
        }
    }

    /// Somebody or some device; a value that cannot be one is passed over with a warning.
    pub(super) fn identity(&mut self, kind: &str, value: &str) {
        if is_id(kind) && is_id(value) {
            identities::add(&mut self.identities, identity(kind, value, self.context.country));
        } else {
            self.warn("unusable_identity");
        }
    }

    /// `customerId` and `customerIdType`.
    pub(super) fn customer(&mut self, id: Option<&str>, kind: Option<&str>) {
        if let Some(id) = id {
            self.identity(kind.unwrap_or("cookie"), id);
        }
    }
}
