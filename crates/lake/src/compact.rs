//! Compaction: the files of one folder become as few as can be, with the rows of one revision of each
//! session.
//!
//! Every file holds its rows in the order of their ids, as [`Export`](crate::export::Export) and
//! compaction write them, so all files are read side by side, from front to back.
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{AsArray, RecordBatch},
    compute::interleave_record_batch,
    datatypes::{Int64Type, SchemaRef},
};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use sessionary_core::id::SessionId;

use crate::{
    LakeError,
    evolve::with_columns,
    export::{BATCH, ROWS_MAX, begin_of, file_name},
    layout::LakeTable,
    parquet_file::{ParquetFile, Written},
};

/// The Parquet files of a folder, in the order of their names; none when there is no such folder.
///
/// # Errors
/// The disk's, with the path.
pub fn files_of(folder: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let failed = |source| LakeError::File { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed));
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    paths.sort();
    Ok(paths)
}

/// Rows of a file, as its footer says.
///
/// # Errors
/// The file cannot be read.
pub fn rows_of(path: &Path) -> Result<u64, LakeError> {
    let rows = reader(path)?.metadata().file_metadata().num_rows();
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// Writes the rows of the highest revision of each session of `inputs`, which lie in one folder of a
/// table, into files of a number of their own beside them. The inputs stay. Memory is a batch of each.
///
/// # Errors
/// The disk's and the files', with the path; a file whose rows are not in the order of their ids.
pub fn compact(
    table: LakeTable,
    inputs: &[PathBuf],
    number: u64,
) -> Result<Vec<Written>, LakeError> {
    let Some(folder) = inputs.first().and_then(|first| first.parent()) else {
        return Ok(Vec::new());
    };
    let schema = table.schema();
    let mut merge = Merge::open(table, inputs, &schema)?;
    let mut output =
        Output { folder, begin: begin_of(number), schema, open: None, written: vec![] };
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
type Place = (usize, Arc<RecordBatch>, usize);

/// Rows of several files side by side, in the order of their ids.
struct Merge {
    cursors: Vec<Cursor>,
    /// The row at hand of each file that has one: id, then file.
    heads: BinaryHeap<Reverse<(SessionId, usize)>>,
    /// The rows that hold of the last id.
    chosen: Vec<Place>,
}

impl Merge {
    fn open(table: LakeTable, inputs: &[PathBuf], schema: &SchemaRef) -> Result<Merge, LakeError> {
        let mut merge = Merge { cursors: Vec::new(), heads: BinaryHeap::new(), chosen: Vec::new() };
        for (file, input) in inputs.iter().enumerate() {
            let mut cursor = Cursor::open(table, input, schema)?;
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
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    schema: SchemaRef,
    /// The rows at hand, and the one that it stands at.
    batch: Arc<RecordBatch>,
    row: usize,
    id: SessionId,
}

impl Cursor {
    /// Before the first row of a file.
    fn open(table: LakeTable, path: &Path, schema: &SchemaRef) -> Result<Cursor, LakeError> {
        let batches = reader(path)?.with_batch_size(BATCH).build();
        let batches = batches.map_err(|source| broken(path, source))?;
        let (path, schema) = (path.to_owned(), SchemaRef::clone(schema));
        let batch = Arc::new(RecordBatch::new_empty(SchemaRef::clone(&schema)));
        Ok(Cursor { table, path, batches, schema, batch, row: 0, id: SessionId([0; 16]) })
    }

    /// Goes on to the next row and gives its id; `None` at the end.
    fn advance(&mut self) -> Result<Option<SessionId>, LakeError> {
        self.row = self.row.saturating_add(1);
        while self.row >= self.batch.num_rows() {
            let Some(next) = self.batches.next() else { return Ok(None) };
            self.batch = Arc::new(with_columns(&next?, &self.schema)?);
            self.row = 0;
        }
        let ids = self.batch.column_by_name(self.table.id_column());
        let id = ids.map(|ids| ids.as_string::<i32>().value(self.row));
        match id.and_then(SessionId::parse) {
            Some(id) if id >= self.id => {
                self.id = id;
                Ok(Some(id))
            }
            _ => Err(LakeError::Parameter(format!(
                "{}: its rows are not in the order of their ids, so it is none of the lake's files; \
                 move it elsewhere",
                self.path.display()
            ))),
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
    folder: &'a Path,
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
                let path = self.folder.join(file_name(&self.begin, part));
                none.insert(ParquetFile::create(&path, SchemaRef::clone(&self.schema))?)
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

fn reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, LakeError> {
    let file = File::open(path);
    let file = file.map_err(|source| LakeError::File { path: path.to_owned(), source })?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|source| broken(path, source))
}

fn broken(path: &Path, source: parquet::errors::ParquetError) -> LakeError {
    LakeError::Parquet { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
