//! Cells and columns as JSON, for answers that people and scripts read.
//!
//! A number beyond 2^53 and every decimal is a text with all its digits, an instant is RFC 3339 with
//! milliseconds, bytes are hex digits; a floating point number that is none is null.
use arrow::{
    array::{Array, AsArray},
    datatypes::{
        DataType, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
        Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use serde_json::{Map, Value};
use sessionary_core::time::UnixMillis;

use crate::LakeError;

/// The greatest number that every reader of JSON keeps exactly.
const EXACT_MAX: u64 = 1 << 53;

/// What a person calls a type; the words of the reference page where it has one.
pub(super) fn word(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        kind if kind.is_integer() => "number".to_owned(),
        kind if kind.is_floating() => "float".to_owned(),
        DataType::Decimal128(digits, behind) | DataType::Decimal256(digits, behind) => {
            format!("decimal({digits}, {behind})")
        }
        DataType::Timestamp(..) => "instant".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Boolean => "flag".to_owned(),
        DataType::FixedSizeBinary(bytes) => format!("{bytes} bytes"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes".to_owned(),
        DataType::Dictionary(_, value) => word(value),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("list of {}", word(item.data_type()))
        }
        DataType::Struct(fields) => {
            let one = |field: &std::sync::Arc<arrow::datatypes::Field>| {
                format!("{} {}", field.name(), word(field.data_type()))
            };
            format!("({})", fields.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        DataType::Null => "null".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

/// One cell.
pub(super) fn json(array: &dyn Array, row: usize) -> Result<Value, LakeError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    macro_rules! number {
        ($kind:ty) => {
            Value::from(array.as_primitive::<$kind>().value(row))
        };
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => whole(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => counted(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float16 => Value::from(f64::from(array.as_primitive::<Float16Type>().value(row))),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Decimal128(..) => {
            Value::from(array.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        DataType::Timestamp(unit, _) => Value::from(instant(array, *unit, row).to_string()),
        DataType::Utf8 => Value::from(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Value::from(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Value::from(array.as_string_view().value(row)),
        DataType::List(_) => list(&*array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(&*array.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(&*array.as_fixed_size_list().value(row))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter();
            let member = |(field, column): (&std::sync::Arc<arrow::datatypes::Field>, _)| {
                Ok((field.name().clone(), json(column, row)?))
            };
            let members = fields.iter().zip(columns.map(|column| &**column)).map(member);
            Value::Object(members.collect::<Result<Map<_, _>, LakeError>>()?)
        }
        _ => Value::from(
            ArrayFormatter::try_new(array, &FormatOptions::default())?.value(row).to_string(),
        ),
    })
}

fn list(items: &dyn Array) -> Result<Value, LakeError> {
    (0..items.len()).map(|row| json(items, row)).collect()
}

fn whole(number: i64) -> Value {
    if number.unsigned_abs() <= EXACT_MAX { number.into() } else { number.to_string().into() }
}

fn counted(number: u64) -> Value {
    if number <= EXACT_MAX { number.into() } else { number.to_string().into() }
}

fn instant(array: &dyn Array, unit: TimeUnit, row: usize) -> UnixMillis {
    UnixMillis(match unit {
        TimeUnit::Second => {
            array.as_primitive::<TimestampSecondType>().value(row).saturating_mul(1_000)
        }
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000)
        }
        TimeUnit::Nanosecond => {
            array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000_000)
        }
    })
}
