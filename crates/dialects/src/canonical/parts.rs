//! Reading the parts of a signal that are no fields of the dictionary.
use std::borrow::Cow;

use sessionary_core::{
    channel::SessionType,
    disposition::ClaimPolicy,
    json::JsonText,
    time::{Instant, parse_instant},
    word::Word,
};

use crate::identities::is_id;

/// Characters that the word of a type may have.
const TYPE_LENGTH_MAX: usize = 128;

pub(super) const CHANNELS: &str = "web, app, voice, chat, messaging, kiosk, point_of_sale or other";
pub(super) const SESSION_TYPES: &str = "phone_call, web_visit, mobile_message, app_visit, \
                                        kiosk_visit, pos, ecommerce, chat or other";
pub(super) const AUTHORS: &str = "business, agent, rule, model or timeout";
pub(super) const POLICIES: &str = "last or first";

/// Why an item is put aside.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) field: Option<String>,
}

impl Fault {
    pub(super) fn of(path: &str, code: &'static str, detail: String) -> Fault {
        Fault { code, detail, field: Some(path.to_owned()) }
    }

    /// Of the item as a whole.
    pub(super) fn whole(code: &'static str, detail: String) -> Fault {
        Fault { code, detail, field: None }
    }

    pub(super) fn wrong(path: &str, json: JsonText<'_>, send: &str) -> Fault {
        let got: String = json.get().chars().take(64).collect();
        Fault::of(path, "wrong_value", format!("`{path}` is {got}; send {send}"))
    }
}

pub(super) fn text<'a>(path: &str, json: JsonText<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    if json.is_null() {
        return Ok(None);
    }
    let text = json.plain_text().ok_or_else(|| Fault::wrong(path, json, "text"))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

pub(super) fn id<'a>(path: &str, json: JsonText<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    let id = text(path, json)?;
    if id.as_ref().is_some_and(|id| !is_id(id)) {
        let detail = format!(
            "`{path}` is too long or has control characters; send 1 to 255 visible characters"
        );
        return Err(Fault::of(path, "bad_id", detail));
    }
    Ok(id)
}

pub(super) fn kind(json: JsonText<'_>) -> Result<Option<Word>, Fault> {
    let Some(kind) = text("type", json)? else { return Ok(None) };
    let what = if kind.chars().any(char::is_control) {
        "has control characters"
    } else if kind.trim().is_empty() {
        "is nothing but space"
    } else if kind.len() > TYPE_LENGTH_MAX && kind.chars().count() > TYPE_LENGTH_MAX {
        "is too long"
    } else {
        return Ok(Some(Word::from(&*kind)));
    };
    let detail = format!("`type` {what}; send 1 to {TYPE_LENGTH_MAX} visible characters");
    Err(Fault::of("type", "bad_type", detail))
}

pub(super) fn instant(path: &str, json: JsonText<'_>) -> Result<Option<Instant>, Fault> {
    let Some(text) = text(path, json)? else { return Ok(None) };
    let unreadable =
        |error| Fault::of(path, "unreadable_time", format!("`{path}` cannot be read: {error}"));
    parse_instant(&text).map(Some).map_err(unreadable)
}

pub(super) fn number(path: &str, json: JsonText<'_>) -> Result<Option<u64>, Fault> {
    let Some(text) = text(path, json)? else { return Ok(None) };
    let wrong = || Fault::wrong(path, json, "an unsigned integer");
    text.trim().parse().map(Some).map_err(|_| wrong())
}

pub(super) fn code(path: &str, json: JsonText<'_>) -> Result<Option<u32>, Fault> {
    let Some(number) = number(path, json)? else { return Ok(None) };
    let wrong = || Fault::wrong(path, json, "1 to 14, or a code that you have registered");
    u32::try_from(number).map(Some).map_err(|_| wrong())
}

pub(super) fn word<T>(
    path: &str,
    json: JsonText<'_>,
    send: &str,
    from_word: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(text) = text(path, json)? else { return Ok(None) };
    let unknown = || Fault { code: "unknown_word", ..Fault::wrong(path, json, send) };
    from_word(&text).map(Some).ok_or_else(unknown)
}

/// `disposition` is an action type, and no type of session (D26).
pub(super) fn session_type_from_word(word: &str) -> Option<SessionType> {
    SessionType::from_word(word).filter(|kind| *kind != SessionType::Disposition)
}

pub(super) fn policy_from_word(word: &str) -> Option<ClaimPolicy> {
    match word {
        "last" => Some(ClaimPolicy::Last),
        "first" => Some(ClaimPolicy::First),
        _ => None,
    }
}

pub(super) fn warnings(json: JsonText<'_>) -> Result<Vec<Box<str>>, Fault> {
    let wrong = |_| Fault::wrong("warnings", json, "a list of texts");
    serde_json::from_str::<Option<_>>(json.get()).map(Option::unwrap_or_default).map_err(wrong)
}
