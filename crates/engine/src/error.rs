//! What can go wrong in the engine.
use sessionary_store::StoreError;

use crate::entry::EntryError;

/// An error of the engine. Those of the store mean that the process must end or restart.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A journal entry cannot be read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A row of our own cannot be read.
    #[error("the row of {what} does not decode: run `sessionary check` on the data directory")]
    Row {
        /// What the row holds.
        what: String,
        /// Why.
        source: rmp_serde::decode::Error,
    },
    /// Something that another row names is not there.
    #[error(
        "{what} is named by another row and missing: run `sessionary check` on the data directory"
    )]
    Missing {
        /// What.
        what: &'static str,
    },
    /// The queue is full: the caller should come again in a moment.
    #[error("too many requests are waiting to be written; send again in a moment")]
    Busy,
    /// The disk failed while this was written, or is being opened again.
    #[error(
        "the write was interrupted and may or may not have been kept; send it again as it is, a repetition does no harm"
    )]
    Interrupted,
    /// A definition was changed for a version that it no longer has, or there are too many.
    #[error("it has changed since it was read; read it again and change what is there now")]
    Outdated,
    /// The engine has stopped or is stopping.
    #[error("the server is stopping; send again when it is back")]
    Stopped,
    /// Too little disk space to accept more.
    #[error("only {free} bytes are free and {needed} must stay free; make room and send again")]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// The watermark.
        needed: u64,
    },
}

impl EngineError {
    /// Whether opening the store again may help: a write failed, and nothing is damaged.
    pub(crate) fn may_heal(&self) -> bool {
        matches!(self, EngineError::Store(error) if error.exit_code() == 70 || error.exit_code() == 74)
    }

    /// The exit code that a program ends with on this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            EngineError::Store(error) => error.exit_code(),
            EngineError::Entry(_) | EngineError::Row { .. } | EngineError::Missing { .. } => 65,
            _ => 70,
        }
    }
}
