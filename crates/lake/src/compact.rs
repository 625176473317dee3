//! Compaction: the files of one folder become as few as can be, with the rows of one revision of each
//! session.
//!
//! Every file holds its rows in the order of their ids, as [`Export`](crate::export::Export) and
//! compaction write them, so all files are read side by side, from front to back.
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use arrow::{
    array::{AsArray, RecordBatch},
    compute::interleave_record_batch,
    datatypes::{Int64Type, SchemaRef},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use sessionary_core::id::SessionId;

use crate::{
    LakeError,
    evolve::with_columns,
    export::{BATCH, ROWS_MAX, begin_of, file_name},
    files::{Fetched, LakeFiles, Listed, Opened, Place},
    layout::LakeTable,
    parquet_file::{ParquetFile, Written},
};

/// Writes the rows of the highest revision of each session of `inputs`, which lie in one folder of a
/// table, into files of a number of their own beside them. The inputs stay. Each is read as a file of
/// this disk, whole or as a copy, and checked first; memory is a batch of each.
///
/// # Errors
/// The place's and the files', with the path; a file whose rows are not in the order of their ids.
pub fn compact(
    files: &LakeFiles,
    table: LakeTable,
    inputs: &[Listed],
    number: u64,
) -> Result<Vec<Written>, LakeError> {
    let Some((folder, _)) = inputs.first().and_then(|first| first.name.rsplit_once('/')) else {
        return Ok(Vec::new());
    };
    let schema = table.schema();
    let mut merge = Merge::open(files, table, inputs, &schema)?;
    let (place, begin) = (Arc::clone(files.place()), begin_of(number));
    let mut output = Output { place, folder, begin, schema, open: None, written: vec![] };
    let mut chunk = Chunk::default();
    while merge.next()? {
        for (file, batch, row) in merge.chosen.drain(..) {
            chunk.take(file, batch, row);
        }
        if chunk.rows.len() >= BATCH {
            output.write(&chunk.finish()?)?;
        }
    }
    if !chunk.rows.is_empty() {
        output.write(&chunk.finish()?)?;
    }
    output.finish()
}

/// Where a row is: its file, and its batch and place in that.
type Found = (usize, Arc<RecordBatch>, usize);

/// Rows of several files side by side, in the order of their ids.
struct Merge {
    cursors: Vec<Cursor>,
    /// The row at hand of each file that has one: id, then file.
    heads: BinaryHeap<Reverse<(SessionId, usize)>>,
    /// The rows that hold of the last id.
    chosen: Vec<Found>,
}

impl Merge {
    fn open(
        files: &LakeFiles,
        table: LakeTable,
        inputs: &[Listed],
        schema: &SchemaRef,
    ) -> Result<Merge, LakeError> {
        let mut merge = Merge { cursors: Vec::new(), heads: BinaryHeap::new(), chosen: Vec::new() };
        for (file, input) in inputs.iter().enumerate() {
            let mut cursor = Cursor::open(files, table, input, schema)?;
            if let Some(id) = cursor.advance()? {
                merge.heads.push(Reverse((id, file)));
            }
            merge.cursors.push(cursor);
        }
        Ok(merge)
    }

    /// Finds the rows that hold of the next id: those of the highest revision, from one file, because
    /// rows of one revision are the same in all. Gives whether there was an id.
    fn next(&mut self) -> Result<bool, LakeError> {
        let Some(Reverse((id, _))) = self.heads.peek().copied() else { return Ok(false) };
        let mut best: Option<(i64, usize)> = None;
        self.chosen.clear();
        // Those of one file come one after the other.
        while let Some(Reverse((next, file))) = self.heads.peek().copied()
            && next == id
        {
            self.heads.pop();
            let Some(cursor) = self.cursors.get_mut(file) else { continue };
            let revision = cursor.revision();
            if best.is_none_or(|(highest, _)| highest < revision) {
                best = Some((revision, file));
                self.chosen.clear();
            }
            if best == Some((revision, file)) {
                self.chosen.push((file, Arc::clone(&cursor.batch), cursor.row));
            }
            if let Some(id) = cursor.advance()? {
                self.heads.push(Reverse((id, file)));
            }
        }
        Ok(true)
    }
}

/// A file that is read from front to back.
struct Cursor {
    table: LakeTable,
    opened: Opened,
    /// Kept for as long as it is read.
    _fetched: Fetched,
    batches: ParquetRecordBatchReader,
    schema: SchemaRef,
    /// The rows at hand, and the one that it stands at.
    batch: Arc<RecordBatch>,
    row: usize,
    id: SessionId,
}

impl Cursor {
    /// Before the first row of a file, which is as it was written.
    fn open(
        files: &LakeFiles,
        table: LakeTable,
        input: &Listed,
        schema: &SchemaRef,
    ) -> Result<Cursor, LakeError> {
        let opened = files.open(&input.name, input.bytes)?;
        let fetched = files.place().fetch(input)?;
        opened.must_be_whole(&fetched)?;
        let batches = opened.of(&fetched)?;
        let schema = SchemaRef::clone(schema);
        let batch = Arc::new(RecordBatch::new_empty(SchemaRef::clone(&schema)));
        let id = SessionId([0; 16]);
        Ok(Cursor { table, opened, _fetched: fetched, batches, schema, batch, row: 0, id })
    }

    /// Goes on to the next row and gives its id; `None` at the end.
    fn advance(&mut self) -> Result<Option<SessionId>, LakeError> {
        self.row = self.row.saturating_add(1);
        while self.row >= self.batch.num_rows() {
            let Some(next) = self.batches.next() else { return Ok(None) };
            let next = next.map_err(|error| self.opened.damaged(error.to_string()))?;
            let next = with_columns(&next, &self.schema);
            let next = next.map_err(|error| self.opened.damaged(error.to_string()))?;
            self.batch = Arc::new(next);
            self.row = 0;
        }
        let ids = self.batch.column_by_name(self.table.id_column());
        let id = ids.map(|ids| ids.as_string::<i32>().value(self.row));
        match id.and_then(SessionId::parse) {
            Some(id) if id >= self.id => {
                self.id = id;
                Ok(Some(id))
            }
            _ => Err(self.opened.damaged("its rows are not in the order of their ids")),
        }
    }

    fn revision(&self) -> i64 {
        let revisions = self.batch.column_by_name(self.table.revision_column());
        revisions.map_or(0, |revisions| revisions.as_primitive::<Int64Type>().value(self.row))
    }
}

/// Rows that are picked from batches of several files, and are yet to be written.
#[derive(Default)]
struct Chunk {
    batches: Vec<Arc<RecordBatch>>,
    /// Of each file, the place of its latest batch among them.
    latest: HashMap<usize, usize>,
    rows: Vec<(usize, usize)>,
}

impl Chunk {
    fn take(&mut self, file: usize, batch: Arc<RecordBatch>, row: usize) {
        let known = self.latest.get(&file).copied();
        let known =
            known.filter(|at| self.batches.get(*at).is_some_and(|b| Arc::ptr_eq(b, &batch)));
        let at = known.unwrap_or_else(|| {
            self.batches.push(batch);
            self.latest.insert(file, self.batches.len() - 1);
            self.batches.len() - 1
        });
        self.rows.push((at, row));
    }

    /// The rows as one batch; the next chunk begins empty.
    fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        let batches: Vec<&RecordBatch> = self.batches.iter().map(|batch| &**batch).collect();
        let finished = interleave_record_batch(&batches, &self.rows)?;
        *self = Chunk::default();
        Ok(finished)
    }
}

/// The files that come of it.
struct Output<'a> {
    place: Arc<dyn Place>,
    folder: &'a str,
    begin: String,
    schema: SchemaRef,
    open: Option<ParquetFile>,
    written: Vec<Written>,
}

impl Output<'_> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        if let Some(full) = self.open.take_if(|file| file.rows() >= ROWS_MAX) {
            self.written.push(full.finish()?);
        }
        let file = match &mut self.open {
            Some(file) => file,
            none => {
                let part = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
                let name = format!("{}/{}", self.folder, file_name(&self.begin, part));
                let schema = SchemaRef::clone(&self.schema);
                none.insert(ParquetFile::create(&self.place, &name, schema)?)
            }
        };
        file.write(rows)
    }

    fn finish(mut self) -> Result<Vec<Written>, LakeError> {
        if let Some(file) = self.open.take() {
            self.written.push(file.finish()?);
        }
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests;
