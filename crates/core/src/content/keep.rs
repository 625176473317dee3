//! Which value of a field a session keeps when several signals bring one.
use crate::{
    dictionary::{self, Keep},
    signal::{FieldNumber, Fields},
    value::Value,
};

use super::MEMBERS_MAX;

/// Keeps a value of a field as its dictionary row says: the first, the last, the greatest, the sum or all.
pub(super) fn keep(fields: &mut Fields, number: FieldNumber, value: &Value) {
    let keep = dictionary::by_number(number).map_or(Keep::Last, |row| row.keep);
    match keep {
        Keep::Signal => {}
        Keep::First => {
            fields.entry(number).or_insert_with(|| value.clone());
        }
        Keep::Last => {
            // Most signals repeat what the one before said.
            if fields.get(&number) != Some(value) {
                fields.insert(number, value.clone());
            }
        }
        Keep::Greatest => {
            let known = fields.entry(number).or_insert_with(|| value.clone());
            if greater(value, known) {
                *known = value.clone();
            }
        }
        Keep::Sum => {
            let known = fields.remove(&number);
            fields.insert(number, sum(known, value));
        }
        Keep::All => {
            let known = fields.remove(&number);
            fields.insert(number, joined(known, value));
        }
    }
}

/// Whether a session keeps values of the field at all.
pub(super) fn concerns_session(number: FieldNumber) -> bool {
    dictionary::by_number(number).is_none_or(|row| row.keep != Keep::Signal)
}

fn greater(value: &Value, than: &Value) -> bool {
    match (value, than) {
        (Value::Number(value), Value::Number(than)) => value > than,
        (Value::Decimal(value), Value::Decimal(than)) => value > than,
        (Value::Instant(value), Value::Instant(than)) => value.at > than.at,
        _ => false,
    }
}

fn sum(known: Option<Value>, value: &Value) -> Value {
    match (known, value) {
        (Some(Value::Number(known)), Value::Number(value)) => {
            Value::Number(known.saturating_add(*value))
        }
        (Some(Value::Decimal(known)), Value::Decimal(value)) => {
            Value::Decimal(known.saturating_add(*value))
        }
        _ => value.clone(),
    }
}

fn joined(known: Option<Value>, value: &Value) -> Value {
    let mut texts = match known {
        Some(Value::Texts(texts)) => texts,
        Some(Value::Text(text)) => vec![text],
        _ => Vec::new(),
    };
    let more = match value {
        Value::Texts(more) => more.clone(),
        Value::Text(text) => vec![text.clone()],
        other => return other.clone(),
    };
    for text in more {
        if texts.len() < MEMBERS_MAX && !texts.contains(&text) {
            texts.push(text);
        }
    }
    Value::Texts(texts)
}
