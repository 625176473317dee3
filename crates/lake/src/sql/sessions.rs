//! The table `sessions_all`: the rows that hold, of the files and beside them.
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DFSchema, ScalarValue},
    datasource::{
        TableType,
        listing::PartitionedFile,
        memory::MemorySourceConfig,
        object_store::ObjectStoreUrl,
        physical_plan::{
            FileGroup, FileScanConfigBuilder, ParquetSource, parquet::ParquetRowSelection,
        },
        source::DataSourceExec,
    },
    error::{DataFusionError, Result},
    logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, utils::conjunction},
    physical_plan::{
        ExecutionPlan, empty::EmptyExec, streaming::StreamingTableExec, union::UnionExec,
    },
};
use sessionary_core::id::SessionId;

use super::{
    Tables,
    context::Asked,
    one::{self, One},
    ranges::{Name, Readers},
    standing::Chosen,
    stream::{Pages, off_thread},
};
use crate::{files::Listed, sessions::SessionRows};

/// Sessions of one page.
const PAGE: usize = 256;

/// The sessions of the source of a query, as they stand when they are first asked for in it.
#[derive(Clone)]
pub(super) struct SessionsTable {
    schema: SchemaRef,
}

impl std::fmt::Debug for SessionsTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionsTable")
    }
}

impl SessionsTable {
    pub(super) fn new() -> SessionsTable {
        SessionsTable { schema: SessionRows::new().schema() }
    }

    fn files(
        &self,
        state: &dyn Session,
        asked: &Asked,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        files: &[Chosen],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = state.table_options().parquet.clone();
        let mut parquet = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(Readers(Arc::clone(&asked.source.files))));
        if let Some(filter) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
            parquet = parquet.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let groups = FileGroup::new(files.iter().map(partitioned).collect())
            .split_files(state.config().target_partitions());
        let scan =
            FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(parquet))
                .with_file_groups(groups)
                .with_projection_indices(projection.cloned())?
                .build();
        Ok(DataSourceExec::from_data_source(scan))
    }

    /// The row of one session, if there is such a session.
    async fn one(
        &self,
        asked: &Asked,
        id: SessionId,
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (source, schema) = (asked.source.clone(), Arc::clone(&self.schema));
        match off_thread(move || one::find(&source, id, &schema)).await? {
            One::Nowhere => self.none(projection),
            One::Beside => self.live(&asked.source.tables, projection, vec![id]),
            One::InFile(row) => {
                let rows = [vec![row]];
                let schema = Arc::clone(&self.schema);
                Ok(MemorySourceConfig::try_new_exec(&rows, schema, projection.cloned())?)
            }
        }
    }

    fn none(&self, projection: Option<&Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(wanted) => Arc::new(self.schema.project(wanted)?),
            None => Arc::clone(&self.schema),
        };
        Ok(Arc::new(EmptyExec::new(schema)))
    }

    fn live(
        &self,
        tables: &Arc<dyn Tables>,
        projection: Option<&Vec<usize>>,
        ids: Vec<SessionId>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (tables, ids) = (Arc::clone(tables), Arc::new(ids));
        let read = move |from: usize| {
            let page = ids.get(from..ids.len().min(from + PAGE)).unwrap_or_default();
            if page.is_empty() {
                return Ok(None);
            }
            Ok(Some((tables.sessions(page)?, from + PAGE)))
        };
        let pages = Arc::new(Pages { schema: Arc::clone(&self.schema), first: 0, read });
        let schema = Arc::clone(&self.schema);
        let plan = StreamingTableExec::try_new(schema, vec![pages], projection, [], false, None)?;
        Ok(Arc::new(plan))
    }
}

#[async_trait]
impl TableProvider for SessionsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Conditions keep row groups from being read; what they let through is looked at again.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let asked = Asked::of(state)?;
        if let Some(id) = only(filters, "id").filter(|_| asked.told().is_none()) {
            return self.one(&asked, id, projection).await;
        }
        let standing = asked.standing().await?;
        let mut parts = Vec::new();
        if !standing.files.is_empty() {
            parts.push(self.files(state, &asked, projection, filters, &standing.files)?);
        }
        let mut live = standing.live.clone();
        if let Some(only) = only(filters, "id") {
            live.retain(|id| *id == only);
        }
        if !live.is_empty() {
            parts.push(self.live(&asked.source.tables, projection, live)?);
        }
        match parts.len() {
            0 => self.none(projection),
            1 => parts.pop().ok_or_else(|| DataFusionError::Internal("one part".to_owned())),
            _ => UnionExec::try_new(parts),
        }
    }
}

fn partitioned(file: &Chosen) -> PartitionedFile {
    let Listed { name, bytes } = &file.file;
    let partitioned = PartitionedFile::new(name.clone(), *bytes).with_extension(Name(name.clone()));
    match file.selection() {
        Some(selection) => partitioned.with_extension(ParquetRowSelection::new(selection)),
        None => partitioned,
    }
}

/// The one session that conditions leave: that of `column = 'id'`.
pub(super) fn only(filters: &[Expr], column: &str) -> Option<SessionId> {
    filters.iter().find_map(|filter| {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else {
            return None;
        };
        let ((Expr::Column(name), Expr::Literal(text, _))
        | (Expr::Literal(text, _), Expr::Column(name))) = (&**left, &**right)
        else {
            return None;
        };
        let (ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text))) = text else {
            return None;
        };
        // Another spelling of the id is another text, which the condition itself refuses.
        (name.name == column).then(|| SessionId::parse(text)).flatten()
    })
}
