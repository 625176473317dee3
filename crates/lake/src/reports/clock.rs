//! The clock on somebody's wall: days, hours and weeks in a time zone, those of 23 and 25 hours
//! included.
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sessionary_core::time::{UnixMillis, parse_instant_in};

/// A time zone by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    name: String,
    zone: TimeZone,
}

/// A moment by the clock on the wall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall(jiff::civil::DateTime);

const DAY_MS: i64 = 86_400_000;

impl Clock {
    /// The clock of a zone; `None`: nobody knows it.
    pub fn of_zone(name: &str) -> Option<Clock> {
        let zone = TimeZone::get(name).ok()?;
        Some(Clock { name: zone.iana_name().unwrap_or(name).to_owned(), zone })
    }

    /// The zone's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A moment as people write it: a day, which begins at its first moment there, or a time, with or
    /// without an offset.
    pub(super) fn moment(&self, text: &str) -> Option<UnixMillis> {
        if text.len() == 10
            && let Ok(day) = text.parse::<Date>()
        {
            let start = day.to_zoned(self.zone.clone()).ok()?;
            return Some(UnixMillis(start.timestamp().as_millisecond()));
        }
        parse_instant_in(text, Some(&self.name)).ok().map(|instant| instant.at)
    }

    /// What the clock shows; a moment beyond its range shows 1970.
    pub(super) fn wall(&self, at: i64) -> Wall {
        let stamp = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        Wall(self.zone.to_datetime(stamp))
    }

    /// A moment with the zone's offset, to the second.
    pub fn told(&self, at: UnixMillis) -> String {
        let stamp = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        stamp.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

impl Wall {
    /// `2026-03-29`.
    pub(super) fn day(self) -> String {
        self.0.date().to_string()
    }

    /// `2026-03`.
    pub(super) fn month(self) -> String {
        self.0.strftime("%Y-%m").to_string()
    }

    /// `2026-W13`, the ISO week.
    pub(super) fn week(self) -> String {
        week_name(self.0.date())
    }

    /// `1 Mon` to `7 Sun`, so that they stand in their order.
    pub(super) fn weekday(self) -> String {
        let day = self.0.date().weekday();
        let words = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let at = day.to_monday_zero_offset();
        let word = usize::try_from(at).ok().and_then(|at| words.get(at)).copied();
        format!("{} {}", at + 1, word.unwrap_or_default())
    }

    /// `00` to `23`. The hour that comes twice on a day of 25 is one row.
    pub(super) fn hour(self) -> String {
        format!("{:02}", self.0.hour())
    }

    /// Whole days since 1970-01-01 on the calendar, as milliseconds: weeks of such days all have
    /// seven, whatever the clocks did.
    pub(super) fn calendar_ms(self) -> i64 {
        let days = self.0.date().since(Date::constant(1970, 1, 1)).map(|span| span.get_days());
        i64::from(days.unwrap_or_default()) * DAY_MS
    }
}

/// Milliseconds of a week on the calendar.
pub(super) const WEEK_MS: i64 = 7 * DAY_MS;
/// The Monday before 1970, on the calendar.
pub(super) const MONDAY_MS: i64 = -3 * DAY_MS;

/// The ISO week that begins so many weeks after that Monday.
pub(super) fn week_at(week: i32) -> String {
    let days = i64::from(week) * 7 - 3;
    let day = jiff::Span::new()
        .try_days(days)
        .and_then(|span| Date::constant(1970, 1, 1).checked_add(span));
    day.map(week_name).unwrap_or_default()
}

fn week_name(day: Date) -> String {
    let week = day.iso_week_date();
    format!("{:04}-W{:02}", week.year(), week.week())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_23_and_25_hours_are_whole() {
        let clock = Clock::of_zone("Europe/Berlin").unwrap();
        let hours = |from: &str, to: &str| {
            (clock.moment(to).unwrap().0 - clock.moment(from).unwrap().0) / 3_600_000
        };
        assert_eq!(hours("2026-03-28", "2026-03-29"), 24);
        assert_eq!(hours("2026-03-29", "2026-03-30"), 23);
        assert_eq!(hours("2026-10-25", "2026-10-26"), 25);
        let last = clock.moment("2026-10-26").unwrap().0 - 1;
        assert_eq!(clock.wall(last).day(), "2026-10-25");
        assert_eq!(clock.wall(last).hour(), "23");
    }

    #[test]
    fn weeks_have_names_and_places() {
        let clock = Clock::of_zone("America/New_York").unwrap();
        let at = clock.moment("2027-01-03T23:59:00").unwrap().0;
        let wall = clock.wall(at);
        assert_eq!((wall.week(), wall.weekday()), ("2026-W53".into(), "7 Sun".into()));
        let week = (wall.calendar_ms() - MONDAY_MS).div_euclid(WEEK_MS);
        assert_eq!(week_at(i32::try_from(week).unwrap()), "2026-W53");
        assert_eq!(clock.wall(at + 60_000).week(), "2027-W01");
    }
}
