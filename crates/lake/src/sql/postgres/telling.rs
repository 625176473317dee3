//! Columns of an answer as the wire tells them: of which type each is, and of which it becomes first.
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_pg::datatypes::field_into_pg_type;
use pgwire::api::{Type, portal::Format, results::FieldFormat};

/// The columns with the types that they are given before they are written, and their types on the
/// wire.
pub(super) fn told(schema: &Schema) -> (SchemaRef, Arc<[Type]>) {
    let fields: Vec<Field> = schema.fields().iter().map(|field| field_of(field)).collect();
    let wire = fields.iter().map(wire).collect();
    (Arc::new(Schema::new(fields)), wire)
}

fn field_of(field: &Field) -> Field {
    let kind = settled(field.data_type());
    Field::new(field.name(), kind, true).with_metadata(field.metadata().clone())
}

/// The type that a column is cast to.
fn settled(kind: &DataType) -> DataType {
    match kind {
        DataType::Null | DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Dictionary(_, value) => settled(value),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal256(_, scale) => DataType::Decimal128(38, *scale),
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("UTC".into())),
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::List(Arc::clone(item))
        }
        other => other.clone(),
    }
}

/// The type on the wire of a column that is settled.
fn wire(field: &Field) -> Type {
    if is_json(field.data_type()) {
        return Type::JSONB;
    }
    match field.data_type() {
        DataType::FixedSizeBinary(_) => Type::TEXT,
        _ => field_into_pg_type(&Arc::new(field.clone())).unwrap_or(Type::TEXT),
    }
}

/// Whether a column is told as JSON: objects and lists of them.
pub(super) fn is_json(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(_)
        | DataType::Map(..)
        | DataType::Union(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => true,
        DataType::List(item) => {
            let item = item.data_type();
            item.is_nested()
                || matches!(item, DataType::FixedSizeBinary(_) | DataType::Dictionary(..))
        }
        _ => false,
    }
}

/// Bytes of every value of a type; -1: they differ.
pub(super) fn width(wire: &Type) -> i16 {
    match *wire {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}

/// The format of a column; text where none is named.
pub(super) fn format_for(format: &Format, at: usize) -> FieldFormat {
    match format {
        Format::UnifiedText => FieldFormat::Text,
        Format::UnifiedBinary => FieldFormat::Binary,
        Format::Individual(codes) => FieldFormat::from(codes.get(at).copied().unwrap_or(0)),
    }
}
