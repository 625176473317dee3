//! Opening: nothing that was acknowledged may be missing, and nothing is changed before that is
//! known.
use crate::{
    block::{chunk_key, parse_chunk_key, read_head},
    bytes::Taker,
    chunk_cache::ChunkCache,
    directory::{self, DirectoryLock},
    engine::{Engine, Space, Threads, View},
    engine_log::{self, LogReport},
    error::StoreError,
    held::Held,
    live::Live,
    read::Direction,
    room::{Sizes, Volume},
    store::{COMMIT_KEY, Inner, Options, ShardEnds, Store, Writer, trimmed_key},
    table_lists,
    watch::CommitWatch,
    watermark::{Acknowledged, Watermark},
};
use std::{
    ops::Bound,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
};

/// Of [`Options::cache_bytes`], this part holds decoded journal chunks.
const CHUNK_CACHE_SHARE: u64 = 8;

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
        let sizes = Sizes::of_volume(Volume::of(dir)?.total, options.max_journaling_bytes);
        Store::open_sized(dir, options, sizes)
    }

    pub(crate) fn open_sized(
        dir: &Path,
        options: &Options,
        sizes: Sizes,
    ) -> Result<Store, StoreError> {
        let lock = Arc::new(directory::lock(dir)?);
        let opened = Opened::for_writing(dir, options, sizes, &lock, Threads::One)?;
        opened.into_store(dir, options, sizes, lock)
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
        let mut key_spaces = Vec::new();
        match directory::read_manifest(dir) {
            Ok(Some(manifest)) => key_spaces = manifest.key_spaces,
            Ok(None) if !dir.join(crate::engine::FOLDER).is_dir() => {
                let source = std::io::Error::from(std::io::ErrorKind::NotFound);
                return Err(StoreError::CannotCreate { dir: dir.to_owned(), source });
            }
            Ok(None) => refusals.push(manifest_is_missing()),
            Err(refusal @ StoreError::Damaged { .. }) => refusals.push(refusal),
            Err(other) => return Err(other),
        }
        let lock = Arc::new(directory::lock(dir)?);
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
        refuse_damaged_lists(dir, &key_spaces)?;
        let log = engine_log::examine(dir, said.as_ref().unwrap_or(&Acknowledged::nothing()))?;
        for (damage, cut) in log.damage {
            refusals.push(damage);
            cut.map_or(Ok(()), |cut| cut.apply_keeping_a_copy())?;
        }
        log.torn.map_or(Ok(()), |torn| torn.apply())?;
        let sizes = Sizes::of_volume(Volume::of(dir)?.total, options.max_journaling_bytes);
        let engine = Arc::new(Engine::open(dir, options, &lock, Threads::One)?);
        let found = Found::read(&engine)?;
        let missing = said.and_then(|said| missing(&said, found.commit, &found.ends));
        refusals.extend(missing.map(|missing| StoreError::WatermarkAhead { missing }));
        let (commit, ends) = (found.commit, found.ends);
        refusals.extend(found.damage);
        let opened = Opened::new(engine, None, commit, ends, log.bytes, sizes)?;
        Ok((opened.into_store(dir, options, sizes, lock)?, refusals))
    }
}

/// An engine that holds all that was acknowledged.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) writer: Writer,
    /// Of each shard, the first and the next position.
    pub(crate) ends: Vec<(u64, u64)>,
}

impl Opened {
    /// Opens the engine in a directory that is locked.
    pub(crate) fn for_writing(
        dir: &Path,
        options: &Options,
        sizes: Sizes,
        lock: &Arc<DirectoryLock>,
        threads: Threads,
    ) -> Result<Opened, StoreError> {
        let manifest = directory::read_manifest(dir)?;
        let (watermark, said) = match (Watermark::open(dir)?, &manifest) {
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
        if log.damage.is_empty() {
            let key_spaces = manifest.as_ref().map(|manifest| manifest.key_spaces.as_slice());
            refuse_damaged_lists(dir, key_spaces.unwrap_or_default())?;
        }
        let log_bytes = secure_log(log)?;
        let engine = Arc::new(Engine::open(dir, options, lock, threads)?);
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
        let key_spaces = table_lists::numbers(dir)?;
        if manifest.is_none_or(|manifest| manifest.key_spaces != key_spaces) {
            directory::write_manifest(dir, key_spaces)?;
        }
        Opened::new(engine, Some(watermark), found.commit, found.ends, log_bytes, sizes)
    }

    fn new(
        engine: Arc<Engine>,
        watermark: Option<Watermark>,
        commit: u64,
        ends: Vec<(u64, u64)>,
        log_bytes: u64,
        sizes: Sizes,
    ) -> Result<Opened, StoreError> {
        let engine = Arc::into_inner(engine).ok_or(StoreError::InUse { users: 1 })?;
        let writer = Writer { watermark, commit, log_bytes, tend_log_at: sizes.flush_every };
        Ok(Opened { engine, writer, ends })
    }

    fn into_store(
        self,
        dir: &Path,
        options: &Options,
        sizes: Sizes,
        lock: Arc<DirectoryLock>,
    ) -> Result<Store, StoreError> {
        let volume = Volume::of(dir)?;
        let shard = |(first, next): &(u64, u64)| ShardEnds {
            first: AtomicU64::new(*first),
            next: AtomicU64::new(*next),
        };
        let inner = Inner {
            live: Live::new(self.engine),
            held: Held::default(),
            writer: Mutex::new(self.writer),
            poisoned: AtomicBool::new(false),
            watch: CommitWatch::new(),
            shards: self.ends.iter().map(shard).collect(),
            chunks: Mutex::new(ChunkCache::new(options.cache_bytes / CHUNK_CACHE_SHARE)),
            dir: dir.to_owned(),
            options: *options,
            sizes,
            min_free_bytes: volume.min_free_bytes(options),
            lock,
        };
        Ok(Store { inner: Arc::new(inner) })
    }
}

/// With a damaged list the engine would open and not hold everything, and delete the rest.
fn refuse_damaged_lists(dir: &Path, named: &[u64]) -> Result<(), StoreError> {
    table_lists::examine(dir, named)?.into_iter().next().map_or(Ok(()), Err)
}

/// Refuses a damaged log; else cuts a torn end off and makes the rest durable. Returns its bytes.
fn secure_log(log: LogReport) -> Result<u64, StoreError> {
    if let Some((damage, _)) = log.damage.into_iter().next() {
        return Err(damage);
    }
    if let Some(torn) = log.torn {
        tracing::warn!(?torn, "cut a write that was never acknowledged off the engine's log");
        torn.apply()?;
    }
    engine_log::write_again(&log.unpromised)?;
    Ok(log.bytes)
}

/// What the engine holds when it has opened.
struct Found {
    commit: u64,
    /// Of each shard, the first and the next position.
    ends: Vec<(u64, u64)>,
    damage: Vec<StoreError>,
}

impl Found {
    fn read(engine: &Arc<Engine>) -> Result<Found, StoreError> {
        let view = engine.view();
        let commit = read_number(&view, COMMIT_KEY)?.unwrap_or(0);
        let mut found = Found { commit, ends: Vec::with_capacity(256), damage: Vec::new() };
        for shard in 0..=u8::MAX {
            let (ends, damage) = shard_ends(&view, shard)?;
            found.ends.push(ends);
            found.damage.extend(damage);
        }
        Ok(found)
    }
}

/// First and next position of a shard. Where an end is damaged, they enclose what may be whole.
fn shard_ends(view: &View, shard: u8) -> Result<((u64, u64), Option<StoreError>), StoreError> {
    let first = read_number(view, &trimmed_key(shard))?.unwrap_or(1);
    // What lies below was trimmed; its files may hold it for a while.
    let (lowest, highest) = (chunk_key(shard, first), chunk_key(shard, u64::MAX));
    let bounds = (Bound::Included(&lowest[..]), Bound::Included(&highest[..]));
    let last = view.range(Space::Journal, bounds, Direction::Backward).next().transpose()?;
    let Some((key, value)) = last else { return Ok(((first, first), None)) };
    let oldest = view.range(Space::Journal, bounds, Direction::Forward).next_key();
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

/// The number that a mark begins with.
fn read_number(view: &View, key: &[u8]) -> Result<Option<u64>, StoreError> {
    let Some(value) = view.get(Space::Marks, key)? else { return Ok(None) };
    let number = Taker(&value).u64();
    number.map(Some).ok_or_else(|| StoreError::damaged("a mark", "it is shorter than 8 bytes"))
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
