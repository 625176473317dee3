//! Times with an offset, as the platform writes them, and whole seconds.
use jiff::{Timestamp, tz::Offset};
use serde_json::Value as Json;
use sessionary_core::{
    content::Content,
    dictionary::field,
    signal::FieldNumber,
    time::{Instant, Millis},
    value::Value,
};

/// Where the zone of a session is looked for, the first first.
const ZONED: [FieldNumber; 7] = [
    field::SESSION_START,
    field::ENDED_AT,
    field::UPDATED_AT,
    field::QUEUED_AT,
    field::ASSIGNED_AT,
    field::CONNECTED_AT,
    field::SCHEDULED_AT,
];

/// The offset that the source of a session writes its times with; that of UTC where it says none.
pub(super) fn offset_of(content: &Content) -> Offset {
    let instants = ZONED.iter().filter_map(|number| match content.fields.get(number) {
        Some(Value::Instant(instant)) => Some(instant),
        _ => None,
    });
    instants.into_iter().find_map(stated).unwrap_or(Offset::UTC)
}

/// The offset of a text such as `2023-09-11T09:42:01.000+03:00`.
fn stated(instant: &Instant) -> Option<Offset> {
    let text = instant.text.as_deref()?.trim_end_matches('>').trim_end();
    let (_, clock) = text.split_once('T')?;
    let at = clock.rfind(['+', '-'])?;
    let (sign, digits) = clock.get(at..)?.split_at_checked(1)?;
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let minutes = if minutes.is_empty() { "0" } else { minutes };
    let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// A time with the offset that it was sent with, else with that of its session.
pub(super) fn zoned(instant: &Instant, offset: Offset) -> Json {
    let offset = stated(instant).unwrap_or(offset);
    let Ok(stamp) = Timestamp::from_millisecond(instant.at.0) else {
        return Json::from(instant.at.to_string());
    };
    let seconds = offset.seconds();
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    let local = offset.to_datetime(stamp);
    Json::from(format!("{local:.3}{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}

/// Whole seconds, rounded down.
pub(super) fn seconds(length: Millis) -> Json {
    Json::from(length.0.max(0) / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sessionary_core::time::parse_instant;

    #[test]
    fn a_time_comes_back_as_it_was_sent() {
        let back = |text: &str| {
            let instant = parse_instant(text).unwrap();
            zoned(&instant, Offset::UTC).as_str().unwrap().to_owned()
        };
        for text in [
            "2023-09-11T09:42:01.000+03:00",
            "2023-09-11T09:42:01.123-09:30",
            "1969-12-31T23:59:59.999+00:00",
        ] {
            assert_eq!(back(text), text);
        }
        assert_eq!(back("2023-09-11T09:42:01.000+03:00>"), "2023-09-11T09:42:01.000+03:00");
        assert_eq!(back("2023-09-11T09:42:01+0530"), "2023-09-11T09:42:01.000+05:30");
        assert_eq!(back("2023-09-11T09:42:01+03"), "2023-09-11T09:42:01.000+03:00");
        assert_eq!(back("2023-09-11T09:42:01Z"), "2023-09-11T09:42:01.000+00:00");
        assert_eq!(back("20230911T094201Z"), "2023-09-11T09:42:01.000+00:00");
    }
}
