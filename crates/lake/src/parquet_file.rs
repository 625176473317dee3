//! One Parquet file, written so that it is whole or not there.
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
};

use crate::LakeError;

/// Rows of a row group: what a reader skips or takes as a whole.
const ROW_GROUP: usize = 131_072;
/// Who has written a file.
const CREATED_BY: &str = concat!("sessionary ", env!("CARGO_PKG_VERSION"));

/// A file that is being written. Until it is finished it has another name and is of no use; one that
/// is dropped unfinished stays under that name.
pub struct ParquetFile {
    path: PathBuf,
    unfinished: PathBuf,
    writer: ArrowWriter<File>,
    rows: u64,
}

/// A file that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

impl ParquetFile {
    /// Begins a file, and the folders it lies in.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<ParquetFile, LakeError> {
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(failed(folder))?;
        }
        let unfinished = path.with_extension("unfinished");
        let file = File::create(&unfinished).map_err(failed(&unfinished))?;
        let writer = ArrowWriter::try_new(file, schema, Some(properties()));
        let writer = writer.map_err(|source| broken(path, source))?;
        Ok(ParquetFile { path: path.to_owned(), unfinished, writer, rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.writer.write(batch).map_err(|source| broken(&self.path, source))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// How many rows it has so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn finish(self) -> Result<Written, LakeError> {
        let ParquetFile { path, unfinished, writer, rows } = self;
        let file = writer.into_inner().map_err(|source| broken(&path, source))?;
        file.sync_all().map_err(failed(&unfinished))?;
        let bytes = file.metadata().map_err(failed(&unfinished))?.len();
        fs::rename(&unfinished, &path).map_err(failed(&path))?;
        if let Some(folder) = path.parent() {
            let opened = File::open(folder).and_then(|folder| folder.sync_all());
            opened.map_err(failed(folder))?;
        }
        Ok(Written { path, rows, bytes })
    }
}

/// Makes a folder, and makes durable that it and those above it are there.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folder(above)?;
        fs::create_dir_all(folder)?;
        return File::open(above)?.sync_all();
    }
    fs::create_dir_all(folder)
}

/// Statistics of pages let a reader find one session without the rest of its row group.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(CREATED_BY.to_owned())
        .build()
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> LakeError {
    let path = path.to_owned();
    move |source| LakeError::File { path, source }
}

fn broken(path: &Path, source: parquet::errors::ParquetError) -> LakeError {
    LakeError::Parquet { path: path.to_owned(), source }
}
