//! Values of fields, typed by their dictionary row.
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{json::JsonText, time::Instant};

/// The value of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Text as sent.
    #[serde(rename = "t")]
    Text(Box<str>),
    /// A count, code or length.
    #[serde(rename = "n")]
    Number(u64),
    /// An exact decimal, scale kept (`1.00` stays `1.00`).
    #[serde(rename = "d")]
    Decimal(Decimal),
    /// A moment with its spelling.
    #[serde(rename = "i")]
    Instant(Instant),
    /// Yes or no.
    #[serde(rename = "b")]
    Flag(bool),
    /// A list of texts; an empty text stands for a missing member.
    #[serde(rename = "l")]
    Texts(Vec<Box<str>>),
    /// A JSON value as it was sent.
    #[serde(rename = "j")]
    Json(RawJson),
}

impl Value {
    /// The text of a `Text`.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a `Number`.
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The decimal of a `Decimal`.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Value::Decimal(decimal) => Some(*decimal),
            _ => None,
        }
    }

    /// The value as our own JSON writes it: numbers up to 2^53 as numbers, greater ones and exact
    /// decimals as text (C6, C24).
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Text(text) => serde_json::Value::from(&**text),
            Value::Number(number) if *number <= 1 << 53 => serde_json::Value::from(*number),
            Value::Number(number) => serde_json::Value::from(number.to_string()),
            Value::Decimal(decimal) => serde_json::Value::from(decimal.to_string()),
            Value::Instant(instant) => serde_json::Value::from(instant.at.to_string()),
            Value::Flag(flag) => serde_json::Value::from(*flag),
            Value::Texts(texts) => texts
                .iter()
                .map(|text| match &**text {
                    "" => serde_json::Value::Null,
                    text => serde_json::Value::from(text),
                })
                .collect(),
            Value::Json(raw) => raw.to_json(),
        }
    }
}

/// The text of one JSON value, kept as it was sent. Invariant: it parses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Keeps `text`, which the caller has parsed as one JSON value.
    pub fn from_parsed<'a>(text: impl Into<JsonText<'a>>) -> RawJson {
        RawJson(text.into().get().into())
    }

    /// The text of `value`.
    pub fn of(value: &serde_json::Value) -> RawJson {
        RawJson(value.to_string().into())
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The parsed value.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or(serde_json::Value::Null)
    }
}
