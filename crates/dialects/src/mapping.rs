//! The mapping language: a small file that says which signals a row of somebody's table makes.
//!
//! Everything that can be wrong with a mapping is found when it is read, before the first row.
//! The language is described, with two worked examples, in docs/formats/mapping.md.
use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::Field,
    signal::ClaimBody,
};

mod language;
mod moment;
mod row;
mod rows;
mod template;
pub use language::MappingError;
pub use row::{RowError, RowProblem};
pub use rows::{MappedRow, Rows};

use moment::MomentRule;
use template::{Condition, Expression, Template};

/// A mapping that was read and found right.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// What the file is.
    pub format: MappingFormat,
    /// The name space of the signals.
    pub source: Box<str>,
    /// The channel of every signal.
    pub channel: Option<Channel>,
    /// The type of every session.
    pub session_type: Option<SessionType>,
    session: Option<Template>,
    key: Option<Template>,
    identities: Vec<(Box<str>, Template)>,
    moment: MomentRule,
    signals: Vec<SignalRule>,
}

/// What a file of rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingFormat {
    /// Values between delimiters, names of columns in the first row.
    Csv {
        /// The one byte between values.
        delimiter: u8,
    },
    /// A JSON object a line; a column is a member, by its dotted path.
    Ndjson,
}

impl MappingFormat {
    /// The word of the mapping file.
    pub fn word(self) -> &'static str {
        match self {
            MappingFormat::Csv { .. } => "csv",
            MappingFormat::Ndjson => "ndjson",
        }
    }
}

/// One signal that a row may make.
#[derive(Clone, Debug)]
struct SignalRule {
    kind: Box<str>,
    /// All must hold.
    conditions: Vec<Condition>,
    after_ms: Option<Expression>,
    claim: Option<ClaimBody>,
    fields: Vec<(&'static Field, Expression)>,
    /// Columns that are kept under their own names.
    attributes: Vec<Box<str>>,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// Whatever the language does not have, with the place where it stands.
    pub fn parse(text: &str) -> Result<Mapping, MappingError> {
        language::parse(text)
    }

    /// Every column that the mapping speaks of.
    fn columns(&self) -> impl Iterator<Item = &str> {
        let templates = self.session.iter().chain(&self.key);
        let templates = templates.chain(self.identities.iter().map(|(_, value)| value));
        let rules = self.signals.iter().flat_map(SignalRule::columns);
        templates.flat_map(Template::columns).chain(self.moment.column()).chain(rules)
    }
}

impl SignalRule {
    fn columns(&self) -> impl Iterator<Item = &str> {
        let conditions = self.conditions.iter().flat_map(Condition::columns);
        let expressions = self.after_ms.iter().chain(self.fields.iter().map(|(_, value)| value));
        let attributes = self.attributes.iter().map(AsRef::as_ref);
        conditions.chain(expressions.flat_map(Expression::columns)).chain(attributes)
    }
}

#[cfg(test)]
mod tests;
