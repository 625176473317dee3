//! Look-up: the rows of one key out of a file, without the rest of the file.
//!
//! The footer says which row groups may have the key, the index of pages which of their pages. Of
//! those rows the pages of all columns are read at once, of which only the key's is decoded until it
//! is known which rows they are. In a file that is ordered by the key, as those of the lake are, that
//! is one page a column; a file without an index of pages costs whole row groups.
use std::{ops::Range, sync::Arc};

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
            ArrowPredicateFn, ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowFilter,
            RowSelection, RowSelectionPolicy,
        },
    },
    errors::ParquetError,
    file::{
        metadata::ParquetMetaData, page_index::column_index::ColumnIndexMetaData,
        statistics::Statistics,
    },
};

use crate::{
    LakeError,
    files::{LakeFiles, Listed, Opened},
};

/// Rows that are decoded together: there are few.
const BATCH_ROWS: usize = 1_024;

/// A file in which rows are looked up by a column of text. Its footer and indexes are kept.
#[derive(Debug)]
pub struct Lookup {
    opened: Opened,
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
    pub fn open(files: &LakeFiles, file: &Listed, key: &str) -> Result<Lookup, LakeError> {
        let opened = files.open(&file.name, file.bytes)?;
        let metadata = Arc::clone(opened.metadata());
        let metadata = ArrowReaderMetadata::try_new(metadata, <_>::default());
        let metadata = metadata.map_err(|error| opened.damaged(error.to_string()))?;
        let columns = metadata.parquet_schema().columns();
        let is_key = |path: &[String]| path.len() == 1 && path.iter().all(|part| part == key);
        let leaf = columns.iter().position(|column| is_key(column.path().parts()));
        let leaf = leaf.ok_or_else(|| {
            let names: Vec<String> = columns.iter().map(|column| column.path().string()).collect();
            LakeError::NoColumn { name: key.to_owned(), present: names.join(", ") }
        })?;
        Ok(Lookup { opened, metadata, key: key.to_owned(), leaf })
    }

    /// The rows of a key with all columns, in their order in the file; maybe none.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn find(&self, key: &str) -> Result<RecordBatch, LakeError> {
        let wrong = |error: ParquetError| self.opened.damaged(error.to_string());
        let places = Places::of(self.metadata.metadata(), self.leaf, key.as_bytes());
        let schema = self.metadata.schema();
        if places.groups.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(schema)));
        }
        let chunks = self.opened.chunks(&places.bytes(self.metadata.metadata()))?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone());
        let column = ProjectionMask::columns(builder.parquet_schema(), [self.key.as_str()]);
        let wanted = StringArray::new_scalar(key);
        let is_it =
            ArrowPredicateFn::new(column, move |batch: RecordBatch| is_equal(&batch, &wanted));
        let (ranges, rows) = places.all();
        let reader = builder
            .with_row_groups(places.groups.iter().map(|group| group.number).collect())
            .with_row_selection(RowSelection::from_consecutive_ranges(ranges.into_iter(), rows))
            .with_row_filter(RowFilter::new(vec![Box::new(is_it)]))
            // Else it may read pages between those that are wanted.
            .with_row_selection_policy(RowSelectionPolicy::Selectors)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(wrong)?;
        let batches = reader.collect::<Result<Vec<_>, _>>();
        let batches = batches.map_err(|error| self.opened.damaged(error.to_string()))?;
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

/// Where a key may be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    groups: Vec<Group>,
}

/// A row group that may have the key, and the ranges of its rows that may.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    number: usize,
    rows: usize,
    ranges: Vec<Range<usize>>,
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
            if !ranges.is_empty() {
                places.groups.push(Group { number, rows, ranges });
            }
        }
        places
    }

    /// The ranges of rows, one group behind the other, and how many rows the groups have.
    fn all(&self) -> (Vec<Range<usize>>, usize) {
        let (mut ranges, mut begin) = (Vec::new(), 0);
        for group in &self.groups {
            ranges.extend(group.ranges.iter().map(|it| begin + it.start..begin + it.end));
            begin += group.rows;
        }
        (ranges, begin)
    }

    /// The bytes of the file that hold these rows in all columns.
    fn bytes(&self, metadata: &ParquetMetaData) -> Vec<Range<u64>> {
        let mut bytes = Vec::new();
        for group in &self.groups {
            let Some(columns) = metadata.row_groups().get(group.number) else { continue };
            for (leaf, column) in columns.columns().iter().enumerate() {
                let (start, length) = column.byte_range();
                match group.pages_of(metadata, leaf, start) {
                    Some(pages) => bytes.extend(pages),
                    None => bytes.push(start..start.saturating_add(length)),
                }
            }
        }
        bytes
    }
}

impl Group {
    /// The pages of a column that begins at `start` with these rows, and its dictionary; `None`
    /// without an index.
    fn pages_of(
        &self,
        metadata: &ParquetMetaData,
        leaf: usize,
        start: u64,
    ) -> Option<Vec<Range<u64>>> {
        let pages = metadata.offset_index()?.get(self.number)?.get(leaf)?.page_locations();
        let first = u64::try_from(pages.first()?.offset).ok()?;
        let mut bytes = Vec::new();
        if start < first {
            bytes.push(start..first);
        }
        for (number, page) in pages.iter().enumerate() {
            let begin = usize::try_from(page.first_row_index).ok()?;
            let next = pages.get(number + 1).map(|next| usize::try_from(next.first_row_index));
            let end = next.transpose().ok()?.unwrap_or(self.rows);
            if self.ranges.iter().any(|range| range.start < end && begin < range.end) {
                let at = u64::try_from(page.offset).ok()?;
                bytes.push(at..at.checked_add(u64::try_from(page.compressed_page_size).ok()?)?);
            }
        }
        Some(bytes)
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

#[cfg(test)]
mod tests;
