//! A quick hash for tables whose keys are our own: names of fields, members and words.
//!
//! It withstands no attacker who chooses keys. None can: what a sender writes is looked up in
//! these tables and never put into them.
use std::hash::{BuildHasherDefault, Hasher};

/// Makes hashers of names.
pub type NameHash = BuildHasherDefault<NameHasher>;

/// Hashes a name eight bytes at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameHasher(u64);

/// The fraction of the golden ratio: odd, its bits well mixed.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl NameHasher {
    #[inline]
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, mut bytes: &[u8]) {
        while let Some((eight, rest)) = bytes.split_first_chunk() {
            self.mix(u64::from_le_bytes(*eight));
            bytes = rest;
        }
        if let Some((four, rest)) = bytes.split_first_chunk() {
            self.mix(u64::from(u32::from_le_bytes(*four)));
            bytes = rest;
        }
        for byte in bytes {
            self.mix(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, _end_of_text: u8) {}

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.mix(number.into());
    }

    #[inline]
    fn finish(&self) -> u64 {
        // The table asks for the upper bits and for the lower ones.
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::FIELDS;
    use std::{collections::HashSet, hash::BuildHasher};

    #[test]
    fn every_name_of_the_dictionary_has_a_hash_of_its_own() {
        let names: HashSet<&str> = FIELDS.iter().flat_map(|row| [row.name, row.member]).collect();
        let hash = |name: &&str| NameHash::default().hash_one(name);
        let hashes: HashSet<u64> = names.iter().map(hash).collect();
        assert_eq!(hashes.len(), names.len());
        let buckets: HashSet<u64> = hashes.iter().map(|hash| hash % 1024).collect();
        assert!(buckets.len() * 10 > names.len() * 7, "{} of {}", buckets.len(), names.len());
    }
}
