//! Columns of Parquet files, row group by row group, on several threads.
//!
//! A column whose pages all refer to a dictionary is handed on by dictionary, so that what depends on
//! its values alone is computed once for each value. Other text is handed on as views into its pages.
use std::{
    fs::File,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    datatypes::{DataType, Field, Fields, Schema},
    record_batch::RecordBatch,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    basic::Encoding,
    errors::ParquetError,
    file::metadata::{ColumnChunkMetaData, RowGroupMetaData},
};

use crate::{LakeError, parts::spread};

/// Rows of a batch, at most: its columns and what is made of them stay in the cache of a core.
const BATCH_ROWS: usize = 8192;

/// A file, and which of its columns are wanted.
#[derive(Clone, Debug)]
pub struct Scan {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    columns: Vec<String>,
}

impl Scan {
    /// Reads the file's footer.
    ///
    /// # Errors
    /// The file cannot be read, is no Parquet, or lacks one of the columns.
    pub fn open(path: &Path, columns: &[&str]) -> Result<Scan, LakeError> {
        let file = open(path)?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let metadata = metadata.map_err(|source| unreadable(path, source))?;
        let schema = metadata.schema();
        if let Some(name) = columns.iter().find(|name| schema.field_with_name(name).is_err()) {
            let present: Vec<&str> =
                schema.fields().iter().map(|field| field.name().as_str()).collect();
            let (name, present) = ((*name).to_owned(), present.join(", "));
            return Err(LakeError::NoColumn { name, present });
        }
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Ok(Scan { path: path.to_owned(), metadata, columns })
    }

    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Hands all batches to operators: a clone of `fresh` for each thread, which come back.
    ///
    /// # Errors
    /// The file is damaged, or `take` fails; the first failure is told.
    pub fn each<T: Clone + Send + Sync>(
        &self,
        threads: NonZeroUsize,
        fresh: &T,
        take: impl Fn(&mut T, &RecordBatch) -> Result<(), LakeError> + Sync,
    ) -> Result<Vec<T>, LakeError> {
        let groups = (0..self.metadata.metadata().num_row_groups()).collect();
        let begin = || Ok(fresh.clone());
        let made = spread(groups, threads, begin, |made: &mut Result<T, LakeError>, group| {
            let Ok(operator) = made else { return };
            if let Err(error) = self.group(group, |batch| take(operator, batch)) {
                *made = Err(error);
            }
        });
        made.into_iter().collect()
    }

    fn group(
        &self,
        group: usize,
        mut take: impl FnMut(&RecordBatch) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let failed = |source| unreadable(&self.path, source);
        for batch in self.reader(group)?.map_err(failed)? {
            take(&batch?)?;
        }
        Ok(())
    }

    fn reader(
        &self,
        group: usize,
    ) -> Result<Result<ParquetRecordBatchReader, ParquetError>, LakeError> {
        let file = open(&self.path)?;
        Ok(self.shaped(group).and_then(|metadata| {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            let columns = self.columns.iter().map(String::as_str);
            let wanted = ProjectionMask::columns(builder.parquet_schema(), columns);
            let builder = builder.with_projection(wanted).with_row_groups(vec![group]);
            builder.with_batch_size(BATCH_ROWS).build()
        }))
    }

    /// The metadata with columns as this row group holds them best.
    fn shaped(&self, group: usize) -> Result<ArrowReaderMetadata, ParquetError> {
        let metadata = self.metadata.metadata().clone();
        let schema = self.metadata.schema();
        let fields = schema.fields().iter().map(|field| {
            let chunk = chunk(metadata.row_group(group), field.name());
            if !self.columns.contains(field.name()) {
                return field.clone();
            }
            Arc::new(Field::clone(field).with_data_type(shape(field, chunk)))
        });
        let schema = Schema::new(fields.collect::<Fields>());
        ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new().with_schema(schema.into()))
    }
}

/// The top-level column of that name, unless it is nested.
fn chunk<'a>(group: &'a RowGroupMetaData, name: &str) -> Option<&'a ColumnChunkMetaData> {
    group.columns().iter().find(|chunk| chunk.column_path().parts() == [name.to_owned()])
}

fn shape(field: &Field, chunk: Option<&ColumnChunkMetaData>) -> DataType {
    let by_dictionary = chunk.and_then(ColumnChunkMetaData::page_encoding_stats_mask);
    let by_dictionary = by_dictionary.is_some_and(|pages| {
        pages.is_only(Encoding::RLE_DICTIONARY) || pages.is_only(Encoding::PLAIN_DICTIONARY)
    });
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if by_dictionary => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        as_it_is => as_it_is.clone(),
    }
}

fn open(path: &Path) -> Result<File, LakeError> {
    File::open(path).map_err(|source| LakeError::File { path: path.to_owned(), source })
}

fn unreadable(path: &Path, source: ParquetError) -> LakeError {
    LakeError::Parquet { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
