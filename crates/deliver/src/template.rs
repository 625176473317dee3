//! The one small language of keys, subjects, texts and requests.
//!
//! `{name}` is a value of the parcel, `{dotted.path}` one of the record (`{record.channel}` where
//! the path is a single word), `{name|default}` gives a word for what is missing or empty,
//! `{name:filter}` writes it for its surroundings, `{{` and `}}` are braces. Anything else is text.
//! What is missing is empty. Templates are checked when they are read; filling one in cannot fail.
use crate::values::{self, Values};

/// A text with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    name: String,
    filter: Option<Filter>,
    default: String,
}

/// How a value is written for its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Inside `'…'` of SOQL.
    Soql,
    /// A value of a `ServiceNow` encoded query.
    EncodedQuery,
    /// Text of an HTML document.
    Html,
    /// Base64.
    Base64,
    /// Digits alone.
    Digits,
    /// As it is; a text of JSON that is nothing else becomes a number, if it is one.
    Number,
}

/// In the order in which the refusal of an unknown one lists them.
const FILTERS: [(&str, Filter); 6] = [
    ("soql", Filter::Soql),
    ("encoded_query", Filter::EncodedQuery),
    ("html", Filter::Html),
    ("base64", Filter::Base64),
    ("digits", Filter::Digits),
    ("number", Filter::Number),
];

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("`{{` at byte {0} is never closed; write `{{{{` for a brace")]
    Open(usize),
    #[error("`}}` at byte {0} closes nothing; write `}}}}` for a brace")]
    Close(usize),
    #[error(
        "`{{{0}}}` is no name; a path of the record has dots, such as `record.channel`; known are {1}"
    )]
    Name(String, String),
    #[error("`{word}` is no filter; known are {known}", known = FILTERS.map(|(word, _)| word).join(", "))]
    Filter { word: String },
}

impl Template {
    /// Reads a template that may use the names of every parcel.
    pub(crate) fn parse(text: &str) -> Result<Template, TemplateError> {
        Template::parse_with(text, &[])
    }

    /// Reads a template that may use these names as well.
    pub(crate) fn parse_with(text: &str, more: &[String]) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(brace);
            plain.push_str(before);
            let at = text.len() - from_brace.len();
            if let Some(after) = strip_doubled(from_brace) {
                plain.extend(from_brace.chars().next());
                rest = after;
                continue;
            }
            let inside = from_brace.strip_prefix('{').ok_or(TemplateError::Close(at))?;
            let (place, after) = inside.split_once('}').ok_or(TemplateError::Open(at))?;
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Place(Place::parse(place, more)?));
            rest = after;
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Template { parts })
    }

    /// Filled in.
    pub(crate) fn fill(&self, values: &Values<'_>) -> String {
        self.fill_with(values, str::to_owned)
    }

    /// Filled in, each value written by `write`.
    pub(crate) fn fill_with(&self, values: &Values<'_>, write: impl Fn(&str) -> String) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Place(place) => filled.push_str(&write(&place.value(values))),
            }
        }
        filled
    }

    /// Whether it has a place for this name.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Place(place) if place.name == name))
    }

    /// Whether it is one place that asks for a number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Place(place)] if place.filter == Some(Filter::Number))
    }

    /// Whether it has no place at all.
    pub(crate) fn is_fixed(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Place(_)))
    }
}

impl Place {
    fn parse(inside: &str, more: &[String]) -> Result<Place, TemplateError> {
        let (name, default) = inside.split_once('|').unwrap_or((inside, ""));
        let (name, filter) = match name.split_once(':') {
            Some((name, word)) => (name, Some(Filter::parse(word.trim())?)),
            None => (name, None),
        };
        let name = name.trim();
        if !values::is_known(name) && !more.iter().any(|known| known == name) {
            let known = values::NAMES.iter().copied().chain(more.iter().map(String::as_str));
            let known: Vec<&str> = known.collect();
            return Err(TemplateError::Name(inside.to_owned(), known.join(", ")));
        }
        Ok(Place { name: name.to_owned(), filter, default: default.to_owned() })
    }

    fn value(&self, values: &Values<'_>) -> String {
        let found = values.get(&self.name).filter(|value| !value.is_empty());
        let value = found.unwrap_or_else(|| self.default.clone().into());
        match self.filter {
            Some(filter) => filter.write(&value),
            None => value.into_owned(),
        }
    }
}

impl Filter {
    fn parse(word: &str) -> Result<Filter, TemplateError> {
        let row = FILTERS.iter().find(|(name, _)| *name == word);
        row.map(|(_, filter)| *filter)
            .ok_or_else(|| TemplateError::Filter { word: word.to_owned() })
    }

    fn write(self, value: &str) -> String {
        match self {
            Filter::Soql => soql(value),
            Filter::EncodedQuery => encoded_query(value),
            Filter::Html => html(value),
            Filter::Base64 => values::base64(value.as_bytes()),
            Filter::Digits => value.chars().filter(char::is_ascii_digit).collect(),
            Filter::Number => value.to_owned(),
        }
    }
}

/// A quote or backslash cannot end the text it stands in.
fn soql(value: &str) -> String {
    let mut safe = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\'' | '"' | '\\' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// No `^`, which would begin another condition, and no `javascript:`, which would be run.
fn encoded_query(value: &str) -> String {
    let safe: String = value.chars().filter(|c| *c != '^' && !c.is_control()).collect();
    if safe.to_ascii_lowercase().contains("javascript:") { safe.replace(':', "") } else { safe }
}

fn html(value: &str) -> String {
    let mut safe = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' => safe.push_str("<br>"),
            c => safe.push(c),
        }
    }
    safe
}

/// What follows a doubled brace.
fn strip_doubled(text: &str) -> Option<&str> {
    text.strip_prefix("{{").or_else(|| text.strip_prefix("}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::tests::with_sample;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn check(template: &str, expected: &Expect) {
        let filled = match Template::parse(template) {
            Ok(template) => with_sample(|values| template.fill(values)),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&filled);
    }

    #[test]
    fn values_come_from_the_parcel_and_the_record() {
        check("{session_id} r{revision}", &expect!["0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67 r2"]);
        check("{person.phone}/{record.channel}", &expect!["+15550100/voice"]);
        check("{legs.0.agent}", &expect!["a7"]);
        check(
            "{disposition.code}: {disposition.notes}",
            &expect!["10: she said \"yes\" <ok>\nbye"],
        );
        check("{person.address}", &expect![[r#"{"city":"Köln"}"#]]);
        check(
            "[{person.fax}] [{person.fax|none}] [{person.empty|none}]",
            &expect!["[] [none] [none]"],
        );
        check("{{{revision}}} {{}}", &expect!["{2} {}"]);
    }

    #[test]
    fn a_filter_writes_a_value_for_its_surroundings() {
        check("'{person.name.last:soql}'", &expect![r"'O\'Neil\\'"]);
        check("{attributes.query:encoded_query}", &expect!["1ORactive=true"]);
        check("{attributes.script:encoded_query}", &expect!["javascriptgs.log()"]);
        check("{disposition.notes:html}", &expect!["she said &quot;yes&quot; &lt;ok&gt;<br>bye"]);
        check("{person.phone:base64} {person.phone:digits}", &expect!["KzE1NTUwMTAw 15550100"]);
    }

    #[test]
    fn what_is_wrong_is_said_when_it_is_read() {
        let refused = |text: &str| Template::parse(text).unwrap_err().to_string();
        for (text, name) in [("{sesion_id}", "sesion_id"), ("{}", ""), ("{a..b}", "a..b")] {
            let why = refused(text);
            assert!(why.starts_with(&format!("`{{{name}}}` is no name; ")), "{why}");
            assert!(why.ends_with("id, event, tenant, session_id, revision, attempt, hops, at, now, date, format, file_name, summary, body"), "{why}");
        }
        assert_eq!(refused("{a.b"), "`{` at byte 0 is never closed; write `{{` for a brace");
        assert_eq!(refused("a}"), "`}` at byte 1 closes nothing; write `}}` for a brace");
        let filters = "soql, encoded_query, html, base64, digits, number";
        let expected = format!("`upper` is no filter; known are {filters}");
        assert_eq!(refused("{id:upper}"), expected);
    }

    proptest! {
        #[test]
        fn no_text_panics_the_reader(text in "[{}|:.a-z é]{0,40}") {
            let _ = Template::parse(&text);
        }

        #[test]
        fn text_with_doubled_braces_comes_out_as_it_was(text in "[{}|:.a-z é\n]{0,40}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            let template = Template::parse(&doubled).unwrap();
            prop_assert_eq!(with_sample(|values| template.fill(values)), text);
        }

        #[test]
        fn no_value_ends_a_soql_text(value in any::<String>()) {
            let mut escaped = false;
            for c in soql(&value).chars() {
                prop_assert!(escaped || c != '\'');
                escaped = !escaped && c == '\\';
            }
            prop_assert!(!escaped);
        }
    }
}
