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
    prelude::DataFrame,
};
use futures::StreamExt;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Budget, QueryError, Shape, Source, check,
    context::{context, names},
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

/// An answer as it comes: pieces to be put one behind the other. After an error there is no more,
/// and what came before is no whole answer. Dropping it ends the query.
#[derive(Debug)]
pub struct Answer {
    pieces: mpsc::Receiver<Piece>,
    is_over: bool,
}

/// A piece of an answer; `None`: the answer is whole.
type Piece = Result<Option<Vec<u8>>, QueryError>;

impl Answer {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, QueryError>> {
        if self.is_over {
            return None;
        }
        let piece = self.pieces.recv().await;
        self.told(piece)
    }

    /// The same for threads outside a runtime.
    pub fn next_blocking(&mut self) -> Option<Result<Vec<u8>, QueryError>> {
        if self.is_over {
            return None;
        }
        let piece = self.pieces.blocking_recv();
        self.told(piece)
    }

    fn told(&mut self, piece: Option<Piece>) -> Option<Result<Vec<u8>, QueryError>> {
        // Without its last word an answer is not whole.
        let piece = piece.unwrap_or_else(|| Err(QueryError::Defect("it ended early".to_owned())));
        self.is_over = !matches!(piece, Ok(Some(_)));
        piece.transpose()
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
        Ok(Answer { pieces, is_over: false })
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

/// Signals go before questions. Elsewhere than on Linux it would be said of the whole program.
fn yield_to_others() {
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(NICE)
    {
        tracing::debug!(%error, "queries run at the priority of everything else");
    }
}

type Sender = mpsc::Sender<Piece>;

/// How a query's work came to an end.
enum End {
    Done(Result<(), QueryError>),
    /// Nobody waits for the answer any more.
    Unwanted,
    TooLate,
}

/// Ends the work when it is done, when its time is over or when nobody waits for it any more. The
/// seat is free before the answer's last word is out, unless something still sits on it.
async fn watch(
    mut work: JoinHandle<Result<(), QueryError>>,
    sender: Sender,
    time: Duration,
    seat: OwnedSemaphorePermit,
) {
    let end = tokio::select! {
        done = &mut work => End::Done(done.unwrap_or_else(|error| {
            let what = if error.is_panic() { "the engine panicked" } else { "it ended early" };
            Err(QueryError::Defect(what.to_owned()))
        })),
        () = sender.closed() => End::Unwanted,
        () = tokio::time::sleep(time) => End::TooLate,
    };
    // Whether anybody is there to hear it makes no difference.
    match end {
        End::Done(done) => {
            drop(seat);
            let _ = sender.send(done.map(|()| None)).await;
        }
        End::Unwanted => {
            work.abort();
            let _ = work.await;
        }
        End::TooLate => {
            work.abort();
            let _ = sender.send(Err(too_late(time))).await;
            // What does not come to an end keeps its seat until it does.
            let _ = work.await;
        }
    }
}

fn too_late(time: Duration) -> QueryError {
    QueryError::TooMuch(format!(
        "the query was not answered within {} ms ([query] time_ms); narrow it with WHERE, or let it \
         run for longer",
        time.as_millis()
    ))
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
    let through = source.tables.now();
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
    send(&sender, writer.end(began.elapsed(), through, sessions.asked())?).await;
    Ok(())
}

/// Into how many parts the work of one query is divided.
fn partitions(budget: Budget) -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(budget.concurrent))
}

/// A piece of the answer; without a reader, [`watch`] ends the work.
async fn send(sender: &Sender, piece: Vec<u8>) {
    if !piece.is_empty() {
        let _ = sender.send(Ok(Some(piece))).await;
    }
}
