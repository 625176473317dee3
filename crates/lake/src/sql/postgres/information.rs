//! `information_schema` with the words of `PostgreSQL`: clients look for its names of types.
use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Int32Array, RecordBatch, StringArray, new_null_array},
    datatypes::{DataType, Field, Schema},
};
use datafusion::{
    catalog::{MemTable, MemorySchemaProvider, SchemaProvider, TableProvider},
    datasource::TableType,
    error::{DataFusionError, Result},
    prelude::SessionContext,
};
use pgwire::api::Type;

use super::telling;
use crate::sql::context::{CATALOG, SCHEMA};

const NAME: &str = "information_schema";

/// One column of a table.
struct Column {
    table: String,
    number: i32,
    name: String,
    wire: Type,
}

/// Puts it where the engine's own stands, whose words are those of columns in memory.
pub(super) async fn replace(base: &SessionContext) -> Result<()> {
    let none = || DataFusionError::Internal("there is no catalog".to_owned());
    let catalog = base.catalog(CATALOG).ok_or_else(none)?;
    let public = catalog.schema(SCHEMA).ok_or_else(none)?;
    let (mut tables, mut columns) = (Vec::new(), Vec::new());
    let mut names = public.table_names();
    names.sort_unstable();
    for name in names {
        let Some(table) = public.table(&name).await? else { continue };
        columns.append(&mut columns_of(&name, &*table));
        tables.push((name, table.table_type()));
    }
    let schema = MemorySchemaProvider::new();
    for (name, table) in [
        ("tables", told_tables(&tables)?),
        ("views", told_views(&tables)?),
        ("columns", told_columns(&columns)?),
        ("schemata", told_schemata()?),
    ] {
        schema.register_table(name.to_owned(), table)?;
    }
    for (name, columns) in EMPTY {
        let texts = columns.iter().map(|name| (*name, texts(std::iter::empty::<&str>())));
        schema.register_table(name.to_owned(), table(texts.collect())?)?;
    }
    base.state_ref().write().config_mut().options_mut().catalog.information_schema = false;
    catalog.register_schema(NAME, Arc::new(schema))?;
    Ok(())
}

fn columns_of(table: &str, provider: &dyn TableProvider) -> Vec<Column> {
    let (schema, wire) = telling::told(&provider.schema());
    let fields = schema.fields().iter().zip(wire.iter()).zip(1..);
    let column = |((field, wire), number): ((&Arc<Field>, &Type), i32)| Column {
        table: table.to_owned(),
        number,
        name: field.name().clone(),
        wire: wire.clone(),
    };
    fields.map(column).collect()
}

/// What is asked for and has no rows here.
const EMPTY: [(&str, &[&str]); 6] = [
    (
        "table_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "constraint_type",
            "is_deferrable",
            "initially_deferred",
        ],
    ),
    (
        "key_column_usage",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
            "position_in_unique_constraint",
        ],
    ),
    (
        "constraint_column_usage",
        &[
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
        ],
    ),
    (
        "referential_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_catalog",
            "unique_constraint_schema",
            "unique_constraint_name",
            "match_option",
            "update_rule",
            "delete_rule",
        ],
    ),
    (
        "routines",
        &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "routine_catalog",
            "routine_schema",
            "routine_name",
            "routine_type",
            "data_type",
        ],
    ),
    ("sequences", &["sequence_catalog", "sequence_schema", "sequence_name", "data_type"]),
];

type Named = (&'static str, ArrayRef);

fn table(columns: Vec<Named>) -> Result<Arc<dyn TableProvider>> {
    let field = |(name, column): &Named| Field::new(*name, column.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

fn texts<T: Into<String>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values.map(Into::into)))
}

fn same(value: &str, rows: usize) -> ArrayRef {
    texts(std::iter::repeat_n(value, rows))
}

fn told_tables(tables: &[(String, TableType)]) -> Result<Arc<dyn TableProvider>> {
    let rows = tables.len();
    let kind = |kind: TableType| if kind == TableType::View { "VIEW" } else { "BASE TABLE" };
    table(vec![
        ("table_catalog", same(CATALOG, rows)),
        ("table_schema", same(SCHEMA, rows)),
        ("table_name", texts(tables.iter().map(|(name, _)| name.as_str()))),
        ("table_type", texts(tables.iter().map(|(_, of)| kind(*of)))),
        ("is_insertable_into", same("NO", rows)),
        ("is_typed", same("NO", rows)),
    ])
}

fn told_views(tables: &[(String, TableType)]) -> Result<Arc<dyn TableProvider>> {
    let views = tables.iter().filter(|(_, kind)| *kind == TableType::View);
    let names: Vec<&str> = views.map(|(name, _)| name.as_str()).collect();
    let rows = names.len();
    table(vec![
        ("table_catalog", same(CATALOG, rows)),
        ("table_schema", same(SCHEMA, rows)),
        ("table_name", texts(names.into_iter())),
        ("view_definition", new_null_array(&DataType::Utf8, rows)),
        ("is_updatable", same("NO", rows)),
    ])
}

fn told_schemata() -> Result<Arc<dyn TableProvider>> {
    let names = [SCHEMA, "pg_catalog", NAME];
    table(vec![
        ("catalog_name", same(CATALOG, names.len())),
        ("schema_name", texts(names.into_iter())),
        ("schema_owner", same("postgres", names.len())),
    ])
}

fn told_columns(columns: &[Column]) -> Result<Arc<dyn TableProvider>> {
    let rows = columns.len();
    let digits = |of: fn(&Type) -> Option<i32>| -> ArrayRef {
        Arc::new(columns.iter().map(|column| of(&column.wire)).collect::<Int32Array>())
    };
    let precision = |wire: &Type| match *wire {
        Type::INT4 => Some(32),
        Type::INT8 => Some(64),
        Type::FLOAT8 => Some(53),
        Type::NUMERIC => Some(38),
        _ => None,
    };
    let behind = |wire: &Type| match *wire {
        Type::INT4 | Type::INT8 => Some(0),
        Type::NUMERIC => Some(9),
        _ => None,
    };
    table(vec![
        ("table_catalog", same(CATALOG, rows)),
        ("table_schema", same(SCHEMA, rows)),
        ("table_name", texts(columns.iter().map(|column| column.table.as_str()))),
        ("column_name", texts(columns.iter().map(|column| column.name.as_str()))),
        (
            "ordinal_position",
            Arc::new(columns.iter().map(|it| Some(it.number)).collect::<Int32Array>()),
        ),
        ("column_default", new_null_array(&DataType::Utf8, rows)),
        ("is_nullable", same("YES", rows)),
        ("data_type", texts(columns.iter().map(|column| word(&column.wire)))),
        ("character_maximum_length", new_null_array(&DataType::Int32, rows)),
        ("numeric_precision", digits(precision)),
        ("numeric_scale", digits(behind)),
        ("datetime_precision", digits(|wire| (*wire == Type::TIMESTAMPTZ).then_some(6))),
        ("udt_catalog", same(CATALOG, rows)),
        ("udt_schema", same("pg_catalog", rows)),
        ("udt_name", texts(columns.iter().map(|column| column.wire.name()))),
        ("is_identity", same("NO", rows)),
        ("is_generated", same("NEVER", rows)),
        ("is_updatable", same("NO", rows)),
    ])
}

/// The name that the standard has for a type.
fn word(wire: &Type) -> String {
    match *wire {
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::BOOL => "boolean",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::TIMESTAMP => "timestamp without time zone",
        Type::TIMESTAMPTZ => "timestamp with time zone",
        Type::TEXT_ARRAY => "ARRAY",
        ref other => other.name(),
    }
    .to_owned()
}
