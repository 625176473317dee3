//! How far a session has come towards a goal: what its content keeps of it.
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::GoalKind;
use crate::time::UnixMillis;

/// Where a session stands with one definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Some of the journey has happened.
    #[serde(rename = "w")]
    OnTheWay(Progress),
    /// It is reached, once and for ever.
    #[serde(rename = "r")]
    Reached(Box<Reached>),
}

/// How much of a journey has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The version of the conditions that it was counted under.
    #[serde(rename = "v")]
    pub conditions_version: u32,
    /// Patterns that are complete.
    #[serde(rename = "s")]
    pub complete: u32,
    /// Signals that matched the next one.
    #[serde(rename = "c")]
    pub matched: u32,
}

/// The signal with which a goal was reached, and what the definition said then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Outcome or segment.
    #[serde(rename = "k")]
    pub kind: GoalKind,
    /// Its name at that time.
    #[serde(rename = "n")]
    pub name: Box<str>,
    /// When, in event time.
    #[serde(rename = "a")]
    pub at: UnixMillis,
    /// The signal.
    #[serde(rename = "g")]
    pub signal: Box<str>,
    /// What it is worth.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
    /// Whether it was feared rather than wished for.
    #[serde(rename = "f", default, skip_serializing_if = "is_no")]
    pub feared: bool,
    /// After how many days it lapses.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub expires_after_days: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_no(flag: &bool) -> bool {
    !flag
}
