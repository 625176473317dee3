//! Flags of an import.
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sessionary_dialects::access_log::{Only, Visitor};

use super::DataDir;

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
