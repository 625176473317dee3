//! The folding thread: takes whatever queued during the last sync, appends it as one block with one
//! sync, folds it, and answers.
//!
//! Nothing leaves before its block is durable (CORE.md 2). When nothing queues, the thread wakes for
//! the next timer, writes what changed, and tidies.
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use sessionary_core::{
    rules::Rules,
    time::{Millis, UnixMillis},
};
use sessionary_store::{BlockHeader, Entry as StoredEntry, FiredThrough, Rows};
use tokio::sync::watch;

use crate::{
    EngineError, Failure, Reader, Receipt, SessionView,
    clock::ServerClock,
    entry::{Entry, RulesEntry},
    gathered::Verdicts,
    intake::Command,
    shard::{SHARD, Shard},
    tidy::Tidying,
};

/// Signals of one group; what queued beyond them waits for the next.
const GROUP_SIGNALS: usize = 4_096;
/// Bytes of one group.
const GROUP_BYTES: usize = 8 << 20;
/// Timers that one block fires at most.
const TIMERS_PER_BLOCK: usize = 4_096;
/// Blocks that only fire timers come at most this often.
const TIMER_PAUSE: Millis = Millis::from_secs(1);
/// Old journal, old answers and runs of ids are looked after this often.
const TIDY_PAUSE: Millis = Millis::from_secs(20);
/// After so long without work, what changed is written.
const IDLE: Duration = Duration::from_secs(2);

/// The folding thread's own.
pub(crate) struct Worker {
    shard: Shard,
    clock: Arc<ServerClock>,
    commands: Receiver<Command>,
    /// When a block that only fired timers was last appended.
    last_timers: UnixMillis,
    /// The thread that tidies up.
    tidying: Tidying,
    /// When it was last asked to, and up to which checkpoint it has looked.
    tidied_at: UnixMillis,
    tidied_through: u64,
}

impl Worker {
    /// A worker over a restored shard.
    pub(crate) fn new(
        shard: Shard,
        clock: Arc<ServerClock>,
        commands: Receiver<Command>,
    ) -> Result<Worker, EngineError> {
        let never = UnixMillis(0);
        let tidying = Tidying::start(&shard)?;
        let (last_timers, tidied_at, tidied_through) = (never, never, 0);
        Ok(Worker { shard, clock, commands, last_timers, tidying, tidied_at, tidied_through })
    }

    /// Works until the door is closed, or says why it could not go on.
    pub(crate) fn run(mut self, failed: &watch::Sender<Option<Failure>>) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.work()));
        let failure = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Failure { message: error.to_string(), exit_code: error.exit_code() },
            Err(_) => Failure { message: "the folding thread panicked".to_owned(), exit_code: 70 },
        };
        tracing::error!(message = failure.message, "the engine stops");
        let _ = failed.send(Some(failure));
    }

    fn work(&mut self) -> Result<(), EngineError> {
        self.take_rules()?;
        loop {
            let mut group = Vec::new();
            match self.commands.recv_timeout(self.patience()) {
                Ok(command) => group.push(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.shard.checkpoint()?;
                    self.shard.store.sync()?;
                    return Ok(());
                }
            }
            self.gather(&mut group);
            let idle = group.is_empty();
            self.place(&group)?;
            let signals = self.commit(group)?;
            self.shard.roll(signals)?;
            if idle && self.shard.is_dirty() && !self.shard.is_checkpointing() {
                self.shard.begin_checkpoint()?;
            }
            self.tidy()?;
        }
    }

    /// Has old journal and the like looked after, now and then and after each checkpoint.
    fn tidy(&mut self) -> Result<(), EngineError> {
        let (now, checkpointed) = (self.clock.now(), self.shard.checkpointed);
        let pause_is_over = now >= self.tidied_at.plus(TIDY_PAUSE);
        if pause_is_over || checkpointed > self.tidied_through {
            if self.tidying.order(now, checkpointed)? {
                self.tidied_through = checkpointed;
            }
            self.tidied_at = now;
        }
        Ok(())
    }

    /// How long to wait for a command before the next timer is due.
    fn patience(&self) -> Duration {
        if self.shard.is_checkpointing() {
            return Duration::ZERO;
        }
        let Some(((due, _), _)) = self.shard.timers.wall.first() else { return IDLE };
        let now = self.clock.now();
        let earliest = due.max(self.last_timers.plus(TIMER_PAUSE));
        let wait = u64::try_from(earliest.since(now).0).unwrap_or(0);
        Duration::from_millis(wait).min(IDLE)
    }

    /// Takes what has queued up to the bounds of a group.
    fn gather(&self, group: &mut Vec<Command>) {
        let weight = |command: &Command| match command {
            Command::Submit(submit) => {
                (submit.bytes.len(), submit.bytes.iter().map(Vec::len).sum())
            }
            _ => (1, 0),
        };
        let (mut signals, mut bytes): (usize, usize) = group.first().map_or((0, 0), weight);
        while !group.is_empty() && signals < GROUP_SIGNALS && bytes < GROUP_BYTES {
            let Ok(command) = self.commands.try_recv() else { return };
            let (more_signals, more_bytes) = weight(&command);
            signals += more_signals;
            bytes += more_bytes;
            group.push(command);
        }
    }

    /// Puts the configured rules in force, if others were.
    fn take_rules(&mut self) -> Result<(), EngineError> {
        let rules: Rules = self.shard.config.rules.clone();
        if *self.shard.rules != rules || self.shard.rules_version == 0 {
            let version = self.shard.rules_version + 1;
            self.append(vec![Entry::Rules(RulesEntry { version, rules })], None)?;
        }
        Ok(())
    }

    /// Appends what the matcher proposes, before the timers of the sessions in question fire.
    fn place(&mut self, group: &[Command]) -> Result<(), EngineError> {
        let now = self.clock.now();
        let completing: Vec<_> = group
            .iter()
            .filter_map(|command| match command {
                Command::Decide(Entry::Mark(mark), _) => Some((mark.tenant, mark.source.clone())),
                _ => None,
            })
            .collect();
        let entries = self.shard.propose_placements(now, &completing)?;
        if entries.is_empty() { Ok(()) } else { self.append(entries, None) }
    }

    /// Appends entries of our own as one block and folds it.
    fn append(
        &mut self,
        entries: Vec<Entry>,
        fired: Option<FiredThrough>,
    ) -> Result<(), EngineError> {
        let bytes: Vec<Vec<u8>> = entries.iter().map(Entry::to_bytes).collect();
        let now = self.clock.now().max(self.shard.now);
        self.append_block(now, fired, entries, &bytes, Rows::new()).map(|_| ())
    }

    fn append_block(
        &mut self,
        now: UnixMillis,
        fired: Option<FiredThrough>,
        entries: Vec<Entry>,
        bytes: &[Vec<u8>],
        rows: Rows,
    ) -> Result<(u64, Verdicts), EngineError> {
        let none = FiredThrough { due: i64::MIN, session: [0; 16] };
        let fired_through = fired.unwrap_or(none);
        let header = BlockHeader { now: now.0, fired_through, rules: self.shard.rules_version };
        let stored: Vec<StoredEntry<'_>> =
            bytes.iter().map(|bytes| StoredEntry { partition: 0, bytes }).collect();
        let mut rows = rows;
        rows.merge(std::mem::take(&mut self.shard.pending));
        let first = self.shard.store.append(SHARD, &header, &stored, rows)?;
        self.shard.note_appended(bytes.iter().map(|bytes| bytes.len() as u64).sum());
        let next = self.shard.store.next_position(SHARD);
        let verdicts = self.shard.fold_block(first, next, &header, entries)?;
        Ok((first, verdicts))
    }

    /// Appends a group of requests, folds it and answers.
    fn commit(&mut self, group: Vec<Command>) -> Result<usize, EngineError> {
        let now = self.clock.now().max(self.shard.now);
        let mut fired = self.shard.cursor(now, TIMERS_PER_BLOCK)?;
        let (mut entries, mut bytes, mut rows) = (Vec::new(), Vec::new(), Rows::new());
        let (mut submits, mut decisions, mut reads) = (Vec::new(), Vec::new(), Vec::new());
        let full = self.disk_full()?;
        for command in group {
            match (command, full) {
                (Command::Submit(submit), Some((free, needed))) => {
                    let _ = submit.answer.send(Err(EngineError::DiskFull { free, needed }));
                }
                (Command::Decide(_, answer), Some((free, needed))) => {
                    let _ = answer.send(Err(EngineError::DiskFull { free, needed }));
                }
                (Command::Submit(mut submit), None) => {
                    let from = entries.len();
                    entries.extend(submit.arrivals.drain(..).map(Entry::Signal));
                    bytes.append(&mut submit.bytes);
                    rows.merge(std::mem::take(&mut submit.quarantine));
                    submits.push((from..entries.len(), submit.ids, submit.answer));
                }
                (Command::Decide(entry, answer), None) => {
                    bytes.push(entry.to_bytes());
                    entries.push(entry);
                    decisions.push(answer);
                }
                (read, _) => reads.push(read),
            }
        }
        let count = entries.len();
        let timers_only = entries.is_empty() && rows.is_empty();
        if timers_only && now < self.last_timers.plus(TIMER_PAUSE) {
            fired = None;
        }
        if !timers_only || fired.is_some() {
            if timers_only {
                self.last_timers = now;
            }
            let (first, verdicts) = self.append_block(now, fired, entries, &bytes, rows)?;
            for (range, quarantine, answer) in submits {
                let verdicts = range
                    .map(|at| verdicts.get(first + at as u64))
                    .collect::<Option<Vec<_>>>()
                    .ok_or(EngineError::Missing { what: "the verdict of a signal" })?;
                let _ = answer.send(Ok(Receipt { verdicts, quarantine }));
            }
            for answer in decisions {
                let _ = answer.send(Ok(()));
            }
        }
        reads.into_iter().try_for_each(|read| self.read(read))?;
        Ok(count)
    }

    fn disk_full(&self) -> Result<Option<(u64, u64)>, EngineError> {
        let (free, needed) = (self.shard.store.free_bytes()?, self.shard.store.min_free_bytes());
        Ok((free < needed).then_some((free, needed)))
    }

    fn read(&mut self, command: Command) -> Result<(), EngineError> {
        match command {
            Command::Session(tenant, id, answer) => {
                let view = self.shard.survivor(tenant, id)?.map(|session| SessionView {
                    session,
                    rules: self.shard.rules.clone(),
                    now: self.clock.now().max(self.shard.now),
                });
                let _ = answer.send(Ok(view));
            }
            Command::Read(answer) => {
                self.shard.checkpoint()?;
                let reader = Reader::new(
                    self.shard.store.clone(),
                    self.shard.secret.clone(),
                    self.shard.rules.clone(),
                    self.clock.now().max(self.shard.now),
                );
                let _ = answer.send(Ok((reader, self.shard.counts())));
            }
            Command::Submit(_) | Command::Decide(..) => {}
        }
        Ok(())
    }
}
