//! Folding a block: first the timers it covers, then its entries in order.
//!
//! The same for a block that has just been appended and for one that is replayed; nothing here may
//! depend on which it is, but the live stream, which has no listeners during a replay.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use sessionary_core::{
    dictionary::field,
    id::SessionId,
    lane::{LaneKey, LaneKind, LaneName, lane_of},
    lane_fold::Step,
    record,
    rules::SourceClock,
    session::{EndRule, Fired, Member, Session, Status},
    signal::{Arrival, TenantId, kind},
    stamp::{Marks, Stamped},
    time::UnixMillis,
};
use sessionary_store::{
    Block, BlockHeader, Table,
    keys::{IndexKind, index_key, record_key},
};

use crate::{
    EngineError,
    entry::{Entry, MarkEntry},
    live::LiveEvent,
    placement::States,
    quarantine,
    rows::{TimerRow, decode, encode},
    shard::{SHARD, Shard},
    signals::Signals,
    sources::SourceKey,
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

/// Signals of one block that fall into one lane, stamped and not yet folded.
#[derive(Default)]
struct Gathered {
    /// Lanes in the order in which the block meets them.
    order: Vec<(TenantId, LaneKey, LaneKind)>,
    by_lane: HashMap<LaneKey, Vec<Stamped>>,
    /// Positions of what is gathered.
    positions: BTreeSet<u64>,
    /// Key hashes of what is gathered: (lane, hash) to positions.
    keys: HashMap<(LaneKey, u64), Vec<u64>>,
}

/// How a session came to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Opened,
    Folded,
    Fired,
}

/// What is decided about a signal before its lane is folded.
enum Found {
    New,
    Known(VerdictStatus, SessionId),
    /// It repeats a signal of the same block, at this position.
    Twin(VerdictStatus, u64),
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

    // ---- signals

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

    fn key_hash(&self, tenant: TenantId, lane: LaneKey, key: &str) -> u64 {
        LaneKey(self.secret.signal_key(tenant, lane, key)).prefix()
    }

    /// Whether the lane, the tenant's business ids or the block itself already have the signal.
    fn find_known(
        &mut self,
        gathered: &Gathered,
        position: u64,
        arrival: &Arrival,
        name: &LaneName,
        key_hash: u64,
    ) -> Result<Found, EngineError> {
        let tenant = arrival.tenant;
        if let Some(positions) = gathered.keys.get(&(name.key, key_hash)) {
            for twin in positions {
                let member = reference(*twin, key_hash);
                if let Some(status) = self.compare(arrival, name.key, &member)? {
                    return Ok(Found::Twin(status, *twin));
                }
            }
        }
        let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
        if !hot.key_hashes.contains(&key_hash) {
            return self.find_tracked(gathered, position, arrival, name);
        }
        let holders: Vec<(SessionId, Member)> =
            hot.lane.holders(key_hash).map(|(id, member)| (id, member.clone())).collect();
        for (session, member) in holders {
            if let Some(status) = self.compare(arrival, name.key, &member)? {
                return Ok(Found::Known(status, session));
            }
        }
        self.find_tracked(gathered, position, arrival, name)
    }

    /// A disposition is recognised by its tracking id wherever in the tenant it was folded.
    fn find_tracked(
        &mut self,
        gathered: &Gathered,
        position: u64,
        arrival: &Arrival,
        name: &LaneName,
    ) -> Result<Found, EngineError> {
        let signal = &arrival.signal;
        let tracking = signal.text(field::API_TRACKING_ID);
        let Some(tracking) = tracking.filter(|_| &*signal.kind == kind::DISPOSITION_POSTED) else {
            return Ok(Found::New);
        };
        let known = self.first_with(arrival.tenant, "tracking", tracking, position, name.key)?;
        let Some((known, lane)) = known else { return Ok(Found::New) };
        let member = reference(known, 0);
        let status = self.compare(arrival, lane, &member)?.unwrap_or(VerdictStatus::Conflict);
        let sessions =
            self.hot.lane(&self.store, &self.secret, arrival.tenant, lane, LaneKind::Alone)?;
        let holds = |session: &&Session| session.members.iter().any(|m| m.position == known);
        let all = sessions.lane.sessions.iter().chain(&sessions.lane.redirects);
        Ok(match all.clone().find(holds).map(|session| session.envelope.id) {
            Some(session) => Found::Known(status, session),
            None if gathered.positions.contains(&known) => Found::Twin(status, known),
            None => Found::New,
        })
    }

    /// Whether a signal is the one that `member` refers to: the same, another with the same key, or
    /// (`None`) one that only shares the hash of its key.
    fn compare(
        &self,
        arrival: &Arrival,
        lane: LaneKey,
        member: &Member,
    ) -> Result<Option<VerdictStatus>, EngineError> {
        let signals = Signals { store: &self.store, shard: SHARD, tenant: arrival.tenant, lane };
        let stored = signals.arrivals(std::slice::from_ref(member))?.pop().flatten();
        let Some(stored) = stored else { return Ok(Some(VerdictStatus::Duplicate)) };
        if stored.signal.key != arrival.signal.key {
            return Ok(None);
        }
        let same = stored.signal.body_digest() == arrival.signal.body_digest();
        let status = if same { VerdictStatus::Duplicate } else { VerdictStatus::Conflict };
        Ok(Some(status))
    }

    /// Looks a business id up; one that is new is registered for this position. Gives the position
    /// and lane that had it first, if that is another one.
    fn first_with(
        &mut self,
        tenant: TenantId,
        tag: &str,
        value: &str,
        position: u64,
        lane: LaneKey,
    ) -> Result<Option<(u64, LaneKey)>, EngineError> {
        let hash = self.secret.hash(tenant, tag, &[value.as_bytes()]);
        let key = index_key(tenant.0, IndexKind::Business, &hash, None);
        let known = match self.pending.pending(Table::Index, &key) {
            Some(row) => row.map(<[u8]>::to_vec),
            None => self.store.get(Table::Index, &key)?,
        };
        if let Some(row) = known {
            let first: (u64, LaneKey) = decode("a business id", &row)?;
            return Ok((first.0 != position).then_some(first));
        }
        self.pending.put(Table::Index, key, encode(&(position, lane)));
        Ok(None)
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

    fn after_change(&mut self, key: LaneKey, id: SessionId, change: Change) {
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

    fn keep_conflict(&mut self, position: u64, arrival: &Arrival, session: SessionId) {
        quarantine::put_conflict(&mut self.pending, position, arrival, session);
    }

    // ---- timers and source clocks

    fn fire_wall_timers(&mut self, header: &BlockHeader) -> Result<(), EngineError> {
        while let Some(((due, id), row)) = self.timers.first_through(header.fired_through) {
            self.fire(&row, id, due, EndRule::Inactivity)?;
        }
        Ok(())
    }

    /// Lets one timer act. It acts, or moves, or is taken away, so the caller's loop ends.
    fn fire(
        &mut self,
        row: &TimerRow,
        id: SessionId,
        at: UnixMillis,
        rule: EndRule,
    ) -> Result<Fired, EngineError> {
        let lane = row.lane;
        let hot = self.hot.lane(&self.store, &self.secret, row.tenant, lane, LaneKind::Device)?;
        let Some(session) = hot.lane.session_mut(id) else {
            self.disarm(id);
            return Ok(Fired::Nothing);
        };
        let fired = session.fire(at, rule);
        self.hot.note_changed(lane, &BTreeSet::from([id]));
        self.after_change(lane, id, Change::Fired);
        match fired {
            Fired::Cut => self.keep_cut(lane, id),
            Fired::Nothing => self.disarm(id),
            Fired::Ended => {}
        }
        Ok(fired)
    }

    /// Keeps the record of a revision byte for byte.
    fn keep_cut(&mut self, lane: LaneKey, id: SessionId) {
        self.homeless.forget(id);
        let Some(session) = self.hot.session(lane, id) else { return };
        let envelope = &session.envelope;
        let record = record::of(session, &self.rules, self.now);
        let key = record_key(envelope.tenant.0, &id.0, envelope.revision);
        if self.live.has_listeners() {
            let what = LiveEvent::SESSION_FINAL;
            self.live.send(LiveEvent::of_session(what, session, &self.rules, self.now));
        }
        self.pending.put(Table::Records, key, record.to_string().into_bytes());
    }

    /// Sets a source's clock; its sessions wait by the new one from now on.
    fn fold_clock(&mut self, key: SourceKey, clock: SourceClock) -> Result<(), EngineError> {
        let armed = self.timers.of_source(&key);
        self.sources.set(key, clock);
        for (id, row) in armed {
            self.hot.lane(&self.store, &self.secret, row.tenant, row.lane, LaneKind::Device)?;
            self.arm(row.lane, id);
        }
        Ok(())
    }

    /// A source is complete: its sessions end, settle and become final, as far as the mark says.
    /// Under the wall clock, too: the sender knows better than silence does.
    fn fold_mark(&mut self, entry: MarkEntry) -> Result<(), EngineError> {
        let key: SourceKey = (entry.tenant, entry.source);
        self.sources.note_mark(&key, self.now);
        if self.sources.clock(key.0, &key.1) != SourceClock::Wall {
            return self.fire_source(&key, entry.through, EndRule::Mark);
        }
        for (id, row) in self.timers.of_source(&key) {
            self.fire_through_mark(&row, id, entry.through)?;
        }
        Ok(())
    }

    fn fire_through_mark(
        &mut self,
        row: &TimerRow,
        id: SessionId,
        through: Option<UnixMillis>,
    ) -> Result<(), EngineError> {
        loop {
            let hot =
                self.hot.lane(&self.store, &self.secret, row.tenant, row.lane, LaneKind::Device)?;
            let Some(session) = hot.lane.session(id) else { return Ok(()) };
            let due = session.due_in_event_time(SourceClock::Mark, &self.rules);
            let reached = due.is_some_and(|due| through.is_none_or(|through| due <= through));
            if !reached || self.fire(row, id, self.now, EndRule::Mark)? == Fired::Nothing {
                return Ok(());
            }
        }
    }

    fn note_sources(
        &mut self,
        tenant: TenantId,
        signals: &[(Box<str>, UnixMillis)],
    ) -> Result<(), EngineError> {
        let mut reached: BTreeMap<SourceKey, UnixMillis> = BTreeMap::new();
        for (source, at) in signals {
            reached.extend(self.sources.note_signal(tenant, source, *at));
        }
        for (key, through) in reached {
            self.fire_source(&key, Some(through), EndRule::Watermark)?;
        }
        Ok(())
    }

    fn fire_source(
        &mut self,
        key: &SourceKey,
        through: Option<UnixMillis>,
        rule: EndRule,
    ) -> Result<(), EngineError> {
        while let Some(((_, id), row)) = self.timers.first_of_source(key, through) {
            self.fire(&row, id, self.now, rule)?;
        }
        Ok(())
    }
}

impl Gathered {
    fn push(&mut self, tenant: TenantId, name: &LaneName, stamped: Stamped) {
        let of_lane = self.by_lane.entry(name.key).or_default();
        if of_lane.is_empty() {
            self.order.push((tenant, name.key, name.kind));
        }
        of_lane.push(stamped);
    }
}

fn reference(position: u64, key_hash: u64) -> Member {
    let (at, marks) = (UnixMillis(0), Marks::default());
    Member { position, key_hash, at, marks, lane: None }
}
