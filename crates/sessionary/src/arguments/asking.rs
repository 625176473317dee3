//! Flags of the commands that ask: reports, queries, replays, one session, the live stream.
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sessionary_core::{
    profile::Profile,
    time::{UnixMillis, parse_instant},
};

use super::{DataDir, Remote, Server};

/// A report and what is asked of it.
#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    /// dispositions, performance, attribution, funnel, paths, retention or health; without a name
    /// they are listed with their parameters.
    pub(crate) name: Option<String>,
    /// Further parameters, such as `channel=voice` or `model=all`.
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<String>,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) server: Server,
    /// Whose sessions; the only tenant where there is one.
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub(crate) tenant: Option<String>,
    /// Sessions that began at or after: a day such as 2026-01-05, or a time.
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<String>,
    /// Sessions that began before.
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<String>,
    /// IANA name of the time zone of days and hours.
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// What rows are told apart by.
    #[arg(long, value_name = "BREAKDOWN")]
    pub(crate) by: Option<String>,
    /// `leave_out` or `include` sessions that machines made.
    #[arg(long, value_name = "WORD")]
    pub(crate) bots: Option<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ReportFormat,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A table with a chart.
    Table,
    /// The answer of the API.
    Json,
    /// The rows.
    Csv,
}

#[derive(Args, Debug)]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Print the events as they come, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// Id of the session.
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) server: Server,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// By whose rules: default, ga4, universal-analytics, matomo, genesys or plausible.
    #[arg(long, value_name = "NAME", value_parser = profile)]
    pub(crate) profile: Profile,
    /// Whose sessions.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: String,
    /// Only visitors and lines with a session that began at or after this instant.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) from: Option<UnixMillis>,
    /// And before this one.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) to: Option<UnixMillis>,
    /// Print which sessions would be otherwise, too.
    #[arg(long)]
    pub(crate) diff: bool,
    /// So many of them at most.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Print one JSON object a line: each difference, whatever their number, and the totals last.
    #[arg(long)]
    pub(crate) json: bool,
}

fn profile(name: &str) -> Result<Profile, String> {
    let names = || Profile::ALL.map(Profile::name).join(", ");
    Profile::of_name(name).ok_or_else(|| format!("there are: {}", names()))
}

fn instant(text: &str) -> Result<UnixMillis, String> {
    let wrong = |_| "give an instant such as 2026-01-05T00:00:00Z".to_owned();
    parse_instant(text).map(|instant| instant.at).map_err(wrong)
}

#[derive(Args, Debug)]
pub(crate) struct Query {
    /// One query; none: list the tables, with queries to begin with.
    #[arg(value_name = "SQL")]
    pub(crate) sql: Option<String>,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) server: Server,
    /// Whose sessions, where the data directory has several tenants; a key says so itself.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: String,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = QueryFormat::Table)]
    pub(crate) format: QueryFormat,
    /// Write the answer to a file, which is there when it is whole.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Rows after which the answer ends.
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
}

/// How the answer to a query is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormat {
    /// For people.
    Table,
    /// One object with columns, rows and freshness.
    Json,
    /// One object a line.
    Ndjson,
    /// With a line of names.
    Csv,
    /// A file of Apache Parquet.
    Parquet,
    /// A stream of Apache Arrow.
    Arrow,
}
