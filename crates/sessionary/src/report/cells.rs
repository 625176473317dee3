//! Cells for people: shares in percent, times in words, thousands apart; and bars.
use serde_json::Value;

use crate::table::counted;

/// Eighths of a block, from one to eight.
const BLOCKS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// A cell under a column of that unit.
pub(super) fn cell(value: &Value, unit: &str) -> String {
    match (value, unit) {
        (Value::Null, _) => "-".to_owned(),
        (Value::String(text), _) => text.clone(),
        (value, "share") => format!("{:.1} %", value.as_f64().unwrap_or_default() * 100.0),
        (value, "ms") => duration(value.as_f64().unwrap_or_default()),
        (value, "code") => value.to_string(),
        (value, _) => match value.as_u64() {
            Some(count) => counted(count),
            None => format!("{:.2}", value.as_f64().unwrap_or_default()),
        },
    }
}

/// A length of time in its two greatest units.
fn duration(ms: f64) -> String {
    if ms < 1_000.0 {
        return format!("{ms:.0} ms");
    }
    let seconds = ms / 1_000.0;
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds")]
    let whole = seconds.round() as u64;
    let (minutes, hours) = (whole / 60, whole / 3_600);
    match hours {
        0 => format!("{minutes} m {} s", whole % 60),
        1..24 => format!("{hours} h {} m", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// A bar of so much of the widest, to an eighth of a column. Something is never shown as nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a few hundred eighths"
)]
pub(super) fn bar(part: f64, whole: f64, columns: usize) -> String {
    if part <= 0.0 || whole <= 0.0 {
        return String::new();
    }
    let eighths = ((part / whole).min(1.0) * (columns * 8) as f64).round().max(1.0) as usize;
    let rest = (eighths % 8).checked_sub(1).and_then(|at| BLOCKS.get(at));
    let full = BLOCKS.iter().rev().take(1).cycle().take(eighths / 8);
    full.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_told_for_people() {
        assert_eq!(cell(&json!(0.1234), "share"), "12.3 %");
        assert_eq!(cell(&json!(1_234_567), "sessions"), "1,234,567");
        assert_eq!(cell(&json!(2.5), "1 to 4"), "2.50");
        assert_eq!(cell(&json!("24.66"), "EUR"), "24.66");
        assert_eq!(cell(&Value::Null, "ms"), "-");
        let times = [999, 1_500, 59_950, 3_599_000, 86_399_000, 90_000_000];
        let told = times.map(|ms| cell(&json!(ms), "ms"));
        assert_eq!(told, ["999 ms", "1.5 s", "1 m 0 s", "59 m 59 s", "23 h 59 m", "1 d 1 h"]);
    }

    #[test]
    fn bars_end_within_an_eighth() {
        assert_eq!(bar(1.0, 1.0, 4), "████");
        assert_eq!(bar(0.5, 1.0, 5), "██▌");
        assert_eq!(bar(0.0001, 1.0, 5), "▏");
        assert_eq!(bar(0.0, 1.0, 5), "");
        assert_eq!(bar(3.0, 0.0, 5), "");
    }
}
