//! What one line of the benchmark measured, round by round, and the median over its rounds.
use serde::{Deserialize, Serialize};

use super::counters::{real, whole};

/// One round of a line.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Round {
    /// Signals taken in.
    pub(super) signals: u64,
    /// How long it took.
    pub(super) seconds: f64,
    /// CPU of the work, without that of making the signals; microseconds.
    pub(super) cpu_us: f64,
    /// CPU of making (and sending) the signals, microseconds.
    pub(super) generator_cpu_us: f64,
}

/// What is counted over all rounds, because work may be put off from one to the next.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Signals taken in.
    pub(super) signals: u64,
    /// Their bytes.
    pub(super) received: u64,
    /// Bytes written to disk.
    pub(super) written: u64,
    /// Bytes that the files take at the end.
    pub(super) on_disk: u64,
    /// The most memory that was resident, bytes.
    pub(super) peak_rss: u64,
}

/// Times of answers, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Waits {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
    /// How many there are.
    pub(super) count: usize,
}

/// A line of the table.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    /// Why there are no figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<String>,
    pub(super) signals_per_second: Option<f64>,
    /// Least and greatest round.
    pub(super) signals_per_second_range: Option<(f64, f64)>,
    pub(super) cpu_us_per_signal: Option<f64>,
    pub(super) generator_cpu_us_per_signal: Option<f64>,
    pub(super) written_per_received: Option<f64>,
    pub(super) disk_bytes_per_signal: Option<f64>,
    pub(super) peak_rss_bytes: Option<u64>,
    /// By schedule, at half of what the closed loop reached.
    pub(super) waits_at_half: Option<Waits>,
}

impl Line {
    /// A line with no figures, and why.
    pub(super) fn missing(name: &str, why: &str) -> Line {
        Line { name: name.to_owned(), missing: Some(why.to_owned()), ..Line::default() }
    }

    /// The medians of its rounds.
    pub(super) fn of(name: &str, rounds: &[Round], totals: &Totals, waits: Vec<u32>) -> Line {
        let by_signal = |of: fn(&Round) -> f64| {
            median(rounds.iter().map(|round| of(round) / real(round.signals.max(1))).collect())
        };
        let rates: Vec<f64> =
            rounds.iter().map(|round| real(round.signals) / round.seconds.max(1e-9)).collect();
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        let signals = real(totals.signals.max(1));
        Line {
            name: name.to_owned(),
            missing: None,
            signals_per_second: median(rates),
            signals_per_second_range: Some((least, most)),
            cpu_us_per_signal: by_signal(|round| round.cpu_us),
            generator_cpu_us_per_signal: by_signal(|round| round.generator_cpu_us),
            written_per_received: Some(real(totals.written) / real(totals.received.max(1))),
            disk_bytes_per_signal: Some(real(totals.on_disk) / signals),
            peak_rss_bytes: Some(totals.peak_rss),
            waits_at_half: Waits::of(waits),
        }
    }
}

impl Waits {
    /// Of times in microseconds.
    pub(super) fn of(mut micros: Vec<u32>) -> Option<Waits> {
        micros.sort_unstable();
        let (last, count) = (*micros.last()?, micros.len());
        let at = |share: f64| {
            let place = usize::try_from(whole(real(count as u64) * share)).unwrap_or(0);
            f64::from(micros.get(place.min(count - 1)).copied().unwrap_or(last)) / 1e3
        };
        let max_ms = f64::from(last) / 1e3;
        Some(Waits { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms, count })
    }
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
        let waits = Waits::of((1..=1000).rev().collect()).unwrap();
        assert_eq!((waits.p50_ms, waits.p99_ms, waits.max_ms), (0.501, 0.991, 1.0));
        assert!(Waits::of(Vec::new()).is_none());
    }

    #[test]
    fn a_line_is_the_median_of_its_rounds() {
        let round =
            |signals| Round { signals, seconds: 1.0, cpu_us: 600.0, generator_cpu_us: 60.0 };
        let totals =
            Totals { signals: 600, received: 1000, written: 1500, on_disk: 60, peak_rss: 9 };
        let line = Line::of("x", &[round(100), round(300), round(200)], &totals, Vec::new());
        assert_eq!(line.signals_per_second, Some(200.0));
        assert_eq!(line.signals_per_second_range, Some((100.0, 300.0)));
        assert_eq!((line.cpu_us_per_signal, line.written_per_received), (Some(3.0), Some(1.5)));
    }
}
