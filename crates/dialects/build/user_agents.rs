//! Turns the list of calls that the package is, such as `OSParser('(Android) Donut', None, '1')`,
//! into one line a rule: its list, then its arguments, divided by the character "unit separator".
//!
//! An argument that is `None` or left out is an empty part; none of the rules has an empty text.
use std::{fmt::Write as _, str::Chars};

use crate::fetched::Package;

/// Where the rules come from.
pub(crate) const PACKAGE: Package = Package {
    what: "rules for user agents",
    variable: "SESSIONARY_USER_AGENT_RULES",
    requirement: "ua-parser-builtins==202610 \
        --hash=sha256:ed4b7c4c665323a5f4b2f118af86369412a9bb92e349a120f58f210127e30586\n",
    file: "ua_parser_builtins/regexes.py",
    digest: "e0d2fdd43de9f467f8689177a6f0e8eb54bc0ba0e98008e8a7a350fa53b09f09",
    kept: "user-agents",
};

/// The calls, and the letter that stands for their list.
const LISTS: [(&str, char); 3] =
    [("UserAgentParser(", 'b'), ("OSParser(", 'o'), ("DeviceParser(", 'd')];

/// What divides the parts of a line.
const DIVIDER: char = '\u{1f}';

/// The lines, as one text.
pub(crate) fn rules(text: &str) -> Result<Vec<String>, String> {
    let mut lines = String::new();
    for (at, line) in text.lines().enumerate() {
        let call = LISTS
            .iter()
            .find_map(|(call, list)| Some((*list, line.trim_start().strip_prefix(call)?)));
        let Some((list, arguments)) = call else { continue };
        let parts = arguments_of(arguments)
            .ok_or_else(|| format!("line {} of the rules cannot be read", at + 1))?;
        writeln!(lines, "{list}{DIVIDER}{}", parts.join(&DIVIDER.to_string()))
            .map_err(|error| error.to_string())?;
    }
    if lines.is_empty() { Err("the file holds no rules".to_owned()) } else { Ok(vec![lines]) }
}

/// The arguments of a call, up to its closing bracket.
fn arguments_of(text: &str) -> Option<Vec<String>> {
    let mut rest = text.chars();
    let mut arguments = Vec::new();
    loop {
        match rest.next()? {
            quote @ ('\'' | '"') => arguments.push(quoted(&mut rest, quote)?),
            'N' => {
                rest = rest.as_str().strip_prefix("one")?.chars();
                arguments.push(String::new());
            }
            ',' | ' ' => {}
            ')' => return Some(arguments),
            _ => return None,
        }
    }
}

/// A text up to the quote that ends it, which has been begun.
fn quoted(rest: &mut Chars<'_>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            '\\' => match rest.next()? {
                escaped @ ('\\' | '\'' | '"') => text.push(escaped),
                _ => return None,
            },
            char if char == quote => return Some(text),
            char => text.push(char),
        }
    }
}
