//! Reading a value by the type of its row.
//!
//! Senders write numbers as text and text as numbers; both are read. What cannot be read is an
//! error that names the member as the sender spelt it.
use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::{Field, FieldType};
use crate::{
    json::JsonText,
    time::parse_instant,
    value::{RawJson, Value},
};

/// A value before it has a type.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// Text of a form, a query or a flat disposition: a list is divided by `|` (D16).
    Text(&'a str),
    /// A JSON value: a list is an array, and text is a list of one.
    Json(JsonText<'a>),
}

/// A value that its field cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {got}; send {send}")]
pub struct WrongValue {
    /// The field as the sender spelt it.
    pub field: String,
    /// What came, at most 64 characters of it.
    pub got: String,
    /// What to send.
    pub send: &'static str,
}

impl Value {
    /// Reads what came for `field`, which the sender spelt `spelt`. `None`: nothing came, that is
    /// null, empty text or a list of nothing (C21).
    ///
    /// # Errors
    /// What came is no value of the field's type.
    pub fn parse(
        field: &Field,
        spelt: &str,
        given: Given<'_>,
    ) -> Result<Option<Value>, WrongValue> {
        let read = match given {
            Given::Text(text) => from_text(field.kind, text),
            Given::Json(raw) => from_json(field.kind, raw),
        };
        let got = || match given {
            Given::Text(text) => format!("{:?}", clip(text)),
            Given::Json(raw) => clip(raw.get()).to_owned(),
        };
        let wrong = || WrongValue { field: spelt.to_owned(), got: got(), send: to_send(field) };
        match read {
            Read::Value(value) => Ok(Some(value)),
            Read::Nothing => Ok(None),
            Read::Wrong => Err(wrong()),
        }
    }
}

enum Read {
    Value(Value),
    Nothing,
    Wrong,
}

impl Read {
    fn of(value: Option<Value>) -> Read {
        value.map_or(Read::Wrong, Read::Value)
    }
}

fn to_send(field: &Field) -> &'static str {
    match field.kind {
        FieldType::Text => "text",
        FieldType::Number => "an unsigned integer such as 11000",
        FieldType::Decimal => "a decimal such as 24.66, with a point and without a currency",
        FieldType::Instant => "ISO 8601 such as 2026-01-05T10:00:00Z or 20260105T100000Z",
        FieldType::Flag => "true or false",
        FieldType::Texts => "a list of texts",
        FieldType::Json => "a JSON value",
    }
}

fn clip(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(end, _)| text.split_at(end).0)
}

fn from_text(kind: FieldType, text: &str) -> Read {
    let bare = text.trim();
    if bare.is_empty() {
        return Read::Nothing;
    }
    match kind {
        FieldType::Texts => list(text.split('|').map(Box::from).collect()),
        FieldType::Json => Read::Value(Value::Json(json_or_text(text))),
        _ => scalar(kind, text, bare),
    }
}

fn scalar(kind: FieldType, text: &str, bare: &str) -> Read {
    Read::of(match kind {
        FieldType::Number => number(bare).map(Value::Number),
        FieldType::Decimal => decimal(bare).map(Value::Decimal),
        FieldType::Instant => parse_instant(text).ok().map(Value::Instant),
        FieldType::Flag => flag(bare).map(Value::Flag),
        FieldType::Text | FieldType::Texts | FieldType::Json => Some(Value::Text(text.into())),
    })
}

fn from_json(kind: FieldType, json: JsonText<'_>) -> Read {
    if json.is_null() {
        return Read::Nothing;
    }
    match kind {
        FieldType::Json => Read::Value(Value::Json(RawJson::from_parsed(json))),
        FieldType::Texts => texts(json).map_or(Read::Wrong, list),
        _ => match json.plain_text() {
            Some(text) if text.trim().is_empty() => Read::Nothing,
            Some(Cow::Owned(text)) if kind == FieldType::Text => {
                Read::Value(Value::Text(text.into()))
            }
            Some(text) => scalar(kind, &text, text.trim()),
            None => Read::Wrong,
        },
    }
}

fn texts(json: JsonText<'_>) -> Option<Vec<Box<str>>> {
    if !json.get().starts_with('[') {
        return json.plain_text().map(|text| vec![text.into()]);
    }
    let members: Vec<&RawValue> = serde_json::from_str(json.get()).ok()?;
    let text = |member: &&RawValue| match member.get() {
        "null" => Some("".into()),
        _ => JsonText::from(*member).plain_text().map(Into::into),
    };
    members.iter().map(text).collect()
}

fn list(texts: Vec<Box<str>>) -> Read {
    if texts.iter().all(|text| text.is_empty()) {
        return Read::Nothing;
    }
    Read::Value(Value::Texts(texts))
}

/// A whole number, also when it is spelt `11000.0` or `1e3`.
fn number(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let decimal = decimal(text)?;
    if decimal.fract().is_zero() { decimal.try_into().ok() } else { None }
}

/// A decimal with all its digits, or nothing: it is never rounded.
fn decimal(text: &str) -> Option<Decimal> {
    let plain = || Decimal::from_str_exact(text).ok();
    let digits = text.trim_start_matches(['+', '-']);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if text.contains('_') {
        return None;
    }
    plain().or_else(|| Decimal::from_scientific(text).ok())
}

fn flag(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "yes", "1"]) {
        return Some(true);
    }
    is(["false", "no", "0"]).then_some(false)
}

fn json_or_text(text: &str) -> RawJson {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => RawJson::from_parsed(raw),
        Err(_) => RawJson::of(&serde_json::Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::by_name;
    use expect_test::{Expect, expect};

    fn text(name: &str, text: &str, expected: &Expect) {
        check(name, Given::Text(text), expected);
    }

    fn json(name: &str, json: &str, expected: &Expect) {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        check(name, Given::Json(raw.into()), expected);
    }

    fn check(name: &str, given: Given<'_>, expected: &Expect) {
        let read = match Value::parse(by_name(name).unwrap(), name, given) {
            Ok(Some(value)) => format!("{value:?}"),
            Ok(None) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&read);
    }

    #[test]
    fn numbers_may_be_text_and_text_may_be_numbers() {
        json("session_duration", "11000", &expect!["Number(11000)"]);
        json("session_duration", r#""11000""#, &expect!["Number(11000)"]);
        json("session_duration", "11000.0", &expect!["Number(11000)"]);
        json("user_postal_code", "92101", &expect![[r#"Text("92101")"#]]);
        json("authenticated", r#""yes""#, &expect!["Flag(true)"]);
        text("session_duration", " 11000 ", &expect!["Number(11000)"]);
        json("echo_id", "18446744073709551615", &expect!["Number(18446744073709551615)"]);
    }

    #[test]
    fn a_decimal_keeps_its_scale_and_is_never_rounded() {
        text("commerce_order_quantity", "1.00", &expect!["Decimal(1.00)"]);
        json("commerce_order_total", "24.66", &expect!["Decimal(24.66)"]);
        text(
            "commerce_order_total",
            "24,66 EUR",
            &expect![
                "`commerce_order_total` is \"24,66 EUR\"; send a decimal such as 24.66, with a point and without a currency"
            ],
        );
        text(
            "commerce_order_total",
            "0.12345678901234567890123456789012",
            &expect![
                "`commerce_order_total` is \"0.12345678901234567890123456789012\"; send a decimal such as 24.66, with a point and without a currency"
            ],
        );
    }

    #[test]
    fn a_list_is_divided_by_pipes_in_text_and_by_json_in_json() {
        let list = "SKU-001||SKU-002";
        text("commerce_items_sku", list, &expect![[r#"Texts(["SKU-001", "", "SKU-002"])"#]]);
        json("commerce_items_sku", r#"["a|b",null,3]"#, &expect![[r#"Texts(["a|b", "", "3"])"#]]);
        json("search_terms", r#""a|b""#, &expect![[r#"Texts(["a|b"])"#]]);
    }

    #[test]
    fn json_may_come_as_itself_or_as_text() {
        text("echo_json", r#"{"a":1}"#, &expect![[r#"Json(RawJson("{\"a\":1}"))"#]]);
        text("echo_json", "{a}", &expect![[r#"Json(RawJson("\"{a}\""))"#]]);
        json("echo_json", r#"{"a":1}"#, &expect![[r#"Json(RawJson("{\"a\":1}"))"#]]);
    }

    #[test]
    fn null_empty_text_and_an_empty_list_are_nothing() {
        json("user_city", "null", &expect!["nothing"]);
        json("user_city", r#""""#, &expect!["nothing"]);
        text("session_duration", "", &expect!["nothing"]);
        text("commerce_items_sku", "||", &expect!["nothing"]);
        json("commerce_items_sku", "[]", &expect!["nothing"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_as_the_sender_spelt_it() {
        json(
            "session_duration",
            "-3",
            &expect!["`session_duration` is -3; send an unsigned integer such as 11000"],
        );
        json(
            "session_start_timestamp",
            r#""tomorrow""#,
            &expect![[
                r#"`session_start_timestamp` is "tomorrow"; send ISO 8601 such as 2026-01-05T10:00:00Z or 20260105T100000Z"#
            ]],
        );
        json("user_city", "[1]", &expect!["`user_city` is [1]; send text"]);
    }
}
