//! The tables of the lake: their folders, columns and files.
use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::SchemaRef};

use crate::{
    LakeError,
    export::{begin_of, file_name},
    files::Place,
    parquet_file::{ParquetFile, Written},
    sessions::SessionRows,
    tables::{Table, TableRows},
};

/// A table of the lake. Each has a folder, and below it one a tenant and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LakeTable {
    /// One row a session.
    Sessions,
    /// One row a signal of a session, as of a revision of the session.
    Signals,
}

impl LakeTable {
    /// Every one.
    pub const ALL: [LakeTable; 2] = [LakeTable::Sessions, LakeTable::Signals];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            LakeTable::Sessions => "sessions",
            LakeTable::Signals => "signals",
        }
    }

    /// Its columns.
    pub fn schema(self) -> SchemaRef {
        match self {
            LakeTable::Sessions => SessionRows::new().schema(),
            LakeTable::Signals => TableRows::new(Table::Signals).schema(),
        }
    }

    /// The column with the session's id, by which rows are in order.
    pub fn id_column(self) -> &'static str {
        match self {
            LakeTable::Sessions => "id",
            LakeTable::Signals => "session_id",
        }
    }

    /// The column with the revision of the session.
    pub fn revision_column(self) -> &'static str {
        match self {
            LakeTable::Sessions => "revision",
            LakeTable::Signals => "session_revision",
        }
    }
}

/// A file of a day that is made when its first row comes.
pub struct Appending {
    table: LakeTable,
    place: Arc<dyn Place>,
    name: String,
    open: Option<ParquetFile>,
}

impl Appending {
    /// The file of a number in a day's folder (see [`folder`](crate::export::folder)) of a table.
    pub fn new(table: LakeTable, place: Arc<dyn Place>, day: &str, number: u64) -> Appending {
        let name = format!("{}/{day}/{}", table.name(), file_name(&begin_of(number), 0));
        Appending { table, place, name, open: None }
    }

    /// Adds rows, in the order of the ids.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let file = match &mut self.open {
            Some(file) => file,
            none => none.insert(ParquetFile::create(&self.place, &self.name, self.table.schema())?),
        };
        file.write(rows)
    }

    /// Makes the file durable, if a row came.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn finish(self) -> Result<Option<Written>, LakeError> {
        self.open.map(ParquetFile::finish).transpose()
    }
}
