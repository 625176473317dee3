//! The commands and flags of the program, with the help that `--help` prints.
use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::bench::Bench;

mod asking;
mod destinations;
mod importing;
mod keys;
mod lake;

pub(crate) use asking::{Explain, Query, QueryFormat, Replay, ReportArguments, ReportFormat, Tail};
pub(crate) use destinations::{
    DestinationBody, Destinations, Parcels, ParcelsList, ParcelsRedeliver,
};
pub(crate) use importing::{Format, Import, PageStatus};
pub(crate) use keys::{KeyCreate, KeyKind, KeyList, KeyRevoke, Keys};
pub(crate) use lake::{Export, ExportSessions, Lake, LakeArguments};

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

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigArguments {
    /// Check this file and the environment instead of printing.
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use sessionary_dialects::access_log::{Only, Visitor};

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
