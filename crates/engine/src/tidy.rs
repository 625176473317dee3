//! Tidying, on a thread of its own: journal that a checkpoint has passed is rewritten in lane order
//! and then deleted, runs of signal ids are merged, old answers are forgotten.
//!
//! A row holds the signals of one lane in one stretch of journal, each split into a clear and a
//! sealable part. Lanes, not sessions, because a session's signals may move when its run is folded
//! again and a lane's never do (docs/decisions/0003). The thread reads what checkpoints have
//! written and nothing else, so the folding thread never waits for it.
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use sessionary_core::{
    id::SessionId,
    lane::{HashSecret, LaneKey, lane_of},
    signal::{Arrival, TenantId},
    time::{Millis, UnixMillis},
};
use sessionary_store::{
    Direction, Durability, Rows, Snapshot, Store, Table, keys::lane_row_key, lane_rows::LaneRow,
    signal_ids,
};

use crate::{
    EngineError, ShardConfig,
    entry::Entry,
    membership::Membership,
    repeats::{REPEATS, repeat_key},
    shard::{SHARD, Shard},
    signals::to_lane_signal,
};

/// Signals rewritten in one pass; the rest waits for the next.
const PASS_SIGNALS: usize = 100_000;
/// Bytes of rows written in one batch.
const BATCH_BYTES: u64 = 1 << 20;

/// The thread's door.
pub(crate) struct Tidying {
    orders: Option<SyncSender<Order>>,
    failures: Receiver<EngineError>,
    thread: Option<JoinHandle<()>>,
}

/// To tidy up, as of now.
struct Order {
    now: UnixMillis,
    /// The position up to which a checkpoint has come.
    checkpointed: u64,
}

impl Tidying {
    /// Starts the thread.
    pub(crate) fn start(shard: &Shard) -> Result<Tidying, EngineError> {
        let cut_short = signal_ids::unlisted(&shard.store)?;
        if !cut_short.is_empty() {
            shard.store.write(cut_short, Durability::Buffered)?;
        }
        let (orders, received) = sync_channel(1);
        let (failed, failures) = sync_channel(1);
        let tidy = Tidy {
            store: shard.store.clone(),
            secret: shard.secret.clone(),
            config: shard.config.clone(),
            next_run: Arc::clone(&shard.next_run),
            journal_bytes: Arc::clone(&shard.journal_bytes),
            rewrite_beyond: shard.config.rewrite_beyond_bytes.min(shard.store.volume_bytes()? / 4),
        };
        let work = move || {
            for order in received {
                if let Err(error) = tidy.tidy(&order) {
                    let _ = failed.try_send(error);
                }
            }
        };
        let thread = std::thread::Builder::new().name("tidy-0".to_owned()).spawn(work);
        let thread = thread.map_err(|_| EngineError::Stopped)?;
        Ok(Tidying { orders: Some(orders), failures, thread: Some(thread) })
    }

    /// Asks for tidying; gives whether the order was taken: while one is being carried out, one
    /// more waits.
    pub(crate) fn order(&self, now: UnixMillis, checkpointed: u64) -> Result<bool, EngineError> {
        if let Ok(error) = self.failures.try_recv() {
            return Err(error);
        }
        match self.orders.as_ref().map(|orders| orders.try_send(Order { now, checkpointed })) {
            Some(Ok(())) => Ok(true),
            Some(Err(TrySendError::Full(_))) => Ok(false),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(EngineError::Stopped),
        }
    }
}

impl Drop for Tidying {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Tidy {
    store: Store,
    secret: HashSecret,
    config: ShardConfig,
    next_run: Arc<AtomicU64>,
    journal_bytes: Arc<AtomicU64>,
    rewrite_beyond: u64,
}

/// A signal of the journal on its way into a row.
struct Taken {
    tenant: TenantId,
    lane: LaneKey,
    position: u64,
    entry: Vec<u8>,
}

impl Tidy {
    fn tidy(&self, order: &Order) -> Result<(), EngineError> {
        self.merge_runs()?;
        self.forget_answers(order.now)?;
        while self.rewrite(order)? {}
        Ok(())
    }

    /// Rewrites the oldest stretch that is due; gives whether there was one.
    fn rewrite(&self, order: &Order) -> Result<bool, EngineError> {
        let old = order.now.minus(Millis(self.config.rewrite_after_ms));
        let first = self.store.first_position(SHARD);
        let journal = self.journal_bytes.load(Ordering::Relaxed);
        let excess = journal.saturating_sub(self.rewrite_beyond);
        let snapshot = self.store.snapshot();
        let mut membership = Membership::new(&snapshot, &self.secret);
        let repeats = repeats(&snapshot)?;
        let (mut taken, mut bytes, mut until) = (Vec::new(), 0_u64, first);
        for block in self.store.replay(SHARD, first) {
            let block = block?;
            let end = block.first + block.span();
            let due = block.header.now < old.0 || bytes < excess;
            if !due || end > order.checkpointed || taken.len() >= PASS_SIGNALS {
                break;
            }
            bytes += block.bytes;
            for (position, stored) in (block.first..).zip(block.entries) {
                if repeats.contains(&position) {
                    continue;
                }
                let Entry::Signal(arrival) = Entry::from_bytes(&stored.bytes)? else { continue };
                let lane = self.lane_of_stored(position, &arrival, &mut membership)?;
                let (tenant, entry) = (arrival.tenant, stored.bytes);
                taken.push(Taken { tenant, lane, position, entry });
            }
            until = end;
        }
        if until == first {
            return Ok(false);
        }
        self.write(taken)?;
        self.store.trim(SHARD, until)?;
        self.forget_repeats(repeats.range(..until))?;
        self.journal_bytes.fetch_sub(bytes.min(journal), Ordering::Relaxed);
        Ok(true)
    }

    fn write(&self, mut taken: Vec<Taken>) -> Result<(), EngineError> {
        taken.sort_unstable_by_key(|taken| (taken.tenant, taken.lane, taken.position));
        let mut rows = Rows::new();
        for of_lane in taken.chunk_by(|a, b| (a.tenant, a.lane) == (b.tenant, b.lane)) {
            let Some(Taken { tenant, lane, position, .. }) = of_lane.first() else { continue };
            let signals = of_lane.iter().map(|taken| {
                let entry = Entry::from_bytes(&taken.entry)?;
                let Entry::Signal(arrival) = entry else {
                    return Err(EngineError::Missing { what: "a signal of the journal" });
                };
                Ok(to_lane_signal(taken.position, arrival))
            });
            let row = LaneRow { signals: signals.collect::<Result<_, EngineError>>()? };
            let key = lane_row_key(tenant.0, lane.partition(), &lane.0, *position);
            rows.put(Table::Signals, key, row.encode()?);
            if rows.bytes() >= BATCH_BYTES {
                self.store.write(std::mem::take(&mut rows), Durability::Buffered)?;
            }
        }
        // The journal goes only after all of its rows are on disk.
        Ok(self.store.write(rows, Durability::Synced)?)
    }

    /// The lane that a signal was folded in. One that names a session of ours may have come before
    /// that session was placed or merged elsewhere: then the lane that has it is the one.
    fn lane_of_stored(
        &self,
        position: u64,
        arrival: &Arrival,
        membership: &mut Membership<'_>,
    ) -> Result<LaneKey, EngineError> {
        let names_ours = arrival.signal.session.as_deref().and_then(SessionId::parse).is_some();
        if names_ours && let Some(lane) = membership.lane(position, arrival)? {
            return Ok(lane);
        }
        Ok(lane_of(&self.secret, arrival.tenant, &arrival.signal).key)
    }

    fn forget_repeats<'a>(
        &self,
        positions: impl Iterator<Item = &'a u64>,
    ) -> Result<(), EngineError> {
        let mut rows = Rows::new();
        positions.for_each(|position| rows.delete(Table::Config, repeat_key(*position)));
        Ok(self.store.write(rows, Durability::Buffered)?)
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
        Ok(self.store.write(rows, Durability::Buffered)?)
    }

    fn merge_runs(&self) -> Result<(), EngineError> {
        while let Some(plan) = signal_ids::merge_plan(&signal_ids::runs(&self.store)?) {
            let run = self.next_run.fetch_add(1, Ordering::Relaxed);
            let write = |rows| self.store.write(rows, Durability::Buffered);
            signal_ids::merge(&self.store.snapshot(), &plan, run, write)?;
        }
        Ok(())
    }
}

/// Positions of signals that are in no session.
fn repeats(snapshot: &Snapshot) -> Result<BTreeSet<u64>, EngineError> {
    let rows = snapshot.scan_prefix(Table::Config, REPEATS, Direction::Forward);
    let position = |row: Result<(Vec<u8>, Vec<u8>), _>| {
        let (key, _) = row?;
        let position = key.last_chunk().copied().map(u64::from_be_bytes);
        position.ok_or(EngineError::Missing { what: "the position of a repetition" })
    };
    rows.map(position).collect()
}
