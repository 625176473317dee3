//! The files of a lake, by their names below one root, wherever that is.
//!
//! A [`Place`] is where they are: a [`Folder`] here, or objects elsewhere. [`LakeFiles`] reads them
//! from there, by ranges, and remembers footers. A name is
//! `sessions/tenant=shop/dt=2026-01-05/0000000007-00000.parquet`, and what a name holds never changes,
//! so what was read of it stays true.
use std::{
    fmt::Debug,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;

use crate::{LakeError, layout::LakeTable};

mod folder;
mod footers;
mod opened;
pub(crate) mod sums;

pub use folder::Folder;
use footers::Footers;
pub(crate) use opened::Opened;

/// What the name of a finished file ends with.
const ENDING: &str = ".parquet";

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

/// Where the files of a lake are. Everything may wait for a disk or a network, and is called where
/// that hurts nobody. Errors name the file; one of a file that is not there is of the kind `NotFound`.
pub trait Place: Debug + Send + Sync {
    /// The root, as a person knows it.
    fn root(&self) -> &str;

    /// Every finished file in a folder and those in it, in the order of the names; none where there is
    /// no such folder.
    ///
    /// # Errors
    /// The place's.
    fn list(&self, folder: &str) -> Result<Vec<Listed>, LakeError>;

    /// A file of this disk, to be written and [`put`](Place::put) under a name.
    ///
    /// # Errors
    /// The disk's.
    fn draft(&self, name: &str) -> Result<Draft, LakeError>;

    /// Gives what was written its name, durably and at once, instead of what had it.
    ///
    /// # Errors
    /// The place's; whether the file is there is then not known.
    fn put(&self, draft: Draft, name: &str) -> Result<(), LakeError>;

    /// The bytes of a file in these ranges, whole.
    ///
    /// # Errors
    /// The place's; there are fewer bytes.
    fn read(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LakeError>;

    /// A file to be read on this disk from front to back.
    ///
    /// # Errors
    /// The place's.
    fn fetch(&self, file: &Listed) -> Result<Fetched, LakeError>;

    /// Deletes files, durably, as far as they are there.
    ///
    /// # Errors
    /// The place's; some may be gone.
    fn delete(&self, names: &[String]) -> Result<(), LakeError>;

    /// Deletes drafts that a crash has left.
    ///
    /// # Errors
    /// The disk's.
    fn clear_drafts(&self) -> Result<(), LakeError>;

    /// The small file in the root that says whose lake this is.
    ///
    /// # Errors
    /// The place's.
    fn mark(&self) -> Result<Option<String>, LakeError>;

    /// Writes that file, durably.
    ///
    /// # Errors
    /// The place's.
    fn set_mark(&self, mark: &str) -> Result<(), LakeError>;

    /// Ends calls that wait for a network, and all that come: the program ends.
    fn close(&self) {}
}

/// The name of the file that says whose lake it is.
pub const MARK: &str = "lake.json";

/// A file that is being written, under a name that nobody reads. Dropped, it goes away.
#[derive(Debug)]
pub struct Draft(PathBuf);

impl Draft {
    /// The file at this path, which need not be there yet.
    pub fn new(path: PathBuf) -> Draft {
        Draft(path)
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // One that was put has another name already. What stays is cleared when the lake is opened.
        let _ = fs::remove_file(&self.0);
    }
}

/// A file on this disk.
#[derive(Debug)]
pub enum Fetched {
    /// The file itself.
    Itself(PathBuf),
    /// A copy, which goes away with this.
    Copy(Draft),
}

impl Fetched {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Fetched::Itself(path) => path,
            Fetched::Copy(draft) => draft.path(),
        }
    }
}

/// The files of a lake as they are read.
#[derive(Debug)]
pub struct LakeFiles {
    place: Arc<dyn Place>,
    footers: Footers,
}

impl LakeFiles {
    /// The files of a place.
    pub fn new(place: Arc<dyn Place>) -> LakeFiles {
        LakeFiles { place, footers: Footers::default() }
    }

    /// Those in a folder of this machine.
    pub fn folder(root: &Path) -> LakeFiles {
        LakeFiles::new(Arc::new(Folder::new(root)))
    }

    /// Where they are.
    pub fn place(&self) -> &Arc<dyn Place> {
        &self.place
    }

    /// Opens a file. Its footer is read once and remembered for a while.
    ///
    /// # Errors
    /// The place's; the file is damaged.
    pub(crate) fn open(&self, name: &str, bytes: u64) -> Result<Opened, LakeError> {
        let footer = match self.footers.get(name, bytes) {
            Some(footer) => footer,
            None => self.footers.keep(name, opened::footer(&*self.place, name, bytes)?),
        };
        Ok(Opened::new(Arc::clone(&self.place), name, footer))
    }
}

/// What was found when every file was read.
#[derive(Debug)]
pub struct Checked {
    /// How many files there are.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Of each that cannot be read, why.
    pub damaged: Vec<LakeError>,
}

impl LakeFiles {
    /// Reads every file from front to back; is told the name of each before.
    ///
    /// # Errors
    /// The place's, when it cannot be read at all.
    pub fn check(&self, mut next: impl FnMut(&str)) -> Result<Checked, LakeError> {
        let mut checked = Checked { files: 0, bytes: 0, damaged: Vec::new() };
        for table in LakeTable::ALL {
            for file in self.place.list(table.name())? {
                next(&file.name);
                checked.files += 1;
                checked.bytes += file.bytes;
                match self.check_one(&file) {
                    Err(error @ LakeError::Damaged { .. }) => checked.damaged.push(error),
                    outcome => outcome?,
                }
            }
        }
        Ok(checked)
    }

    fn check_one(&self, file: &Listed) -> Result<(), LakeError> {
        let opened = self.open(&file.name, file.bytes)?;
        let fetched = self.place.fetch(file)?;
        opened.must_be_whole(&fetched)?;
        for batch in opened.of(&fetched)? {
            batch.map_err(|error| opened.damaged(error.to_string()))?;
        }
        Ok(())
    }
}

/// The error of a file.
pub(crate) fn failed(root: &str, name: &str, source: std::io::Error) -> LakeError {
    LakeError::File { path: Path::new(root).join(name), source }
}

/// A file of a place that cannot be what was written.
pub(crate) fn damaged(root: &str, name: &str, what: impl Into<String>) -> LakeError {
    LakeError::Damaged { path: Path::new(root).join(name), what: what.into() }
}

#[cfg(test)]
mod tests;
