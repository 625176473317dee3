//! Rows of a report out of the files of the lake: of each session the row that holds.
use std::{fs::File, path::Path};

use arrow::datatypes::SchemaRef;
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
};
use sessionary_core::id::SessionId;

use super::{Cuts, Wanted};
use crate::{
    LakeError,
    evolve::with_columns,
    sessions::SessionRows,
    sql::{
        LiveSession,
        standing::{self, Chosen, Standing},
    },
};

/// Rows that are decoded together.
const BATCH_ROWS: usize = 8_192;

/// The rows that hold, in the files of a tenant. No file may go away while this is kept.
#[derive(Debug)]
pub struct FileRows {
    standing: Standing,
}

impl FileRows {
    /// Finds them. `waiting`: the sessions whose latest cut the files may not have, each with that cut;
    /// they were found before this is asked.
    ///
    /// # Errors
    /// A file cannot be read, or is no file of the lake.
    pub fn find(
        root: &Path,
        tenant: &str,
        waiting: Vec<LiveSession>,
    ) -> Result<FileRows, LakeError> {
        Ok(FileRows { standing: standing::find_in(root, tenant, waiting)? })
    }

    /// The sessions among those that waited whose rows are in no file.
    pub fn waiting(&self) -> &[SessionId] {
        &self.standing.live
    }

    /// The rows in files, with the columns that are wanted; of any time, because an answer says what
    /// there is beside its range.
    pub fn batches<'s>(&'s self, wanted: &Wanted) -> Cuts<'s> {
        let schema = SessionRows::of_columns(&wanted.columns).schema();
        let of_file = move |file: &'s Chosen| -> Cuts<'s> {
            let shaped = SchemaRef::clone(&schema);
            match reader(file, &schema) {
                Err(error) => Box::new(std::iter::once(Err(error))),
                Ok(batches) => Box::new(batches.map(move |batch| with_columns(&batch?, &shaped))),
            }
        };
        Box::new(self.standing.files.iter().flat_map(of_file))
    }
}

fn reader(chosen: &Chosen, schema: &SchemaRef) -> Result<ParquetRecordBatchReader, LakeError> {
    let path = &chosen.path;
    let failed = |source| LakeError::File { path: path.clone(), source };
    let damaged = |source| LakeError::Parquet { path: path.clone(), source };
    let file = File::open(path).map_err(failed)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    let columns = schema.fields().iter().map(|field| field.name().as_str());
    let wanted = ProjectionMask::columns(builder.parquet_schema(), columns);
    let mut builder = builder.with_projection(wanted).with_batch_size(BATCH_ROWS);
    if let Some(selection) = chosen.selection() {
        builder = builder.with_row_selection(selection);
    }
    builder.build().map_err(damaged)
}
