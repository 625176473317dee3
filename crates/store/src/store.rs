//! The open store: who may write, and how a batch is committed.
use crate::{
    bytes::Taker,
    chunk_cache::ChunkCache,
    directory::DirectoryLock,
    engine::{Batch, KEY_BYTES_MAX, Space},
    error::StoreError,
    held::Held,
    live::Live,
    room::{Sizes, Volume},
    rows::{Rows, Table},
    watch::CommitWatch,
    watermark::Watermark,
};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// The row in the space of marks that numbers the commits. Every batch writes it: the number of
/// the commit, and a floor for the sequence number that the engine gives to the batch.
pub(crate) const COMMIT_KEY: &[u8] = b"sessionary/commit";

/// What a store needs to know besides its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Memory for what was read, in bytes. Pending writes take up to about 150 MiB besides.
    pub cache_bytes: u64,
    /// Size at which the engine's log is cut back, in bytes; at least 64 MiB are used. It bounds
    /// the time to open. A volume below 512 MiB gets a twelfth of itself instead.
    pub max_journaling_bytes: u64,
    /// Free space below which the caller should refuse to accept more, in bytes; `None` is the
    /// larger of 512 MiB and 2 % of the file system.
    pub min_free_bytes: Option<u64>,
}

/// When a write survives a power cut. Both survive the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before the call returns.
    Synced,
    /// With the next synced write, append or `sync`.
    Buffered,
}

/// An open data directory. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) live: Live,
    pub(crate) held: Held,
    pub(crate) writer: Mutex<Writer>,
    /// Set when a write or sync fails: what is on disk is uncertain until it was read again.
    pub(crate) poisoned: AtomicBool,
    pub(crate) watch: CommitWatch,
    pub(crate) shards: Vec<ShardEnds>,
    pub(crate) chunks: Mutex<ChunkCache>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) sizes: Sizes,
    pub(crate) min_free_bytes: u64,
    /// The engine holds it too: it outlives both.
    pub(crate) lock: Arc<DirectoryLock>,
}

/// Where a shard's journal begins and ends, readable while a write is going on.
pub(crate) struct ShardEnds {
    pub(crate) first: AtomicU64,
    pub(crate) next: AtomicU64,
}

/// What only the holder of the lock may touch. One lock over commit and numbering keeps the
/// numbers in the order of the commits; the engine below has one such lock as well.
pub(crate) struct Writer {
    /// `None` in a store that was opened read-only.
    pub(crate) watermark: Option<Watermark>,
    pub(crate) commit: u64,
    /// Bytes in the engine's log, about.
    pub(crate) log_bytes: u64,
    /// The log's size at which memory is flushed next, or the log cut.
    pub(crate) tend_log_at: u64,
}

impl Store {
    /// Applies all rows in one atomic batch.
    ///
    /// # Errors
    /// `Unstorable` for a key of 0 or over 65,535 bytes, and nothing was written. Any other error
    /// means that the rows may or may not be there, and the store accepts no more writes until it
    /// was reopened.
    pub fn write(&self, rows: Rows, durability: Durability) -> Result<(), StoreError> {
        if rows.is_empty() && durability == Durability::Synced {
            return self.sync();
        }
        if rows.is_empty() {
            return Ok(());
        }
        check_rows(&rows)?;
        let mut writer = self.inner.writer()?;
        if durability == Durability::Synced {
            self.inner.held.check("writing rows")?;
        }
        let Some(rows) = self.inner.held.take(rows) else { return Ok(()) };
        let mut batch = self.inner.batch(rows.len() + 1)?;
        add_rows(&mut batch, rows);
        self.inner.commit(&mut writer, batch, durability)
    }

    /// Makes all earlier writes durable.
    ///
    /// # Errors
    /// `WriteFailed`, after which the store accepts no more writes until it was reopened.
    pub fn sync(&self) -> Result<(), StoreError> {
        let writer = self.inner.writer()?;
        let engine = self.inner.live.get()?;
        let _watched = self.inner.watch.begin();
        self.inner.or_poison(engine.sync())?;
        self.inner.or_poison(writer.mark_commit())
    }

    /// Bytes that this process may still write to the file system of the directory.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(Volume::of(&self.inner.dir)?.free)
    }

    /// Bytes the directory takes on disk, log and tables, about; 0 while the store is reopened.
    pub fn disk_bytes(&self) -> u64 {
        self.inner.live.get().map_or(0, |engine| engine.disk_bytes())
    }

    /// Free space below which the caller should refuse to accept more, in bytes; better ask for
    /// [`Store::room`], which knows what the engine will still write. The store itself goes on
    /// writing: erasing and trimming need to.
    pub fn min_free_bytes(&self) -> u64 {
        self.inner.min_free_bytes
    }

    /// Whether an earlier write failed, so that no more are accepted.
    pub fn is_poisoned(&self) -> bool {
        self.inner.poisoned.load(Ordering::Acquire)
    }

    /// For how long the commit that is going on has been going on; `None` when there is none. A
    /// commit takes milliseconds, or seconds when the disk is slow; one that never ends is a disk
    /// or an engine that hangs, which no error will tell.
    pub fn commit_running_for(&self) -> Option<Duration> {
        self.inner.watch.running_for()
    }

    /// Makes everything durable and lets go of the directory, once clones, snapshots and scans
    /// are gone too.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn close(self) -> Result<(), StoreError> {
        match self.sync() {
            Err(StoreError::ReadOnly) => Ok(()),
            synced => synced,
        }
    }
}

impl Inner {
    /// The right to write, or why there is none.
    pub(crate) fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        // Before the lock too: who reopens the store may hold it for a while.
        self.check_poison()?;
        let writer = self.writer.lock().map_err(|_| StoreError::Poisoned)?;
        self.check_poison()?;
        if writer.watermark.is_none() {
            return Err(StoreError::ReadOnly);
        }
        Ok(writer)
    }

    fn check_poison(&self) -> Result<(), StoreError> {
        if self.poisoned.load(Ordering::Acquire) { Err(StoreError::Poisoned) } else { Ok(()) }
    }

    /// An empty batch. Whoever holds it keeps the engine open, so it is made under the writer's
    /// lock.
    pub(crate) fn batch(&self, capacity: usize) -> Result<Batch, StoreError> {
        Ok(self.live.get()?.batch(capacity))
    }

    /// Numbers a batch and applies it; a failure lasts until the store is reopened.
    pub(crate) fn commit(
        &self,
        writer: &mut Writer,
        mut batch: Batch,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let _watched = self.watch.begin();
        let number = writer.commit + 1;
        let mark = [number, batch.sequence_number_floor()].map(u64::to_be_bytes).concat();
        batch.put(Space::Marks, COMMIT_KEY, mark);
        let log_bytes = batch.log_bytes();
        self.or_poison(batch.commit(durability))?;
        writer.commit = number;
        writer.log_bytes += log_bytes;
        if durability == Durability::Synced {
            self.or_poison(writer.mark_commit())?;
        }
        if writer.log_bytes >= writer.tend_log_at {
            // The batch is in; what fails now fails the next one.
            if let Err(error) = self.or_poison(self.tend_log(writer)) {
                tracing::error!(%error, "the engine's log could not be cut");
            }
        }
        Ok(())
    }

    /// After a failed sync the kernel may have dropped the pages: to try again would be to lie.
    pub(crate) fn or_poison<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.map_err(|error| {
            self.poisoned.store(true, Ordering::Release);
            match error {
                StoreError::NoSpace { .. } | StoreError::Poisoned | StoreError::Reopening => error,
                source => StoreError::WriteFailed { source: Box::new(source) },
            }
        })
    }

    pub(crate) fn first(&self, shard: u8) -> u64 {
        self.ends(shard).first.load(Ordering::Acquire)
    }

    pub(crate) fn next(&self, shard: u8) -> u64 {
        self.ends(shard).next.load(Ordering::Acquire)
    }

    pub(crate) fn set_first(&self, shard: u8, position: u64) {
        self.ends(shard).first.store(position, Ordering::Release);
    }

    pub(crate) fn set_next(&self, shard: u8, position: u64) {
        self.ends(shard).next.store(position, Ordering::Release);
    }

    /// The decoded chunks; a cache cannot be left half changed.
    pub(crate) fn chunks(&self) -> MutexGuard<'_, ChunkCache> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ends(&self, shard: u8) -> &ShardEnds {
        self.shards.get(usize::from(shard)).expect("there are ends for all 256 shards")
    }
}

impl Writer {
    pub(crate) fn mark_next(&self, shard: u8, position: u64) -> Result<(), StoreError> {
        self.watermark.as_ref().map_or(Ok(()), |mark| mark.set_next(shard, position))
    }

    fn mark_commit(&self) -> Result<(), StoreError> {
        self.watermark.as_ref().map_or(Ok(()), |mark| mark.set_commit(self.commit))
    }
}

/// Refuses keys and values that the engine cannot hold.
pub(crate) fn check_rows(rows: &Rows) -> Result<(), StoreError> {
    for (table, key, value) in rows.iter() {
        check_length(table, "key", key.len(), 1, KEY_BYTES_MAX)?;
        check_length(table, "value", value.map_or(0, <[u8]>::len), 0, u32::MAX as usize)?;
    }
    Ok(())
}

/// Adds rows that were checked to a batch.
pub(crate) fn add_rows(batch: &mut Batch, rows: Rows) {
    for (table, key, value) in rows.into_writes() {
        match value {
            Some(value) => batch.put(Space::Table(table), &key, value),
            None => batch.delete(Space::Table(table), &key),
        }
    }
}

/// The row in the space of marks that says up to where a shard was trimmed.
pub(crate) fn trimmed_key(shard: u8) -> [u8; 2] {
    [b't', shard]
}

/// Commit number and floor of the sequence number.
pub(crate) fn parse_commit(value: &[u8]) -> Option<(u64, u64)> {
    let mut taker = Taker(value);
    Some((taker.u64()?, taker.u64()?))
}

fn check_length(
    table: Table,
    part: &str,
    bytes: usize,
    min: usize,
    max: usize,
) -> Result<(), StoreError> {
    if (min..=max).contains(&bytes) {
        return Ok(());
    }
    let what = format!("a {part} of the table `{}`", table.name());
    Err(StoreError::Unstorable { what, bytes, min, max })
}
