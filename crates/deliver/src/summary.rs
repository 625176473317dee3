//! A record in a few lines that somebody at a help desk can read.
use std::fmt::Write;

use serde_json::Value;

use crate::{parcel::Outgoing, values};

/// Label and where to look, in the order of the lines; the first place that has something counts.
const LINES: &[(&str, &[&str])] = &[
    ("Who", &["person.name.full", "person.name.last", "user_signal.value"]),
    ("Phone", &["person.phone"]),
    ("E-mail", &["person.email"]),
    ("Company", &["company.name"]),
    ("Type", &["type"]),
    ("Channel", &["channel"]),
    ("Direction", &["call.direction"]),
    ("Line", &["call.line"]),
    ("Started", &["started_at"]),
    ("Ended", &["ended_at"]),
    ("Queue", &["queue.name"]),
    ("Agent", &["agent.name", "disposition.agent", "integration.agent_id"]),
    ("Outcome", &["disposition.name", "disposition.code"]),
    ("Notes", &["disposition.notes"]),
    ("Subject", &["subject"]),
    ("First page", &["page.first.url"]),
    ("Source", &["attribution.source"]),
    ("Campaign", &["attribution.campaign_name"]),
    ("Ticket", &["external_id"]),
    ("Rating", &["rating.value"]),
    ("Comment", &["rating.comment"]),
];

/// One line for each thing that is known, and which record it is.
pub(crate) fn of(parcel: &Outgoing<'_>) -> String {
    let mut text = String::new();
    for (label, places) in LINES {
        let found = places.iter().find_map(|path| at(parcel.record, path));
        if let Some(value) = found {
            let _ = writeln!(text, "{label}: {value}");
        }
        if *label == "Ended"
            && let Some(took) = parcel.record.get("duration_ms").and_then(Value::as_i64)
        {
            let _ = writeln!(text, "Took: {}", clock(took));
        }
    }
    for order in parcel.record.get("orders").and_then(Value::as_array).into_iter().flatten() {
        let part = |name| at(order, name).unwrap_or_default();
        let line = format!("Order: {} {} {}", part("order_id"), part("total"), part("currency"));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = write!(text, "Session: {}, revision {}", parcel.session_id, parcel.revision);
    text
}

fn at(value: &Value, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(value, |value, word| value.get(word))?;
    values::text(found).map(std::borrow::Cow::into_owned).filter(|text| !text.is_empty())
}

/// `h:mm:ss` or `m:ss`.
fn clock(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::tests::{with_record, with_sample};
    use expect_test::expect;

    #[test]
    fn what_is_known_is_told_and_nothing_else() {
        expect![[r#"
            Who: Ada O'Neil
            Phone: +15550100
            E-mail: ada@example.com
            Type: call
            Channel: voice
            Direction: inbound
            Line: +15550199
            Started: 2026-01-05T10:02:30.000Z
            Ended: 2026-01-05T10:07:35.000Z
            Took: 5:05
            Queue: Sales
            Outcome: Convert
            Notes: she said "yes" <ok>
            bye
            Ticket: S-1
            Order: O-7 19.90 EUR
            Session: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67, revision 2"#]]
        .assert_eq(&with_sample(|values| of(values.parcel)));
        let empty = serde_json::json!({});
        expect!["Session: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67, revision 2"]
            .assert_eq(&with_record(&empty, |values| of(values.parcel)));
        assert_eq!(clock(3_725_000), "1:02:05");
    }
}
