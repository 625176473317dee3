//! Intake: the door of the engine, through which every request goes to the folding thread.
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use sessionary_core::{
    destination::Destination,
    id::SessionId,
    lane::HashSecret,
    rules::Rules,
    session::Session,
    signal::{Arrival, Signal, TenantId},
    time::UnixMillis,
};
use sessionary_dialects::{enrich::Places, format};
use sessionary_store::{Durability, Entry as StoredEntry, PackedEntries, Rows, Store};
use tokio::sync::{oneshot, watch};

use crate::{
    EngineError, Folded, Live, Reader, ShardConfig, Verdict,
    catalogue::Catalogue,
    clock::ServerClock,
    entry::{AttemptEntry, Entry, signal_bytes},
    inbox::{self, Outbox},
    parcels::{Bells, DueAsk, DuePage},
    quarantine::{self, QuarantineId, Quarantined},
    worker::{Plan, Tellers, Worker},
};

/// So many signals of one request are packed for the journal where they come in, beside the folding
/// thread; fewer are packed together with those of other requests.
const PACKED_FROM: usize = 48;
/// A commit that goes on for longer hangs: nobody waits for it, and nothing more is queued.
const PATIENCE: Duration = Duration::from_secs(8);

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

impl Submission {
    fn is_empty(&self) -> bool {
        self.signals.is_empty() && self.quarantine.is_empty()
    }
}

/// The answer to a submission.
#[derive(Debug, Default)]
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
        format::record(&self.session, &self.rules, self.now)
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
    pub(crate) inner: Arc<Inner>,
    places: Arc<Places>,
}

pub(crate) struct Inner {
    queue: Mutex<Option<Outbox>>,
    clock: Arc<ServerClock>,
    store: Store,
    secret: HashSecret,
    live: Live,
    numbers: AtomicU64,
    failure: watch::Receiver<Option<Failure>>,
    trouble: watch::Receiver<Option<String>>,
    pub(crate) bells: Bells,
    pub(crate) destinations: watch::Receiver<u64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What waits at the folding thread's queue.
pub(crate) enum Command {
    Submit(Submit),
    Decide(Entry, oneshot::Sender<Result<(), EngineError>>),
    Session(TenantId, SessionId, oneshot::Sender<Result<Option<SessionView>, EngineError>>),
    Read(oneshot::Sender<Result<Reader, EngineError>>),
    Folded(oneshot::Sender<Folded>),
    Goals(TenantId, oneshot::Sender<Arc<Catalogue>>),
    /// What came of trying a parcel, and the body that was sent.
    Attempt(Box<AttemptEntry>, Rows, oneshot::Sender<Result<(), EngineError>>),
    Destinations(oneshot::Sender<Vec<(TenantId, Arc<Destination>)>>),
    Due(DueAsk, oneshot::Sender<Result<DuePage, EngineError>>),
    /// A view of what is in the tables, which may lag behind the fold.
    Tables(oneshot::Sender<Reader>),
}

/// Signals of one request, encoded, and where the answer goes.
pub(crate) struct Submit {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) encoded: Encoded,
    /// Bytes of the encoded signals, not compressed.
    pub(crate) bytes: usize,
    pub(crate) quarantine: Rows,
    pub(crate) ids: Vec<QuarantineId>,
    pub(crate) answer: oneshot::Sender<Result<Receipt, EngineError>>,
}

/// Signals as the journal keeps them.
pub(crate) enum Encoded {
    /// One after the other.
    Plain(Vec<Vec<u8>>),
    /// As chunks of a block.
    Packed(PackedEntries),
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
        let plan = Plan { store, secret, config, live };
        let shard = plan.restore()?;
        let last = (shard.now > UnixMillis(0)).then_some(shard.now);
        let clock = Arc::new(ServerClock::start(last));
        let (queue, commands) = inbox::open();
        let (failed, failure) = watch::channel(None);
        let (troubled, trouble) = watch::channel(None);
        let numbers = AtomicU64::new(u64::try_from(clock.now().0).unwrap_or(0) << 20);
        let Plan { store, secret, live, .. } = plan.clone();
        let (changed, destinations) = watch::channel(0);
        let tellers = Tellers { trouble: troubled, destinations: changed, bells: Bells::default() };
        let bells = tellers.bells.clone();
        let worker = Worker::new(plan, shard, clock.clone(), commands, tellers)?;
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
            trouble,
            bells,
            destinations,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Engine { inner: Arc::new(inner), places: Arc::default() })
    }

    /// The engine that looks up the place and owner of every signal's address as it comes in, by
    /// whatever route; clones that were made before do not.
    #[must_use]
    pub fn with_places(self, places: Places) -> Engine {
        Engine { places: Arc::new(places), ..self }
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

    /// A number that no other call gives, also after a restart, as long as the clock goes on.
    pub fn number(&self) -> u64 {
        self.inner.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes signals in. When this returns `Ok`, they are on disk and folded. Nothing to take in
    /// waits for nothing, and is well whatever the state of the disk.
    ///
    /// # Errors
    /// `Busy` when too much is waiting, `DiskFull`, `Stopped`.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, EngineError> {
        if submission.is_empty() {
            return Ok(Receipt::default());
        }
        let answer = self.send_submission(submission)?;
        self.within_patience(answer).await?
    }

    /// [`Engine::submit`] for threads outside the runtime; waits when the queue is full.
    ///
    /// # Errors
    /// As [`Engine::submit`], without `Busy`.
    pub fn submit_blocking(&self, submission: Submission) -> Result<Receipt, EngineError> {
        if submission.is_empty() {
            return Ok(Receipt::default());
        }
        let (command, answer) = self.pack(submission)?;
        self.sender()?.send(command)?;
        answer.blocking_recv().map_err(|_| EngineError::Interrupted)?
    }

    fn send_submission(
        &self,
        submission: Submission,
    ) -> Result<oneshot::Receiver<Result<Receipt, EngineError>>, EngineError> {
        let (command, answer) = self.pack(submission)?;
        self.send(command)?;
        Ok(answer)
    }

    fn pack(
        &self,
        submission: Submission,
    ) -> Result<(Command, oneshot::Receiver<Result<Receipt, EngineError>>), EngineError> {
        let Submission { tenant, signals, received_at, quarantine } = submission;
        let now = self.now();
        let received_at = received_at.map_or(now, |earlier| earlier.min(now));
        let batch = self.number();
        let arrival = |mut signal: Signal| {
            self.places.enrich(&mut signal);
            Arrival { tenant, received_at, batch, signal: Box::new(signal) }
        };
        let arrivals: Vec<Arrival> = signals.into_iter().map(arrival).collect();
        let (encoded, bytes) = encode(&arrivals)?;
        let mut rows = Rows::new();
        let mut ids = Vec::new();
        for item in quarantine {
            let id = QuarantineId { tenant, received_at: item.received_at, number: self.number() };
            quarantine::put(&mut rows, id, &item);
            ids.push(id);
        }
        let (answer, receiver) = oneshot::channel();
        let submit = Submit { arrivals, encoded, bytes, quarantine: rows, ids, answer };
        Ok((Command::Submit(submit), receiver))
    }

    /// Waits for an answer, but not for a disk that hangs.
    pub(crate) async fn within_patience<T>(
        &self,
        answer: oneshot::Receiver<T>,
    ) -> Result<T, EngineError> {
        let mut answer = answer;
        loop {
            match tokio::time::timeout(PATIENCE, &mut answer).await {
                Ok(answered) => return answered.map_err(|_| EngineError::Interrupted),
                Err(_) if self.hangs() => return Err(EngineError::Interrupted),
                Err(_) => {}
            }
        }
    }

    /// Whether a commit has been going on for too long.
    fn hangs(&self) -> bool {
        self.inner.store.commit_running_for().is_some_and(|running| running >= PATIENCE)
    }

    /// Tells of trouble as it comes and goes: what [`Engine::trouble`] says, but for hanging writes.
    pub fn watch_trouble(&self) -> watch::Receiver<Option<String>> {
        self.inner.trouble.clone()
    }

    /// What keeps the engine from writing just now, in words for an operator; `None` when nothing
    /// does.
    pub fn trouble(&self) -> Option<String> {
        if self.hangs() {
            return Some("a write to disk hangs; look at the disk".to_owned());
        }
        self.inner.trouble.borrow().clone()
    }

    /// Appends a decision and folds it.
    ///
    /// # Errors
    /// As [`Engine::submit`]; `Outdated` for a change of a definition that has changed meanwhile.
    pub async fn decide(&self, entry: Entry) -> Result<(), EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Decide(entry, answer))?;
        self.within_patience(receiver).await?
    }

    /// [`Engine::decide`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn decide_blocking(&self, entry: Entry) -> Result<(), EngineError> {
        let (answer, receiver) = oneshot::channel();
        let command = Command::Decide(entry, answer);
        self.sender()?.send(command)?;
        receiver.blocking_recv().map_err(|_| EngineError::Interrupted)?
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
        self.within_patience(receiver).await?
    }

    /// A consistent view of everything acknowledged before this call.
    ///
    /// # Errors
    /// `Busy`, `Stopped`, or damage of the store.
    pub async fn reader(&self) -> Result<Reader, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Read(answer))?;
        self.within_patience(receiver).await?
    }

    /// Where the fold stands.
    ///
    /// # Errors
    /// `Busy`, `Stopped`, or `Interrupted` while the disk fails.
    pub async fn folded(&self) -> Result<Folded, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Folded(answer))?;
        self.within_patience(receiver).await
    }

    /// [`Engine::folded`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::folded`].
    pub fn folded_blocking(&self) -> Result<Folded, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Folded(answer))?;
        receiver.blocking_recv().map_err(|_| EngineError::Interrupted)
    }

    /// A tenant's outcomes and segments, every acknowledged change included.
    ///
    /// # Errors
    /// `Busy`, `Stopped`, or `Interrupted` while the disk fails.
    pub async fn goals(&self, tenant: TenantId) -> Result<Arc<Catalogue>, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Goals(tenant, answer))?;
        self.within_patience(receiver).await
    }

    /// [`Engine::reader`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::reader`].
    pub fn reader_blocking(&self) -> Result<Reader, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.sender()?.send(Command::Read(answer))?;
        receiver.blocking_recv().map_err(|_| EngineError::Interrupted)?
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

    fn sender(&self) -> Result<Outbox, EngineError> {
        lock(&self.inner.queue).clone().ok_or(EngineError::Stopped)
    }

    pub(crate) fn send(&self, command: Command) -> Result<(), EngineError> {
        if self.hangs() {
            return Err(EngineError::Interrupted);
        }
        self.sender()?.try_send(command)
    }
}

impl Failure {
    fn unknown() -> Failure {
        Failure { message: "the engine ended".to_owned(), exit_code: 70 }
    }
}

/// Signals as the journal keeps them, and their bytes before they were compressed.
fn encode(arrivals: &[Arrival]) -> Result<(Encoded, usize), EngineError> {
    let plain: Vec<Vec<u8>> = arrivals.iter().map(signal_bytes).collect();
    let bytes = plain.iter().map(Vec::len).sum();
    if plain.len() < PACKED_FROM {
        return Ok((Encoded::Plain(plain), bytes));
    }
    let entries: Vec<StoredEntry<'_>> =
        plain.iter().map(|bytes| StoredEntry { partition: 0, bytes }).collect();
    Ok((Encoded::Packed(PackedEntries::pack(&entries)?), bytes))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
