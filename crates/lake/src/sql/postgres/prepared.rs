//! A query that is planned once and answered any number of times.
use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::{
    common::ParamValues,
    error::DataFusionError,
    logical_expr::LogicalPlan,
    prelude::SessionContext,
    scalar::ScalarValue,
    sql::{parser::Statement as Parsed, sqlparser::ast::Statement},
};
use pgwire::api::{Type, portal::Format, results::FieldInfo};

use super::{Bound, functions, naming, parameters::Parameter, rewriting, telling};
use crate::sql::{QueryError, check, context::names};

/// On whose behalf a query is prepared, for functions that tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    /// The name that the client gave: the tenant's.
    pub user: String,
    /// What the client sees of its settings.
    pub settings: BTreeMap<String, String>,
    /// The number of the connection.
    pub process: i32,
}

/// A query, planned.
#[derive(Clone, Debug)]
pub struct Prepared {
    plan: Arc<LogicalPlan>,
    pub(super) parameters: Arc<[Parameter]>,
    /// The columns of its answer, as the wire tells them.
    pub(super) schema: SchemaRef,
    wire: Arc<[Type]>,
}

impl Prepared {
    /// The types of its parameters on the wire, in order.
    pub fn parameter_types(&self) -> Vec<Type> {
        self.parameters.iter().map(|parameter| parameter.wire.clone()).collect()
    }

    /// The columns of its answer in a format.
    pub fn fields(&self, format: &Format) -> Vec<FieldInfo> {
        let columns = self.schema.fields().iter().zip(self.wire.iter()).enumerate();
        let field = |(at, (field, wire)): (usize, (&Arc<Field>, &Type))| {
            let format = telling::format_for(format, at);
            let told = FieldInfo::new(
                naming::seen(field.name()).to_owned(),
                None,
                None,
                wire.clone(),
                format,
            );
            told.with_type_size(telling::width(wire))
        };
        columns.map(field).collect()
    }

    /// The plan with values for its parameters.
    pub(super) fn plan(&self, bound: &Bound) -> Result<LogicalPlan, QueryError> {
        let plan = LogicalPlan::clone(&self.plan);
        if self.parameters.is_empty() {
            return Ok(plan);
        }
        plan.replace_params_with_values(&bound.values).map_err(|error| told(&error))
    }
}

fn told(error: &DataFusionError) -> QueryError {
    QueryError::of(error, &names())
}

/// Plans a query in a session of its own.
pub(super) async fn prepare(
    base: &SessionContext,
    mut statement: Statement,
    who: &Arc<Who>,
    mut declared: Vec<Option<Type>>,
) -> Result<Prepared, QueryError> {
    let mut state = base.state();
    functions::of_whom(&mut state, who).map_err(|error| told(&error))?;
    rewriting::rewrite(&mut statement, &mut declared);
    let statement = Parsed::Statement(Box::new(statement));
    let plan = check::plan_of(&state, statement, &names()).await?;
    let parameters = Parameter::all(&plan, &declared)?;
    let schema = schema(&plan, &parameters)?;
    let (schema, wire) = telling::told(&schema);
    Ok(Prepared { plan: Arc::new(plan), parameters: parameters.into(), schema, wire })
}

/// The columns of the answer. What type a parameter gives to a column is known when it stands there as
/// nothing of its type.
fn schema(plan: &LogicalPlan, parameters: &[Parameter]) -> Result<Schema, QueryError> {
    if parameters.is_empty() {
        return Ok(plan.schema().as_arrow().clone());
    }
    let nothing = |parameter: &Parameter| {
        ScalarValue::try_from(&parameter.target).unwrap_or(ScalarValue::Utf8(None))
    };
    let values: Vec<ScalarValue> = parameters.iter().map(nothing).collect();
    let plan = plan
        .clone()
        .replace_params_with_values(&ParamValues::from(values))
        .map_err(|error| told(&error))?;
    Ok(plan.schema().as_arrow().clone())
}
