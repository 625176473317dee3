//! Look-up: the rows of one key out of a file, without the rest of the file.
//!
//! The footer says which row groups may have the key, the index of pages which of their pages. Of
//! those the key's column is read, and of all other columns only the pages in which rows were found.
//! In a file that is ordered by the key, as those of the lake are, that is one page a column; a file
//! without an index of pages costs the key's column of a whole row group.
use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
};

use arrow::{
    array::{BooleanArray, RecordBatch, StringArray},
    compute::{cast, concat_batches, kernels::cmp},
    datatypes::DataType,
    error::ArrowError,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions,
            ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
        },
    },
    errors::ParquetError,
    file::{
        metadata::{PageIndexPolicy, ParquetMetaData},
        page_index::column_index::ColumnIndexMetaData,
        statistics::Statistics,
    },
};

use crate::LakeError;

/// Rows that are decoded together: there are few.
const BATCH_ROWS: usize = 1_024;

/// A file in which rows are looked up by a column of text. Its footer and indexes are kept.
#[derive(Debug)]
pub struct Lookup {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
    key: String,
    /// The key's place among the columns of the file.
    leaf: usize,
}

impl Lookup {
    /// Reads the footer and the indexes of a file.
    ///
    /// # Errors
    /// The file cannot be read, is no Parquet, or has no such column.
    pub fn open(path: &Path, key: &str) -> Result<Lookup, LakeError> {
        let file = File::open(path);
        let file = file.map_err(|source| LakeError::File { path: path.to_owned(), source })?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options);
        let metadata = metadata.map_err(|source| unreadable(path, source))?;
        let columns = metadata.parquet_schema().columns();
        let is_key = |path: &[String]| path.len() == 1 && path.iter().all(|part| part == key);
        let leaf = columns.iter().position(|column| is_key(column.path().parts()));
        let leaf = leaf.ok_or_else(|| {
            let names: Vec<String> = columns.iter().map(|column| column.path().string()).collect();
            LakeError::NoColumn { name: key.to_owned(), present: names.join(", ") }
        })?;
        Ok(Lookup { path: path.to_owned(), file, metadata, key: key.to_owned(), leaf })
    }

    /// The rows of a key with all columns, in their order in the file; maybe none.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn find(&self, key: &str) -> Result<RecordBatch, LakeError> {
        let failed = |source| unreadable(&self.path, source);
        let places = Places::of(self.metadata.metadata(), self.leaf, key.as_bytes());
        let schema = self.metadata.schema();
        if places.groups.is_empty() {
            return Ok(RecordBatch::new_empty(schema.clone()));
        }
        let file = self.file.try_clone();
        let file = file.map_err(|source| LakeError::File { path: self.path.clone(), source })?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let column = ProjectionMask::columns(builder.parquet_schema(), [self.key.as_str()]);
        let wanted = StringArray::new_scalar(key);
        let is_it =
            ArrowPredicateFn::new(column, move |batch: RecordBatch| is_equal(&batch, &wanted));
        let reader = builder
            .with_row_groups(places.groups)
            .with_row_selection(RowSelection::from_consecutive_ranges(
                places.ranges.into_iter(),
                places.rows,
            ))
            .with_row_filter(RowFilter::new(vec![Box::new(is_it)]))
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(failed)?;
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(schema, &batches)?)
    }
}

fn is_equal(
    batch: &RecordBatch,
    wanted: &arrow::array::Scalar<StringArray>,
) -> Result<BooleanArray, ArrowError> {
    let keys = cast(batch.column(0), &DataType::Utf8)?;
    cmp::eq(&keys, wanted)
}

/// Where a key may be: row groups, and ranges of the rows of these, one group behind the other.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    groups: Vec<usize>,
    ranges: Vec<Range<usize>>,
    rows: usize,
}

impl Places {
    fn of(metadata: &ParquetMetaData, leaf: usize, key: &[u8]) -> Places {
        let mut places = Places::default();
        for (number, group) in metadata.row_groups().iter().enumerate() {
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            let statistics = group.columns().get(leaf).and_then(|column| column.statistics());
            if statistics.is_some_and(|statistics| !may_have(statistics, key)) {
                continue;
            }
            let ranges = pages(metadata, number, leaf, rows, key)
                .unwrap_or_else(|| std::iter::once(0..rows).collect());
            if ranges.is_empty() {
                continue;
            }
            let begin = places.rows;
            places.ranges.extend(ranges.into_iter().map(|it| begin + it.start..begin + it.end));
            places.groups.push(number);
            places.rows += rows;
        }
        places
    }
}

fn may_have(statistics: &Statistics, key: &[u8]) -> bool {
    let below = statistics.min_bytes_opt().is_some_and(|least| key < least);
    let above = statistics.max_bytes_opt().is_some_and(|most| key > most);
    !below && !above
}

/// The rows of the pages of a row group that may have a key; `None` without an index.
fn pages(
    metadata: &ParquetMetaData,
    group: usize,
    leaf: usize,
    rows: usize,
    key: &[u8],
) -> Option<Vec<Range<usize>>> {
    let bounds = metadata.column_index()?.get(group)?.get(leaf)?;
    let ColumnIndexMetaData::BYTE_ARRAY(bounds) = bounds else { return None };
    let places = metadata.offset_index()?.get(group)?.get(leaf)?.page_locations();
    let begin = |page: usize| {
        places.get(page).and_then(|place| usize::try_from(place.first_row_index).ok())
    };
    let mut ranges = Vec::new();
    for page in 0..places.len() {
        let is_out = bounds.is_null_page(page)
            || bounds.min_value(page).is_some_and(|least| key < least)
            || bounds.max_value(page).is_some_and(|most| key > most);
        if !is_out {
            ranges.push(begin(page)?..begin(page + 1).unwrap_or(rows));
        }
    }
    Some(ranges)
}

fn unreadable(path: &Path, source: ParquetError) -> LakeError {
    LakeError::Parquet { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
