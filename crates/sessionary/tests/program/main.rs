//! The real binary: its commands, the answers of others to the bundled log, and kills under load.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it fails")]
mod bench;
mod commands;
mod kills;
mod program;
mod reference;
