//! How far an import came: which import, and how many of its rows were taken.
use std::{collections::BTreeSet, fs::File, io::Write, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// A place in an import. Everything up to `row` was handed on and taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Which import: its file, how it is read and where it goes ([`super::Job::name`]).
    pub(crate) import: String,
    /// Number of the last row behind, from 1; 0: none.
    pub(crate) row: u64,
    /// The sources that were met, whose completeness is said at the end.
    pub(crate) sources: BTreeSet<Box<str>>,
    /// Whether the file is in and its sources are complete.
    pub(crate) finished: bool,
}

impl Cursor {
    /// The cursor kept at `path`, if there is one.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Option<Cursor>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let cursor = serde_json::from_slice(&bytes);
        cursor.map(Some).with_context(|| {
            format!("{} is no import cursor; name another file with --state", path.display())
        })
    }

    /// Keeps the cursor at `path`, whole or not at all.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let beside = path.with_extension("new");
        let written = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = File::create(&beside)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        };
        written().with_context(|| {
            format!("{} cannot keep how far the import came; name a file with --state", path.display())
        })
    }
}
