//! A set in one piece of memory, in order.
//!
//! A session holds one or two identities, claims and warnings; a tree makes room for eleven of each
//! at once. It is written as any other set is.
use serde::{Deserialize, Deserializer, Serialize};

/// Up to here room is made for one more at a time.
const EXACT_MAX: usize = 4;

/// A sorted set. Inserting between others moves those behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SortedSet<T>(Vec<T>);

impl<T> SortedSet<T> {
    /// A set of nothing; takes no memory.
    pub const fn new() -> SortedSet<T> {
        SortedSet(Vec::new())
    }

    /// How many it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T: Ord> SortedSet<T> {
    /// Puts one in; gives whether it was new.
    pub fn insert(&mut self, value: T) -> bool {
        let Err(at) = self.0.binary_search(&value) else { return false };
        if self.0.len() < EXACT_MAX {
            self.0.reserve_exact(1);
        }
        self.0.insert(at, value);
        true
    }
}

impl<T> Default for SortedSet<T> {
    fn default() -> SortedSet<T> {
        SortedSet::new()
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> SortedSet<T> {
        let mut values: Vec<T> = values.into_iter().collect();
        values.sort();
        values.dedup();
        SortedSet(values)
    }
}

impl<'a, T> IntoIterator for &'a SortedSet<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for SortedSet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(SortedSet::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(values in vec(0_u8..20, 0..40)) {
            let (mut set, mut tree) = (SortedSet::new(), BTreeSet::new());
            for value in &values {
                prop_assert_eq!(set.insert(*value), tree.insert(*value));
                prop_assert!(set.iter().eq(&tree));
                prop_assert_eq!((set.len(), set.is_empty()), (tree.len(), tree.is_empty()));
            }
            prop_assert_eq!(&set, &values.iter().copied().collect());
            let bytes = rmp_serde::to_vec_named(&set).unwrap();
            prop_assert_eq!(&bytes, &rmp_serde::to_vec_named(&tree).unwrap());
            prop_assert_eq!(rmp_serde::from_slice::<SortedSet<u8>>(&bytes).unwrap(), set);
            let unordered = rmp_serde::to_vec_named(&values).unwrap();
            let read: SortedSet<u8> = rmp_serde::from_slice(&unordered).unwrap();
            prop_assert!(read.iter().eq(&tree));
        }
    }
}
