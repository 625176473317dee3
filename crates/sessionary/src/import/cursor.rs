//! How far an import came: which file, and how many of its rows were handed on.
use std::{fs::File, io::Write, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// A place in a file. Everything up to `row` was handed on and taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Digest of the file's bytes, so that another file is not taken for the rest of this one.
    pub(crate) file: String,
    /// Number of the last row behind, from 1; 0: none.
    pub(crate) row: u64,
}

#[cfg_attr(not(test), expect(dead_code, reason = "called once an import writes somewhere"))]
impl Cursor {
    /// The cursor kept at `path`, if there is one.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Option<Cursor>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let cursor = serde_json::from_slice(&bytes);
        cursor.map(Some).with_context(|| format!("{} is no import cursor", path.display()))
    }

    /// Keeps the cursor at `path`, whole or not at all.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let beside = path.with_extension("new");
        let written = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        };
        written().with_context(|| format!("the import cursor {} cannot be kept", path.display()))
    }
}

/// The digest of a file's bytes as they lie on disk.
pub(crate) fn digest_of(path: &Path) -> anyhow::Result<String> {
    let context = || format!("{} cannot be read", path.display());
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path).with_context(context)?;
    std::io::copy(&mut file, &mut hasher).with_context(context)?;
    Ok(hasher.finalize().to_hex().to_string())
}
