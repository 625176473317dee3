//! A stopwatch: how long something took. The one place of the harness that reads a clock.
use std::time::{Duration, Instant};

/// Runs from its making.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[expect(clippy::disallowed_methods, reason = "limits and lateness are measured from outside")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// How long it has run.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Whether it has run longer than that.
    pub fn is_past(self, limit: Duration) -> bool {
        self.elapsed() > limit
    }
}
