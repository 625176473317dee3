//! The meaning: what a session is and how it changes.
//!
//! Pure: time arrives as an argument; nothing here reads a clock, a disk or a socket, and nothing
//! here knows a foreign shape. Read in the order of the modules.
pub mod time;
pub mod channel;
pub mod json;
pub mod sorted_map;
pub mod sorted_set;
pub mod word;
pub mod identity;
pub mod value;
pub mod signal;
pub mod dictionary;
pub mod disposition;
pub mod id;
pub mod rules;
pub mod profile;
pub mod lane;
pub mod stamp;
pub mod touch;
pub mod leg;
pub mod content;
pub mod boundary;
pub mod session;
pub mod lane_fold;
pub mod outcome;
pub mod goal;
pub mod placement;
pub mod record;
pub mod explain;
pub mod parcel;
pub mod mask;
pub mod destination;
