//! The commands and flags of the program, with the help that `--help` prints.
use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use sessionary_core::{
    profile::Profile,
    time::{UnixMillis, parse_instant},
};
use sessionary_dialects::access_log::{Only, Visitor};

use crate::bench::Bench;

/// Every session, from first signal to final outcome.
#[derive(Debug, Parser)]
#[command(name = "sessionary", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API and the console.
    Serve(Serve),
    /// Fill an empty data directory with the bundled real data and serve it.
    Demo(Demo),
    /// Read a file of signals into a data directory or a running server.
    Import(Import),
    /// Follow signals and sessions of a running server as they come.
    Tail(Tail),
    /// Say why a session is as it is: its boundaries, its outcome, its signals.
    Explain(Explain),
    /// Answer a named report: outcomes, service, attribution, funnels, paths, retention, health.
    Report(ReportArguments),
    /// Write what a data directory has as open files.
    #[command(subcommand)]
    Export(Export),
    /// Write, compact and check the lake of a data directory that no server has open; a server does both by
    /// itself.
    #[command(subcommand)]
    Lake(Lake),
    /// Fold what is stored again by the rules of another product, and print what would be otherwise.
    Replay(Replay),
    /// Ask the sessions in SQL; without a query, list the tables.
    Query(Query),
    /// Check a data directory.
    Check(Check),
    /// Create, list and revoke API keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Where finished sessions go: set up, change, try and remove destinations of a running server.
    #[command(subcommand)]
    Destinations(Destinations),
    /// What is due, was sent or was given up, and delivering it again.
    #[command(subcommand)]
    Parcels(Parcels),
    /// Measure how fast signals come in on this machine.
    #[command(subcommand)]
    Bench(Bench),
    /// Print every setting with its text and default: a configuration file to start from.
    Config(ConfigArguments),
}

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

/// Where the data lies.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataDir {
    /// Data directory; made where it is missing.
    #[arg(
        long,
        value_name = "DIR",
        env = "SESSIONARY_DATA_DIR",
        default_value = "./sessionary-data"
    )]
    pub(crate) data_dir: PathBuf,
}

/// Which server to talk to.
#[derive(Args, Clone, Debug)]
pub(crate) struct Remote {
    /// Address of the server.
    #[arg(
        long,
        value_name = "URL",
        env = "SESSIONARY_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) url: String,
    /// Secret key; better given as `SESSIONARY_KEY`, where other users of the machine do not see it.
    #[arg(long, value_name = "KEY", env = "SESSIONARY_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// A running server to ask instead of the data directory.
#[derive(Args, Clone, Debug)]
pub(crate) struct Server {
    /// Ask a running server instead of the data directory.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Key for `--url`; better given as `SESSIONARY_KEY`.
    #[arg(long, value_name = "KEY", env = "SESSIONARY_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Address and port to listen on; goes before the configuration.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address and port for clients of PostgreSQL, such as 127.0.0.1:5433; goes before the
    /// configuration.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) postgres: Option<SocketAddr>,
    /// Configuration file (TOML); `sessionary config` prints one.
    #[arg(long, value_name = "FILE", env = "SESSIONARY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Let destinations be on private and loopback addresses: for tests and closed networks.
    #[arg(long)]
    pub(crate) allow_private_destinations: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Destinations {
    /// Set one up; prints it with the secret that was made for it, which is not shown again.
    Create(DestinationBody),
    /// List them.
    List(DestinationsList),
    /// Show one.
    Show(DestinationNamed),
    /// Change one: what is named, and nothing else.
    Change(DestinationChange),
    /// Remove one; what is due there is not sent.
    Delete(DestinationNamed),
    /// Send a sample and say what came of it.
    Test(DestinationNamed),
    /// Give a webhook a new secret beside the one it has.
    Rotate(DestinationNamed),
}

/// What a destination is.
#[derive(Args, Debug)]
pub(crate) struct DestinationBody {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// What people call it.
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) set_name: Option<String>,
    /// `object_store`, `webhook`, `email`, `crm` or `tropo`.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Where it is, such as `https://example.com/hook`, `s3://bucket/folder` or `smtps://host`.
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// `canonical`, `ccai`, `genesys`, `handshake`, `segment` or `tropo`.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// `begin`, `status` or `final`.
    #[arg(long, value_name = "WHEN")]
    pub(crate) when: Option<String>,
    /// From the end of a session to its delivery, never before its record is final.
    #[arg(long, value_name = "MS")]
    pub(crate) after_ms: Option<i64>,
    /// Its secret; better given as `SESSIONARY_DESTINATION_SECRET`.
    #[arg(long, env = "SESSIONARY_DESTINATION_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,
    /// Whether parcels are raised and sent.
    #[arg(long, value_name = "BOOL")]
    pub(crate) enabled: Option<bool>,
    /// Everything else as a JSON object, with the members of the API (`filter`, `options`,
    /// `withhold`); `-` reads it from standard input.
    #[arg(long, value_name = "JSON")]
    pub(crate) json: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct DestinationsList {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One destination.
#[derive(Args, Debug)]
pub(crate) struct DestinationNamed {
    /// Its id or its name.
    #[arg(value_name = "DESTINATION")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

#[derive(Args, Debug)]
pub(crate) struct DestinationChange {
    /// Its id or its name.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) body: DestinationBody,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Parcels {
    /// List them.
    List(ParcelsList),
    /// Deliver sessions again, to the destination that had them or to another.
    Redeliver(ParcelsRedeliver),
}

#[derive(Args, Debug)]
pub(crate) struct ParcelsList {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// `due`, `sent` or `parked`.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Those for this destination, by id or name.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) destination: Option<String>,
    /// Those of this session.
    #[arg(long, value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// How many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(crate) limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ParcelsRedeliver {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// The destination that had them, by id or name.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) destination: Option<String>,
    /// The destination that gets them, where it is another one.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) to_destination: Option<String>,
    /// Records that were cut at or after this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// And before this one.
    #[arg(long = "to", value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only what stands so: `sent` or `parked`.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Only this session; may be given again.
    #[arg(long = "session", value_name = "SESSION")]
    pub(crate) sessions: Vec<String>,
    /// Only sessions that pass, such as `{"channel":"voice"}`.
    #[arg(long, value_name = "JSON")]
    pub(crate) filter: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Data directory, which must be empty; a fresh temporary folder where none is named.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address and port to listen on; where the port is taken, the next free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4700")]
    pub(crate) listen: SocketAddr,
    /// Address and port for clients of PostgreSQL, such as 127.0.0.1:5433.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) postgres: Option<SocketAddr>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "SESSIONARY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Stop when the data is in and shown.
    #[arg(long, env = "DEMO_EXIT", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0, action = clap::ArgAction::SetTrue)]
    pub(crate) exit: bool,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Common or combined log of Apache or nginx.
    AccessLog,
    /// A table with the names of its columns in the first row; needs `--mapping`.
    Csv,
    /// A JSON object a line: signals of our own form, or anything by `--mapping`.
    Ndjson,
}

/// Which statuses make a request of an access log a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageStatus {
    /// 2xx and 304.
    Shown,
    /// All of them.
    Any,
}

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// The file, plain or packed with gzip.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What the file holds.
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// Mapping of columns to signals (docs/formats/mapping.md).
    #[arg(long, value_name = "FILE", required_if_eq("format", "csv"))]
    pub(crate) mapping: Option<PathBuf>,
    /// Access log: what makes a visitor, `address` or `address+agent`.
    #[arg(long, value_name = "RULE", default_value = "address+agent", value_parser = visitor)]
    pub(crate) identity: Visitor,
    /// Access log: leave out the rest; `humans`, `pages` or `humans,pages`.
    #[arg(long, value_name = "FILTER", default_value = "")]
    pub(crate) only: Only,
    /// Access log: which statuses show a page; `shown`, but `any` where `--only` asks for pages, so
    /// that it leaves out assets and nothing else.
    #[arg(long, value_enum)]
    pub(crate) page_status: Option<PageStatus>,
    /// Access log: `https://host` that paths are completed with.
    #[arg(long, value_name = "URL")]
    pub(crate) site: Option<String>,
    /// Name space of the signals; goes before the mapping's.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Read and count, keep nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Import a file again that was imported before.
    #[arg(long)]
    pub(crate) again: bool,
    /// Where to keep how far the import came; else in the data directory, or with `--url` beside
    /// the file.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Print the sums as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Whose data it is; with `--url` the key says that.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: String,
    /// Configuration file (TOML) with the rules to fold by; not for `--url`.
    #[arg(long, value_name = "FILE", env = "SESSIONARY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Send to a running server instead of writing into the data directory.
    #[arg(long, value_name = "URL", requires = "key")]
    pub(crate) url: Option<String>,
    /// Key for `--url`; better given as `SESSIONARY_KEY`.
    #[arg(long, value_name = "KEY", env = "SESSIONARY_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

fn visitor(word: &str) -> Result<Visitor, String> {
    Visitor::from_word(word).ok_or_else(|| "use address or address+agent".into())
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

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// Sessions that are final, as Parquet: one row a session, one folder a tenant and day.
    Sessions(ExportSessions),
}

#[derive(Args, Debug)]
pub(crate) struct ExportSessions {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Folder for the files; made where it is missing, and must have no `sessions` in it yet.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
    /// Only those of this tenant.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Print what was written as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lake {
    /// Write every session that is final and not there yet.
    Write(LakeWrite),
    /// Write them, and make the files of each day one, with one row a session.
    Compact(LakeArguments),
    /// Read every file, and say which are damaged.
    Check(LakeArguments),
}

impl Lake {
    /// What all of them take.
    pub(crate) fn of_all(&self) -> &LakeArguments {
        match self {
            Lake::Write(write) => &write.of_all,
            Lake::Compact(arguments) | Lake::Check(arguments) => arguments,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct LakeWrite {
    #[command(flatten)]
    pub(crate) of_all: LakeArguments,
    /// Write every session that is final, also those that are there: where files were lost or damaged.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LakeArguments {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Print what was done as JSON.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
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

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Create a key and print it, and nothing else; it is not shown again.
    Create(KeyCreate),
    /// List keys: number, kind, scopes, when created.
    List(KeyList),
    /// Revoke a key at once.
    Revoke(KeyRevoke),
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    /// For servers; what it may do are its scopes.
    Secret,
    /// For browsers and apps; it can send signals and nothing else.
    Publishable,
}

#[derive(Args, Debug)]
pub(crate) struct KeyCreate {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// What the key may be used for.
    #[arg(long, value_enum)]
    pub(crate) kind: KeyKind,
    /// What a secret key may do; may be given again. None given: everything.
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Origin of pages that may use a publishable key; may be given again.
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub(crate) origins: Vec<String>,
    /// Whose data the key reads and writes.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: String,
    /// Refuse what would otherwise be repaired with a warning.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Currency of amounts that come without one, ISO 4217.
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub(crate) currency: Option<String>,
    /// Country of phone numbers that come without a code, ISO 3166-1.
    #[arg(long, value_name = "CODE", value_parser = country)]
    pub(crate) country: Option<String>,
    /// Time zone of times that a contact centre sends without an offset, such as Europe/Berlin.
    #[arg(long, value_name = "NAME", value_parser = timezone)]
    pub(crate) timezone: Option<String>,
    /// A name for it, for people.
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Args, Debug)]
pub(crate) struct KeyList {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) server: Server,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct KeyRevoke {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Number of the key, as `keys list` prints it.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: u32,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigArguments {
    /// Check this file and the environment instead of printing.
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
}

fn currency(text: &str) -> Result<String, String> {
    code(text, 3).ok_or_else(|| "use three letters such as USD".into())
}

fn country(text: &str) -> Result<String, String> {
    code(text, 2).ok_or_else(|| "use two letters such as US".into())
}

fn timezone(text: &str) -> Result<String, String> {
    let known = sessionary_core::time::is_zone(text).then(|| text.to_owned());
    known.ok_or_else(|| "use the IANA name of a time zone such as Europe/Berlin".into())
}

fn code(text: &str, letters: usize) -> Option<String> {
    let fits = text.len() == letters && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    fits.then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let words = std::iter::once("sessionary").chain(line.split_whitespace());
        let parsed = Arguments::try_parse_from(words);
        parsed.map(|arguments| arguments.command).map_err(|error| error.to_string())
    }

    #[test]
    fn the_commands_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_import_is_read() {
        let line =
            "import --data-dir d --format access-log a.log --identity address --only humans,pages";
        let Ok(Command::Import(import)) = parsed(line) else { panic!("{line}") };
        assert_eq!(import.only, Only { humans: true, pages: true });
        assert_eq!((import.identity, import.format), (Visitor::Address, Format::AccessLog));
        assert!(parsed("import --format csv a.csv").unwrap_err().contains("--mapping"));
        assert!(
            parsed("import --format access-log a --only robots").unwrap_err().contains("humans")
        );
        assert!(parsed("import --format ndjson a --url http://x").is_err());
    }

    #[test]
    fn a_key_is_described() {
        let line =
            "keys create --kind publishable --origin https://a --origin https://b --currency usd";
        let Ok(Command::Keys(Keys::Create(key))) = parsed(line) else { panic!("{line}") };
        assert_eq!((key.origins.len(), key.tenant.as_str()), (2, "default"));
        assert_eq!(key.currency.as_deref(), Some("USD"));
        assert!(parsed("keys create --kind secret --country USA").is_err());
        assert!(parsed("keys create --kind secret --timezone Europe/Berlin").is_ok());
        assert!(parsed("keys create --kind secret --timezone Berlin").is_err());
    }
}
