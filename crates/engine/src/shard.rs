//! A shard: the state that one folding thread owns, and how it is restored and written.
//!
//! The state is the fold of the journal up to `folded`. A checkpoint writes everything that changed
//! since the last one together with that position in one atomic batch, so that a restart goes on
//! from there; it needs no sync of its own, because the journal is synced and comes first.
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sessionary_core::{
    id::SessionId,
    lane::{HashSecret, LaneKey},
    lane_fold::Setting,
    rules::{Rules, SourceClock},
    session::Status,
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_store::{
    Direction, Durability, Read, Rows, Store, Table,
    keys::{parse_timer_key, timer_key},
    signal_ids,
};

use crate::{
    EngineError,
    fold::Folded,
    hot::Hot,
    live::Live,
    numbers::Numbers,
    placement::Homeless,
    rows::{TimerRow, decode, encode},
    sources::{SourceState, Sources},
    timers::Timers,
};

/// The number of the one shard that this version runs (docs/decisions/0002).
pub(crate) const SHARD: u8 = 0;
/// Where the state of a shard lies in the table `Config`.
const STATE_KEY: &[u8] = b"shard/0";

/// How a shard is run.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// The rules to fold by from now on.
    pub rules: Rules,
    /// Lanes kept in memory; those touched longest ago are dropped after a checkpoint.
    pub hot_lanes: usize,
    /// A checkpoint follows at the latest after so many bytes of journal.
    pub checkpoint_bytes: u64,
    /// And after so many signals.
    pub checkpoint_signals: u64,
    /// Journal older than this is rewritten in lane order.
    pub rewrite_after_ms: i64,
    /// And journal beyond this size, however young, in bytes.
    pub rewrite_beyond_bytes: u64,
}

/// The part of the state that is one row.
#[derive(Serialize, Deserialize)]
struct StateRow {
    /// The next position to fold.
    next: u64,
    /// The server's time in the last block.
    now: UnixMillis,
    rules_version: u32,
    rules: Rules,
    #[serde(default)]
    sources: Vec<(TenantId, Box<str>, SourceState)>,
    #[serde(default)]
    aliases: Vec<(TenantId, u8, u64)>,
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
    pub(crate) numbers: Numbers,
    pub(crate) homeless: Homeless,
    /// Rows that the fold decided and the next checkpoint writes.
    pub(crate) pending: Rows,
    /// Ids of signals folded since the last checkpoint: (hash of the id, lane).
    pub(crate) new_ids: Vec<(u64, u64)>,
    next_run: u64,
    /// Timers that changed since the last checkpoint.
    timers_changed: std::collections::BTreeSet<SessionId>,
    timers_on_disk: std::collections::HashMap<SessionId, UnixMillis>,
    pub(crate) bytes_since: u64,
    pub(crate) signals_since: u64,
    /// A decision was folded since the last checkpoint.
    pub(crate) decided: bool,
    pub(crate) journal_bytes: u64,
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
        let row = row.unwrap_or(StateRow {
            next: 1,
            now: UnixMillis(0),
            rules_version: 0,
            rules: Rules::default(),
            sources: Vec::new(),
            aliases: Vec::new(),
        });
        let next_run = signal_ids::next_run(&store)?;
        let mut numbers = Numbers::default();
        numbers.restore_aliases(row.aliases);
        let mut shard = Shard {
            store,
            secret,
            config,
            rules: Arc::new(row.rules),
            rules_version: row.rules_version,
            now: row.now,
            next: row.next,
            hot: Hot::default(),
            timers: Timers::default(),
            sources: Sources::restore(row.sources),
            numbers,
            homeless: Homeless::default(),
            pending: Rows::new(),
            new_ids: Vec::new(),
            next_run,
            timers_changed: std::collections::BTreeSet::new(),
            timers_on_disk: std::collections::HashMap::new(),
            bytes_since: 0,
            signals_since: 0,
            decided: false,
            journal_bytes: 0,
            live,
        };
        shard.restore_timers()?;
        shard.replay()?;
        Ok(shard)
    }

    fn restore_timers(&mut self) -> Result<(), EngineError> {
        let mut homeless = Vec::new();
        for row in self.store.scan_prefix(Table::Timers, &[SHARD], Direction::Forward) {
            let (key, value) = row?;
            let Some((_, due, id)) = parse_timer_key(&key) else {
                return Err(EngineError::Missing { what: "the session of a timer" });
            };
            let timer: TimerRow = decode("a timer", &value)?;
            let (due, id) = (UnixMillis(due), SessionId(id));
            if let Some(short_id) = timer.short_id {
                self.numbers.restore_short_id(short_id);
            }
            if timer.homeless {
                homeless.push((timer.tenant, timer.lane, id));
            }
            self.timers_on_disk.insert(id, due);
            self.timers.arm(id, Some((due, timer)));
        }
        for (tenant, lane, id) in homeless {
            self.restore_homeless(tenant, lane, id)?;
        }
        Ok(())
    }

    fn replay(&mut self) -> Result<(), EngineError> {
        let from = self.next;
        for block in self.store.replay(SHARD, from) {
            let block = block?;
            if block.first < from {
                continue;
            }
            self.bytes_since += block.bytes;
            self.journal_bytes += block.bytes;
            self.fold_stored(&block)?;
            if self.is_checkpoint_due() {
                self.checkpoint()?;
            }
        }
        Ok(())
    }

    /// What stays the same while a block is folded.
    pub(crate) fn setting<'a>(
        rules: &'a Rules,
        now: UnixMillis,
        secret: &'a HashSecret,
    ) -> Setting<'a> {
        Setting { rules, now, secret }
    }

    /// Arms the timer of a session as its state asks for.
    pub(crate) fn arm(&mut self, lane: LaneKey, id: SessionId) {
        let Some(session) = self.hot.session(lane, id) else { return self.disarm(id) };
        let envelope = &session.envelope;
        let clock = self.sources.clock(envelope.tenant, &envelope.source);
        let open = matches!(envelope.status, Status::Open | Status::Settling);
        let timer = session.due(clock, &self.rules).map(|due| {
            let wall = clock == SourceClock::Wall;
            let row = TimerRow {
                tenant: envelope.tenant,
                lane,
                source: envelope.source.clone(),
                event_due: if wall { None } else { session.due_in_event_time(clock, &self.rules) },
                short_id: envelope.short_id,
                homeless: open && self.homeless.holds(id),
            };
            (due, row)
        });
        self.timers_changed.insert(id);
        self.timers.arm(id, timer);
    }

    /// Takes the timer of a session away.
    pub(crate) fn disarm(&mut self, id: SessionId) {
        self.timers_changed.insert(id);
        self.timers.arm(id, None);
    }

    pub(crate) fn is_checkpoint_due(&self) -> bool {
        self.bytes_since >= self.config.checkpoint_bytes
            || self.signals_since >= self.config.checkpoint_signals
    }

    /// Whether anything was folded since the last checkpoint.
    pub(crate) fn is_dirty(&self) -> bool {
        self.signals_since > 0
            || self.hot.changed_lanes() > 0
            || !self.pending.is_empty()
            || !self.timers_changed.is_empty()
            || self.decided
    }

    /// Writes all that changed since the last checkpoint, and the position, as one batch.
    pub(crate) fn checkpoint(&mut self) -> Result<(), EngineError> {
        if !self.is_dirty() {
            return Ok(());
        }
        let mut rows = std::mem::take(&mut self.pending);
        self.hot.write(&self.secret, &mut rows);
        self.write_timers(&mut rows);
        if !self.new_ids.is_empty() {
            let mut ids = std::mem::take(&mut self.new_ids);
            ids.sort_unstable();
            ids.dedup();
            signal_ids::add_run(&mut rows, self.next_run, ids);
            self.next_run += 1;
        }
        let state = StateRow {
            next: self.next,
            now: self.now,
            rules_version: self.rules_version,
            rules: Rules::clone(&self.rules),
            sources: self.sources.rows(),
            aliases: self.numbers.alias_rows(),
        };
        rows.put(Table::Config, STATE_KEY, encode(&state));
        self.store.write(rows, Durability::Buffered)?;
        self.homeless.forget_written();
        self.bytes_since = 0;
        self.signals_since = 0;
        self.decided = false;
        self.hot.evict(self.config.hot_lanes);
        Ok(())
    }

    fn write_timers(&mut self, rows: &mut Rows) {
        for id in std::mem::take(&mut self.timers_changed) {
            if let Some(due) = self.timers_on_disk.remove(&id) {
                rows.delete(Table::Timers, timer_key(SHARD, due.0, &id.0));
            }
            if let Some((due, row)) = self.timers.of(id) {
                rows.put(Table::Timers, timer_key(SHARD, due.0, &id.0), encode(row));
                self.timers_on_disk.insert(id, due);
            }
        }
    }

    /// A number that no run of signal ids has.
    pub(crate) fn take_run(&mut self) -> u64 {
        self.next_run += 1;
        self.next_run - 1
    }

    /// Uncompressed bytes of the journal that has not been rewritten, as far as this process knows.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal_bytes
    }

    pub(crate) fn journal_rewritten(&mut self, bytes: u64) {
        self.journal_bytes = self.journal_bytes.saturating_sub(bytes);
    }

    /// Numbers for the health page.
    pub(crate) fn counts(&self) -> Folded {
        Folded {
            next: self.next,
            lanes: self.hot.len(),
            timers: self.timers.len(),
            unsaved_signals: self.signals_since,
        }
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
