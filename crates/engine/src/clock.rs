//! Server time: the one place that reads a clock.
//!
//! Last persisted time plus what has passed on the monotonic clock, drawn towards the wall clock by
//! at most a tenth of it. A difference over five minutes is not followed but reported; the wall clock
//! is adopted after it has been steady for ten minutes (CORE.md 11).
use std::{
    sync::Mutex,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use sessionary_core::time::{Millis, UnixMillis};

/// A greater difference between server time and wall clock is an alarm.
const ALARM: Millis = Millis::from_mins(5);
/// The wall clock is adopted after it has been steady this long.
const STEADY: Millis = Millis::from_mins(10);
/// The wall clock counts as steady while it runs within this of the monotonic one.
const JITTER: Millis = Millis::from_secs(5);
/// At start a wall clock ahead by up to this is believed: the machine slept.
const BELIEVED: Millis = Millis::from_days(30);
/// Server time is drawn towards the wall clock by at most one part in this.
const DRAW: i64 = 10;

/// The server's clock. Shared; each reading is at least the one before.
#[derive(Debug)]
pub struct ServerClock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: UnixMillis,
    read_at: Instant,
    /// Time that has passed and was not yet drawn on.
    undrawn: i64,
    since: Option<Steady>,
    alarm: Option<Millis>,
}

/// A stretch in which the wall clock ran evenly though far away.
#[derive(Debug)]
struct Steady {
    wall: UnixMillis,
    at: Instant,
}

impl ServerClock {
    /// A clock that goes on from the last persisted server time; `None` on an empty directory.
    pub fn start(last: Option<UnixMillis>) -> ServerClock {
        let (wall, read_at) = read();
        let now = match last {
            None => wall,
            Some(last) if wall >= last && wall.since(last) <= BELIEVED => wall,
            Some(last) => last,
        };
        ServerClock {
            state: Mutex::new(State { now, read_at, undrawn: 0, since: None, alarm: None }),
        }
    }

    /// Server time.
    pub fn now(&self) -> UnixMillis {
        let (wall, at) = read();
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.advance(wall, at);
        state.now
    }

    /// How far the wall clock is away when that is not followed: an alarm for the operator.
    pub fn alarm(&self) -> Option<Millis> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).alarm
    }
}

impl State {
    fn advance(&mut self, wall: UnixMillis, at: Instant) {
        let elapsed = i64::try_from(at.saturating_duration_since(self.read_at).as_millis());
        let elapsed = elapsed.unwrap_or(i64::MAX);
        if elapsed == 0 {
            return;
        }
        self.read_at = at;
        let now = self.now.plus(Millis(elapsed));
        let ahead = wall.since(now);
        if ahead.0.abs() <= ALARM.0 {
            self.undrawn = self.undrawn.saturating_add(elapsed);
            let most = self.undrawn / DRAW;
            self.undrawn %= DRAW;
            self.now = now.plus(Millis(ahead.0.clamp(-most, most))).max(self.now);
            self.since = None;
            self.alarm = None;
            return;
        }
        self.now = now;
        self.alarm = Some(ahead);
        if self.is_steady(wall, at) && wall > now {
            self.now = wall;
            self.since = None;
            self.alarm = None;
        }
    }

    fn is_steady(&mut self, wall: UnixMillis, at: Instant) -> bool {
        let steady = self.since.get_or_insert(Steady { wall, at });
        let passed = at.saturating_duration_since(steady.at).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        let drift = wall.since(steady.wall).0 - passed;
        if drift.abs() > JITTER.0 {
            *steady = Steady { wall, at };
            return false;
        }
        passed >= STEADY.0
    }
}

/// The monotonic clock, for measuring how long something took.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads a clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads a clock")]
fn read() -> (UnixMillis, Instant) {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (UnixMillis(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)), Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: UnixMillis = UnixMillis(1_700_000_000_000);

    fn state(at: Instant) -> State {
        State { now: START, read_at: at, undrawn: 0, since: None, alarm: None }
    }

    #[test]
    fn a_small_difference_is_drawn_in_slowly() {
        let at = monotonic();
        let mut state = state(at);
        // The wall is 60 s ahead; in 100 s of elapsed time at most 10 s are made up.
        let wall = START.plus(Millis::from_secs(160));
        state.advance(wall, at + Duration::from_secs(100));
        assert_eq!(state.now, START.plus(Millis::from_secs(110)));
    }

    #[test]
    fn a_jump_is_not_followed_until_it_has_been_steady() {
        let at = monotonic();
        let mut state = state(at);
        let wall = |secs| START.plus(Millis::from_days(1)).plus(Millis::from_secs(secs));
        state.advance(wall(1), at + Duration::from_secs(1));
        assert_eq!((state.now, state.alarm.is_some()), (START.plus(Millis::from_secs(1)), true));
        state.advance(wall(602), at + Duration::from_secs(602));
        assert_eq!((state.now, state.alarm), (wall(602), None));
    }

    #[test]
    fn a_clock_that_goes_back_never_takes_time_with_it() {
        let at = monotonic();
        let mut state = state(at);
        state.advance(START.minus(Millis::from_secs(100)), at + Duration::from_secs(50));
        assert!(state.now >= START.plus(Millis::from_secs(45)));
        let before = state.now;
        let wall = START.minus(Millis::from_days(365));
        state.advance(wall, at + Duration::from_secs(51));
        state.advance(wall.plus(Millis::from_mins(30)), at + Duration::from_secs(1_851));
        assert!(state.now >= before, "server time never goes back");
    }
}
