//! Lengths of time as people write them: `30d`, `12h`, `20s`, `500ms`.

/// Units, longest first, with their milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a length of time such as `30d`, in milliseconds; `None`: it is none, or longer than a century.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, millis) = UNITS.into_iter().find(|(word, _)| *word == unit)?;
    let length = number.parse::<u64>().ok()?.checked_mul(millis)?;
    (length <= 36_525 * 86_400_000).then_some(length)
}

/// The length in the longest unit that tells it whole.
pub(super) fn told(length_ms: u64) -> String {
    let whole = |(_, millis): &(&str, u64)| length_ms > 0 && length_ms.is_multiple_of(*millis);
    // Weeks are read and never written: 28d is what people say.
    let unit = UNITS.into_iter().skip(1).find(whole).unwrap_or(("ms", 1));
    format!("{}{}", length_ms / unit.1, unit.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_told() {
        for text in ["30d", "12h", "90m", "20s", "1500ms"] {
            assert_eq!(told(parse(text).unwrap()), text);
        }
        assert_eq!(parse("2w").map(told).as_deref(), Some("14d"));
        for wrong in ["", "d", "30", "-1d", "1.5h", "99999999999999999w"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
