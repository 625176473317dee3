//! Telling apart lines that are the same to the letter.
//!
//! Two requests of one second can leave the same line twice. The n-th such line gets ordinal n, so
//! a file read in any order, or read again, gives the same set of keys.
use std::collections::HashMap;

use sessionary_core::signal::Signal;

/// How often each body was seen so far: about 20 bytes for each distinct one.
#[derive(Debug, Default)]
pub struct Identical {
    seen: HashMap<u64, u32>,
}

impl Identical {
    /// The key of a signal that came without one: the digest of its body, and from the second of
    /// the same body on its ordinal.
    pub fn key(&mut self, signal: &Signal) -> Box<str> {
        let digest = signal.body_digest();
        let ordinal = self.seen.entry(digest).and_modify(|count| *count += 1).or_insert(1);
        match ordinal {
            1 => format!("body:{digest:016x}").into(),
            _ => format!("body:{digest:016x}#{ordinal}").into(),
        }
    }
}
