//! Legs: the parts of a session with one server each.
use serde::{Deserialize, Serialize};

use crate::{
    dictionary::field,
    signal::{Signal, kind},
    time::{Millis, UnixMillis},
};

/// The part of a session with one agent, queue, virtual agent or menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
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
}

/// The most legs that a session keeps.
const LEGS_MAX: usize = 1_000;

impl Leg {
    fn begin(at: UnixMillis, signal: &Signal) -> Leg {
        Leg {
            started_at: at,
            answered_at: None,
            ended_at: None,
            queue: signal.text(field::QUEUE).map(Into::into),
            agent: None,
            answered_by: None,
            hold_ms: Millis(0),
            held_since: None,
        }
    }

    /// From the beginning to the answer, or to the end when nobody answered.
    pub fn wait_ms(&self) -> Option<Millis> {
        self.answered_at.or(self.ended_at).map(|until| until.since(self.started_at))
    }

    /// From the answer to the end, holds included.
    pub fn handle_ms(&self) -> Option<Millis> {
        Some(self.ended_at?.since(self.answered_at?))
    }

    fn release(&mut self, at: UnixMillis) {
        if let Some(since) = self.held_since.take() {
            self.hold_ms = Millis(self.hold_ms.0 + at.since(since).0);
        }
    }

    fn close(&mut self, at: UnixMillis) {
        self.release(at);
        self.ended_at.get_or_insert(at);
    }
}

/// Moves the legs of a call by one signal in event order.
pub(crate) fn add(legs: &mut Vec<Leg>, at: UnixMillis, signal: &Signal) {
    let call = matches!(
        &*signal.kind,
        kind::CALL_STARTED
            | kind::CALL_ANSWERED
            | kind::CALL_HELD
            | kind::CALL_RESUMED
            | kind::CALL_TRANSFERRED
            | kind::CALL_ENDED
    );
    if !call || legs.len() >= LEGS_MAX {
        return;
    }
    if legs.last().is_none_or(|leg| leg.ended_at.is_some()) && *signal.kind != *kind::CALL_ENDED {
        legs.push(Leg::begin(at, signal));
    }
    let Some(leg) = legs.last_mut() else { return };
    match &*signal.kind {
        kind::CALL_ANSWERED => {
            leg.answered_at.get_or_insert(at);
            let agent = signal.text(field::INTEGRATION_AGENT_ID);
            leg.agent = agent.or_else(|| signal.text(field::AGENT_NAME)).map(Into::into);
            leg.answered_by = Some(signal.text(field::ANSWERED_BY).unwrap_or("human").into());
        }
        kind::CALL_HELD => {
            leg.held_since.get_or_insert(at);
        }
        kind::CALL_RESUMED => leg.release(at),
        kind::CALL_TRANSFERRED => {
            leg.close(at);
            legs.push(Leg::begin(at, signal));
        }
        kind::CALL_ENDED => leg.close(at),
        _ => {}
    }
}
