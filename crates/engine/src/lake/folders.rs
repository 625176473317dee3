//! The folders of the lake, a tenant and day each, and which of them are due for compaction.
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sessionary_lake::{LakeError, compact::files_of};

use crate::clock::monotonic;

/// So many files of a day are compacted while others still come.
const FILES_MAX: usize = 16;

/// A folder with files.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// In the order of their numbers.
    pub(crate) files: Vec<PathBuf>,
}

impl Folder {
    /// Whether a session may have several rows in it.
    pub(crate) fn has_several_files(&self) -> bool {
        self.files.len() > 1
    }
}

/// Since when each folder has had no new file.
#[derive(Default)]
pub(crate) struct Quiet(HashMap<PathBuf, (PathBuf, Instant)>);

impl Quiet {
    /// Whether the files of a folder should become one: there are many, or there has been no new one
    /// for so long.
    pub(crate) fn is_due(&mut self, folder: &Folder, after: Duration) -> bool {
        let Some(last) = folder.files.last().filter(|_| folder.has_several_files()) else {
            self.0.remove(&folder.path);
            return false;
        };
        let now = monotonic();
        let seen = self.0.entry(folder.path.clone()).or_insert_with(|| (last.clone(), now));
        if seen.0 != *last {
            *seen = (last.clone(), now);
        }
        folder.files.len() >= FILES_MAX || seen.1.elapsed() >= after
    }
}

/// Every folder below that of a table, in the order of tenants and days.
pub(crate) fn folders(table: &Path) -> Result<Vec<Folder>, LakeError> {
    let mut folders = Vec::new();
    for tenant in folders_in(table)? {
        for path in folders_in(&tenant)? {
            let files = files_of(&path)?;
            folders.push(Folder { path, files });
        }
    }
    Ok(folders)
}

/// Deletes what a crash has left unfinished.
pub(crate) fn clear_unfinished(table: &Path) -> Result<(), LakeError> {
    for tenant in folders_in(table)? {
        for day in folders_in(&tenant)? {
            for path in entries(&day)? {
                if path.extension().is_some_and(|ending| ending == "unfinished") {
                    fs::remove_file(&path).map_err(failed(&path))?;
                }
            }
        }
    }
    Ok(())
}

/// Makes deletions in a folder durable.
pub(crate) fn sync(folder: &Path) -> Result<(), LakeError> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

pub(crate) fn remove(file: &Path) -> Result<(), LakeError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(file)(error)),
        _ => Ok(()),
    }
}

fn folders_in(path: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let mut found = entries(path)?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(path)(error)),
    };
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed(path))).collect()
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> LakeError {
    let path = path.to_owned();
    move |source| LakeError::File { path: path.clone(), source }
}
