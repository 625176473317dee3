//! Flags of the commands about keys.
use clap::{Args, Subcommand, ValueEnum};

use super::{DataDir, Server};

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
