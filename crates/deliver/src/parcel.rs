//! What is to be sent: one record to one destination, in one of its attempts.
use serde_json::value::RawValue;
use sessionary_core::{id::SessionId, time::UnixMillis};

/// A parcel in one of its attempts.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// `prc_…`; the same in every attempt, and what a receiver recognises a repetition by.
    pub id: &'a str,
    /// `session.begin`, `session.status`, `session.final` or `destination.test`.
    pub event: &'a str,
    /// Whose session it is.
    pub tenant: u32,
    /// The session's id.
    pub session_id: &'a str,
    /// Of the record, from 1; 0 before the first.
    pub revision: u32,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How often what this goes back to has come round.
    pub hops: u32,
    /// When the event was; the same in every attempt, so that the bytes are the same too.
    pub at: UnixMillis,
    /// When this attempt is.
    pub now: UnixMillis,
    /// The record in the destination's format, masked already.
    pub body: &'a RawValue,
    /// Our own record, masked already: where templates find values.
    pub record: &'a serde_json::Value,
    /// `canonical`, `ccai`, `genesys`, `handshake` or `tropo`.
    pub format: &'a str,
    /// The latest earlier delivery of the same session to this destination.
    pub previous: Option<Previous<'a>>,
    /// Whether a parcel with a higher revision of the session exists for this destination.
    pub superseded: bool,
}

/// A delivery that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Previous<'a> {
    /// Of the record that was delivered.
    pub revision: u32,
    /// What the receipt noted ([`crate::Sent::note`]).
    pub note: Option<&'a str>,
}

impl Outgoing<'_> {
    /// The body's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.body.get().as_bytes()
    }

    /// What the body is called as a file.
    pub(crate) fn file_name(&self) -> String {
        format!("{}.r{}.json", self.session_id, self.revision)
    }

    /// The day of the session in UTC, `YYYY-MM-DD`: the one in its id, which no late signal moves;
    /// else of its start, else of the event.
    pub(crate) fn date(&self) -> String {
        let minted = SessionId::parse(self.session_id).map(|id| id.at().to_string());
        let started = || self.record.get("started_at")?.as_str().map(str::to_owned);
        let at = minted.or_else(started).unwrap_or_else(|| self.at.to_string());
        at.get(..10).unwrap_or(&at).to_owned()
    }
}
