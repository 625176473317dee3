//! A plan of a load over HTTP, and what came of it.
use std::time::Duration;

use super::counters::real;

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// As soon as the connection has its answer.
    Closed,
    /// So many a second, whatever became of the ones before.
    Open { per_second: f64 },
}

/// What a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusals {
    /// A fault: the benchmark ends.
    Fail,
    /// What is measured.
    Count,
}

/// How to load a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) connections: u32,
    /// Signals of a request.
    pub(super) batch: u64,
    pub(super) pace: Pace,
    pub(super) refusals: Refusals,
    pub(super) last: Duration,
    /// Ends earlier when so many signals are sent.
    pub(super) signals_max: u64,
}

impl Plan {
    /// A closed loop.
    pub(super) fn closed(connections: u32, batch: u64, last: Duration) -> Plan {
        let (pace, refusals) = (Pace::Closed, Refusals::Fail);
        Plan { connections, batch, pace, refusals, last, signals_max: u64::MAX }
    }

    /// Arrivals by schedule.
    pub(super) fn open(self, signals_per_second: f64, last: Duration) -> Plan {
        Plan {
            pace: Pace::Open { per_second: signals_per_second / real(self.batch) },
            last,
            ..self
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Signals that were accepted.
    pub(super) accepted: u64,
    /// Bytes of the bodies that were accepted.
    pub(super) bytes: u64,
    /// Requests that were sent.
    pub(super) requests: u64,
    /// Requests that were due and never sent: the sender was the limit.
    pub(super) unsent: u64,
    /// Requests refused with 429 or 503 and a `Retry-After`.
    pub(super) refused: u64,
    /// Requests that got no answer, because the server cut the connection.
    pub(super) cut: u64,
    /// What the first of them met with.
    pub(super) first_cut: Option<String>,
    /// From when a request was due (closed loop: was sent) until its answer, microseconds.
    pub(super) waits: Vec<u32>,
    /// From when a refused request was sent until its refusal, microseconds.
    pub(super) refusals: Vec<u32>,
    /// From the first request to the last answer.
    pub(super) seconds: f64,
    /// CPU of the sender, microseconds.
    pub(super) generator_cpu_us: f64,
}
