//! Dividing a body into calls: a batch, or one call alone.
//!
//! What stands beside a batch is transport, but for its `context`, which holds for every call in it.
use std::borrow::Cow;

use serde_json::value::RawValue;
use sessionary_core::json::{Bounds, JsonText, Scanner};

use crate::{Limits, canonical::members::Members};

/// A body of which nothing can be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Nothing came.
    #[error("the body is empty; send a call, or {{\"batch\": [calls]}}")]
    Empty,
    /// Not text.
    #[error("the body is not UTF-8 from byte {at}; send JSON in UTF-8")]
    NotUtf8 {
        /// Bytes that are.
        at: usize,
    },
    /// Not JSON.
    #[error("the body is not JSON: {reason}; send a call, or {{\"batch\": [calls]}}")]
    NotJson {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// JSON, and neither a call nor a batch.
    #[error("the body is no JSON object; send a call, or {{\"batch\": [calls]}}")]
    NotAnObject,
    /// A batch that is no list.
    #[error("`batch` is no list; send {{\"batch\": [calls]}}")]
    NoList,
    /// Too many calls.
    #[error("the batch has {got} calls; send at most {most} at a time")]
    TooManyCalls {
        /// Calls that came.
        got: usize,
        /// Calls that may come.
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
            BodyError::NotAnObject => "not_an_object",
            BodyError::NoList => "no_list",
            BodyError::TooManyCalls { .. } => "too_many_calls",
        }
    }
}

/// A batch has at most this many times the calls that a body of our own form may have: libraries
/// for telephones fill a batch by bytes, up to 475 kB, and not by count.
const CALLS_FACTOR: usize = 10;

/// A body taken apart, its calls unread.
#[derive(Clone, Debug, Default)]
pub struct Posting<'a> {
    pub(super) calls: Vec<&'a str>,
    pub(super) sent_at: Option<JsonText<'a>>,
    pub(super) context: Option<JsonText<'a>>,
    write_key: Option<Cow<'a, str>>,
    is_batch: bool,
}

impl Posting<'_> {
    /// Whether it is a batch, be it of one call.
    pub fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// The key that stands in the body.
    pub fn write_key(&self) -> Option<&str> {
        self.write_key.as_deref()
    }

    /// The calls as they came.
    pub fn texts(&self) -> &[&'_ str] {
        &self.calls
    }
}

/// Takes a body apart.
///
/// # Errors
/// A body of which nothing can be kept.
pub fn read<'a>(body: &'a [u8], limits: &Limits) -> Result<Posting<'a>, BodyError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| BodyError::NotUtf8 { at: error.valid_up_to() })?
        .trim_start_matches('\u{feff}')
        .trim();
    if text.is_empty() {
        return Err(BodyError::Empty);
    }
    let posting = match in_one_pass(text) {
        Some(posting) => posting,
        None => carefully(text)?,
    };
    let most = limits.items.saturating_mul(CALLS_FACTOR);
    match posting.calls.len() {
        got if got > most => Err(BodyError::TooManyCalls { got, most }),
        _ => Ok(posting),
    }
}

/// How far the calls are apart is all that is looked for here; each is judged on its own.
const FAR: Bounds = Bounds { depth: 128, members: usize::MAX, text_bytes: usize::MAX };

/// A body that is JSON throughout and not too deep; `None`: look at it again.
fn in_one_pass(text: &str) -> Option<Posting<'_>> {
    let mut scanner = Scanner::new(text, FAR);
    let mut posting = Posting::default();
    let mut passed = scanner.open(b'{')?;
    while let Some(name) = scanner.name(&mut passed)? {
        match name.get() {
            "\"batch\"" if scanner.peek()? == b'[' => {
                posting.calls = list(&mut scanner)?;
                posting.is_batch = true;
            }
            "\"batch\"" => return None,
            name => posting.beside(name.trim_matches('"'), scanner.value()?),
        }
    }
    if !posting.is_batch {
        posting.alone(text);
    }
    scanner.space();
    scanner.peek().is_none().then_some(posting)
}

fn list<'a>(scanner: &mut Scanner<'a>) -> Option<Vec<&'a str>> {
    let mut calls = Vec::new();
    let mut passed = scanner.open(b'[')?;
    while scanner.item(&mut passed)? {
        calls.push(scanner.value()?.get());
    }
    Some(calls)
}

impl<'a> Posting<'a> {
    /// A member beside the batch.
    fn beside(&mut self, name: &str, json: JsonText<'a>) {
        match name {
            "sentAt" => self.sent_at = Some(json),
            "context" => self.context = Some(json),
            "writeKey" => self.write_key = json.plain_text().filter(|key| !key.is_empty()),
            _ => {}
        }
    }

    /// The body is one call, and what stands in it is the call's own.
    fn alone(&mut self, text: &'a str) {
        (self.sent_at, self.context) = (None, None);
        self.calls = vec![text];
    }
}

/// The same for a body that is deeper than one pass goes, and the reason why one is no JSON.
fn carefully(text: &str) -> Result<Posting<'_>, BodyError> {
    let not_json = |error: serde_json::Error| BodyError::NotJson { reason: error.to_string() };
    let mut posting = Posting::default();
    if !text.starts_with('{') {
        let any: Result<&RawValue, _> = serde_json::from_str(text);
        return Err(any.map_or_else(not_json, |_| BodyError::NotAnObject));
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(not_json)?;
    for (name, json) in &members.by_name {
        posting.beside(name, (*json).into());
    }
    match members.by_name.get("batch").filter(|batch| batch.get() != "null") {
        Some(batch) => {
            let calls: Vec<&RawValue> =
                serde_json::from_str(batch.get()).map_err(|_| BodyError::NoList)?;
            posting.calls = calls.into_iter().map(RawValue::get).collect();
            posting.is_batch = true;
        }
        None => posting.alone(text),
    }
    Ok(posting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(body: &str, expected: &Expect) {
        let limits = Limits { items: 1, ..Limits::default() };
        expected.assert_eq(&match read(body.as_bytes(), &limits) {
            Ok(posting) => format!(
                "{} key {:?} sent {:?} context {:?}",
                posting.calls.join(" / "),
                posting.write_key(),
                posting.sent_at.map(JsonText::get),
                posting.context.map(JsonText::get),
            ),
            Err(error) => format!("{}: {error}", error.code()),
        });
    }

    #[test]
    fn a_batch_and_one_call_are_told_apart() {
        check(
            r#"{"batch":[{"a":1}, 2],"sentAt":"s","context":{},"writeKey":"k","timestamp":"t"}"#,
            &expect![[r#"{"a":1} / 2 key Some("k") sent Some("\"s\"") context Some("{}")"#]],
        );
        check(
            "\u{feff}{\"type\":\"page\",\"sentAt\":\"s\",\"writeKey\":\"k\"}\n",
            &expect![[
                r#"{"type":"page","sentAt":"s","writeKey":"k"} key Some("k") sent None context None"#
            ]],
        );
        check(r#"{"batch":[]}"#, &expect![" key None sent None context None"]);
        check(r#"{"batch":null}"#, &expect![[r#"{"batch":null} key None sent None context None"#]]);
    }

    #[test]
    fn a_call_that_is_too_deep_fails_none_beside_it() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let body = format!(r#"{{"batch":[{{"a":{deep}}},{{}}],"writeKey":"k"}}"#);
        let posting = read(body.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((posting.texts().len(), posting.write_key()), (2, Some("k")));
        let single = format!(r#"{{"a":{deep}}}"#);
        assert_eq!(read(single.as_bytes(), &Limits::default()).unwrap().texts(), [&single]);
    }

    #[test]
    fn a_body_that_is_none_of_these_is_refused_whole() {
        check(
            " ",
            &expect![[r#"empty_body: the body is empty; send a call, or {"batch": [calls]}"#]],
        );
        check(
            "{\"batch\":[",
            &expect![[
                r#"not_json: the body is not JSON: EOF while parsing a list at line 1 column 10; send a call, or {"batch": [calls]}"#
            ]],
        );
        let not_an_object = expect![[
            r#"not_an_object: the body is no JSON object; send a call, or {"batch": [calls]}"#
        ]];
        check("7", &not_an_object);
        check("[{}]", &not_an_object);
        check(&format!("{}{}", "[".repeat(9_999), "]".repeat(9_999)), &not_an_object);
        check(
            "{\"batch\":7}",
            &expect![[r#"no_list: `batch` is no list; send {"batch": [calls]}"#]],
        );
        check(
            "{}{}",
            &expect![[
                r#"not_json: the body is not JSON: trailing characters at line 1 column 3; send a call, or {"batch": [calls]}"#
            ]],
        );
        let many = format!("{{\"batch\":[{}1]}}", "1,".repeat(10));
        check(&many, &expect!["too_many_calls: the batch has 11 calls; send at most 10 at a time"]);
    }
}
