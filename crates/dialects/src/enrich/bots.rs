//! The bot mark: which user agents are machines, and by which rule.
//!
//! A mark never drops anything: a marked session is kept and left out of reports unless asked for.
//! The rules are a value; nothing here locks or remembers, so a caller that sees few distinct
//! agents may keep the answers it got.
use std::sync::LazyLock;

mod crawlers;

use aho_corasick::AhoCorasick;
use regex::RegexSet;
use serde::{Deserialize, Serialize};

/// What kind of machine (or whose) is at the other end. The order is the precedence: of two rules
/// that match, the earlier class holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotClass {
    /// The operator's own traffic: tests, staff.
    Internal,
    /// Fetches a page because a person asked an assistant for it.
    AiAssistant,
    /// Watches whether a site is up, fast or valid.
    Monitor,
    /// Any other crawler, feed reader, previewer or library.
    Bot,
    /// Looks like a machine by a rule that may be wrong.
    Suspect,
}

const CLASSES: [(BotClass, &str); 5] = [
    (BotClass::Internal, "internal"),
    (BotClass::AiAssistant, "ai_assistant"),
    (BotClass::Monitor, "monitor"),
    (BotClass::Bot, "bot"),
    (BotClass::Suspect, "suspect"),
];

impl BotClass {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        CLASSES.iter().find(|(class, _)| *class == self).map_or("bot", |(_, word)| word)
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<BotClass> {
        CLASSES.iter().find(|(_, known)| *known == word).map(|(class, _)| *class)
    }
}

/// That a user agent is a machine, and why we say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BotMark<'rules> {
    /// What kind of machine.
    pub class: BotClass,
    /// The pattern that was found in the user agent.
    pub reason: &'rules str,
}

/// One line of a list of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotPattern {
    /// What the pattern says about an agent in which it is found.
    pub class: BotClass,
    /// A regular expression, searched for anywhere in the agent; letter case counts.
    pub pattern: Box<str>,
}

/// A list that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BotRulesError {
    /// A line is not `class<tab>pattern`.
    #[error(
        "line {line} of the bot rules is {got:?}; write a class (internal, ai_assistant, monitor, bot, suspect), a tab and a pattern"
    )]
    Line {
        /// 1-based number of the line.
        line: usize,
        /// What stands there.
        got: String,
    },
    /// A pattern is no regular expression, or all of them together are too large.
    #[error("bot rules: {0}")]
    Pattern(String),
}

/// Rules made ready for searching: plain names by one automaton, the few true expressions by a set.
#[derive(Debug)]
pub struct BotRules {
    names: AhoCorasick,
    /// The rules of the automaton's patterns, in its order, with their place in the list.
    named: Vec<(usize, BotPattern)>,
    expressions: RegexSet,
    /// The rules of the set's expressions, in its order, with their place in the list.
    expressed: Vec<(usize, BotPattern)>,
}

/// The list of crawlers that the program carries.
static BUNDLED: LazyLock<BotRules> = LazyLock::new(|| {
    BotRules::new(BotPattern::bundled()).expect("the bundled patterns are compiled in a test")
});

/// Whether the build found the list of crawlers; without it nothing is marked.
pub const fn has_rules() -> bool {
    crawlers::known()
}

/// The mark of a user agent by the bundled rules.
pub fn classify(user_agent: &str) -> Option<BotMark<'static>> {
    BUNDLED.classify(user_agent)
}

impl BotPattern {
    /// Reads lines of `class<tab>pattern`; empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// A line that is neither.
    pub fn read_list(text: &str) -> Result<Vec<BotPattern>, BotRulesError> {
        let said = |(_, line): &(usize, &str)| !line.is_empty() && !line.starts_with('#');
        text.lines().enumerate().filter(said).map(|(at, line)| read_line(at + 1, line)).collect()
    }

    /// The bundled list, for a caller that adds rules of its own to it.
    pub fn bundled() -> Vec<BotPattern> {
        crawlers::patterns().collect()
    }
}

fn read_line(line: usize, text: &str) -> Result<BotPattern, BotRulesError> {
    let row = text.split_once('\t').and_then(|(class, pattern)| {
        let class = BotClass::from_word(class)?;
        (!pattern.is_empty()).then(|| BotPattern { class, pattern: pattern.into() })
    });
    row.ok_or_else(|| BotRulesError::Line { line, got: text.chars().take(80).collect() })
}

impl BotRules {
    /// Makes a list ready for searching.
    ///
    /// # Errors
    /// A pattern that is no regular expression.
    pub fn new(list: Vec<BotPattern>) -> Result<BotRules, BotRulesError> {
        let (mut names, mut by_name, mut expressed) = (Vec::new(), Vec::new(), Vec::new());
        for (place, rule) in list.into_iter().enumerate() {
            match plain_name(&rule.pattern) {
                Some(name) => {
                    names.push(name);
                    by_name.push((place, rule));
                }
                None => expressed.push((place, rule)),
            }
        }
        let refused = |error: &dyn std::error::Error| BotRulesError::Pattern(error.to_string());
        let names = AhoCorasick::new(&names).map_err(|error| refused(&error))?;
        let expressions = RegexSet::new(expressed.iter().map(|(_, rule)| &*rule.pattern))
            .map_err(|error| refused(&error))?;
        Ok(BotRules { names, named: by_name, expressions, expressed })
    }

    /// The mark of a user agent: of all rules that match, that of the first class, and within it
    /// the first of the list.
    pub fn classify(&self, user_agent: &str) -> Option<BotMark<'_>> {
        let found = self.names.find_overlapping_iter(user_agent);
        let by_name = found.filter_map(|found| self.named.get(found.pattern().as_usize()));
        let expressions = self.expressions.matches(user_agent);
        let expressed = expressions.iter().filter_map(|at| self.expressed.get(at));
        let best = by_name.chain(expressed).min_by_key(|(place, rule)| (rule.class, *place));
        best.map(|(_, rule)| BotMark { class: rule.class, reason: &rule.pattern })
    }

    /// Bytes that the automaton holds; the expressions' are bounded by the regex library.
    pub fn heap_bytes(&self) -> usize {
        self.names.memory_usage()
    }
}

/// The text that a pattern stands for, if it stands for one text only.
fn plain_name(pattern: &str) -> Option<String> {
    let mut name = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(char) = rest.next() {
        match char {
            '\\' => name.push(rest.next().filter(char::is_ascii_punctuation)?),
            '.' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' | '*' | '+' | '?' => {
                return None;
            }
            other => name.push(other),
        }
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Read, path::Path};

    use expect_test::{Expect, expect};
    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn check(user_agent: &str, expected: &Expect) {
        let mark = classify(user_agent);
        let said = mark.map_or("-".into(), |mark| format!("{} {}", mark.class.word(), mark.reason));
        expected.assert_eq(&said);
    }

    #[test]
    fn machines_are_named_with_the_reason() {
        let googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        check(googlebot, &expect!["bot Googlebot/"]);
        check("Mozilla/5.0 (compatible; UptimeRobot/2.0)", &expect!["monitor UptimeRobot"]);
        check("ChatGPT-User/1.0; +https://openai.com/bot", &expect!["ai_assistant ChatGPT-User"]);
        check("curl/7.22.0 (i686-pc-linux-gnu)", &expect!["bot ^curl"]);
        check("not curl/7.22.0", &expect!["-"]);
        check("Wget/1.14 (linux-gnu)", &expect!["bot [wW]get"]);
        check("", &expect!["-"]);
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:28.0) Gecko/20100101 Firefox/28.0",
            &expect!["-"],
        );
    }

    #[test]
    fn every_example_of_the_list_is_found() {
        let missed: Vec<&str> =
            crawlers::examples().filter(|agent| classify(agent).is_none()).collect();
        assert_eq!((crawlers::examples().count(), missed), (2_123, vec![]));
        assert_eq!(BotPattern::bundled().len(), 1_504);
    }

    #[test]
    fn the_crawlers_of_the_access_log_are_counted() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/access-log/access.log.gz");
        let mut text = String::new();
        GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        // An agent is the last quoted part; line 8,899 was cut short and has none.
        let agents = text.lines().filter_map(|line| line.strip_suffix('"')?.rsplit_once(" \""));
        let bots: Vec<_> =
            agents.map(|(_, agent)| agent).filter(|a| classify(a).is_some()).collect();
        let distinct: BTreeSet<_> = bots.iter().collect();
        assert_eq!((distinct.len(), bots.len()), (74, 1_955));
    }

    #[test]
    fn an_operators_rule_comes_before_the_list() {
        let own =
            BotPattern::read_list("# ours\ninternal\tAcmeProbe\nsuspect\tHeadless\n").unwrap();
        let rules = BotRules::new(own.into_iter().chain(BotPattern::bundled()).collect()).unwrap();
        let probe = rules.classify("Googlebot/2.1 AcmeProbe HeadlessX").unwrap();
        assert_eq!((probe.class, probe.reason), (BotClass::Internal, "AcmeProbe"));
        assert_eq!(rules.classify("HeadlessX").unwrap().class, BotClass::Suspect);
        assert!(rules.heap_bytes() < 4 << 20, "{}", rules.heap_bytes());
    }

    #[test]
    fn a_list_that_cannot_be_used_says_where() {
        let error = |text| BotPattern::read_list(text).unwrap_err().to_string();
        expect![[r#"line 2 of the bot rules is "robot x"; write a class (internal, ai_assistant, monitor, bot, suspect), a tab and a pattern"#]]
            .assert_eq(&error("bot\tx\nrobot x"));
        let open = BotPattern { class: BotClass::Bot, pattern: "(".into() };
        assert!(BotRules::new(vec![open]).is_err());
    }

    /// Every pattern of the list as an expression of its own.
    static ONE_BY_ONE: LazyLock<Vec<(BotClass, regex::Regex)>> = LazyLock::new(|| {
        let list = BotPattern::bundled().into_iter();
        list.map(|rule| (rule.class, regex::Regex::new(&rule.pattern).unwrap())).collect()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn automaton_and_set_say_what_each_pattern_says(
            agent in "(bot|Googlebot/|curl|Wget| |;|UptimeRobot|Claude-User|[A-Za-z/. ]{0,3}){0,6}"
        ) {
            let found = ONE_BY_ONE.iter().filter(|(_, pattern)| pattern.is_match(&agent));
            let first = found.min_by_key(|(class, _)| *class);
            let mark = classify(&agent).map(|mark| (mark.class, mark.reason));
            prop_assert_eq!(mark, first.map(|(class, pattern)| (*class, pattern.as_str())));
        }
    }
}
