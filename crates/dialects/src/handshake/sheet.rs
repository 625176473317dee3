//! The sheet on which the values of a posting are entered, the more explicit over the less.
use std::collections::BTreeMap;

use sessionary_core::{
    dictionary::by_number,
    signal::{Attributes, FieldNumber, Fields},
    value::{RawJson, Value},
};

use super::read::Level;

pub(super) struct Sheet {
    slots: BTreeMap<FieldNumber, (Level, Value)>,
    pub(super) attributes: Attributes,
    pub(super) warnings: Vec<Box<str>>,
}

impl Sheet {
    /// A sheet with nothing entered yet, and what was noticed while reading.
    pub(super) fn new(attributes: Attributes, warnings: Vec<Box<str>>) -> Sheet {
        Sheet { slots: BTreeMap::new(), attributes, warnings }
    }

    /// Enters a value. Of two of one level the later holds; a value that does not hold is kept as
    /// an attribute, with a warning if it says something else.
    pub(super) fn enter(&mut self, level: Level, number: FieldNumber, value: Value) {
        let Some((held_level, held)) = self.slots.get_mut(&number) else {
            self.slots.insert(number, (level, value));
            return;
        };
        let is_repetition = *held_level == level;
        let loser = if level >= *held_level {
            *held_level = level;
            std::mem::replace(held, value)
        } else {
            value
        };
        if !is_same(held, &loser) {
            let name = name_of(number);
            let what = if is_repetition { "repeated" } else { "disagreement" };
            self.warn(format!("{what}_{name}"));
            self.supersede(&name, &loser);
        }
    }

    fn supersede(&mut self, name: &str, loser: &Value) {
        let path: Box<str> = format!("superseded.{name}").into();
        let mut losers = match self.attributes.get(&path).map(RawJson::to_json) {
            Some(serde_json::Value::Array(losers)) => losers,
            _ => Vec::new(),
        };
        losers.push(loser.to_json());
        self.attributes.insert(path, RawJson::of(&losers.into()));
    }

    pub(super) fn warn(&mut self, code: impl Into<Box<str>>) {
        let code = code.into();
        if !self.warnings.contains(&code) {
            self.warnings.push(code);
        }
    }

    pub(super) fn get(&self, number: FieldNumber) -> Option<&Value> {
        self.slots.get(&number).map(|(_, value)| value)
    }

    pub(super) fn text(&self, number: FieldNumber) -> Option<&str> {
        self.get(number).and_then(Value::as_text)
    }

    pub(super) fn number(&self, number: FieldNumber) -> Option<u64> {
        self.get(number).and_then(Value::as_number)
    }

    pub(super) fn take(&mut self, number: FieldNumber) -> Option<Value> {
        self.slots.remove(&number).map(|(_, value)| value)
    }

    pub(super) fn lists(&mut self) -> impl Iterator<Item = (FieldNumber, &mut Vec<Box<str>>)> {
        self.slots.iter_mut().filter_map(|(number, (_, value))| match value {
            Value::Texts(texts) => Some((*number, texts)),
            _ => None,
        })
    }

    pub(super) fn into_parts(self) -> (Fields, Attributes, Vec<Box<str>>) {
        let fields = self.slots.into_iter().map(|(number, (_, value))| (number, value)).collect();
        (fields, self.attributes, self.warnings)
    }
}

/// The long name of a number, or the number where it has none.
fn name_of(number: FieldNumber) -> String {
    by_number(number).map_or_else(|| number.0.to_string(), |row| row.name.to_owned())
}

/// Whether two values say the same, however they are spelt.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Instant(one), Value::Instant(other)) => one.at == other.at,
        (one, other) => one == other,
    }
}
