//! The queue before the folding thread, bounded in requests and in bytes.
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use crate::{EngineError, intake::Command};

/// Requests that may wait; beyond them the sender is told to come again.
const REQUESTS_MAX: usize = 4_096;
/// Encoded signals that may wait, in bytes. Decoded they take a few times as much.
const BYTES_MAX: usize = 16 << 20;

/// The end at which requests come in. Clones share it.
#[derive(Clone)]
pub(crate) struct Outbox {
    sender: SyncSender<Command>,
    bytes: Arc<AtomicUsize>,
}

/// The end at the folding thread.
pub(crate) struct Inbox {
    receiver: Receiver<Command>,
    bytes: Arc<AtomicUsize>,
}

/// An empty queue.
pub(crate) fn open() -> (Outbox, Inbox) {
    let (sender, receiver) = sync_channel(REQUESTS_MAX);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Outbox { sender, bytes: Arc::clone(&bytes) }, Inbox { receiver, bytes })
}

/// Bytes of a command's signals.
pub(crate) fn bytes_of(command: &Command) -> usize {
    match command {
        Command::Submit(submit) => submit.bytes,
        _ => 0,
    }
}

impl Outbox {
    /// Queues a command, or says that the queue is full.
    pub(crate) fn try_send(&self, command: Command) -> Result<(), EngineError> {
        let bytes = bytes_of(&command);
        let waiting = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // One request alone is never too large: its size was bounded where it came in.
        let fits = bytes == 0 || waiting == 0 || waiting + bytes <= BYTES_MAX;
        let sent =
            if fits { self.sender.try_send(command) } else { Err(TrySendError::Full(command)) };
        sent.map_err(|error| {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => EngineError::Busy,
                TrySendError::Disconnected(_) => EngineError::Stopped,
            }
        })
    }

    /// Queues a command, and waits while the queue is full of requests.
    pub(crate) fn send(&self, command: Command) -> Result<(), EngineError> {
        self.bytes.fetch_add(bytes_of(&command), Ordering::Relaxed);
        self.sender.send(command).map_err(|_| EngineError::Stopped)
    }
}

impl Inbox {
    /// The next command, if one comes in time.
    pub(crate) fn next(&self, patience: Duration) -> Result<Command, RecvTimeoutError> {
        let command = self.receiver.recv_timeout(patience)?;
        Ok(self.taken(command))
    }

    /// The next command, if one is there.
    pub(crate) fn next_now(&self) -> Option<Command> {
        let command = self.receiver.try_recv().ok()?;
        Some(self.taken(command))
    }

    fn taken(&self, command: Command) -> Command {
        self.bytes.fetch_sub(bytes_of(&command), Ordering::Relaxed);
        command
    }
}
