//! What became of one attempt.
use std::time::Duration;

use http::StatusCode;

/// The first 16 bytes of BLAKE3 over what was sent.
pub type Digest = [u8; 16];

/// Characters of a [`Failure::detail`].
pub const DETAIL_CHARS_MAX: usize = 300;
/// Bytes of a [`Sent::note`].
pub const NOTE_BYTES_MAX: usize = 512;
/// No receiver can put an attempt off further than this.
pub(crate) const AFTER_MAX: Duration = Duration::from_hours(24);

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there.
    Sent(Sent),
    /// It is not there, or nobody said so; the same parcel is to be sent again.
    Retry {
        /// Why.
        why: Failure,
        /// How long the receiver asked to be left alone, at most 24 hours.
        after: Option<Duration>,
    },
    /// It is not there, and no repetition can change that.
    GiveUp {
        /// Why.
        why: Failure,
    },
    /// The receiver wants nothing more, ever: the destination is to be disabled.
    Gone {
        /// Why.
        why: Failure,
    },
}

/// The receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Of the bytes that were posted or written; of a mail and a CRM, of the record in them.
    pub digest: Digest,
    /// What the next delivery of the session wants to know, such as an `ETag`, or the id of the
    /// record or message that was made; at most [`NOTE_BYTES_MAX`] bytes.
    pub note: Option<String>,
    /// The status of the last answer, where answers have one.
    pub status: Option<u16>,
}

/// Why something is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// A stable word: `refused_by_guard`, `dns`, `connect`, `timeout`, `tls`, `reset`, `redirect`,
    /// `gone`, `http_4xx`, `http_5xx`, `smtp_4xx`, `smtp_5xx`, `credentials`, `bad_answer`,
    /// `conflict`, `io`, `storage`, `template`.
    pub reason: &'static str,
    /// For a person, without secrets; at most [`DETAIL_CHARS_MAX`] characters.
    pub detail: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    pub(crate) fn new(reason: &'static str, detail: impl Into<String>) -> Failure {
        Failure { status: None, reason, detail: clipped(&detail.into()) }
    }

    pub(crate) fn late(patience: Duration) -> Failure {
        Failure::new("timeout", format!("not done within {} s", patience.as_secs_f32()))
    }

    pub(crate) fn with_status(mut self, status: u16) -> Failure {
        self.status = Some(status);
        self
    }

    /// An answer that is not a success, with the beginning of its body.
    pub(crate) fn of_status(status: StatusCode, body: &[u8]) -> Failure {
        let reason = match status.as_u16() {
            410 => "gone",
            300..=399 => "redirect",
            400..=499 => "http_4xx",
            500..=599 => "http_5xx",
            _ => "bad_answer",
        };
        let said = String::from_utf8_lossy(body.get(..1024).unwrap_or(body)).trim().to_owned();
        let detail = match (reason, said.is_empty()) {
            ("redirect", _) => format!("{status}: redirects are not followed; name the final URL"),
            (_, true) => format!("answered {status}"),
            (_, false) => format!("answered {status}: {said}"),
        };
        Failure::new(reason, detail).with_status(status.as_u16())
    }

    /// Before anything was said, a connection that breaks is one that was never made.
    pub(crate) fn connecting(mut self) -> Failure {
        if self.reason == "reset" {
            self.reason = "connect";
        }
        self
    }

    pub(crate) fn retry(self) -> Outcome {
        Outcome::Retry { why: self, after: None }
    }

    pub(crate) fn give_up(self) -> Outcome {
        Outcome::GiveUp { why: self }
    }
}

impl Sent {
    pub(crate) fn of(bytes: &[u8]) -> Sent {
        Sent { digest: digest(bytes), note: None, status: None }
    }

    pub(crate) fn answered(mut self, status: StatusCode) -> Sent {
        self.status = Some(status.as_u16());
        self
    }

    /// With a note, unless it is too long to keep.
    pub(crate) fn noting(mut self, note: Option<String>) -> Sent {
        self.note = note.filter(|note| !note.is_empty() && note.len() <= NOTE_BYTES_MAX);
        self
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let whole = blake3::hash(bytes);
    let mut first = Digest::default();
    for (to, from) in first.iter_mut().zip(whole.as_bytes()) {
        *to = *from;
    }
    first
}

/// One line of at most so many characters; control characters become spaces.
fn clipped(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut kept: String = plain.clone().take(DETAIL_CHARS_MAX).collect();
    if plain.count() > DETAIL_CHARS_MAX {
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_one_short_line() {
        let failure = Failure::new("connect", format!("a\r\nb{}", "ä".repeat(400)));
        assert_eq!(failure.detail.chars().count(), DETAIL_CHARS_MAX);
        assert!(failure.detail.starts_with("a  bää") && failure.detail.ends_with('…'));
    }

    #[test]
    fn a_note_that_cannot_be_kept_is_left_out() {
        let sent = |note: &str| Sent::of(b"x").noting(Some(note.to_owned())).note;
        assert_eq!(sent("e"), Some("e".to_owned()));
        assert_eq!(sent(&"e".repeat(513)), None);
        assert_eq!(sent(""), None);
    }
}
