//! Flags of the commands about destinations and what is due to them.
use clap::{Args, Subcommand};

use super::Remote;

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
