//! Folding a block: first the timers it covers, then its entries in order.
//!
//! The same for a block that has just been appended and for one that is replayed; nothing here may
//! depend on which it is, but the live stream, which has no listeners during a replay.
use std::sync::Arc;

use sessionary_core::{
    dictionary::field,
    goal::NO_GOALS,
    id::SessionId,
    lane::{LaneKey, LaneKind, LaneName, lane_of},
    lane_fold::Step,
    session::Status,
    signal::{Arrival, TenantId, kind},
    stamp::{Marks, Stamped},
    time::UnixMillis,
};
use sessionary_store::BlockHeader;

use crate::{
    EngineError,
    entry::{DestinationEntry, Entry, GoalEntry},
    gathered::{Gathered, Group, Pinned, Verdicts},
    live::LiveEvent,
    parcels::Told,
    placement::States,
    repeats::{Found, is_tracked},
    shard::{SHARD, Shard, arm},
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

/// A change that was made for another version than the one that is there.
const OUTDATED: Verdict = Verdict { status: VerdictStatus::Conflict, session: SessionId([0; 16]) };

/// Where the fold stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Folded {
    /// The next position to fold.
    pub next: u64,
    /// Lanes in memory.
    pub lanes: usize,
    /// Bytes that they take, about.
    pub lane_bytes: usize,
    /// Armed timers.
    pub timers: usize,
    /// Signals folded since the last checkpoint.
    pub unsaved_signals: u64,
}

impl Shard {
    /// Folds a block. Gives the verdicts of its signals.
    pub(crate) fn fold_block(
        &mut self,
        first: u64,
        next: u64,
        header: &BlockHeader,
        entries: Vec<Entry>,
    ) -> Result<Verdicts, EngineError> {
        self.now = UnixMillis(header.now);
        self.hot.turn();
        self.fire_wall_timers(header)?;
        let mut verdicts = Verdicts::new(first, entries.len());
        let mut signals = Vec::with_capacity(entries.len());
        for (position, entry) in (first..).zip(entries) {
            match entry {
                Entry::Signal(arrival) => signals.push((position, arrival)),
                Entry::Goal(entry) => {
                    self.fold_signals(std::mem::take(&mut signals), &mut verdicts)?;
                    self.fold_goal(position, *entry, &mut verdicts);
                }
                Entry::Destination(entry) => {
                    self.fold_signals(std::mem::take(&mut signals), &mut verdicts)?;
                    self.fold_destination(position, *entry, &mut verdicts);
                }
                // Neither depends on signals, nor do signals on them.
                Entry::Attempt(entry) => self.fold_attempt(*entry),
                Entry::Order(entry) => self.fold_order(&entry),
                other => {
                    self.fold_signals(std::mem::take(&mut signals), &mut verdicts)?;
                    self.fold_decision(other)?;
                }
            }
        }
        self.fold_signals(signals, &mut verdicts)?;
        self.next = next;
        self.hot.settle()?;
        Ok(verdicts)
    }

    fn fold_decision(&mut self, entry: Entry) -> Result<(), EngineError> {
        self.decided = true;
        match entry {
            Entry::Signal(_)
            | Entry::Goal(_)
            | Entry::Destination(_)
            | Entry::Attempt(_)
            | Entry::Order(_) => Ok(()),
            Entry::Rules(entry) => {
                self.rules_version = entry.version;
                self.rules = std::sync::Arc::new(entry.rules);
                Ok(())
            }
            Entry::Clock(entry) => self.fold_clock(&(entry.tenant, entry.source), entry.clock),
            Entry::Mark(entry) => self.fold_mark(entry),
            Entry::Placement(entry) => self.fold_placement(&entry),
            Entry::Review(entry) => self.fold_review(&entry),
            Entry::Doubt(entry) => {
                self.fold_doubt(entry);
                Ok(())
            }
        }
    }

    fn fold_goal(&mut self, position: u64, entry: GoalEntry, verdicts: &mut Verdicts) {
        self.decided = true;
        if !self.catalogues.fold(entry) {
            verdicts.set(position, OUTDATED);
        }
    }

    fn fold_destination(
        &mut self,
        position: u64,
        entry: DestinationEntry,
        verdicts: &mut Verdicts,
    ) {
        self.decided = true;
        if self.destinations.fold(entry) {
            self.raised.changed = true;
        } else {
            verdicts.set(position, OUTDATED);
        }
    }

    fn fold_signals(
        &mut self,
        signals: Vec<(u64, Arrival)>,
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        let mut gathered = std::mem::take(&mut self.gathered);
        for (position, arrival) in signals {
            self.gather(position, arrival, &mut gathered, verdicts)?;
        }
        for (group, stamped) in gathered.take_groups() {
            self.fold_group(group, stamped, verdicts)?;
        }
        let (pinned, twins) =
            (std::mem::take(&mut gathered.pinned), std::mem::take(&mut gathered.twins));
        self.gathered = gathered;
        for Pinned { stamped, tenant, lane, kind, session } in pinned {
            let position = stamped.position;
            self.take_in(tenant, (lane, kind), session, stamped, lane)?;
            verdicts.set(position, Verdict { status: VerdictStatus::Accepted, session });
        }
        for (position, arrival, status, twin) in twins {
            let Some(Verdict { session, .. }) = verdicts.get(twin) else { continue };
            self.note_repeat(position, &arrival, status, session);
            verdicts.set(position, Verdict { status, session });
        }
        Ok(())
    }

    /// Decides to which lane a signal goes and whether it is there already.
    fn gather(
        &mut self,
        position: u64,
        arrival: Arrival,
        gathered: &mut Gathered,
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        self.signals_since += 1;
        let tenant = arrival.tenant;
        let (name, named) = self.lane_name(&arrival)?;
        let key_hash = self.secret.key_hash(tenant, &arrival.signal.key);
        // Most signals are new, and are seen to be without a second look.
        let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
        if !hot.is_new(key_hash) || is_tracked(&arrival.signal) {
            match self.find_known(gathered, position, &arrival, &name, key_hash)? {
                Found::Known(status, session) => {
                    self.note_repeat(position, &arrival, status, session);
                    verdicts.set(position, Verdict { status, session });
                    return Ok(());
                }
                Found::Twin(status, twin) => {
                    gathered.twins.push((position, arrival, status, twin));
                    return Ok(());
                }
                Found::New => {}
            }
        }
        let stamped = self.stamp(position, arrival, &name, key_hash)?;
        self.new_ids.push((key_hash, name.key.prefix()));
        match named {
            Some(session) if self.is_pinned(tenant, &name, session, &stamped)? => {
                let (lane, kind) = (name.key, name.kind);
                gathered.pinned.push(Pinned { stamped, tenant, lane, kind, session });
            }
            _ => gathered.push(tenant, &name, stamped),
        }
        Ok(())
    }

    /// The lane of a signal, and the session of ours that it names; a redirect is forwarded.
    pub(crate) fn lane_name(
        &mut self,
        arrival: &Arrival,
    ) -> Result<(LaneName, Option<SessionId>), EngineError> {
        let (tenant, signal) = (arrival.tenant, &arrival.signal);
        let named = signal.session.as_deref().and_then(SessionId::parse);
        if let Some(id) = named
            && let Some(home) = self.hot.survivor(&self.store, &self.secret, tenant, id)?
        {
            let family = sessionary_core::channel::Family::Other;
            let name = LaneName { key: home.lane, kind: home.kind, family };
            return Ok((name, Some(home.session)));
        }
        Ok((lane_of(&self.secret, tenant, signal), None))
    }

    fn stamp(
        &mut self,
        position: u64,
        arrival: Arrival,
        name: &LaneName,
        key_hash: u64,
    ) -> Result<Stamped, EngineError> {
        let Arrival { tenant, received_at, batch, signal } = arrival;
        let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
        hot.note_key(key_hash);
        let (at, mut marks) = hot.lane.skew.stamp(&signal, received_at, batch);
        if &*signal.kind == kind::ORDER_COMPLETED
            && let Some(order) = signal.text(field::ORDER_ID)
            && self.first_with(tenant, "order", order, position, name.key)?.is_some()
        {
            marks = marks.with(Marks::ORDER_SEEN);
        }
        Ok(Stamped { position, at, received_at, marks, key_hash, signal })
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
        let rules = Arc::clone(&self.rules);
        let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
        let Some(last) = hot.lane.sessions.last() else { return Ok(false) };
        let follows = last.envelope.id == session
            && stamped.order() > last.content.high
            && sessionary_core::boundary::between(name.kind, &last.content, stamped, &rules)
                .is_none();
        Ok(!follows)
    }

    fn fold_group(
        &mut self,
        group: Group,
        stamped: Vec<Stamped>,
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        let Group { tenant, lane: key, kind, .. } = group;
        let rules = Arc::clone(&self.rules);
        let mut times = Vec::new();
        if !self.sources.is_empty() {
            times.extend(stamped.iter().map(|s| (s.signal.source.clone(), s.at)));
        }
        let states = if stamped.iter().any(|s| s.signal.claim.is_some()) {
            States::Outcome
        } else {
            States::Nothing
        };
        let goals = self.catalogues.goals(tenant);
        let goals = goals.as_deref().unwrap_or(&NO_GOALS);
        let setting = Shard::setting(&rules, goals, self.now, &self.secret);
        let mut fetch = Signals { store: &self.store, shard: SHARD, tenant, lane: key };
        let hot = self.hot.lane(&self.store, &self.secret, tenant, key, kind)?;
        let step = hot.lane.fold(stamped, setting, &mut fetch)?;
        for (position, session, _) in &step.fates {
            let verdict = Verdict { status: VerdictStatus::Accepted, session: *session };
            verdicts.set(*position, verdict);
        }
        self.after_step(key, &step);
        self.note_homeless(tenant, (key, kind), states, &step)?;
        self.note_sources(tenant, &times)
    }

    /// What follows from a change of sessions: numbers, timers, the live stream.
    pub(crate) fn after_step(&mut self, key: LaneKey, step: &Step) {
        self.after_change(key, &step.opened, &step.changed);
    }

    /// What follows from a change of sessions of a live lane; the opened ones are among the changed.
    pub(crate) fn after_change(
        &mut self,
        key: LaneKey,
        opened: &[SessionId],
        changed: &[SessionId],
    ) {
        let Some(hot) = self.hot.changed(key, changed) else { return };
        let destinations = self.destinations.some_of(hot.lane.tenant);
        let mut ended = Vec::new();
        for id in changed {
            let Some(session) = hot.lane.session_mut(*id) else { continue };
            if opened.contains(id) {
                self.numbers.give(&mut session.envelope, key.partition());
            }
            if let Some(destinations) = destinations {
                let (rows, raised) = (&mut self.pending, &mut self.raised);
                let (rules, now) = (&self.rules, self.now);
                let mut told = Told { rows, raised, destinations, rules, now };
                if opened.contains(id) {
                    told.of_beginning(session);
                }
                told.of_change(session);
            }
            let status = session.envelope.status;
            let gone = matches!(status, Status::Final | Status::Amended | Status::Merged);
            if gone && let Some(short_id) = session.envelope.short_id.take() {
                self.numbers.free_short_id(short_id);
            }
            arm(hot, *id, &mut self.timers, &self.sources, &self.rules);
            self.homeless.note_identities(hot, *id, &self.secret);
            if status == Status::Settling {
                ended.push(*id);
            }
        }
        for id in ended {
            self.note_ended(key, id);
        }
        if self.live.has_listeners() {
            for id in changed {
                self.tell(key, *id, opened);
            }
        }
    }

    /// Tells whoever listens of a change of a session, which may be among the opened.
    fn tell(&self, key: LaneKey, id: SessionId, opened: &[SessionId]) {
        let Some(session) = self.hot.session(key, id) else { return };
        let what = match (opened.contains(&id), session.envelope.status) {
            (true, _) => LiveEvent::SESSION_OPENED,
            (_, Status::Merged) => LiveEvent::SESSION_MERGED,
            (_, Status::Settling) => LiveEvent::SESSION_ENDED,
            _ => LiveEvent::SESSION_CHANGED,
        };
        self.live.send(LiveEvent::of_session(what, session, &self.rules, self.now));
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
        let rules = Arc::clone(&self.rules);
        let goals = self.catalogues.goals(tenant);
        let goals = goals.as_deref().unwrap_or(&NO_GOALS);
        let setting = Shard::setting(&rules, goals, self.now, &self.secret);
        let mut fetch = Signals { store: &self.store, shard: SHARD, tenant, lane: key };
        let hot = self.hot.lane(&self.store, &self.secret, tenant, key, lane_kind)?;
        // A repetition that names the session is forwarded to this lane and must be found here.
        hot.note_key(stamped.key_hash);
        hot.lane.place(stamped, from, session, setting, &mut fetch)?;
        let changed = vec![session];
        self.after_step(key, &Step { fates: Vec::new(), opened: Vec::new(), changed });
        Ok(())
    }
}
