//! Reads that wait for their answer, also while the store is opened again: on a full disk that takes
//! a moment now and then, and a read that waits for it is better than one that is refused.
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{EngineError, clock::monotonic, intake::Command};

/// A read waits so long, and is refused then.
const PATIENCE: Duration = Duration::from_secs(5);
/// More do not wait.
const READS_MAX: usize = 1_024;

impl Command {
    /// Whether it changes nothing.
    pub(crate) fn is_read(&self) -> bool {
        !matches!(self, Command::Submit(_) | Command::Decide(..) | Command::Attempt(..))
    }
}

/// Reads in the order in which they came, and since when they wait.
#[derive(Default)]
pub(crate) struct Waiting(VecDeque<(Instant, Command)>);

impl Waiting {
    /// Reads that have just come.
    pub(crate) fn add(&mut self, reads: impl IntoIterator<Item = Command>) {
        let now = monotonic();
        self.0.extend(reads.into_iter().map(|read| (now, read)));
    }

    /// Takes the first one.
    pub(crate) fn next(&mut self) -> Option<(Instant, Command)> {
        self.0.pop_front()
    }

    /// Lets what [`Waiting::next`] gave wait on, because what it needs has failed; but not for ever:
    /// the store may open again each time and fail each time.
    pub(crate) fn wait_on(&mut self, first: (Instant, Command)) {
        self.0.push_front(first);
        self.refuse_late();
    }

    /// Refuses those that have waited too long, or are too many.
    pub(crate) fn refuse_late(&mut self) {
        let is_late = |(since, _): &(Instant, Command)| since.elapsed() > PATIENCE;
        while self.0.len() > READS_MAX || self.0.front().is_some_and(is_late) {
            let Some((_, command)) = self.0.pop_front() else { return };
            refuse(command);
        }
    }
}

/// Tells whoever asked to come again.
pub(crate) fn refuse(command: Command) {
    match command {
        Command::Submit(submit) => drop(submit.answer.send(Err(EngineError::Interrupted))),
        Command::Decide(_, answer) | Command::Attempt(_, _, answer) => {
            drop(answer.send(Err(EngineError::Interrupted)));
        }
        Command::Due(_, answer) => drop(answer.send(Err(EngineError::Interrupted))),
        Command::Session(_, _, answer) => drop(answer.send(Err(EngineError::Interrupted))),
        Command::Read(answer) => drop(answer.send(Err(EngineError::Interrupted))),
        // Whoever asks is told by the end of the channel.
        Command::Folded(_) | Command::Goals(..) | Command::Destinations(_) | Command::Tables(_) => {
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot::{self, Receiver, error::TryRecvError};

    type Answer = Receiver<Result<crate::Reader, EngineError>>;

    fn read_that_came(ago: Duration) -> ((Instant, Command), Answer) {
        let (answer, receiver) = oneshot::channel();
        let since = monotonic().checked_sub(ago).unwrap();
        ((since, Command::Read(answer)), receiver)
    }

    #[test]
    fn a_read_that_fails_again_and_again_is_refused_in_the_end() {
        let (late, mut late_answer) = read_that_came(PATIENCE + Duration::from_secs(1));
        let (fresh, mut fresh_answer) = read_that_came(Duration::ZERO);
        let mut waiting = Waiting::default();
        waiting.add([fresh.1]);
        waiting.wait_on(late);
        assert!(matches!(late_answer.try_recv(), Ok(Err(EngineError::Interrupted))));
        assert!(matches!(fresh_answer.try_recv(), Err(TryRecvError::Empty)));
        let first = waiting.next().unwrap();
        waiting.wait_on(first);
        assert!(matches!(fresh_answer.try_recv(), Err(TryRecvError::Empty)));
        assert_eq!(waiting.0.len(), 1);
    }

    #[test]
    fn no_more_wait_than_may() {
        let mut waiting = Waiting::default();
        let (reads, mut answers): (Vec<_>, Vec<_>) =
            (0..=READS_MAX).map(|_| read_that_came(Duration::ZERO)).unzip();
        waiting.add(reads.into_iter().map(|(_, command)| command));
        waiting.refuse_late();
        let refused = answers.iter_mut().filter_map(|answer| answer.try_recv().ok()).count();
        assert_eq!((refused, waiting.0.len()), (1, READS_MAX));
    }
}
