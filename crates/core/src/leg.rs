//! Legs: the parts of a session with one server each, be it a menu, a queue, a virtual agent or an
//! agent.
//!
//! Signals of a call move them in event order (`leg/fold.rs`). A source that keeps books of its own
//! reports its legs instead; then its figures hold ([`told`]).
use serde::{Deserialize, Serialize};

use crate::{
    content::Content,
    dictionary::field,
    time::{Millis, UnixMillis},
    value::Value,
};

mod fold;
mod told;
pub(crate) use fold::add;
pub use told::{LegTotals, ToldLeg};

/// Whom the person was with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegKind {
    /// A menu, before any queue.
    Menu,
    /// A queue.
    Queue,
    /// A virtual agent.
    VirtualAgent,
    /// An agent, ringing first; also a call of which nothing more is known yet.
    #[default]
    Agent,
}

impl LegKind {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            LegKind::Menu => "menu",
            LegKind::Queue => "queue",
            LegKind::VirtualAgent => "virtual_agent",
            LegKind::Agent => "agent",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_agent(&self) -> bool {
        *self == LegKind::Agent
    }
}

/// The part of a session with one agent, queue, virtual agent or menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// With whom.
    #[serde(rename = "k", default, skip_serializing_if = "LegKind::is_agent")]
    pub kind: LegKind,
    /// When it began.
    #[serde(rename = "s")]
    pub started_at: UnixMillis,
    /// When somebody answered.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<UnixMillis>,
    /// When it ended; `None` while it goes on.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<UnixMillis>,
    /// The queue it waited in.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Box<str>>,
    /// The agent who answered.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<str>>,
    /// `human`, `virtual` or `machine`, once answered.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<Box<str>>,
    /// Time on hold so far.
    #[serde(rename = "h", default)]
    pub hold_ms: Millis,
    /// When the present hold began.
    #[serde(rename = "hs", default, skip_serializing_if = "Option::is_none")]
    held_since: Option<UnixMillis>,
    /// The agent's work after it, where a signal tells.
    #[serde(rename = "aw", default, skip_serializing_if = "Option::is_none")]
    pub after_work_ms: Option<Millis>,
    /// The agent's work before it, where a signal tells.
    #[serde(rename = "bw", default, skip_serializing_if = "Option::is_none")]
    pub before_work_ms: Option<Millis>,
    /// Whether the wait in the queue met the service level, where a signal tells.
    #[serde(rename = "sl", default, skip_serializing_if = "Option::is_none")]
    pub met_service_level: Option<bool>,
}

impl Leg {
    /// From the beginning to the answer, or to the end when nobody answered; a menu is no wait.
    pub fn wait_ms(&self) -> Option<Millis> {
        if self.kind == LegKind::Menu {
            return None;
        }
        self.answered_at.or(self.ended_at).map(|until| until.since(self.started_at))
    }

    /// From the answer to the end, holds included.
    pub fn handle_ms(&self) -> Option<Millis> {
        Some(self.ended_at?.since(self.answered_at?))
    }

    /// Without the holds.
    pub fn talk_ms(&self) -> Option<Millis> {
        self.handle_ms().map(|handle| Millis(handle.0.saturating_sub(self.hold_ms.0)))
    }
}

/// The legs of a session: as its source reports them, else as its signals tell.
pub fn told(content: &Content) -> Vec<ToldLeg> {
    let reported = match content.fields.get(&field::LEGS_REPORTED) {
        Some(Value::Json(raw)) => serde_json::from_str::<Vec<ToldLeg>>(raw.text()).ok(),
        _ => None,
    };
    let reported = reported.filter(|legs| !legs.is_empty());
    reported.unwrap_or_else(|| content.legs.iter().map(ToldLeg::of).collect())
}
