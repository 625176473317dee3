//! How the engine reads the lake's files: by ranges, through [`LakeFiles`], on threads that may wait.
use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use datafusion::{
    datasource::{listing::PartitionedFile, physical_plan::ParquetFileReaderFactory},
    error::{DataFusionError, Result},
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use futures::{FutureExt, future::BoxFuture};
use parquet::{
    arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
    errors::ParquetError,
    file::metadata::ParquetMetaData,
};

use crate::{
    LakeError,
    files::{LakeFiles, Opened},
};

/// The name of a file in the lake, beside what the engine knows of it.
pub(super) struct Name(pub(super) String);

/// Gives the engine its readers.
#[derive(Debug)]
pub(super) struct Readers(pub(super) Arc<LakeFiles>);

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _end_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let unknown = || DataFusionError::Internal("a file without a name".to_owned());
        let Name(name) = file.extension::<Name>().ok_or_else(unknown)?;
        let bytes = file.object_meta.size;
        Ok(Box::new(Ranges { files: Arc::clone(&self.0), name: name.as_str().into(), bytes }))
    }
}

/// One file, read by ranges.
struct Ranges {
    files: Arc<LakeFiles>,
    name: Arc<str>,
    bytes: u64,
}

impl Ranges {
    /// Does what waits for a disk or a network.
    fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Opened) -> std::result::Result<T, LakeError> + Send + 'static,
    ) -> BoxFuture<'static, parquet::errors::Result<T>> {
        let (files, name, bytes) = (Arc::clone(&self.files), Arc::clone(&self.name), self.bytes);
        async move {
            let done = tokio::task::spawn_blocking(move || work(&files.open(&name, bytes)?)).await;
            done.map_err(|error| ParquetError::External(Box::new(error)))?
                .map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }
}

impl AsyncFileReader for Ranges {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.off_thread(move |opened| Ok(opened.read(&[range])?.pop().unwrap_or_default()))
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.off_thread(move |opened| opened.read(&ranges))
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        self.off_thread(|opened| Ok(Arc::clone(opened.metadata())))
    }
}
