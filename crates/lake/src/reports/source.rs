//! Where the rows of a report come from.
use arrow::record_batch::RecordBatch;
use sessionary_core::time::UnixMillis;

use crate::LakeError;

/// Which rows a report asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Columns of the table of sessions, by name, each once. Others may come as well.
    pub columns: Vec<&'static str>,
    /// Sessions that began at or after; a source may give earlier ones as well.
    pub from: Option<UnixMillis>,
    /// Sessions that began before; a source may give later ones as well.
    pub to: Option<UnixMillis>,
}

/// Batches of rows, one after the other.
pub type Cuts<'s> = Box<dyn Iterator<Item = Result<RecordBatch, LakeError>> + 's>;

/// Rows of the table of sessions of one tenant: of each session its latest, once. Redirects may be
/// among them.
pub trait SessionBatches {
    /// The rows, in batches of any size and in any order.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn batches<'s>(&'s self, wanted: &Wanted) -> Result<Cuts<'s>, LakeError>;

    /// The moment as of which rows are read.
    fn read_at(&self) -> UnixMillis;
}
