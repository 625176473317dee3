//! From a record to its cells.
use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::Value;
use sessionary_core::time::parse_instant;

use super::cell::{Cell, Kind};

/// What the record has at a path; null and an empty text are nothing.
pub(crate) fn at<'r>(record: &'r Value, path: &str) -> Option<&'r Value> {
    let found = path.split('.').try_fold(record, |object, step| object.get(step))?;
    let says_nothing = matches!(found, Value::Null) || found.as_str() == Some("");
    (!says_nothing).then_some(found)
}

/// A value of the record as a cell of a kind; one that is none of that kind is nothing.
pub(crate) fn cell(value: Option<&Value>, kind: Kind) -> Cell<'_> {
    let Some(value) = value else { return Cell::Null };
    let of_kind = match kind {
        Kind::Text => Some(Cell::Text(text(value))),
        Kind::Number => number(value).map(Cell::Number),
        Kind::Decimal => decimal(value).map(Cell::Decimal),
        Kind::Instant => value
            .as_str()
            .and_then(|text| parse_instant(text).ok())
            .map(|instant| Cell::Instant(instant.at)),
        Kind::Flag => value.as_bool().map(Cell::Flag),
        Kind::Texts => texts(value).map(Cell::Texts),
        Kind::Hash => value.as_str().and_then(hash).map(Cell::Hash),
    };
    of_kind.unwrap_or(Cell::Null)
}

/// A text; anything else as its JSON.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A number; the record writes those beyond 2^53 as text.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// 32 hex digits.
fn hash(text: &str) -> Option<[u8; 16]> {
    let digits = (text.len() == 32).then_some(text)?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

fn texts(value: &Value) -> Option<Vec<Cow<'_, str>>> {
    let one = |item| match item {
        &Value::Null => Cow::Borrowed(""),
        item => text(item),
    };
    Some(value.as_array()?.iter().map(one).collect())
}
