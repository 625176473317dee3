//! What one connection is doing: waiting for a request, or busy with some.
//!
//! The service writes it, the stream reads it to choose the timeout that holds now.
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Shared by the stream and the service of one connection, both run by one task.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    begun: AtomicU64,
    ended: AtomicU64,
    http2: AtomicBool,
    body_unread: AtomicBool,
}

/// A request in flight: from its headers until its answer was handed over or dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Progress>);

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Waits for the next request, after so many.
    Waiting { after: u64 },
    /// Has a request in flight.
    Busy,
}

impl Progress {
    pub(crate) fn begin(self: &Arc<Progress>) -> InFlight {
        self.begun.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(crate) fn doing(&self) -> Doing {
        let ended = self.ended.load(Ordering::Relaxed);
        if self.begun.load(Ordering::Relaxed) > ended {
            return Doing::Busy;
        }
        Doing::Waiting { after: ended }
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.http2.load(Ordering::Relaxed)
    }

    pub(crate) fn note_http2(&self) {
        self.http2.store(true, Ordering::Relaxed);
    }

    /// Whether the last request's body was not read to its end.
    pub(crate) fn body_is_unread(&self) -> bool {
        self.body_unread.load(Ordering::Relaxed)
    }

    pub(crate) fn note_body_unread(&self) {
        self.body_unread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_body_read(&self) {
        self.body_unread.store(false, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
