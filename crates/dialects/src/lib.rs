//! Strangers' shapes in and out: bytes to signals, sessions to bytes.
pub mod access_log;
pub mod identical;
pub mod mapping;
mod month;
