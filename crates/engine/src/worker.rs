//! The folding thread: takes whatever queued during the last sync, appends it as one block with one
//! sync, folds it, and answers.
//!
//! Nothing leaves before its block is durable (CORE.md 2). When nothing queues, the thread wakes for
//! the next timer, goes on with the checkpoint, and has old journal looked after.
use std::{
    sync::{Arc, mpsc::RecvTimeoutError},
    time::Duration,
};

use sessionary_core::{
    lane::HashSecret,
    rules::Rules,
    time::{Millis, UnixMillis},
};
use sessionary_store::{BlockHeader, FiredThrough, Room, Store};
use tokio::sync::watch;

use crate::{
    EngineError, Failure, Live, SessionView, ShardConfig,
    clock::{ServerClock, monotonic},
    entry::{Entry, RulesEntry},
    gathered::Verdicts,
    group::Group,
    healing::PAUSE,
    inbox::{Inbox, bytes_of},
    intake::Command,
    parcels::Bells,
    shard::{SHARD, Shard},
    tidy::Tidying,
    waiting::Waiting,
};

/// Of the volume, the part that is kept for checkpoints and the ends of sessions, at most.
const RESERVE_SHARE: u64 = 8;
/// Signals of one group; what queued beyond them waits for the next.
const GROUP_SIGNALS: usize = 2_048;
/// Bytes of one group.
const GROUP_BYTES: usize = 8 << 20;
/// Timers that one block fires at most: whoever sends signals meanwhile waits for them, and each may
/// cut a record.
const TIMERS_PER_BLOCK: usize = 512;
/// Blocks that only fire timers come at most this often, unless more are due than one may fire.
const TIMER_PAUSE: Millis = Millis::from_secs(1);
/// Old journal, old answers and runs of ids are looked after this often, and after each checkpoint.
const TIDY_PAUSE: Millis = Millis::from_secs(20);
/// While the disk is full, the store is asked this often to free what is superfluous.
const FREE_PAUSE: Millis = Millis::from_secs(1);
/// After so long without work, what changed is written.
const IDLE: Duration = Duration::from_secs(2);

/// What a shard is restored from.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) store: Store,
    pub(crate) secret: HashSecret,
    pub(crate) config: ShardConfig,
    pub(crate) live: Live,
}

impl Plan {
    /// The shard as the store has it.
    pub(crate) fn restore(&self) -> Result<Shard, EngineError> {
        let Plan { store, secret, config, live } = self.clone();
        Shard::restore(store, secret, config, live)
    }
}

/// Whom it tells of what.
pub(crate) struct Tellers {
    /// What keeps it from writing, for operators.
    pub(crate) trouble: watch::Sender<Option<String>>,
    /// That destinations have changed.
    pub(crate) destinations: watch::Sender<u64>,
    /// That there are new parcels.
    pub(crate) bells: Bells,
}

/// The folding thread's own.
pub(crate) struct Worker {
    pub(crate) plan: Plan,
    /// The state, and the thread that tidies up after it; gone while the store is opened again.
    pub(crate) state: Option<(Shard, Tidying)>,
    pub(crate) clock: Arc<ServerClock>,
    pub(crate) commands: Inbox,
    /// Reads that are not answered yet; they outlive a failed write.
    pub(crate) waiting: Waiting,
    pub(crate) tellers: Tellers,
    /// When a block that only fired timers was last appended.
    last_timers: UnixMillis,
    /// When tidying was last asked for, and up to which checkpoint it has looked.
    tidied_at: UnixMillis,
    tidied_through: u64,
    freed_at: UnixMillis,
}

impl Worker {
    /// A worker over a restored shard.
    pub(crate) fn new(
        plan: Plan,
        shard: Shard,
        clock: Arc<ServerClock>,
        commands: Inbox,
        tellers: Tellers,
    ) -> Result<Worker, EngineError> {
        let tidying = Tidying::start(&shard)?;
        let never = UnixMillis(0);
        Ok(Worker {
            plan,
            state: Some((shard, tidying)),
            clock,
            commands,
            waiting: Waiting::default(),
            tellers,
            last_timers: never,
            tidied_at: never,
            tidied_through: 0,
            freed_at: never,
        })
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

    /// Works, and heals what a failed write has broken, until the door is closed.
    fn work(&mut self) -> Result<(), EngineError> {
        loop {
            match self.take_rules().and_then(|()| self.serve()) {
                Ok(()) => return Ok(()),
                Err(error) if error.may_heal() => {
                    if !self.heal(&error)? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Works until the door is closed.
    fn serve(&mut self) -> Result<(), EngineError> {
        loop {
            let mut group = Vec::new();
            // Others write to the store as well; whoever comes upon a failed write heals it.
            if self.plan.store.is_poisoned() {
                return Err(sessionary_store::StoreError::Poisoned.into());
            }
            let held = self.hold()?;
            self.answer_waiting()?;
            let patience = if held { PAUSE } else { self.patience()? };
            match self.commands.next(patience) {
                Ok(command) => group.push(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let shard = self.shard()?;
                    shard.checkpoint()?;
                    shard.store.sync()?;
                    return Ok(());
                }
            }
            self.gather(&mut group);
            let no_command = group.is_empty();
            let (reads, group): (Vec<_>, Vec<_>) = group.into_iter().partition(Command::is_read);
            self.waiting.add(reads);
            if held {
                self.refuse_writes(group)?;
                continue;
            }
            let now = self.clock.now().max(self.shard()?.now);
            self.place(now, &group)?;
            let began = monotonic();
            let signals = self.commit(now, group)?;
            let shard = self.shard()?;
            shard.roll(signals, began.elapsed())?;
            let idle = no_command && !shard.timers.wall.is_due(now);
            if idle && shard.is_dirty() && !shard.is_checkpointing() {
                shard.begin_checkpoint()?;
            }
            self.ring()?;
            self.tidy()?;
        }
    }

    /// Tells whoever carries parcels of what was raised.
    fn ring(&mut self) -> Result<(), EngineError> {
        let raised = &mut self.shard()?.raised;
        let changed = std::mem::take(&mut raised.changed);
        let mut raised = std::mem::take(raised);
        raised.ring(&self.tellers.bells);
        if changed {
            self.tellers.destinations.send_modify(|times| *times += 1);
        }
        Ok(())
    }

    /// Answers reads while the disk has no room, and nothing else.
    fn refuse_writes(&mut self, commands: Vec<Command>) -> Result<(), EngineError> {
        let room = self.plan.store.room()?;
        let mut group = Group::default();
        for command in commands {
            group.take(command, Some(room))?;
        }
        self.answer_waiting()
    }

    /// Answers the reads that wait. A list needs a checkpoint, and a checkpoint writes; when that
    /// fails, it waits on.
    fn answer_waiting(&mut self) -> Result<(), EngineError> {
        while let Some((since, command)) = self.waiting.next() {
            if let Command::Read(_) = command
                && let Err(error) = self.shard().and_then(Shard::checkpoint)
            {
                self.waiting.wait_on((since, command));
                return Err(error);
            }
            self.answer(command)?;
        }
        Ok(())
    }

    pub(crate) fn shard(&mut self) -> Result<&mut Shard, EngineError> {
        self.state.as_mut().map(|(shard, _)| shard).ok_or(EngineError::Interrupted)
    }

    /// Has old journal and the like looked after, now and then and after each checkpoint.
    fn tidy(&mut self) -> Result<(), EngineError> {
        let Some((shard, tidying)) = &self.state else { return Ok(()) };
        let (now, checkpointed) = (self.clock.now(), shard.checkpointed);
        let pause_is_over = now >= self.tidied_at.plus(TIDY_PAUSE);
        if pause_is_over || checkpointed > self.tidied_through {
            if tidying.order(now, checkpointed)? {
                self.tidied_through = checkpointed;
            }
            self.tidied_at = now;
        }
        Ok(())
    }

    /// How long to wait for a command before something else is to be done.
    fn patience(&mut self) -> Result<Duration, EngineError> {
        let now = self.clock.now();
        let last_timers = self.last_timers;
        let shard = self.shard()?;
        if shard.is_checkpointing() {
            return Ok(Duration::ZERO);
        }
        let earliest = shard.timers.wall.next_look().max(last_timers.plus(TIMER_PAUSE));
        let wait = u64::try_from(earliest.since(now).0).unwrap_or(0);
        Ok(Duration::from_millis(wait).min(IDLE))
    }

    /// Takes what has queued up to the bounds of a group.
    fn gather(&self, group: &mut Vec<Command>) {
        let weight = |command: &Command| match command {
            Command::Submit(submit) => (submit.arrivals.len(), bytes_of(command)),
            _ => (1, 0),
        };
        let (mut signals, mut bytes): (usize, usize) = group.first().map_or((0, 0), weight);
        while !group.is_empty() && signals < GROUP_SIGNALS && bytes < GROUP_BYTES {
            let Some(command) = self.commands.next_now() else { return };
            let (more_signals, more_bytes) = weight(&command);
            signals += more_signals;
            bytes += more_bytes;
            group.push(command);
        }
    }

    /// Puts the configured rules in force, if others were.
    fn take_rules(&mut self) -> Result<(), EngineError> {
        if self.plan.store.holds_writes() {
            return Ok(());
        }
        let shard = self.shard()?;
        let rules: Rules = shard.config.rules.clone();
        if *shard.rules != rules || shard.rules_version == 0 {
            let version = shard.rules_version + 1;
            self.append_own(vec![Entry::Rules(Box::new(RulesEntry { version, rules }))])?;
        }
        Ok(())
    }

    /// Appends what the matcher proposes, before the timers of the sessions in question fire.
    fn place(&mut self, now: UnixMillis, group: &[Command]) -> Result<(), EngineError> {
        let completing: Vec<_> = group
            .iter()
            .filter_map(|command| match command {
                Command::Decide(Entry::Mark(mark), _) => Some((mark.tenant, mark.source.clone())),
                _ => None,
            })
            .collect();
        let entries = self.shard()?.propose_placements(now, TIMERS_PER_BLOCK, &completing)?;
        if entries.is_empty() { Ok(()) } else { self.append_own(entries) }
    }

    /// Appends entries of our own as one block that fires no timers, and folds it.
    fn append_own(&mut self, entries: Vec<Entry>) -> Result<(), EngineError> {
        let group = Group::of_own(entries)?;
        let now = self.clock.now().max(self.shard()?.now);
        self.append(now, None, group).map(|_| ())
    }

    /// Appends a block and folds it.
    fn append(
        &mut self,
        now: UnixMillis,
        fired: Option<FiredThrough>,
        group: Group,
    ) -> Result<(u64, Verdicts), EngineError> {
        let shard = self.shard()?;
        let Group { entries, packed, bytes, mut rows, .. } = group;
        let none = FiredThrough { due: i64::MIN, session: [0; 16] };
        let fired_through = fired.unwrap_or(none);
        let header = BlockHeader { now: now.0, fired_through, rules: shard.rules_version };
        rows.merge(std::mem::take(&mut shard.pending));
        let first = shard.store.append_chunks(SHARD, &header, packed, rows)?;
        shard.note_appended(bytes);
        let next = shard.store.next_position(SHARD);
        let verdicts = shard.fold_block(first, next, &header, entries)?;
        Ok((first, verdicts))
    }

    /// Appends a group of requests, folds it and answers; gives how many entries it had.
    /// What placing has appended just now may stand in the journal with a later time.
    fn commit(&mut self, now: UnixMillis, commands: Vec<Command>) -> Result<usize, EngineError> {
        let now = now.max(self.shard()?.now);
        let mut fired = self.shard()?.cursor(now, TIMERS_PER_BLOCK)?;
        let full = self.full(now)?;
        let mut group = Group::default();
        for command in commands {
            group.take(command, full)?;
        }
        group.pack_plain()?;
        let timers_only = group.entries.is_empty() && group.rows.is_empty();
        if timers_only && now < self.last_timers.plus(TIMER_PAUSE) {
            fired = None;
        }
        let count = group.entries.len();
        let answers = std::mem::take(&mut group.answers);
        if !timers_only || fired.is_some() {
            let (first, verdicts) = self.append(now, fired, group)?;
            if timers_only && !self.shard()?.timers.wall.is_due(now) {
                self.last_timers = now;
            }
            answers.give(first, &verdicts)?;
        }
        self.answer_waiting()?;
        Ok(count)
    }

    /// The room that is missing, when some is; the store is asked to free what it can.
    fn full(&mut self, now: UnixMillis) -> Result<Option<Room>, EngineError> {
        let store = &self.plan.store;
        let bound = store.volume_bytes()? / RESERVE_SHARE;
        let room = store.room()?.with_reserve(self.shard()?.hot.to_write().min(bound));
        if room.is_left() {
            return Ok(None);
        }
        if now >= self.freed_at.plus(FREE_PAUSE) {
            self.freed_at = now;
            self.plan.store.tidy()?;
        }
        Ok(Some(room))
    }

    fn answer(&mut self, command: Command) -> Result<(), EngineError> {
        let now = self.clock.now();
        let shard = self.shard()?;
        match command {
            Command::Session(tenant, id, answer) => {
                let view = shard.survivor(tenant, id)?.map(|session| SessionView {
                    session,
                    rules: shard.rules.clone(),
                    now: now.max(shard.now),
                });
                let _ = answer.send(Ok(view));
            }
            Command::Read(answer) => {
                let _ = answer.send(Ok(shard.reader(now)));
            }
            Command::Folded(answer) => {
                let _ = answer.send(shard.counts());
            }
            Command::Goals(tenant, answer) => {
                let _ = answer.send(shard.catalogues.of(tenant));
            }
            Command::Destinations(answer) => {
                let all = shard.destinations.iter();
                let _ = answer.send(all.map(|(tenant, one)| (tenant, Arc::clone(one))).collect());
            }
            Command::Due(ask, answer) => {
                let _ = answer.send(shard.due_parcels(&ask));
            }
            Command::Tables(answer) => {
                shard.write_pending(0)?;
                let _ = answer.send(shard.reader(now));
            }
            Command::Submit(_) | Command::Decide(..) | Command::Attempt(..) => {}
        }
        Ok(())
    }
}
