//! The session that statements begin from: the tables, and the catalog that tells of them.
//!
//! The tables are the same for every tenant, and so is what the catalog tells: it is made once.
use std::sync::Arc;

use datafusion::{
    error::DataFusionError, execution::runtime_env::RuntimeEnv, prelude::SessionContext,
};
use datafusion_pg_catalog::pg_catalog::{context::EmptyContextProvider, setup_pg_catalog};

use super::{functions, information, relations, system};
use crate::sql::{context, context::CATALOG, functions as of_sql};

pub(super) async fn base(
    env: Arc<RuntimeEnv>,
    partitions: usize,
) -> Result<SessionContext, DataFusionError> {
    let base = context::base(env, partitions).await?;
    setup_pg_catalog(&base, CATALOG, EmptyContextProvider).map_err(|error| *error)?;
    relations::settle(&base).await?;
    system::settle(&base).await?;
    information::replace(&base).await?;
    // Once more, for what the catalog brought along.
    of_sql::settle(&base);
    functions::of_all(&base);
    functions::visible(&base).await?;
    Ok(base)
}
