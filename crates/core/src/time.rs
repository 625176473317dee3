//! Instants and lengths of time: UTC milliseconds inside, every source's spelling at the door.
//!
//! Nothing here reads a clock. One lenient reader serves all dialects (contradiction C3 of the
//! crosswalk): extended and basic ISO 8601, any number of fraction digits, any offset, no offset
//! meaning UTC; what is finer than a millisecond is cut off.
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, negative before.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

/// A length of time in milliseconds. Sources that send whole seconds are converted at the door.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// Whether it is no time at all.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
    /// `seconds` as milliseconds.
    pub const fn from_secs(seconds: i64) -> Millis {
        Millis(seconds * 1_000)
    }
    /// `minutes` as milliseconds.
    pub const fn from_mins(minutes: i64) -> Millis {
        Millis::from_secs(minutes * 60)
    }
    /// `hours` as milliseconds.
    pub const fn from_hours(hours: i64) -> Millis {
        Millis::from_mins(hours * 60)
    }
    /// `days` of 24 hours as milliseconds.
    pub const fn from_days(days: i64) -> Millis {
        Millis::from_hours(days * 24)
    }
}

impl UnixMillis {
    /// 2000-01-01T00:00:00Z: an event time before it is a clock that was never set (CORE.md 12).
    pub const YEAR_2000: UnixMillis = UnixMillis(946_684_800_000);

    /// The moment `length` later, at most the greatest moment there is.
    #[must_use]
    pub const fn plus(self, length: Millis) -> UnixMillis {
        UnixMillis(self.0.saturating_add(length.0))
    }

    /// The moment `length` earlier.
    #[must_use]
    pub const fn minus(self, length: Millis) -> UnixMillis {
        UnixMillis(self.0.saturating_sub(length.0))
    }

    /// How long after `earlier` this is; negative when it is before.
    pub const fn since(self, earlier: UnixMillis) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// The day of UTC that it lies in, in whole days since 1970.
    pub const fn utc_day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

impl std::fmt::Display for UnixMillis {
    /// RFC 3339 with milliseconds and `Z`, as our own API writes every instant.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(stamp) => write!(f, "{stamp:.3}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

/// An instant as a sender gave it: what it means, and how it was spelt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// The moment, cut to milliseconds.
    #[serde(rename = "a")]
    pub at: UnixMillis,
    /// The sender's own text with its offset, when it is not the form we would print.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Box<str>>,
}

impl Instant {
    /// An instant that we made ourselves.
    pub const fn at(at: UnixMillis) -> Instant {
        Instant { at, text: None }
    }
}

/// A time that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{got:?} is not a time; send ISO 8601 such as 2026-01-05T10:00:00Z or 20260105T100000Z")]
pub struct NotAnInstant {
    /// What came, at most 64 characters of it.
    pub got: String,
}

/// Reads an instant in any of the spellings that the sources use.
///
/// # Errors
/// The text is no time.
pub fn parse_instant(text: &str) -> Result<Instant, NotAnInstant> {
    // One documented example of CCAI ends in a stray `>` (C3).
    let trimmed = text.trim().trim_end_matches('>');
    let at = trimmed
        .parse::<Timestamp>()
        .ok()
        .or_else(|| {
            let civil = trimmed.parse::<DateTime>().ok()?;
            civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })
        .map(|stamp| UnixMillis(floor_millis(stamp)))
        .ok_or_else(|| NotAnInstant { got: text.chars().take(64).collect() })?;
    let text = (at.to_string() != text).then(|| text.into());
    Ok(Instant { at, text })
}

fn floor_millis(stamp: Timestamp) -> i64 {
    i64::try_from(stamp.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: &Expect) {
        let read = match parse_instant(text) {
            Ok(instant) => instant.at.to_string(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&read);
    }

    #[test]
    fn every_spelling_of_the_sources_is_read() {
        check("20240614T045120Z", &expect!["2024-06-14T04:51:20.000Z"]);
        check("2026-01-02T03:04:05.678Z", &expect!["2026-01-02T03:04:05.678Z"]);
        check("2024-06-14T04:51:20.123456+00:00", &expect!["2024-06-14T04:51:20.123Z"]);
        check("2024-06-14T04:51:20.123456", &expect!["2024-06-14T04:51:20.123Z"]);
        check("2023-09-11T09:42:01.000+03:00", &expect!["2023-09-11T06:42:01.000Z"]);
        check("2023-09-11T09:42:01.000+03:00>", &expect!["2023-09-11T06:42:01.000Z"]);
        check("2010-02-18T19:07:36.375Z", &expect!["2010-02-18T19:07:36.375Z"]);
        check("2024-06-14 04:51:20", &expect!["2024-06-14T04:51:20.000Z"]);
        check("2024-06-14", &expect!["2024-06-14T00:00:00.000Z"]);
        check("1969-12-31T23:59:59.9999Z", &expect!["1969-12-31T23:59:59.999Z"]);
        check(
            "yesterday",
            &expect![[
                r#""yesterday" is not a time; send ISO 8601 such as 2026-01-05T10:00:00Z or 20260105T100000Z"#
            ]],
        );
    }
}
