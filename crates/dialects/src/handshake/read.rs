//! Taking a request apart: every value it holds, with how it was named, and the action key.
use std::borrow::Cow;

use serde_json::value::RawValue;
use sessionary_core::{
    dictionary::{Field, Given, by_name, by_number, by_parameter},
    signal::{Attributes, FieldNumber},
    value::RawJson,
};

use super::{
    Refusal,
    parameters::{pairs, part_the_two_tcn, unbracket},
};
use crate::{
    canonical::{
        is_own_member,
        members::{Members, is_null, plain_text},
    },
    limits::{Limits, OverLimit, check},
};

/// Which form the body has; the reply has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Flat names, or nothing but a query.
    Flat,
    /// An `Action` with numbered values.
    Numbered,
}

/// How explicitly a value was named; the greater holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    ActionKey,
    DerivedFromUrl,
    ShortParameter,
    Numbered,
    Flat,
}

/// A request that has been taken apart.
#[derive(Debug)]
pub struct Posting<'a> {
    /// Form of the body.
    pub form: Form,
    /// The action key, as sent.
    pub action_key: Option<Cow<'a, str>>,
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) attributes: Attributes,
    pub(super) warnings: Vec<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) level: Level,
    pub(super) target: Target,
    /// The name as the sender spelt it.
    pub(super) spelt: Cow<'a, str>,
    pub(super) sent: Sent<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Field(&'static Field),
    /// A number that no row has (D4).
    Unregistered(FieldNumber),
    Device(&'static str),
}

#[derive(Debug)]
pub(super) enum Sent<'a> {
    Text(Cow<'a, str>),
    Json(&'a RawValue),
}

impl<'a> Sent<'a> {
    fn of(raw: &'a RawValue) -> Sent<'a> {
        match plain_text(raw).filter(|_| raw.get().starts_with('"')) {
            Some(text) => Sent::Text(text),
            None => Sent::Json(raw),
        }
    }

    pub(super) fn given(&self) -> Given<'_> {
        match self {
            Sent::Text(text) => Given::Text(text),
            Sent::Json(raw) => Given::Json((*raw).into()),
        }
    }

    pub(super) fn raw(&self) -> RawJson {
        match self {
            Sent::Text(text) => RawJson::of(&serde_json::Value::from(&**text)),
            Sent::Json(raw) => RawJson::from_parsed(*raw),
        }
    }

    /// Its text, if it has one and is not empty.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Sent::Text(text) => Cow::Borrowed(&**text),
            Sent::Json(raw) if is_null(raw) => return None,
            Sent::Json(raw) => plain_text(raw)?,
        };
        Some(text).filter(|text| !text.trim().is_empty())
    }
}

/// Takes a request apart. The body may be empty: then the query says all.
///
/// # Errors
/// A body that is neither a JSON object nor a form, or is over a limit.
pub fn read<'a>(query: &'a str, body: &'a [u8], limits: &Limits) -> Result<Posting<'a>, Refusal> {
    let mut posting = Posting {
        form: Form::Flat,
        action_key: None,
        entries: Vec::new(),
        attributes: Attributes::new(),
        warnings: Vec::new(),
    };
    posting.pairs(query.as_bytes(), limits)?;
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    match body.first() {
        None => {}
        Some(b'{') => posting.json(body, limits)?,
        Some(b'<') => return Err(Refusal::Xml),
        Some(b'[') => return Err(unreadable("it is a list; one request is one disposition")),
        Some(_) if body.contains(&b'=') => posting.pairs(body, limits)?,
        Some(_) => return Err(unreadable("it is neither JSON nor a form")),
    }
    Ok(posting)
}

fn unreadable(reason: &str) -> Refusal {
    Refusal::Unreadable { reason: reason.to_owned() }
}

impl<'a> Posting<'a> {
    /// A query string or a form.
    fn pairs(&mut self, text: &'a [u8], limits: &Limits) -> Result<(), Refusal> {
        let mut pairs = pairs(text);
        if pairs.len() > limits.members {
            return Err(OverLimit::Members(limits.members).into());
        }
        if pairs.iter().any(|(_, value)| value.len() > limits.text) {
            return Err(OverLimit::Text(limits.text).into());
        }
        if part_the_two_tcn(&mut pairs) {
            self.warn("repeated_TCN");
        }
        for (name, value) in pairs {
            let is_short = matches!(place_of(&name), Some((Level::ShortParameter, _)));
            let value = if is_short { unbracket(value) } else { value };
            self.entry(name, Sent::Text(value));
        }
        Ok(())
    }

    fn json(&mut self, body: &'a [u8], limits: &Limits) -> Result<(), Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| unreadable("it is not UTF-8"))?;
        check(text, limits)?;
        let members: Members<'a> =
            serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?;
        if !members.repeated.is_empty() {
            self.warn("repeated_member");
        }
        for (name, raw) in members.by_name {
            match &*name {
                "Action" if raw.get().starts_with('{') => self.action(raw)?,
                "Values" if raw.get().starts_with('[') => self.values(raw)?,
                _ => self.entry(name, Sent::of(raw)),
            }
        }
        Ok(())
    }

    fn action(&mut self, raw: &'a RawValue) -> Result<(), Refusal> {
        self.form = Form::Numbered;
        let members: Members<'a> =
            serde_json::from_str(raw.get()).map_err(|error| unreadable(&error.to_string()))?;
        for (name, raw) in members.by_name {
            match &*name {
                "Values" if raw.get().starts_with('[') => self.values(raw)?,
                "ActionKeyToken" => self.entry(name, Sent::of(raw)),
                _ => self.attribute(format!("Action.{name}"), RawJson::from_parsed(raw)),
            }
        }
        Ok(())
    }

    fn values(&mut self, raw: &'a RawValue) -> Result<(), Refusal> {
        self.form = Form::Numbered;
        let values: Vec<&'a RawValue> =
            serde_json::from_str(raw.get()).map_err(|error| unreadable(&error.to_string()))?;
        for (at, raw) in values.into_iter().enumerate() {
            if self.value(raw).is_none() {
                self.warn("unreadable_value");
                self.attribute(format!("Values.{at}"), RawJson::from_parsed(raw));
            }
        }
        Ok(())
    }

    /// One numbered value; `None`: it has no number, or is no object.
    fn value(&mut self, raw: &'a RawValue) -> Option<()> {
        let mut members: Members<'a> = serde_json::from_str(raw.get()).ok()?;
        let number = plain_text(members.by_name.get("SignalValueType")?)?;
        let place = number_of(&number);
        let value = members.by_name.remove("Value");
        // The registry decides the type of a number. What has no row there is kept whole, with the
        // sender's word for its type, so that it can be sent on as it came (D4).
        if !matches!(place, Some((_, Target::Field(_)))) {
            self.attribute(format!("Values.{number}"), RawJson::from_parsed(raw));
        }
        let Some((level, target)) = place else {
            self.warn("unknown_number");
            return Some(());
        };
        if let Some(value) = value {
            self.entries.push(Entry { level, target, spelt: number, sent: Sent::of(value) });
        }
        Some(())
    }

    fn entry(&mut self, name: Cow<'a, str>, sent: Sent<'a>) {
        if matches!(&*name, "action_key" | "ActionKeyToken") {
            self.action_key = sent.text().map(|text| Cow::Owned(text.into_owned()));
            return;
        }
        match place_of(&name) {
            Some((level, target)) => self.entries.push(Entry { level, target, spelt: name, sent }),
            // A word that means something else in our own form.
            None if is_own_member(&name) => self.attribute(format!("handshake.{name}"), sent.raw()),
            None => self.attribute(name.into_owned(), sent.raw()),
        }
    }

    fn attribute(&mut self, path: String, raw: RawJson) {
        self.attributes.insert(path.into(), raw);
    }

    fn warn(&mut self, code: &str) {
        self.warnings.push(code.into());
    }
}

/// What a name stands for: a long name, a number, a short parameter, or the id of a device.
fn place_of(name: &str) -> Option<(Level, Target)> {
    match name {
        "DID" => return Some((Level::ShortParameter, Target::Device("device_id"))),
        "MAC" => return Some((Level::ShortParameter, Target::Device("mac_address"))),
        _ => {}
    }
    let flat = || by_name(name).map(|row| (Level::Flat, Target::Field(row)));
    let short = || by_parameter(name).map(|row| (Level::ShortParameter, Target::Field(row)));
    number_of(name).or_else(flat).or_else(short)
}

/// A number of the Handshake, or one that nobody has given a meaning. Numbers that we gave to fields
/// without one are no word of this dialect: there the same number may mean something else.
fn number_of(text: &str) -> Option<(Level, Target)> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = FieldNumber(text.parse().ok()?);
    match by_number(number) {
        Some(row) if row.signal_name.is_empty() => None,
        Some(row) => Some((Level::Numbered, Target::Field(row))),
        None => Some((Level::Numbered, Target::Unregistered(number))),
    }
}
