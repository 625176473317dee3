//! Rows of a report out of the files of the lake: of each session the row that holds.
use std::sync::Arc;

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::SchemaRef,
};
use sessionary_core::id::SessionId;

use super::{Cuts, Wanted};
use crate::{
    LakeError,
    evolve::with_columns,
    files::{LakeFiles, Opened},
    sessions::SessionRows,
    sql::{
        LiveSession,
        standing::{self, Chosen, Standing},
    },
};

/// The rows that hold, in the files of a tenant. No file may go away while this is kept.
#[derive(Debug)]
pub struct FileRows {
    files: Arc<LakeFiles>,
    standing: Standing,
}

impl FileRows {
    /// Finds them. `waiting`: the sessions whose latest cut the files may not have, each with that cut;
    /// they were found before this is asked.
    ///
    /// # Errors
    /// A file cannot be read, or is no file of the lake.
    pub fn find(
        files: &Arc<LakeFiles>,
        tenant: &str,
        waiting: Vec<LiveSession>,
    ) -> Result<FileRows, LakeError> {
        let standing = standing::find_in(files, tenant, waiting)?;
        Ok(FileRows { files: Arc::clone(files), standing })
    }

    /// The sessions among those that waited whose rows are in no file.
    pub fn waiting(&self) -> &[SessionId] {
        &self.standing.live
    }

    /// The rows in files, with the columns that are wanted; of any time, because an answer says what
    /// there is beside its range.
    pub fn batches<'s>(&'s self, wanted: &Wanted) -> Cuts<'s> {
        let schema = SessionRows::of_columns(&wanted.columns).schema();
        let columns = wanted.columns.clone();
        Box::new(self.standing.files.iter().flat_map(move |chosen| {
            let opened = self.files.open(&chosen.file.name, chosen.file.bytes);
            rows(chosen, opened, &columns, &schema)
        }))
    }
}

/// The rows of a file that hold, one row group after the other.
fn rows<'s>(
    chosen: &'s Chosen,
    opened: Result<Opened, LakeError>,
    columns: &[&'static str],
    schema: &SchemaRef,
) -> Cuts<'s> {
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return Box::new(std::iter::once(Err(error))),
    };
    let (columns, schema) = (columns.to_vec(), SchemaRef::clone(schema));
    let mut begin = 0;
    let groups = 0..opened.metadata().num_row_groups();
    let batches = groups.flat_map(move |group| -> Cuts<'s> {
        let damaged = opened.clone();
        match opened.rows(group, &columns) {
            Err(error) => Box::new(std::iter::once(Err(error))),
            Ok(batches) => Box::new(
                batches.map(move |batch| batch.map_err(|error| damaged.damaged(error.to_string()))),
            ),
        }
    });
    Box::new(batches.map(move |batch| {
        let batch = batch?;
        let held = chosen.held(begin, batch.num_rows());
        begin += batch.num_rows();
        with_columns(&of(batch, held)?, &schema)
    }))
}

fn of(batch: RecordBatch, held: Option<BooleanArray>) -> Result<RecordBatch, LakeError> {
    match held {
        Some(held) => Ok(filter_record_batch(&batch, &held)?),
        None => Ok(batch),
    }
}
