//! One value of a column, whatever its type.
use std::fmt;

/// A value as it lies in a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(i64),
    Truth(bool),
}

/// A value on its own: a parameter, or part of an answer. Words order by kind, then by value; text by
/// its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// No value.
    Null,
    /// A truth value.
    Truth(bool),
    /// Any whole number, also a time or a decimal's units.
    Number(i64),
    /// Text; binary values that are none, and all of fixed size, are told in lower-case hexadecimal
    /// digits.
    Text(Box<str>),
}

impl From<Value<'_>> for Word {
    fn from(value: Value<'_>) -> Word {
        match value {
            Value::Null => Word::Null,
            Value::Text(text) => Word::Text(text.into()),
            Value::Bytes(bytes) => Word::Text(hexadecimal(bytes).into()),
            Value::Number(number) => Word::Number(number),
            Value::Truth(truth) => Word::Truth(truth),
        }
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word::Text(text.into())
    }
}

impl From<i64> for Word {
    fn from(number: i64) -> Word {
        Word::Number(number)
    }
}

impl From<bool> for Word {
    fn from(truth: bool) -> Word {
        Word::Truth(truth)
    }
}

/// As a report shows it; a null is shown as nothing.
impl fmt::Display for Word {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Null => Ok(()),
            Word::Truth(truth) => truth.fmt(to),
            Word::Number(number) => number.fmt(to),
            Word::Text(text) => text.fmt(to),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(four.into(), 16);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect()
}
