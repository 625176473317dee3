//! Columns of a batch as the reports read them, whatever the batch holds them as.
use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray, Int64Array,
        ListArray, RecordBatch, StringArray, StructArray,
    },
    compute::cast,
    datatypes::{DataType, TimeUnit},
};
use rust_decimal::Decimal;

use crate::{LakeError, columns::column};

/// Text, or nothing, of each row.
pub(super) struct Texts(StringArray);
/// A number or a moment in milliseconds, or nothing, of each row.
pub(super) struct Numbers(Int64Array);
/// Yes, no or nothing of each row.
pub(super) struct Flags(BooleanArray);
/// An amount, or nothing, of each row.
pub(super) struct Amounts(Decimal128Array);
/// A keyed hash, or nothing, of each row.
pub(super) struct Hashes(FixedSizeBinaryArray);

/// Lists of objects: the members of all rows, and which of them are whose.
pub(super) struct Objects {
    list: ListArray,
    members: StructArray,
}

/// Digits behind the point of the lake's decimals.
const SCALE: i8 = 9;

fn moments() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn as_kind(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, LakeError> {
    if array.data_type() == kind { Ok(Arc::clone(array)) } else { Ok(cast(array, kind)?) }
}

fn texts(array: &ArrayRef) -> Result<Texts, LakeError> {
    Ok(Texts(as_kind(array, &DataType::Utf8)?.as_string().clone()))
}

fn numbers(array: &ArrayRef) -> Result<Numbers, LakeError> {
    let array = match array.data_type() {
        DataType::Timestamp(..) => as_kind(array, &moments())?,
        _ => Arc::clone(array),
    };
    Ok(Numbers(as_kind(&array, &DataType::Int64)?.as_primitive().clone()))
}

pub(super) fn texts_of(batch: &RecordBatch, name: &str) -> Result<Texts, LakeError> {
    texts(column(batch, name)?)
}

pub(super) fn numbers_of(batch: &RecordBatch, name: &str) -> Result<Numbers, LakeError> {
    numbers(column(batch, name)?)
}

pub(super) fn flags_of(batch: &RecordBatch, name: &str) -> Result<Flags, LakeError> {
    Ok(Flags(as_kind(column(batch, name)?, &DataType::Boolean)?.as_boolean().clone()))
}

pub(super) fn objects_of(batch: &RecordBatch, name: &str) -> Result<Objects, LakeError> {
    let array = column(batch, name)?;
    let wrong = || LakeError::Type {
        name: name.to_owned(),
        got: array.data_type().clone(),
        wanted: "a list of objects",
    };
    let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
    let members = list.values().as_struct_opt().ok_or_else(wrong)?.clone();
    Ok(Objects { list: list.clone(), members })
}

/// Lists of texts: those of a row.
pub(super) fn lists_of(batch: &RecordBatch, name: &str) -> Result<Vec<Vec<String>>, LakeError> {
    let array = column(batch, name)?;
    let list = array.as_list_opt::<i32>().ok_or_else(|| LakeError::Type {
        name: name.to_owned(),
        got: array.data_type().clone(),
        wanted: "a list of text",
    })?;
    let of_row = |words: Option<ArrayRef>| {
        let Some(words) = words else { return Ok(Vec::new()) };
        let words = texts(&words)?;
        Ok((0..words.0.len()).filter_map(|row| words.at(row).map(str::to_owned)).collect())
    };
    list.iter().map(of_row).collect()
}

impl Texts {
    pub(super) fn at(&self, row: usize) -> Option<&str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

impl Numbers {
    pub(super) fn at(&self, row: usize) -> Option<i64> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

impl Flags {
    pub(super) fn at(&self, row: usize) -> Option<bool> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

impl Amounts {
    pub(super) fn at(&self, row: usize) -> Option<Decimal> {
        let units = self.0.is_valid(row).then(|| self.0.value(row))?;
        Decimal::try_from_i128_with_scale(units, u32::from(SCALE.unsigned_abs())).ok()
    }
}

impl Hashes {
    pub(super) fn at(&self, row: usize) -> Option<[u8; 16]> {
        self.0.is_valid(row).then(|| self.0.value(row).try_into().ok())?
    }
}

impl Objects {
    /// The places of a row's members.
    pub(super) fn of(&self, row: usize) -> std::ops::Range<usize> {
        if self.list.is_null(row) {
            return 0..0;
        }
        let offset = |row: usize| {
            let offset = self.list.offsets().get(row).copied().unwrap_or_default();
            usize::try_from(offset).unwrap_or_default()
        };
        offset(row)..offset(row + 1)
    }

    fn member(&self, name: &str) -> Result<&ArrayRef, LakeError> {
        self.members.column_by_name(name).ok_or_else(|| LakeError::NoColumn {
            name: name.to_owned(),
            present: self.members.column_names().join(", "),
        })
    }

    pub(super) fn texts(&self, name: &str) -> Result<Texts, LakeError> {
        texts(self.member(name)?)
    }

    pub(super) fn numbers(&self, name: &str) -> Result<Numbers, LakeError> {
        numbers(self.member(name)?)
    }

    pub(super) fn amounts(&self, name: &str) -> Result<Amounts, LakeError> {
        let array = as_kind(self.member(name)?, &DataType::Decimal128(38, SCALE))?;
        Ok(Amounts(array.as_primitive().clone()))
    }

    pub(super) fn hashes(&self, name: &str) -> Result<Hashes, LakeError> {
        let array = as_kind(self.member(name)?, &DataType::FixedSizeBinary(16))?;
        Ok(Hashes(array.as_fixed_size_binary().clone()))
    }
}
