//! A map in one piece of memory: pairs in the order of their keys.
//!
//! A signal has a dozen fields. As one allocation they are found, copied and read back faster than
//! in a tree. It is written as any other map is.
use std::{borrow::Borrow, fmt, marker::PhantomData, ops::Index};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// A map sorted by its keys. Inserting between others moves those behind, so a map of thousands is
/// built from an iterator and not pair by pair.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

/// At most so many pairs are made room for on the word of what is being read.
const ROOM_MAX: usize = 64;

impl<K, V> SortedMap<K, V> {
    /// A map of nothing; takes no memory.
    pub const fn new() -> SortedMap<K, V> {
        SortedMap(Vec::new())
    }

    /// A map of nothing with room for so many pairs.
    pub fn with_capacity(pairs: usize) -> SortedMap<K, V> {
        SortedMap(Vec::with_capacity(pairs))
    }

    /// How many pairs it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all pairs away.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the pairs of which `is_kept` says so.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|(key, value)| is_kept(key, value));
    }

    /// The pairs in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where `key` is, or where it would be.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether it has the key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Sets the value of a key, and gives the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.0.last().is_none_or(|(last, _)| *last < key) {
            self.0.push((key, value));
            return None;
        }
        match self.place(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, known)| std::mem::replace(known, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes a pair away, and gives its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| self.0.remove(at).1)
    }

    /// The place of a key, taken or free.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { place: self.place(&key), map: self, key }
    }
}

/// The place of a key in a map.
pub struct Entry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    key: K,
    place: Result<usize, usize>,
}

impl<'a, K: Ord, V> Entry<'a, K, V> {
    /// The value there; where there is none, `value` is put there.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value there; where there is none, one is made.
    #[expect(clippy::missing_panics_doc, reason = "the place is one of the map's")]
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
        let at = match self.place {
            Ok(at) => at,
            Err(at) => {
                self.map.0.insert(at, (self.key, value()));
                at
            }
        };
        let (_, value) = self.map.0.get_mut(at).expect("it was found or put there just now");
        value
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> SortedMap<K, V> {
        SortedMap::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the map has the key")
    }
}

/// Of pairs with the same key the last one holds.
impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> SortedMap<K, V> {
        let mut pairs: Vec<(K, V)> = pairs.into_iter().collect();
        if !pairs.is_sorted_by(|one, next| one.0 < next.0) {
            pairs.sort_by(|one, other| one.0.cmp(&other.0));
            pairs.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    std::mem::swap(next, kept);
                }
                same
            });
        }
        SortedMap(pairs)
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        let before = std::mem::take(self);
        *self = before.into_iter().chain(pairs).collect();
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The pairs of a map, borrowed.
pub type Iter<'a, K, V> = std::iter::Map<std::slice::Iter<'a, (K, V)>, Pair<K, V>>;
type Pair<K, V> = for<'b> fn(&'b (K, V)) -> (&'b K, &'b V);

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K, V> Deserialize<'de> for SortedMap<K, V>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

struct Pairs<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for Pairs<K, V>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    type Value = SortedMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or_default().min(ROOM_MAX));
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Change {
        Insert(u8, u8),
        Remove(u8),
        Entry(u8, u8),
        Extend(Vec<(u8, u8)>),
        Retain(u8),
        Clear,
    }

    fn change() -> impl Strategy<Value = Change> {
        let key = || 0_u8..20;
        prop_oneof![
            6 => (key(), any::<u8>()).prop_map(|(key, value)| Change::Insert(key, value)),
            3 => key().prop_map(Change::Remove),
            3 => (key(), any::<u8>()).prop_map(|(key, value)| Change::Entry(key, value)),
            2 => vec((key(), any::<u8>()), 0..9).prop_map(Change::Extend),
            1 => key().prop_map(Change::Retain),
            1 => Just(Change::Clear),
        ]
    }

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(changes in vec(change(), 0..40)) {
            let (mut map, mut tree) = (SortedMap::new(), BTreeMap::new());
            for change in changes {
                match change {
                    Change::Insert(k, v) => prop_assert_eq!(map.insert(k, v), tree.insert(k, v)),
                    Change::Remove(k) => prop_assert_eq!(map.remove(&k), tree.remove(&k)),
                    Change::Entry(k, v) => {
                        prop_assert_eq!(map.entry(k).or_insert(v), tree.entry(k).or_insert(v));
                    }
                    Change::Extend(pairs) => {
                        map.extend(pairs.clone());
                        tree.extend(pairs);
                    }
                    Change::Retain(most) => {
                        map.retain(|key, _| *key <= most);
                        tree.retain(|key, _| *key <= most);
                    }
                    Change::Clear => {
                        map.clear();
                        tree.clear();
                    }
                }
                prop_assert!(map.iter().eq(tree.iter()));
                prop_assert!(map.keys().eq(tree.keys()) && map.values().eq(tree.values()));
                prop_assert!((0..20).all(|k| map.get(&k) == tree.get(&k)));
                prop_assert!((0..20).all(|k| map.contains_key(&k) == tree.contains_key(&k)));
                prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
            }
        }

        #[test]
        fn its_form_on_disk_is_that_of_a_tree(pairs in vec((any::<u8>(), "[a-z]{0,3}"), 0..20)) {
            let (map, tree) = (
                pairs.iter().cloned().collect::<SortedMap<_, _>>(),
                pairs.into_iter().collect::<BTreeMap<_, _>>(),
            );
            let bytes = rmp_serde::to_vec_named(&map).unwrap();
            prop_assert_eq!(&bytes, &rmp_serde::to_vec_named(&tree).unwrap());
            prop_assert_eq!(rmp_serde::from_slice::<SortedMap<u8, String>>(&bytes).unwrap(), map);
        }
    }

    #[test]
    fn what_was_written_out_of_order_is_read_in_order() {
        let read: SortedMap<Box<str>, u8> = serde_json::from_str(r#"{"b":1,"a":2,"b":3}"#).unwrap();
        assert_eq!(format!("{read:?}"), r#"{"a": 2, "b": 3}"#);
        assert_eq!(read["b"], 3);
    }
}
