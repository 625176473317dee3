//! Conditions as they are defined: criteria over signals and over the session.
use serde::{Deserialize, Serialize};

use crate::channel::Channel;

/// What must happen, and what must hold then. Without either, nothing is ever reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Patterns that signals must match, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journey: Vec<Pattern>,
    /// Patterns of which the session must match one; none means that nothing is asked of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<ContextPattern>,
}

/// A step of the journey: so many signals that match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// All of them must hold of the signal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Condition>,
    /// How many signals must match, at least 1.
    pub count: u32,
    /// The stream that they come in.
    pub stream: Stream,
    /// The type of the session: `web`, `app`, `conversation`, `custom` or a type of ours.
    pub session_type: Box<str>,
    /// The type of the signal; any where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_name: Option<Box<str>>,
}

/// Criteria that must all hold of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextPattern {
    /// The criteria.
    pub criteria: Vec<Condition>,
}

/// One criterion: a value, how it is compared, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Which value, such as `page.url` or `attributes.price.value`.
    pub key: Box<str>,
    /// What it is compared with; for all operators but `containsAll` one of them is enough.
    pub values: Vec<Box<str>>,
    /// How.
    pub operator: Operator,
    /// Whether upper and lower case are the same.
    #[serde(default)]
    pub ignore_case: bool,
}

/// How a value is compared. Operators with *not* hold wherever their counterpart does not, so also
/// where there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operator {
    /// It has every one of them in it.
    ContainsAll,
    /// It has one of them in it.
    ContainsAny,
    /// Not `ContainsAll`.
    NotContainsAll,
    /// Not `ContainsAny`.
    NotContainsAny,
    /// It is one of them.
    Equal,
    /// Not `Equal`.
    NotEqual,
    /// It is a number, and greater.
    GreaterThan,
    /// It is a number, and not less.
    GreaterThanOrEqual,
    /// It is a number, and less.
    LessThan,
    /// It is a number, and not greater.
    LessThanOrEqual,
    /// It begins with one of them.
    StartsWith,
    /// It ends with one of them.
    EndsWith,
}

/// A stream of signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Those of sites.
    Web,
    /// Those of applications.
    App,
    /// Calls, chats and messages.
    Conversation,
    /// All.
    Custom,
}

impl Stream {
    /// Whether signals of this channel come in it.
    pub fn has(self, channel: Channel) -> bool {
        match self {
            Stream::Web => channel == Channel::Web,
            Stream::App => channel == Channel::App,
            Stream::Conversation => {
                matches!(channel, Channel::Voice | Channel::Chat | Channel::Messaging)
            }
            Stream::Custom => true,
        }
    }
}
