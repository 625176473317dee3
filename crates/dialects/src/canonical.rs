//! Our own form: the body of `POST /v1/signals`.
//!
//! One JSON object, a JSON list, or one object a line; the Content-Type is never asked. Each item
//! is decoded or put aside on its own. Members are found in the dictionary by their dotted path;
//! what it does not know is kept under its path, as it was sent.
mod decode;
mod encode;
mod framing;
pub(crate) mod members;

pub(crate) use decode::is_own_member;
pub use decode::{ItemError, decode};
pub use encode::{encode, encode_raw};
pub use framing::BodyError;
