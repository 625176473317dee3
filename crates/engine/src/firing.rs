//! Firing: what timers and source clocks do to sessions, always as a block of the journal says.
use std::collections::BTreeMap;

use sessionary_core::{
    id::SessionId,
    lane::{LaneKey, LaneKind},
    rules::SourceClock,
    session::{EndRule, Fired, Session},
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_dialects::format;
use sessionary_store::{
    BlockHeader, FiredThrough, Table,
    keys::{lake_queue_key, record_key},
};

use crate::{
    EngineError,
    entry::MarkEntry,
    live::LiveEvent,
    shard::{Shard, arm},
    sources::SourceKey,
    timers::{self, Due, Owner, source_hash},
};

/// Which of its two instants a timer is looked at by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Wall,
    EventTime,
}

impl By {
    fn due(self, session: &Session) -> Option<UnixMillis> {
        match self {
            By::Wall => session.envelope.due,
            By::EventTime => session.envelope.event_due,
        }
    }
}

impl Shard {
    /// The cursor that covers every timer that is due at `now`, but at most `most`; `None` when
    /// nothing is due. Entries of sessions that are due later are put back.
    pub(crate) fn cursor(
        &mut self,
        now: UnixMillis,
        most: usize,
    ) -> Result<Option<FiredThrough>, EngineError> {
        let first = self.timers.wall.first_through(&self.store, now, most)?;
        let entries: Vec<(Due, Owner)> = first.map(|(due, owner)| (*due, *owner)).collect();
        let mut last = None;
        for (due, owner) in entries {
            let hot = self.hot.in_memory(&self.store, &self.secret, owner.lane)?;
            let Some(session) = hot.and_then(|hot| hot.lane.session(due.1)) else {
                // Not in memory: what the table says holds.
                last = Some(due);
                continue;
            };
            if session.envelope.due == Some(due.0) {
                last = Some(due);
            } else {
                self.timers.wall.remove(due);
                self.put_back(due, owner, By::Wall);
            }
        }
        Ok(last.map(|(due, id)| FiredThrough { due: due.0, session: id.0 }))
    }

    /// Fires every timer up to the header's cursor, in order.
    pub(crate) fn fire_wall_timers(&mut self, header: &BlockHeader) -> Result<(), EngineError> {
        let FiredThrough { due, session } = header.fired_through;
        let limit: Due = (UnixMillis(due), SessionId(session));
        if due == i64::MIN {
            return Ok(());
        }
        self.timers.wall.read_through(&self.store, limit.0)?;
        while let Some((due, owner)) = self.timers.wall.first().filter(|(due, _)| *due <= limit) {
            self.timers.wall.remove(due);
            self.meet(due, owner, By::Wall, due.0, EndRule::Inactivity)?;
        }
        Ok(())
    }

    /// The queue has come to an entry: if its session is due at that very instant, its timer acts.
    fn meet(
        &mut self,
        due: Due,
        owner: Owner,
        by: By,
        at: UnixMillis,
        rule: EndRule,
    ) -> Result<(), EngineError> {
        let Owner { tenant, lane, .. } = owner;
        let hot = self.hot.lane(&self.store, &self.secret, tenant, lane, LaneKind::Device)?;
        let is_due = hot.lane.session(due.1).and_then(|session| by.due(session)) == Some(due.0);
        if !is_due {
            self.put_back(due, owner, by);
            return Ok(());
        }
        let written = hot.written(due.1);
        match by {
            By::Wall => written.entries.met(due.0),
            By::EventTime => written.event_entries.met(due.0),
        }
        self.fire(lane, due.1, at, rule).map(|_| ())
    }

    /// An entry whose session is due at another instant moves there, if that is later; for an
    /// earlier one there is an entry already.
    fn put_back(&mut self, due: Due, owner: Owner, by: By) {
        let Some(hot) = self.hot.live_mut(owner.lane) else { return };
        let Some(session) = hot.lane.session(due.1) else { return };
        let (now_due, source) = (by.due(session), session.envelope.source.clone());
        let written = hot.written(due.1);
        let entries = match by {
            By::Wall => &mut written.entries,
            By::EventTime => &mut written.event_entries,
        };
        entries.met(due.0);
        let Some(now_due) = now_due.filter(|now_due| entries.need(*now_due)) else { return };
        entries.put(now_due);
        let queue = match by {
            By::Wall => &mut self.timers.wall,
            By::EventTime => self.timers.of_source(&(owner.tenant, source)),
        };
        queue.put((now_due, due.1), owner);
    }

    /// Lets the timer of a live session act. It acts, or is taken away, so the caller's loop ends.
    fn fire(
        &mut self,
        lane: LaneKey,
        id: SessionId,
        at: UnixMillis,
        rule: EndRule,
    ) -> Result<Fired, EngineError> {
        let hot = self.hot.in_memory(&self.store, &self.secret, lane)?;
        let Some(session) = hot.and_then(|hot| hot.lane.session_mut(id)) else {
            return Ok(Fired::Nothing);
        };
        let fired = session.fire(at, rule);
        if fired == Fired::Nothing {
            (session.envelope.due, session.envelope.event_due) = (None, None);
            self.hot.changed(lane, &[id]);
            return Ok(fired);
        }
        self.after_change(lane, &[], &[id]);
        if fired == Fired::Cut {
            self.keep_cut(lane, id);
        }
        Ok(fired)
    }

    /// Keeps the record of a revision byte for byte.
    fn keep_cut(&mut self, lane: LaneKey, id: SessionId) {
        self.forget_homeless(id);
        let Some(session) = self.hot.session(lane, id) else { return };
        let envelope = &session.envelope;
        let record = format::record(session, &self.rules, self.now);
        let key = record_key(envelope.tenant.0, &id.0, envelope.revision);
        if self.live.has_listeners() {
            let what = LiveEvent::SESSION_FINAL;
            self.live.send(LiveEvent::of_session(what, session, &self.rules, self.now));
        }
        self.pending.put(Table::Records, key, record.to_string().into_bytes());
        if self.config.lake {
            // Until it is folded, the block lies where the state stands.
            self.pending.put(Table::Lake, lake_queue_key(self.next, &key), []);
        }
        self.raise_cut(lane, id);
    }

    /// Sets a source's clock; its sessions wait by the new one from now on.
    pub(crate) fn fold_clock(
        &mut self,
        key: &SourceKey,
        clock: SourceClock,
    ) -> Result<(), EngineError> {
        let known = self.sources.clock(key.0, &key.1) == clock;
        self.sources.set(key.clone(), clock);
        if known {
            return Ok(());
        }
        for (id, owner) in self.armed_of(key)? {
            let (tenant, lane) = (owner.tenant, owner.lane);
            let hot = self.hot.lane(&self.store, &self.secret, tenant, lane, LaneKind::Device)?;
            if hot.lane.session(id).is_some_and(|session| session.envelope.due.is_some()) {
                arm(hot, id, &mut self.timers, &self.sources, &self.rules);
                self.hot.changed(lane, &[id]);
            }
        }
        Ok(())
    }

    /// Sessions of a source that may have a timer, in order of their ids.
    fn armed_of(&self, source: &SourceKey) -> Result<BTreeMap<SessionId, Owner>, EngineError> {
        let hash = source_hash(source.0, &source.1);
        let same = |owner: &Owner| owner.tenant == source.0 && owner.source == hash;
        let mut armed = BTreeMap::new();
        for row in timers::stored(&self.store) {
            let ((_, id), owner) = row?;
            if same(&owner) {
                armed.insert(id, owner);
            }
        }
        let in_memory = self.timers.wall.in_memory().filter(|(_, owner)| same(owner));
        armed.extend(in_memory.map(|((_, id), owner)| (*id, *owner)));
        Ok(armed)
    }

    /// A source is complete: its sessions end, settle and become final, as far as the mark says.
    /// Under the wall clock, too: the sender knows better than silence does.
    pub(crate) fn fold_mark(&mut self, entry: MarkEntry) -> Result<(), EngineError> {
        let key: SourceKey = (entry.tenant, entry.source);
        self.sources.note_mark(&key, self.now);
        if self.sources.clock(key.0, &key.1) != SourceClock::Wall {
            return self.fire_source(&key, entry.through, EndRule::Mark);
        }
        for (id, owner) in self.armed_of(&key)? {
            self.fire_through_mark(owner, id, entry.through)?;
        }
        Ok(())
    }

    fn fire_through_mark(
        &mut self,
        owner: Owner,
        id: SessionId,
        through: Option<UnixMillis>,
    ) -> Result<(), EngineError> {
        let Owner { tenant, lane, .. } = owner;
        loop {
            let hot = self.hot.lane(&self.store, &self.secret, tenant, lane, LaneKind::Device)?;
            let Some(session) = hot.lane.session(id) else { return Ok(()) };
            if session.envelope.due.is_none() {
                return Ok(());
            }
            let due = session.due_in_event_time(SourceClock::Mark, &self.rules);
            let reached = due.is_some_and(|due| through.is_none_or(|through| due <= through));
            if !reached || self.fire(lane, id, self.now, EndRule::Mark)? == Fired::Nothing {
                return Ok(());
            }
        }
    }

    /// Takes note of event times; a watermark that has come further fires what it has passed.
    pub(crate) fn note_sources(
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
        loop {
            let queue = self.timers.of_source(key);
            if let Some(through) = through {
                let _first = queue.first_through(&self.store, through, 1)?;
            }
            let Some((due, owner)) = queue.first_of_all(&self.store)? else { return Ok(()) };
            if through.is_some_and(|through| due.0 > through) {
                return Ok(());
            }
            queue.remove(due);
            self.meet(due, owner, By::EventTime, self.now, rule)?;
        }
    }
}
