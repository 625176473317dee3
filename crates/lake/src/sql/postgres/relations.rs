//! The tables of views, as clients look for tables: they ask for what is no view.
use std::{borrow::Cow, sync::Arc};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    datasource::TableType,
    error::{DataFusionError, Result},
    logical_expr::{Expr, LogicalPlan},
    physical_plan::ExecutionPlan,
    prelude::SessionContext,
};

use crate::sql::context::{CATALOG, SCHEMA};

/// A view that says it is a table.
#[derive(Debug)]
struct Relation(Arc<dyn TableProvider>);

/// Has every view of the tables say so.
pub(super) async fn settle(base: &SessionContext) -> Result<()> {
    let none = || DataFusionError::Internal("there is no catalog".to_owned());
    let public =
        base.catalog(CATALOG).and_then(|catalog| catalog.schema(SCHEMA)).ok_or_else(none)?;
    for name in public.table_names() {
        let Some(table) = public.table(&name).await? else { continue };
        if table.table_type() == TableType::View {
            public.deregister_table(&name)?;
            public.register_table(name, Arc::new(Relation(table)))?;
        }
    }
    Ok(())
}

#[async_trait]
impl TableProvider for Relation {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.0.get_logical_plan()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(state, projection, filters, limit).await
    }
}
