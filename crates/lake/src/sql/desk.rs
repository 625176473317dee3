//! Where queries are answered: on threads of their own, within a budget, one panic away from nobody.
use std::{sync::Arc, time::Duration};

use datafusion::{
    catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider},
    datasource::ViewTable,
    error::DataFusionError,
    execution::{
        SendableRecordBatchStream, SessionStateBuilder,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::GreedyMemoryPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    prelude::{DataFrame, SessionConfig, SessionContext},
};
use futures::StreamExt;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Budget, QueryError, Shape, Source, check, paged::PagedTable, sessions::SessionsTable, views,
    yielding::Yielding,
};
use crate::{LakeError, tables::Table};

/// The names before a table's name.
pub(super) const CATALOG: &str = "sessionary";
pub(super) const SCHEMA: &str = "public";
/// Stack of a thread: plans are walked by functions that call themselves, as deep as
/// `check::TOKENS_MAX` lets them. Memory that is not used is never given.
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

/// An answer as it comes: pieces to be put one behind the other. After an error there is no more,
/// and what came before is no whole answer. Dropping it ends the query.
#[derive(Debug)]
pub struct Answer {
    pieces: mpsc::Receiver<Result<Vec<u8>, QueryError>>,
}

impl Answer {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, QueryError>> {
        self.pieces.recv().await
    }

    /// The same for threads outside a runtime.
    pub fn next_blocking(&mut self) -> Option<Result<Vec<u8>, QueryError>> {
        self.pieces.blocking_recv()
    }
}

/// Answers queries.
pub struct Desk {
    runtime: Option<Runtime>,
    seats: Arc<Semaphore>,
    env: Arc<RuntimeEnv>,
    budget: Budget,
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
        Ok(Desk { runtime: Some(runtime), seats, env, budget })
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
        let (sender, pieces) = mpsc::channel(PIECES);
        let (env, budget) = (Arc::clone(&self.env), self.budget);
        let work = runtime.spawn(answer(env, source, question, budget, sender.clone()));
        runtime.spawn(watch(work, sender, budget.time, seat));
        Ok(Answer { pieces })
    }
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

/// Signals go before questions.
fn yield_to_others() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "queries run at the priority of everything else");
    }
}

type Sender = mpsc::Sender<Result<Vec<u8>, QueryError>>;

/// Ends the work when it is done, when its time is over or when nobody waits for it any more.
async fn watch(
    mut work: JoinHandle<Result<(), QueryError>>,
    sender: Sender,
    time: Duration,
    _seat: OwnedSemaphorePermit,
) {
    let failed = tokio::select! {
        done = &mut work => match done {
            Ok(done) => done.err(),
            Err(error) if error.is_panic() => {
                Some(QueryError::Defect("the engine panicked".to_owned()))
            }
            Err(_) => Some(QueryError::Defect("it ended early".to_owned())),
        },
        () = sender.closed() => {
            work.abort();
            None
        }
        () = tokio::time::sleep(time) => {
            work.abort();
            let ms = time.as_millis();
            let hint = "narrow it with WHERE, or let it run for longer";
            Some(QueryError::TooMuch(format!(
                "the query was not answered within {ms} ms ([query] time_ms); {hint}"
            )))
        }
    };
    if let Some(error) = failed {
        // Nobody may be there to hear it.
        let _ = sender.send(Err(error)).await;
    }
    // What does not come to an end keeps its seat until it does.
    let _ = work.is_finished() || work.await.is_ok();
}

async fn answer(
    env: Arc<RuntimeEnv>,
    source: Source,
    question: Question,
    budget: Budget,
    sender: Sender,
) -> Result<(), QueryError> {
    let (began, rows_max) = (Instant::now(), budget.rows_max);
    let told = |error: DataFusionError| QueryError::of(&error, &names());
    let (context, sessions) = context(env, source, partitions(budget)).await.map_err(told)?;
    let plan = check::plan(&context.state(), &question.sql, &names()).await?;
    let most = question.limit.unwrap_or(usize::MAX).min(rows_max.saturating_add(1));
    let rows = DataFrame::new(context.state(), plan).limit(0, Some(most)).map_err(told)?;
    let mut rows: SendableRecordBatchStream = rows.execute_stream().await.map_err(told)?;
    let mut writer = question.shape.writer(&rows.schema())?;
    send(&sender, writer.begin()?).await;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(told)?;
        count += batch.num_rows();
        if count > rows_max {
            return Err(QueryError::TooMuch(format!(
                "the answer has more than {rows_max} rows ([query] rows_max); add LIMIT or group the \
                 rows"
            )));
        }
        send(&sender, writer.rows(&batch)?).await;
    }
    send(&sender, writer.end(began.elapsed(), sessions.asked())?).await;
    Ok(())
}

/// Into how many parts the work of one query is divided.
fn partitions(budget: Budget) -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(budget.concurrent))
}

/// A piece of the answer; without a reader, [`watch`] ends the work.
async fn send(sender: &Sender, piece: Vec<u8>) {
    if !piece.is_empty() {
        let _ = sender.send(Ok(piece)).await;
    }
}

/// The names of the tables.
fn names() -> Vec<String> {
    views::described().into_iter().map(|table| table.name).collect()
}

/// A session of the engine in which nothing has a name but the tables of one source.
async fn context(
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
