//! Stamping: what is decided once, when a signal is first folded, and never again.
//!
//! The corrected time uses the lane's own recent batches; a refold uses the stamp (CORE.md 1).
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    signal::{Nature, Signal},
    time::{Millis, UnixMillis},
};

/// A signal with its stamp: what the fold works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// Where it lies in the journal.
    pub position: u64,
    /// When it happened, corrected.
    pub at: UnixMillis,
    /// When it came.
    pub received_at: UnixMillis,
    /// What was noticed when it was first folded.
    pub marks: Marks,
    /// The hash of its key, [`crate::lane::HashSecret::key_hash`].
    pub key_hash: u64,
    /// The signal.
    pub signal: Box<Signal>,
}

impl Stamped {
    /// Order inside a lane: corrected time, the device's own counter, the key (CORE.md 3).
    pub fn order(&self) -> Order {
        Order { at: self.at, sequence: self.signal.sequence, key: (*self.signal.key).into() }
    }

    /// Whether it comes after `than` in its lane.
    pub fn is_after(&self, than: &Order) -> bool {
        let own = (self.at, self.signal.sequence, &*self.signal.key);
        own > (than.at, than.sequence, &*than.key)
    }

    /// Whether it is a fact that takes part in boundaries.
    pub fn is_bounding_fact(&self) -> bool {
        self.signal.nature() == Nature::Fact
            && !self.marks.has(Marks::PLACED | Marks::AMENDMENT | Marks::ORPHAN)
    }
}

/// The total order of a lane's signals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order {
    /// Corrected time.
    #[serde(rename = "a")]
    pub at: UnixMillis,
    /// Device sequence, 0 when there is none.
    #[serde(rename = "q", default)]
    pub sequence: u64,
    /// Signal key; shared, because a session's last signal is mostly its greatest, too.
    #[serde(rename = "k")]
    pub key: Arc<str>,
}

/// A set of marks on a signal within its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks(pub u8);

impl Marks {
    /// It is a note.
    pub const NOTE: u8 = 1;
    /// It came from another lane by placement: adds to content, moves no boundary.
    pub const PLACED: u8 = 2;
    /// It came too late to join and is only kept.
    pub const ORPHAN: u8 = 4;
    /// It came after sealing and is a commutative addition.
    pub const AMENDMENT: u8 = 8;
    /// Its order id was already counted elsewhere in the tenant.
    pub const ORDER_SEEN: u8 = 16;
    /// Its event time lay in the future; the time of arrival is used.
    pub const CLOCK_FUTURE: u8 = 32;
    /// Its time was corrected for the skew of the device.
    pub const SKEW_CORRECTED: u8 = 64;

    /// Whether any of `marks` is set.
    pub fn has(self, marks: u8) -> bool {
        self.0 & marks != 0
    }

    /// With `marks` set as well.
    #[must_use]
    pub fn with(self, marks: u8) -> Marks {
        Marks(self.0 | marks)
    }
}

/// The clock error of one device: the least of (received − sent) over its last 20 batches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// The last batches: (request, received − sent in ms), oldest first.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    batches: Vec<(u64, i64)>,
}

const BATCHES: usize = 20;
/// Smaller clock errors than this are network delay for all we know.
const LEAST_SKEW: i64 = 60_000;
/// Further in the future than this, the time of arrival is used.
const FUTURE: Millis = Millis::from_mins(5);

impl Skew {
    /// Takes note of a batch; the signals of one request count once.
    fn note(&mut self, batch: u64, offset: i64) {
        if let Some(known) = self.batches.iter_mut().find(|(known, _)| *known == batch) {
            known.1 = known.1.min(offset);
            return;
        }
        if self.batches.len() == BATCHES {
            self.batches.remove(0);
        }
        self.batches.push((batch, offset));
    }

    /// Whether no batch was noted yet.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    fn offset(&self) -> i64 {
        let least = self.batches.iter().map(|(_, offset)| *offset).min().unwrap_or(0);
        if least.abs() > LEAST_SKEW { least } else { 0 }
    }

    /// Stamps a signal: its corrected time, and what was noticed on the way.
    pub fn stamp(
        &mut self,
        signal: &Signal,
        received_at: UnixMillis,
        batch: u64,
    ) -> (UnixMillis, Marks) {
        let note = match signal.nature() {
            Nature::Fact => Marks::default(),
            Nature::Note => Marks(Marks::NOTE),
        };
        if let Some(sent_at) = signal.sent_at {
            self.note(batch, received_at.since(sent_at).0);
        }
        let Some(occurred) = &signal.occurred_at else {
            return (received_at, note);
        };
        let offset = if signal.sent_at.is_some() { self.offset() } else { 0 };
        let corrected = occurred.at.plus(Millis(offset));
        if offset != 0 {
            return (corrected.min(received_at), note.with(Marks::SKEW_CORRECTED));
        }
        if corrected > received_at.plus(FUTURE) {
            return (received_at, note.with(Marks::CLOCK_FUTURE));
        }
        (corrected, note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Instant, parse_instant};

    const NOW: UnixMillis = UnixMillis(1_767_607_200_000);

    fn signal(occurred_at: UnixMillis, sent_at: Option<UnixMillis>) -> Signal {
        let mut arrival: Signal = serde_json::from_str(r#"{"k":"a","y":"page_viewed"}"#).unwrap();
        arrival.occurred_at = Some(Instant::at(occurred_at));
        arrival.sent_at = sent_at;
        arrival
    }

    #[test]
    fn network_delay_is_no_clock_error() {
        let mut skew = Skew::default();
        let sent = NOW.minus(Millis::from_secs(59));
        let (at, marks) = skew.stamp(&signal(sent, Some(sent)), NOW, 1);
        assert_eq!((at, marks), (sent, Marks::default()));
    }

    #[test]
    fn a_slow_clock_is_corrected_by_the_least_offset_of_its_batches() {
        let mut skew = Skew::default();
        let hour = Millis::from_hours(1);
        // The device is an hour slow; one batch came at once, the next after a stall of 90 s.
        let sent = NOW.minus(hour);
        skew.stamp(&signal(sent, Some(sent)), NOW, 1);
        let later = NOW.plus(Millis::from_secs(90));
        let (at, marks) = skew.stamp(&signal(sent, Some(sent)), later, 2);
        assert_eq!((at, marks), (NOW, Marks(Marks::SKEW_CORRECTED)));
    }

    #[test]
    fn a_corrected_time_is_never_later_than_received() {
        let mut skew = Skew::default();
        let fast = NOW.plus(Millis::from_mins(10));
        let (at, _) = skew.stamp(&signal(fast.plus(Millis(5)), Some(fast)), NOW, 1);
        assert_eq!(at, NOW);
    }

    #[test]
    fn a_future_time_of_a_signal_that_says_no_more_is_the_time_of_arrival() {
        let mut skew = Skew::default();
        let future = NOW.plus(Millis::from_mins(5));
        assert_eq!(skew.stamp(&signal(future, None), NOW, 1).0, future, "five minutes are borne");
        let (at, marks) = skew.stamp(&signal(future.plus(Millis(1)), None), NOW, 1);
        assert_eq!((at, marks), (NOW, Marks(Marks::CLOCK_FUTURE)));
    }

    #[test]
    fn only_the_last_twenty_batches_count() {
        let mut skew = Skew::default();
        let sent = |offset: i64| signal(NOW.minus(Millis(offset)), Some(NOW.minus(Millis(offset))));
        skew.stamp(&sent(100_000), NOW, 0);
        for batch in 1..=20 {
            skew.stamp(&sent(300_000), NOW, batch);
        }
        let (at, _) = skew.stamp(&sent(300_000), NOW, 20);
        assert_eq!(at, NOW, "the batch that was 100 s off is forgotten");
        assert!(parse_instant(&at.to_string()).is_ok());
    }
}
