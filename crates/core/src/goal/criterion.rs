//! A criterion, and whether it holds of a signal or of a session.
use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{
    Condition, Operator,
    subject::{Facts, Subject},
};

/// A condition, ready to be asked.
#[derive(Debug)]
pub(super) struct Criterion {
    subject: Subject,
    comparison: Comparison,
    /// It holds where the comparison does not.
    negated: bool,
    ignore_case: bool,
    /// What the value is compared with; in lower case where case is ignored.
    texts: Vec<Box<str>>,
    /// Those of them that are numbers.
    numbers: Vec<Decimal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    HasAll,
    HasAny,
    Is,
    Greater,
    NotLess,
    Less,
    NotGreater,
    Begins,
    Ends,
}

/// Each operator, what it compares, and whether it is the negation.
#[rustfmt::skip]
fn comparison_of(operator: Operator) -> (Comparison, bool) {
    match operator {
        Operator::ContainsAll => (Comparison::HasAll, false),
        Operator::ContainsAny => (Comparison::HasAny, false),
        Operator::NotContainsAll => (Comparison::HasAll, true),
        Operator::NotContainsAny => (Comparison::HasAny, true),
        Operator::Equal => (Comparison::Is, false),
        Operator::NotEqual => (Comparison::Is, true),
        Operator::GreaterThan => (Comparison::Greater, false),
        Operator::GreaterThanOrEqual => (Comparison::NotLess, false),
        Operator::LessThan => (Comparison::Less, false),
        Operator::LessThanOrEqual => (Comparison::NotGreater, false),
        Operator::StartsWith => (Comparison::Begins, false),
        Operator::EndsWith => (Comparison::Ends, false),
    }
}

impl Criterion {
    pub(super) fn of(condition: &Condition) -> Criterion {
        let (comparison, negated) = comparison_of(condition.operator);
        let ignore_case = condition.ignore_case;
        let spelt = |text: &str| if ignore_case { text.to_lowercase().into() } else { text.into() };
        Criterion {
            subject: Subject::of(&condition.key),
            comparison,
            negated,
            ignore_case,
            texts: condition.values.iter().map(|text| spelt(text)).collect(),
            numbers: condition.values.iter().filter_map(|text| text.trim().parse().ok()).collect(),
        }
    }

    /// Whether it holds. Of a value that is a list, one of its texts must fit.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.subject.any(facts, &mut |text| self.fits(text)) != self.negated
    }

    fn fits(&self, text: &str) -> bool {
        let text = if self.ignore_case { text.to_lowercase().into() } else { Cow::Borrowed(text) };
        let any = |fits: fn(&str, &str) -> bool| self.texts.iter().any(|own| fits(&text, own));
        match self.comparison {
            Comparison::HasAll => {
                !self.texts.is_empty() && self.texts.iter().all(|own| text.contains(&**own))
            }
            Comparison::HasAny => any(|text, own| text.contains(own)),
            Comparison::Is => any(|text, own| text == own),
            Comparison::Begins => any(|text, own| text.starts_with(own)),
            Comparison::Ends => any(|text, own| text.ends_with(own)),
            Comparison::Greater => self.any_number(&text, |value, own| value > own),
            Comparison::NotLess => self.any_number(&text, |value, own| value >= own),
            Comparison::Less => self.any_number(&text, |value, own| value < own),
            Comparison::NotGreater => self.any_number(&text, |value, own| value <= own),
        }
    }

    fn any_number(&self, text: &str, fits: fn(Decimal, Decimal) -> bool) -> bool {
        let Ok(value) = text.trim().parse::<Decimal>() else { return false };
        self.numbers.iter().any(|own| fits(value, *own))
    }
}
