//! Genesys Cloud Journey: what its SDKs post, and sessions and events as they read them.
//!
//! In: a web event or an app event ([`decode_web`], [`decode_app`]), a step of a web action
//! ([`decode_action`]), a ping ([`ping`]), and a whole session of the vendor's ([`decode_sessions`]). Out: a session
//! ([`of_session`]), its events ([`events`]), the answer to an event ([`web_reply`], [`app_reply`]) and outcome
//! scores ([`outcome_scores`]).
//!
//! Lenient in, strict out (C20): whatever cannot be read is kept under its name with a warning, and
//! what the vendor's schema requires is always told. An enumeration's value that the vendor does not
//! know is told as `Unknown`; the SDKs' own `OutdatedSdkVersion` is read as that and never told (C22).
pub mod definitions;
mod object;
mod words;
mod draft;
mod traits;
mod event;
mod import;
mod url_parts;
mod technical;
mod campaign;
mod attributes;
mod customer;
mod told;
mod session;
mod outcomes;
mod conversation;
mod events;
mod reply;
mod scores;

pub use event::{EventContext, Ping, decode_action, decode_app, decode_web, ping};
pub use events::{Event, events};
pub use import::{Imported, decode_sessions};
pub use reply::{app_reply, web_reply};
pub use scores::outcome_scores;
pub use session::{of_session, session_uri};

/// The name space of ids whose key names none (CORE.md 4).
pub const SOURCE: &str = "genesys";

/// What cannot be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a JSON object.
    #[error("the body cannot be read: {reason}; send one JSON object")]
    Unreadable {
        /// What is the matter.
        reason: String,
    },
    /// Over a limit.
    #[error(transparent)]
    OverLimit(#[from] crate::limits::OverLimit),
    /// One item of a body is too large.
    #[error("an item has more than {most} bytes; send a smaller one")]
    TooLarge {
        /// The most that it may have.
        most: usize,
    },
    /// Too many items.
    #[error("the body has {got} items; send at most {most} at a time")]
    TooMany {
        /// Items that came.
        got: usize,
        /// Items that may come.
        most: usize,
    },
    /// Something without which nothing can be recorded is missing.
    #[error("`{field}` is missing; send {send}")]
    Missing {
        /// The member as the vendor spells it.
        field: &'static str,
        /// What to send.
        send: &'static str,
    },
    /// Such a member holds something else.
    #[error("`{field}` is {got}; send {send}")]
    WrongValue {
        /// The member as the vendor spells it.
        field: &'static str,
        /// What came, at most 64 characters of it.
        got: String,
        /// What to send.
        send: &'static str,
    },
}

impl Refusal {
    /// The stable word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Unreadable { .. } => "unreadable",
            Refusal::OverLimit(over) => over.code(),
            Refusal::TooLarge { .. } => "item_too_large",
            Refusal::TooMany { .. } => "too_many_items",
            Refusal::Missing { .. } => "missing_member",
            Refusal::WrongValue { .. } => "wrong_value",
        }
    }

    /// The member that is wrong, where it is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Refusal::Missing { field, .. } | Refusal::WrongValue { field, .. } => Some(field),
            _ => None,
        }
    }

    fn wrong(field: &'static str, got: &str, send: &'static str) -> Refusal {
        Refusal::WrongValue { field, got: got.chars().take(64).collect(), send }
    }
}
