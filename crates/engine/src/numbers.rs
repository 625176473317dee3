//! Short ids and aliases: small numbers for people and for formats that want an integer.
use std::collections::{BTreeMap, BTreeSet};

use sessionary_core::{id::PARTITIONS, signal::TenantId};

/// Short ids of one partition.
const SHORT_IDS: u32 = 14_000;
/// The first short id: six digits from here on.
const FIRST_SHORT_ID: u32 = 100_000;

/// Numbers handed out, per partition.
#[derive(Default)]
pub(crate) struct Numbers {
    used: BTreeMap<u8, Used>,
    aliases: BTreeMap<(TenantId, u8), u64>,
}

/// The used numbers of a partition: all below `high` but the free ones.
#[derive(Default)]
struct Used {
    high: u32,
    free: BTreeSet<u32>,
}

impl Numbers {
    /// The least short id that no open session has; `None` when the partition has none left.
    pub(crate) fn take_short_id(&mut self, partition: u8) -> Option<u32> {
        let used = self.used.entry(partition).or_default();
        let n = match used.free.pop_first() {
            Some(n) => n,
            None if used.high < SHORT_IDS => {
                used.high += 1;
                used.high - 1
            }
            None => return None,
        };
        Some(FIRST_SHORT_ID + u32::from(partition) * SHORT_IDS + n)
    }

    /// Takes note of a short id that an open session has, when the state is restored.
    pub(crate) fn restore_short_id(&mut self, short_id: u32) {
        let Some((partition, n)) = parts(short_id) else { return };
        let used = self.used.entry(partition).or_default();
        for free in used.high..n {
            used.free.insert(free);
        }
        used.high = used.high.max(n + 1);
        used.free.remove(&n);
    }

    /// Gives a short id back.
    pub(crate) fn free_short_id(&mut self, short_id: u32) {
        let Some((partition, n)) = parts(short_id) else { return };
        let used = self.used.entry(partition).or_default();
        used.free.insert(n);
        while used.high > 0 && used.free.remove(&(used.high - 1)) {
            used.high -= 1;
        }
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
}

fn parts(short_id: u32) -> Option<(u8, u32)> {
    let n = short_id.checked_sub(FIRST_SHORT_ID)?;
    Some((u8::try_from(n / SHORT_IDS).ok()?, n % SHORT_IDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was taken and given back, a restored state hands out the same number next.
        #[test]
        fn a_restored_state_goes_on_alike(steps in proptest::collection::vec(any::<(bool, u8)>(), 0..80)) {
            let mut numbers = Numbers::default();
            let mut taken: Vec<u32> = Vec::new();
            for (take, which) in steps {
                if take {
                    let id = numbers.take_short_id(5).unwrap();
                    prop_assert!(!taken.contains(&id));
                    taken.push(id);
                } else if !taken.is_empty() {
                    numbers.free_short_id(taken.remove(usize::from(which) % taken.len()));
                }
            }
            let mut restored = Numbers::default();
            for id in taken {
                restored.restore_short_id(id);
            }
            prop_assert_eq!(numbers.take_short_id(5), restored.take_short_id(5));
        }
    }
}
