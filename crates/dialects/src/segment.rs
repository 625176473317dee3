//! Segment: the tracking calls that Segment's and `RudderStack`'s libraries send.
//!
//! [`read`] takes a body apart, so that the key in it can be looked up; [`Posting::decode`] makes a
//! signal of each call. A call that cannot be understood is put aside and never fails the others.
//! [`of_session`] tells a session as the calls that would have made it.
//!
//! What Segment has a place for is read from and written to that place. Everything else that we know
//! travels in `context.sessionary`, so that decoding what was encoded gives the same signal.
mod call;
mod framing;
mod events;
mod shape;
mod places;
mod parts;
mod draft;
mod own;
mod commerce;
mod unread;
mod head;
mod visitor;
mod decode;
mod encode;

pub use call::Call;
pub use encode::{Moment, encode, of_session};
pub use framing::{BodyError, Posting, read};

/// The name space of ids where neither the call nor the key says one.
pub const SOURCE: &str = "segment";

/// The type of a call that names a group.
pub const GROUPED: &str = "grouped";
/// The type of a call that gives a person another id.
pub const ALIASED: &str = "aliased";
