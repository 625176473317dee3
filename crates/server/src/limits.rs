//! How much a key and an address may send: token buckets whose unit is the signal, not the request.
//!
//! Off unless set. A batch larger than the whole bucket is charged the whole bucket, so it is
//! delayed and never refused for ever.
use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};

use crate::{
    problem::{Code, Problem},
    seats::block_of,
};

/// What is allowed; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// For each key.
    pub per_key: Option<Rate>,
    /// For each address (IPv6: each /64).
    pub per_address: Option<Rate>,
}

/// A bucket: how fast it fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Signals a second, in the long run.
    pub signals_per_second: NonZeroU32,
    /// Signals at once, after a rest.
    pub burst: NonZeroU32,
}

/// The buckets of all keys and addresses.
pub struct Limits {
    per_key: Option<Buckets<u32>>,
    per_address: Option<Buckets<IpAddr>>,
    charges: AtomicU32,
}

struct Buckets<K: std::hash::Hash + Eq + Clone> {
    rate: Rate,
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>,
    clock: DefaultClock,
}

/// Full buckets are forgotten every so many charges, which bounds the memory.
const SWEEP_EVERY: u32 = 4096;

impl Limits {
    /// Full buckets of these rates.
    pub fn new(rates: Rates) -> Limits {
        Limits {
            per_key: rates.per_key.map(Buckets::new),
            per_address: rates.per_address.map(Buckets::new),
            charges: AtomicU32::new(0),
        }
    }

    /// Takes `signals` out of the buckets of a key and an address.
    ///
    /// # Errors
    /// 429 with the time after which it can succeed.
    pub fn charge(&self, key: u32, address: Option<IpAddr>, signals: usize) -> Result<(), Problem> {
        let signals = u32::try_from(signals).unwrap_or(u32::MAX);
        let Some(signals) = NonZeroU32::new(signals) else { return Ok(()) };
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.forget_full_buckets();
        }
        if let (Some(buckets), Some(address)) = (&self.per_address, address) {
            buckets.charge(&block_of(address), signals, "this address")?;
        }
        if let Some(buckets) = &self.per_key {
            buckets.charge(&key, signals, "this key")?;
        }
        Ok(())
    }

    fn forget_full_buckets(&self) {
        if let Some(buckets) = &self.per_key {
            buckets.limiter.retain_recent();
        }
        if let Some(buckets) = &self.per_address {
            buckets.limiter.retain_recent();
        }
    }
}

impl<K: std::hash::Hash + Eq + Clone> Buckets<K> {
    fn new(rate: Rate) -> Buckets<K> {
        let quota = Quota::per_second(rate.signals_per_second).allow_burst(rate.burst);
        Buckets { rate, limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    fn charge(&self, key: &K, signals: NonZeroU32, whose: &str) -> Result<(), Problem> {
        let taken = self.limiter.check_key_n(key, signals.min(self.rate.burst));
        let Err(early) = taken.expect("no more is taken than the bucket holds") else {
            return Ok(());
        };
        let wait = early.wait_time_from(self.clock.now());
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let Rate { signals_per_second, burst } = self.rate;
        let detail =
            format!("{whose} may send {signals_per_second} signals a second, {burst} at once");
        Err(Code::RateLimited.because(detail).retry_after(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(signals_per_second: u32, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate { signals_per_second: number(signals_per_second), burst: number(burst) }
    }

    #[test]
    fn signals_are_charged_to_key_and_address() {
        let limits =
            Limits::new(Rates { per_key: Some(rate(1, 5000)), per_address: Some(rate(1, 9000)) });
        let address = Some("10.0.0.1".parse().unwrap());
        assert_eq!(limits.charge(1, address, 4000), Ok(()));
        let refused = limits.charge(1, address, 4000).unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        let wait = refused.retry_after_s.unwrap();
        assert!((2900..=3001).contains(&wait), "{wait}");
        assert!(limits.charge(2, address, 1000).is_ok(), "another key");
        assert!(limits.charge(3, address, 1000).unwrap_err().detail.unwrap().contains("address"));
        assert_eq!(limits.charge(3, None, 1000), Ok(()));
    }

    #[test]
    fn a_batch_larger_than_the_bucket_is_charged_the_bucket() {
        let limits = Limits::new(Rates { per_key: Some(rate(1, 100)), per_address: None });
        assert_eq!(limits.charge(1, None, 500), Ok(()));
        assert!(limits.charge(1, None, 1).is_err());
    }

    #[test]
    fn off_unless_set() {
        let limits = Limits::new(Rates::default());
        assert_eq!(limits.charge(1, None, usize::MAX), Ok(()));
    }
}
