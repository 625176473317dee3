//! Attempts to connect with a key that is none, by address: more than a few are slowed down.
use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{Quota, RateLimiter, clock::DefaultClock, state::keyed::DefaultKeyedStateStore};

use crate::seats::block_of;

/// Failed attempts of one address at once; one more is given back each second.
const BURST: NonZeroU32 = NonZeroU32::new(10).expect("ten is not none");
const EACH: NonZeroU32 = NonZeroU32::new(1).expect("one is not none");
/// How long an answer takes beyond that.
const SLOW: Duration = Duration::from_secs(2);

/// The attempts of all addresses.
pub(super) struct Attempts {
    failed: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>,
}

impl Attempts {
    pub(super) fn new() -> Attempts {
        Attempts { failed: RateLimiter::keyed(Quota::per_second(EACH).allow_burst(BURST)) }
    }

    /// Notes one that failed; gives for how long its answer waits.
    pub(super) fn note(&self, address: IpAddr) -> Duration {
        if self.failed.len() > 4_096 {
            self.failed.retain_recent();
        }
        match self.failed.check_key(&block_of(address)) {
            Ok(()) => Duration::ZERO,
            Err(_) => SLOW,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_at_once_and_each_address_by_itself() {
        let attempts = Attempts::new();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let waits: Vec<Duration> = (0..11).map(|_| attempts.note(one)).collect();
        assert!(waits[..10].iter().all(Duration::is_zero));
        assert_eq!(waits[10], SLOW);
        assert!(attempts.note(other).is_zero());
    }
}
