//! Rows that come page by page while a query runs.
use std::{fmt, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::DataFusionError,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{stream::RecordBatchStreamAdapter, streaming::PartitionStream},
};
use futures::stream::try_unfold;

use crate::LakeError;

/// What one step gives: rows, and where the next step begins.
pub(super) type Step<P> = Result<Option<(RecordBatch, P)>, LakeError>;

/// Pages, each read on a thread that may wait.
pub(super) struct Pages<P, F> {
    pub(super) schema: SchemaRef,
    pub(super) first: P,
    /// Reads the page at a place; `None`: there is none.
    pub(super) read: F,
}

impl<P, F> fmt::Debug for Pages<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

impl<P, F> PartitionStream for Pages<P, F>
where
    P: Clone + Send + Sync + 'static,
    F: Fn(P) -> Step<P> + Clone + Send + Sync + 'static,
{
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let read = self.read.clone();
        let pages = try_unfold(self.first.clone(), move |place| {
            let read = read.clone();
            async move { off_thread(move || read(place)).await }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), pages))
    }
}

/// Does what waits for a disk where it holds up no other work.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LakeError> + Send + 'static,
) -> Result<T, DataFusionError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
        .map_err(|error| DataFusionError::External(Box::new(error)))
}
