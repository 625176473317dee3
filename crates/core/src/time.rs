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
    if let Some(at) = utc(text.as_bytes()) {
        // As we would print it: all three digits of the fraction and no more.
        let text = (text.len() != PRINTED_BYTES).then(|| text.into());
        return Ok(Instant { at, text });
    }
    lenient(text).ok_or_else(|| NotAnInstant { got: text.chars().take(64).collect() })
}

/// The same; a time without an offset is one of a time zone by its IANA name, and its text then says
/// the offset. Of an hour that comes twice it is the first; one that the clocks leave out is told by
/// the clock before they change. A zone that nobody knows is UTC.
///
/// # Errors
/// The text is no time.
pub fn parse_instant_in(text: &str, zone: Option<&str>) -> Result<Instant, NotAnInstant> {
    let instant = parse_instant(text)?;
    Ok(zone.and_then(|zone| local(text, zone)).unwrap_or(instant))
}

/// A time without an offset; `None`: it has one.
fn local(text: &str, zone: &str) -> Option<Instant> {
    let text = text.trim().trim_end_matches('>');
    if text.parse::<Timestamp>().is_ok() {
        return None;
    }
    let there = text.parse::<DateTime>().ok()?.to_zoned(TimeZone::get(zone).ok()?).ok()?;
    let at = UnixMillis(floor_millis(there.timestamp()));
    let text = there.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
    Some(Instant { at, text: Some(text.into()) })
}

/// Whether a text is the IANA name of a time zone, such as `Europe/Berlin`.
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

fn lenient(text: &str) -> Option<Instant> {
    // One documented example of CCAI ends in a stray `>` (C3).
    let trimmed = text.trim().trim_end_matches('>');
    let at = trimmed
        .parse::<Timestamp>()
        .ok()
        .or_else(|| {
            let civil = trimmed.parse::<DateTime>().ok()?;
            civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })
        .map(|stamp| UnixMillis(floor_millis(stamp)))?;
    let text = (at.to_string() != text).then(|| text.into());
    Some(Instant { at, text })
}

/// Bytes of an instant as we print it.
const PRINTED_BYTES: usize = "2026-01-05T10:00:00.000Z".len();

/// The spelling that nearly all senders use: `2026-01-05T10:00:00Z`, with or without a fraction.
/// `None`: any other, or no time at all.
fn utc(text: &[u8]) -> Option<UnixMillis> {
    let (date_time, rest) = text.split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] =
        *date_time
    else {
        return None;
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let two = |tens: u8, ones: u8| Some(digit(tens)? * 10 + digit(ones)?);
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    let is_date = (1..=9998).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_since_1970(year, month, day);
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(UnixMillis(seconds * 1_000 + millis_of_fraction(rest)?))
}

/// The milliseconds of `Z` or `.123456Z`, at most nine digits; what is finer is cut off.
fn millis_of_fraction(rest: &[u8]) -> Option<i64> {
    let digits = match rest {
        [b'Z'] => return Some(0),
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => digits,
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let three = digits.iter().chain(b"00").take(3);
    Some(three.fold(0, |millis, digit| millis * 10 + i64::from(digit - b'0')))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, the year taken to begin in March so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

fn floor_millis(stamp: Timestamp) -> i64 {
    i64::try_from(stamp.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_reads_what_the_long_way_reads(
            text in "(00|0[0-9]|19|20|99)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?Z",
        ) {
            if let Some(at) = utc(text.as_bytes()) {
                prop_assert_eq!(lenient(&text).map(|instant| instant.at), Some(at));
            }
            prop_assert_eq!(parse_instant(&text).ok(), lenient(&text));
        }

        #[test]
        fn the_short_way_knows_every_day(day in -719_000_i64..2_932_000, millis in 0_i64..86_400_000) {
            let at = UnixMillis(day * 86_400_000 + millis);
            prop_assert_eq!(utc(at.to_string().as_bytes()), Some(at));
            prop_assert_eq!(parse_instant(&at.to_string()), Ok(Instant::at(at)));
        }
    }

    fn check(text: &str, expected: &Expect) {
        let read = match parse_instant(text) {
            Ok(instant) => instant.at.to_string(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&read);
    }

    #[test]
    fn a_time_without_an_offset_is_one_of_the_zone() {
        let check = |text: &str, expected: Expect| {
            let Instant { at, text } = parse_instant_in(text, Some("Europe/Berlin")).unwrap();
            expected.assert_eq(&format!("{at} {}", text.unwrap_or_default()));
        };
        check(
            "2026-01-05T10:00:00",
            expect!["2026-01-05T09:00:00.000Z 2026-01-05T10:00:00.000+01:00"],
        );
        check(
            "2026-07-05 10:00:00.1239",
            expect!["2026-07-05T08:00:00.123Z 2026-07-05T10:00:00.123+02:00"],
        );
        check("2026-07-05", expect!["2026-07-04T22:00:00.000Z 2026-07-05T00:00:00.000+02:00"]);
        // An hour that comes twice, and one that does not come.
        check(
            "2026-10-25T02:30:00",
            expect!["2026-10-25T00:30:00.000Z 2026-10-25T02:30:00.000+02:00"],
        );
        check(
            "2026-03-29T02:30:00",
            expect!["2026-03-29T01:30:00.000Z 2026-03-29T03:30:00.000+02:00"],
        );
        // What says its offset has it.
        check("2026-01-05T10:00:00Z", expect!["2026-01-05T10:00:00.000Z 2026-01-05T10:00:00Z"]);
        check(
            "2026-01-05T10:00:00.000+03:00",
            expect!["2026-01-05T07:00:00.000Z 2026-01-05T10:00:00.000+03:00"],
        );
        let utc = parse_instant("2026-01-05T10:00:00");
        assert_eq!(parse_instant_in("2026-01-05T10:00:00", None), utc);
        assert_eq!(parse_instant_in("2026-01-05T10:00:00", Some("Nowhere/Land")), utc);
        assert!(parse_instant_in("soon", Some("Europe/Berlin")).is_err());
        assert!(is_zone("America/New_York") && is_zone("UTC") && !is_zone("") && !is_zone("Mars"));
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
