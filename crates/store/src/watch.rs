//! Since when a commit has been going on, readable while it is.
//!
//! A write that stalls for ever returns no error (fjall issue 257); only its age shows it.
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

pub(crate) struct CommitWatch {
    opened: Instant,
    /// Microseconds from `opened`, plus one; 0 while nothing is going on.
    began: AtomicU64,
}

impl CommitWatch {
    pub(crate) fn new() -> CommitWatch {
        CommitWatch { opened: now(), began: AtomicU64::new(0) }
    }

    /// A commit begins; it ends when what is returned goes.
    pub(crate) fn begin(&self) -> impl Drop + '_ {
        self.began.store(self.elapsed() + 1, Ordering::Relaxed);
        Running(self)
    }

    pub(crate) fn running_for(&self) -> Option<Duration> {
        let began = self.began.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_micros(self.elapsed().saturating_sub(began)))
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(now().saturating_duration_since(self.opened).as_micros()).unwrap_or(u64::MAX)
    }
}

struct Running<'w>(&'w CommitWatch);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.began.store(0, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a system call hangs is no input")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_runs_from_its_beginning_to_its_end() {
        let watch = CommitWatch::new();
        assert_eq!(watch.running_for(), None);
        let running = watch.begin();
        let first = watch.running_for().unwrap();
        assert!(watch.running_for().unwrap() >= first);
        drop(running);
        assert_eq!(watch.running_for(), None);
    }
}
