//! The Handshake: a session disposition as the Intelligent Handshake's partners send it.
//!
//! Three forms and their mixtures: flat names in JSON or a form, numbered values inside an `Action`,
//! short parameters in the query. [`read`] takes the request apart, so that its action key can be
//! looked up; [`Posting::decode`] makes the signal. Where the forms disagree the more explicit one
//! holds, with a warning (precedence: flat, numbered, short parameter, derived from the URL).
//!
//! The source leaves gaps and contradicts itself in places; each of our answers is marked with its
//! number, D1 to D27.
pub mod action_key;
mod decode;
mod encode;
mod parameters;
mod read;
mod reply;
mod required;
mod sheet;
mod signal_types;

pub use decode::{Decoded, PostingContext};
pub(crate) use encode::is_printed;
pub use encode::{Extensions, HandshakeView, NumberedForm, encode, encode_numbered, of_session};
pub use read::{Form, Posting, read};
pub use reply::{Reply, action_result, flat_reply};
pub use required::printed_as_required;
pub use signal_types::{PROGRAM_SIGNAL_TYPES, USER_SIGNAL_TYPES};

/// A request that is refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither JSON nor a form.
    #[error("the request cannot be read: {reason}; send a JSON object or a form")]
    Unreadable {
        /// What is the matter.
        reason: String,
    },
    /// XML.
    #[error("XML is not read; send the same Action as JSON, to Action.json")]
    Xml,
    /// Over a limit.
    #[error(transparent)]
    OverLimit(#[from] crate::limits::OverLimit),
    /// No outcome.
    #[error(
        "`session_disposition_code` (signal 402) is missing; send 1 to 14 or a registered code"
    )]
    NoCode,
    /// A field without which nothing can be recorded holds something else.
    #[error("`{field}` is {got}; send {send}")]
    WrongValue {
        /// The field as it was spelt.
        field: String,
        /// What came, at most 64 characters of it.
        got: String,
        /// What to send.
        send: &'static str,
    },
    /// Nothing to find the session by (D11).
    #[error(
        "nothing names the session; send `session_id`, or `user_signal_type` with \
         `user_signal_value`, or `user_phone`, or `integration_platform_id` with \
         `integration_user_id`"
    )]
    NothingToFindBy,
    /// A strict key, and printed as required fields are missing.
    #[error("this key is strict and {} missing: {}", is_or_are(missing), missing.join(", "))]
    Missing {
        /// All of them, in the order of their numbers.
        missing: Vec<&'static str>,
    },
}

fn is_or_are(missing: &[&str]) -> &'static str {
    if missing.len() == 1 { "a field is" } else { "fields are" }
}

impl Refusal {
    /// The stable word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Unreadable { .. } => "unreadable",
            Refusal::Xml => "xml_not_read",
            Refusal::OverLimit(over) => over.code(),
            Refusal::NoCode => "missing_session_disposition_code",
            Refusal::WrongValue { .. } => "wrong_value",
            Refusal::NothingToFindBy => "nothing_to_find_session_by",
            Refusal::Missing { .. } => "missing_required_fields",
        }
    }
}
