//! The signals of one block on their way into their lanes, and what became of each.
use std::collections::{HashMap, HashSet};

use sessionary_core::{
    id::SessionId,
    lane::{LaneKey, LaneKind, LaneName},
    signal::{Arrival, TenantId},
    stamp::Stamped,
};

use crate::{Verdict, VerdictStatus, lane_map::LaneMap};

/// A group with more signals than this has a set of the hashes of their keys.
const SCANNED_MAX: usize = 32;

/// Signals of one block, stamped and not yet folded. Kept from block to block for its memory.
#[derive(Default)]
pub(crate) struct Gathered {
    stamped: Vec<One>,
    /// In the order in which the block meets their lanes.
    groups: Vec<Group>,
    by_lane: LaneMap<u32>,
    /// For groups that are long, which hashes are in them.
    hashes: HashMap<u32, HashSet<u64>>,
    /// Signals that go to the session that they name, wherever their time would put them.
    pub(crate) pinned: Vec<Pinned>,
    /// Signals that repeat another of the block, with its position.
    pub(crate) twins: Vec<(u64, Arrival, VerdictStatus, u64)>,
}

/// A gathered signal.
struct One {
    /// The number of its group.
    group: u32,
    /// Where the one before it in its group stands.
    before: Option<u32>,
    stamped: Stamped,
}

/// The signals of one lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) tenant: TenantId,
    pub(crate) lane: LaneKey,
    pub(crate) kind: LaneKind,
    signals: usize,
    /// Where its last signal stands.
    last: Option<u32>,
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
        let number = *self.by_lane.entry(name.key).or_insert_with(|| {
            let (lane, kind) = (name.key, name.kind);
            self.groups.push(Group { tenant, lane, kind, signals: 0, last: None });
            index(self.groups.len() - 1)
        });
        let Some(group) = self.groups.get_mut(number as usize) else { return };
        group.signals += 1;
        let before = group.last.replace(index(self.stamped.len()));
        if group.signals > SCANNED_MAX {
            let hashes = self.hashes.entry(number).or_insert_with(|| {
                let own = self.stamped.iter().filter(|one| one.group == number);
                own.map(|one| one.stamped.key_hash).collect()
            });
            hashes.insert(stamped.key_hash);
        }
        self.stamped.push(One { group: number, before, stamped });
    }

    /// Positions of signals of the lane whose keys have this hash.
    pub(crate) fn with_key(&self, lane: LaneKey, key_hash: u64) -> Vec<u64> {
        let scanned = self.by_lane.get(&lane).filter(|number| {
            self.hashes.get(*number).is_none_or(|hashes| hashes.contains(&key_hash))
        });
        let own = scanned.into_iter().flat_map(|number| self.of_group(*number));
        let same = |stamped: &&Stamped| stamped.key_hash == key_hash;
        let mut found: Vec<u64> = own.filter(same).map(|stamped| stamped.position).collect();
        found.reverse();
        let pinned = self.pinned_to(lane).filter(same);
        found.extend(pinned.map(|stamped| stamped.position));
        found
    }

    /// The hashes of the keys of all signals that are on their way into the lane.
    pub(crate) fn hashes_of(&self, lane: LaneKey) -> impl Iterator<Item = u64> {
        let own = self.by_lane.get(&lane).into_iter().flat_map(|number| self.of_group(*number));
        own.chain(self.pinned_to(lane)).map(|stamped| stamped.key_hash)
    }

    /// The signals of a group, the last one first.
    fn of_group(&self, number: u32) -> impl Iterator<Item = &Stamped> {
        let one = |at: Option<u32>| at.and_then(|at| self.stamped.get(at as usize));
        let last = self.groups.get(number as usize).and_then(|group| group.last);
        std::iter::successors(one(last), move |before| one(before.before)).map(|one| &one.stamped)
    }

    fn pinned_to(&self, lane: LaneKey) -> impl Iterator<Item = &Stamped> {
        let pinned = self.pinned.iter().filter(move |pinned| pinned.lane == lane);
        pinned.map(|pinned| &pinned.stamped)
    }

    /// Whether the signal at this position is among them.
    pub(crate) fn holds(&self, position: u64) -> bool {
        let gathered = self.stamped.iter().map(|one| &one.stamped);
        let mut all = gathered.chain(self.pinned.iter().map(|pinned| &pinned.stamped));
        all.any(|stamped| stamped.position == position)
    }

    /// Takes all signals out, group by group, each in order of position.
    pub(crate) fn take_groups(&mut self) -> Vec<(Group, Vec<Stamped>)> {
        self.stamped.sort_by_key(|one| one.group);
        let mut stamped = self.stamped.drain(..);
        let of_group = |group: Group| {
            let own = stamped.by_ref().take(group.signals).map(|one| one.stamped);
            (group, own.collect())
        };
        let groups = self.groups.drain(..).map(of_group).collect();
        drop(stamped);
        self.by_lane.clear();
        self.hashes.clear();
        groups
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
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
