//! The members of a JSON object, cut out in one pass and not yet read.
use std::borrow::Cow;

use sessionary_core::json::{Bounds, JsonText, Scanner};

use super::Refusal;
use crate::limits::{self, Limits};

/// Members in the order they came; of two with one name the last one means it.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, JsonText<'a>)>;

/// Members that most objects have no more of.
const USUAL: usize = 16;

/// The members of a body that is one object.
pub(super) fn body<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Members<'a>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|error| Refusal::Unreadable {
        reason: format!("it is not UTF-8 from byte {}", error.valid_up_to()),
    })?;
    item(text.trim_start_matches('\u{feff}'), limits)
}

/// The members of one item of a body.
pub(super) fn item<'a>(text: &'a str, limits: &Limits) -> Result<Members<'a>, Refusal> {
    if text.len() > limits.item {
        return Err(Refusal::TooLarge { most: limits.item });
    }
    members(text, limits).ok_or_else(|| why_not(text, limits))
}

/// The members of a value; `None` where it is no object.
pub(super) fn members<'a>(text: &'a str, limits: &Limits) -> Option<Members<'a>> {
    let bounds = Bounds { depth: limits.depth, members: limits.members, text_bytes: limits.text };
    let mut scanner = Scanner::new(text, bounds);
    scanner.space();
    let mut members = Vec::with_capacity(USUAL);
    scanner.members(|name, scanner| {
        members.push((name, scanner.value()?));
        Some(())
    })?;
    scanner.space();
    scanner.peek().is_none().then_some(members)
}

fn why_not(text: &str, limits: &Limits) -> Refusal {
    if let Err(over) = limits::check(text, limits) {
        return over.into();
    }
    let reason = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => "it is no object".to_owned(),
        Err(error) => error.to_string(),
    };
    Refusal::Unreadable { reason }
}

/// The text of a member of an object.
pub(super) fn text_of<'a>(members: &Members<'a>, name: &str) -> Option<Cow<'a, str>> {
    let found = members.iter().rev().find(|(known, _)| known == name);
    let text = found?.1.plain_text()?;
    is_something(&text, found?.1).then_some(text)
}

/// Whether a plain value says anything: neither null nor empty (C21).
pub(super) fn is_something(text: &str, json: JsonText<'_>) -> bool {
    !json.is_null() && !text.trim().is_empty()
}
