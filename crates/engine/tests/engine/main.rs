//! Stories of the engine over a real data directory.
mod harness;
mod restart;
mod stories;
