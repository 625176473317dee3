//! Healing: after a failed write the store is opened again inside the process, and the state is
//! restored from it.
//!
//! What is in memory may be ahead of what is on disk, so it is dropped whole; after a failed sync
//! the same pages are never written again (P9). Meanwhile every write is told to come again, and
//! reads wait.
//!
//! On a disk without room even for that, the store holds in memory what checkpoints write, and
//! reads go on; once there is room, what was held is dropped and made again from the journal.
use std::{
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use sessionary_store::StoreError;

use crate::{
    EngineError, clock::monotonic, intake::Command, tidy::Tidying, waiting::refuse, worker::Worker,
};

/// The store is tried again this often.
pub(crate) const PAUSE: Duration = Duration::from_millis(250);
/// The log says so again after this long.
const REMIND: Duration = Duration::from_secs(30);

/// How the store is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// With all that it does by itself: it may make room.
    Working,
    /// After that was in vain: without room it writes nothing, so that at least reads go on.
    AsRoomIs,
}

impl Worker {
    /// Opens the store again and restores the state; gives `false` when the door was closed
    /// meanwhile.
    ///
    /// # Errors
    /// Damage, which no waiting heals.
    pub(crate) fn heal(&mut self, cause: &EngineError) -> Result<bool, EngineError> {
        let since = monotonic();
        let mut cause = describe(cause);
        let mut reminded: Option<Instant> = None;
        self.state = None;
        let mut opening = Opening::Working;
        loop {
            let text = format!("a write to disk failed ({cause}); the store is being opened again");
            self.tellers.trouble.send_replace(Some(text));
            match self.try_to_heal(opening) {
                Ok(()) => {
                    let seconds = since.elapsed().as_secs_f32();
                    tracing::warn!(seconds, "writes are taken again");
                    self.tellers.trouble.send_replace(None);
                    return Ok(true);
                }
                Err(error) if error.may_heal() || is_locked(&error) => cause = describe(&error),
                Err(error) => return Err(error),
            }
            opening = Opening::AsRoomIs;
            if reminded.is_none_or(|reminded| reminded.elapsed() >= REMIND) {
                tracing::error!(cause, "the store cannot be written; trying again");
                reminded = Some(monotonic());
            }
            if !self.turn_away() {
                return Ok(false);
            }
        }
    }

    fn try_to_heal(&mut self, opening: Opening) -> Result<(), EngineError> {
        let store = &self.plan.store;
        if opening == Opening::AsRoomIs && !store.room()?.is_left() {
            tracing::warn!("the disk has no room; reads go on");
            store.reopen_holding()?;
        } else {
            store.reopen()?;
            if store.room()?.is_exhausted() {
                store.hold_writes();
            }
        }
        let shard = self.plan.restore()?;
        let tidying = Tidying::start(&shard)?;
        self.state = Some((shard, tidying));
        Ok(())
    }

    /// Holds writes in memory while the disk has no room for them, and says whether it does.
    ///
    /// # Errors
    /// `Reopening` when there is room again: what was held is to be dropped by healing.
    pub(crate) fn hold(&self) -> Result<bool, EngineError> {
        let store = &self.plan.store;
        let room = store.room()?;
        match store.holds_writes() {
            true if room.is_left() => Err(StoreError::Reopening.into()),
            true => Ok(true),
            false if room.is_exhausted() => {
                tracing::warn!(room.free, "the disk has no room; reads go on");
                store.hold_writes();
                Ok(true)
            }
            false => Ok(false),
        }
    }

    /// Tells whoever writes within a pause to come again, and lets reads wait; gives `false` when
    /// the door is closed.
    fn turn_away(&mut self) -> bool {
        let until = monotonic() + PAUSE;
        loop {
            self.waiting.refuse_late();
            let left = until.saturating_duration_since(monotonic());
            match self.commands.next(left) {
                Ok(write @ (Command::Submit(_) | Command::Decide(..) | Command::Attempt(..))) => {
                    refuse(write);
                }
                Ok(read) => self.waiting.add([read]),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

/// The error with its causes.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The directory's own lock of the engine may take a moment to go.
fn is_locked(error: &EngineError) -> bool {
    matches!(error, EngineError::Store(error) if error.exit_code() == 73)
}
