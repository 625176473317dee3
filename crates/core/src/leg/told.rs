//! A leg as it is told: in the record, and by a source that reports its own.
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Leg, LegKind};
use crate::time::{Millis, UnixMillis, parse_instant};

/// One leg with its figures; what is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldLeg {
    /// With whom.
    pub kind: LegKind,
    /// When it began.
    #[serde(serialize_with = "as_text", deserialize_with = "of_text")]
    pub started_at: Option<UnixMillis>,
    /// When somebody answered.
    #[serde(serialize_with = "as_text", deserialize_with = "of_text")]
    pub answered_at: Option<UnixMillis>,
    /// When it ended.
    #[serde(serialize_with = "as_text", deserialize_with = "of_text")]
    pub ended_at: Option<UnixMillis>,
    /// The queue.
    pub queue: Option<Box<str>>,
    /// The agent.
    pub agent: Option<Box<str>>,
    /// `human`, `virtual` or `machine`, once answered.
    pub answered_by: Option<Box<str>>,
    /// In the queue, or ringing.
    pub wait_ms: Option<Millis>,
    /// On hold.
    pub hold_ms: Option<Millis>,
    /// Talking.
    pub talk_ms: Option<Millis>,
    /// Talking and holding.
    pub handle_ms: Option<Millis>,
    /// Work after it.
    pub after_work_ms: Option<Millis>,
    /// Work before it.
    pub before_work_ms: Option<Millis>,
    /// Whether the wait met the service level.
    pub met_service_level: Option<bool>,
}

/// Sums over the legs of a session; `None` where no leg has such a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegTotals {
    /// Of waits.
    pub wait: Option<Millis>,
    /// Of holds.
    pub hold: Option<Millis>,
    /// Of talks and holds.
    pub handle: Option<Millis>,
}

impl ToldLeg {
    pub(super) fn of(leg: &Leg) -> ToldLeg {
        ToldLeg {
            kind: leg.kind,
            started_at: Some(leg.started_at),
            answered_at: leg.answered_at,
            ended_at: leg.ended_at,
            queue: leg.queue.clone(),
            agent: leg.agent.clone(),
            answered_by: leg.answered_by.clone(),
            wait_ms: leg.wait_ms(),
            // Whom nobody answered nobody puts on hold.
            hold_ms: (leg.answered_at.is_some() || !leg.hold_ms.is_zero()).then_some(leg.hold_ms),
            talk_ms: leg.talk_ms(),
            handle_ms: leg.handle_ms(),
            after_work_ms: leg.after_work_ms,
            before_work_ms: leg.before_work_ms,
            met_service_level: leg.met_service_level,
        }
    }
}

impl LegTotals {
    /// The sums over `legs`.
    pub fn of(legs: &[ToldLeg]) -> LegTotals {
        let sum = |figure: fn(&ToldLeg) -> Option<Millis>| {
            let figures = legs.iter().filter_map(figure);
            figures.reduce(|sum, figure| Millis(sum.0.saturating_add(figure.0)))
        };
        LegTotals {
            wait: sum(|leg| leg.wait_ms),
            hold: sum(|leg| leg.hold_ms),
            handle: sum(|leg| leg.handle_ms),
        }
    }
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn as_text<S: Serializer>(at: &Option<UnixMillis>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

fn of_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixMillis>, D::Error> {
    let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    let read = |text: std::borrow::Cow<'de, str>| parse_instant(&text).map(|instant| instant.at);
    text.map(read).transpose().map_err(de::Error::custom)
}
