//! Rows as the wire has them.
use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::cast,
    datatypes::{
        DataType, Decimal128Type, Field, SchemaRef, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    },
};
use arrow_pg::encoder::encode_value;
use pgwire::{
    api::results::{DataRowEncoder, FieldInfo},
    error::PgWireError,
    messages::data::DataRow,
};

use super::{
    Bound, Prepared,
    telling::is_json,
    values::{Digits, Instant, Json, Numeric},
};
use crate::{
    LakeError,
    sql::{QueryError, cells},
};

/// How the rows of one answer are written.
pub(super) struct Encoding {
    schema: SchemaRef,
    fields: Arc<Vec<FieldInfo>>,
}

impl Encoding {
    pub(super) fn new(prepared: &Prepared, bound: &Bound) -> Encoding {
        let fields = Arc::new(prepared.fields(&bound.format));
        Encoding { schema: Arc::clone(&prepared.schema), fields }
    }

    /// Rows with the types that were told beforehand.
    pub(super) fn settle(&self, batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let one = |(column, field): (&ArrayRef, &Arc<Field>)| {
            let kind = field.data_type();
            if column.data_type() == kind { Ok(Arc::clone(column)) } else { cast(column, kind) }
        };
        let columns = columns.map(one).collect::<Result<Vec<_>, _>>().map_err(LakeError::from)?;
        let options =
            arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(&self.schema);
        let settled = RecordBatch::try_new_with_options(schema, columns, &options);
        Ok(settled.map_err(LakeError::from)?)
    }

    /// The rows of a batch that is settled.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<Vec<DataRow>, QueryError> {
        let mut encoder = DataRowEncoder::new(Arc::clone(&self.fields));
        let mut rows = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let columns = batch.columns().iter().zip(self.schema.fields()).zip(self.fields.iter());
            for ((column, field), info) in columns {
                cell(&mut encoder, column, row, field, info)?;
            }
            rows.push(encoder.take_row());
        }
        Ok(rows)
    }
}

fn cell(
    encoder: &mut DataRowEncoder,
    column: &ArrayRef,
    row: usize,
    field: &Field,
    info: &FieldInfo,
) -> Result<(), QueryError> {
    let is_null = column.is_null(row);
    let written = match column.data_type() {
        kind if is_json(kind) => {
            let text = cells::json(&**column, row)?;
            encoder.encode_field(&(!is_null).then(|| Json(text.to_string())))
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = column.as_fixed_size_binary();
            encoder.encode_field(&(!is_null).then(|| Digits(bytes.value(row))))
        }
        DataType::Decimal128(_, scale) => {
            let value = column.as_primitive::<Decimal128Type>();
            encoder.encode_field(&(!is_null).then(|| Numeric::new(value.value(row), *scale)))
        }
        DataType::Timestamp(unit, Some(_)) => {
            encoder.encode_field(&(!is_null).then(|| Instant(micros(column, *unit, row))))
        }
        _ => encode_value(encoder, column, row, field, info),
    };
    written.map_err(|error| told(&error, field))
}

fn told(error: &PgWireError, field: &Field) -> QueryError {
    let name = field.name();
    QueryError::Wrong(format!("a value of the column `{name}` cannot be told: {error}"))
}

/// Microseconds since 1970.
fn micros(column: &ArrayRef, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => {
            column.as_primitive::<TimestampSecondType>().value(row).saturating_mul(1_000_000)
        }
        TimeUnit::Millisecond => {
            column.as_primitive::<TimestampMillisecondType>().value(row).saturating_mul(1_000)
        }
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => {
            column.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000)
        }
    }
}
