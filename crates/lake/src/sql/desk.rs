//! Where queries are answered: on threads of their own, within a budget, one panic away from nobody.
use std::{sync::Arc, time::Duration};

use datafusion::{
    error::DataFusionError,
    execution::{
        SendableRecordBatchStream,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::GreedyMemoryPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    prelude::{DataFrame, SessionContext},
};
use futures::StreamExt;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};

use super::{
    Answer, Budget, QueryError, Shape, Source,
    answer::{Sender, watch},
    check,
    context::{Asked, asking, base, names},
    postgres::Front,
};
use crate::LakeError;

/// Stack of a thread: plans are walked by functions that call themselves, as deep as
/// `check::STEPS_MAX` lets them. Memory that is not used is never given.
const STACK_BYTES: usize = 256 << 20;
/// Threads that may wait for a disk at one time.
const WAITING: usize = 8;
/// How much the threads yield to others, 0 to 19.
const NICE: i32 = 10;
/// Pieces of an answer that wait for their reader.
const PIECES: usize = 4;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// One query.
    pub sql: String,
    /// Rows after which the answer ends, all being well; `None`: all.
    pub limit: Option<usize>,
    /// How the answer is written.
    pub shape: Shape,
}

/// Answers queries.
pub struct Desk {
    pub(super) runtime: Option<Runtime>,
    pub(super) seats: Arc<Semaphore>,
    pub(super) budget: Budget,
    engine: Engine,
    /// The same as clients of `PostgreSQL` ask.
    pub(super) front: Front,
}

/// What every query begins from, made when the first one comes.
#[derive(Clone)]
struct Engine {
    env: Arc<RuntimeEnv>,
    partitions: usize,
    base: Arc<OnceCell<SessionContext>>,
}

impl Engine {
    async fn base(&self) -> Result<&SessionContext, DataFusionError> {
        let make = || base(Arc::clone(&self.env), self.partitions);
        self.base.get_or_try_init(make).await
    }
}

impl Desk {
    /// A desk with threads of its own.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn new(budget: Budget) -> Result<Desk, LakeError> {
        let beside = |error: std::io::Error| LakeError::Beside(Box::new(error));
        let budget = Budget { concurrent: budget.concurrent.max(1), ..budget };
        let runtime = Builder::new_multi_thread()
            // One more, for those who watch over the others.
            .worker_threads(budget.concurrent + 1)
            .thread_name("query")
            .thread_stack_size(STACK_BYTES)
            .max_blocking_threads(WAITING)
            .on_thread_start(yield_to_others)
            .enable_time()
            .build()
            .map_err(beside)?;
        let off = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(budget.memory_bytes)))
            .with_disk_manager_builder(off)
            .build_arc()
            .map_err(|error| LakeError::Beside(Box::new(error)))?;
        let seats = Arc::new(Semaphore::new(budget.concurrent));
        let partitions = partitions(budget);
        let front = Front::new(Arc::clone(&env), partitions);
        let engine = Engine { env, partitions, base: Arc::default() };
        Ok(Desk { runtime: Some(runtime), seats, budget, engine, front })
    }

    /// What queries may take.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Begins to answer.
    ///
    /// # Errors
    /// [`QueryError::Busy`]; everything else comes with the answer.
    pub fn ask(&self, source: Source, question: Question) -> Result<Answer, QueryError> {
        let concurrent = self.budget.concurrent;
        let seat = Arc::clone(&self.seats).try_acquire_owned();
        let seat = seat.map_err(|_| QueryError::Busy { concurrent })?;
        let Some(runtime) = &self.runtime else { return Err(QueryError::Busy { concurrent }) };
        let (engine, budget) = (self.engine.clone(), self.budget);
        let work = |sender| answer(engine, source, question, budget, sender);
        Ok(begin(runtime, seat, budget.time, work))
    }
}

/// Has work done that sends an answer, for as long as it may take and somebody waits for it.
pub(super) fn begin<T: Send + 'static, W>(
    runtime: &Runtime,
    seat: OwnedSemaphorePermit,
    time: Duration,
    work: impl FnOnce(Sender<T>) -> W,
) -> Answer<T>
where
    W: Future<Output = Result<(), QueryError>> + Send + 'static,
{
    let (sender, pieces) = mpsc::channel(PIECES);
    let work = runtime.spawn(work(sender.clone()));
    runtime.spawn(watch(work, sender, time, seat));
    Answer::new(pieces)
}

impl Drop for Desk {
    /// Does not wait: it may be dropped by a thread that must not.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// Signals go before questions. Elsewhere than on Linux it would be said of the whole program.
fn yield_to_others() {
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(NICE)
    {
        tracing::debug!(%error, "queries run at the priority of everything else");
    }
}

async fn answer(
    engine: Engine,
    source: Source,
    question: Question,
    budget: Budget,
    sender: Sender<Vec<u8>>,
) -> Result<(), QueryError> {
    let (began, rows_max) = (Instant::now(), budget.rows_max);
    let told = |error: DataFusionError| QueryError::of(&error, &names());
    let through = source.tables.now();
    let asked = Arc::new(Asked::new(source));
    let state = asking(engine.base().await.map_err(told)?, Arc::clone(&asked));
    let plan = check::plan(&state, &question.sql, &names()).await?;
    let most = question.limit.unwrap_or(usize::MAX).min(rows_max.saturating_add(1));
    let rows = DataFrame::new(state, plan).limit(0, Some(most)).map_err(told)?;
    let mut rows: SendableRecordBatchStream = rows.execute_stream().await.map_err(told)?;
    let mut writer = question.shape.writer(&rows.schema())?;
    send(&sender, writer.begin()?).await;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(told)?;
        count += batch.num_rows();
        if count > rows_max {
            return Err(too_many(rows_max));
        }
        send(&sender, writer.rows(&batch)?).await;
    }
    send(&sender, writer.end(began.elapsed(), through, asked.told())?).await;
    Ok(())
}

pub(super) fn too_many(rows_max: usize) -> QueryError {
    QueryError::TooMuch(format!(
        "the answer has more than {rows_max} rows ([query] rows_max); add LIMIT or group the rows"
    ))
}

/// Into how many parts the work of one query is divided.
fn partitions(budget: Budget) -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(budget.concurrent))
}

/// A piece of the answer; without a reader, [`watch`] ends the work.
async fn send(sender: &Sender<Vec<u8>>, piece: Vec<u8>) {
    if !piece.is_empty() {
        let _ = sender.send(Ok(Some(piece))).await;
    }
}
