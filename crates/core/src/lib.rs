//! The meaning: what a session is and how it changes.
//!
//! Pure: time arrives as an argument; nothing here reads a clock, a disk or a socket, and nothing
//! here knows a foreign shape. Read in the order of the modules.
pub mod bots;
pub mod channel;
pub mod dictionary;
pub mod disposition;
pub mod id;
pub mod identity;
pub mod signal;
pub mod time;
pub mod value;
