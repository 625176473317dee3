//! The folders of the lake, a tenant and day each, and which of them are due for compaction.
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sessionary_lake::{
    LakeError,
    files::{Listed, Place},
    layout::LakeTable,
};

use crate::clock::monotonic;

/// So many files of a day are compacted while others still come.
const FILES_MAX: usize = 16;

/// A folder with files.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// Its name.
    pub(crate) path: String,
    /// In the order of their numbers.
    pub(crate) files: Vec<Listed>,
}

impl Folder {
    /// Whether a session may have several rows in it.
    pub(crate) fn has_several_files(&self) -> bool {
        self.files.len() > 1
    }
}

/// Since when each folder has had no new file.
#[derive(Default)]
pub(crate) struct Quiet(HashMap<String, Seen>);

/// A folder as it was seen.
struct Seen {
    last: String,
    since: Instant,
    /// These files cannot be compacted.
    is_broken: bool,
}

impl Quiet {
    /// Whether the files of a folder should become one: there are many, or there has been no new one
    /// for so long.
    pub(crate) fn is_due(&mut self, folder: &Folder, after: Duration) -> bool {
        let Some(last) = folder.files.last().filter(|_| folder.has_several_files()) else {
            self.0.remove(&folder.path);
            return false;
        };
        let new = || Seen { last: last.name.clone(), since: monotonic(), is_broken: false };
        let seen = self.0.entry(folder.path.clone()).or_insert_with(new);
        if seen.last != last.name {
            *seen = new();
        }
        !seen.is_broken && (folder.files.len() >= FILES_MAX || seen.since.elapsed() >= after)
    }

    /// Passes over a folder until it has another file; told once.
    pub(crate) fn is_broken(&mut self, folder: &Folder) {
        let last = folder.files.last().map(|file| file.name.clone()).unwrap_or_default();
        let seen = Seen { last, since: monotonic(), is_broken: true };
        self.0.insert(folder.path.clone(), seen);
    }
}

/// Every folder of a table, in the order of tenants and days.
pub(crate) fn folders(place: &dyn Place, table: LakeTable) -> Result<Vec<Folder>, LakeError> {
    let mut folders: Vec<Folder> = Vec::new();
    for file in place.list(table.name())? {
        // `table/tenant/day/file`; what lies elsewhere is not ours.
        let Some((path, _)) = file.name.rsplit_once('/').filter(|(path, _)| depth(path) == 3)
        else {
            continue;
        };
        match folders.last_mut().filter(|folder| folder.path == path) {
            Some(folder) => folder.files.push(file),
            None => folders.push(Folder { path: path.to_owned(), files: vec![file] }),
        }
    }
    Ok(folders)
}

fn depth(path: &str) -> usize {
    path.split('/').count()
}
