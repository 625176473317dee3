//! Lanes in memory: loaded when a signal or timer touches them, packed when they rest, written by
//! checkpoints that roll, and forgotten when memory is short.
//!
//! A lane that was touched lately is *live*: its sessions are values. One that rests is *packed*:
//! a few hundred bytes, decoded on the next touch. Both together stay within a budget of bytes.
use std::collections::{HashMap, VecDeque};

use sessionary_core::{
    id::SessionId,
    lane::{HashSecret, LaneKey, LaneKind},
    lane_fold::Lane,
    session::{Session, Status},
    signal::TenantId,
};
use sessionary_store::Store;

use crate::{
    EngineError,
    hot_lane::{HotLane, Packed},
    lane_map::LaneMap,
    rows::get_session,
    staging::Staging,
};

/// Of the budget, the part that live lanes may take, in percent.
const LIVE_PERCENT: usize = 70;
/// What the maps themselves take for one lane, in bytes.
const SLOT_BYTES: usize = 160;

/// So many packed lanes are looked at after a block, at most.
const FORGOTTEN_PER_BLOCK: usize = 8_192;

/// A lane of the map.
struct Slot {
    body: Body,
    /// Sessions that changed since the lane was last staged.
    changed: Vec<SessionId>,
    /// The epoch of the first of those changes; 0: there are none.
    changed_in: u64,
    /// The epoch in which it was last staged.
    staged_in: u64,
    /// The block in which it was last touched.
    used: u64,
    /// Bytes that it takes, about.
    weight: usize,
}

enum Body {
    Live(Box<HotLane>),
    Packed(Packed),
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
pub(crate) struct Hot {
    lanes: LaneMap<Slot>,
    homes: HashMap<SessionId, LaneKey>,
    /// Lanes that changed in this epoch, each once.
    dirty: Vec<LaneKey>,
    /// Lanes that were read from their tables in this epoch.
    loaded: usize,
    /// Rises with each checkpoint: what changed in an earlier epoch belongs to the checkpoint that
    /// is being taken.
    epoch: u64,
    /// Lanes staged up to this epoch are in their tables.
    saved_epoch: u64,
    /// What the checkpoint that is being taken has to write.
    pub(crate) staging: Staging,
    budget: usize,
    live_bytes: usize,
    packed_bytes: usize,
    /// Live lanes, those touched longest ago first, about.
    live: VecDeque<LaneKey>,
    packed: VecDeque<LaneKey>,
    turn: u64,
}

impl Hot {
    /// No lanes, and room for `budget` bytes of them.
    pub(crate) fn new(budget: usize) -> Hot {
        Hot {
            lanes: LaneMap::default(),
            homes: HashMap::new(),
            dirty: Vec::new(),
            loaded: 0,
            epoch: 1,
            saved_epoch: 0,
            staging: Staging::default(),
            budget,
            live_bytes: 0,
            packed_bytes: 0,
            live: VecDeque::new(),
            packed: VecDeque::new(),
            turn: 0,
        }
    }

    /// A new block begins.
    pub(crate) fn turn(&mut self) {
        self.turn += 1;
    }

    /// The lane, from memory or disk, or a new one; to read or to change.
    pub(crate) fn lane(
        &mut self,
        store: &Store,
        secret: &HashSecret,
        tenant: TenantId,
        key: LaneKey,
        kind: LaneKind,
    ) -> Result<&mut HotLane, EngineError> {
        if !self.lanes.contains_key(&key) {
            let stored = HotLane::load(store, tenant, key)?;
            self.loaded += usize::from(stored.is_some());
            let hot = stored.unwrap_or_else(|| HotLane::new(Lane::new(key, tenant, kind)));
            for session in hot.sessions() {
                self.homes.insert(session.envelope.id, key);
            }
            let weight = hot.weight();
            self.live_bytes += weight;
            self.live.push_back(key);
            let (changed, body) = (Vec::new(), Body::Live(Box::new(hot)));
            let slot = Slot { body, changed, changed_in: 0, staged_in: 0, used: 0, weight };
            self.lanes.insert(key, slot);
        }
        self.touch(secret, store, key)?.ok_or(EngineError::Missing { what: "a lane in memory" })
    }

    /// The lane if it is in memory; to read or to change.
    pub(crate) fn in_memory(
        &mut self,
        store: &Store,
        secret: &HashSecret,
        key: LaneKey,
    ) -> Result<Option<&mut HotLane>, EngineError> {
        self.touch(secret, store, key)
    }

    /// Makes a lane live and, if it belongs to the checkpoint that is being taken, stages it
    /// before it can change.
    fn touch(
        &mut self,
        secret: &HashSecret,
        store: &Store,
        key: LaneKey,
    ) -> Result<Option<&mut HotLane>, EngineError> {
        let Some(slot) = self.lanes.get_mut(&key) else { return Ok(None) };
        if let Body::Packed(packed) = &slot.body {
            let hot = packed.unpack(key)?;
            self.packed_bytes -= slot.weight;
            slot.weight = hot.weight();
            self.live_bytes += slot.weight;
            slot.body = Body::Live(Box::new(hot));
            self.live.push_back(key);
        }
        slot.used = self.turn;
        if slot.staged_in != 0
            && slot.staged_in <= self.saved_epoch
            && let Body::Live(hot) = &mut slot.body
        {
            hot.note_saved();
            slot.staged_in = 0;
        }
        if slot.changed_in != 0 && slot.changed_in < self.epoch {
            slot.stage(key, secret, store, self.epoch, &mut self.staging)?;
        }
        let Body::Live(hot) = &mut slot.body else { return Ok(None) };
        Ok(Some(hot))
    }

    /// A live session, as it is.
    pub(crate) fn session(&self, lane: LaneKey, id: SessionId) -> Option<&Session> {
        match &self.lanes.get(&lane)?.body {
            Body::Live(hot) => hot.lane.session(id),
            Body::Packed(_) => None,
        }
    }

    /// A live lane, to take notes on it that belong to no checkpoint.
    pub(crate) fn live_mut(&mut self, key: LaneKey) -> Option<&mut HotLane> {
        match &mut self.lanes.get_mut(&key)?.body {
            Body::Live(hot) => Some(hot),
            Body::Packed(_) => None,
        }
    }

    /// Takes note that sessions of a live lane changed, and gives the lane.
    pub(crate) fn changed(&mut self, key: LaneKey, sessions: &[SessionId]) -> Option<&mut HotLane> {
        let slot = self.lanes.get_mut(&key)?;
        for session in sessions {
            if !slot.changed.contains(session) {
                slot.changed.reserve_exact(1);
                slot.changed.push(*session);
                self.homes.insert(*session, key);
            }
        }
        if slot.changed_in == 0 {
            slot.changed_in = self.epoch;
            self.dirty.push(key);
        }
        let Body::Live(hot) = &mut slot.body else { return None };
        let weight = hot.weight();
        self.live_bytes = self.live_bytes + weight - slot.weight;
        slot.weight = weight;
        Some(hot)
    }

    /// Where a session of the tenant is, a redirect as it is.
    pub(crate) fn home(
        &mut self,
        store: &Store,
        secret: &HashSecret,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<Home>, EngineError> {
        if let Some(key) = self.homes.get(&session).copied()
            && let Some(hot) = self.in_memory(store, secret, key)?
        {
            let found = hot.lane.session(session).filter(|_| hot.lane.tenant == tenant);
            return Ok(found.map(Home::of));
        }
        Ok(get_session(store, tenant, session)?.as_ref().map(Home::of))
    }

    /// Where the survivor of a session is: of a redirect, the session that it leads to.
    pub(crate) fn survivor(
        &mut self,
        store: &Store,
        secret: &HashSecret,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<Home>, EngineError> {
        let mut session = session;
        for _ in 0..HOPS_MAX {
            match self.home(store, secret, tenant, session)? {
                Some(Home { merged_into: Some(into), .. }) => session = into,
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    // ---- checkpoints

    /// Lanes that changed since the last checkpoint began.
    pub(crate) fn changed_lanes(&self) -> usize {
        self.dirty.len()
    }

    /// Lanes that were read from their tables since the last checkpoint began: when nearly every
    /// signal needs one, waiting saves no row, and makes a start after a crash longer.
    pub(crate) fn loaded_lanes(&self) -> usize {
        self.loaded
    }

    /// A checkpoint begins: gives the lanes that it has to stage. From here they are staged before
    /// they change again.
    pub(crate) fn freeze(&mut self) -> Vec<LaneKey> {
        self.epoch += 1;
        self.loaded = 0;
        std::mem::take(&mut self.dirty)
    }

    /// Stages a lane of the checkpoint, unless a touch has done so already.
    pub(crate) fn stage(
        &mut self,
        secret: &HashSecret,
        store: &Store,
        key: LaneKey,
    ) -> Result<(), EngineError> {
        let Some(slot) = self.lanes.get_mut(&key) else { return Ok(()) };
        if slot.changed_in == 0 || slot.changed_in >= self.epoch {
            return Ok(());
        }
        let before = slot.weight;
        slot.stage(key, secret, store, self.epoch, &mut self.staging)?;
        if let Body::Packed(_) = slot.body {
            self.packed_bytes = self.packed_bytes + slot.weight - before;
        }
        Ok(())
    }

    /// The checkpoint is in the tables: what it staged may be forgotten.
    pub(crate) fn saved(&mut self) {
        self.saved_epoch = self.epoch;
    }

    // ---- memory

    /// Packs and forgets until the budget is kept, as far as that is possible.
    pub(crate) fn settle(&mut self) -> Result<(), EngineError> {
        let live_budget = self.budget / 100 * LIVE_PERCENT;
        let mut turns = self.live.len();
        while self.live_bytes > live_budget && turns > 0 {
            turns -= 1;
            let Some(key) = self.live.pop_front() else { break };
            self.pack(key);
        }
        let mut turns = self.packed.len().min(FORGOTTEN_PER_BLOCK);
        while self.live_bytes + self.packed_bytes > self.budget && turns > 0 {
            turns -= 1;
            let Some(key) = self.packed.pop_front() else { break };
            self.forget(key)?;
        }
        Ok(())
    }

    /// Packs the lane at the front of the queue; one that was just touched waits another round.
    fn pack(&mut self, key: LaneKey) {
        let Some(slot) = self.lanes.get_mut(&key) else { return };
        let Body::Live(hot) = &slot.body else { return };
        if slot.used == self.turn {
            self.live.push_back(key);
            return;
        }
        let packed = hot.pack();
        self.live_bytes -= slot.weight;
        slot.weight = packed.weight() + SLOT_BYTES;
        self.packed_bytes += slot.weight;
        slot.body = Body::Packed(packed);
        self.packed.push_back(key);
    }

    /// Forgets a packed lane that is in its tables as it is; another waits another round.
    fn forget(&mut self, key: LaneKey) -> Result<(), EngineError> {
        let Some(slot) = self.lanes.get(&key) else { return Ok(()) };
        let Body::Packed(packed) = &slot.body else { return Ok(()) };
        if slot.changed_in != 0 || slot.staged_in > self.saved_epoch {
            self.packed.push_back(key);
            return Ok(());
        }
        for id in packed.ids()? {
            self.homes.remove(&id);
        }
        self.packed_bytes -= slot.weight;
        self.lanes.remove(&key);
        Ok(())
    }

    /// Bytes that its lanes may still have written, about: at a checkpoint, and when their sessions
    /// end.
    pub(crate) fn to_write(&self) -> u64 {
        2 * (self.live_bytes + self.packed_bytes) as u64
    }

    /// Whether memory is short because too much waits to be written.
    pub(crate) fn is_pressed(&self) -> bool {
        self.live_bytes + self.packed_bytes > self.budget
    }

    /// Whether it is so short that others must wait until enough is written.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.live_bytes + self.packed_bytes > self.budget / 8 * 9
    }

    /// How many lanes are in memory.
    pub(crate) fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Bytes that they take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.live_bytes + self.packed_bytes
    }
}

impl Slot {
    fn stage(
        &mut self,
        key: LaneKey,
        secret: &HashSecret,
        store: &Store,
        epoch: u64,
        staging: &mut Staging,
    ) -> Result<(), EngineError> {
        let changed = std::mem::take(&mut self.changed);
        match &mut self.body {
            Body::Live(hot) => hot.stage(&changed, secret, store, staging)?,
            Body::Packed(packed) => {
                let mut hot = packed.unpack(key)?;
                hot.stage(&changed, secret, store, staging)?;
                *packed = hot.pack();
                self.weight = packed.weight() + SLOT_BYTES;
            }
        }
        self.changed_in = 0;
        self.staged_in = epoch;
        Ok(())
    }
}
