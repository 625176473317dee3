//! Stories of the engine over a real data directory.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it fails")]
mod checking;
mod goals;
mod harness;
mod restart;
mod stories;
mod enriching;
