//! A path as one number: its nodes' places, side by side.
use crate::{LakeError, columns::mixed, parts::Spread};

/// A number wide enough for a path.
pub(super) trait Code: Spread + Default + Eq + Sync {
    const BITS: u32;

    fn wide(self) -> u128;

    /// The lowest bits.
    fn narrow(wide: u128) -> Self;

    /// Room for one more node at the end.
    fn then(self, bits: u32, place: u32) -> Self;

    fn and(self, mask: Self) -> Self;
}

impl Spread for u64 {
    fn spread(&self) -> u64 {
        mixed(*self)
    }
}

impl Spread for u128 {
    fn spread(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let [high, low] = [(*self >> 64) as u64, *self as u64];
        mixed(mixed(low) ^ high)
    }
}

impl Code for u64 {
    const BITS: u32 = u64::BITS;

    fn wide(self) -> u128 {
        u128::from(self)
    }

    #[expect(clippy::cast_possible_truncation, reason = "as it says")]
    fn narrow(wide: u128) -> u64 {
        wide as u64
    }

    fn then(self, bits: u32, place: u32) -> u64 {
        self << bits | u64::from(place)
    }

    fn and(self, mask: u64) -> u64 {
        self & mask
    }
}

impl Code for u128 {
    const BITS: u32 = u128::BITS;

    fn wide(self) -> u128 {
        self
    }

    fn narrow(wide: u128) -> u128 {
        wide
    }

    fn then(self, bits: u32, place: u32) -> u128 {
        self << bits | u128::from(place)
    }

    fn and(self, mask: u128) -> u128 {
        self & mask
    }
}

/// How many bits a node takes, and how many nodes there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coding {
    bits: u32,
    length: u32,
    mask: u128,
}

impl Coding {
    pub(super) fn new(nodes: usize, length: usize) -> Result<Coding, LakeError> {
        let bits = usize::BITS - nodes.max(2).saturating_sub(1).leading_zeros();
        let all = u32::try_from(length).ok().and_then(|length| length.checked_mul(bits));
        let Some(all) = all.filter(|all| *all <= u128::BITS) else {
            return Err(LakeError::Parameter(format!(
                "paths of {length} among {nodes} nodes take {bits} bits a node and more than 128 in \
                 all; ask for shorter ones, or group the nodes"
            )));
        };
        Ok(Coding { bits, length: all / bits, mask: u128::MAX >> (u128::BITS - all) })
    }

    pub(super) fn fits<C: Code>(self) -> bool {
        self.bits * self.length <= C::BITS
    }

    /// The path that goes on to one more node, without its first.
    #[inline]
    pub(super) fn then<C: Code>(self, path: C, place: u32) -> C {
        // Only the full 128 bits of a single node could not be shifted, and a node has fewer than 33.
        path.then(self.bits, place).and(C::narrow(self.mask))
    }

    pub(super) fn nodes<C: Code>(self, path: C) -> impl Iterator<Item = u32> {
        let node = u32::MAX >> (u32::BITS - self.bits);
        (0..self.length).rev().map(move |at| {
            let shifted = path.wide() >> (at * self.bits);
            u32::try_from(shifted & u128::from(node)).unwrap_or(0)
        })
    }
}
