//! Numbers as JSON: a number where it keeps every digit, else text.
use serde_json::{Number, Value as Json};
use sessionary_core::value::Value;

/// The digits as a JSON number if that writes the same digits, else as text.
pub(super) fn number(digits: &str) -> Json {
    let whole = digits.parse::<i64>().ok().map(Number::from);
    let real = || digits.parse::<f64>().ok().and_then(Number::from_f64);
    match whole.or_else(real).filter(|number| number.to_string() == digits) {
        Some(number) => Json::Number(number),
        None => Json::from(digits),
    }
}

/// A value so that reading it gives the same value again.
pub(super) fn value(value: &Value) -> Json {
    match value {
        Value::Decimal(decimal) => number(&decimal.to_string()),
        Value::Instant(instant) => {
            let text = instant.text.as_deref();
            text.map_or_else(|| instant.at.to_string(), str::to_owned).into()
        }
        value => value.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost() {
        for digits in ["7", "-3", "24.66", "0.1"] {
            assert!(number(digits).is_number(), "{digits}");
            assert_eq!(number(digits).to_string(), digits);
        }
        for digits in ["24.60", "1.00", "007", "12345678901234567.89", "1e3", "A1", "NaN"] {
            assert_eq!(number(digits), Json::from(digits));
        }
    }
}
