//! Closing the engine and opening it again inside the process: after a write failed, and on a
//! small volume to cut the log.
use crate::{
    engine::Engine,
    engine_log,
    error::StoreError,
    opening::Opened,
    room::Volume,
    store::{Inner, Store, Writer},
};
use std::{
    sync::{MutexGuard, TryLockError, atomic::Ordering},
    time::Duration,
};

/// How long to wait for a commit to end, then for readers, then for the engine.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);
/// On a small volume the log is looked at again when it has grown by so much more.
const LOOK_AGAIN_BYTES: u64 = 512 << 10;

impl Store {
    /// Opens the store again after a failed write: closes the engine, reads the log and compares
    /// it with what was acknowledged as [`Store::open`] does, and lets writes in again. The
    /// directory stays locked; all clones go on with the new engine. Meanwhile writes answer
    /// `Poisoned` and reads `Reopening`. A write that had failed may or may not be there.
    ///
    /// # Errors
    /// `InUse` when snapshots and scans last longer than 5 seconds, `Reopening` when a commit or
    /// the engine hangs or another call reopens: try again. Else what [`Store::open`] says. Until
    /// a call succeeds the store stays poisoned; unless it was `InUse`, reads fail as well.
    pub fn reopen(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        inner.poisoned.store(true, Ordering::Release);
        let mut writer = inner.writer_within(PATIENCE)?;
        if writer.watermark.is_none() {
            inner.poisoned.store(false, Ordering::Release);
            return Err(StoreError::ReadOnly);
        }
        inner.live.close(PATIENCE)?;
        let opened = Opened::for_writing(&inner.dir, &inner.options, &inner.lock)?;
        for (shard, (first, next)) in (0..=u8::MAX).zip(&opened.ends) {
            inner.set_first(shard, *first);
            inner.set_next(shard, *next);
        }
        inner.chunks().clear();
        *writer = opened.writer;
        inner.live.put(opened.engine);
        inner.poisoned.store(false, Ordering::Release);
        tracing::warn!(commit = writer.commit, "the store is open again");
        Ok(())
    }
}

impl Inner {
    /// The writer, also of a poisoned store and after a panic.
    fn writer_within(&self, patience: Duration) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.writer.try_lock() {
                Ok(writer) => return Ok(writer),
                Err(TryLockError::Poisoned(writer)) => {
                    self.writer.clear_poison();
                    return Ok(writer.into_inner());
                }
                Err(TryLockError::WouldBlock) if waited >= patience => {
                    return Err(StoreError::Reopening);
                }
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(POLL);
                    waited += POLL;
                }
            }
        }
    }

    /// The log has grown: flushes what is in memory, and on a small volume cuts the log when it
    /// is large or the volume nearly full.
    pub(crate) fn tend_log(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let Some(cut_at) = self.sizes.cut_log_at else {
            writer.tend_log_at = writer.log_bytes + self.sizes.flush_every;
            return self.live.get()?.begin_flush();
        };
        let is_full = || Volume::of(&self.dir).is_ok_and(|volume| volume.free < cut_at);
        if writer.log_bytes < cut_at && !is_full() {
            writer.tend_log_at = cut_at.min(writer.log_bytes + LOOK_AGAIN_BYTES);
            return Ok(());
        }
        writer.tend_log_at = writer.log_bytes + LOOK_AGAIN_BYTES;
        self.live.get()?.flush()?;
        if self.cut_log()? {
            writer.log_bytes = 0;
            writer.tend_log_at = LOOK_AGAIN_BYTES;
        }
        Ok(())
    }

    /// Begins the log anew. The caller holds the writer's lock, and everything is in table files.
    /// `false` when a reader is in the way, and nothing was changed.
    fn cut_log(&self) -> Result<bool, StoreError> {
        let next = match engine_log::create_next(&self.dir) {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "the engine's log was not cut; it is tried again");
                return Ok(false);
            }
        };
        let cut = self.live.replace(|engine| {
            drop(engine);
            engine_log::delete_older(&self.dir)?;
            Engine::open(&self.dir, &self.options, self.sizes, &self.lock)
        });
        if matches!(cut, Ok(false)) {
            std::fs::remove_file(next).map_err(StoreError::io("taking a new log back"))?;
        }
        cut
    }
}
