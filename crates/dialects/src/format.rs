//! The shapes that a session can be read in: one encoder for each dialect that can tell one.
use serde_json::{
    Value as Json,
    value::{RawValue, to_raw_value},
};
use sessionary_core::{
    record,
    rules::Rules,
    session::{Member, Session},
    signal::Arrival,
    time::UnixMillis,
};

use crate::{handshake, tropo};

/// A shape of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Our own record.
    Canonical,
    /// The 79 fields of a disposition.
    Handshake,
    /// The session payload of the Tropo platform.
    Tropo,
}

/// A session, and what is needed to tell it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The session.
    pub session: &'a Session,
    /// The rules in force.
    pub rules: &'a Rules,
    /// The server's time.
    pub now: UnixMillis,
    /// Its signals in event order; empty where [`Format::needs_signals`] says no.
    pub signals: &'a [(Member, Arrival)],
}

impl Format {
    /// Every format, in the order they are offered.
    pub const ALL: [Format; 3] = [Format::Canonical, Format::Handshake, Format::Tropo];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Format::Canonical => "canonical",
            Format::Handshake => "handshake",
            Format::Tropo => "tropo",
        }
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.word() == word)
    }

    /// Whether it tells single signals, which are read from disk only then.
    pub fn needs_signals(self) -> bool {
        match self {
            Format::Canonical | Format::Handshake => false,
            Format::Tropo => true,
        }
    }

    /// The session in this shape.
    pub fn encode(self, view: &View<'_>) -> Json {
        match self {
            Format::Canonical => record::of(view.session, view.rules, view.now),
            Format::Handshake => handshake::of_session(view),
            Format::Tropo => tropo::of_session(view),
        }
    }

    /// The session in this shape as JSON text, its members in the order that the shape gives them.
    pub fn text(self, view: &View<'_>) -> Box<RawValue> {
        match self {
            Format::Tropo => tropo::text_of_session(view),
            other => to_raw_value(&other.encode(view)).unwrap_or_default(),
        }
    }
}
