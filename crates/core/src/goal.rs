//! Goals: outcomes and segments that a tenant defines, and which of them a session has reached.
//!
//! A definition is made of conditions: a journey, which is a sequence of patterns over the session's
//! signals, and a context, which is what must hold of the session when the journey is complete.
//! [`Goals::observe`] is called for each signal that is added to a session's content, in event
//! order, so what is reached is a function of the set of signals and of the definitions in force.
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    content::Content,
    rules::Rules,
    stamp::{Marks, Stamped},
    time::{Millis, UnixMillis},
};

mod bounds;
mod compiled;
mod condition;
mod criterion;
mod pattern;
mod standing;
mod subject;
mod told;
mod url_parts;
#[cfg(test)]
mod tests;

pub use bounds::{DEFINITION_BYTES_MAX, DEFINITIONS_MAX, WrongDefinition};
pub use compiled::Goal;
use compiled::Seen;
pub use condition::{Condition, Conditions, ContextPattern, Operator, Pattern, Stream};
pub use standing::{Progress, Reached, Standing};
pub use told::{Told, outcomes, segments};
pub(crate) use told::{achieved_names, add_to};

/// What a definition defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    /// Something that is wished for, or feared, of a session.
    Outcome,
    /// A group that a session is put into.
    Segment,
}

/// The kind of number that an outcome is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueType {
    /// A decimal.
    Number,
    /// A whole number; what is behind the point is cut off.
    Integer,
}

/// Where an outcome's value is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueField {
    /// The key, spelt as the key of a condition.
    pub key: Box<str>,
    /// How it is read.
    pub number: ValueType,
}

/// A segment of another system that this one stands for; such a one is not computed here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalSegment {
    /// Its id there.
    pub id: Box<str>,
    /// Its name there.
    pub name: Box<str>,
    /// Which system.
    pub source: Box<str>,
}

/// An outcome or a segment as its tenant defined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id, unique for ever.
    pub id: Box<str>,
    /// Outcome or segment.
    pub kind: GoalKind,
    /// What people call it.
    pub name: Box<str>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<str>>,
    /// Whether it is looked for.
    pub active: bool,
    /// From 1, one more with each change.
    pub version: u32,
    /// The version in which its conditions were last changed: what a session had come to under
    /// other conditions is forgotten.
    pub conditions_version: u32,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub modified_at: UnixMillis,
    /// What must happen and hold.
    #[serde(default)]
    pub conditions: Conditions,
    /// Of an outcome, whether it is wished for.
    #[serde(default = "yes")]
    pub positive: bool,
    /// Of an outcome, what it is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ValueField>,
    /// Of a segment, after how many days the assignment lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_days: Option<u32>,
    /// Of a segment, its colour on screens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<Box<str>>,
    /// Of a segment, whether agents see it.
    #[serde(default)]
    pub shown_to_agents: bool,
    /// Of a segment, the foreign one it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalSegment>,
}

fn yes() -> bool {
    true
}

/// The definitions that one tenant has in force, ready to be looked for.
#[derive(Clone, Debug, Default)]
pub struct Goals(Vec<Arc<Goal>>);

/// No definitions: what most tenants have.
pub static NO_GOALS: Goals = Goals(Vec::new());

impl Goals {
    /// Those of some definitions, whichever of them are active and can be reached at all.
    pub fn of<'a>(definitions: impl IntoIterator<Item = &'a Definition>) -> Goals {
        Goals(definitions.into_iter().filter_map(Goal::of).map(Arc::new).collect())
    }

    /// Those that were made one by one.
    pub fn from_compiled(goals: impl IntoIterator<Item = Arc<Goal>>) -> Goals {
        Goals(goals.into_iter().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes note of a signal that has just been added to `content`.
    ///
    /// What leaves content alone leaves goals alone: notes, orphans, and what a runaway session
    /// keeps unfolded.
    pub fn observe(&self, content: &mut Content, stamped: &Stamped, rules: &Rules) {
        let runaway = content.counts.events > rules.boundary.max_signals;
        if self.0.is_empty() || runaway || stamped.marks.has(Marks::NOTE | Marks::ORPHAN) {
            return;
        }
        let seen = Seen::of(&stamped.signal, content);
        for goal in &self.0 {
            goal.observe(content, stamped, &seen);
        }
    }
}

impl Reached {
    /// When the assignment lapses, if it does.
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.expires_after_days.map(|days| self.at.plus(Millis::from_days(i64::from(days))))
    }
}
