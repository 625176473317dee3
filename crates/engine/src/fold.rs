//! Folding a block: first the timers it covers, then its entries in order.
//!
//! The same for a block that has just been appended and for one that is replayed; nothing here may
//! depend on which it is, but the live stream, which has no listeners during a replay.
use std::collections::{BTreeMap, BTreeSet};

use sessionary_core::{
    dictionary::field,
    id::SessionId,
    lane::{LaneKey, LaneKind, LaneName, lane_of},
    lane_fold::Step,
    session::Status,
    signal::{Arrival, TenantId, kind},
    stamp::{Marks, Stamped},
    time::UnixMillis,
};
use sessionary_store::{Block, BlockHeader};

use crate::{
    EngineError,
    entry::Entry,
    live::LiveEvent,
    placement::States,
    repeats::{Found, Gathered},
    shard::{SHARD, Shard},
    signals::Signals,
};

/// What became of one signal of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Accepted, or why not.
    pub status: VerdictStatus,
    /// The session it is in, or the one that has it already.
    pub session: SessionId,
}

/// The status of a signal in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictStatus {
    /// It is new.
    Accepted,
    /// The same signal is already there.
    Duplicate,
    /// Another signal with the same key is already there.
    Conflict,
}

/// Where the fold stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Folded {
    /// The next position to fold.
    pub next: u64,
    /// Lanes in memory.
    pub lanes: usize,
    /// Armed timers.
    pub timers: usize,
    /// Signals folded since the last checkpoint.
    pub unsaved_signals: u64,
}

/// How a session came to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Opened,
    Folded,
    Fired,
}

impl Shard {
    /// Folds a block of the journal again.
    pub(crate) fn fold_stored(&mut self, block: &Block) -> Result<(), EngineError> {
        let entries: Result<Vec<Entry>, _> =
            block.entries.iter().map(|entry| Entry::from_bytes(&entry.bytes)).collect();
        let next = block.first + block.span();
        self.fold_block(block.first, next, &block.header, entries?).map(|_| ())
    }

    /// Folds a block. Gives the verdict of each of its signals by position.
    pub(crate) fn fold_block(
        &mut self,
        first: u64,
        next: u64,
        header: &BlockHeader,
        entries: Vec<Entry>,
    ) -> Result<BTreeMap<u64, Verdict>, EngineError> {
        self.now = UnixMillis(header.now);
        self.hot.turn();
        self.fire_wall_timers(header)?;
        let mut verdicts = BTreeMap::new();
        let mut signals = Vec::new();
        for (position, entry) in (first..).zip(entries) {
            match entry {
                Entry::Signal(arrival) => signals.push((position, arrival)),
                other => {
                    self.fold_signals(std::mem::take(&mut signals), &mut verdicts)?;
                    self.fold_decision(other)?;
                }
            }
        }
        self.fold_signals(signals, &mut verdicts)?;
        self.next = next;
        Ok(verdicts)
    }

    fn fold_decision(&mut self, entry: Entry) -> Result<(), EngineError> {
        self.decided = true;
        match entry {
            Entry::Signal(_) => Ok(()),
            Entry::Rules(entry) => {
                self.rules_version = entry.version;
                self.rules = std::sync::Arc::new(entry.rules);
                Ok(())
            }
            Entry::Clock(entry) => self.fold_clock((entry.tenant, entry.source), entry.clock),
            Entry::Mark(entry) => self.fold_mark(entry),
            Entry::Placement(entry) => self.fold_placement(&entry),
            Entry::Review(entry) => self.fold_review(&entry),
            Entry::Doubt(entry) => {
                self.fold_doubt(entry);
                Ok(())
            }
        }
    }

    fn fold_signals(
        &mut self,
        signals: Vec<(u64, Arrival)>,
        verdicts: &mut BTreeMap<u64, Verdict>,
    ) -> Result<(), EngineError> {
        if signals.is_empty() {
            return Ok(());
        }
        let mut gathered = Gathered::default();
        let mut twins = Vec::new();
        let mut placed: Vec<(Stamped, TenantId, LaneKey, LaneKind, SessionId)> = Vec::new();
        for (position, arrival) in signals {
            self.signals_since += 1;
            let (name, named) = self.lane_name(&arrival)?;
            let key_hash = self.key_hash(arrival.tenant, name.key, &arrival.signal.key);
            let found = self.find_known(&gathered, position, &arrival, &name, key_hash)?;
            match found {
                Found::Known(status, session) => {
                    if status == VerdictStatus::Conflict {
                        self.keep_conflict(position, &arrival, session);
                    }
                    verdicts.insert(position, Verdict { status, session });
                    continue;
                }
                Found::Twin(status, twin) => {
                    twins.push((position, arrival, status, twin));
                    continue;
                }
                Found::New => {}
            }
            let tenant = arrival.tenant;
            let stamped = self.stamp(position, arrival, &name)?;
            let id_hash = self.secret.hash(tenant, "id", &[stamped.signal.key.as_bytes()]);
            self.new_ids.push((LaneKey(id_hash).prefix(), name.key.prefix()));
            gathered.keys.entry((name.key, key_hash)).or_default().push(position);
            gathered.positions.insert(position);
            let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
            hot.key_hashes.insert(key_hash);
            match named {
                Some(session) if self.is_pinned(tenant, &name, session, &stamped)? => {
                    placed.push((stamped, tenant, name.key, name.kind, session));
                }
                _ => gathered.push(tenant, &name, stamped),
            }
        }
        let order = std::mem::take(&mut gathered.order);
        for (tenant, key, lane_kind) in order {
            let stamped = gathered.by_lane.remove(&key).unwrap_or_default();
            self.fold_lane(tenant, key, lane_kind, stamped, verdicts)?;
        }
        for (stamped, tenant, key, lane_kind, session) in placed {
            let position = stamped.position;
            self.take_in(tenant, (key, lane_kind), session, stamped, key)?;
            let verdict = Verdict { status: VerdictStatus::Accepted, session };
            verdicts.insert(position, verdict);
        }
        for (position, arrival, status, twin) in twins {
            let session = verdicts.get(&twin).map(|verdict| verdict.session);
            let Some(session) = session else { continue };
            if status == VerdictStatus::Conflict {
                self.keep_conflict(position, &arrival, session);
            }
            verdicts.insert(position, Verdict { status, session });
        }
        Ok(())
    }

    /// The lane of a signal, and the session of ours that it names; a redirect is forwarded.
    pub(crate) fn lane_name(
        &self,
        arrival: &Arrival,
    ) -> Result<(LaneName, Option<SessionId>), EngineError> {
        let (tenant, signal) = (arrival.tenant, &arrival.signal);
        let named = signal.session.as_deref().and_then(SessionId::parse);
        if let Some(id) = named
            && let Some(home) = self.hot.survivor(&self.store, tenant, id)?
        {
            let family = sessionary_core::channel::Family::Other;
            let name = LaneName { key: home.lane, kind: home.kind, family };
            return Ok((name, Some(home.session)));
        }
        Ok((lane_of(&self.secret, tenant, signal), None))
    }

    pub(crate) fn key_hash(&self, tenant: TenantId, lane: LaneKey, key: &str) -> u64 {
        LaneKey(self.secret.signal_key(tenant, lane, key)).prefix()
    }

    fn stamp(
        &mut self,
        position: u64,
        arrival: Arrival,
        name: &LaneName,
    ) -> Result<Stamped, EngineError> {
        let Arrival { tenant, received_at, batch, signal } = arrival;
        let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
        let (at, mut marks) = hot.lane.skew.stamp(&signal, received_at, batch);
        if &*signal.kind == kind::ORDER_COMPLETED
            && let Some(order) = signal.text(field::ORDER_ID)
            && self.first_with(tenant, "order", order, position, name.key)?.is_some()
        {
            marks = marks.with(Marks::ORDER_SEEN);
        }
        Ok(Stamped { position, at, received_at, marks, signal })
    }

    /// Whether a signal that names a session of ours goes to that very session although its time
    /// would put it elsewhere: what is said about a session is said about that one.
    fn is_pinned(
        &mut self,
        tenant: TenantId,
        name: &LaneName,
        session: SessionId,
        stamped: &Stamped,
    ) -> Result<bool, EngineError> {
        if name.kind == LaneKind::Sender || !stamped.signal.is_amendment() {
            return Ok(false);
        }
        let rules = self.rules.clone();
        let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
        let Some(last) = hot.lane.sessions.last() else { return Ok(false) };
        let follows = last.envelope.id == session
            && stamped.order() > last.content.high
            && sessionary_core::boundary::between(name.kind, &last.content, stamped, &rules)
                .is_none();
        Ok(!follows)
    }

    fn fold_lane(
        &mut self,
        tenant: TenantId,
        key: LaneKey,
        lane_kind: LaneKind,
        stamped: Vec<Stamped>,
        verdicts: &mut BTreeMap<u64, Verdict>,
    ) -> Result<(), EngineError> {
        let rules = self.rules.clone();
        let (secret, store) = (self.secret.clone(), self.store.clone());
        let setting = Shard::setting(&rules, self.now, &secret);
        let mut fetch = Signals { store: &store, shard: SHARD, tenant, lane: key };
        let times: Vec<(Box<str>, UnixMillis)> =
            stamped.iter().map(|s| (s.signal.source.clone(), s.at)).collect();
        let states = if stamped.iter().any(|s| s.signal.claim.is_some()) {
            States::Outcome
        } else {
            States::Nothing
        };
        let hot = self.hot.lane(&store, &secret, tenant, key, lane_kind)?;
        let step = hot.lane.fold(stamped, setting, &mut fetch)?;
        for (position, session, _) in &step.fates {
            let verdict = Verdict { status: VerdictStatus::Accepted, session: *session };
            verdicts.insert(*position, verdict);
        }
        self.after_step(key, &step);
        self.note_homeless(tenant, (key, lane_kind), states, &step)?;
        self.note_sources(tenant, &times)
    }

    /// What follows from a change of sessions: numbers, timers, the live stream.
    pub(crate) fn after_step(&mut self, key: LaneKey, step: &Step) {
        self.hot.note_changed(key, &step.changed);
        for id in &step.opened {
            self.number(key, *id);
        }
        for id in &step.changed {
            let what = if step.opened.contains(id) { Change::Opened } else { Change::Folded };
            self.after_change(key, *id, what);
        }
    }

    fn number(&mut self, key: LaneKey, id: SessionId) {
        let (numbers, hot) = (&mut self.numbers, &mut self.hot);
        let Some(session) = hot.session_mut(key, id) else { return };
        let partition = key.partition();
        if session.envelope.short_id.is_none() {
            session.envelope.short_id = numbers.take_short_id(partition);
        }
        if session.envelope.alias == 0 {
            session.envelope.alias = numbers.next_alias(session.envelope.tenant, partition);
        }
    }

    pub(crate) fn after_change(&mut self, key: LaneKey, id: SessionId, change: Change) {
        let Some(session) = self.hot.session_mut(key, id) else { return };
        let status = session.envelope.status;
        let gone = matches!(status, Status::Final | Status::Amended | Status::Merged);
        if gone && let Some(short_id) = session.envelope.short_id.take() {
            self.numbers.free_short_id(short_id);
        }
        self.arm(key, id);
        self.note_identities(key, id);
        if status == Status::Settling {
            self.note_ended(key, id);
        }
        if !self.live.has_listeners() {
            return;
        }
        let what = match (change, status) {
            (Change::Opened, _) => LiveEvent::SESSION_OPENED,
            (_, Status::Merged) => LiveEvent::SESSION_MERGED,
            (_, Status::Settling) => LiveEvent::SESSION_ENDED,
            _ => LiveEvent::SESSION_CHANGED,
        };
        if let Some(session) = self.hot.session(key, id) {
            self.live.send(LiveEvent::of_session(what, session, &self.rules, self.now));
        }
    }

    /// Adds a signal to a session as one that moves no boundary.
    pub(crate) fn take_in(
        &mut self,
        tenant: TenantId,
        (key, lane_kind): (LaneKey, LaneKind),
        session: SessionId,
        stamped: Stamped,
        from: LaneKey,
    ) -> Result<(), EngineError> {
        let rules = self.rules.clone();
        let (secret, store) = (self.secret.clone(), self.store.clone());
        let setting = Shard::setting(&rules, self.now, &secret);
        let mut fetch = Signals { store: &store, shard: SHARD, tenant, lane: key };
        let key_hash = self.key_hash(tenant, key, &stamped.signal.key);
        let hot = self.hot.lane(&store, &secret, tenant, key, lane_kind)?;
        // A repetition that names the session is forwarded to this lane and must be found here.
        hot.key_hashes.insert(key_hash);
        hot.lane.place(stamped, from, session, setting, &mut fetch)?;
        let changed = BTreeSet::from([session]);
        self.after_step(key, &Step { fates: Vec::new(), opened: Vec::new(), changed });
        Ok(())
    }
}
