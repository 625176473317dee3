//! Deliveries to real servers, and to a receiver that does what receivers do on bad days.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it fails")]
mod sample;
mod webhook;
mod guard;
mod object_file;
mod bucket;
mod email;
mod crm;
mod tropo;
mod docs;
