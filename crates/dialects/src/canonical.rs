//! Our own form: the body of `POST /v1/signals`.
//!
//! One JSON object, a JSON list, or one object a line; the Content-Type is never asked. Each item
//! is decoded or put aside on its own. Members are found in the dictionary by their dotted path;
//! what it does not know is kept under its path, as it was sent.
//!
//! Most bodies are decoded in one pass over their bytes. What is out of the ordinary, bad items
//! above all, is looked at once more, and only then are its own bytes kept.
mod decode;
mod framing;
mod quick;
mod careful;
mod slots;
mod parts;
mod draft;
mod encode;
pub(crate) mod members;

pub use decode::{ItemError, decode};
pub use encode::{encode, encode_raw};
pub use framing::BodyError;
pub(crate) use framing::{split, text_of};
pub(crate) use slots::is_own_member;

#[cfg(test)]
mod agreement;
