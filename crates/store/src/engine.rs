//! The engine's seam: the one file that names fjall.
//!
//! Open, commit a batch, get, scan a range of a view, sync. Nothing else of fjall is used, and
//! `clear` never is: a recovery has undone it before (fjall issue 241).
use crate::{
    error::StoreError,
    read::Direction,
    rows::Table,
    store::{Durability, Options},
};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, LsmError, OwnedWriteBatch,
    PersistMode, Readable,
    config::{BlockSizePolicy, CompressionPolicy},
};
use std::{ops::Bound, path::Path};

/// The folder inside the data directory that belongs to fjall.
pub(crate) const FOLDER: &str = "engine";
/// fjall keeps at least one log file of this size.
const JOURNALING_BYTES_MIN: u64 = 64 << 20;
/// Longest key fjall can hold.
pub(crate) const KEY_BYTES_MAX: usize = 65_535;

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

    fn options(self) -> KeyspaceCreateOptions {
        let plain = KeyspaceCreateOptions::default().max_memtable_size(self.memtable_bytes());
        match self {
            // Its chunks are compressed already, and about as large as a block.
            Space::Journal => plain
                .data_block_compression_policy(CompressionPolicy::disabled())
                .data_block_size_policy(BlockSizePolicy::all(16 << 10)),
            Space::Marks | Space::Table(_) => plain,
        }
    }

    /// Memory is bounded by the sum of these, and a few times that while a flush lags behind.
    fn memtable_bytes(self) -> u64 {
        match self {
            Space::Journal | Space::Table(Table::Sessions | Table::Signals) => 16 << 20,
            Space::Marks => 1 << 20,
            Space::Table(_) => 4 << 20,
        }
    }
}

pub(crate) struct Engine {
    db: Database,
    journal: Keyspace,
    marks: Keyspace,
    /// In the order of [`Table::ALL`].
    tables: Vec<Keyspace>,
}

impl Engine {
    pub(crate) fn open(dir: &Path, options: &Options) -> Result<Engine, StoreError> {
        // fjall asserts in places where damage could be; a damaged directory must be an error.
        let open = std::panic::AssertUnwindSafe(|| Engine::open_unguarded(dir, options));
        std::panic::catch_unwind(open).unwrap_or_else(|_| {
            Err(StoreError::damaged("the engine's folder", "an assertion failed while opening it"))
        })
    }

    fn open_unguarded(dir: &Path, options: &Options) -> Result<Engine, StoreError> {
        let db = Database::builder(dir.join(FOLDER))
            .cache_size(options.cache_bytes)
            .max_journaling_size(options.max_journaling_bytes.max(JOURNALING_BYTES_MIN))
            .journal_compression(CompressionType::None)
            .open()
            .map_err(failed("opening the engine"))?;
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
        })
    }

    pub(crate) fn batch(&self, capacity: usize) -> Batch {
        Batch(OwnedWriteBatch::with_capacity(self.db.clone(), capacity))
    }

    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::SyncAll).map_err(failed("syncing"))
    }

    pub(crate) fn put(&self, batch: &mut Batch, space: Space, key: &[u8], value: Vec<u8>) {
        batch.0.insert(self.keyspace(space), key, value);
    }

    pub(crate) fn delete(&self, batch: &mut Batch, space: Space, key: &[u8]) {
        batch.0.remove(self.keyspace(space), key);
    }

    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.keyspace(space).get(key).map_err(failed("reading"))?;
        Ok(value.map(|value| value.to_vec()))
    }

    pub(crate) fn view(&self) -> View {
        View(self.db.snapshot())
    }

    pub(crate) fn get_at(
        &self,
        view: &View,
        space: Space,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let value = view.0.get(self.keyspace(space), key).map_err(failed("reading"))?;
        Ok(value.map(|value| value.to_vec()))
    }

    pub(crate) fn range(
        &self,
        view: &View,
        space: Space,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        direction: Direction,
    ) -> Pairs {
        let rows =
            (!is_empty(bounds)).then(|| view.0.range::<&[u8], _>(self.keyspace(space), bounds));
        Pairs { rows, direction }
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.db.disk_space().unwrap_or(0)
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

/// Whether no key can lie between the bounds; fjall wants them in order.
fn is_empty(bounds: (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match bounds {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(lower), Included(upper)) => lower > upper,
        (Included(lower) | Excluded(lower), Excluded(upper))
        | (Excluded(lower), Included(upper)) => lower >= upper,
    }
}

/// Writes that become visible together.
pub(crate) struct Batch(OwnedWriteBatch);

impl Batch {
    /// Applies all of it or nothing. `Synced` costs exactly one fdatasync.
    pub(crate) fn commit(self, durability: Durability) -> Result<(), StoreError> {
        debug_assert!(!self.0.is_empty(), "every batch carries its commit number");
        let mode = match durability {
            Durability::Synced => PersistMode::SyncData,
            Durability::Buffered => PersistMode::Buffer,
        };
        self.0.durability(Some(mode)).commit().map_err(failed("writing"))
    }
}

/// The store at one moment.
#[derive(Clone)]
pub(crate) struct View(fjall::Snapshot);

impl View {
    /// A batch that is committed after this moment gets this sequence number or a higher one.
    pub(crate) fn sequence_number(&self) -> u64 {
        self.0.seqno()
    }
}

/// Keys and values of one range of a view.
pub(crate) struct Pairs {
    rows: Option<fjall::Iter>,
    direction: Direction,
}

impl Pairs {
    /// The next key alone; cheaper where values are kept elsewhere.
    pub(crate) fn next_key(&mut self) -> Option<Result<Vec<u8>, StoreError>> {
        let row = self.next_row()?;
        Some(row.key().map(|key| key.to_vec()).map_err(failed("scanning")))
    }

    fn next_row(&mut self) -> Option<fjall::Guard> {
        let rows = self.rows.as_mut()?;
        match self.direction {
            Direction::Forward => rows.next(),
            Direction::Backward => rows.next_back(),
        }
    }
}

impl Iterator for Pairs {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.next_row()?.into_inner().map_err(failed("scanning"));
        Some(pair.map(|(key, value)| (key.to_vec(), value.to_vec())))
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
        ) => StoreError::damaged("a table file of the engine", cause.to_string()),
        fjall::Error::InvalidTag(_)
        | fjall::Error::InvalidTrailer
        | fjall::Error::InvalidVersion(_)
        | fjall::Error::Unrecoverable
        | fjall::Error::Decompress(_) => {
            StoreError::damaged("the engine's folder", error.to_string())
        }
        other => StoreError::Engine { doing, source: Box::new(other) },
    }
}
