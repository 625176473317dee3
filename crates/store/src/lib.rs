//! The data directory: journal blocks and checkpoints in, ordered reads out.
//!
//! Everything on disk passes through [`Store`]. It knows bytes, order and durability; it knows no
//! session rule, no clock and no network. The journal says what happened; the tables hold what
//! was folded from it. Every byte is drawn in `FORMAT.md` beside this folder.
//!
//! Promises, each with a test: an acknowledged append is on disk; lost acknowledged data is a
//! refusal to start and never a silence; after a failed sync nothing more is written until all was
//! read and compared again.
mod bytes;
mod error;

mod block;
mod rows;

mod directory;
mod engine;
mod log_reader;
mod engine_log;
mod table_lists;
mod watermark;
mod room;
mod held;
mod live;
mod watch;

mod chunk_cache;
mod journal;
mod read;
mod store;
mod opening;
mod reopen;

pub mod keys;
pub mod lane_rows;
pub mod signal_ids;

pub mod check;

pub use block::{
    Block, BlockHeader, ENTRIES_PER_CHUNK, ENTRY_BYTES_MAX, Entry, FiredThrough, OwnedEntry,
    PackedEntries,
};
pub use directory::FORMAT_VERSION;
pub use error::StoreError;
pub use journal::Replay;
pub use read::{Direction, Read, Scan, Snapshot};
pub use room::Room;
pub use rows::{Rows, Table};
pub use store::{Durability, Options, Store};
