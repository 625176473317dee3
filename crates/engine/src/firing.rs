//! Firing: what timers and source clocks do to sessions, always as a block of the journal says.
use std::collections::{BTreeMap, BTreeSet};

use sessionary_core::{
    id::SessionId,
    lane::{LaneKey, LaneKind},
    record,
    rules::SourceClock,
    session::{EndRule, Fired},
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_store::{BlockHeader, Table, keys::record_key};

use crate::{
    EngineError, entry::MarkEntry, fold::Change, live::LiveEvent, rows::TimerRow, shard::Shard,
    sources::SourceKey,
};

impl Shard {
    pub(crate) fn fire_wall_timers(&mut self, header: &BlockHeader) -> Result<(), EngineError> {
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
    pub(crate) fn fold_clock(
        &mut self,
        key: SourceKey,
        clock: SourceClock,
    ) -> Result<(), EngineError> {
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
    pub(crate) fn fold_mark(&mut self, entry: MarkEntry) -> Result<(), EngineError> {
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
        while let Some(((_, id), row)) = self.timers.first_of_source(key, through) {
            self.fire(&row, id, self.now, rule)?;
        }
        Ok(())
    }
}
