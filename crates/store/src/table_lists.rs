//! A look at the engine's lists of table files before the engine sees them.
//!
//! Each key space has a folder with a list `v…` and a file `current` that names the list and
//! carries its checksum. The pinned fjall never compares it (`version/recovery.rs` of its
//! lsm-tree): a list with one flipped bit opens with table files missing. And a folder without
//! `current` it takes for one that was never finished, and deletes, and passes by what the log
//! has for it; it does not miss a folder that is gone. Here each of them is damage; the manifest
//! says which key spaces there must be.
use crate::{engine, error::StoreError};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_128;

/// The key space that names the others.
const NAMES: u64 = 0;
const CURRENT: &str = "current";
const IS_GONE: &str = "its file `current` is missing";

/// What is damaged, where there must be the key spaces that the manifest names. Changes nothing.
pub(crate) fn examine(dir: &Path, named: &[u64]) -> Result<Vec<StoreError>, StoreError> {
    let folder = folder(dir);
    let spaces = key_spaces(&folder)?;
    let mut damage = Vec::new();
    let is_gone = |number: &&u64| !folder.join(number.to_string()).join(CURRENT).exists();
    damage.extend(named.iter().filter(is_gone).map(|number| damaged(*number, IS_GONE)));
    if spaces.last().is_some_and(|(number, _)| *number > NAMES)
        && !folder.join(NAMES.to_string()).join(CURRENT).exists()
    {
        damage.push(damaged(NAMES, "its file `current` is missing, yet there are others"));
    }
    for (number, path) in spaces {
        let cause = cause(&path).map_err(StoreError::io("reading the engine's lists"))?;
        damage.extend(cause.map(|cause| damaged(number, cause)));
    }
    Ok(damage)
}

/// Numbers of the key spaces that there are.
pub(crate) fn numbers(dir: &Path) -> Result<Vec<u64>, StoreError> {
    Ok(key_spaces(&folder(dir))?.into_iter().map(|(number, _)| number).collect())
}

fn folder(dir: &Path) -> PathBuf {
    dir.join(engine::FOLDER).join("keyspaces")
}

fn damaged(number: u64, cause: &str) -> StoreError {
    StoreError::damaged(format!("key space {number} of the engine"), cause)
}

/// Folders of key spaces, by number.
fn key_spaces(folder: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let failed = || StoreError::io("listing the engine's folder");
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed())?,
    };
    let mut spaces = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed())?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        spaces.extend(number.map(|number| (number, path)));
    }
    spaces.sort_unstable();
    Ok(spaces)
}

/// What is wrong with the list of one key space.
fn cause(folder: &Path) -> std::io::Result<Option<&'static str>> {
    let Some(current) = read(&folder.join(CURRENT))? else {
        // Making it may have been cut short; then it holds nothing.
        let has_tables = std::fs::read_dir(folder.join("tables"))
            .is_ok_and(|mut tables| tables.next().is_some());
        return Ok(has_tables.then_some(IS_GONE));
    };
    let Some((version, checksum)) = parse_current(&current) else {
        return Ok(Some("its file `current` is not whole"));
    };
    let Some(list) = read(&folder.join(format!("v{version}")))? else {
        return Ok(Some("its list of table files is missing"));
    };
    Ok((xxh3_128(&list) != checksum).then_some("its list of table files fails its checksum"))
}

/// The list's number and checksum; little-endian, as all of fjall's numbers.
fn parse_current(bytes: &[u8]) -> Option<(u64, u128)> {
    let (version, rest) = bytes.split_first_chunk::<8>()?;
    let (checksum, kind) = rest.split_first_chunk::<16>()?;
    (kind == [0]).then(|| (u64::from_le_bytes(*version), u128::from_le_bytes(*checksum)))
}

fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        bytes => bytes.map(Some),
    }
}
