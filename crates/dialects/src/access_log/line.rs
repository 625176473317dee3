//! One line of an access log, taken apart; what it means is not decided here.
use std::borrow::Cow;

use jiff::{civil::DateTime, tz::Offset};
use sessionary_core::time::{Instant, UnixMillis};

/// The columns of a line, unescaped. A column that the log left empty (`-`) is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) client: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) at: Instant,
    /// The request line as the client sent it, garbage included.
    pub(super) request: Cow<'a, str>,
    pub(super) status: u16,
    pub(super) bytes: Option<u64>,
    pub(super) referrer: Option<Cow<'a, str>>,
    pub(super) user_agent: Option<Cow<'a, str>>,
    /// The beginning of an agent whose end the log lost.
    pub(super) agent_cut_short: Option<Cow<'a, str>>,
    /// Columns after the agent, as they stand.
    pub(super) rest: Option<&'a str>,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// No address, identity and user at the beginning.
    #[error("expected a client address, `-` or a name, `-` or a name at the beginning")]
    Client,
    /// No time in brackets.
    #[error("expected a time such as [17/May/2015:10:05:03 +0000]")]
    Time,
    /// No quoted request.
    #[error("expected the request in quotes")]
    Request,
    /// No status.
    #[error("expected a status of three digits after the request")]
    Status,
    /// No size.
    #[error("expected the number of bytes, or `-`, after the status")]
    Bytes,
    /// What follows the size is not a referrer in quotes.
    #[error("expected the referrer in quotes after the number of bytes")]
    Referrer,
}

impl<'a> Line<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Line<'a>, LineProblem> {
        let (before, rest) = text.split_once('[').ok_or(LineProblem::Time)?;
        let mut names = before.split_ascii_whitespace();
        let client = names.next().ok_or(LineProblem::Client)?;
        let user = names.nth(1).ok_or(LineProblem::Client)?;

        let (time, rest) = rest.split_once(']').ok_or(LineProblem::Time)?;
        let at = instant(time).ok_or(LineProblem::Time)?;
        let Some(Quoted::Whole(request, rest)) = quoted(rest.trim_start()) else {
            return Err(LineProblem::Request);
        };
        let (status, rest) = column(rest);
        let status = Some(status).filter(|text| text.len() == 3).and_then(|text| text.parse().ok());
        let status = status.ok_or(LineProblem::Status)?;
        let (bytes, rest) = column(rest);
        let bytes = match bytes {
            "-" => None,
            digits => Some(digits.parse().map_err(|_| LineProblem::Bytes)?),
        };
        let common = Line {
            client,
            user: given(user),
            at,
            request,
            status,
            bytes,
            referrer: None,
            user_agent: None,
            agent_cut_short: None,
            rest: None,
        };
        common.combined(rest.trim_start())
    }

    /// The two columns that the combined format has and the common format lacks.
    fn combined(mut self, rest: &'a str) -> Result<Line<'a>, LineProblem> {
        if rest.trim_end().is_empty() {
            return Ok(self);
        }
        let Some(Quoted::Whole(referrer, rest)) = quoted(rest) else {
            return Err(LineProblem::Referrer);
        };
        self.referrer = given_text(referrer);
        match quoted(rest.trim_start()) {
            Some(Quoted::Whole(agent, rest)) => {
                self.user_agent = given_text(agent);
                self.rest = Some(rest.trim()).filter(|rest| !rest.is_empty());
            }
            Some(Quoted::CutShort(agent)) => self.agent_cut_short = Some(agent),
            None => self.rest = Some(rest.trim()).filter(|rest| !rest.is_empty()),
        }
        Ok(self)
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !matches!(*text, "-" | "" | "\"\""))
}

fn given_text(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    Some(text).filter(|text| !matches!(text.as_ref(), "-" | ""))
}

/// The text up to the next space, and what follows.
fn column(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(' ').unwrap_or((text, ""))
}

enum Quoted<'a> {
    /// The text between the quotes, and what follows.
    Whole(Cow<'a, str>, &'a str),
    /// The text after a quote that has no partner.
    CutShort(Cow<'a, str>),
}

fn quoted(text: &str) -> Option<Quoted<'_>> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    Some(match end.and_then(|end| inner.split_at_checked(end)) {
        Some((body, rest)) => Quoted::Whole(unescaped(body), rest.strip_prefix('"').unwrap_or("")),
        None => Quoted::CutShort(unescaped(inner.trim_end())),
    })
}

/// Undoes what Apache and nginx do to quotes, backslashes and bytes that are not printable.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (byte, after) = escape_of(escape);
        bytes.extend(byte);
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes that an escape stands for, and what follows it. An escape that no server writes stays
/// as it is.
fn escape_of(text: &str) -> (Vec<u8>, &str) {
    let hex = text.strip_prefix('x').and_then(|text| text.split_at_checked(2));
    if let Some((byte, rest)) =
        hex.and_then(|(hex, rest)| Some((u8::from_str_radix(hex, 16).ok()?, rest)))
    {
        return (vec![byte], rest);
    }
    let mut chars = text.chars();
    let byte = match chars.next() {
        Some('"') => b'"',
        Some('\\') => b'\\',
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        _ => return (vec![b'\\'], text),
    };
    (vec![byte], chars.as_str())
}

/// `17/May/2015:10:05:03 +0000`
fn instant(text: &str) -> Option<Instant> {
    let (local, offset) = text.split_once(' ')?;
    let mut parts = local.split(['/', ':']);
    let day = parts.next()?.parse().ok()?;
    let month = super::super::month::number(parts.next()?)?;
    let mut number = || parts.next()?.parse::<i16>().ok();
    let (year, hour, minute, second) = (number()?, number()?, number()?, number()?);
    let small = |number: i16| i8::try_from(number).ok();
    let (hour, minute, second) = (small(hour)?, small(minute)?, small(second)?);
    let local = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let stamp = offset_of(offset)?.to_timestamp(local).ok()?;
    Some(Instant { at: UnixMillis(stamp.as_millisecond()), text: Some(text.into()) })
}

/// `+0530`
fn offset_of(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let digits = Some(digits).filter(|d| d.len() == 4 && d.bytes().all(|b| b.is_ascii_digit()))?;
    let number: i32 = digits.parse().ok()?;
    Offset::from_seconds(sign * (number / 100 * 3_600 + number % 100 * 60)).ok()
}
