//! A column of whole numbers or moments, as 64 bits with a sign.
use arrow::{
    array::{AnyDictionaryArray, Array, ArrayRef, AsArray, PrimitiveArray},
    buffer::NullBuffer,
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal128Type,
        DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
        DurationSecondType, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
    record_batch::RecordBatch,
};

use super::column;
use crate::LakeError;

/// What the numbers are to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// As they stand in the column; a decimal gives its units (12.34 gives 1234).
    AsItIs,
    /// Milliseconds since 1970 where the column says what it counts in, rounded down; a plain number
    /// is taken to be milliseconds.
    Millis,
}

/// Reads a column as numbers.
#[derive(Clone, Debug)]
pub(crate) struct NumberColumn {
    name: String,
    unit: Unit,
    numbers: Numbers,
}

impl NumberColumn {
    pub(crate) fn new(name: &str, unit: Unit) -> NumberColumn {
        NumberColumn { name: name.to_owned(), unit, numbers: Numbers::default() }
    }

    /// One for each row, `None` where the column has no value.
    pub(crate) fn read<'a>(
        &'a mut self,
        batch: &'a RecordBatch,
    ) -> Result<impl Iterator<Item = Option<i64>> + use<'a>, LakeError> {
        let array = column(batch, &self.name)?;
        let (numbers, nulls) = self.numbers.read(&self.name, array, self.unit)?;
        let there = move |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        Ok(numbers.iter().enumerate().map(move |(row, number)| there(row).then_some(*number)))
    }
}

/// Room for the numbers of a batch, used again for the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(Vec<i64>);

impl Numbers {
    /// The numbers, of which those of rows without a value mean nothing, and which rows have one.
    pub(crate) fn read<'a>(
        &'a mut self,
        name: &str,
        array: &'a ArrayRef,
        unit: Unit,
    ) -> Result<(&'a [i64], Option<NullBuffer>), LakeError> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        // The common case needs no copy.
        if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
            return Ok((numbers.values(), nulls));
        }
        if unit == Unit::Millis
            && let Some(moments) = array.as_primitive_opt::<TimestampMillisecondType>()
        {
            return Ok((moments.values(), nulls));
        }
        self.0.clear();
        self.fill(name, array, unit)?;
        Ok((&self.0, nulls))
    }

    fn fill(&mut self, name: &str, array: &ArrayRef, unit: Unit) -> Result<(), LakeError> {
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        match array.data_type() {
            DataType::Int8 => self.plain::<Int8Type>(array),
            DataType::Int16 => self.plain::<Int16Type>(array),
            DataType::Int32 => self.plain::<Int32Type>(array),
            DataType::Int64 => self.plain::<Int64Type>(array),
            DataType::UInt8 => self.plain::<UInt8Type>(array),
            DataType::UInt16 => self.plain::<UInt16Type>(array),
            DataType::UInt32 => self.plain::<UInt32Type>(array),
            DataType::UInt64 => return self.checked::<UInt64Type>(name, array),
            DataType::Decimal128(..) => return self.checked::<Decimal128Type>(name, array),
            DataType::Date32 => self.moments::<Date32Type>(array, unit, (86_400_000, 1)),
            DataType::Date64 => self.moments::<Date64Type>(array, unit, (1, 1)),
            DataType::Timestamp(Second, _) => {
                self.moments::<TimestampSecondType>(array, unit, (1000, 1));
            }
            DataType::Timestamp(Millisecond, _) => {
                self.moments::<TimestampMillisecondType>(array, unit, (1, 1));
            }
            DataType::Timestamp(Microsecond, _) => {
                self.moments::<TimestampMicrosecondType>(array, unit, (1, 1000));
            }
            DataType::Timestamp(Nanosecond, _) => {
                self.moments::<TimestampNanosecondType>(array, unit, (1, 1_000_000));
            }
            DataType::Duration(Second) => {
                self.moments::<DurationSecondType>(array, unit, (1000, 1));
            }
            DataType::Duration(Millisecond) => {
                self.moments::<DurationMillisecondType>(array, unit, (1, 1));
            }
            DataType::Duration(Microsecond) => {
                self.moments::<DurationMicrosecondType>(array, unit, (1, 1000));
            }
            DataType::Duration(Nanosecond) => {
                self.moments::<DurationNanosecondType>(array, unit, (1, 1_000_000));
            }
            DataType::Dictionary(..) => return self.by_dictionary(name, array, unit),
            DataType::Null => self.0.resize(array.len(), 0),
            got => {
                let (name, got) = (name.to_owned(), got.clone());
                return Err(LakeError::Type { name, got, wanted: "whole numbers or moments" });
            }
        }
        Ok(())
    }

    fn plain<T: ArrowPrimitiveType<Native: Into<i64>>>(&mut self, array: &ArrayRef) {
        let array: &PrimitiveArray<T> = array.as_primitive();
        self.0.extend(array.values().iter().map(|number| (*number).into()));
    }

    /// What lies behind a row without a value need not fit.
    fn checked<T: ArrowPrimitiveType<Native: TryInto<i64>>>(
        &mut self,
        name: &str,
        array: &ArrayRef,
    ) -> Result<(), LakeError> {
        let array: &PrimitiveArray<T> = array.as_primitive();
        for number in array {
            let number = number.map_or(Ok(0), TryInto::try_into);
            self.0.push(number.map_err(|_| LakeError::TooLarge { name: name.to_owned() })?);
        }
        Ok(())
    }

    fn moments<T: ArrowPrimitiveType<Native: Into<i64>>>(
        &mut self,
        array: &ArrayRef,
        unit: Unit,
        (times, by): (i64, i64),
    ) {
        let (times, by) = if unit == Unit::Millis { (times, by) } else { (1, 1) };
        let array: &PrimitiveArray<T> = array.as_primitive();
        let moments = array.values().iter().map(|moment| {
            let moment: i64 = (*moment).into();
            moment.saturating_mul(times).div_euclid(by)
        });
        self.0.extend(moments);
    }

    fn by_dictionary(&mut self, name: &str, array: &ArrayRef, unit: Unit) -> Result<(), LakeError> {
        let array = array.as_any_dictionary();
        let mut values = Numbers::default();
        let (values, _) = values.read(name, array.values(), unit)?;
        let at = |key: usize| values.get(key).copied().unwrap_or_default();
        self.0.extend(keys_of(array).into_iter().map(at));
        Ok(())
    }
}

/// The places in the dictionary; anything for rows without a value.
pub(super) fn keys_of(array: &dyn AnyDictionaryArray) -> Vec<usize> {
    if array.values().is_empty() { vec![0; array.len()] } else { array.normalized_keys() }
}
