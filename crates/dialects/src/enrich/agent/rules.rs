//! The rules as the build found them, one a line: `build.rs` says how.

/// Every line; empty if the build found no rules.
pub(super) const TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/user_agent_rules.txt"));

/// What divides the parts of a line.
const DIVIDER: char = '\u{1f}';

/// One rule: an expression, and what its parts say when it matches.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) expression: &'static str,
    /// Whether `A` is `a` to it.
    pub(super) folds_case: bool,
    /// One text a part, in which `$1` stands for the first group; empty where it says nothing.
    pub(super) templates: Vec<&'static str>,
}

/// The rules of a list: `b` browsers, `o` systems, `d` devices.
pub(super) fn of_list(text: &'static str, letter: char) -> Vec<Rule> {
    text.lines().filter_map(|line| rule(line, letter)).collect()
}

fn rule(line: &'static str, letter: char) -> Option<Rule> {
    let mut parts = line.split(DIVIDER);
    parts.next().filter(|list| list.chars().eq([letter]))?;
    let expression = parts.next()?;
    // Only devices have a flag, and it has one value.
    let folds_case = letter == 'd' && parts.next() == Some("i");
    Some(Rule { expression, folds_case, templates: parts.collect() })
}
