//! Opening, writing and closing; the one owner of the right to write.
use crate::{
    block::{chunk_key, parse_chunk_key, read_head},
    bytes::Taker,
    chunk_cache::ChunkCache,
    directory::{self, DirectoryLock},
    engine::{Batch, Engine, KEY_BYTES_MAX, Space, View},
    engine_log,
    error::StoreError,
    read::Direction,
    rows::{Rows, Table},
    watermark::{Acknowledged, Watermark},
};
use std::{
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// The row in the space of marks that numbers the commits. Every batch writes it: the number of
/// the commit, and a floor for the sequence number that the engine gives to the batch.
pub(crate) const COMMIT_KEY: &[u8] = b"sessionary/commit";
const MIN_FREE_BYTES: u64 = 512 << 20;
/// Of [`Options::cache_bytes`], this part holds decoded journal chunks.
const CHUNK_CACHE_SHARE: u64 = 8;

/// What a store needs to know besides its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Memory for what was read, in bytes. Pending writes take up to about 150 MiB besides.
    pub cache_bytes: u64,
    /// Size at which the engine's log is cut back, in bytes; at least 64 MiB are used. It bounds
    /// the time to open.
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
    pub(crate) engine: Engine,
    writer: Mutex<Writer>,
    /// Set for good when a write or sync fails: what is on disk is uncertain from then on.
    poisoned: AtomicBool,
    shards: Vec<ShardEnds>,
    pub(crate) chunks: Mutex<ChunkCache>,
    dir: PathBuf,
    min_free_bytes: u64,
    /// Last, so that it outlives the engine.
    _lock: DirectoryLock,
}

/// Where a shard's journal begins and ends, readable while a write is going on.
struct ShardEnds {
    first: AtomicU64,
    next: AtomicU64,
}

/// What only the holder of the lock may touch. One lock over commit and numbering keeps the
/// numbers in the order of the commits; the engine below has one such lock as well.
pub(crate) struct Writer {
    /// `None` in a store that was opened read-only.
    watermark: Option<Watermark>,
    commit: u64,
}

impl Store {
    /// Opens a data directory, creates it when it is missing, and takes its lock.
    ///
    /// # Errors
    /// `Locked` when another process has it; `NewerFormat`, and nothing was changed; `Damaged`
    /// or `WatermarkAhead` when acknowledged data is not all there; `CannotCreate`.
    pub fn open(dir: &Path, options: &Options) -> Result<Store, StoreError> {
        // Before anything is created: a newer program's directory stays as it is.
        directory::read_manifest(dir)?;
        directory::create(dir)?;
        let lock = directory::lock(dir)?;
        let manifest = directory::read_manifest(dir)?;
        let (watermark, said) = match (Watermark::open(dir)?, manifest) {
            (Some((_, said)), None) if said.commit > 0 => return Err(manifest_is_missing()),
            // Without a manifest, creating was cut short; nothing was ever acknowledged.
            (Some(found), _) => found,
            (None, Some(_)) => return Err(watermark_is_missing()),
            (None, None) => (Watermark::create(dir)?, Acknowledged::nothing()),
        };
        if manifest.is_none() {
            engine_log::clear_unfinished(dir)?;
        }
        let log = engine_log::examine(dir, &said)?;
        if let Some((damage, _)) = log.damage.into_iter().next() {
            return Err(damage);
        }
        if let Some(torn) = log.torn {
            tracing::warn!(?torn, "cut a write that was never acknowledged off the engine's log");
            torn.apply()?;
        }
        let engine = Engine::open(dir, options)?;
        let found = Found::read(&engine)?;
        if manifest.is_none() && found.commit > 0 {
            return Err(manifest_is_missing());
        }
        if let Some(damage) = found.damage.into_iter().next() {
            return Err(damage);
        }
        if let Some(missing) = missing(&said, found.commit, &found.ends) {
            return Err(StoreError::WatermarkAhead { missing });
        }
        // What was found is durable now, and will be acted on: from here it may not be lost.
        engine.sync()?;
        watermark.set_commit(found.commit)?;
        for (shard, (_, next)) in (0..=u8::MAX).zip(&found.ends) {
            if *next > 1 {
                watermark.set_next(shard, *next)?;
            }
        }
        if manifest.is_none() {
            directory::write_manifest(dir)?;
        }
        let writer = Writer { watermark: Some(watermark), commit: found.commit };
        Store::assemble(dir, options, lock, engine, writer, &found.ends)
    }

    /// Opens what is whole, for a look or a rescue; every write answers `ReadOnly`. Beside the
    /// store come the errors for which `open` would have refused. A damaged log of the engine is
    /// copied to `*.jnl.damaged` and cut where it stops being whole; `open` goes on refusing. The
    /// engine may still tidy its own files up.
    ///
    /// # Errors
    /// `Locked`, `NewerFormat`, `CannotCreate` when there is no such directory, and `Damaged`
    /// when the engine itself cannot open.
    pub fn open_read_only(
        dir: &Path,
        options: &Options,
    ) -> Result<(Store, Vec<StoreError>), StoreError> {
        let mut refusals = Vec::new();
        match directory::read_manifest(dir) {
            Ok(Some(_)) => {}
            Ok(None) if !dir.join(crate::engine::FOLDER).is_dir() => {
                let source = std::io::Error::from(std::io::ErrorKind::NotFound);
                return Err(StoreError::CannotCreate { dir: dir.to_owned(), source });
            }
            Ok(None) => refusals.push(manifest_is_missing()),
            Err(refusal @ StoreError::Damaged { .. }) => refusals.push(refusal),
            Err(other) => return Err(other),
        }
        let lock = directory::lock(dir)?;
        let said = match Watermark::open(dir) {
            Ok(Some((_, said))) => Some(said),
            Ok(None) => {
                refusals.push(watermark_is_missing());
                None
            }
            Err(refusal @ StoreError::Damaged { .. }) => {
                refusals.push(refusal);
                None
            }
            Err(other) => return Err(other),
        };
        let log = engine_log::examine(dir, said.as_ref().unwrap_or(&Acknowledged::nothing()))?;
        for (damage, cut) in log.damage {
            refusals.push(damage);
            cut.map_or(Ok(()), |cut| cut.apply_keeping_a_copy())?;
        }
        log.torn.map_or(Ok(()), |torn| torn.apply())?;
        let engine = Engine::open(dir, options)?;
        let found = Found::read(&engine)?;
        let missing = said.and_then(|said| missing(&said, found.commit, &found.ends));
        refusals.extend(missing.map(|missing| StoreError::WatermarkAhead { missing }));
        refusals.extend(found.damage);
        let writer = Writer { watermark: None, commit: found.commit };
        let store = Store::assemble(dir, options, lock, engine, writer, &found.ends)?;
        Ok((store, refusals))
    }

    fn assemble(
        dir: &Path,
        options: &Options,
        lock: DirectoryLock,
        engine: Engine,
        writer: Writer,
        ends: &[(u64, u64)],
    ) -> Result<Store, StoreError> {
        let two_percent = space(dir)?.total / 50;
        let shard = |(first, next): &(u64, u64)| ShardEnds {
            first: AtomicU64::new(*first),
            next: AtomicU64::new(*next),
        };
        let inner = Inner {
            engine,
            writer: Mutex::new(writer),
            poisoned: AtomicBool::new(false),
            shards: ends.iter().map(shard).collect(),
            chunks: Mutex::new(ChunkCache::new(options.cache_bytes / CHUNK_CACHE_SHARE)),
            dir: dir.to_owned(),
            min_free_bytes: options.min_free_bytes.unwrap_or(two_percent.max(MIN_FREE_BYTES)),
            _lock: lock,
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Applies all rows in one atomic batch.
    ///
    /// # Errors
    /// `Unstorable` for a key of 0 or over 65,535 bytes, and nothing was written. Any other error
    /// means that the rows may or may not be there, and the store accepts no more writes.
    pub fn write(&self, rows: Rows, durability: Durability) -> Result<(), StoreError> {
        if rows.is_empty() && durability == Durability::Synced {
            return self.sync();
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut batch = self.inner.engine.batch(rows.len() + 1);
        self.inner.add_rows(&mut batch, rows)?;
        let mut writer = self.inner.writer()?;
        self.inner.commit(&mut writer, batch, durability)
    }

    /// Makes all earlier writes durable.
    ///
    /// # Errors
    /// `WriteFailed`, after which the store accepts no more writes.
    pub fn sync(&self) -> Result<(), StoreError> {
        let writer = self.inner.writer()?;
        self.inner.or_poison(self.inner.engine.sync())?;
        self.inner.or_poison(writer.mark_commit())
    }

    /// Bytes that this process may still write to the file system of the directory.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(space(&self.inner.dir)?.free)
    }

    /// Bytes the directory takes on disk, log and tables, about.
    pub fn disk_bytes(&self) -> u64 {
        self.inner.engine.disk_bytes()
    }

    /// Free space below which the caller should refuse to accept more, in bytes. The store itself
    /// goes on writing: erasing and trimming need to.
    pub fn min_free_bytes(&self) -> u64 {
        self.inner.min_free_bytes
    }

    /// Whether an earlier write failed, so that no more are accepted.
    pub fn is_poisoned(&self) -> bool {
        self.inner.poisoned.load(Ordering::Acquire)
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
        let writer = self.writer.lock().map_err(|_| StoreError::Poisoned)?;
        if self.poisoned.load(Ordering::Acquire) {
            return Err(StoreError::Poisoned);
        }
        if writer.watermark.is_none() {
            return Err(StoreError::ReadOnly);
        }
        Ok(writer)
    }

    /// Adds rows to a batch, refusing keys that the engine cannot hold.
    pub(crate) fn add_rows(&self, batch: &mut Batch, rows: Rows) -> Result<(), StoreError> {
        for (table, key, value) in rows.into_writes() {
            check_length(table, "key", key.len(), 1, KEY_BYTES_MAX)?;
            let space = Space::Table(table);
            match value {
                Some(value) => {
                    check_length(table, "value", value.len(), 0, u32::MAX as usize)?;
                    self.engine.put(batch, space, &key, value);
                }
                None => self.engine.delete(batch, space, &key),
            }
        }
        Ok(())
    }

    /// Numbers a batch and applies it; a failure is for good.
    pub(crate) fn commit(
        &self,
        writer: &mut Writer,
        mut batch: Batch,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let number = writer.commit + 1;
        let floor = self.engine.view().sequence_number();
        let mark = [number, floor].map(u64::to_be_bytes).concat();
        self.engine.put(&mut batch, Space::Marks, COMMIT_KEY, mark);
        self.or_poison(batch.commit(durability))?;
        writer.commit = number;
        match durability {
            Durability::Synced => self.or_poison(writer.mark_commit()),
            Durability::Buffered => Ok(()),
        }
    }

    /// After a failed sync the kernel may have dropped the pages: to try again would be to lie.
    pub(crate) fn or_poison<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.map_err(|error| {
            self.poisoned.store(true, Ordering::Release);
            match error {
                StoreError::NoSpace { .. } | StoreError::Poisoned => error,
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

/// What the engine holds when it has opened.
struct Found {
    commit: u64,
    /// Of each shard, the first and the next position.
    ends: Vec<(u64, u64)>,
    damage: Vec<StoreError>,
}

impl Found {
    fn read(engine: &Engine) -> Result<Found, StoreError> {
        let view = engine.view();
        let commit = read_number(engine, &view, COMMIT_KEY)?.unwrap_or(0);
        let mut found = Found { commit, ends: Vec::with_capacity(256), damage: Vec::new() };
        for shard in 0..=u8::MAX {
            let (ends, damage) = shard_ends(engine, &view, shard)?;
            found.ends.push(ends);
            found.damage.extend(damage);
        }
        Ok(found)
    }
}

/// First and next position of a shard. Where an end is damaged, they enclose what may be whole.
fn shard_ends(
    engine: &Engine,
    view: &View,
    shard: u8,
) -> Result<((u64, u64), Option<StoreError>), StoreError> {
    let first = read_number(engine, view, &trimmed_key(shard))?.unwrap_or(1);
    let (lowest, highest) = (chunk_key(shard, 0), chunk_key(shard, u64::MAX));
    let bounds = (Bound::Included(&lowest[..]), Bound::Included(&highest[..]));
    let last =
        engine.range(view, Space::Journal, bounds, Direction::Backward).next().transpose()?;
    let Some((key, value)) = last else { return Ok(((first, first), None)) };
    let oldest = engine.range(view, Space::Journal, bounds, Direction::Forward).next_key();
    let position_of = |key: &[u8]| parse_chunk_key(key).map_or(0, |(_, position)| position);
    let oldest = oldest.transpose()?.map_or(first, |key| position_of(&key));
    let newest = position_of(&key);
    let damaged = |range| Some(StoreError::damaged(format!("the journal of shard {shard}"), range));
    match read_head(&key, &value) {
        Err(cause) => {
            let range = format!("positions from {newest}: {cause}");
            Ok(((oldest, newest + 1), damaged(range)))
        }
        Ok((head, _)) if oldest == first => Ok(((first, newest + head.span()), None)),
        Ok((head, _)) => {
            let range = format!("it begins at position {oldest} instead of {first}");
            Ok(((oldest, newest + head.span()), damaged(range)))
        }
    }
}

/// The row in the space of marks that says up to where a shard was trimmed.
pub(crate) fn trimmed_key(shard: u8) -> [u8; 2] {
    [b't', shard]
}

/// The number that a mark begins with.
fn read_number(engine: &Engine, view: &View, key: &[u8]) -> Result<Option<u64>, StoreError> {
    let Some(value) = engine.get_at(view, Space::Marks, key)? else { return Ok(None) };
    let number = Taker(&value).u64();
    number.map(Some).ok_or_else(|| StoreError::damaged("a mark", "it is shorter than 8 bytes"))
}

/// Commit number and floor of the sequence number.
pub(crate) fn parse_commit(value: &[u8]) -> Option<(u64, u64)> {
    let mut taker = Taker(value);
    Some((taker.u64()?, taker.u64()?))
}

/// In words, what was acknowledged and is not there.
fn missing(said: &Acknowledged, commit: u64, ends: &[(u64, u64)]) -> Option<String> {
    let mut ranges = Vec::new();
    for (shard, next) in &said.next {
        let found = ends.get(usize::from(*shard)).map_or(1, |ends| ends.1);
        if found < *next {
            ranges.push(format!("shard {shard} positions {found} to {}", next - 1));
        }
    }
    if commit < said.commit {
        ranges.push(format!("commits {} to {}", commit + 1, said.commit));
    }
    (!ranges.is_empty()).then(|| ranges.join(", "))
}

fn manifest_is_missing() -> StoreError {
    StoreError::damaged("the manifest", "the file is missing, yet there are data")
}

fn watermark_is_missing() -> StoreError {
    StoreError::damaged("the watermark", "the file is missing")
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

struct FileSystem {
    free: u64,
    total: u64,
}

fn space(dir: &Path) -> Result<FileSystem, StoreError> {
    let stat = rustix::fs::statvfs(dir)
        .map_err(|errno| StoreError::io("asking for free space")(errno.into()))?;
    Ok(FileSystem {
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}
