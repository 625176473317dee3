//! The signals of one block on their way into their lanes, and what became of each.
use std::collections::HashSet;

use sessionary_core::{
    id::SessionId,
    lane::{LaneKey, LaneKind, LaneName},
    signal::{Arrival, TenantId},
    stamp::Stamped,
};

use crate::{Verdict, VerdictStatus, lane_map::LaneMap};

/// A group with more signals than this has a set of the hashes of their keys.
const SCANNED_MAX: usize = 32;

/// Signals of one block, stamped and not yet folded.
#[derive(Default)]
pub(crate) struct Gathered {
    /// By lane, in the order in which the block meets them.
    pub(crate) groups: Vec<Group>,
    by_lane: LaneMap<usize>,
    /// For groups that are long, which hashes are in them.
    hashes: LaneMap<HashSet<u64>>,
    /// Signals that go to the session that they name, wherever their time would put them.
    pub(crate) pinned: Vec<Pinned>,
    /// Signals that repeat another of the block, with its position.
    pub(crate) twins: Vec<(u64, Arrival, VerdictStatus, u64)>,
}

/// The signals of one lane.
pub(crate) struct Group {
    pub(crate) tenant: TenantId,
    pub(crate) lane: LaneKey,
    pub(crate) kind: LaneKind,
    pub(crate) stamped: Vec<Stamped>,
}

/// A signal for one session.
pub(crate) struct Pinned {
    pub(crate) stamped: Stamped,
    pub(crate) tenant: TenantId,
    pub(crate) lane: LaneKey,
    pub(crate) kind: LaneKind,
    pub(crate) session: SessionId,
}

impl Gathered {
    pub(crate) fn push(&mut self, tenant: TenantId, name: &LaneName, stamped: Stamped) {
        let at = *self.by_lane.entry(name.key).or_insert_with(|| {
            let (lane, kind) = (name.key, name.kind);
            self.groups.push(Group { tenant, lane, kind, stamped: Vec::with_capacity(1) });
            self.groups.len() - 1
        });
        let Some(group) = self.groups.get_mut(at) else { return };
        if group.stamped.len() >= SCANNED_MAX {
            let hashes = self
                .hashes
                .entry(name.key)
                .or_insert_with(|| group.stamped.iter().map(|stamped| stamped.key_hash).collect());
            hashes.insert(stamped.key_hash);
        }
        group.stamped.push(stamped);
    }

    /// Positions of signals of the lane whose keys have this hash.
    pub(crate) fn with_key(&self, lane: LaneKey, key_hash: u64) -> Vec<u64> {
        let group = self.by_lane.get(&lane).and_then(|at| self.groups.get(*at));
        let absent = self.hashes.get(&lane).is_some_and(|hashes| !hashes.contains(&key_hash));
        let stamped = group.filter(|_| !absent).into_iter().flat_map(|group| &group.stamped);
        let pinned = self.pinned.iter().filter(|pinned| pinned.lane == lane);
        let all = stamped.chain(pinned.map(|pinned| &pinned.stamped));
        all.filter(|stamped| stamped.key_hash == key_hash).map(|stamped| stamped.position).collect()
    }

    /// Whether the signal at this position is among them.
    pub(crate) fn holds(&self, position: u64) -> bool {
        let grouped = self.groups.iter().flat_map(|group| &group.stamped);
        let all = grouped.chain(self.pinned.iter().map(|pinned| &pinned.stamped));
        all.into_iter().any(|stamped| stamped.position == position)
    }
}

/// What became of the signals of a block, by position.
#[derive(Debug)]
pub(crate) struct Verdicts {
    first: u64,
    verdicts: Vec<Option<Verdict>>,
}

impl Verdicts {
    pub(crate) fn new(first: u64, count: usize) -> Verdicts {
        Verdicts { first, verdicts: vec![None; count] }
    }

    pub(crate) fn set(&mut self, position: u64, verdict: Verdict) {
        let at = usize::try_from(position.wrapping_sub(self.first)).unwrap_or(usize::MAX);
        if let Some(slot) = self.verdicts.get_mut(at) {
            *slot = Some(verdict);
        }
    }

    /// The verdict on the signal at a position; an entry that is no signal has none.
    pub(crate) fn get(&self, position: u64) -> Option<Verdict> {
        let at = usize::try_from(position.checked_sub(self.first)?).ok()?;
        self.verdicts.get(at).copied().flatten()
    }

    /// All of them, in order of position.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Verdict> {
        self.verdicts.iter().copied().flatten()
    }
}
