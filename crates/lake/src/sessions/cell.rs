//! Cells and the columns they go into: the few types that every engine reads alike.
use std::{borrow::Cow, sync::Arc};

use arrow::{
    array::{
        ArrayBuilder, ArrayRef, BooleanBuilder, Decimal128Builder, FixedSizeBinaryBuilder,
        Int64Builder, ListBuilder, StringBuilder, TimestampMillisecondBuilder,
    },
    datatypes::{DataType, Field, TimeUnit},
};
use rust_decimal::Decimal;
use sessionary_core::time::UnixMillis;

use crate::LakeError;

/// Digits of an exact decimal, and those of them behind the point. What has more of them behind the
/// point is rounded there, half to even.
const DECIMAL: (u8, i8) = (38, 9);
/// Bytes of a keyed hash.
const HASH_BYTES: i32 = 16;
/// The zone of every instant.
const UTC: &str = "UTC";

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8 text.
    Text,
    /// A signed number of 64 bits.
    Number,
    /// An exact decimal.
    Decimal,
    /// A moment, in milliseconds.
    Instant,
    /// Yes or no.
    Flag,
    /// A keyed hash.
    Hash,
    /// A list of texts.
    Texts,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Nothing is known.
    Null,
    Text(Cow<'a, str>),
    Number(i64),
    Decimal(Decimal),
    Instant(UnixMillis),
    Flag(bool),
    Hash([u8; 16]),
    Texts(Vec<Cow<'a, str>>),
}

impl Kind {
    /// The type of the column.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Number => DataType::Int64,
            Kind::Decimal => DataType::Decimal128(DECIMAL.0, DECIMAL.1),
            Kind::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
            Kind::Flag => DataType::Boolean,
            Kind::Hash => DataType::FixedSizeBinary(HASH_BYTES),
            Kind::Texts => DataType::List(text_item()),
        }
    }

    /// What a person calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Decimal => "decimal(38, 9)",
            Kind::Instant => "instant",
            Kind::Flag => "flag",
            Kind::Hash => "16 bytes",
            Kind::Texts => "list of text",
        }
    }
}

fn text_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, true))
}

/// A column that grows cell by cell.
pub(crate) enum Cells {
    Text(StringBuilder),
    Number(Int64Builder),
    Decimal(Decimal128Builder),
    Instant(TimestampMillisecondBuilder),
    Flag(BooleanBuilder),
    Hash(FixedSizeBinaryBuilder),
    Texts(ListBuilder<StringBuilder>),
}

impl Cells {
    pub(crate) fn new(kind: Kind) -> Cells {
        match kind {
            Kind::Text => Cells::Text(StringBuilder::new()),
            Kind::Number => Cells::Number(Int64Builder::new()),
            Kind::Decimal => {
                Cells::Decimal(Decimal128Builder::new().with_data_type(kind.data_type()))
            }
            Kind::Instant => {
                Cells::Instant(TimestampMillisecondBuilder::new().with_data_type(kind.data_type()))
            }
            Kind::Flag => Cells::Flag(BooleanBuilder::new()),
            Kind::Hash => Cells::Hash(FixedSizeBinaryBuilder::new(HASH_BYTES)),
            Kind::Texts => {
                Cells::Texts(ListBuilder::new(StringBuilder::new()).with_field(text_item()))
            }
        }
    }

    /// Adds a cell. One of another kind is nothing: a value is what its row of the dictionary says,
    /// and was read as that.
    pub(crate) fn push(&mut self, cell: Cell<'_>) -> Result<(), LakeError> {
        match (self, cell) {
            (Cells::Text(cells), Cell::Text(text)) => cells.append_value(text),
            (Cells::Text(cells), _) => cells.append_null(),
            (Cells::Number(cells), Cell::Number(number)) => cells.append_value(number),
            (Cells::Number(cells), _) => cells.append_null(),
            (Cells::Decimal(cells), Cell::Decimal(decimal)) => {
                cells.append_value(scaled(decimal));
            }
            (Cells::Decimal(cells), _) => cells.append_null(),
            (Cells::Instant(cells), Cell::Instant(at)) => cells.append_value(at.0),
            (Cells::Instant(cells), _) => cells.append_null(),
            (Cells::Flag(cells), Cell::Flag(flag)) => cells.append_value(flag),
            (Cells::Flag(cells), _) => cells.append_null(),
            (Cells::Hash(cells), Cell::Hash(hash)) => cells.append_value(hash)?,
            (Cells::Hash(cells), _) => cells.append_null(),
            (Cells::Texts(cells), Cell::Texts(texts)) => {
                cells.append_value(texts.iter().map(|text| (!text.is_empty()).then_some(text)));
            }
            (Cells::Texts(cells), _) => cells.append_null(),
        }
        Ok(())
    }

    /// Says that nothing is known of the rows up to this many, where fewer have a cell.
    pub(crate) fn fill(&mut self, rows: usize) {
        let more = |len: usize| rows.saturating_sub(len);
        match self {
            Cells::Text(cells) => cells.append_nulls(more(cells.len())),
            Cells::Number(cells) => cells.append_nulls(more(cells.len())),
            Cells::Decimal(cells) => cells.append_nulls(more(cells.len())),
            Cells::Instant(cells) => cells.append_nulls(more(cells.len())),
            Cells::Flag(cells) => cells.append_nulls(more(cells.len())),
            Cells::Hash(cells) => cells.append_nulls(more(cells.len())),
            Cells::Texts(cells) => (0..more(cells.len())).for_each(|_| cells.append_null()),
        }
    }

    /// The column; the next begins empty.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Text(cells) => Arc::new(cells.finish()),
            Cells::Number(cells) => Arc::new(cells.finish()),
            Cells::Decimal(cells) => Arc::new(cells.finish()),
            Cells::Instant(cells) => Arc::new(cells.finish()),
            Cells::Flag(cells) => Arc::new(cells.finish()),
            Cells::Hash(cells) => Arc::new(cells.finish()),
            Cells::Texts(cells) => Arc::new(cells.finish()),
        }
    }
}

/// The decimal as a whole number of its last digit. 29 digits, which is all that one has, fit.
fn scaled(decimal: Decimal) -> i128 {
    let places = u32::from(DECIMAL.1.unsigned_abs());
    let rounded = decimal.round_dp(places);
    rounded.mantissa() * 10_i128.pow(places - rounded.scale())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_of_a_decimal_is_kept() {
        let scaled = |text: &str| scaled(text.parse().unwrap()).to_string();
        assert_eq!(scaled("24.66"), "24660000000");
        assert_eq!(scaled("-0.000000001"), "-1");
        assert_eq!(
            scaled("79228162514264337593543950335"),
            format!("{}000000000", u128::MAX >> 32)
        );
        // Half to even, ten digits behind the point.
        assert_eq!(scaled("0.0000000005"), "0");
        assert_eq!(scaled("0.0000000015"), "2");
    }

    #[test]
    fn a_cell_of_another_kind_is_nothing() {
        let mut cells = Cells::new(Kind::Number);
        cells.push(Cell::Flag(true)).unwrap();
        cells.push(Cell::Number(7)).unwrap();
        let column = cells.finish();
        assert_eq!((column.len(), column.null_count()), (2, 1));
    }
}
