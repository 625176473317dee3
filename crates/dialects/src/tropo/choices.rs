//! What an `ask` takes for an answer: grammars in their simple form.
//!
//! `[ANY]`, `[N DIGITS]`, `[N-M DIGITS]`, and lists such as `yes, no` or `92101(San Diego, home)`.

/// A grammar. One that is not of the simple form takes any text, so that an application which asks
/// by a grammar file is still reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choices {
    /// Any text.
    Any,
    /// So many digits; spaces and dashes between them do not count.
    Digits {
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
    /// One of these values, by itself or by another word for it.
    OneOf(Vec<Choice>),
}

/// A value and the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What the application is told.
    pub value: String,
    /// What may be said for it, beside itself.
    pub words: Vec<String>,
}

/// The most digits that a grammar may ask for.
const DIGITS_MAX: usize = 1_000;

impl Choices {
    /// Reads `choices.value`.
    pub fn parse(text: &str) -> Choices {
        let text = text.trim();
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return digits(inner).unwrap_or(Choices::Any);
        }
        // A grammar that lies elsewhere, or is built in.
        let is_elsewhere = text.contains("://") || text.starts_with("builtin:");
        let list = if is_elsewhere { Vec::new() } else { list(text) };
        if list.is_empty() { Choices::Any } else { Choices::OneOf(list) }
    }

    /// The value that an input stands for; `None` where it fits nothing.
    pub fn value_of(&self, input: &str) -> Option<String> {
        let input = input.trim();
        match self {
            Choices::Any => Some(input.to_owned()),
            Choices::Digits { least, most } => {
                let digits: String =
                    input.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
                let fits = digits.bytes().all(|byte| byte.is_ascii_digit())
                    && (*least..=*most).contains(&digits.len());
                fits.then_some(digits)
            }
            Choices::OneOf(choices) => {
                let same = |word: &String| word.to_lowercase() == input.to_lowercase();
                let fits = |choice: &&Choice| same(&choice.value) || choice.words.iter().any(same);
                choices.iter().find(fits).map(|choice| choice.value.clone())
            }
        }
    }
}

/// `N DIGITS` or `N-M DIGITS`, in any case.
fn digits(inner: &str) -> Option<Choices> {
    let (range, unit) = inner.trim().split_once(char::is_whitespace)?;
    if !unit.trim().eq_ignore_ascii_case("digits") && !unit.trim().eq_ignore_ascii_case("digit") {
        return None;
    }
    let (least, most) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| text.trim().parse::<usize>().ok().filter(|n| *n <= DIGITS_MAX);
    Some(Choices::Digits { least: number(least)?, most: number(most)? })
}

/// Values divided by commas, each with its words in parentheses.
fn list(text: &str) -> Vec<Choice> {
    let mut choices = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let (value, behind) = rest.split_at(end);
        let (words, behind) = match behind.strip_prefix('(') {
            Some(behind) => behind.split_once(')').unwrap_or((behind, "")),
            None => ("", behind),
        };
        let words: Vec<String> = words.split(',').map(clean).filter(|w| !w.is_empty()).collect();
        let value = Some(clean(value)).filter(|value| !value.is_empty());
        if let Some(value) = value.or_else(|| words.first().cloned()) {
            choices.push(Choice { value, words });
        }
        rest = behind.trim_start().strip_prefix(',').unwrap_or(behind).trim_start();
    }
    choices
}

fn clean(text: &str) -> String {
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(grammar: &str, input: &str, value: Option<&str>) {
        let found = Choices::parse(grammar).value_of(input);
        assert_eq!(found.as_deref(), value, "{grammar} takes {input:?}");
    }

    #[test]
    fn the_simple_forms() {
        check("[ANY]", " hello there ", Some("hello there"));
        check("[5 DIGITS]", "94070", Some("94070"));
        check("[5 DIGITS]", "940 70", Some("94070"));
        check("[5 digits]", "9407", None);
        check("[4-6 DIGITS]", "12-34-5", Some("12345"));
        check("[4-6 DIGITS]", "1234567", None);
        check("[4-6 DIGITS]", "12a45", None);
        check("yes,no", "YES", Some("yes"));
        check("yes, no", "maybe", None);
        check("sales(1, sales, buy), support(2,help)", "Buy", Some("sales"));
        check("sales(1, sales, buy), support(2,help)", "2", Some("support"));
        check("sales(1, sales, buy), support(2,help)", "support", Some("support"));
        check("(yes, yeah)", "yeah", Some("yes"));
        check("http://grammars.example/x.grxml", "one", Some("one"));
        check("", "whatever", Some("whatever"));
        check("[BOOLEAN]", "whatever", Some("whatever"));
    }

    proptest! {
        #[test]
        fn no_grammar_panics(grammar in "[\\[\\](),a-z0-9 DIGITS-]{0,24}|\\PC{0,16}", input in "\\PC{0,16}") {
            let _ = Choices::parse(&grammar).value_of(&input);
        }

        #[test]
        fn every_value_of_a_list_stands_for_itself(values in proptest::collection::vec("[a-z]{1,8}", 1..6)) {
            let choices = Choices::parse(&values.join(", "));
            for value in &values {
                prop_assert_eq!(choices.value_of(&value.to_uppercase()), Some(value.clone()));
            }
        }
    }
}
