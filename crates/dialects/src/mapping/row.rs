//! One row of a file, and the signals it makes.
use std::borrow::Cow;

use serde_json::value::RawValue;
use sessionary_core::{
    dictionary::{Field, FieldType, Given, Unit, WrongValue, field},
    signal::{Attributes, FieldNumber, Fields, Signal},
    time::{Instant, Millis},
    value::{RawJson, Value},
};

use crate::identities::identity;

use super::{Mapping, SignalRule, moment::Calendar, rows::Record, template::Expression};

/// A row, by the names of its columns.
pub(super) struct Row<'a> {
    number: u64,
    record: &'a Record,
}

/// A row that makes no signals because something in it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {problem}")]
pub struct RowError {
    /// Number of the row, from 1, the names of columns not counted.
    pub row: u64,
    /// What is wrong.
    pub problem: RowProblem,
    /// The row as text, where it could be read that far.
    pub raw: Box<str>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// A column that is calculated with.
    #[error("column `{column}` is {got:?}; a number is needed")]
    NotANumber {
        /// The column.
        column: Box<str>,
        /// What stands there.
        got: Box<str>,
    },
    /// A column that says when.
    #[error("column `{column}` is {got:?}, which the mapping's `occurred_at` cannot read")]
    NotATime {
        /// The column.
        column: Box<str>,
        /// What stands there.
        got: Box<str>,
    },
    /// A value that its field cannot hold.
    #[error(transparent)]
    Value(#[from] WrongValue),
    /// A key of no or too many characters.
    #[error("the key is {got:?}; 1 to 200 characters are needed")]
    Key {
        /// What the template gave.
        got: Box<str>,
    },
    /// The row is no row.
    #[error("{0}")]
    Unreadable(Box<str>),
    /// The file ended in the middle or its device failed: nothing comes after.
    #[error("the file cannot be read on: {0}")]
    Broken(Box<str>),
}

impl RowProblem {
    pub(super) fn not_a_number(column: &str, got: &str) -> RowProblem {
        RowProblem::NotANumber { column: column.into(), got: clip(got) }
    }

    pub(super) fn not_a_time(column: &str, got: &str) -> RowProblem {
        RowProblem::NotATime { column: column.into(), got: clip(got) }
    }

    pub(super) fn too_great(columns: &[Box<str>], sum: rust_decimal::Decimal) -> RowProblem {
        RowProblem::NotANumber { column: columns.join(" + ").into(), got: sum.to_string().into() }
    }
}

fn clip(text: &str) -> Box<str> {
    text.chars().take(64).collect::<String>().into()
}

impl<'a> Row<'a> {
    pub(super) fn new(number: u64, record: &'a Record) -> Row<'a> {
        Row { number, record }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The text of a column; a missing one is empty.
    pub(super) fn text(&self, column: &str) -> Cow<'a, str> {
        self.record.text(column)
    }

    /// The signals of the row, in the order of the mapping.
    pub(super) fn signals(
        &self,
        mapping: &Mapping,
        calendar: &mut Calendar,
    ) -> Result<Vec<Signal>, RowProblem> {
        let at = calendar.moment(&mapping.moment, self)?;
        let key =
            mapping.key.as_ref().map_or_else(|| self.number.to_string(), |key| key.fill(self));
        if !(1..=200).contains(&key.chars().count()) {
            return Err(RowProblem::Key { got: clip(&key) });
        }
        let identities = mapping.identities.iter().filter_map(|(kind, value)| {
            let value = value.fill(self);
            (!value.trim().is_empty()).then(|| identity(kind, &value, None))
        });
        let session = mapping.session.as_ref().map(|session| session.fill(self));
        let common = Signal {
            key: "".into(),
            kind: "".into(),
            occurred_at: at,
            sent_at: None,
            sequence: 0,
            channel: mapping.channel,
            session_type: mapping.session_type,
            source: mapping.source.clone(),
            session: session.filter(|session| !session.is_empty()).map(Into::into),
            identities: identities.collect(),
            claim: None,
            fields: precision(mapping.moment.precision()),
            attributes: Attributes::new(),
            warnings: Vec::new(),
        };

        let mut signals = Vec::new();
        for (place, rule) in (1..).zip(&mapping.signals) {
            if self.meets(rule)? {
                let key = format!("{key}.{place}").into();
                signals.push(self.signal(rule, Signal { key, sequence: place, ..common.clone() })?);
            }
        }
        Ok(signals)
    }

    fn meets(&self, rule: &SignalRule) -> Result<bool, RowProblem> {
        for condition in &rule.conditions {
            if !condition.holds(self)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn signal(&self, rule: &SignalRule, mut signal: Signal) -> Result<Signal, RowProblem> {
        signal.kind = rule.kind.clone().into();
        signal.claim.clone_from(&rule.claim);
        if let (Some(at), Some(after)) = (&signal.occurred_at, &rule.after_ms) {
            match after.whole(self)? {
                0 => {}
                after => signal.occurred_at = Some(Instant::at(at.at.plus(Millis(after)))),
            }
        }
        for (field, expression) in &rule.fields {
            if let Some(value) = self.value(field, expression)? {
                signal.fields.insert(FieldNumber(field.number), value);
            }
        }
        let attributes = rule
            .attributes
            .iter()
            .filter_map(|column| Some((column.clone(), self.record.json(column)?)));
        signal.attributes.extend(attributes);
        Ok(signal)
    }

    fn value(&self, field: &Field, expression: &Expression) -> Result<Option<Value>, RowProblem> {
        let text = expression.text(self)?;
        let is_length = field.kind == FieldType::Number && field.unit == Unit::Millis;
        let text = match expression {
            // A sum of seconds may have parts of a millisecond.
            Expression::Sum(_) if is_length && !text.is_empty() => {
                expression.whole(self)?.to_string()
            }
            _ => text,
        };
        Ok(Value::parse(field, field.member, Given::Text(&text))?)
    }
}

fn precision(word: Option<&'static str>) -> Fields {
    let value = |word: &str| (field::OCCURRED_PRECISION, Value::Text(word.into()));
    word.map(value).into_iter().collect()
}

/// Text of a table as JSON: a number where it is spelt as JSON spells one, else text. `None`: empty.
pub(super) fn json_of(text: &str) -> Option<RawJson> {
    if text.is_empty() {
        return None;
    }
    let number = serde_json::from_str::<&RawValue>(text).ok().filter(|raw| {
        raw.get().starts_with(|char: char| char == '-' || char.is_ascii_digit())
            && raw.get().len() == text.len()
    });
    Some(number.map_or_else(|| RawJson::of(&text.into()), RawJson::from_parsed))
}
