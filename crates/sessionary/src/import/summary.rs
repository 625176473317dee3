//! What an import came to, for a person and for machines.
use serde::Serialize;

use super::Taken;
use crate::table::counted;

/// The sums of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// The file's name.
    pub(crate) file: String,
    /// The sources of its signals.
    pub(crate) sources: Vec<Box<str>>,
    /// Whether it had been imported before and nothing was done.
    pub(crate) already_imported: bool,
    /// Signals handed on.
    pub(crate) signals: u64,
    /// Of them new.
    pub(crate) accepted: u64,
    /// Of them there already.
    pub(crate) duplicates: u64,
    /// Of them with an id that another signal has.
    pub(crate) conflicts: u64,
    /// Rows that could not be read, in quarantine.
    pub(crate) quarantined: u64,
    /// Sessions that the signals are in.
    pub(crate) sessions: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Signals handed on a second.
    pub(crate) signals_per_second: u64,
}

impl Summary {
    pub(super) fn add(&mut self, taken: &Taken) {
        self.accepted += taken.accepted;
        self.duplicates += taken.duplicates;
        self.conflicts += taken.conflicts;
        self.quarantined += taken.quarantined;
    }

    pub(super) fn took(&mut self, seconds: f64) {
        self.seconds = (seconds * 1_000.0).round() / 1_000.0;
        self.signals_per_second = rate(self.signals, seconds);
    }
}

/// Signals a second, whole.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for a person, never negative"
)]
pub(super) fn rate(signals: u64, seconds: f64) -> u64 {
    (signals as f64 / seconds.max(0.001)).round() as u64
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.already_imported {
            return writeln!(
                f,
                "{} was imported before; nothing was done. Use --again to send it again: signals \
                 that are there already count once.",
                self.file
            );
        }
        writeln!(f, "{} as source {}", self.file, self.sources.join(", "))?;
        let counts = [
            ("signals", self.signals),
            ("accepted", self.accepted),
            ("duplicates", self.duplicates),
            ("conflicts", self.conflicts),
            ("quarantined", self.quarantined),
            ("sessions", self.sessions),
        ];
        for (name, count) in counts {
            writeln!(f, "  {name:<12} {:>12}", counted(count))?;
        }
        writeln!(f, "  {:<12} {:>12.2}", "seconds", self.seconds)?;
        writeln!(f, "  {:<12} {:>12}", "signals/s", counted(self.signals_per_second))
    }
}
