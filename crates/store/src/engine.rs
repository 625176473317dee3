//! The engine's seam: the one file that names fjall.
//!
//! Open, commit a batch, get, scan a range of a view, sync, flush, drop the journal's oldest
//! files. Nothing else of fjall is used, and `clear` never is: a recovery has undone it before
//! (fjall issue 241).
use crate::{
    directory::DirectoryLock,
    error::StoreError,
    read::Direction,
    rows::Table,
    store::{Durability, Options},
    table_lists,
};
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, LsmError,
    OwnedWriteBatch, PersistMode, Readable,
    compaction::Leveled,
    config::{BlockSizePolicy, CompressionPolicy, PartitioningPolicy},
};
use std::{ops::Bound, path::Path, sync::Arc, time::Duration};

/// The folder inside the data directory that belongs to fjall.
pub(crate) const FOLDER: &str = "engine";
/// fjall keeps at least one log file of this size.
const JOURNALING_BYTES_MIN: u64 = 64 << 20;
/// Longest key fjall can hold.
pub(crate) const KEY_BYTES_MAX: usize = 65_535;
/// Full memtables of one key space that wait to be flushed, at most. fjall itself waits at 4.
const SEALED_MEMTABLES_MAX: usize = 2;
/// Unmerged runs of one key space, at most. fjall itself waits at 30.
const L0_RUNS_MAX: usize = 24;
/// How often to look whether a flush is done.
const FLUSH_POLL: Duration = Duration::from_millis(1);
/// What an item of a batch takes in fjall's log besides key and value.
const LOG_BYTES_PER_ITEM: u64 = 21;

/// A key space: the journal, the store's own few marks, or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Journal,
    Marks,
    Table(Table),
}

impl Space {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Space::Journal => "journal",
            Space::Marks => "marks",
            Space::Table(table) => table.name(),
        }
    }

    /// What a key space is made with; one that is there keeps what it was made with.
    fn options(self) -> KeyspaceCreateOptions {
        let plain = KeyspaceCreateOptions::default()
            // Never: see `flush_full`.
            .max_memtable_size(u64::MAX)
            // A whole filter or index of a large table file is up to a megabyte, more than the cache
            // keeps of one thing: it would be read and checked anew for each key that is looked up.
            .filter_block_partitioning_policy(PartitioningPolicy::new([false, true]))
            .index_block_partitioning_policy(PartitioningPolicy::new([false, false, true]));
        match self {
            // Its chunks are compressed already, and about as large as a block.
            Space::Journal => plain
                .data_block_compression_policy(CompressionPolicy::disabled())
                .data_block_size_policy(BlockSizePolicy::all(16 << 10)),
            // Rows that are written again and again: small files and more of them before a merge,
            // so that a merge is short and rewrites less.
            Space::Table(Table::Sessions | Table::Timers) => plain.compaction_strategy(merges(8)),
            // Rows in no order of their keys: a merge rewrites all of the next level, so that it
            // should bring much.
            Space::Table(Table::Signals | Table::Lanes | Table::Index | Table::Edges) => {
                plain.compaction_strategy(merges(12))
            }
            Space::Marks | Space::Table(_) => plain,
        }
    }

    /// What is pending of a key space is flushed from this size on. Memory is bounded by the sum of
    /// these, and a few times that while a flush lags behind.
    fn memtable_bytes(self) -> u64 {
        match self {
            Space::Journal | Space::Table(Table::Sessions) => 16 << 20,
            Space::Table(Table::Signals) => 8 << 20,
            Space::Marks => 1 << 20,
            Space::Table(_) => 4 << 20,
        }
    }
}

/// Merges of so many unmerged runs into files of 16 MiB.
fn merges(of: u8) -> Arc<Leveled> {
    Arc::new(Leveled::default().with_l0_threshold(of).with_table_target_size(16 << 20))
}

/// Whether the engine writes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// One thread flushes and merges, from the moment of opening on.
    One,
    /// None does: on a full disk a merge would take the last bytes and fail, again and again.
    None,
}

pub(crate) struct Engine {
    db: Database,
    journal: Keyspace,
    marks: Keyspace,
    /// In the order of [`Table::ALL`].
    tables: Vec<Keyspace>,
    /// Last: whoever keeps the engine open keeps the directory.
    _lock: Arc<DirectoryLock>,
}

impl Engine {
    pub(crate) fn open(
        dir: &Path,
        options: &Options,
        lock: &Arc<DirectoryLock>,
        threads: Threads,
    ) -> Result<Engine, StoreError> {
        // fjall asserts in places where damage could be; a damaged directory must be an error.
        let lock = Arc::clone(lock);
        let open =
            std::panic::AssertUnwindSafe(|| Engine::open_unguarded(dir, options, lock, threads));
        let opened = std::panic::catch_unwind(open).unwrap_or_else(|_| {
            Err(StoreError::damaged(ENGINE_FOLDER, "an assertion failed while opening it"))
        });
        opened.map_err(|error| match &error {
            // The engine does not name the file.
            StoreError::Damaged { what, .. } if what == ENGINE_FOLDER || what == TABLE_FILE => {
                table_lists::damaged_table(dir).unwrap_or(error)
            }
            _ => error,
        })
    }

    fn open_unguarded(
        dir: &Path,
        options: &Options,
        lock: Arc<DirectoryLock>,
        threads: Threads,
    ) -> Result<Engine, StoreError> {
        let threads = match threads {
            // With more threads, fjall's first hands every compaction back to the queue, again and
            // again while another carries one out: 6 % of all CPU during ingest. With one, only one
            // compaction at a time needs room for its outcome.
            Threads::One => 1,
            Threads::None => 0,
        };
        let builder = Database::builder(dir.join(FOLDER))
            .cache_size(options.cache_bytes)
            .max_journaling_size(options.max_journaling_bytes.max(JOURNALING_BYTES_MIN))
            .journal_compression(CompressionType::None)
            // The name without `unchecked` refuses none.
            .worker_threads_unchecked(threads);
        restore_lock(dir).map_err(StoreError::io("making the engine's lock file"))?;
        let db = builder.open().map_err(failed_to_open)?;
        let space = |space: Space| {
            db.keyspace(space.name(), || space.options()).map_err(failed("opening a key space"))
        };
        Ok(Engine {
            journal: space(Space::Journal)?,
            marks: space(Space::Marks)?,
            tables: Table::ALL
                .iter()
                .map(|table| space(Space::Table(*table)))
                .collect::<Result<_, _>>()?,
            db,
            _lock: lock,
        })
    }

    pub(crate) fn batch(self: &Arc<Self>, capacity: usize) -> Batch {
        let writes = OwnedWriteBatch::with_capacity(self.db.clone(), capacity);
        Batch { writes, bytes: 0, engine: Arc::clone(self) }
    }

    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        guarded("syncing", || self.db.persist(PersistMode::SyncAll).map_err(failed("syncing")))
    }

    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let get = || self.keyspace(space).get(key).map_err(failed("reading"));
        Ok(guarded("reading", get).map_err(named(space))?.map(|value| value.to_vec()))
    }

    pub(crate) fn view(self: &Arc<Self>) -> View {
        View { snapshot: self.db.snapshot(), engine: Arc::clone(self) }
    }

    /// Bytes on disk, or none while the engine cannot say.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.db.disk_space().unwrap_or(0)
    }

    /// Bytes that stand in the log and in memory and are still to be written into table files.
    pub(crate) fn unflushed_bytes(&self) -> u64 {
        self.db.write_buffer_size()
    }

    /// Bytes of the largest table: a compaction writes its outcome before it deletes what it read.
    pub(crate) fn largest_table_bytes(&self) -> u64 {
        self.tables.iter().map(Keyspace::disk_space).max().unwrap_or(0)
    }

    /// Bytes of the journal's table files.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal.disk_space()
    }

    /// Waits while flushes or compactions lag behind. fjall would wait inside the commit, and
    /// without end when its threads have died (its issue 257); here their death is noticed.
    pub(crate) fn wait_for_flushes(&self) -> Result<(), StoreError> {
        let lags = |space: &Keyspace| {
            space.tree.sealed_memtable_count() >= SEALED_MEMTABLES_MAX
                || space.tree.l0_run_count() >= L0_RUNS_MAX
        };
        while self.keyspaces().any(lags) {
            self.check_alive()?;
            std::thread::sleep(FLUSH_POLL);
        }
        Ok(())
    }

    /// Has pending writes that have become many written into table files; more of a key space gather
    /// while its flush waits for a merge.
    ///
    /// fjall would ask its thread for it with each batch until that comes round to it. After a
    /// thousand of them in one long merge their queue is full, and the thread, which is the only one
    /// to take from it, waits for ever to put the flush itself there.
    fn flush_full(&self) -> Result<(), StoreError> {
        let spaces = [Space::Journal, Space::Marks].into_iter();
        let tables = Table::ALL.iter().map(|table| Space::Table(*table));
        for (space, kind) in self.keyspaces().zip(spaces.chain(tables)) {
            let pending = space.tree.active_memtable().size();
            let waiting = u64::try_from(space.tree.sealed_memtable_count()).unwrap_or(u64::MAX);
            let most = kind.memtable_bytes().saturating_mul(waiting.saturating_mul(2).max(1));
            if pending >= most {
                space.rotate_memtable().map_err(failed("flushing"))?;
            }
        }
        Ok(())
    }

    /// Has every key space's memory written into table files, so that the log behind it can go.
    pub(crate) fn begin_flush(&self) -> Result<(), StoreError> {
        guarded("flushing", || {
            for space in self.keyspaces().filter(|space| space.tree.active_memtable().size() > 0) {
                space.rotate_memtable().map_err(failed("flushing"))?;
            }
            Ok(())
        })
    }

    /// The same, and waits until it is done. The caller sees to it that nothing is written
    /// meanwhile.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.begin_flush()?;
        while self.keyspaces().any(|space| space.tree.sealed_memtable_count() > 0) {
            self.check_alive()?;
            std::thread::sleep(FLUSH_POLL);
        }
        self.check_alive()
    }

    /// Deletes the journal's table files whose keys all lie in a range, at once. A deletion row for
    /// each chunk would have the engine rewrite all that lies behind them, too.
    pub(crate) fn drop_journal_files(&self, from: &[u8], below: &[u8]) -> Result<(), StoreError> {
        let range = (Bound::Included(from), Bound::Excluded(below));
        guarded("deleting journal files", || {
            let dropped = self.journal.tree.drop_range::<&[u8], _>(range);
            dropped.map_err(|error| failed("deleting journal files")(error.into()))
        })
    }

    /// An error when one of the engine's threads has failed.
    fn check_alive(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::Buffer).map_err(failed("flushing"))
    }

    fn keyspaces(&self) -> impl Iterator<Item = &Keyspace> {
        [&self.journal, &self.marks].into_iter().chain(&self.tables)
    }

    fn keyspace(&self, space: Space) -> &Keyspace {
        match space {
            Space::Journal => &self.journal,
            Space::Marks => &self.marks,
            Space::Table(table) => {
                self.tables.get(table as usize).expect("every table has its key space")
            }
        }
    }
}

/// Turns an assertion of the engine into an error.
fn guarded<T>(
    doing: &'static str,
    act: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_or_else(|_| {
        let source = "an assertion of the engine failed".into();
        Err(StoreError::Engine { doing, source })
    })
}

/// Whether no key can lie between the bounds; fjall wants them in order.
pub(crate) fn is_empty(bounds: (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match bounds {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(lower), Included(upper)) => lower > upper,
        (Included(lower) | Excluded(lower), Excluded(upper))
        | (Excluded(lower), Included(upper)) => lower >= upper,
    }
}

/// Writes that become visible together.
pub(crate) struct Batch {
    writes: OwnedWriteBatch,
    bytes: u64,
    engine: Arc<Engine>,
}

impl Batch {
    pub(crate) fn put(&mut self, space: Space, key: &[u8], value: Vec<u8>) {
        self.bytes += LOG_BYTES_PER_ITEM + (key.len() + value.len()) as u64;
        self.writes.insert(self.engine.keyspace(space), key, value);
    }

    pub(crate) fn delete(&mut self, space: Space, key: &[u8]) {
        self.bytes += LOG_BYTES_PER_ITEM + key.len() as u64;
        self.writes.remove(self.engine.keyspace(space), key);
    }

    /// Committed after this call, it gets this sequence number or a higher one.
    pub(crate) fn sequence_number_floor(&self) -> u64 {
        self.engine.db.visible_seqno()
    }

    /// Bytes it takes in the log, about.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.bytes
    }

    /// Applies all of it or nothing. `Synced` costs exactly one fdatasync.
    pub(crate) fn commit(self, durability: Durability) -> Result<(), StoreError> {
        debug_assert!(!self.writes.is_empty(), "every batch carries its commit number");
        let mode = match durability {
            Durability::Synced => PersistMode::SyncData,
            Durability::Buffered => PersistMode::Buffer,
        };
        let Batch { writes, engine, .. } = self;
        engine.wait_for_flushes()?;
        let commit = || writes.durability(Some(mode)).commit().map_err(failed("writing"));
        guarded("writing", commit)?;
        guarded("flushing", || engine.flush_full())
    }
}

/// The store at one moment. It keeps its engine open.
#[derive(Clone)]
pub(crate) struct View {
    snapshot: fjall::Snapshot,
    engine: Arc<Engine>,
}

impl View {
    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let get = || self.snapshot.get(self.engine.keyspace(space), key).map_err(failed("reading"));
        Ok(guarded("reading", get).map_err(named(space))?.map(|value| value.to_vec()))
    }

    pub(crate) fn range(
        &self,
        space: Space,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        direction: Direction,
    ) -> Pairs {
        let keyspace = self.engine.keyspace(space);
        let rows = (!is_empty(bounds)).then(|| self.snapshot.range::<&[u8], _>(keyspace, bounds));
        Pairs { rows, space, direction, _engine: Arc::clone(&self.engine) }
    }
}

/// Keys and values of one range of a view.
pub(crate) struct Pairs {
    rows: Option<fjall::Iter>,
    space: Space,
    direction: Direction,
    /// Last, so that it outlives the rows.
    _engine: Arc<Engine>,
}

impl Pairs {
    /// The next key alone; cheaper where values are kept elsewhere.
    pub(crate) fn next_key(&mut self) -> Option<Result<Vec<u8>, StoreError>> {
        self.next_of(|row| Ok(row.key().map_err(failed("scanning"))?.to_vec()))
    }

    fn next_of<T>(
        &mut self,
        read: impl FnOnce(fjall::Guard) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let rows = self.rows.as_mut()?;
        let direction = self.direction;
        let next = guarded("scanning", || {
            let row = match direction {
                Direction::Forward => rows.next(),
                Direction::Backward => rows.next_back(),
            };
            row.map(read).transpose()
        });
        next.map_err(named(self.space)).transpose()
    }
}

impl Iterator for Pairs {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_of(|row| {
            let (key, value) = row.into_inner().map_err(failed("scanning"))?;
            Ok((key.to_vec(), value.to_vec()))
        })
    }
}

/// fjall refuses a folder without its lock file, which says nothing: ours keeps others out.
fn restore_lock(dir: &Path) -> std::io::Result<()> {
    let folder = dir.join(FOLDER);
    let is_made = folder.join("version").exists();
    if is_made && !folder.join("lock").exists() {
        std::fs::File::create(folder.join("lock"))?;
    }
    Ok(())
}

/// What is damaged when it is not known which file.
const ENGINE_FOLDER: &str = "the engine's folder";
/// What is damaged when it is not known of which key space.
const TABLE_FILE: &str = "a table file of the engine";

/// Says in which key space a table file is damaged.
fn named(space: Space) -> impl FnOnce(StoreError) -> StoreError {
    move |error| match error {
        StoreError::Damaged { what, range } if what == TABLE_FILE => {
            StoreError::damaged(format!("a table file of `{}`", space.name()), range)
        }
        other => other,
    }
}

/// A file that is missing or too short is damage where all of them were written by us.
fn failed_to_open(error: fjall::Error) -> StoreError {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    match failed("opening the engine")(error) {
        StoreError::Io { source, .. }
            if matches!(source.kind(), NotFound | UnexpectedEof | InvalidData | InvalidInput) =>
        {
            StoreError::damaged(ENGINE_FOLDER, source.to_string())
        }
        other => other,
    }
}

fn failed(doing: &'static str) -> impl FnOnce(fjall::Error) -> StoreError {
    move |error| match error {
        fjall::Error::Poisoned => StoreError::Poisoned,
        fjall::Error::Io(source) | fjall::Error::Storage(LsmError::Io(source)) => {
            StoreError::io(doing)(source)
        }
        fjall::Error::JournalRecovery(cause) => {
            StoreError::damaged("the engine's log", cause.to_string())
        }
        fjall::Error::Storage(
            cause @ (LsmError::ChecksumMismatch { .. }
            | LsmError::Decompress(_)
            | LsmError::Unrecoverable
            | LsmError::InvalidTag(_)
            | LsmError::InvalidTrailer
            | LsmError::InvalidVersion(_)
            | LsmError::InvalidHeader(_)),
        ) => StoreError::damaged(TABLE_FILE, cause.to_string()),
        fjall::Error::InvalidVersion(_) => {
            StoreError::damaged("the engine's file `version`", error.to_string())
        }
        fjall::Error::InvalidTag(_)
        | fjall::Error::InvalidTrailer
        | fjall::Error::Unrecoverable
        | fjall::Error::Decompress(_) => StoreError::damaged(ENGINE_FOLDER, error.to_string()),
        other => StoreError::Engine { doing, source: Box::new(other) },
    }
}
