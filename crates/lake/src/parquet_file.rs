//! One Parquet file, written so that it is whole or not there.
use std::{fs::File, path::Path, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
};

use crate::{
    LakeError,
    files::{
        Draft, Place,
        sums::{self, Summing},
    },
};

/// Rows of a row group: what a reader skips or takes as a whole.
const ROW_GROUP: usize = 131_072;
/// Who has written a file, as the format wants it said.
const CREATED_BY: &str = concat!("sessionary version ", env!("CARGO_PKG_VERSION"));
/// What that begins with of every file that has sums.
pub(crate) const SUMMED_BY: &str = "sessionary version ";

/// A file that is being written. Until it is finished it is a draft and of no use; one that is dropped
/// unfinished goes away.
pub struct ParquetFile {
    place: Arc<dyn Place>,
    name: String,
    draft: Draft,
    writer: ArrowWriter<Summing>,
    rows: u64,
}

/// A file that is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

impl ParquetFile {
    /// Begins a file of a place.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn create(
        place: &Arc<dyn Place>,
        name: &str,
        schema: SchemaRef,
    ) -> Result<ParquetFile, LakeError> {
        let draft = place.draft(name)?;
        // Read, too, when its end is summed.
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(draft.path()).map_err(failed(draft.path()))?;
        let writer = ArrowWriter::try_new(Summing::new(file), schema, Some(properties()));
        let writer = writer.map_err(|source| broken(draft.path(), source))?;
        Ok(ParquetFile { place: Arc::clone(place), name: name.to_owned(), draft, writer, rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.writer.write(batch).map_err(|source| broken(self.draft.path(), source))?;
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
    /// The disk's or the place's, with the path.
    pub fn finish(self) -> Result<Written, LakeError> {
        let ParquetFile { place, name, draft, mut writer, rows } = self;
        let broken = |source| broken(draft.path(), source);
        writer.flush().map_err(broken)?;
        writer.sync().map_err(failed(draft.path()))?;
        let (sums, covered) = (writer.inner().text(), writer.inner().bytes());
        writer.append_key_value_metadata(KeyValue::new(sums::KEY.to_owned(), sums));
        let file = writer.into_inner().map_err(broken)?;
        let bytes = file.seal(covered).map_err(failed(draft.path()))?;
        place.put(draft, &name)?;
        Ok(Written { name, rows, bytes })
    }
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
