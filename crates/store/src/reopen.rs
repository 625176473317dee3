//! Closing the engine and opening it again inside the process: after a write failed, and on a
//! small volume to cut the log.
use crate::{
    engine::{Engine, Threads},
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
        self.reopen_within(PATIENCE, Threads::One)
    }

    /// [`Store::reopen`] on a disk without room for what the engine writes by itself: it writes
    /// nothing, and so do all callers, as after [`Store::hold_writes`]. Reads go on.
    ///
    /// # Errors
    /// As [`Store::reopen`].
    pub fn reopen_holding(&self) -> Result<(), StoreError> {
        self.reopen_within(PATIENCE, Threads::None)
    }

    fn reopen_within(&self, patience: Duration, threads: Threads) -> Result<(), StoreError> {
        let inner = &self.inner;
        inner.poisoned.store(true, Ordering::Release);
        let mut writer = inner.writer_within(patience)?;
        if writer.watermark.is_none() {
            inner.poisoned.store(false, Ordering::Release);
            return Err(StoreError::ReadOnly);
        }
        inner.live.close(patience)?;
        inner.held.forget();
        let opened =
            Opened::for_writing(&inner.dir, &inner.options, inner.sizes, &inner.lock, threads)?;
        for (shard, (first, next)) in (0..=u8::MAX).zip(&opened.ends) {
            inner.set_first(shard, *first);
            inner.set_next(shard, *next);
        }
        inner.chunks().clear();
        *writer = opened.writer;
        if threads == Threads::None {
            self.hold_writes();
        }
        inner.live.put(opened.engine);
        inner.poisoned.store(false, Ordering::Release);
        tracing::warn!(commit = writer.commit, "the store is open again");
        Ok(())
    }

    /// Moves what is in memory into table files and, on a small volume, cuts the log: frees what
    /// erasing and trimming have made superfluous. For a caller that refuses new data because
    /// there is no [`Store::room`].
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn tidy(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        let mut writer = inner.writer()?;
        inner.held.check("making room")?;
        let _watched = inner.watch.begin();
        inner.or_poison(inner.flush_and_cut(&mut writer))
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
        self.flush_and_cut(writer)
    }

    fn flush_and_cut(&self, writer: &mut Writer) -> Result<(), StoreError> {
        self.live.get()?.flush()?;
        if self.sizes.is_small() {
            if self.cut_log()? {
                writer.log_bytes = 0;
            }
            writer.tend_log_at = writer.log_bytes + LOOK_AGAIN_BYTES;
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
            Engine::open(&self.dir, &self.options, &self.lock, Threads::One)
        });
        if matches!(cut, Ok(false)) {
            std::fs::remove_file(next).map_err(StoreError::io("taking a new log back"))?;
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BlockHeader, Direction, Durability, Entry, Options, Rows, Table, check::check, room::Sizes,
    };
    use std::path::Path;

    const OPTIONS: Options =
        Options { cache_bytes: 1 << 20, max_journaling_bytes: 64 << 20, min_free_bytes: None };

    fn append(store: &Store, text: &str) -> Result<u64, StoreError> {
        let entry = Entry { partition: 0, bytes: text.as_bytes() };
        store.append(0, &BlockHeader::default(), &[entry], Rows::new())
    }

    fn texts(store: &Store) -> Vec<String> {
        let entries = store.replay(0, 1).flat_map(|block| block.unwrap().entries);
        entries.map(|entry| String::from_utf8(entry.bytes).unwrap()).collect()
    }

    #[test]
    fn readers_are_waited_for_and_not_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &OPTIONS).unwrap();
        append(&store, "before").unwrap();
        let scan = store.scan(Table::Config, .., Direction::Forward);
        let refused = store.reopen_within(Duration::from_millis(20), Threads::One).unwrap_err();
        assert!(matches!(refused, StoreError::InUse { users: 1 }), "{refused}");
        assert_eq!(texts(&store), ["before"], "reads go on");
        assert!(matches!(append(&store, "refused"), Err(StoreError::Poisoned)));
        drop(scan);
        store.reopen().unwrap();
        assert_eq!(append(&store, "after").unwrap(), 2);
        assert_eq!(texts(&store), ["before", "after"]);
    }

    #[test]
    fn while_there_is_no_engine_every_call_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &OPTIONS).unwrap();
        append(&store, "kept").unwrap();
        let clone = store.clone();
        std::fs::rename(dir.path().join("watermark"), dir.path().join("elsewhere")).unwrap();
        let refused = store.reopen().unwrap_err();
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
        let reopening = |error| matches!(error, StoreError::Reopening);
        assert!(reopening(clone.get(Table::Config, b"key").unwrap_err()));
        assert!(reopening(clone.snapshot().get(Table::Config, b"key").unwrap_err()));
        assert_eq!(
            clone.scan(Table::Config, .., Direction::Forward).filter_map(Result::err).count(),
            1
        );
        assert!(reopening(clone.replay(0, 1).next().unwrap().err().unwrap()));
        assert!(reopening(clone.read_entries(0, &[1]).unwrap_err()));
        assert!(matches!(clone.sync(), Err(StoreError::Poisoned)));
        assert!(matches!(clone.trim(0, 2), Err(StoreError::Reopening)));
        assert_eq!(clone.disk_bytes(), 0);
        std::fs::rename(dir.path().join("elsewhere"), dir.path().join("watermark")).unwrap();
        store.reopen().unwrap();
        assert_eq!(texts(&clone), ["kept"]);
        assert_eq!(append(&clone, "goes on").unwrap(), 2);
    }

    #[test]
    fn a_store_in_use_by_many_threads_is_reopened_and_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &OPTIONS).unwrap();
        std::thread::scope(|scope| {
            for shard in 0..3_u8 {
                let store = store.clone();
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    while acknowledged.len() < 60 {
                        let text = acknowledged.len().to_string();
                        let entry = Entry { partition: 0, bytes: text.as_bytes() };
                        match store.append(shard, &BlockHeader::default(), &[entry], Rows::new()) {
                            Ok(position) => acknowledged.push(position),
                            Err(StoreError::Poisoned | StoreError::Reopening) => {}
                            Err(other) => panic!("{other}"),
                        }
                        assert!(store.replay(shard, 1).take_while(Result::is_ok).count() <= 60);
                    }
                    assert!(acknowledged.windows(2).all(|pair| pair[0] < pair[1]));
                });
            }
            for _ in 0..5 {
                store.reopen().unwrap();
            }
        });
        assert_eq!((0..3).map(|shard| store.next_position(shard)).collect::<Vec<_>>(), [61; 3]);
        drop(store);
        assert_eq!(check(dir.path()).findings, []);
    }

    fn log_bytes(dir: &Path) -> u64 {
        let files = std::fs::read_dir(dir.join("engine")).unwrap().map(Result::unwrap);
        let logs = files.filter(|file| file.path().extension().is_some_and(|end| end == "jnl"));
        logs.map(|file| std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512)
            .sum()
    }

    #[test]
    fn on_a_small_volume_the_log_stays_small_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = Sizes::of_volume(32 << 20, OPTIONS.max_journaling_bytes);
        let cut_at = sizes.cut_log_at.unwrap();
        let store = Store::open_sized(dir.path(), &OPTIONS, sizes).unwrap();
        let mut largest = 0;
        for number in 0..60_u32 {
            let mut rows = Rows::new();
            let value: Vec<u8> =
                (0..200_000).map(|at| (at / 7 % 251_u32).to_be_bytes()[3]).collect();
            rows.put(Table::Sessions, number.to_be_bytes(), value);
            store.write(rows, Durability::Buffered).unwrap();
            append(&store, &number.to_string()).unwrap();
            largest = largest.max(log_bytes(dir.path()));
        }
        assert!(largest < cut_at + (1 << 20), "{largest}");
        assert_eq!(texts(&store).len(), 60);
        drop(store);
        let store = Store::open_sized(dir.path(), &OPTIONS, sizes).unwrap();
        assert_eq!(texts(&store).len(), 60);
        assert_eq!(store.scan(Table::Sessions, .., Direction::Forward).count(), 60);
        drop(store);
        assert_eq!(check(dir.path()).findings, []);
    }
}
