//! The parts of the language that look into a row: templates, expressions, conditions.
use rust_decimal::Decimal;

use super::row::{Row, RowProblem};

/// Text with the names of columns in braces; `{row}` is the number of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Column(Box<str>),
    RowNumber,
}

impl Template {
    /// Reads `order-{Order Id}`. `None`: a brace has no partner.
    pub(super) fn parse(text: &str) -> Option<Template> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            parts.push(Part::Text(before.into()));
            parts.push(match name {
                "row" => Part::RowNumber,
                column => Part::Column(column.into()),
            });
            rest = after;
        }
        parts.push(Part::Text(rest.into()));
        (!rest.contains('}')).then_some(Template(parts))
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Column(column) => Some(&**column),
            Part::Text(_) | Part::RowNumber => None,
        })
    }

    pub(super) fn fill(&self, row: &Row<'_>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Column(column) => text.push_str(&row.text(column)),
                Part::RowNumber => text.push_str(&row.number().to_string()),
            }
        }
        text
    }
}

/// The sum of columns, times a factor. An empty column counts as nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) columns: Vec<Box<str>>,
    pub(super) times: Decimal,
}

impl Sum {
    /// `None`: all columns are empty.
    pub(super) fn of(&self, row: &Row<'_>) -> Result<Option<Decimal>, RowProblem> {
        let mut sum = None;
        for column in &self.columns {
            let text = row.text(column);
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            let number = text.parse().or_else(|_| Decimal::from_scientific(text));
            let number: Decimal = number.map_err(|_| RowProblem::not_a_number(column, text))?;
            let before = sum.unwrap_or(Decimal::ZERO);
            let added = before.checked_add(number);
            sum = Some(added.ok_or_else(|| RowProblem::not_a_number(column, text))?);
        }
        let times = |sum: Decimal| {
            sum.checked_mul(self.times).ok_or_else(|| RowProblem::too_great(&self.columns, sum))
        };
        sum.map(times).transpose()
    }
}

/// What a field is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Template(Template),
    Sum(Sum),
}

impl Expression {
    pub(super) fn columns(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Expression::Template(template) => Box::new(template.columns()),
            Expression::Sum(sum) => Box::new(sum.columns.iter().map(AsRef::as_ref)),
        }
    }

    /// The text of the value; empty: there is none.
    pub(super) fn text(&self, row: &Row<'_>) -> Result<String, RowProblem> {
        match self {
            Expression::Template(template) => Ok(template.fill(row)),
            Expression::Sum(sum) => {
                let number = sum.of(row)?;
                Ok(number.map_or(String::new(), |number| number.normalize().to_string()))
            }
        }
    }

    /// The value as a whole number, rounded; an empty one is 0.
    pub(super) fn whole(&self, row: &Row<'_>) -> Result<i64, RowProblem> {
        let text = self.text(row)?;
        let number = if text.is_empty() { Ok(Decimal::ZERO) } else { text.parse::<Decimal>() };
        let whole = number.ok().and_then(|number| i64::try_from(number.round()).ok());
        whole.ok_or_else(|| RowProblem::not_a_number("after_ms", &text))
    }
}

/// What a row must be for a signal to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The column's text is one of these (or, negated, none of them).
    Words { column: Box<str>, words: Vec<Box<str>>, negated: bool },
    /// The sum is greater than `above` and less than `below`.
    Between { sum: Sum, above: Option<Decimal>, below: Option<Decimal> },
}

impl Condition {
    pub(super) fn columns(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Condition::Words { column, .. } => Box::new(std::iter::once(&**column)),
            Condition::Between { sum, .. } => Box::new(sum.columns.iter().map(AsRef::as_ref)),
        }
    }

    /// An empty number is neither above nor below anything.
    pub(super) fn holds(&self, row: &Row<'_>) -> Result<bool, RowProblem> {
        match self {
            Condition::Words { column, words, negated } => {
                let text = row.text(column);
                Ok(words.iter().any(|word| **word == *text) != *negated)
            }
            Condition::Between { sum, above, below } => {
                let within = |number: Decimal| {
                    above.is_none_or(|above| number > above)
                        && below.is_none_or(|below| number < below)
                };
                Ok(sum.of(row)?.is_some_and(within))
            }
        }
    }
}
