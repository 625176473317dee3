//! The tables beside the sessions, told session by session while a query runs.
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    datasource::TableType,
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::{ExecutionPlan, streaming::StreamingTableExec},
};
use sessionary_core::id::SessionId;

use super::{context::Asked, sessions::only, stream::Pages};
use crate::tables::{Table, TableRows};

/// One of the tables beside the sessions.
pub(super) struct PagedTable {
    table: Table,
    schema: SchemaRef,
}

impl std::fmt::Debug for PagedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.table.name())
    }
}

/// Where a page begins.
#[derive(Clone, Copy)]
enum Place {
    First,
    Below(SessionId),
    End,
}

impl PagedTable {
    pub(super) fn new(table: Table) -> PagedTable {
        PagedTable { table, schema: TableRows::new(table).schema() }
    }
}

#[async_trait]
impl TableProvider for PagedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let asked = Asked::of(session)?;
        let (tables, table) = (Arc::clone(&asked.source.tables), self.table);
        let only = only(filters, "session_id");
        let read = move |place| {
            let before = match place {
                Place::First => None,
                Place::Below(id) => Some(id),
                Place::End => return Ok(None),
            };
            let page = tables.page(table, only, before)?;
            Ok(Some((page.rows, page.next.map_or(Place::End, Place::Below))))
        };
        let pages = Arc::new(Pages { schema: self.schema(), first: Place::First, read });
        let schema = self.schema();
        let plan = StreamingTableExec::try_new(schema, vec![pages], projection, [], false, None)?;
        Ok(Arc::new(plan))
    }
}
