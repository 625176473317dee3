//! What can go wrong between a file and an answer.
use std::path::PathBuf;

use arrow::datatypes::DataType;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The batch or file has no column of that name.
    #[error("there is no column `{name}`; there are: {present}")]
    NoColumn {
        /// The name that was asked for.
        name: String,
        /// The names that are there.
        present: String,
    },
    /// The column is of a type that cannot be read for this purpose.
    #[error("column `{name}` is of type {got}, which cannot be read as {wanted}")]
    Type {
        /// The column.
        name: String,
        /// Its type.
        got: DataType,
        /// What it was to be.
        wanted: &'static str,
    },
    /// A number does not fit in 64 bits with a sign.
    #[error("column `{name}` holds a number beyond 64 bits")]
    TooLarge {
        /// The column.
        name: String,
    },
    /// A parameter makes no sense; the text says which and what to give instead.
    #[error("{0}")]
    Parameter(String),
    /// The file cannot be opened or read.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not what was written, or was never a file of the lake.
    #[error(
        "{} is damaged: {what}; move it out of the lake and run `sessionary lake write --all`, which \
         writes every session once more (docs/lake.md, \"When files are damaged or missing\")",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is no Parquet, or a damaged one.
    #[error("{}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: parquet::errors::ParquetError,
    },
    /// What the rows beside the files come from has failed.
    #[error("rows beside the files cannot be read")]
    Beside(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Rows could not be read where they come from.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
    /// Nobody waits for the answer any more.
    #[error("nobody waits for the answer any more")]
    Cancelled,
    /// Columns could not be put together.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}
