//! CCAI Platform: the contact centre's status events and session metadata files, in and out.
//!
//! [`decode_events`] makes one signal of each status event, [`decode_metadata`] those that a file
//! implies: its milestones at their own times, and one report of everything in it, which stands for
//! the files before. [`of_session`] writes any session as such a file.
//!
//! Which member is which field stands in one table, `members.rs`; statuses and types of sessions
//! each in theirs. Members without a field are kept as attributes under their own names.
mod members;
mod status;
mod session_type;
mod sheet;
mod reading;
mod derived;
mod people;
mod menu;
mod legs;
mod wrap_up;
mod event;
mod report;
mod decode;
mod encode;

pub use decode::{decode_events, decode_metadata};
pub use encode::of_session;
