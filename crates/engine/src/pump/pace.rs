//! How fast parcels of one destination leave: no faster than is set, and slower while the engine is
//! behind.
//!
//! How long a note takes to be durable tells how far behind the engine is: it waits in the same
//! queue as signals do. Signals come first, so a backlog of parcels gives way to them.
use std::time::Duration;

use tokio::time::Instant;

/// So much of the pace may be made up for at once.
const SLACK: Duration = Duration::from_millis(100);
/// A note that takes longer says that the engine is behind.
const PATIENCE: Duration = Duration::from_millis(100);
/// Each such note makes the pace slower by this much, down to a part of what is set;
const SLOWER: f64 = 1.1;
/// any other makes it faster again.
const FASTER: f64 = 0.99;
/// The part that is always left.
const SLOWEST: f64 = 32.0;

/// The pace.
pub(super) struct Pace {
    /// From one start to the next; `None`: as fast as can be.
    step: Option<Duration>,
    slowdown: f64,
    /// When the next parcel may leave.
    next: Instant,
}

impl Pace {
    /// At most so many in a second; 0: as many as can.
    pub(super) fn new(per_second: u32, now: Instant) -> Pace {
        let step = (per_second > 0).then(|| Duration::from_secs(1) / per_second);
        Pace { step, slowdown: 1.0, next: now }
    }

    /// When the next parcel leaves, at the earliest now; it counts as gone then.
    pub(super) fn take(&mut self, now: Instant) -> Instant {
        let Some(step) = self.step else { return now };
        // A timer is a millisecond late now and then; what it costs is made up for.
        let start = self.next.max(now.checked_sub(SLACK).unwrap_or(now));
        self.next = start + step.mul_f64(self.slowdown);
        start.max(now)
    }

    /// A note took so long to be durable.
    pub(super) fn noted(&mut self, took: Duration) {
        let factor = if took > PATIENCE { SLOWER } else { FASTER };
        self.slowdown = (self.slowdown * factor).clamp(1.0, SLOWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    /// How many leave in ten seconds in which each note takes so long.
    fn in_ten_seconds(per_second: u32, took: Duration) -> u32 {
        let began = Instant::from_std(monotonic());
        let mut pace = Pace::new(per_second, began);
        let (mut now, mut count) = (began, 0);
        while now < began + Duration::from_secs(10) && count < 1_000_000 {
            now = pace.take(now);
            pace.noted(took);
            count += 1;
        }
        count
    }

    #[test]
    fn no_more_leave_than_may() {
        let count = in_ten_seconds(200, Duration::from_millis(5));
        assert!((2_000..=2_001).contains(&count), "{count}");
        assert_eq!(in_ten_seconds(0, Duration::from_secs(9)), 1_000_000);
    }

    #[test]
    fn a_backlog_gives_way_while_the_engine_is_behind_and_is_never_forgotten() {
        let count = in_ten_seconds(2_000, Duration::from_millis(250));
        assert!((600..1_000).contains(&count), "{count}");
    }

    #[test]
    fn it_is_as_fast_as_before_once_the_engine_is_not_behind() {
        let began = Instant::from_std(monotonic());
        let mut pace = Pace::new(2_000, began);
        (0..100).for_each(|_| pace.noted(Duration::from_secs(1)));
        assert!((pace.slowdown - SLOWEST).abs() < f64::EPSILON);
        (0..400).for_each(|_| pace.noted(Duration::from_millis(10)));
        assert!((pace.slowdown - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn what_a_late_timer_costs_is_made_up_for_within_bounds() {
        let began = Instant::from_std(monotonic());
        let mut pace = Pace::new(1_000, began);
        let late = began + Duration::from_secs(5);
        let at_once = (0..1_000).filter(|_| pace.take(late) == late).count();
        assert_eq!(at_once, 101);
    }
}
