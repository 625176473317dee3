//! Table functions: the product's own questions over the rows of any query.
//!
//! `funnel('SELECT who, when, what …', '7d', 'view', 'order')` reads the rows of the query in its first
//! argument, whose columns count by their places, and answers with the operator that the reports use.
//! The query is checked and planned as any other, in the session of the query around it.
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider},
    common::ScalarValue,
    datasource::TableType,
    error::{DataFusionError, Result},
    execution::session_state::SessionState,
    logical_expr::Expr,
    physical_plan::{ExecutionPlan, streaming::StreamingTableExec},
    prelude::SessionContext,
};

use super::{QueryError, check, context::names};

mod call;
mod run;

use call::Call;
pub use call::{Told, told};
use run::Answering;

/// Gives a session the functions.
pub(super) fn settle(context: &SessionContext) {
    for function in told() {
        context.register_udtf(function.name, Arc::new(Function(function.name)));
    }
}

#[derive(Debug)]
struct Function(&'static str);

impl TableFunctionImpl for Function {
    fn call_with_args(&self, given: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let mut values = Vec::new();
        for expression in given.exprs() {
            let Expr::Literal(value, _) = expression else {
                return Err(wrong(self.0, "takes plain values, the first a query as text"));
            };
            values.push(value.clone());
        }
        let Some((ScalarValue::Utf8(Some(sql)), rest)) = values.split_first() else {
            return Err(wrong(self.0, "takes a query as text first"));
        };
        let call = Call::read(self.0, rest).map_err(|detail| wrong(self.0, &detail))?;
        Ok(Arc::new(Asking { name: self.0, sql: sql.clone(), schema: call.schema(), call }))
    }
}

/// What is wrong with a call, and how the function is called.
fn wrong(name: &str, detail: &str) -> DataFusionError {
    let function = told().into_iter().find(|function| function.name == name);
    let form = function.map_or_else(String::new, |function| function.form());
    DataFusionError::Plan(format!("{name} {detail}; it is called as {form}"))
}

/// A call, as a table.
#[derive(Debug)]
struct Asking {
    name: &'static str,
    sql: String,
    call: Call,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for Asking {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let inner = |error: QueryError| {
            DataFusionError::Plan(format!("in the query of {}: {error}", self.name))
        };
        let session = state.as_any().downcast_ref::<SessionState>();
        let session = session
            .ok_or_else(|| DataFusionError::Internal("a session of another kind".to_owned()))?;
        let plan = check::plan(session, &self.sql, &names()).await.map_err(inner)?;
        let rows = session.create_physical_plan(&plan).await?;
        let call = self.call.over(&rows.schema()).map_err(|detail| wrong(self.name, &detail))?;
        let answering = Answering { schema: self.schema(), rows, call };
        let schema = self.schema();
        let parts: Vec<Arc<_>> = vec![Arc::new(answering)];
        let parts = parts.into_iter().map(|part| part as _).collect();
        let plan = StreamingTableExec::try_new(schema, parts, projection, [], false, None)?;
        Ok(Arc::new(plan))
    }
}
