//! The only place where time, disk and network meet the core: when, and in which order.
//!
//! Requests queue up at one folding thread. It takes whatever queued during the last sync, appends it
//! to the journal as one block with one sync, folds it, and answers; nothing leaves before its block
//! is durable (CORE.md 2).
mod intake;
mod inbox;
mod group;
mod waiting;
mod worker;
pub mod clock;
pub mod entry;
mod shard;
mod replay;
mod fold;
mod gathered;
mod repeats;
mod firing;
mod timers;
mod sources;
mod placement;
pub mod catalogue;
pub mod destinations;
mod parcels;
mod delivery;
mod parcel_reader;
mod redelivery;
pub mod lake;
pub mod sealing;
pub mod pump;
pub mod hops;
mod numbers;
mod live;
mod hot;
mod hot_lane;
mod lane_map;
mod checkpoint;
mod staging;
mod rows;
mod members;
mod bytes;
mod tidy;
mod membership;
mod healing;
mod read;
mod records;
mod live_rows;
mod tables;
pub mod reports;
mod signals;
mod signal_cursor;
mod people;
pub mod quarantine;
pub mod registry;
pub mod keys;
pub mod access_tokens;
pub mod action_keys;
pub mod check;
pub mod comparing;
mod error;

pub use error::EngineError;
pub use fold::{Folded, Verdict, VerdictStatus};
pub use intake::{Engine, Failure, Receipt, SessionView, Submission};
pub use live::{Live, LiveEvent};
pub use parcel_reader::{Named, ParcelFilter};
pub use people::Person;
pub use placement::ReviewRow;
pub use read::{Page, Reader, SessionFilter};
pub use records::CutRecord;
pub use redelivery::Redelivery;
pub use rows::EdgeRow;
pub use shard::{Kept, ShardConfig, kept};
pub use signal_cursor::SignalCursor;

#[cfg(test)]
mod laws;
