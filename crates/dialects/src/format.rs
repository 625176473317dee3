//! The shapes that a session can be read in: one encoder for each dialect that can tell one.
use serde_json::{
    Value as Json,
    value::{RawValue, to_raw_value},
};
use sessionary_core::{
    dictionary::{Field, Source},
    record as told,
    rules::Rules,
    session::{Member, Session},
    signal::Arrival,
    time::UnixMillis,
};

use crate::{ccai, enrich, genesys, handshake, segment, tropo};

pub mod pairs;

/// A shape of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Our own record.
    Canonical,
    /// The 79 fields of a disposition.
    Handshake,
    /// A session of Genesys Cloud Journey.
    Genesys,
    /// A session metadata file of CCAI Platform.
    Ccai,
    /// The session payload of the Tropo platform.
    Tropo,
    /// The calls of Segment's libraries.
    Segment,
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
    pub const ALL: &[Format] = &[
        Format::Canonical,
        Format::Handshake,
        Format::Genesys,
        Format::Ccai,
        Format::Tropo,
        Format::Segment,
    ];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Format::Canonical => "canonical",
            Format::Handshake => "handshake",
            Format::Genesys => "genesys",
            Format::Ccai => "ccai",
            Format::Tropo => "tropo",
            Format::Segment => "segment",
        }
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| format.word() == word)
    }

    /// Whether it tells single signals, which are read from disk only then.
    pub fn needs_signals(self) -> bool {
        match self {
            Format::Canonical | Format::Handshake | Format::Ccai => false,
            Format::Genesys | Format::Tropo | Format::Segment => true,
        }
    }

    /// The places that the shape itself has for a field, as its own documents spell them; none: it
    /// does not know the field. Our own record knows every field that a session keeps.
    pub fn places(self, row: &'static Field) -> Vec<&'static str> {
        let source = match self {
            Format::Canonical => {
                return Some(row.record).filter(|path| !path.is_empty()).into_iter().collect();
            }
            Format::Handshake if handshake::is_printed(row.number()) => return vec![row.name],
            Format::Handshake => return Vec::new(),
            Format::Genesys => Source::Genesys,
            Format::Ccai => Source::Ccai,
            Format::Tropo => Source::Tropo,
            Format::Segment => Source::Segment,
        };
        row.sources.iter().filter(|(of, _)| *of == source).map(|(_, path)| *path).collect()
    }

    /// Whether the shape has a place of its own for a field.
    pub fn knows(self, row: &'static Field) -> bool {
        !self.places(row).is_empty()
    }

    /// Whether fields that the shape does not know come back from it all the same, because it
    /// carries them in a member of ours.
    pub fn carries(self) -> bool {
        matches!(self, Format::Canonical | Format::Segment)
    }

    /// The session in this shape.
    pub fn encode(self, view: &View<'_>) -> Json {
        match self {
            Format::Canonical => record(view.session, view.rules, view.now),
            Format::Handshake => handshake::of_session(view),
            Format::Genesys => genesys::of_session(view),
            Format::Ccai => ccai::of_session(view),
            Format::Tropo => tropo::of_session(view),
            Format::Segment => segment::of_session(view),
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

/// The record of a session as it stands at `now`, with what its user agent tells of browser and
/// device.
pub fn record(session: &Session, rules: &Rules, now: UnixMillis) -> Json {
    let mut record = told::of(session, rules, now);
    enrich::record::add(&mut record);
    record
}
