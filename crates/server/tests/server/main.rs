//! The server as a client sees it: raw bytes in, raw bytes out, over the real accept loop.
#![allow(clippy::unwrap_used, reason = "tests")]
mod bodies;
mod client;
mod connections;
mod face;
mod origins;
