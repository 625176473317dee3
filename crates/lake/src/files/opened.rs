//! A file of the lake that is read by ranges, each checked by the sums of its footer.
use std::{fs::File, ops::Range, sync::Arc};

use bytes::{Buf, Bytes, buf::Reader};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
        },
    },
    errors::ParquetError,
    file::{
        metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
        reader::{ChunkReader, Length},
    },
};

use super::{
    Fetched, Place, damaged, failed,
    sums::{self, Sums},
};
use crate::{LakeError, export::BATCH, parquet_file::SUMMED_BY};

/// Bytes of the end of a file that are read at first; most footers are shorter.
const END: u64 = 128 << 10;

/// The end of a file, read.
#[derive(Debug)]
pub(crate) struct Footer {
    /// Bytes of the file.
    pub(super) bytes: u64,
    pub(super) sums: Option<Sums>,
    metadata: Arc<ParquetMetaData>,
}

impl Footer {
    /// Bytes that it takes in memory.
    pub(super) fn memory(&self) -> usize {
        self.metadata.memory_size()
    }
}

/// Reads and checks the end of a file.
pub(super) fn footer(place: &dyn Place, name: &str, bytes: u64) -> Result<Footer, LakeError> {
    let wrong = |what: &str| damaged(place.root(), name, what);
    let mut end = last(place, name, bytes, END)?;
    let mut metadata =
        ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let sums = loop {
        let sums = Sums::find(&end);
        let begin = bytes - end.len() as u64;
        if let Some(sums) = &sums {
            if sums.covered() > bytes {
                return Err(wrong("it is shorter than it was written"));
            }
            if sums.covered() < begin {
                end = last(place, name, bytes, bytes - sums.covered())?;
                continue;
            }
            let tail = usize::try_from(sums.covered() - begin).ok().and_then(|at| end.get(at..));
            if !tail.is_some_and(|tail| sums.is_tail(tail)) {
                return Err(wrong("its footer is not as it was written"));
            }
        }
        match metadata.try_parse_sized(&end, bytes) {
            Ok(()) => break sums,
            Err(ParquetError::NeedMoreData(more))
                if more as u64 > end.len() as u64 && more as u64 <= bytes =>
            {
                end = last(place, name, bytes, more as u64)?;
            }
            Err(error) => return Err(wrong(&error.to_string())),
        }
    };
    let metadata = metadata.finish().map_err(|error| wrong(&error.to_string()))?;
    let created_by = metadata.file_metadata().created_by().unwrap_or_default();
    if sums.is_none() && created_by.starts_with(SUMMED_BY) {
        return Err(wrong("its sums are not as they were written"));
    }
    Ok(Footer { bytes, sums, metadata: Arc::new(metadata) })
}

/// So many bytes of the end of a file, or all of it.
fn last(place: &dyn Place, name: &str, bytes: u64, most: u64) -> Result<Bytes, LakeError> {
    let end = bytes.saturating_sub(most)..bytes;
    let mut read = place.read(name, std::slice::from_ref(&end))?;
    Ok(read.pop().unwrap_or_default())
}

/// A file whose footer was read.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    place: Arc<dyn Place>,
    name: Arc<str>,
    footer: Arc<Footer>,
}

impl Opened {
    pub(super) fn new(place: Arc<dyn Place>, name: &str, footer: Arc<Footer>) -> Opened {
        Opened { place, name: name.into(), footer }
    }

    pub(crate) fn metadata(&self) -> &Arc<ParquetMetaData> {
        &self.footer.metadata
    }

    /// Says that the file is none that can be read.
    pub(crate) fn damaged(&self, what: impl Into<String>) -> LakeError {
        damaged(self.place.root(), &self.name, what)
    }

    /// The bytes in these ranges.
    ///
    /// # Errors
    /// The place's; they are not what was written.
    pub(crate) fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LakeError> {
        if ranges.iter().any(|range| range.start > range.end || range.end > self.footer.bytes) {
            return Err(self.damaged("its footer tells of bytes that it does not have"));
        }
        let Some(sums) = &self.footer.sums else { return self.place.read(&self.name, ranges) };
        // Of many small columns one block may hold all.
        let wide = merged(ranges.iter().map(|range| sums.widened(range)).collect());
        let blocks = self.place.read(&self.name, &wide)?;
        if let Some((wide, _)) =
            wide.iter().zip(&blocks).find(|(wide, bytes)| !sums.are_blocks(wide, bytes))
        {
            let (from, to) = (wide.start, wide.end);
            return Err(self.damaged(format!("bytes {from} to {to} are not as they were written")));
        }
        let one = |range: &Range<u64>| {
            let at = wide.partition_point(|wide| wide.start <= range.start).checked_sub(1)?;
            let (wide, bytes) = (wide.get(at)?, blocks.get(at)?);
            let place = |at: u64| usize::try_from(at.checked_sub(wide.start)?).ok();
            let (start, end) = (place(range.start)?, place(range.end)?);
            (end <= bytes.len()).then(|| bytes.slice(start..end))
        };
        let short = || self.damaged("it is shorter than its footer says");
        ranges.iter().map(|range| one(range).ok_or_else(short)).collect()
    }

    /// The bytes in these ranges, as a reader of Parquet takes them.
    ///
    /// # Errors
    /// As [`Opened::read`].
    pub(crate) fn chunks(&self, ranges: &[Range<u64>]) -> Result<Chunks, LakeError> {
        let chunks = ranges.iter().map(|range| range.start).zip(self.read(ranges)?).collect();
        Ok(Chunks { bytes: self.footer.bytes, chunks })
    }

    /// Makes sure that a file on this disk is all of what was written.
    ///
    /// # Errors
    /// The disk's; it is not.
    pub(crate) fn must_be_whole(&self, fetched: &Fetched) -> Result<(), LakeError> {
        let Some(sums) = &self.footer.sums else { return Ok(()) };
        let is_whole = sums::is_whole(fetched.path(), sums);
        let is_whole = is_whole.map_err(|source| failed(self.place.root(), &self.name, source))?;
        if is_whole { Ok(()) } else { Err(self.damaged("its bytes are not as they were written")) }
    }

    /// All rows, of a file on this disk.
    ///
    /// # Errors
    /// The disk's; the file is damaged.
    pub(crate) fn of(&self, fetched: &Fetched) -> Result<ParquetRecordBatchReader, LakeError> {
        let wrong = |error: ParquetError| self.damaged(error.to_string());
        let file = File::open(fetched.path());
        let file = file.map_err(|source| failed(self.place.root(), &self.name, source))?;
        let metadata = Arc::clone(self.metadata());
        let metadata = ArrowReaderMetadata::try_new(metadata, <_>::default()).map_err(wrong)?;
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_batch_size(BATCH)
            .build()
            .map_err(wrong)
    }

    /// The rows of one row group in some columns. What is read of the file is those columns.
    ///
    /// # Errors
    /// The place's; the file is damaged.
    pub(crate) fn rows(
        &self,
        group: usize,
        columns: &[&str],
    ) -> Result<ParquetRecordBatchReader, LakeError> {
        let wrong = |error: ParquetError| self.damaged(error.to_string());
        let schema = self.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::columns(schema, columns.iter().copied());
        let mut ranges = Vec::new();
        if let Some(group) = self.metadata().row_groups().get(group) {
            let chosen =
                group.columns().iter().enumerate().filter(|(at, _)| mask.leaf_included(*at));
            for (_, column) in chosen {
                let (start, length) = column.byte_range();
                ranges.push(start..start.saturating_add(length));
            }
        }
        let chunks = self.chunks(&ranges)?;
        let metadata = Arc::clone(self.metadata());
        let metadata = ArrowReaderMetadata::try_new(metadata, <_>::default()).map_err(wrong)?;
        ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata)
            .with_projection(mask)
            .with_row_groups(vec![group])
            .build()
            .map_err(wrong)
    }
}

/// The same bytes in ranges that neither overlap nor touch, in their order.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Pieces of a file that are in memory.
pub(crate) struct Chunks {
    bytes: u64,
    /// Where each begins.
    chunks: Vec<(u64, Bytes)>,
}

impl Chunks {
    /// What is there from a place on.
    fn from(&self, start: u64) -> parquet::errors::Result<Bytes> {
        let piece = self.chunks.iter().find_map(|(begin, bytes)| {
            let at = usize::try_from(start.checked_sub(*begin)?).ok()?;
            (at < bytes.len()).then(|| bytes.slice(at..))
        });
        piece.ok_or_else(|| ParquetError::EOF(format!("nothing was read at byte {start}")))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Chunks {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Reader<Bytes>> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let piece = self.from(start)?;
        if length > piece.len() {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} were not read")));
        }
        Ok(piece.slice(..length))
    }
}
