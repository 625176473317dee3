//! The only place where time, disk and network meet the core: when, and in which order.
//!
//! Requests queue up at one folding thread. It takes whatever queued during the last sync, appends it
//! to the journal as one block with one sync, folds it, and answers; nothing leaves before its block
//! is durable (CORE.md 2).
pub mod action_keys;
pub mod check;
pub mod clock;
pub mod entry;
mod error;
mod bytes;
mod checkpoint;
mod fold;
mod gathered;
mod healing;
mod repeats;
mod firing;
mod hot;
mod hot_lane;
mod inbox;
mod intake;
mod lane_map;
mod members;
mod membership;
pub mod keys;
mod live;
mod numbers;
mod people;
mod placement;
pub mod quarantine;
mod read;
pub mod registry;
mod rows;
mod shard;
mod signal_cursor;
mod signals;
mod sources;
mod staging;
mod tidy;
mod timers;
mod worker;

pub use error::EngineError;
pub use fold::{Folded, Verdict, VerdictStatus};
pub use intake::{Engine, Failure, Receipt, SessionView, Submission};
pub use live::{Live, LiveEvent};
pub use people::Person;
pub use placement::ReviewRow;
pub use read::{Page, Reader, SessionFilter};
pub use rows::EdgeRow;
pub use shard::{Kept, ShardConfig, kept};
pub use signal_cursor::SignalCursor;

#[cfg(test)]
mod laws;
