//! The flags of `sessionary bench`.
use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Take signals in, beside the disk alone, the fold alone and the databases others would use.
    ///
    /// Every line runs in a process of its own, in turn, round after round, so that one run compares.
    /// SQLite and PostgreSQL are there in builds with the feature `bench-peers` (`make bench`).
    Ingest(Ingest),
    /// Deliver parcels that are all due at once, beside a bare client, and with signals coming in.
    Delivery(Delivery),
    /// Answer one of the common questions over Parquet files, and say what it took, as one line of JSON.
    Questions(Questions),
    /// One line; what `ingest` starts.
    #[command(hide = true)]
    Line(LineArguments),
    /// Takes what is posted; what `delivery` starts.
    #[command(hide = true)]
    Receiver,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Delivery {
    /// Parcels that are due at once, each of a session of its own.
    #[arg(long, default_value = "100k", value_parser = count)]
    pub(crate) parcels: u64,
    /// Seconds of a round.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Rounds; each delivers for twice that time.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Folder for the data, which is emptied afterwards; the system's for temporary files by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Accept a folder in memory, where a sync does nothing.
    #[arg(long)]
    pub(crate) allow_tmpfs: bool,
    /// Print all figures as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A common question over the files of the folder; docs/bench.md says what each asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Question {
    /// Sessions out of raw events.
    Q1,
    /// Dispositions and revenue by campaign and week.
    Q2,
    /// Attribution: last non-direct and linear.
    Q3,
    /// A funnel of four steps within a week.
    Q4,
    /// The 50 most frequent runs of five categories.
    Q5,
    /// Retention by the week of the first session.
    Q6,
    /// Conversions and order values by variant.
    Q7,
    /// Markov attribution: removal effects.
    Q8,
    /// Single sessions and their events by id; `wall_s` is that of one, in the median.
    Q9,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Questions {
    /// Folder with raw.parquet, events.parquet, sessions.parquet and identities.parquet.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The question.
    #[arg(long, value_enum, value_name = "QUESTION")]
    pub(crate) question: Question,
    /// Threads that work.
    #[arg(long, default_value = "2")]
    pub(crate) threads: NonZeroUsize,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Every line, with a working set that fits in memory.
    Hot,
    /// Each signal of a random session of all: memory, and a start after a kill.
    Cold,
    /// CPU of the hot work over ever more stored sessions.
    Growth,
    /// What of that growth is the tables' alone: their rows, and nothing else.
    Tables,
    /// A start after a kill in the middle of the hot work.
    Restart,
    /// A probe every 5 ms during full load: the longest stop.
    Checkpoint,
    /// Ten times what the server can take.
    Overload,
    /// The hot work with the journal rewritten in lane order at once.
    Lanes,
}

impl Scenario {
    pub(crate) const ALL: [Scenario; 8] = [
        Scenario::Hot,
        Scenario::Cold,
        Scenario::Growth,
        Scenario::Tables,
        Scenario::Restart,
        Scenario::Checkpoint,
        Scenario::Overload,
        Scenario::Lanes,
    ];
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Ingest {
    /// What to measure; may be given again.
    #[arg(long = "scenario", value_enum, value_name = "NAME", default_value = "hot")]
    pub(crate) scenarios: Vec<Scenario>,
    /// Every scenario.
    #[arg(long)]
    pub(crate) all: bool,
    /// Seconds of a round.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Rounds of each line.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Visitors that take turns, at least 5k: no two signals of one should be of one instant.
    #[arg(long, default_value = "20k", value_parser = visitors)]
    pub(crate) sessions: u64,
    /// Only these lines of the scenario `hot`; may be given again.
    #[arg(long = "line", value_name = "NAME")]
    pub(crate) lines: Vec<String>,
    /// Signals of the scenario `cold`.
    #[arg(long, default_value = "5m", value_parser = count)]
    pub(crate) signals: u64,
    /// Stored sessions of the scenarios `growth` and `tables`, in rising order.
    #[arg(long, value_delimiter = ',', default_value = "100k,1m,10m", value_parser = count)]
    pub(crate) stored: Vec<u64>,
    /// Folder for the data, which is emptied afterwards; the system's for temporary files by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Accept a folder in memory, where a sync does nothing.
    #[arg(long)]
    pub(crate) allow_tmpfs: bool,
    /// PostgreSQL to compare with; it makes and drops two tables named `sessionary_bench_…`.
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// Print all figures as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct LineArguments {
    pub(crate) name: String,
    #[arg(long)]
    pub(crate) dir: PathBuf,
    #[arg(long)]
    pub(crate) sessions: u64,
    #[arg(long)]
    pub(crate) postgres: Option<String>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "use seconds from 0.01 to 3600".into())
}

/// A count such as 5000000, 100k or 1m.
fn count(text: &str) -> Result<u64, String> {
    let text = text.to_ascii_lowercase();
    let (digits, unit) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (text.as_str(), 1),
    };
    let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
    count
        .filter(|count| (1..1 << 48).contains(count))
        .ok_or_else(|| "use a count such as 5000, 100k or 5m".into())
}

fn visitors(text: &str) -> Result<u64, String> {
    let count = count(text)?;
    if count >= 5_000 { Ok(count) } else { Err("use 5k or more".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_seconds_are_read() {
        assert_eq!(["7", "20k", "5M"].map(|text| count(text).unwrap()), [7, 20_000, 5_000_000]);
        assert!(count("0").is_err() && count("k").is_err() && count("1g").is_err());
        assert!(seconds("0.2").is_ok() && seconds("0").is_err());
    }
}
