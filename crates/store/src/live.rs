//! The engine in use, and the way to close it while readers are about.
//!
//! Views, scans and batches each hold the engine open. To close it is to wait until the last of
//! them is gone; meanwhile, and until another engine stands in its place, calls answer
//! `Reopening`.
use crate::{engine::Engine, error::StoreError};
use std::{
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

const POLL: Duration = Duration::from_millis(2);

pub(crate) struct Live {
    engine: RwLock<Option<Arc<Engine>>>,
    /// Set while readers are asked to leave: no more may come.
    closing: AtomicBool,
}

impl Live {
    pub(crate) fn new(engine: Engine) -> Live {
        Live { engine: RwLock::new(Some(Arc::new(engine))), closing: AtomicBool::new(false) }
    }

    /// The engine, for one call.
    pub(crate) fn get(&self) -> Result<Arc<Engine>, StoreError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(StoreError::Reopening);
        }
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().map(Arc::clone).ok_or(StoreError::Reopening)
    }

    pub(crate) fn put(&self, engine: Engine) {
        *self.slot() = Some(Arc::new(engine));
        self.closing.store(false, Ordering::Release);
    }

    /// Closes the engine once nobody uses it, and does not wait longer than `patience` for either.
    /// To close one that is closed is no error.
    ///
    /// # Errors
    /// `InUse` when readers stay, and the engine goes on serving them; `Reopening` when the
    /// engine does not come to an end: its threads may hang in a system call.
    pub(crate) fn close(&self, patience: Duration) -> Result<(), StoreError> {
        self.closing.store(true, Ordering::Release);
        let mut waited = Duration::ZERO;
        loop {
            match take_alone(&mut self.slot()) {
                Ok(None) => return Ok(()),
                Ok(Some(engine)) => return end(engine, patience),
                Err(users) if waited >= patience => {
                    self.closing.store(false, Ordering::Release);
                    return Err(StoreError::InUse { users });
                }
                Err(_) => {}
            }
            std::thread::sleep(POLL);
            waited += POLL;
        }
    }

    /// Puts another engine in this one's place while readers wait for it, if none is in the
    /// middle of reading; else nothing is done and the answer is `false`.
    ///
    /// # Errors
    /// Those of `reopen`, after which there is no engine.
    pub(crate) fn replace(
        &self,
        reopen: impl FnOnce(Engine) -> Result<Engine, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut slot = self.slot();
        match take_alone(&mut slot) {
            Ok(Some(engine)) => {
                *slot = Some(Arc::new(reopen(engine)?));
                Ok(true)
            }
            Ok(None) => Err(StoreError::Reopening),
            Err(_) => Ok(false),
        }
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Option<Arc<Engine>>> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the engine out when nobody else holds it; else says how many do.
fn take_alone(slot: &mut Option<Arc<Engine>>) -> Result<Option<Engine>, usize> {
    let Some(engine) = slot.take() else { return Ok(None) };
    Arc::try_unwrap(engine).map(Some).map_err(|engine| {
        let users = Arc::strong_count(&engine) - 1;
        *slot = Some(engine);
        users
    })
}

/// Closes an engine on a thread of its own, since closing waits for all its threads.
fn end(engine: Engine, patience: Duration) -> Result<(), StoreError> {
    let (closed, is_closed) = mpsc::channel();
    std::thread::Builder::new()
        .name("store-close".to_owned())
        .spawn(move || {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(engine)));
            if ended.is_err() {
                tracing::warn!("an assertion of the engine failed while closing it");
            }
            closed.send(()).ok();
        })
        .map_err(StoreError::io("starting a thread"))?;
    is_closed.recv_timeout(patience).map_err(|_| StoreError::Reopening)
}
