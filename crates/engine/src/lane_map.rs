//! Maps by lane: a lane's key is a keyed hash already, so it is not hashed again.
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use sessionary_core::lane::LaneKey;

/// A map by lane.
pub(crate) type LaneMap<T> = HashMap<LaneKey, T, BuildHasherDefault<LastBytes>>;

/// Takes the last eight bytes that it is given for the hash. Nobody outside can choose them: the
/// key is a hash under the data directory's secret.
#[derive(Default)]
pub(crate) struct LastBytes(u64);

impl Hasher for LastBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk::<8>() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    /// The length of the array comes first and says nothing.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_told_apart() {
        let lane = |n: u64| LaneKey([[7; 8], n.to_be_bytes()].concat().try_into().unwrap());
        let map: LaneMap<u64> = (0..1_000).map(|n| (lane(n), n)).collect();
        assert!((0..1_000).all(|n| map.get(&lane(n)) == Some(&n)));
    }
}
