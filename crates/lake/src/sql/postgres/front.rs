//! The desk as clients of `PostgreSQL` use it.
use std::{sync::Arc, time::Duration};

use arrow::array::RecordBatch;
use datafusion::{
    error::DataFusionError,
    execution::{SendableRecordBatchStream, runtime_env::RuntimeEnv},
    prelude::{DataFrame, SessionContext},
};
use futures::StreamExt;
use pgwire::messages::data::DataRow;
use tokio::sync::OnceCell;

use super::{Bound, Prepared, Query, Said, Who, catalog, encoding::Encoding, prepared, said};
use crate::sql::{
    Answer, Budget, Desk, QueryError, Source,
    answer::{Sender, too_late},
    context::{Asked, asking, names},
    desk::{begin, too_many},
};

/// How long a query waits for its turn: clients of this kind open several connections and ask on all
/// of them at once.
const TURN: Duration = Duration::from_secs(10);
/// Rows that are put into words at a time.
const ROWS: usize = 256;

/// What every statement begins from, made when the first one comes.
#[derive(Clone)]
pub(in crate::sql) struct Front {
    env: Arc<RuntimeEnv>,
    partitions: usize,
    base: Arc<OnceCell<SessionContext>>,
}

impl Front {
    pub(in crate::sql) fn new(env: Arc<RuntimeEnv>, partitions: usize) -> Front {
        Front { env, partitions, base: Arc::default() }
    }

    async fn base(&self) -> Result<&SessionContext, QueryError> {
        let make = || catalog::base(Arc::clone(&self.env), self.partitions);
        self.base.get_or_try_init(make).await.map_err(|error| told(&error))
    }
}

fn told(error: &DataFusionError) -> QueryError {
    QueryError::of(error, &names())
}

impl Desk {
    /// The statements of a text, as `PostgreSQL` reads it.
    ///
    /// # Errors
    /// It is no SQL, or longer than a query may be.
    pub async fn read(&self, text: String) -> Result<Vec<Said>, QueryError> {
        self.at_the_desk(async move { said::read(&text) }).await
    }

    /// A query, planned; `declared` are the types of parameters that the client names.
    ///
    /// # Errors
    /// It is not answered here, or names what there is not.
    pub async fn prepare(
        &self,
        query: Query,
        who: Arc<Who>,
        declared: Vec<Option<pgwire::api::Type>>,
    ) -> Result<Prepared, QueryError> {
        let front = self.front.clone();
        // In a place of its own: it holds a whole session of the engine.
        let work = Box::pin(async move {
            let base = front.base().await?;
            prepared::prepare(base, *query.0, &who, declared).await
        });
        self.at_the_desk(work).await
    }

    /// Begins to answer a query with rows as the wire has them, within `time` and the desk's own.
    ///
    /// # Errors
    /// [`QueryError::Busy`], when no turn came; everything else comes with the answer.
    pub async fn rows(
        &self,
        source: Source,
        prepared: &Prepared,
        bound: Bound,
        time: Option<Duration>,
    ) -> Result<Answer<Vec<DataRow>>, QueryError> {
        let busy = || QueryError::Busy { concurrent: self.budget.concurrent };
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.seats).acquire_owned()).await;
        let seat = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let runtime = self.runtime.as_ref().ok_or_else(busy)?;
        let time = time.map_or(self.budget.time, |time| time.min(self.budget.time));
        let (front, budget, prepared) = (self.front.clone(), self.budget, prepared.clone());
        let work = |sender| answer(front, source, prepared, bound, budget, sender);
        Ok(begin(runtime, seat, time, work))
    }

    /// Short work on the desk's threads, which have a stack for plans as deep as they may be.
    async fn at_the_desk<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let time = self.budget.time;
        let ended = || QueryError::Defect("it ended early".to_owned());
        let runtime = self.runtime.as_ref().ok_or_else(ended)?;
        let mut work = runtime.spawn(work);
        if let Ok(done) = tokio::time::timeout(time, &mut work).await {
            return done.map_err(|_| ended())?;
        }
        work.abort();
        Err(too_late(time))
    }
}

async fn answer(
    front: Front,
    source: Source,
    prepared: Prepared,
    bound: Bound,
    budget: Budget,
    sender: Sender<Vec<DataRow>>,
) -> Result<(), QueryError> {
    let state = asking(front.base().await?, Arc::new(Asked::new(source)));
    let plan = prepared.plan(&bound)?;
    let most = budget.rows_max.saturating_add(1);
    let rows = DataFrame::new(state, plan).limit(0, Some(most)).map_err(|error| told(&error))?;
    let mut rows: SendableRecordBatchStream =
        rows.execute_stream().await.map_err(|error| told(&error))?;
    let encoding = Encoding::new(&prepared, &bound);
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch: RecordBatch = encoding.settle(&batch.map_err(|error| told(&error))?)?;
        count += batch.num_rows();
        if count > budget.rows_max {
            return Err(too_many(budget.rows_max));
        }
        for from in (0..batch.num_rows()).step_by(ROWS) {
            let some = batch.slice(from, ROWS.min(batch.num_rows() - from));
            if sender.send(Ok(Some(encoding.rows(&some)?))).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
