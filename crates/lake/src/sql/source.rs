//! What a query is asked of: a tenant's folder, and the rows beside it.
use std::sync::Arc;

use arrow::array::RecordBatch;
use sessionary_core::{id::SessionId, time::UnixMillis};

use crate::{LakeError, files::LakeFiles, tables::Table};

/// The rows of one tenant.
#[derive(Clone)]
pub struct Source {
    /// The lake's files. Finished sessions lie in `sessions/tenant=NAME/dt=DAY/*.parquet`.
    pub files: Arc<LakeFiles>,
    /// The tenant's name.
    pub tenant: String,
    /// What the files do not have.
    pub tables: Arc<dyn Tables>,
}

/// Rows beside the files. All of it may wait for a disk, so it is called where that hurts nobody.
pub trait Tables: Send + Sync {
    /// The time now. What was acknowledged before it is in whatever is read after.
    fn now(&self) -> UnixMillis;

    /// The sessions whose state is not in the files, each once.
    ///
    /// # Errors
    /// [`LakeError::Beside`].
    fn live(&self) -> Result<Vec<LiveSession>, LakeError>;

    /// One session as [`Tables::live`] tells those that are not in the files, whether it is in them
    /// or not; `None`: it is gone.
    ///
    /// # Errors
    /// [`LakeError::Beside`].
    fn live_session(&self, id: SessionId) -> Result<Option<LiveSession>, LakeError>;

    /// The rows of sessions as they stand now, with the columns of
    /// [`SessionRows`](crate::sessions::SessionRows). Those that are gone have none.
    ///
    /// # Errors
    /// [`LakeError::Beside`].
    fn sessions(&self, ids: &[SessionId]) -> Result<RecordBatch, LakeError>;

    /// Some rows of a table, with the columns of [`TableRows`](crate::tables::TableRows): those of
    /// sessions below `before`, latest first, or from the latest on; with `only`, those of one
    /// session.
    ///
    /// # Errors
    /// [`LakeError::Beside`].
    fn page(
        &self,
        table: Table,
        only: Option<SessionId>,
        before: Option<SessionId>,
    ) -> Result<Page, LakeError>;
}

/// A session that the files may not have as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// Its id.
    pub id: SessionId,
    /// Cuts so far.
    pub revision: u32,
    /// Whether it stands as it was cut last. If so, a file that has this revision says the same;
    /// else the session is ahead of it.
    pub is_cut: bool,
}

/// Some rows.
#[derive(Clone, Debug)]
pub struct Page {
    /// The rows.
    pub rows: RecordBatch,
    /// Where the next page begins: below this session. `None` at the end.
    pub next: Option<SessionId>,
}
