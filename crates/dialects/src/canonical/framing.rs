//! Dividing a body into items by its own shape.
use serde_json::value::RawValue;

use crate::limits::Limits;

/// A body of which nothing can be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Nothing came.
    #[error("the body is empty; send a JSON object, a JSON list, or one JSON object a line")]
    Empty,
    /// Not text.
    #[error("the body is not UTF-8 from byte {at}; send JSON in UTF-8")]
    NotUtf8 {
        /// Bytes that are.
        at: usize,
    },
    /// Not JSON.
    #[error(
        "the body is not JSON: {reason}; send a JSON object, a JSON list, or one JSON object a line"
    )]
    NotJson {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// Two objects on one line.
    #[error(
        "two JSON values follow each other on one line; put each on its own line, or all in a list"
    )]
    NoLineBreak,
    /// Too many items.
    #[error("the body has {got} items; send at most {most} at a time")]
    TooManyItems {
        /// Items that came.
        got: usize,
        /// Items that may come.
        most: usize,
    },
}

impl BodyError {
    /// The stable code of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            BodyError::Empty => "empty_body",
            BodyError::NotUtf8 { .. } => "not_utf8",
            BodyError::NotJson { .. } => "not_json",
            BodyError::NoLineBreak => "no_line_break",
            BodyError::TooManyItems { .. } => "too_many_items",
        }
    }
}

/// The text of a body without the space around it; it is not empty.
pub(crate) fn text_of(body: &[u8]) -> Result<&str, BodyError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| BodyError::NotUtf8 { at: error.valid_up_to() })?
        .trim_start_matches('\u{feff}')
        .trim();
    if text.is_empty() { Err(BodyError::Empty) } else { Ok(text) }
}

/// The items of a body as text. Those of a body with one object a line may turn out not to be JSON.
pub(crate) fn split<'a>(text: &'a str, limits: &Limits) -> Result<Vec<&'a str>, BodyError> {
    let items = match text.as_bytes().first() {
        Some(b'[') => list(text)?,
        Some(b'{') => sequence(text).or_else(|error| lines(text).ok_or(error))?,
        _ => lines(text).ok_or_else(|| not_json(text))?,
    };
    if items.len() > limits.items {
        return Err(BodyError::TooManyItems { got: items.len(), most: limits.items });
    }
    Ok(items)
}

fn list(text: &str) -> Result<Vec<&str>, BodyError> {
    let items: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| BodyError::NotJson { reason: error.to_string() })?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

/// Whole values, each on lines of its own.
fn sequence(text: &str) -> Result<Vec<&str>, BodyError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut items: Vec<&str> = Vec::new();
    let mut end = 0;
    while let Some(value) = values.next() {
        let item = value.map_err(|error| BodyError::NotJson { reason: error.to_string() })?.get();
        let start = values.byte_offset().saturating_sub(item.len());
        let gap = text.get(end..start).unwrap_or_default();
        if !items.is_empty() && !gap.contains('\n') {
            return Err(BodyError::NoLineBreak);
        }
        end = values.byte_offset();
        items.push(item);
    }
    Ok(items)
}

/// The lines, if one of them at least is an object: then the others are bad items of a good body.
fn lines(text: &str) -> Option<Vec<&str>> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_object =
        |line: &&str| line.starts_with('{') && serde_json::from_str::<&RawValue>(line).is_ok();
    (lines.len() > 1 && lines.iter().any(is_object)).then_some(lines)
}

fn not_json(text: &str) -> BodyError {
    let reason = match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => "it is a single value".to_owned(),
        Err(error) => error.to_string(),
    };
    BodyError::NotJson { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(body: &str, expected: &Expect) {
        let limits = Limits { items: 3, ..Limits::default() };
        expected.assert_eq(&match text_of(body.as_bytes()).and_then(|text| split(text, &limits)) {
            Ok(items) => items.join(" / "),
            Err(error) => format!("{}: {error}", error.code()),
        });
    }

    #[test]
    fn an_object_a_list_and_lines_are_told_apart_by_themselves() {
        check(r#"{"a":1}"#, &expect![[r#"{"a":1}"#]]);
        check("\u{feff} [{}, {} ]", &expect!["{} / {}"]);
        check("{\"a\":1}\n{\"b\":2}\r\n\n", &expect![[r#"{"a":1} / {"b":2}"#]]);
        check(
            "{\n \"a\":1\n}\n{\n \"b\":2\n}",
            &expect![[r#"
            {
             "a":1
            } / {
             "b":2
            }"#]],
        );
        check("[]", &expect![""]);
    }

    #[test]
    fn a_bad_line_is_an_item_among_good_ones() {
        check("{\"a\":1}\n{\"b\":\n{\"c\":3}", &expect![[r#"{"a":1} / {"b": / {"c":3}"#]]);
        check("{\"a\":1}\n{}{}", &expect![[r#"{"a":1} / {}{}"#]]);
        check("oops\n{\"a\":1}", &expect![[r#"oops / {"a":1}"#]]);
    }

    #[test]
    fn a_body_that_is_none_of_these_is_refused_whole() {
        check(
            "",
            &expect![
                "empty_body: the body is empty; send a JSON object, a JSON list, or one JSON object a line"
            ],
        );
        check(
            "3",
            &expect![
                "not_json: the body is not JSON: it is a single value; send a JSON object, a JSON list, or one JSON object a line"
            ],
        );
        check(
            "{\"a\":1}{\"b\":2}",
            &expect![
                "no_line_break: two JSON values follow each other on one line; put each on its own line, or all in a list"
            ],
        );
        check(
            "{\"a\":1} {\"b\":2}",
            &expect![
                "no_line_break: two JSON values follow each other on one line; put each on its own line, or all in a list"
            ],
        );
        check(
            "{\"a\":",
            &expect![
                "not_json: the body is not JSON: EOF while parsing a value at line 1 column 5; send a JSON object, a JSON list, or one JSON object a line"
            ],
        );
        check(
            "[{},{},{},{}]",
            &expect!["too_many_items: the body has 4 items; send at most 3 at a time"],
        );
    }
}
