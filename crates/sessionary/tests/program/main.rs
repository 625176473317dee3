//! The real binary: its commands, the answers of others to the bundled log, and a little of every fault.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it fails")]
mod bench;
mod commands;
mod enrichment;
mod exporting;
mod faults;
mod lake;
mod lake_in_a_bucket;
mod lake_readers;
mod postgres;
mod program;
mod querying;
mod raw_events;
mod reference;
mod replaying;
mod reporting;
