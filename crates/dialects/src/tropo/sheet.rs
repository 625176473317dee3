//! What a payload says besides what has a place: kept as attributes, by dotted path.
use std::borrow::Cow;

use sessionary_core::{
    dictionary::field,
    json::JsonText,
    signal::{Attributes, FieldNumber, Fields},
    value::{RawJson, Value},
};

/// Attributes and warnings of a signal that is being made.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) attributes: Attributes,
    pub(super) warnings: Vec<Box<str>>,
}

impl Sheet {
    /// The text of a member; null and empty text are nothing (C21). What is no text is kept as it
    /// came, and flagged.
    pub(super) fn text<'a>(&mut self, path: &str, json: JsonText<'a>) -> Option<Cow<'a, str>> {
        self.text_at(|| path.to_owned(), json)
    }

    /// The same, for a path that is put together only when it is needed.
    pub(super) fn text_at<'a>(
        &mut self,
        path: impl FnOnce() -> String,
        json: JsonText<'a>,
    ) -> Option<Cow<'a, str>> {
        if json.is_null() {
            return None;
        }
        let text = json.plain_text();
        if text.is_none() {
            self.unreadable(&path(), json);
        }
        text.filter(|text| !text.is_empty())
    }

    /// Keeps a member as it came, unless it is nothing.
    pub(super) fn keep(&mut self, path: &str, json: JsonText<'_>) {
        if !matches!(json.get(), "null" | "\"\"") {
            self.attributes.insert(path.into(), RawJson::from_parsed(json));
        }
    }

    /// Keeps a text that its field does not tell back.
    pub(super) fn keep_text(&mut self, path: &str, text: &str) {
        self.attributes.insert(path.into(), RawJson::of(&text.into()));
    }

    /// Keeps what cannot be read, with a flag.
    pub(super) fn unreadable(&mut self, path: &str, json: JsonText<'_>) {
        let member = path.rsplit('.').next().unwrap_or(path);
        self.warnings.push(format!("unreadable_{member}").into());
        self.keep(path, json);
    }
}

/// Puts a text into its field.
pub(super) fn put(fields: &mut Fields, number: FieldNumber, text: Option<&str>) {
    if let Some(text) = text {
        fields.insert(number, Value::Text(text.into()));
    }
}

/// Who is at the other end: `human`, `machine` or `fax`; another word in lower case, and as it came.
pub(super) fn put_user_type(fields: &mut Fields, sheet: &mut Sheet, path: &str, word: &str) {
    if !matches!(word, "HUMAN" | "MACHINE" | "FAX") {
        sheet.keep_text(path, word);
    }
    if word.eq_ignore_ascii_case("machine") {
        put(fields, field::ANSWERED_BY, Some("machine"));
    }
    put(fields, field::USER_TYPE, Some(&word.to_lowercase()));
}
