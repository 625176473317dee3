//! Intake: the door of the engine, and the thread behind it.
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use sessionary_core::{
    id::SessionId,
    lane::HashSecret,
    record,
    rules::Rules,
    session::Session,
    signal::{Arrival, Signal, TenantId},
    time::{Millis, UnixMillis},
};
use sessionary_store::{BlockHeader, Durability, Entry as StoredEntry, FiredThrough, Rows, Store};
use tokio::sync::{oneshot, watch};

use crate::{
    EngineError, Folded, Live, Reader, ShardConfig, Verdict,
    clock::ServerClock,
    entry::{Entry, RulesEntry, signal_bytes},
    quarantine::{self, QuarantineId, Quarantined},
    shard::{SHARD, Shard},
};

/// Requests that may wait; beyond them the sender is told to come again.
const QUEUE: usize = 4_096;
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

/// Signals of one request.
#[derive(Debug)]
pub struct Submission {
    /// Whose.
    pub tenant: TenantId,
    /// What was understood.
    pub signals: Vec<Signal>,
    /// When it came, if that was earlier than now: a replay from quarantine.
    pub received_at: Option<UnixMillis>,
    /// What was not: durable with the rest, before the answer.
    pub quarantine: Vec<Quarantined>,
}

/// The answer to a submission.
#[derive(Debug)]
pub struct Receipt {
    /// One verdict a signal, in order.
    pub verdicts: Vec<Verdict>,
    /// One id an item of quarantine, in order.
    pub quarantine: Vec<QuarantineId>,
}

/// A session, and what is needed to show it.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// The session.
    pub session: Session,
    /// The rules in force.
    pub rules: Arc<Rules>,
    /// The server's time.
    pub now: UnixMillis,
}

impl SessionView {
    /// The session's record.
    pub fn record(&self) -> serde_json::Value {
        record::of(&self.session, &self.rules, self.now)
    }
}

/// Why the engine ended by itself.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// The code to exit with.
    pub exit_code: u8,
}

/// The engine. Clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Mutex<Option<SyncSender<Command>>>,
    clock: Arc<ServerClock>,
    store: Store,
    secret: HashSecret,
    live: Live,
    numbers: AtomicU64,
    failure: watch::Receiver<Option<Failure>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Command {
    Submit(Submit),
    Decide(Entry, oneshot::Sender<Result<(), EngineError>>),
    Session(TenantId, SessionId, oneshot::Sender<Result<Option<SessionView>, EngineError>>),
    Read(oneshot::Sender<Result<(Reader, Folded), EngineError>>),
}

struct Submit {
    arrivals: Vec<Arrival>,
    bytes: Vec<Vec<u8>>,
    quarantine: Rows,
    ids: Vec<QuarantineId>,
    answer: oneshot::Sender<Result<Receipt, EngineError>>,
}

impl Engine {
    /// Restores the state from the store and starts the folding thread.
    ///
    /// # Errors
    /// Damage of the store, or a journal of a newer version.
    pub fn start(
        store: Store,
        secret: HashSecret,
        config: ShardConfig,
    ) -> Result<Engine, EngineError> {
        let live = Live::default();
        let shard = Shard::restore(store.clone(), secret.clone(), config, live.clone())?;
        let last = (shard.now > UnixMillis(0)).then_some(shard.now);
        let clock = Arc::new(ServerClock::start(last));
        let (queue, commands) = sync_channel(QUEUE);
        let (failed, failure) = watch::channel(None);
        let numbers = AtomicU64::new(u64::try_from(clock.now().0).unwrap_or(0) << 20);
        let worker = Worker {
            shard,
            clock: clock.clone(),
            commands,
            last_timers: UnixMillis(0),
            tidied_at: UnixMillis(0),
        };
        let thread = std::thread::Builder::new()
            .name("shard-0".to_owned())
            .spawn(move || worker.run(&failed))
            .map_err(|_| EngineError::Stopped)?;
        let inner = Inner {
            queue: Mutex::new(Some(queue)),
            clock,
            store,
            secret,
            live,
            numbers,
            failure,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Marks an item of quarantine as replayed.
    ///
    /// # Errors
    /// The store's.
    pub fn note_replayed(&self, id: QuarantineId, item: &Quarantined) -> Result<(), EngineError> {
        let mut rows = Rows::new();
        let item = Quarantined { replayed_at: Some(self.now()), ..item.clone() };
        quarantine::put(&mut rows, id, &item);
        Ok(self.inner.store.write(rows, Durability::Synced)?)
    }

    /// Server time.
    pub fn now(&self) -> UnixMillis {
        self.inner.clock.now()
    }

    /// The server's clock.
    pub fn clock(&self) -> &ServerClock {
        &self.inner.clock
    }

    /// The store, for registries that the fold does not read.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The live stream.
    pub fn live(&self) -> &Live {
        &self.inner.live
    }

    /// A number that no other call of this engine gives.
    fn number(&self) -> u64 {
        self.inner.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes signals in. When this returns `Ok`, they are on disk and folded.
    ///
    /// # Errors
    /// `Busy` when too much is waiting, `DiskFull`, `Stopped`.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, EngineError> {
        let answer = self.send_submission(submission)?;
        answer.await.map_err(|_| EngineError::Stopped)?
    }

    /// [`Engine::submit`] for threads outside the runtime; waits when the queue is full.
    ///
    /// # Errors
    /// As [`Engine::submit`], without `Busy`.
    pub fn submit_blocking(&self, submission: Submission) -> Result<Receipt, EngineError> {
        let (command, answer) = self.pack(submission);
        self.sender()?.send(command).map_err(|_| EngineError::Stopped)?;
        answer.blocking_recv().map_err(|_| EngineError::Stopped)?
    }

    fn send_submission(
        &self,
        submission: Submission,
    ) -> Result<oneshot::Receiver<Result<Receipt, EngineError>>, EngineError> {
        let (command, answer) = self.pack(submission);
        self.send(command)?;
        Ok(answer)
    }

    fn pack(
        &self,
        submission: Submission,
    ) -> (Command, oneshot::Receiver<Result<Receipt, EngineError>>) {
        let Submission { tenant, signals, received_at, quarantine } = submission;
        let now = self.now();
        let received_at = received_at.map_or(now, |earlier| earlier.min(now));
        let batch = self.number();
        let arrival = |signal| Arrival { tenant, received_at, batch, signal };
        let arrivals: Vec<Arrival> = signals.into_iter().map(arrival).collect();
        let bytes = arrivals.iter().map(signal_bytes).collect();
        let mut rows = Rows::new();
        let mut ids = Vec::new();
        for item in quarantine {
            let id = QuarantineId { tenant, received_at: item.received_at, number: self.number() };
            quarantine::put(&mut rows, id, &item);
            ids.push(id);
        }
        let (answer, receiver) = oneshot::channel();
        (Command::Submit(Submit { arrivals, bytes, quarantine: rows, ids, answer }), receiver)
    }

    /// Appends a decision and folds it.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn decide(&self, entry: Entry) -> Result<(), EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Decide(entry, answer))?;
        receiver.await.map_err(|_| EngineError::Stopped)?
    }

    /// [`Engine::decide`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn decide_blocking(&self, entry: Entry) -> Result<(), EngineError> {
        let (answer, receiver) = oneshot::channel();
        let command = Command::Decide(entry, answer);
        self.sender()?.send(command).map_err(|_| EngineError::Stopped)?;
        receiver.blocking_recv().map_err(|_| EngineError::Stopped)?
    }

    /// A session as it stands, everything acknowledged included; a redirect is followed to its
    /// survivor. Costs no write, unlike [`Engine::reader`].
    ///
    /// # Errors
    /// `Busy`, `Stopped`, or damage of the store.
    pub async fn session(
        &self,
        tenant: TenantId,
        id: SessionId,
    ) -> Result<Option<SessionView>, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Session(tenant, id, answer))?;
        receiver.await.map_err(|_| EngineError::Stopped)?
    }

    /// A consistent view of everything acknowledged before this call.
    ///
    /// # Errors
    /// `Busy`, `Stopped`, or damage of the store.
    pub async fn reader(&self) -> Result<Reader, EngineError> {
        Ok(self.read().await?.0)
    }

    /// Where the fold stands.
    ///
    /// # Errors
    /// As [`Engine::reader`].
    pub async fn folded(&self) -> Result<Folded, EngineError> {
        Ok(self.read().await?.1)
    }

    async fn read(&self) -> Result<(Reader, Folded), EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Read(answer))?;
        receiver.await.map_err(|_| EngineError::Stopped)?
    }

    /// [`Engine::reader`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::reader`].
    pub fn reader_blocking(&self) -> Result<Reader, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.sender()?.send(Command::Read(answer)).map_err(|_| EngineError::Stopped)?;
        Ok(receiver.blocking_recv().map_err(|_| EngineError::Stopped)??.0)
    }

    /// The secret under which lanes and identities are hashed.
    pub fn secret(&self) -> &HashSecret {
        &self.inner.secret
    }

    /// Waits until the engine ends by itself, which it does only on a failure that it cannot heal.
    pub async fn failed(&self) -> Failure {
        let mut failure = self.inner.failure.clone();
        match failure.wait_for(Option::is_some).await {
            Ok(failure) => failure.clone().unwrap_or_else(Failure::unknown),
            // The thread ended in order: there is nothing to report, now or later.
            Err(_) => std::future::pending().await,
        }
    }

    /// Finishes what is accepted, writes everything and ends the thread.
    pub fn shutdown(&self) {
        let queue = lock(&self.inner.queue).take();
        drop(queue);
        if let Some(thread) = lock(&self.inner.thread).take() {
            let _ = thread.join();
        }
    }

    fn sender(&self) -> Result<SyncSender<Command>, EngineError> {
        lock(&self.inner.queue).clone().ok_or(EngineError::Stopped)
    }

    fn send(&self, command: Command) -> Result<(), EngineError> {
        self.sender()?.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => EngineError::Busy,
            TrySendError::Disconnected(_) => EngineError::Stopped,
        })
    }
}

impl Failure {
    fn unknown() -> Failure {
        Failure { message: "the engine ended".to_owned(), exit_code: 70 }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The folding thread.
struct Worker {
    shard: Shard,
    clock: Arc<ServerClock>,
    commands: Receiver<Command>,
    /// When a block that only fired timers was last appended.
    last_timers: UnixMillis,
    /// When old journal was last looked for.
    tidied_at: UnixMillis,
}

impl Worker {
    fn run(mut self, failed: &watch::Sender<Option<Failure>>) {
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
            self.commit(group)?;
            let now = self.clock.now();
            let untidy = now >= self.tidied_at.plus(TIDY_PAUSE);
            let due = self.shard.is_checkpoint_due();
            if untidy || due || (idle && self.shard.is_dirty()) {
                self.shard.checkpoint()?;
            }
            if untidy || due {
                self.shard.tidy(now)?;
                self.tidied_at = now;
            }
        }
    }

    /// How long to wait for a command before the next timer is due.
    fn patience(&self) -> Duration {
        let Some(due) = self.shard.timers.next_due() else { return IDLE };
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

    /// The cursor up to which the next block fires timers.
    fn cursor(&self, now: UnixMillis) -> Option<FiredThrough> {
        let (due, session) = self.shard.timers.cursor(now, TIMERS_PER_BLOCK)?;
        Some(FiredThrough { due: due.0, session: session.0 })
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
    ) -> Result<(u64, BTreeMap<u64, Verdict>), EngineError> {
        let none = FiredThrough { due: i64::MIN, session: [0; 16] };
        let fired_through = fired.unwrap_or(none);
        let header = BlockHeader { now: now.0, fired_through, rules: self.shard.rules_version };
        let stored: Vec<StoredEntry<'_>> =
            bytes.iter().map(|bytes| StoredEntry { partition: 0, bytes }).collect();
        let first = self.shard.store.append(SHARD, &header, &stored, rows)?;
        let appended = bytes.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        self.shard.bytes_since += appended;
        self.shard.journal_bytes += appended;
        let next = self.shard.store.next_position(SHARD);
        let verdicts = self.shard.fold_block(first, next, &header, entries)?;
        Ok((first, verdicts))
    }

    /// Appends a group of requests, folds it and answers.
    fn commit(&mut self, group: Vec<Command>) -> Result<(), EngineError> {
        let now = self.clock.now().max(self.shard.now);
        let mut fired = self.cursor(now);
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
                    .map(|at| verdicts.get(&(first + at as u64)).copied())
                    .collect::<Option<Vec<_>>>()
                    .ok_or(EngineError::Missing { what: "the verdict of a signal" })?;
                let _ = answer.send(Ok(Receipt { verdicts, quarantine }));
            }
            for answer in decisions {
                let _ = answer.send(Ok(()));
            }
        }
        reads.into_iter().try_for_each(|read| self.read(read))
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
