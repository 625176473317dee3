//! The meaning: what a session is and how it changes.
//!
//! Pure: time arrives as an argument; nothing here reads a clock, a disk or a socket, and nothing
//! here knows a foreign shape. Read in the order of the modules.
pub mod boundary;
pub mod channel;
pub mod content;
pub mod dictionary;
pub mod disposition;
pub mod id;
pub mod identity;
pub mod lane;
pub mod lane_fold;
pub mod leg;
pub mod outcome;
pub mod rules;
pub mod session;
pub mod signal;
pub mod stamp;
pub mod time;
pub mod touch;
pub mod value;
