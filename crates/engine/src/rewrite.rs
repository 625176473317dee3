//! Tidying: journal that every checkpoint has passed is rewritten in lane order, in one pass, and
//! then deleted; runs of signal ids are merged.
//!
//! A row holds the signals of one lane in one stretch of journal, each split into a clear and a
//! sealable part. Lanes, not sessions, because a session's signals may move when its run is folded
//! again and a lane's never do (docs/decisions/0003).
use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use sessionary_core::{
    id::SessionId,
    lane::{LaneKey, lane_of},
    signal::{Arrival, TenantId},
    time::{Millis, UnixMillis},
};
use sessionary_store::{
    Direction, Durability, Rows, Table, keys::lane_row_key, lane_rows::LaneRow, signal_ids,
};

use crate::{
    EngineError, entry,
    rows::get_lane,
    shard::{SHARD, Shard},
    signals::to_lane_signal,
};

/// Signals rewritten in one pass; the rest waits for the next.
const PASS_SIGNALS: usize = 250_000;

impl Shard {
    /// Rewrites old journal and merges runs. Called right after a checkpoint.
    pub(crate) fn tidy(&mut self, now: UnixMillis) -> Result<(), EngineError> {
        self.merge_runs()?;
        self.forget_answers(now)?;
        let old = now.minus(Millis(self.config.rewrite_after_ms));
        let first = self.store.first_position(SHARD);
        let mut stretch: Vec<(u64, Arrival)> = Vec::new();
        let mut size: u64 = 0;
        let mut until = first;
        let excess = self.journal_bytes().saturating_sub(self.config.rewrite_beyond_bytes);
        for block in self.store.replay(SHARD, first) {
            let block = block?;
            let end = block.first + block.span();
            let due = block.header.now < old.0 || size < excess;
            if !due || end > self.next || stretch.len() >= PASS_SIGNALS {
                break;
            }
            size += block.bytes;
            self.journal_rewritten(block.bytes);
            for (position, stored) in (block.first..).zip(&block.entries) {
                if let entry::Entry::Signal(arrival) = entry::Entry::from_bytes(&stored.bytes)? {
                    stretch.push((position, arrival));
                }
            }
            until = end;
        }
        if until > first {
            self.rewrite(stretch)?;
            self.store.trim(SHARD, until)?;
        }
        Ok(())
    }

    fn rewrite(&mut self, stretch: Vec<(u64, Arrival)>) -> Result<(), EngineError> {
        let mut lanes: BTreeMap<(TenantId, LaneKey), Vec<(u64, Arrival)>> = BTreeMap::new();
        let mut stamps: HashMap<LaneKey, HashMap<u64, UnixMillis>> = HashMap::new();
        for (position, arrival) in stretch {
            let key = self.lane_of_stored(position, &arrival, &mut stamps)?;
            lanes.entry((arrival.tenant, key)).or_default().push((position, arrival));
        }
        let mut rows = Rows::new();
        for ((tenant, key), signals) in lanes {
            let stamps = stamps.remove(&key).unwrap_or_default();
            // A repeated signal, and one that conflicts, is in no session and ends here.
            let kept = signals.into_iter().filter_map(|(position, arrival)| {
                let at = *stamps.get(&position)?;
                Some(to_lane_signal(position, at, arrival))
            });
            let row = LaneRow { signals: kept.collect() };
            let Some(first) = row.signals.first().map(|signal| signal.position) else { continue };
            let row_key = lane_row_key(tenant.0, key.partition(), &key.0, first);
            rows.put(Table::Signals, row_key, row.encode()?);
        }
        Ok(self.store.write(rows, Durability::Synced)?)
    }

    /// The lane that a signal was folded in. One that names a session of ours may have come before
    /// that session was placed or merged elsewhere: then the lane that has it is the one.
    fn lane_of_stored(
        &self,
        position: u64,
        arrival: &Arrival,
        stamps: &mut HashMap<LaneKey, HashMap<u64, UnixMillis>>,
    ) -> Result<LaneKey, EngineError> {
        let tenant = arrival.tenant;
        let (name, _) = self.lane_name(arrival)?;
        let mut candidates = vec![name.key];
        if let Some(id) = arrival.signal.session.as_deref().and_then(SessionId::parse) {
            candidates.extend(self.hot.home(&self.store, tenant, id)?.map(|home| home.lane));
            candidates.push(lane_of(&self.secret, tenant, &arrival.signal).key);
        }
        for key in candidates {
            let of_lane = match stamps.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(vacant) => vacant.insert(self.stamps(tenant, key)?),
            };
            if of_lane.contains_key(&position) {
                return Ok(key);
            }
        }
        Ok(name.key)
    }

    /// The stamped times of a lane's signals, by position.
    fn stamps(
        &self,
        tenant: TenantId,
        key: LaneKey,
    ) -> Result<HashMap<u64, UnixMillis>, EngineError> {
        let stored;
        let lane = if let Some(hot) = self.hot.in_memory(key) {
            &hot.lane
        } else {
            stored = get_lane(&self.store, tenant, key)?;
            let Some(lane) = &stored else { return Ok(HashMap::new()) };
            lane
        };
        let sessions = lane.sessions.iter().chain(&lane.redirects);
        let members = sessions.flat_map(|session| &session.members);
        Ok(members.map(|member| (member.position, member.at)).collect())
    }

    /// Deletes answers to idempotency keys whose time is over; each begins with that instant.
    fn forget_answers(&self, now: UnixMillis) -> Result<(), EngineError> {
        let mut rows = Rows::new();
        for row in self.store.scan_prefix(Table::Answers, &[], Direction::Forward) {
            let (key, value) = row?;
            let until = value.first_chunk().map(|until| i64::from_be_bytes(*until));
            if until.is_none_or(|until| until <= now.0) {
                rows.delete(Table::Answers, key);
            }
        }
        if !rows.is_empty() {
            self.store.write(rows, Durability::Buffered)?;
        }
        Ok(())
    }

    fn merge_runs(&mut self) -> Result<(), EngineError> {
        let runs = signal_ids::runs(&self.store)?;
        if let Some(plan) = signal_ids::merge_plan(&runs) {
            let run = self.take_run();
            let rows = signal_ids::merge(&self.store, &plan, run)?;
            self.store.write(rows, Durability::Buffered)?;
        }
        Ok(())
    }
}
