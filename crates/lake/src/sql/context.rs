//! Sessions of the engine: one that knows the tables, and for each query a copy of it that knows of
//! which source they are asked.
//!
//! Tables have no rows of their own. They read the source that stands in the session of the query
//! which scans them, so a query reaches the rows of its own source and no others, and what is the same
//! for all of them is made once.
use std::sync::Arc;

use datafusion::{
    catalog::{
        CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, Session,
    },
    datasource::ViewTable,
    error::DataFusionError,
    execution::{SessionState, SessionStateBuilder, runtime_env::RuntimeEnv},
    prelude::{SessionConfig, SessionContext},
};
use tokio::sync::OnceCell;

use super::{
    Source, functions,
    paged::PagedTable,
    sessions::SessionsTable,
    standing::{self, Standing},
    stream::off_thread,
    views,
    yielding::Yielding,
};
use crate::tables::Table;

/// The names before a table's name.
pub(super) const CATALOG: &str = "sessionary";
pub(super) const SCHEMA: &str = "public";
/// The names of the tables.
pub(super) fn names() -> Vec<String> {
    views::described().into_iter().map(|table| table.name).collect()
}

/// What one query is asked of: in the session of that query, and nowhere else.
pub(super) struct Asked {
    pub(super) source: Source,
    standing: OnceCell<Arc<Standing>>,
}

impl Asked {
    pub(super) fn new(source: Source) -> Asked {
        Asked { source, standing: OnceCell::new() }
    }

    /// What the query of a session is asked of.
    pub(super) fn of(session: &dyn Session) -> Result<Arc<Asked>, DataFusionError> {
        let none = || DataFusionError::Internal("a table is read without a source".to_owned());
        session.config().get_extension::<Asked>().ok_or_else(none)
    }

    /// The rows that hold: found once, so that a table that is named twice is one and the same.
    pub(super) async fn standing(&self) -> Result<Arc<Standing>, DataFusionError> {
        let find = || async {
            let source = self.source.clone();
            off_thread(move || standing::find(&source)).await.map(Arc::new)
        };
        self.standing.get_or_try_init(find).await.map(Arc::clone)
    }

    /// The rows that hold, if anything has asked for them.
    pub(super) fn told(&self) -> Option<&Standing> {
        self.standing.get().map(|standing| &**standing)
    }
}

/// A session of the engine in which nothing has a name but the tables.
pub(super) async fn base(
    env: Arc<RuntimeEnv>,
    partitions: usize,
) -> Result<SessionContext, DataFusionError> {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(partitions);
    config.options_mut().sql_parser.collect_spans = true;
    // Instants have a zone: those that functions tell, too.
    config.options_mut().execution.time_zone = Some("UTC".to_owned());
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
    schema.register_table(views::ALL.to_owned(), Arc::new(SessionsTable::new()))?;
    for table in Table::ALL {
        schema.register_table(table.name().to_owned(), Arc::new(PagedTable::new(table)))?;
    }
    let of_schema: Arc<dyn SchemaProvider> = Arc::<MemorySchemaProvider>::clone(&schema);
    catalog.register_schema(SCHEMA, of_schema)?;
    context.register_catalog(CATALOG, Arc::new(catalog));
    for (name, text) in views::views() {
        let plan = context.state().create_logical_plan(&text).await?;
        schema.register_table(name, Arc::new(ViewTable::new(plan, Some(text))))?;
    }
    Ok(context)
}

/// The session of one query.
pub(super) fn asking(base: &SessionContext, asked: Arc<Asked>) -> SessionState {
    let mut state = base.state();
    state.config_mut().set_extension(asked);
    state
}
