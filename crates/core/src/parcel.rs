//! A parcel: one due piece of outgoing work. Its name, its state, and when it is tried again.
//!
//! A parcel is raised by the fold, tried by the pump, and what came of each try is an entry of the
//! journal; so its state is a function of the journal like everything else (CORE.md 2, 14).
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    id::SessionId,
    time::{Millis, UnixMillis},
};

/// The number of a destination, unique for ever in a data directory. Printed as `dst_` and 16 hex
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DestinationId(pub u64);

impl DestinationId {
    const PREFIX: &str = "dst_";

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<DestinationId> {
        let digits = text.strip_prefix(DestinationId::PREFIX)?;
        let plain = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u64::from_str_radix(digits, 16).ok().map(DestinationId)).flatten()
    }
}

impl fmt::Display for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:016x}", DestinationId::PREFIX, self.0)
    }
}

/// What raises a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The session was opened.
    Begin,
    /// Its state, or what its source says of it, became another.
    Status,
    /// A revision of its record was cut.
    Final,
}

impl Trigger {
    /// All of them, in the order of a session's life.
    pub const ALL: [Trigger; 3] = [Trigger::Begin, Trigger::Status, Trigger::Final];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Trigger::Begin => "begin",
            Trigger::Status => "status",
            Trigger::Final => "final",
        }
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<Trigger> {
        Trigger::ALL.into_iter().find(|trigger| trigger.word() == word)
    }
}

/// The name of a parcel: the same for all its tries, and made from the journal alone, so that a
/// replay recognises it and a receiver can tell a repetition. Printed as `prc_` and hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParcelName {
    /// What it tells of.
    #[serde(rename = "s")]
    pub session: SessionId,
    /// Where it goes.
    #[serde(rename = "d")]
    pub destination: DestinationId,
    /// What raised it.
    #[serde(rename = "t")]
    pub trigger: Trigger,
    /// The revision of a final record; the version of the session at a change of status; 0 at the
    /// beginning.
    #[serde(rename = "n")]
    pub n: u32,
    /// 0, and one more with each redelivery that somebody asked for.
    #[serde(rename = "x")]
    pub send: u32,
}

impl ParcelName {
    /// Bytes of a name.
    pub const BYTES: usize = 33;
    const PREFIX: &str = "prc_";

    /// The name as bytes that sort by session, destination, trigger, number and send.
    pub fn to_bytes(self) -> [u8; ParcelName::BYTES] {
        let mut bytes = [0; ParcelName::BYTES];
        let parts = self.session.0.into_iter();
        let parts = parts.chain(self.destination.0.to_be_bytes());
        let parts = parts.chain([self.trigger as u8]);
        let parts = parts.chain(self.n.to_be_bytes()).chain(self.send.to_be_bytes());
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = from;
        }
        bytes
    }

    /// The counterpart of [`ParcelName::to_bytes`].
    pub fn of_bytes(bytes: &[u8]) -> Option<ParcelName> {
        let (session, rest) = bytes.split_first_chunk()?;
        let (destination, rest) = rest.split_first_chunk()?;
        let (trigger, rest) = rest.split_first()?;
        let (n, rest) = rest.split_first_chunk()?;
        Some(ParcelName {
            session: SessionId(*session),
            destination: DestinationId(u64::from_be_bytes(*destination)),
            trigger: Trigger::ALL.into_iter().find(|known| *known as u8 == *trigger)?,
            n: u32::from_be_bytes(*n),
            send: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<ParcelName> {
        let digits = text.strip_prefix(ParcelName::PREFIX)?.as_bytes();
        let mut bytes = [0; ParcelName::BYTES];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
        }
        ParcelName::of_bytes(&bytes)
    }
}

impl fmt::Display for ParcelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ParcelName::PREFIX)?;
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a parcel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelStatus {
    /// It waits for its instant, or for the next try.
    Due,
    /// Its destination has taken it.
    Sent,
    /// It was given up; redelivery takes it up again.
    Parked,
}

impl ParcelStatus {
    /// All of them.
    pub const ALL: [ParcelStatus; 3] =
        [ParcelStatus::Due, ParcelStatus::Sent, ParcelStatus::Parked];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            ParcelStatus::Due => "due",
            ParcelStatus::Sent => "sent",
            ParcelStatus::Parked => "parked",
        }
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<ParcelStatus> {
        ParcelStatus::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// A short stable word, such as `timeout`.
    #[serde(rename = "r")]
    pub reason: Box<str>,
    /// More for a person, at most a few hundred characters; no secrets.
    #[serde(rename = "d", default, skip_serializing_if = "str::is_empty")]
    pub detail: Box<str>,
}

/// The state of a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Where it stands.
    #[serde(rename = "s")]
    pub status: ParcelStatus,
    /// When it is due, was sent, or was parked.
    #[serde(rename = "a")]
    pub at: UnixMillis,
    /// When it was raised.
    #[serde(rename = "c")]
    pub created_at: UnixMillis,
    /// What the session's state had become, of a parcel raised by that.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub became: Option<Box<str>>,
    /// Tries so far.
    #[serde(rename = "t", default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// The last of them.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub attempted_at: Option<UnixMillis>,
    /// The status code of the last answer.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<u16>,
    /// Why the last try failed.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// Digest of the bytes that were sent.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<[u8; 16]>,
    /// What the destination said of it: an entity tag, the id of a record.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Box<str>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Parcel {
    /// A parcel that has just been raised.
    pub fn raised(now: UnixMillis, due: UnixMillis, became: Option<Box<str>>) -> Parcel {
        Parcel {
            status: ParcelStatus::Due,
            at: due.max(now),
            created_at: now,
            became,
            attempts: 0,
            attempted_at: None,
            answer: None,
            failed: None,
            digest: None,
            note: None,
        }
    }
}

/// When a parcel is tried again: each wait is five times the one before, at most a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRule {
    /// The wait after the first try.
    pub first: Millis,
    /// Tries in all.
    pub attempts: u32,
}

impl Default for RetryRule {
    /// Ten tries over 75 hours.
    fn default() -> RetryRule {
        RetryRule { first: Millis::from_secs(5), attempts: 10 }
    }
}

impl RetryRule {
    /// The longest wait.
    pub const LONGEST: Millis = Millis::from_hours(24);
    const FACTOR: i64 = 5;
    /// Waits are lengthened by up to this part of themselves, so that what failed together is not
    /// tried together.
    const JITTER_PERCENT: u64 = 10;

    /// How long to wait after the try with this number, from 1; `None`: that was the last. What the
    /// destination asked for goes before a shorter wait, up to [`RetryRule::LONGEST`].
    pub fn wait(self, name: ParcelName, attempt: u32, asked: Option<Millis>) -> Option<Millis> {
        if attempt >= self.attempts {
            return None;
        }
        let growth = RetryRule::FACTOR.saturating_pow(attempt.saturating_sub(1));
        let wait = self.first.0.saturating_mul(growth).min(RetryRule::LONGEST.0);
        let seed = xxhash_rust::xxh3::xxh3_64_with_seed(&name.to_bytes(), attempt.into());
        let percent = seed % (RetryRule::JITTER_PERCENT + 1);
        let jitter = wait / 100 * i64::try_from(percent).unwrap_or(0);
        let asked = asked.map_or(0, |asked| asked.0.min(RetryRule::LONGEST.0));
        Some(Millis((wait + jitter).max(asked)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: ParcelName = ParcelName {
        session: SessionId([7; 16]),
        destination: DestinationId(0x0102),
        trigger: Trigger::Final,
        n: 3,
        send: 1,
    };

    #[test]
    fn ten_tries_take_75_hours() {
        let rule = RetryRule::default();
        let waits: Vec<i64> =
            (1..).map_while(|attempt| rule.wait(NAME, attempt, None)).map(|wait| wait.0).collect();
        assert_eq!(waits.len(), 9);
        let least = [5, 25, 125, 625, 3_125, 15_625, 78_125, 86_400, 86_400];
        for (wait, least) in waits.iter().zip(least) {
            let least = least * 1_000;
            assert!((least..=least + least / 10).contains(wait), "{wait} is about {least}");
        }
        assert!(waits.iter().sum::<i64>() > Millis::from_hours(75).0);
    }

    #[test]
    fn a_destination_may_ask_for_a_longer_wait_but_not_for_ever() {
        let rule = RetryRule::default();
        assert_eq!(rule.wait(NAME, 1, Some(Millis::from_secs(90))), Some(Millis::from_secs(90)));
        assert!(rule.wait(NAME, 1, Some(Millis(1))).unwrap() >= Millis::from_secs(5));
        assert_eq!(rule.wait(NAME, 1, Some(Millis::from_days(9))), Some(RetryRule::LONGEST));
        assert_eq!(rule.wait(NAME, 10, Some(Millis::from_secs(90))), None);
    }

    proptest! {
        #[test]
        fn names_come_back_and_sort_as_their_parts(
            (session, destination, n, send, trigger) in
                any::<([u8; 16], u64, u32, u32, prop::sample::Index)>(),
            other in any::<(u32, u32)>(),
        ) {
            let name = ParcelName {
                session: SessionId(session),
                destination: DestinationId(destination),
                trigger: *trigger.get(&Trigger::ALL),
                n,
                send,
            };
            prop_assert_eq!(ParcelName::parse(&name.to_string()), Some(name));
            prop_assert_eq!(DestinationId::parse(&name.destination.to_string()), Some(name.destination));
            let later = ParcelName { n: other.0, send: other.1, ..name };
            prop_assert_eq!(name.cmp(&later), name.to_bytes().cmp(&later.to_bytes()));
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            prop_assert_eq!(ParcelName::parse(&text), None);
            prop_assert_eq!(DestinationId::parse(&text), None);
        }
    }
}
