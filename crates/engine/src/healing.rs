//! Healing: after a failed write the store is opened again inside the process, and the state is
//! restored from it.
//!
//! What is in memory may be ahead of what is on disk, so it is dropped whole; after a failed sync
//! the same pages are never written again (P9). Meanwhile every request is told to come again.
use std::{
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use crate::{EngineError, clock::monotonic, intake::Command, tidy::Tidying, worker::Worker};

/// The store is tried again this often.
const PAUSE: Duration = Duration::from_millis(250);
/// The log says so again after this long.
const REMIND: Duration = Duration::from_secs(30);

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
        loop {
            let text = format!("a write to disk failed ({cause}); the store is being opened again");
            self.trouble.send_replace(Some(text));
            match self.try_to_heal() {
                Ok(()) => {
                    let seconds = since.elapsed().as_secs_f32();
                    tracing::warn!(seconds, "writes are taken again");
                    self.trouble.send_replace(None);
                    return Ok(true);
                }
                Err(error) if error.may_heal() || is_locked(&error) => cause = describe(&error),
                Err(error) => return Err(error),
            }
            if reminded.is_none_or(|reminded| reminded.elapsed() >= REMIND) {
                tracing::error!(cause, "the store cannot be written; trying again");
                reminded = Some(monotonic());
            }
            if !self.turn_away() {
                return Ok(false);
            }
        }
    }

    fn try_to_heal(&mut self) -> Result<(), EngineError> {
        self.plan.store.reopen()?;
        let shard = self.plan.restore()?;
        let tidying = Tidying::start(&shard)?;
        self.state = Some((shard, tidying));
        Ok(())
    }

    /// Tells whoever comes within a pause to come again; gives `false` when the door is closed.
    fn turn_away(&mut self) -> bool {
        let until = monotonic() + PAUSE;
        loop {
            let left = until.saturating_duration_since(monotonic());
            match self.commands.next(left) {
                Ok(command) => refuse(command),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

/// The error with its causes.
fn describe(error: &EngineError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
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

fn refuse(command: Command) {
    match command {
        Command::Submit(submit) => drop(submit.answer.send(Err(EngineError::Interrupted))),
        Command::Decide(_, answer) => drop(answer.send(Err(EngineError::Interrupted))),
        Command::Session(_, _, answer) => drop(answer.send(Err(EngineError::Interrupted))),
        Command::Read(answer) => drop(answer.send(Err(EngineError::Interrupted))),
        // Whoever asks is told by the end of the channel.
        Command::Folded(_) => {}
    }
}
