//! A shard: the state that one folding thread owns, and how it is restored and written.
//!
//! The state is the fold of the journal up to `next`. Checkpoints bring it into the tables
//! ([`crate::checkpoint`]), so that a restart goes on from the last one.
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use sessionary_core::{
    goal::Goals,
    id::SessionId,
    lane::HashSecret,
    lane_fold::Setting,
    rules::{Rules, SourceClock},
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_store::{Direction, Durability, Read, Rows, Store, Table, signal_ids};

use crate::{
    EngineError, Reader,
    catalogue::Catalogues,
    checkpoint::{Progress, SHORT_IDS},
    destinations::AllDestinations,
    fold::Folded,
    gathered::Gathered,
    hot::Hot,
    hot_lane::HotLane,
    live::Live,
    numbers::Numbers,
    parcels::Raised,
    placement::Homeless,
    read::Views,
    rows::decode,
    sources::{SourceState, Sources},
    timers::{Owner, Timers, source_hash},
};

/// The number of the one shard that this version runs (docs/decisions/0002).
pub(crate) const SHARD: u8 = 0;
/// Where the state of a shard lies in the table `Config`.
pub(crate) const STATE_KEY: &[u8] = b"shard/0";

/// While the journal is replayed, rows that follow from it are written when they are so many bytes.
const PENDING_BYTES: u64 = 4 << 20;

/// How a shard is run.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// The rules to fold by from now on.
    pub rules: Rules,
    /// Memory for lanes, in bytes; those touched longest ago are packed, then forgotten. What
    /// waits to be written may exceed it for a moment, which makes a checkpoint due.
    pub hot_bytes: usize,
    /// A checkpoint follows at the latest after so many bytes of journal.
    pub checkpoint_bytes: u64,
    /// And after so many signals.
    pub checkpoint_signals: u64,
    /// And when so many lanes changed: a start after a crash has to read each of them again.
    pub checkpoint_lanes: usize,
    /// Journal older than this is rewritten in lane order.
    pub rewrite_after_ms: i64,
    /// And journal beyond this size, however young, in bytes.
    pub rewrite_beyond_bytes: u64,
    /// Whether records that are cut are noted for the lake: without somebody who writes it
    /// ([`crate::lake`]) these notes would only grow.
    pub lake: bool,
}

/// The part of the state that is one row.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StateRow {
    /// The next position to fold.
    pub(crate) next: u64,
    /// The server's time in the last block.
    pub(crate) now: UnixMillis,
    pub(crate) rules_version: u32,
    pub(crate) rules: Rules,
    #[serde(default)]
    pub(crate) sources: Vec<(TenantId, Box<str>, SourceState)>,
    #[serde(default)]
    pub(crate) aliases: Vec<(TenantId, u8, u64)>,
    /// So many chunks of the checkpoint wait to be applied to their tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) staged: Option<u32>,
}

impl StateRow {
    fn of_an_empty_journal() -> StateRow {
        StateRow {
            next: 1,
            now: UnixMillis(0),
            rules_version: 0,
            rules: Rules::default(),
            sources: Vec::new(),
            aliases: Vec::new(),
            staged: None,
        }
    }
}

/// What the last checkpoint says of the directory, for whoever looks at it without folding.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The position up to which it has folded: the next one.
    pub next: u64,
    /// The number of the rules in force; 1 where they never changed.
    pub rules_version: u32,
    /// The rules in force.
    pub rules: Rules,
}

/// Reads what the last checkpoint says; `None` in a directory that has none.
///
/// # Errors
/// Damage of the store.
pub fn kept(store: &Store) -> Result<Option<Kept>, EngineError> {
    let Some(row) = store.get(Table::Config, STATE_KEY)? else { return Ok(None) };
    let row: StateRow = decode("the shard", &row)?;
    Ok(Some(Kept { next: row.next, rules_version: row.rules_version, rules: row.rules }))
}

/// What a folding thread owns.
pub(crate) struct Shard {
    pub(crate) store: Store,
    pub(crate) secret: HashSecret,
    pub(crate) config: ShardConfig,
    pub(crate) rules: Arc<Rules>,
    pub(crate) rules_version: u32,
    /// The server's time in the last folded block.
    pub(crate) now: UnixMillis,
    /// The next position to fold.
    pub(crate) next: u64,
    pub(crate) hot: Hot,
    pub(crate) timers: Timers,
    pub(crate) sources: Sources,
    /// Outcomes and segments of each tenant.
    pub(crate) catalogues: Catalogues,
    /// Where finished sessions go.
    pub(crate) destinations: AllDestinations,
    /// What was raised for them since somebody was last told.
    pub(crate) raised: Raised,
    pub(crate) numbers: Numbers,
    pub(crate) homeless: Homeless,
    /// Rows that follow from the journal whenever they are written: cut records, business ids,
    /// conflicts, reviews, parcels. They go with the next write.
    pub(crate) pending: Rows,
    /// For the signals of a block, kept for its memory.
    pub(crate) gathered: Gathered,
    /// Ids of signals folded since the last checkpoint: (hash of the id, lane).
    pub(crate) new_ids: Vec<(u64, u64)>,
    /// The next number of a run of signal ids; shared with the thread that merges them.
    pub(crate) next_run: Arc<AtomicU64>,
    /// The position that the last checkpoint in the tables has come to.
    pub(crate) checkpointed: u64,
    /// The checkpoint that is being taken.
    pub(crate) progress: Progress,
    pub(crate) bytes_since: u64,
    pub(crate) signals_since: u64,
    /// The checkpoint that is being taken should be done after so many of them.
    pub(crate) spread: u64,
    /// A decision was folded since the last checkpoint.
    pub(crate) decided: bool,
    /// Uncompressed bytes of the journal that has not been rewritten, as far as this process knows.
    pub(crate) journal_bytes: Arc<AtomicU64>,
    pub(crate) live: Live,
}

impl Shard {
    /// Restores the state of the last checkpoint and folds what the journal holds beyond it.
    pub(crate) fn restore(
        store: Store,
        secret: HashSecret,
        config: ShardConfig,
        live: Live,
    ) -> Result<Shard, EngineError> {
        let row = store.get(Table::Config, STATE_KEY)?;
        let row: Option<StateRow> = row.map(|row| decode("the shard", &row)).transpose()?;
        let row = row.unwrap_or_else(StateRow::of_an_empty_journal);
        let next_run = Arc::new(AtomicU64::new(signal_ids::next_run(&store)?));
        let mut numbers = Numbers::default();
        numbers.restore_aliases(row.aliases.clone());
        let mut shard = Shard {
            store,
            secret,
            hot: Hot::new(config.hot_bytes),
            config,
            rules: Arc::new(row.rules.clone()),
            rules_version: row.rules_version,
            now: row.now,
            next: row.next,
            timers: Timers::default(),
            sources: Sources::restore(row.sources.clone()),
            catalogues: Catalogues::default(),
            destinations: AllDestinations::default(),
            raised: Raised::default(),
            numbers,
            homeless: Homeless::default(),
            pending: Rows::new(),
            gathered: Gathered::default(),
            new_ids: Vec::new(),
            next_run,
            checkpointed: row.next,
            progress: Progress::default(),
            bytes_since: 0,
            signals_since: 0,
            spread: 0,
            decided: false,
            journal_bytes: Arc::new(AtomicU64::new(0)),
            live,
        };
        shard.complete_checkpoint(&row)?;
        shard.restore_short_ids()?;
        shard.catalogues = Catalogues::restore(&shard.store)?;
        shard.destinations = AllDestinations::restore(&shard.store)?;
        shard.restore_homeless()?;
        shard.replay()?;
        Ok(shard)
    }

    fn restore_short_ids(&mut self) -> Result<(), EngineError> {
        for row in self.store.scan_prefix(Table::Config, SHORT_IDS, Direction::Forward) {
            let (key, used) = row?;
            let partition = key.last().copied().unwrap_or_default();
            self.numbers.restore_short_ids(partition, &used);
        }
        Ok(())
    }

    /// Writes what follows from the journal, once it is much.
    pub(crate) fn write_some_pending(&mut self) -> Result<(), EngineError> {
        self.write_pending(PENDING_BYTES)
    }

    /// The same, if it is more than so many bytes.
    pub(crate) fn write_pending(&mut self, bytes: u64) -> Result<(), EngineError> {
        if self.pending.bytes() > bytes {
            self.store.write(std::mem::take(&mut self.pending), Durability::Buffered)?;
        }
        Ok(())
    }

    /// Takes note of so many uncompressed bytes of journal.
    pub(crate) fn note_appended(&mut self, bytes: u64) {
        self.bytes_since += bytes;
        self.journal_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What stays the same while a block is folded.
    pub(crate) fn setting<'a>(
        rules: &'a Rules,
        goals: &'a Goals,
        now: UnixMillis,
        secret: &'a HashSecret,
    ) -> Setting<'a> {
        Setting { rules, goals, now, secret }
    }

    /// A number that no run of signal ids has.
    pub(crate) fn take_run(&mut self) -> u64 {
        self.next_run.fetch_add(1, Ordering::Relaxed)
    }

    /// A view of what is in the tables.
    pub(crate) fn reader(&self, now: UnixMillis) -> Reader {
        self.views().reader(now.max(self.now))
    }

    /// What views of the tables are made from.
    pub(crate) fn views(&self) -> Views {
        let (store, secret) = (self.store.clone(), self.secret.clone());
        Views { store, secret, rules: Arc::clone(&self.rules) }
    }

    /// Numbers for the health page.
    pub(crate) fn counts(&self) -> Folded {
        Folded {
            next: self.next,
            lanes: self.hot.len(),
            lane_bytes: self.hot.bytes(),
            timers: self.timers.len(),
            unsaved_signals: self.signals_since,
        }
    }
}

/// Arms the timer of a session as its state asks for: the instant is the session's, and an entry
/// that is not later must be in a queue or in the table.
pub(crate) fn arm(
    hot: &mut HotLane,
    id: SessionId,
    timers: &mut Timers,
    sources: &Sources,
    rules: &Rules,
) {
    let lane = hot.lane.key;
    let Some(session) = hot.lane.session_mut(id) else { return };
    let clock = sources.clock(session.envelope.tenant, &session.envelope.source);
    let of_source = clock != SourceClock::Wall;
    let due = session.due(clock, rules);
    let event_due = due.filter(|_| of_source).and_then(|_| session.due_in_event_time(clock, rules));
    let envelope = &mut session.envelope;
    (envelope.due, envelope.event_due) = (due, event_due);
    let tenant = envelope.tenant;
    let source = event_due.map(|_| (tenant, envelope.source.clone()));
    let owner = Owner { tenant, lane, source: source_hash(tenant, &envelope.source) };
    let written = hot.written(id);
    if let Some(due) = due.filter(|due| written.entries.need(*due)) {
        written.entries.put(due);
        timers.wall.put((due, id), owner);
    }
    if let (Some(due), Some(source)) = (event_due, source)
        && written.event_entries.need(due)
    {
        written.event_entries.put(due);
        timers.of_source(&source).put((due, id), owner);
    }
}

/// The clocks of a tenant's sources as of the last checkpoint.
pub(crate) fn stored_sources(
    store: &impl Read,
    tenant: TenantId,
) -> Result<Vec<(Box<str>, SourceClock)>, EngineError> {
    let Some(row) = store.get(Table::Config, STATE_KEY)? else { return Ok(Vec::new()) };
    let row: StateRow = decode("the shard", &row)?;
    let own = row.sources.into_iter().filter(|(of, ..)| *of == tenant);
    Ok(own.map(|(_, name, state)| (name, state.clock)).collect())
}
