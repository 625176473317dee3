//! When a row happened: read from a column, or assumed from its month.
use jiff::{civil::date, fmt::strtime, tz::TimeZone};
use sessionary_core::time::{Instant, UnixMillis, parse_instant};

use super::row::{Row, RowProblem};
use crate::month;

/// How the moment of a row is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MomentRule {
    /// Not at all: a signal happened when it came.
    Arrival,
    /// A column has it.
    Column { column: Box<str>, spelling: Spelling, precision: Option<&'static str> },
    /// A column has the month, the year is assumed: midnight of the first day, and as many
    /// milliseconds later as the row has predecessors and itself, so that order is kept.
    Month { column: Box<str>, year: i16 },
    /// As `Month`; rows are in order of date from this year and month, and where the month goes
    /// back in the calendar a new year has begun.
    MonthInFileOrder { column: Box<str>, year: i16, month: i8 },
}

/// How a column spells a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Any ISO 8601.
    Iso,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMillis,
    /// A pattern of `strftime`; without an offset UTC is meant.
    Pattern(Box<str>),
}

impl MomentRule {
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            MomentRule::Arrival => None,
            MomentRule::Column { column, .. }
            | MomentRule::Month { column, .. }
            | MomentRule::MonthInFileOrder { column, .. } => Some(column),
        }
    }

    /// How exact the moment is, where it is not exact to the millisecond.
    pub(super) fn precision(&self) -> Option<&'static str> {
        match self {
            MomentRule::Arrival => None,
            MomentRule::Column { precision, .. } => *precision,
            MomentRule::Month { .. } | MomentRule::MonthInFileOrder { .. } => Some("month"),
        }
    }
}

/// The year and month that a file in order of date has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calendar {
    reached: Option<(i16, i8)>,
}

impl Calendar {
    pub(super) fn moment(
        &mut self,
        rule: &MomentRule,
        row: &Row<'_>,
    ) -> Result<Option<Instant>, RowProblem> {
        let Some(column) = rule.column() else { return Ok(None) };
        let text = row.text(column);
        let wrong = || RowProblem::not_a_time(column, &text);
        let number = || month::number(text.trim()).ok_or_else(wrong);
        let instant = match rule {
            MomentRule::Arrival => None,
            MomentRule::Column { spelling, .. } => spelling.read(text.trim()),
            MomentRule::Month { year, .. } => assumed(*year, number()?, row.number()),
            MomentRule::MonthInFileOrder { year, month, .. } => {
                let (year, before) = *self.reached.get_or_insert((*year, *month));
                let month = number()?;
                let year = if month < before { year + 1 } else { year };
                self.reached = Some((year, month));
                assumed(year, month, row.number())
            }
        };
        instant.map(Some).ok_or_else(wrong)
    }
}

fn assumed(year: i16, month: i8, row: u64) -> Option<Instant> {
    let first = jiff::civil::Date::new(year, month, 1).ok()?;
    let midnight = first.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    Some(Instant::at(UnixMillis(midnight.checked_add(i64::try_from(row).ok()?)?)))
}

impl Spelling {
    fn read(&self, text: &str) -> Option<Instant> {
        let at = match self {
            Spelling::Iso => return parse_instant(text).ok(),
            Spelling::UnixMillis => text.parse().ok()?,
            Spelling::UnixSeconds => {
                let seconds: rust_decimal::Decimal = text.parse().ok()?;
                let millis = seconds.checked_mul(rust_decimal::Decimal::ONE_THOUSAND)?;
                i64::try_from(millis.floor()).ok()?
            }
            Spelling::Pattern(pattern) => {
                let parts = strtime::parse(&**pattern, text).ok()?;
                let civil = || parts.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok();
                let stamp = parts.to_timestamp().ok().or_else(|| Some(civil()?.timestamp()));
                stamp?.as_millisecond()
            }
        };
        Some(Instant { at: UnixMillis(at), text: Some(text.into()) })
    }
}

/// Whether a year can be assumed.
pub(super) fn is_year(year: i16) -> bool {
    (1970..=9998).contains(&year) && date(year, 1, 1).year() == year
}
