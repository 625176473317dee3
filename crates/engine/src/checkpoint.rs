//! Checkpoints: how the fold reaches the tables, a little after each block and never all at once.
//!
//! A checkpoint is the state at one position of the journal. It *begins* by freezing which lanes
//! changed; from there each of them is staged (made into rows) either in its turn or just before it
//! changes again, so that all rows are of that one position. When all are staged, and kept by the
//! store as chunks, one batch with the position *seals* it: from here a start after a crash puts
//! the chunks into the tables and folds on from that position. Then the rows are *applied* to their
//! tables, chunk by chunk, and the chunks deleted. A checkpoint that was not sealed is as if it had
//! never begun. None of it needs a sync: the journal is synced, and all comes after it in one log
//! (docs/decisions/0008).
use std::time::Duration;

use sessionary_core::{id::SessionId, lane::LaneKey, rules::Rules, time::UnixMillis};
use sessionary_store::{
    Direction, Durability, Rows, Table, keys::parse_source_timer_key, keys::parse_timer_key,
    signal_ids,
};

use crate::{
    EngineError,
    clock::monotonic,
    rows::{TimerRow, decode, encode},
    shard::{SHARD, STATE_KEY, Shard, StateRow},
    staging,
    timers::{Due, owner_of},
};

/// Lanes staged in one step. Few in tests, so that crashes fall between steps.
const LANES_PER_STEP: usize = if cfg!(test) { 1 } else { 96 };
/// A checkpoint of so few lanes is one batch.
const LANES_AT_ONCE: usize = if cfg!(test) { 1 } else { 256 };
/// Ids of signals are sorted and written so many at once.
const IDS_PER_RUN: usize = 1 << 16;
/// Steps after one block take at most this long, or as long as the block itself took.
const PAUSE: Duration = Duration::from_millis(2);
/// So many times as long while memory is exhausted: lanes must be written faster than they change.
const EXHAUSTED: u32 = 4;
/// A checkpoint is spread over this part of the signals that came before it, in percent: about as
/// many will come before the next is due.
const SPREAD_PERCENT: u64 = 75;

/// How far the checkpoint that is being taken has come.
#[derive(Default)]
pub(crate) enum Progress {
    /// None is being taken.
    #[default]
    Idle,
    /// Lanes are being staged.
    Staging {
        /// Those that are left.
        frozen: Vec<LaneKey>,
        /// The rest of the state, as it was when the checkpoint began.
        state: Box<StateRow>,
        /// Chunks that the store keeps already.
        chunks: u32,
    },
    /// Chunks are being applied.
    Applying {
        /// The next one.
        next: u32,
        /// How many there are.
        chunks: u32,
        state: Box<StateRow>,
    },
}

impl Shard {
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        matches!(self.progress, Progress::Idle)
            && (self.bytes_since >= self.config.checkpoint_bytes
                || self.signals_since >= self.config.checkpoint_signals
                || self.hot.changed_lanes() >= self.config.checkpoint_lanes
                || self.hot.loaded_lanes() >= self.config.checkpoint_lanes / 3
                || (self.hot.is_pressed() && self.hot.changed_lanes() > 0))
    }

    /// Whether anything was folded since the last checkpoint began, or one is being taken.
    pub(crate) fn is_dirty(&self) -> bool {
        !matches!(self.progress, Progress::Idle)
            || self.signals_since > 0
            || self.hot.changed_lanes() > 0
            || !self.pending.is_empty()
            || self.decided
    }

    /// Whether a checkpoint is being taken.
    pub(crate) fn is_checkpointing(&self) -> bool {
        !matches!(self.progress, Progress::Idle)
    }

    /// Goes on with the checkpoint after a block of so many signals that took so long, begins one
    /// that is due.
    pub(crate) fn roll(&mut self, signals: usize, took: Duration) -> Result<(), EngineError> {
        if self.new_ids.len() >= IDS_PER_RUN {
            self.end_run();
        }
        if self.is_checkpoint_due() {
            self.begin_checkpoint()?;
        }
        let wanted = if self.hot.is_pressed() { usize::MAX } else { self.steps_after(signals) };
        let patience = took.max(PAUSE) * if self.hot.is_exhausted() { EXHAUSTED } else { 1 };
        let began = monotonic();
        for _ in 0..wanted {
            if !self.step_checkpoint()? || began.elapsed() > patience {
                break;
            }
        }
        Ok(())
    }

    /// How many steps to take now, so that the checkpoint is done well before the next is due.
    fn steps_after(&self, signals: usize) -> usize {
        let left = match &self.progress {
            Progress::Idle => return 0,
            // Each staged lane is about a kilobyte to apply as well.
            Progress::Staging { frozen, .. } => frozen.len() / LANES_PER_STEP * 2 + 2,
            Progress::Applying { next, chunks, .. } => (chunks - next) as usize + 1,
        };
        let ahead = self.spread.saturating_sub(self.signals_since);
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX).max(1);
        left.saturating_mul(signals) / ahead + 1
    }

    /// Takes a whole checkpoint of everything folded so far.
    pub(crate) fn checkpoint(&mut self) -> Result<(), EngineError> {
        while self.step_checkpoint()? {}
        if !self.is_dirty() {
            return Ok(());
        }
        self.begin_checkpoint()?;
        while self.step_checkpoint()? {}
        Ok(())
    }

    /// Fixes the position of a checkpoint and what belongs to it.
    pub(crate) fn begin_checkpoint(&mut self) -> Result<(), EngineError> {
        self.end_run();
        let rows = std::mem::take(&mut self.pending);
        let state = Box::new(self.state_row());
        for (partition, used) in self.numbers.take_changed() {
            self.hot.staging.put(Table::Config, &short_ids_key(partition), &used);
        }
        self.catalogues.stage(&mut self.hot.staging);
        self.destinations.stage(&mut self.hot.staging);
        let frozen = self.hot.freeze();
        self.homeless.begin_writing();
        self.timers.freeze();
        self.spread = self.signals_since * SPREAD_PERCENT / 100;
        self.bytes_since = 0;
        self.signals_since = 0;
        self.decided = false;
        if frozen.len() <= LANES_AT_ONCE {
            return self.write_at_once(rows, frozen, &state);
        }
        self.store.write(rows, Durability::Buffered)?;
        self.progress = Progress::Staging { frozen, state, chunks: 0 };
        Ok(())
    }

    /// Makes a run of the ids of signals so far. It follows from the journal alone, and so may be
    /// there before its checkpoint is.
    fn end_run(&mut self) {
        if !self.new_ids.is_empty() {
            let mut ids = std::mem::take(&mut self.new_ids);
            ids.sort_unstable();
            ids.dedup();
            let run = self.take_run();
            signal_ids::add_run(&mut self.pending, run, ids);
        }
    }

    fn state_row(&self) -> StateRow {
        StateRow {
            next: self.next,
            now: self.now,
            rules_version: self.rules_version,
            rules: Rules::clone(&self.rules),
            sources: self.sources.rows(),
            aliases: self.numbers.alias_rows(),
            staged: None,
        }
    }

    /// A small checkpoint is one batch, and done.
    fn write_at_once(
        &mut self,
        mut rows: Rows,
        frozen: Vec<LaneKey>,
        state: &StateRow,
    ) -> Result<(), EngineError> {
        for key in frozen {
            self.hot.stage(&self.secret, &self.store, key)?;
        }
        self.hot.staging.close();
        let mut staged = Rows::new();
        for chunk in self.hot.staging.take_full() {
            staged.merge(staging::rows_of(&chunk)?);
        }
        let timers = Self::timers_of(&staged)?;
        rows.merge(staged);
        rows.put(Table::Config, STATE_KEY, encode(state));
        self.store.write(rows, Durability::Buffered)?;
        self.settle_timers(timers);
        self.end_checkpoint(state);
        Ok(())
    }

    /// Takes one step of the checkpoint; gives whether there is a next one.
    pub(crate) fn step_checkpoint(&mut self) -> Result<bool, EngineError> {
        match std::mem::take(&mut self.progress) {
            Progress::Idle => return Ok(false),
            Progress::Staging { frozen, state, chunks } => {
                self.stage_some(frozen, state, chunks)?;
            }
            Progress::Applying { next, chunks, state } => {
                if next < chunks {
                    self.apply(next)?;
                    self.progress = Progress::Applying { next: next + 1, chunks, state };
                } else {
                    self.drop_chunks(chunks, &state)?;
                    self.end_checkpoint(&state);
                }
            }
        }
        Ok(self.is_checkpointing())
    }

    fn stage_some(
        &mut self,
        mut frozen: Vec<LaneKey>,
        mut state: Box<StateRow>,
        mut chunks: u32,
    ) -> Result<(), EngineError> {
        let kept = frozen.len().saturating_sub(LANES_PER_STEP);
        for key in frozen.drain(kept..) {
            self.hot.stage(&self.secret, &self.store, key)?;
        }
        let done = frozen.is_empty();
        if done {
            self.hot.staging.close();
        }
        let mut rows = Rows::new();
        for chunk in self.hot.staging.take_full() {
            rows.put(Table::Checkpoint, chunk_key(chunks), staging::compressed(&chunk)?);
            chunks += 1;
        }
        if done {
            state.staged = Some(chunks);
            rows.put(Table::Config, STATE_KEY, encode(&*state));
        }
        self.store.write(rows, Durability::Buffered)?;
        self.progress = if done {
            Progress::Applying { next: 0, chunks, state }
        } else {
            Progress::Staging { frozen, state, chunks }
        };
        Ok(())
    }

    /// Puts the rows of one chunk into their tables.
    fn apply(&mut self, chunk: u32) -> Result<(), EngineError> {
        let bytes = self.store.get(Table::Checkpoint, &chunk_key(chunk))?;
        let bytes = bytes.ok_or(EngineError::Missing { what: "a part of a checkpoint" })?;
        let rows = staging::rows_of(&staging::inflated(&bytes)?)?;
        let timers = Self::timers_of(&rows)?;
        self.store.write(rows, Durability::Buffered)?;
        self.settle_timers(timers);
        Ok(())
    }

    fn drop_chunks(&mut self, chunks: u32, state: &StateRow) -> Result<(), EngineError> {
        let mut rows = Rows::new();
        (0..chunks).for_each(|chunk| rows.delete(Table::Checkpoint, chunk_key(chunk)));
        let state = StateRow { staged: None, ..state.clone() };
        rows.put(Table::Config, STATE_KEY, encode(&state));
        Ok(self.store.write(rows, Durability::Buffered)?)
    }

    fn end_checkpoint(&mut self, state: &StateRow) {
        self.checkpointed = state.next;
        self.hot.saved();
        self.timers.saved();
        self.homeless.forget_written();
        self.progress = Progress::Idle;
    }

    /// Completes a checkpoint that was sealed before the process ended; forgets one that was not.
    pub(crate) fn complete_checkpoint(&mut self, state: &StateRow) -> Result<(), EngineError> {
        for chunk in 0..state.staged.unwrap_or(0) {
            self.apply(chunk)?;
        }
        let kept = self.store.scan_prefix(Table::Checkpoint, &[SHARD], Direction::Forward);
        let kept: Vec<Vec<u8>> =
            kept.map(|row| row.map(|(key, _)| key)).collect::<Result<_, _>>()?;
        if kept.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new();
        for key in kept {
            rows.delete(Table::Checkpoint, key);
        }
        let state = StateRow { staged: None, ..state.clone() };
        rows.put(Table::Config, STATE_KEY, encode(&state));
        Ok(self.store.write(rows, Durability::Buffered)?)
    }

    // ---- timers that reach the table

    /// The timers among rows that are about to be in their tables.
    fn timers_of(rows: &Rows) -> Result<Vec<NewTimer>, EngineError> {
        let mut timers = Vec::new();
        for (table, key, value) in rows.iter() {
            let (Table::Timers, Some(value)) = (table, value) else { continue };
            let row: TimerRow = decode("a timer", value)?;
            let of_source = parse_source_timer_key(key).map(|(_, _, due, id)| (due, id));
            let (in_event_time, found) = match of_source {
                Some(found) => (true, Some(found)),
                None => (false, parse_timer_key(key).map(|(_, due, id)| (due, id))),
            };
            let Some((due, id)) = found else { continue };
            let due = (UnixMillis(due), SessionId(id));
            timers.push(NewTimer { due, row, in_event_time });
        }
        Ok(timers)
    }

    fn settle_timers(&mut self, timers: Vec<NewTimer>) {
        for NewTimer { due, row, in_event_time } in timers {
            let owner = owner_of(&row);
            let queue = if in_event_time {
                self.timers.of_source(&(row.tenant, row.source))
            } else {
                &mut self.timers.wall
            };
            queue.written(due, owner);
        }
    }
}

/// A timer that has just been written to the table.
struct NewTimer {
    due: Due,
    row: TimerRow,
    in_event_time: bool,
}

fn chunk_key(chunk: u32) -> [u8; 5] {
    let [a, b, c, d] = chunk.to_be_bytes();
    [SHARD, a, b, c, d]
}

/// Where the used short ids of a partition lie in the table `Config`.
pub(crate) fn short_ids_key(partition: u8) -> Vec<u8> {
    [SHORT_IDS, &[partition]].concat()
}

/// What those keys begin with.
pub(crate) const SHORT_IDS: &[u8] = b"short_ids/0/";
