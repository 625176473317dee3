//! Lanes in memory: loaded when a signal or timer touches them, written back in checkpoints.
use std::collections::{BTreeSet, HashMap, HashSet};

use sessionary_core::{
    id::SessionId,
    lane::{HashSecret, LaneKey, LaneKind},
    lane_fold::Lane,
    session::{Session, Status},
    signal::TenantId,
};
use sessionary_store::{Rows, Store, Table};

use crate::{
    EngineError,
    rows::{self, derived, get_lane, get_session},
};

/// A lane in memory.
pub(crate) struct HotLane {
    pub(crate) lane: Lane,
    /// Sessions that changed since the last checkpoint.
    pub(crate) changed: BTreeSet<SessionId>,
    /// The look-up rows and edges that are on disk for each session.
    derived: HashMap<SessionId, BTreeSet<(Table, Vec<u8>)>>,
    /// When it was last touched, in blocks.
    used: u64,
    /// Hashes of the keys of all signals that came into the lane: one that is not here is new.
    pub(crate) key_hashes: HashSet<u64>,
    /// How many identities of a session were noted for the matcher.
    pub(crate) noted: HashMap<SessionId, usize>,
}

/// Where a session is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub(crate) lane: LaneKey,
    pub(crate) kind: LaneKind,
    pub(crate) session: SessionId,
    /// Where it leads, if it is a redirect.
    merged_into: Option<SessionId>,
}

impl Home {
    fn of(session: &Session) -> Home {
        let envelope = &session.envelope;
        Home {
            lane: envelope.lane,
            kind: envelope.lane_kind,
            session: envelope.id,
            merged_into: envelope.merged_into.filter(|_| envelope.status == Status::Merged),
        }
    }
}

/// Redirects are followed at most this far.
pub(crate) const HOPS_MAX: usize = 64;

/// The lanes that a shard has in memory.
#[derive(Default)]
pub(crate) struct Hot {
    lanes: HashMap<LaneKey, HotLane>,
    homes: HashMap<SessionId, LaneKey>,
    dirty: BTreeSet<LaneKey>,
    turn: u64,
}

impl Hot {
    /// A new block begins.
    pub(crate) fn turn(&mut self) {
        self.turn += 1;
    }

    /// The lane, from memory or disk, or a new one.
    pub(crate) fn lane(
        &mut self,
        store: &Store,
        secret: &HashSecret,
        tenant: TenantId,
        key: LaneKey,
        kind: LaneKind,
    ) -> Result<&mut HotLane, EngineError> {
        if !self.lanes.contains_key(&key) {
            let lane = get_lane(store, tenant, key)?.unwrap_or(Lane::new(key, tenant, kind));
            let all = lane.sessions.iter().chain(&lane.redirects);
            let mut on_disk = HashMap::new();
            for session in all {
                self.homes.insert(session.envelope.id, key);
                let keys = derived(secret, session).into_keys().collect();
                on_disk.insert(session.envelope.id, keys);
            }
            let sessions = lane.sessions.iter().chain(&lane.redirects);
            let members = sessions.flat_map(|session| &session.members);
            let hot = HotLane {
                key_hashes: members.map(|member| member.key_hash).collect(),
                lane,
                changed: BTreeSet::new(),
                derived: on_disk,
                used: 0,
                noted: HashMap::new(),
            };
            self.lanes.insert(key, hot);
        }
        let turn = self.turn;
        let hot = self.lanes.get_mut(&key).expect("it was just put there");
        hot.used = turn;
        Ok(hot)
    }

    /// A lane that is in memory, to change it.
    pub(crate) fn in_memory_mut(&mut self, key: LaneKey) -> Option<&mut HotLane> {
        self.lanes.get_mut(&key)
    }

    /// A lane that is in memory.
    pub(crate) fn in_memory(&self, key: LaneKey) -> Option<&HotLane> {
        self.lanes.get(&key)
    }

    /// A session of a lane that is in memory.
    pub(crate) fn session(&self, lane: LaneKey, id: SessionId) -> Option<&Session> {
        self.lanes.get(&lane)?.lane.session(id)
    }

    /// A session of a lane that is in memory, to change it.
    pub(crate) fn session_mut(&mut self, lane: LaneKey, id: SessionId) -> Option<&mut Session> {
        self.lanes.get_mut(&lane)?.lane.session_mut(id)
    }

    /// Takes note that sessions of a lane changed.
    pub(crate) fn note_changed(&mut self, key: LaneKey, sessions: &BTreeSet<SessionId>) {
        if let Some(hot) = self.lanes.get_mut(&key) {
            hot.changed.extend(sessions);
            self.dirty.insert(key);
            for session in sessions {
                self.homes.insert(*session, key);
            }
        }
    }

    /// Where a session of the tenant is, a redirect as it is.
    pub(crate) fn home(
        &self,
        store: &Store,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<Home>, EngineError> {
        if let Some(hot) = self.homes.get(&session).and_then(|key| self.lanes.get(key)) {
            let found = hot.lane.session(session).filter(|_| hot.lane.tenant == tenant);
            return Ok(found.map(Home::of));
        }
        Ok(get_session(store, tenant, session)?.as_ref().map(Home::of))
    }

    /// Where the survivor of a session is: of a redirect, the session that it leads to.
    pub(crate) fn survivor(
        &self,
        store: &Store,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<Home>, EngineError> {
        let mut session = session;
        for _ in 0..HOPS_MAX {
            match self.home(store, tenant, session)? {
                Some(Home { merged_into: Some(into), .. }) => session = into,
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    /// Lanes that changed since the last checkpoint.
    pub(crate) fn changed_lanes(&self) -> usize {
        self.dirty.len()
    }

    /// Puts all that changed into `rows`, and counts it as written.
    pub(crate) fn write(&mut self, secret: &HashSecret, rows: &mut Rows) {
        for key in std::mem::take(&mut self.dirty) {
            let Some(hot) = self.lanes.get_mut(&key) else { continue };
            let changed = std::mem::take(&mut hot.changed);
            rows::put_lane(rows, &hot.lane, |id| changed.contains(&id));
            for id in changed {
                let Some(session) = hot.lane.session(id) else { continue };
                let derived = derived(secret, session);
                let keys: BTreeSet<(Table, Vec<u8>)> = derived.keys().cloned().collect();
                for ((table, key), value) in derived {
                    rows.put(table, key, value);
                }
                let known = hot.derived.insert(id, keys.clone()).unwrap_or_default();
                for (table, gone) in known.difference(&keys) {
                    rows.delete(*table, gone.clone());
                }
            }
        }
    }

    /// Forgets the lanes that were touched longest ago until at most `most` are left. All must be
    /// written.
    pub(crate) fn evict(&mut self, most: usize) {
        if self.lanes.len() <= most {
            return;
        }
        let mut by_use: Vec<(u64, LaneKey)> =
            self.lanes.iter().map(|(key, hot)| (hot.used, *key)).collect();
        // A quarter more than must go, so that the next block does not evict again.
        let go = (self.lanes.len() - most + most / 4).min(by_use.len());
        by_use.sort_unstable();
        for (_, key) in by_use.into_iter().take(go) {
            if self.dirty.contains(&key) {
                continue;
            }
            let Some(hot) = self.lanes.remove(&key) else { continue };
            for session in hot.lane.sessions.iter().chain(&hot.lane.redirects) {
                self.homes.remove(&session.envelope.id);
            }
        }
    }

    /// How many lanes are in memory.
    pub(crate) fn len(&self) -> usize {
        self.lanes.len()
    }
}
