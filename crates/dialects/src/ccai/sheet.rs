//! A sheet: the members of one object, each at its place in the table, read in one pass.
use sessionary_core::{
    json::{Bounds, JsonText, Scanner},
    time::{Instant, parse_instant_in},
    value::RawJson,
};

use super::members::{MEMBERS, Slot, find};
use crate::{Context, canonical::ItemError, limits::check};

/// The members of one object.
pub(super) struct Sheet<'a> {
    /// The time zone of times without an offset.
    zone: Option<&'a str>,
    slots: [Option<JsonText<'a>>; MEMBERS.len()],
    /// Members without a place, as they were sent.
    pub(super) others: Vec<(Box<str>, RawJson)>,
}

/// Why an object makes no signal.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) field: Option<&'static str>,
}

impl Fault {
    pub(super) fn missing(field: &'static str, detail: &str) -> Fault {
        Fault { code: "missing_member", detail: detail.to_owned(), field: Some(field) }
    }

    pub(super) fn wrong(field: &'static str, got: &str, send: &str) -> Fault {
        let got: String = got.chars().take(64).collect();
        let detail = format!("`{field}` is {got}; send {send}");
        Fault { code: "wrong_value", detail, field: Some(field) }
    }

    /// The object as it is put aside.
    pub(super) fn of(self, text: &str, id: Option<&str>) -> ItemError {
        let Fault { code, detail, field } = self;
        let field = field.map(str::to_owned);
        ItemError { code, detail, field, raw: text.into(), id: id.map(str::to_owned) }
    }
}

impl<'a> Sheet<'a> {
    /// Reads the object that `text` is, however large: it may be an envelope of many.
    pub(super) fn read(text: &'a str, context: &Context<'a>) -> Result<Sheet<'a>, Fault> {
        let slots = [None; MEMBERS.len()];
        let mut sheet = Sheet { zone: context.zone, slots, others: Vec::new() };
        sheet.add(text, context).ok_or_else(|| why_not(text, context))?;
        if let Some(item) = sheet.take(Slot::ITEM) {
            sheet.add(item.get(), context).ok_or_else(|| why_not(item.get(), context))?;
        }
        Ok(sheet)
    }

    fn add(&mut self, text: &'a str, context: &Context<'_>) -> Option<()> {
        let limits = &context.limits;
        let (depth, members) = (limits.depth, limits.members);
        let mut scanner = Scanner::new(text, Bounds { depth, members, text_bytes: limits.text });
        scanner.members(|name, scanner| {
            let value = scanner.value()?;
            match find(&name).and_then(|at| self.slots.get_mut(at)) {
                Some(_) if is_nothing(value) => {}
                Some(slot) => *slot = Some(value),
                None if value.is_null() => {}
                None => self.others.push((name.into(), RawJson::from_parsed(value))),
            }
            Some(())
        })?;
        scanner.space();
        scanner.peek().is_none().then_some(())
    }

    /// The member of a slot; `None`: null, empty or not there.
    pub(super) fn get(&self, slot: Slot) -> Option<JsonText<'a>> {
        self.slots.get(slot as usize).copied().flatten()
    }

    /// The same, and takes it away.
    pub(super) fn take(&mut self, slot: Slot) -> Option<JsonText<'a>> {
        self.slots.get_mut(slot as usize).and_then(Option::take)
    }

    /// The text of a member, if it is a text, a number or a truth value.
    pub(super) fn text(&self, slot: Slot) -> Option<std::borrow::Cow<'a, str>> {
        self.get(slot)?.plain_text()
    }

    /// The time of a member, if it is one.
    pub(super) fn time(&self, slot: Slot) -> Option<Instant> {
        self.time_of(self.get(slot)?)
    }

    /// The time that a text is, if it is one.
    pub(super) fn time_of(&self, json: JsonText<'_>) -> Option<Instant> {
        parse_instant_in(&json.plain_text()?, self.zone).ok()
    }

    /// Every member that came, with its place.
    pub(super) fn filled(&self) -> impl Iterator<Item = (usize, JsonText<'a>)> {
        self.slots.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?)))
    }
}

/// The text of a value that says something.
pub(super) fn text_of(json: JsonText<'_>) -> Option<Box<str>> {
    let text = json.plain_text().filter(|text| !json.is_null() && !text.is_empty())?;
    Some(text.into())
}

/// Refuses one object that is too large.
pub(super) fn check_size(text: &str, context: &Context<'_>) -> Result<(), Fault> {
    let most = context.limits.item;
    if text.len() <= most {
        return Ok(());
    }
    let detail = format!("the item has {} bytes; send at most {most}", text.len());
    Err(Fault { code: "item_too_large", detail, field: None })
}

/// Null, and what is empty, are the same as nothing.
pub(super) fn is_nothing(json: JsonText<'_>) -> bool {
    let text = json.get();
    let is_empty = |open: &[u8], close: &[u8]| match text.as_bytes() {
        [first, inner @ .., last] => {
            open.contains(first)
                && close.contains(last)
                && inner.iter().all(u8::is_ascii_whitespace)
        }
        _ => false,
    };
    json.is_null() || is_empty(b"\"[{", b"\"]}")
}

fn why_not(text: &str, context: &Context<'_>) -> Fault {
    if let Err(over) = check(text, &context.limits) {
        return Fault { code: over.code(), detail: over.to_string(), field: None };
    }
    let reason = match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(_) => "a member's name is no text".to_owned(),
        Err(error) => error.to_string(),
    };
    let detail = format!("the item is not a JSON object: {reason}");
    Fault { code: "not_an_object", detail, field: None }
}
