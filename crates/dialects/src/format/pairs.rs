//! What survives when a session that came in one shape is read out in another.
//!
//! A field survives that both shapes know, and, where the shape that is written carries what it does
//! not know, every field of the first. [`LOST`] lists what does not, each with its reason; a test
//! proves both halves of it for every pair.
use sessionary_core::{
    dictionary::{FIELDS, Field, Keep, field},
    signal::FieldNumber,
};

use super::Format;

/// The strangers' shapes: both ends of a pair.
pub const FOREIGN: [Format; 5] =
    [Format::Handshake, Format::Genesys, Format::Ccai, Format::Tropo, Format::Segment];

/// Fields that do not survive, although both ends know them.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// The shapes that a session came in.
    pub from: &'static [Format],
    /// The shape that it is written in, and read again.
    pub to: Format,
    /// The fields.
    pub fields: &'static [FieldNumber],
    /// One sentence.
    pub reason: &'static str,
}

use Format::{Ccai, Genesys, Handshake, Segment, Tropo};

/// Everything that does not survive.
#[rustfmt::skip]
pub const LOST: &[Lost] = &[
    Lost {
        from: &[Handshake, Genesys, Ccai, Tropo, Segment], to: Genesys, fields: &[field::SESSION_ID],
        reason: "A session of Genesys goes by the id in `id`, which is ours; the sender's stands in `externalId` and is kept as an attribute.",
    },
    Lost {
        from: &[Handshake, Genesys, Tropo, Segment], to: Ccai, fields: &[field::SESSION_ID],
        reason: "CCAI numbers its sessions; a session of another source has a number of ours, and its own id under `sessionary.external_id`.",
    },
    Lost {
        from: &[Handshake, Genesys, Ccai, Segment], to: Tropo, fields: &[field::SESSION_ID],
        reason: "Tropo's ids are its own, 32 hexadecimal digits; a session of another source has ours in that form.",
    },
    Lost {
        from: &[Handshake, Ccai], to: Tropo, fields: &[field::USER_SIGNAL_VALUE],
        reason: "Tropo knows the address that somebody calls or writes from and no other id; where a phone is known it is that.",
    },
    Lost {
        from: &[Genesys], to: Tropo, fields: &[field::CHANNELS],
        reason: "Tropo has two channels, VOICE and TEXT; a chat is told as TEXT, and read as messaging.",
    },
    Lost {
        from: &[Ccai], to: Handshake, fields: &[field::USER_SIGNAL_VALUE],
        reason: "The Handshake's list of user signals has no type for a user id of another system; the phone is told in its place.",
    },
    Lost {
        from: &[Genesys], to: Ccai, fields: &[field::SOURCE_TYPE],
        reason: "Each source has its own words for types; channel and direction decide which of CCAI's it is.",
    },
    Lost {
        from: &[Ccai], to: Genesys, fields: &[field::SOURCE_TYPE],
        reason: "Each source has its own words for types; the channel decides which of Genesys's it is.",
    },
    Lost {
        from: &[Ccai, Segment], to: Genesys, fields: &[field::LANGUAGE],
        reason: "Genesys has a language only inside `browser`; of these sessions no browser is known, and none is made up.",
    },
    Lost {
        from: &[Segment], to: Genesys, fields: &[field::DISCONNECT_REASON],
        reason: "Genesys has a closed list of reasons; the nearest of its words is told.",
    },
    Lost {
        from: &[Ccai], to: Genesys, fields: &[field::SOURCE_DISPOSITION_CODES],
        reason: "Genesys has one code for an outcome; it is ours, so that the outcome itself survives.",
    },
    Lost {
        from: &[Ccai], to: Tropo, fields: &[field::SOURCE_STATUS],
        reason: "Tropo's states are other words than CCAI's statuses; how the session ended decides which it is.",
    },
];

/// The fields that a session can bring from one shape to another, in the order of their numbers:
/// those that sessions keep, that the first knows, and that the second knows or carries.
pub fn fields(from: Format, to: Format) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |row| {
        row.keep != Keep::Signal && from.knows(row) && (to.knows(row) || to.carries())
    })
}

/// Why a field does not survive from one shape to another; `None`: it does.
pub fn why_lost(from: Format, to: Format, number: FieldNumber) -> Option<&'static Lost> {
    let is_it =
        |row: &&Lost| row.to == to && row.from.contains(&from) && row.fields.contains(&number);
    LOST.iter().find(is_it)
}
