//! The directory itself: made private, locked by one process, described by a manifest.
use crate::error::StoreError;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The format this program writes, and the newest it reads.
pub const FORMAT_VERSION: u64 = 1;
const MANIFEST: &str = "manifest.json";
const LOCK: &str = "lock";

/// Held while a directory is open; the operating system lets go when the process dies.
pub(crate) struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // A process that is just being started may hold a copy of the file for a moment more;
        // to close ours would not be enough.
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(%error, "the data directory's lock was not let go of");
        }
    }
}

/// What a directory must hold.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Manifest {
    /// How it is written; 1 to [`FORMAT_VERSION`].
    pub(crate) format: u64,
    /// Numbers of the engine's key spaces: the engine takes one that is gone for one that never
    /// was. Empty in a directory that an older program made.
    #[serde(default)]
    pub(crate) key_spaces: Vec<u64>,
}

/// Creates the directory when it is missing, readable by its owner alone; its name is durable
/// when this returns.
pub(crate) fn create(dir: &Path) -> Result<(), StoreError> {
    let create = || -> std::io::Result<()> {
        let whole = std::path::absolute(dir)?;
        let missing: Vec<_> = whole.ancestors().take_while(|path| !path.exists()).collect();
        DirBuilder::new().recursive(true).mode(0o700).create(&whole)?;
        missing.iter().filter_map(|path| path.parent()).try_for_each(sync_directory)
    };
    create().map_err(|source| StoreError::CannotCreate { dir: dir.to_owned(), source })
}

/// Takes the exclusive lock or says at once that another process has it.
pub(crate) fn lock(dir: &Path) -> Result<DirectoryLock, StoreError> {
    let cannot = |source| StoreError::CannotCreate { dir: dir.to_owned(), source };
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(dir.join(LOCK)).map_err(cannot)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(DirectoryLock { file }),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked { dir: dir.to_owned() }),
        Err(errno) => Err(cannot(errno.into())),
    }
}

/// The manifest; `None` when there is none.
///
/// # Errors
/// `NewerFormat` when this program does not know the format, `Damaged` when it is unreadable.
pub(crate) fn read_manifest(dir: &Path) -> Result<Option<Manifest>, StoreError> {
    let text = match std::fs::read(dir.join(MANIFEST)) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(StoreError::io("reading the manifest")(error)),
    };
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| StoreError::damaged("the manifest", error.to_string()))?;
    match manifest.format {
        0 => Err(StoreError::damaged("the manifest", "there is no format 0")),
        1..=FORMAT_VERSION => Ok(Some(manifest)),
        found => Err(StoreError::NewerFormat { found, known: FORMAT_VERSION }),
    }
}

/// Writes the manifest whole or not at all. It is the last act of creating a store.
pub(crate) fn write_manifest(dir: &Path, key_spaces: Vec<u64>) -> Result<(), StoreError> {
    let text = serde_json::to_vec(&Manifest { format: FORMAT_VERSION, key_spaces })
        .expect("numbers can be written as JSON");
    let write = || -> std::io::Result<()> {
        let draft = PathBuf::from(dir).join("manifest.json.new");
        let mut file = File::create(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&draft, dir.join(MANIFEST))?;
        sync_directory(dir)
    };
    write().map_err(StoreError::io("writing the manifest"))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}
