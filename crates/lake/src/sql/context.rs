//! A session of the engine for one query of one source.
use std::sync::Arc;

use datafusion::{
    catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider},
    datasource::ViewTable,
    error::DataFusionError,
    execution::{SessionStateBuilder, runtime_env::RuntimeEnv},
    prelude::{SessionConfig, SessionContext},
};

use super::{
    Source, functions, paged::PagedTable, sessions::SessionsTable, views, yielding::Yielding,
};
use crate::tables::Table;

/// The names before a table's name.
pub(super) const CATALOG: &str = "sessionary";
pub(super) const SCHEMA: &str = "public";
/// The names of the tables.
pub(super) fn names() -> Vec<String> {
    views::described().into_iter().map(|table| table.name).collect()
}

/// A session of the engine in which nothing has a name but the tables of one source.
pub(super) async fn context(
    env: Arc<RuntimeEnv>,
    source: Source,
    partitions: usize,
) -> Result<(SessionContext, SessionsTable), DataFusionError> {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(partitions);
    config.options_mut().sql_parser.collect_spans = true;
    // Kept back for spilling, which is off: the disk is for signals.
    config.options_mut().execution.sort_spill_reservation_bytes = 0;
    let state = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(env)
        .with_physical_optimizer_rule(Arc::new(Yielding))
        .build();
    let context = SessionContext::new_with_state(state);
    functions::settle(&context);
    let (catalog, schema) = (MemoryCatalogProvider::new(), Arc::new(MemorySchemaProvider::new()));
    let sessions = SessionsTable::new(source.clone());
    schema.register_table(views::ALL.to_owned(), Arc::new(sessions.clone()))?;
    for table in Table::ALL {
        let paged = PagedTable::new(source.clone(), table);
        schema.register_table(table.name().to_owned(), Arc::new(paged))?;
    }
    let of_schema: Arc<dyn SchemaProvider> = Arc::<MemorySchemaProvider>::clone(&schema);
    catalog.register_schema(SCHEMA, of_schema)?;
    context.register_catalog(CATALOG, Arc::new(catalog));
    for (name, text) in views::views() {
        let plan = context.state().create_logical_plan(&text).await?;
        schema.register_table(name, Arc::new(ViewTable::new(plan, Some(text))))?;
    }
    Ok((context, sessions))
}
