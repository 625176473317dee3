//! The server as a client sees it: raw bytes in, raw bytes out, over the real accept loop.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it fails")]
mod bodies;
mod client;
mod connections;
mod face;
mod hostile;
mod log_lines;
mod origins;
mod world;
mod busy;
mod contract;
mod delivery;
mod delivery_peers;
mod outcomes;
mod queries;
mod postgres;
mod reports;
mod goals;
mod handshake;
mod segment;
mod ccai;
mod genesys;
mod tropo;
mod tropo_texts;
mod application;
