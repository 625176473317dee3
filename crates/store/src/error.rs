//! What can go wrong with a data directory, in words for the person who must act.
use std::path::PathBuf;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Every failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the directory open.
    #[error("{} is in use by another process; stop it first, one process may open a data directory at a time", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The directory was written by a newer program. Nothing in it was changed.
    #[error(
        "the data directory has format {found}; this program knows formats up to {known}, so start the newer program (nothing was changed)"
    )]
    NewerFormat {
        /// The format found in the manifest.
        found: u64,
        /// The newest format this program reads.
        known: u64,
    },
    /// Bytes on disk are not what was written.
    #[error(
        "{what} is damaged: {range}; restore a backup, or open read-only to save what is whole"
    )]
    Damaged {
        /// Which structure: "the journal of shard 3", "the manifest".
        what: String,
        /// Which part of it, and how it was noticed.
        range: String,
    },
    /// Data that had been acknowledged is gone; fjall cut its log without a word.
    #[error(
        "acknowledged data is missing: {missing}; restore a backup, or open read-only to save what is whole"
    )]
    WatermarkAhead {
        /// The missing ranges, both ends included.
        missing: String,
    },
    /// An earlier write or sync failed, so what is on disk is uncertain until
    /// [`crate::Store::reopen`] or a restart.
    #[error(
        "an earlier write to disk failed and the store accepts no more writes; look at the disk, then open it again to recover"
    )]
    Poisoned,
    /// The store is being closed and opened again, after a failed write or to cut its log.
    #[error("the store is being opened again; ask again in a moment")]
    Reopening,
    /// The store cannot be opened again because somebody is still reading.
    #[error("the store cannot be opened again while {users} snapshots and scans last; end them")]
    InUse {
        /// How many.
        users: usize,
    },
    /// A write or sync failed; the store is poisoned from now on.
    #[error(
        "a write to disk failed and the store accepts no more; look at the disk, then open it again to recover"
    )]
    WriteFailed {
        /// Why.
        source: Box<StoreError>,
    },
    /// The disk was full in the middle of a write; the store is poisoned as well.
    #[error("no space left on the disk while {doing}; free some")]
    NoSpace {
        /// What the store was doing.
        doing: &'static str,
    },
    /// The caller wants to keep something that no row or block can hold; nothing was written.
    #[error("{what} is {bytes} bytes long; send {min} to {max}")]
    Unstorable {
        /// What was refused: "a key of the table `sessions`", "a journal entry".
        what: String,
        /// Its length.
        bytes: usize,
        /// The shortest length allowed.
        min: usize,
        /// The longest length allowed.
        max: usize,
    },
    /// A write to a store that was opened with `open_read_only`.
    #[error("the store was opened read-only; open it for writing")]
    ReadOnly,
    /// The directory cannot be created or entered.
    #[error("cannot use {} as data directory; check its path and permissions", dir.display())]
    CannotCreate {
        /// The data directory.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system refused a read or a write.
    #[error("the operating system failed while {doing}")]
    Io {
        /// What the store was doing.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The engine below failed in a way that has no name of its own here.
    #[error("the storage engine failed while {doing}")]
    Engine {
        /// What the store was doing.
        doing: &'static str,
        /// Why.
        source: Source,
    },
}

impl StoreError {
    /// The exit code of the program that stops because of this error: 65 for damage or a newer
    /// format, 70 for a failed write or sync, 73 for a directory that cannot be had, 74 for a
    /// failed read.
    pub fn exit_code(&self) -> u8 {
        match self {
            StoreError::NewerFormat { .. }
            | StoreError::Damaged { .. }
            | StoreError::WatermarkAhead { .. } => 65,
            StoreError::Poisoned
            | StoreError::Reopening
            | StoreError::InUse { .. }
            | StoreError::WriteFailed { .. }
            | StoreError::NoSpace { .. }
            | StoreError::Unstorable { .. }
            | StoreError::ReadOnly
            | StoreError::Engine { .. } => 70,
            StoreError::Locked { .. } | StoreError::CannotCreate { .. } => 73,
            StoreError::Io { .. } => 74,
        }
    }

    pub(crate) fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                StoreError::NoSpace { doing }
            }
            _ => StoreError::Io { doing, source },
        }
    }

    pub(crate) fn damaged(what: impl Into<String>, range: impl Into<String>) -> StoreError {
        StoreError::Damaged { what: what.into(), range: range.into() }
    }
}
