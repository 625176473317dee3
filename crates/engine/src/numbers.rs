//! Short ids and aliases: small numbers for people and for formats that want an integer.
use std::collections::BTreeMap;

use sessionary_core::{id::PARTITIONS, session::Envelope, signal::TenantId};

/// Short ids of one partition.
const SHORT_IDS: u32 = 14_000;
/// The first short id: six digits from here on.
const FIRST_SHORT_ID: u32 = 100_000;
/// Words of 64 short ids in one partition.
const WORDS: usize = 219;

/// Numbers handed out, per partition.
#[derive(Default)]
pub(crate) struct Numbers {
    used: BTreeMap<u8, Used>,
    aliases: BTreeMap<(TenantId, u8), u64>,
}

/// The used short ids of a partition, a bit each.
struct Used {
    bits: Box<[u64; WORDS]>,
    /// Every word before this one is full.
    full: usize,
    changed: bool,
}

impl Default for Used {
    fn default() -> Used {
        Used { bits: Box::new([0; WORDS]), full: 0, changed: false }
    }
}

impl Used {
    fn take(&mut self) -> Option<u32> {
        let (at, word) = self
            .bits
            .iter_mut()
            .enumerate()
            .skip(self.full)
            .find(|(_, word)| **word != u64::MAX)?;
        let bit = word.trailing_ones();
        let n = u32::try_from(at).ok()? * 64 + bit;
        self.full = at;
        if n >= SHORT_IDS {
            return None;
        }
        *word |= 1 << bit;
        self.changed = true;
        Some(n)
    }

    fn free(&mut self, n: u32) {
        let at = n as usize / 64;
        if let Some(word) = self.bits.get_mut(at) {
            *word &= !(1 << (n % 64));
            self.full = self.full.min(at);
            self.changed = true;
        }
    }
}

impl Numbers {
    /// The least short id that no open session has; `None` when the partition has none left.
    pub(crate) fn take_short_id(&mut self, partition: u8) -> Option<u32> {
        let n = self.used.entry(partition).or_default().take()?;
        Some(FIRST_SHORT_ID + u32::from(partition) * SHORT_IDS + n)
    }

    /// Gives a session that was just opened its short id and its alias, unless it has them.
    pub(crate) fn give(&mut self, envelope: &mut Envelope, partition: u8) {
        if envelope.short_id.is_none() {
            envelope.short_id = self.take_short_id(partition);
        }
        if envelope.alias == 0 {
            envelope.alias = self.next_alias(envelope.tenant, partition);
        }
    }

    /// Gives a short id back.
    pub(crate) fn free_short_id(&mut self, short_id: u32) {
        let Some((partition, n)) = parts(short_id) else { return };
        self.used.entry(partition).or_default().free(n);
    }

    /// The next alias: n × 64 + partition, below 2^53 for as long as anybody will live.
    pub(crate) fn next_alias(&mut self, tenant: TenantId, partition: u8) -> u64 {
        let n = self.aliases.entry((tenant, partition)).or_default();
        *n += 1;
        *n * u64::from(PARTITIONS) + u64::from(partition)
    }

    pub(crate) fn alias_rows(&self) -> Vec<(TenantId, u8, u64)> {
        self.aliases.iter().map(|((tenant, partition), n)| (*tenant, *partition, *n)).collect()
    }

    pub(crate) fn restore_aliases(&mut self, rows: Vec<(TenantId, u8, u64)>) {
        let pair = |(tenant, partition, n)| ((tenant, partition), n);
        self.aliases = rows.into_iter().map(pair).collect();
    }

    /// The used short ids of each partition in which they changed since the last call, as bytes.
    pub(crate) fn take_changed(&mut self) -> Vec<(u8, Vec<u8>)> {
        let bytes = |(partition, used): (&u8, &mut Used)| {
            let changed = std::mem::take(&mut used.changed);
            let kept = used.bits.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
            let words = used.bits.iter().take(kept);
            changed.then(|| (*partition, words.flat_map(|word| word.to_be_bytes()).collect()))
        };
        self.used.iter_mut().filter_map(bytes).collect()
    }

    /// Reads what [`Numbers::take_changed`] gave for a partition.
    pub(crate) fn restore_short_ids(&mut self, partition: u8, bytes: &[u8]) {
        let used = self.used.entry(partition).or_default();
        for (word, bytes) in used.bits.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = bytes.try_into().map_or(0, u64::from_be_bytes);
        }
        used.full = 0;
    }
}

fn parts(short_id: u32) -> Option<(u8, u32)> {
    let n = short_id.checked_sub(FIRST_SHORT_ID)?;
    Some((u8::try_from(n / SHORT_IDS).ok()?, n % SHORT_IDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// The least free number is given; a restored state hands out the same number next.
        #[test]
        fn a_restored_state_goes_on_alike(steps in proptest::collection::vec(any::<(bool, u8)>(), 0..300)) {
            let mut numbers = Numbers::default();
            let mut taken = BTreeSet::new();
            for (take, which) in steps {
                if take {
                    let id = numbers.take_short_id(5).unwrap();
                    let first = FIRST_SHORT_ID + 5 * SHORT_IDS;
                    let least = (first..first + SHORT_IDS).find(|n| !taken.contains(n));
                    prop_assert_eq!(Some(id), least);
                    taken.insert(id);
                } else if let Some(id) = taken.iter().copied().nth(usize::from(which) % taken.len().max(1)) {
                    taken.remove(&id);
                    numbers.free_short_id(id);
                }
            }
            let mut restored = Numbers::default();
            for (partition, bytes) in numbers.take_changed() {
                restored.restore_short_ids(partition, &bytes);
            }
            prop_assert_eq!(numbers.take_short_id(5), restored.take_short_id(5));
        }
    }

    #[test]
    fn a_partition_has_fourteen_thousand() {
        let mut numbers = Numbers::default();
        let all: BTreeSet<u32> = std::iter::from_fn(|| numbers.take_short_id(63)).collect();
        assert_eq!((all.len(), all.last()), (14_000, Some(&995_999)));
        numbers.free_short_id(990_000);
        assert_eq!(numbers.take_short_id(63), Some(990_000));
        assert_eq!(numbers.take_short_id(63), None);
    }
}
