//! Tables of the system's catalog as clients expect them: columns with the types that the answers have,
//! and not those that they have in memory; lists where clients look for lists.
use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, Int16Array, Int32Array, RecordBatch, new_null_array},
    datatypes::{DataType, Field, Int16Type, Int32Type, Schema},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{MemTable, SchemaProvider, TableProvider},
    error::{DataFusionError, Result},
    prelude::SessionContext,
};
use pgwire::api::Type;

use super::telling;
use crate::sql::context::{CATALOG, SCHEMA};

const SYSTEM: &str = "pg_catalog";

/// The catalog of the system, of which some tables are others.
#[derive(Debug)]
struct System {
    all: Arc<dyn SchemaProvider>,
    others: HashMap<&'static str, Arc<dyn TableProvider>>,
}

#[async_trait]
impl SchemaProvider for System {
    fn table_names(&self) -> Vec<String> {
        self.all.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(other) = self.others.get(name) {
            return Ok(Some(Arc::clone(other)));
        }
        self.all.table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.others.contains_key(name) || self.all.table_exist(name)
    }
}

/// Puts tables where others stand. What they tell of is made once, so they are, too.
pub(super) async fn settle(base: &SessionContext) -> Result<()> {
    let none = || DataFusionError::Internal("there is no catalog".to_owned());
    let catalog = base.catalog(CATALOG).ok_or_else(none)?;
    let types = types(base).await?;
    let attributes = rows_of(base, "pg_attribute").await?;
    let attributes: Result<Vec<_>> = attributes.iter().map(|batch| typed(batch, &types)).collect();
    let classes = rows_of(base, "pg_class").await?;
    let classes: Result<Vec<_>> = classes.iter().map(with_options).collect();
    let others = HashMap::from([
        ("pg_attribute", table(attributes?)?),
        ("pg_class", table(classes?)?),
        ("pg_constraint", without_rows(base, "pg_constraint", &["conkey", "confkey"]).await?),
        ("pg_cursors", empty(&["name", "statement"])?),
        ("pg_prepared_statements", empty(&["name", "statement"])?),
        ("pg_index", without_rows(base, "pg_index", &INDEX_LISTS).await?),
    ]);
    let all = catalog.schema(SYSTEM).ok_or_else(none)?;
    catalog.register_schema(SYSTEM, Arc::new(System { all, others }))?;
    Ok(())
}

const INDEX_LISTS: [&str; 4] = ["indkey", "indoption", "indclass", "indcollation"];

async fn rows_of(base: &SessionContext, name: &str) -> Result<Vec<RecordBatch>> {
    base.table(format!("{SYSTEM}.{name}")).await?.collect().await
}

fn table(batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    let none = || DataFusionError::Internal("a table of the catalog has no rows".to_owned());
    let schema = batches.first().ok_or_else(none)?.schema();
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}

/// A table of texts without a row. Cursors and statements are a connection's own, and it knows them.
fn empty(names: &[&str]) -> Result<Arc<dyn TableProvider>> {
    let fields = names.iter().map(|name| Field::new(*name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![]])?))
}

/// A table of which nothing here has rows, with lists where clients look for lists.
async fn without_rows(
    base: &SessionContext,
    name: &str,
    lists: &[&str],
) -> Result<Arc<dyn TableProvider>> {
    let schema = base.table(format!("{SYSTEM}.{name}")).await?.schema().as_arrow().clone();
    let fields = schema.fields().iter().map(|field| {
        let field = Field::clone(field);
        if lists.contains(&field.name().as_str()) {
            field.with_data_type(DataType::new_list(DataType::Int16, true))
        } else {
            field
        }
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![]])?))
}

/// What clients ask of tables and the catalog lacks: options and rights, of which there are none.
fn with_options(batch: &RecordBatch) -> Result<RecordBatch> {
    let texts = DataType::new_list(DataType::Utf8, true);
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    for name in ["reloptions", "relacl"] {
        if batch.column_by_name(name).is_none() {
            fields.push(Arc::new(Field::new(name, texts.clone(), true)));
            columns.push(new_null_array(&texts, batch.num_rows()));
        }
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The types of the columns of each table, by its number.
async fn types(base: &SessionContext) -> Result<HashMap<i32, Arc<[Type]>>> {
    let none = || DataFusionError::Internal("there is no catalog".to_owned());
    let public =
        base.catalog(CATALOG).and_then(|catalog| catalog.schema(SCHEMA)).ok_or_else(none)?;
    let numbered = base
        .sql(
            "SELECT c.oid, c.relname FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'",
        )
        .await?;
    let mut types = HashMap::new();
    for batch in numbered.collect().await? {
        let numbers = batch.column(0).as_primitive::<Int32Type>();
        let names = arrow::compute::cast(batch.column(1), &DataType::Utf8)?;
        for (number, name) in numbers.iter().zip(names.as_string::<i32>()) {
            let (Some(number), Some(name)) = (number, name) else { continue };
            if let Some(table) = public.table(name).await? {
                types.insert(number, telling::told(&table.schema()).1);
            }
        }
    }
    Ok(types)
}

/// The rows of the tables' columns with their types; everything may be null.
fn typed(batch: &RecordBatch, types: &HashMap<i32, Arc<[Type]>>) -> Result<RecordBatch> {
    let none = |name: &str| DataFusionError::Internal(format!("there is no column {name}"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| none(name));
    let tables = column("attrelid")?.as_primitive::<Int32Type>();
    let places = column("attnum")?.as_primitive::<Int16Type>();
    let of: Vec<Option<&Type>> = (0..batch.num_rows())
        .map(|row| {
            let place = usize::try_from(places.value(row)).ok()?.checked_sub(1)?;
            types.get(&tables.value(row))?.get(place)
        })
        .collect();
    let number = |kind: &Type| i32::try_from(kind.oid()).unwrap_or(0);
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let row = of.iter().copied().enumerate();
        columns.push(match field.name().as_str() {
            "atttypid" => {
                let before = column.as_primitive::<Int32Type>();
                let one = |(row, kind): (usize, Option<&Type>)| {
                    Some(kind.map_or_else(|| before.value(row), number))
                };
                Arc::new(row.map(one).collect::<Int32Array>())
            }
            "attlen" => {
                let before = column.as_primitive::<Int16Type>();
                let one = |(row, kind): (usize, Option<&Type>)| {
                    Some(kind.map_or_else(|| before.value(row), telling::width))
                };
                Arc::new(row.map(one).collect::<Int16Array>())
            }
            "attnotnull" => {
                let before = column.as_boolean();
                let one =
                    |(row, kind): (usize, Option<&Type>)| Some(kind.is_none() && before.value(row));
                Arc::new(row.map(one).collect::<BooleanArray>())
            }
            _ => Arc::clone(column),
        });
    }
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
