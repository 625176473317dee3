//! Values that are written here: instants, decimals of any size, digits of bytes, JSON.
use std::error::Error;

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use pgwire::{
    api::Type,
    types::{ToSqlText, format::FormatOptions},
};
use postgres_types::{IsNull, ToSql, to_sql_checked};

type Written = Result<IsNull, Box<dyn Error + Sync + Send>>;

/// Microseconds from 1970 to 2000, where the wire counts from.
const MICROS_TO_2000: i64 = 946_684_800_000_000;

/// How a value is written in both formats.
trait Forms: std::fmt::Debug {
    fn text(&self, out: &mut BytesMut);
    fn binary(&self, out: &mut BytesMut);
}

macro_rules! written {
    ($($kind:ty),*) => {$(
        impl ToSql for $kind {
            fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Written {
                self.binary(out);
                Ok(IsNull::No)
            }

            fn accepts(_: &Type) -> bool {
                true
            }

            to_sql_checked!();
        }

        impl ToSqlText for $kind {
            fn to_sql_text(&self, _: &Type, out: &mut BytesMut, _: &FormatOptions) -> Written {
                self.text(out);
                Ok(IsNull::No)
            }
        }
    )*};
}

written!(Instant, Numeric, Digits<'_>, Json);

/// Microseconds since 1970, told in UTC.
#[derive(Debug)]
pub(super) struct Instant(pub(super) i64);

impl Forms for Instant {
    fn text(&self, out: &mut BytesMut) {
        // Years beyond 9999 do not occur; where one does, it is told as what no reader takes for a time.
        let Ok(at) = Timestamp::from_microsecond(self.0) else {
            out.put_slice(if self.0 < 0 { b"-infinity" } else { b"infinity" });
            return;
        };
        let text = at.to_string().replace('T', " ").replace('Z', "+00");
        out.put_slice(text.as_bytes());
    }

    fn binary(&self, out: &mut BytesMut) {
        out.put_i64(self.0.saturating_sub(MICROS_TO_2000));
    }
}

/// A decimal number with all its digits.
#[derive(Debug)]
pub(super) struct Numeric {
    /// Digits before the point and behind it.
    whole: String,
    behind: String,
    is_negative: bool,
}

impl Numeric {
    /// `value` / 10^`scale`.
    pub(super) fn new(value: i128, scale: i8) -> Numeric {
        let mut digits = value.unsigned_abs().to_string();
        let scale = usize::try_from(scale).unwrap_or_else(|_| {
            // Zeros that are not kept.
            digits.push_str(&"0".repeat(usize::from(scale.unsigned_abs())));
            0
        });
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, behind) = digits.split_at(digits.len() - scale);
        Numeric { whole: whole.to_owned(), behind: behind.to_owned(), is_negative: value < 0 }
    }
}

impl Forms for Numeric {
    fn text(&self, out: &mut BytesMut) {
        if self.is_negative {
            out.put_u8(b'-');
        }
        out.put_slice(self.whole.as_bytes());
        if !self.behind.is_empty() {
            out.put_u8(b'.');
            out.put_slice(self.behind.as_bytes());
        }
    }

    /// Groups of four digits, each a number, with the place of the first one.
    fn binary(&self, out: &mut BytesMut) {
        let before = self.whole.len().div_ceil(4);
        let behind = self.behind.len().div_ceil(4);
        let digits = format!(
            "{:0>before$}{:0<behind$}",
            self.whole,
            self.behind,
            before = before * 4,
            behind = behind * 4
        );
        let group =
            |four: &[u8]| four.iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
        let groups: Vec<i16> = digits.as_bytes().chunks(4).map(group).collect();
        let first = groups.iter().take_while(|group| **group == 0).count();
        let last = groups.iter().rposition(|group| *group != 0).map_or(first, |last| last + 1);
        let groups = groups.get(first..last).unwrap_or_default();
        let place = small(before) - small(first) - 1;
        out.put_i16(small(groups.len()));
        out.put_i16(if groups.is_empty() { 0 } else { place });
        out.put_u16(if self.is_negative { 0x4000 } else { 0 });
        out.put_i16(small(self.behind.len()));
        for group in groups {
            out.put_i16(*group);
        }
    }
}

fn small(count: usize) -> i16 {
    i16::try_from(count).unwrap_or(i16::MAX)
}

/// Bytes as hex digits.
#[derive(Debug)]
pub(super) struct Digits<'a>(pub(super) &'a [u8]);

impl Forms for Digits<'_> {
    fn text(&self, out: &mut BytesMut) {
        for byte in self.0 {
            out.put_slice(format!("{byte:02x}").as_bytes());
        }
    }

    fn binary(&self, out: &mut BytesMut) {
        self.text(out);
    }
}

/// JSON, as `jsonb` has it.
#[derive(Debug)]
pub(super) struct Json(pub(super) String);

impl Forms for Json {
    fn text(&self, out: &mut BytesMut) {
        out.put_slice(self.0.as_bytes());
    }

    /// The text behind the number of its version.
    fn binary(&self, out: &mut BytesMut) {
        out.put_u8(1);
        out.put_slice(self.0.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn both(value: &impl Forms) -> (String, Vec<u8>) {
        let (mut text, mut binary) = (BytesMut::new(), BytesMut::new());
        value.text(&mut text);
        value.binary(&mut binary);
        (String::from_utf8(text.to_vec()).unwrap(), binary.to_vec())
    }

    #[test]
    fn an_instant_is_told_in_utc() {
        let (text, binary) = both(&Instant(1_767_225_600_123_000));
        assert_eq!(text, "2026-01-01 00:00:00.123+00");
        assert_eq!(binary, 820_540_800_123_000_i64.to_be_bytes());
        assert_eq!(both(&Instant(0)).0, "1970-01-01 00:00:00+00");
    }

    #[test]
    fn a_decimal_larger_than_others_know_keeps_its_digits() {
        let (text, _) = both(&Numeric::new(i128::MAX, 9));
        assert_eq!(text, "170141183460469231731687303715.884105727");
        assert_eq!(both(&Numeric::new(-5, 9)).0, "-0.000000005");
        assert_eq!(both(&Numeric::new(12, -2)).0, "1200");
    }

    proptest! {
        /// Another writer of the same form reads what is written here.
        #[test]
        fn both_forms_of_a_decimal_say_the_same(value in any::<i64>(), scale in 0_i8..19) {
            use postgres_types::FromSql;
            let expected = Decimal::from_i128_with_scale(i128::from(value), u32::try_from(scale).unwrap());
            let (text, binary) = both(&Numeric::new(i128::from(value), scale));
            prop_assert_eq!(text.parse::<Decimal>().unwrap(), expected);
            prop_assert_eq!(Decimal::from_sql(&Type::NUMERIC, &binary).unwrap(), expected);
        }
    }
}
