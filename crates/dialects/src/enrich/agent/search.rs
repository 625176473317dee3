//! Finds the first rule of a list that matches a text.
//!
//! One automaton says which rules may match at all; those are tried in order. An expression is
//! compiled when it is first tried, and keeps little scratch memory, so a list costs what the
//! agents that are seen need. Whatever the text, it is searched for so many bytes in all: a text
//! made to be slow is given up on, and is unknown.
use aho_corasick::AhoCorasick;
use regex_automata::{
    Input,
    meta::{Cache, Regex},
    util::captures::Captures,
};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, HirKind, Repetition},
};

use super::{needles, rules::Rule};

/// Bytes that all expressions of a list together may search of one text. The greatest need of
/// uap-core's own examples is 77,000.
const SEARCHED_BYTES: usize = 128 << 10;
/// Scratch memory that a compiled expression may keep, in bytes.
const SCRATCH_BYTES: usize = 16 << 10;
/// Memory of one compiled expression, in bytes; a rule that needs more is left out.
const NFA_BYTES: usize = 1 << 20;
/// A part that may be repeated so often may be repeated for ever: it says "not too far", and
/// counting is what makes an expression large.
const OFTEN: u32 = 100;

/// A list of rules.
pub(super) struct List {
    rules: Vec<Rule>,
    compiled: Vec<Option<Box<Compiled>>>,
    pieces: AhoCorasick,
    /// The rules that ask for a piece, by its number.
    asking: Vec<Vec<usize>>,
    /// The rules that ask for none.
    always: Vec<usize>,
}

struct Compiled {
    expression: Regex,
    scratch: Cache,
}

/// A rule that matched.
pub(super) struct Found<'a> {
    rule: &'a Rule,
    text: &'a str,
    groups: Captures,
}

impl List {
    /// Makes rules ready; a rule that cannot be read is left out.
    pub(super) fn new(rules: Vec<Rule>) -> List {
        let mut pieces = Vec::new();
        let mut asking: Vec<Vec<usize>> = Vec::new();
        let mut numbers = std::collections::HashMap::new();
        let mut always = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            let Some(expression) = parsed(rule) else { continue };
            let needed = needles::of(&expression);
            if needed.is_empty() {
                always.push(at);
            }
            for piece in needed {
                let number = *numbers.entry(piece.clone()).or_insert_with(|| {
                    pieces.push(piece);
                    asking.push(Vec::new());
                    pieces.len() - 1
                });
                asking.get_mut(number).into_iter().for_each(|rules| rules.push(at));
            }
        }
        let pieces = AhoCorasick::new(&pieces).expect("pieces of expressions are few and short");
        let compiled = rules.iter().map(|_| None).collect();
        List { rules, compiled, pieces, asking, always }
    }

    /// The first rule that matches; `folded` is the text in lower case.
    pub(super) fn first<'a>(&'a mut self, text: &'a str, folded: &str) -> Option<Found<'a>> {
        let mut left = SEARCHED_BYTES;
        for at in self.candidates(folded) {
            left = left.checked_sub(text.len())?;
            if let Some(groups) = self.groups(at, text) {
                return Some(Found { rule: self.rules.get(at)?, text, groups });
            }
        }
        None
    }

    /// The rules that may match, in order.
    fn candidates(&self, folded: &str) -> Vec<usize> {
        let found = self.pieces.find_overlapping_iter(folded);
        let asking = found.filter_map(|found| self.asking.get(found.pattern().as_usize()));
        let mut rules: Vec<usize> = asking.flatten().chain(&self.always).copied().collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// The groups of one rule, if it matches.
    fn groups(&mut self, at: usize, text: &str) -> Option<Captures> {
        let slot = self.compiled.get_mut(at)?;
        if slot.is_none() {
            *slot = Compiled::new(self.rules.get(at)?).map(Box::new);
        }
        slot.as_mut()?.groups(text)
    }
}

impl Compiled {
    fn new(rule: &Rule) -> Option<Compiled> {
        let config =
            Regex::config().hybrid(false).nfa_size_limit(Some(NFA_BYTES)).utf8_empty(false);
        let expression = Regex::builder().configure(config).build_from_hir(&parsed(rule)?).ok()?;
        let scratch = expression.create_cache();
        Some(Compiled { expression, scratch })
    }

    fn groups(&mut self, text: &str) -> Option<Captures> {
        let input = Input::new(text.as_bytes());
        let matches = self.expression.search_half_with(&mut self.scratch, &input).is_some();
        let groups = matches.then(|| {
            let mut groups = self.expression.create_captures();
            self.expression.search_captures_with(&mut self.scratch, &input, &mut groups);
            groups
        });
        if self.scratch.memory_usage() > SCRATCH_BYTES {
            self.scratch = self.expression.create_cache();
        }
        groups
    }
}

/// A rule's expression over bytes, with no counting beyond what matters.
fn parsed(rule: &Rule) -> Option<Hir> {
    let mut parser =
        ParserBuilder::new().unicode(false).utf8(false).case_insensitive(rule.folds_case).build();
    Some(loosened(parser.parse(rule.expression).ok()?))
}

/// The expression with every part that may come [`OFTEN`] allowed to come for ever.
fn loosened(expression: Hir) -> Hir {
    match expression.into_kind() {
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            let max = max.filter(|max| min > 1 || *max < OFTEN);
            let sub = Box::new(loosened(*sub));
            Hir::repetition(Repetition { min, max, greedy, sub })
        }
        HirKind::Capture(mut group) => {
            group.sub = Box::new(loosened(*group.sub));
            Hir::capture(group)
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(loosened).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(loosened).collect()),
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
    }
}

impl Found<'_> {
    /// A part of what the rule says: its template filled in, or the group that stands for a
    /// missing one; absent if nothing is left of it.
    pub(super) fn part(&self, part: usize, group: Option<usize>) -> Option<Box<str>> {
        let template = self.rule.templates.get(part).copied().unwrap_or_default();
        let text = match (template, group) {
            ("", group) => self.group(group?),
            (template, _) => self.filled(template),
        };
        Some(text.trim()).filter(|text| !text.is_empty()).map(Into::into)
    }

    fn filled(&self, template: &str) -> String {
        let mut filled = String::new();
        let mut chars = template.chars();
        while let Some(char) = chars.next() {
            let group = chars.clone().next().filter(|_| char == '$').and_then(|c| c.to_digit(10));
            match group {
                Some(group) => {
                    chars.next();
                    filled += &self.group(group as usize);
                }
                None => filled.push(char),
            }
        }
        filled
    }

    /// The text of a group; a character that it cuts through is replaced.
    fn group(&self, number: usize) -> String {
        let span = self.groups.get_group(number);
        let bytes = span.and_then(|span| self.text.as_bytes().get(span.range()));
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    }
}
