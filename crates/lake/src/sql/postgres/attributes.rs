//! `pg_attribute` with the types that the answers have: what it is made of tells columns in memory.
use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, Int16Array, Int32Array, RecordBatch},
    datatypes::{Int16Type, Int32Type},
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
const NAME: &str = "pg_attribute";

/// The catalog of the system, of which one table is another.
#[derive(Debug)]
struct System {
    all: Arc<dyn SchemaProvider>,
    attributes: Arc<dyn TableProvider>,
}

#[async_trait]
impl SchemaProvider for System {
    fn table_names(&self) -> Vec<String> {
        self.all.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name == NAME {
            return Ok(Some(Arc::clone(&self.attributes)));
        }
        self.all.table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.all.table_exist(name)
    }
}

/// Puts the table where the other stands. Everything is made once, so the table is, too.
pub(super) async fn settle(base: &SessionContext) -> Result<()> {
    let none = || DataFusionError::Internal("there is no catalog".to_owned());
    let catalog = base.catalog(CATALOG).ok_or_else(none)?;
    let types = types(base).await?;
    let table = base.table(format!("{SYSTEM}.{NAME}")).await?;
    let mut batches = Vec::new();
    for batch in table.collect().await? {
        batches.push(typed(&batch, &types)?);
    }
    let schema = batches.first().ok_or_else(none)?.schema();
    let attributes = Arc::new(MemTable::try_new(schema, vec![batches])?);
    let all = catalog.schema(SYSTEM).ok_or_else(none)?;
    catalog.register_schema(SYSTEM, Arc::new(System { all, attributes }))?;
    Ok(())
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
        let names = arrow::compute::cast(batch.column(1), &arrow::datatypes::DataType::Utf8)?;
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
        let row = of.iter().enumerate();
        columns.push(match field.name().as_str() {
            "atttypid" => {
                let before = column.as_primitive::<Int32Type>();
                let one = |(row, kind): (usize, &Option<&Type>)| {
                    Some(kind.map_or_else(|| before.value(row), number))
                };
                Arc::new(row.map(one).collect::<Int32Array>())
            }
            "attlen" => {
                let before = column.as_primitive::<Int16Type>();
                let one = |(row, kind): (usize, &Option<&Type>)| {
                    Some(kind.map_or_else(|| before.value(row), telling::width))
                };
                Arc::new(row.map(one).collect::<Int16Array>())
            }
            "attnotnull" => {
                let before = column.as_boolean();
                let one = |(row, kind): (usize, &Option<&Type>)| {
                    Some(kind.is_none() && before.value(row))
                };
                Arc::new(row.map(one).collect::<BooleanArray>())
            }
            _ => Arc::clone(column),
        });
    }
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
