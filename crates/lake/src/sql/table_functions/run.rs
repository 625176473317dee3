//! Rows of a query on their way through an operator.
use std::{num::NonZeroUsize, sync::Arc, thread};

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    common::runtime::JoinSet,
    error::{DataFusionError, Result},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, stream::RecordBatchStreamAdapter,
        streaming::PartitionStream,
    },
};
use futures::StreamExt;

use super::call::{self, Call, Over};
use crate::{
    LakeError, People, Split,
    operators::{
        Chains, Credited, Funnel, Operator, Path, Paths, Reached, Retention, Session, Sessionize,
        TouchTable,
    },
    sql::stream::off_thread,
};

/// What operators keep of a row, at most, with what grouping needs beside it.
const ROW_BYTES: usize = 80;

/// An answer that is worked out when it is read.
pub(super) struct Answering {
    pub(super) schema: SchemaRef,
    /// The rows of the query.
    pub(super) rows: Arc<dyn ExecutionPlan>,
    pub(super) call: Over,
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.call)
    }
}

impl PartitionStream for Answering {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (rows, call, schema) =
            (Arc::clone(&self.rows), self.call.clone(), Arc::clone(&self.schema));
        let answer = async move { answer(Input { rows, context }, call, schema).await };
        let answer = futures::stream::once(answer);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), answer))
    }
}

async fn answer(input: Input, call: Over, schema: SchemaRef) -> Result<RecordBatch> {
    // How many rows come nobody knows.
    let split = Split::default();
    let threads = input.threads();
    match call.call.clone() {
        Call::Funnel { window_ms, steps } => {
            let operator = Funnel::new(&Over::funnel(window_ms, steps), split).map_err(lake)?;
            input.ask(operator, call, |reached| Reached::batch(&reached)).await
        }
        Call::Paths { length, most } => {
            let operator = Paths::new(Over::paths(length, most), split).map_err(lake)?;
            input.ask(operator, call, |paths| Path::batch(&paths)).await
        }
        Call::Retention { period_ms } => {
            let parameters = Over::retention(period_ms);
            let operator = Retention::new(&parameters, People::strangers(split)).map_err(lake)?;
            let told = move |rows: Vec<_>| call::cohorts(&rows, &parameters, schema);
            input.ask(operator, call, told).await
        }
        Call::Attribution { model, lookback_ms } => {
            let operator = TouchTable::new(&call.touches(), People::strangers(split));
            let (attribution, unit) = (call::credited(model, lookback_ms), call.revenue_unit);
            let told = move |touches| {
                let mut credited = attribution.of(&touches, threads)?.channels;
                let credits = credited.iter_mut().flat_map(|channel| &mut channel.credits);
                credits.for_each(|credit| credit.revenue /= unit);
                Credited::batch(&credited, 0)
            };
            input.ask(operator, call, told).await
        }
        Call::Transitions => {
            let operator = TouchTable::new(&call.touches(), People::strangers(split));
            let told = move |touches| call::transitions(&Chains::of(&touches, threads));
            input.ask(operator, call, told).await
        }
        Call::Sessionize { gap_ms } => {
            let operator = Sessionize::new(&Over::sessions(gap_ms), split);
            input.ask(operator, call, |sessions: Vec<Session>| Session::batch(&sessions)).await
        }
    }
}

fn lake(error: LakeError) -> DataFusionError {
    match error {
        // What is wrong is the query.
        LakeError::Type { .. } | LakeError::Parameter(_) | LakeError::TooLarge { .. } => {
            DataFusionError::Plan(error.to_string())
        }
        error => DataFusionError::External(Box::new(error)),
    }
}

/// The rows of a query, which come in several streams.
struct Input {
    rows: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
}

impl Input {
    /// As many as there are streams, but not more than the machine has.
    fn threads(&self) -> NonZeroUsize {
        let streams = self.rows.output_partitioning().partition_count();
        let most = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        NonZeroUsize::new(streams.min(most)).unwrap_or(NonZeroUsize::MIN)
    }

    /// Gives each stream to a clone of the operator, and tells what all of them answer together.
    async fn ask<O: Operator + 'static>(
        self,
        operator: O,
        call: Over,
        told: impl FnOnce(O::Answer) -> Result<RecordBatch, LakeError> + Send + 'static,
    ) -> Result<RecordBatch>
    where
        O::Answer: Send,
    {
        let threads = self.threads();
        let consumer = MemoryConsumer::new("table function");
        let kept = Arc::new(consumer.register(self.context.memory_pool()));
        let mut work = JoinSet::new();
        for stream in 0..self.rows.output_partitioning().partition_count() {
            let rows = self.rows.execute(stream, Arc::clone(&self.context))?;
            let (operator, call, kept) = (operator.clone(), call.clone(), Arc::clone(&kept));
            work.spawn(async move { taken(operator, rows, &call, &kept).await });
        }
        let mut clones = Vec::new();
        while let Some(done) = work.join_next().await {
            let done = done.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
            clones.push(done?);
        }
        if clones.is_empty() {
            clones.push(operator);
        }
        let answered = off_thread(move || told(O::together(clones, threads)?)).await;
        drop(kept);
        answered
    }
}

/// An operator that has taken the rows of a stream.
async fn taken<O: Operator>(
    mut operator: O,
    mut rows: SendableRecordBatchStream,
    call: &Over,
    kept: &MemoryReservation,
) -> Result<O> {
    while let Some(batch) = rows.next().await {
        let batch = named(&batch?, call)?;
        kept.try_grow(batch.num_rows() * ROW_BYTES)?;
        operator.push(&batch).map_err(lake)?;
    }
    Ok(operator)
}

/// The rows with the names by which operators ask for columns, and numbers with a fraction as
/// decimals, which they read exactly.
fn named(batch: &RecordBatch, call: &Over) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Float32 | DataType::Float64 => cast(column, &call::FRACTION),
        _ => Ok(Arc::clone(column)),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let field = |(place, column): (usize, &ArrayRef)| {
        Field::new(call.name(place), column.data_type().clone(), true)
    };
    let schema = Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>());
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}
