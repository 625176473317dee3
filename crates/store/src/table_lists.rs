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
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

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

/// The first table file that is not as its list has it. Reads all of them, so it is for a store
/// that will not open and does not say why.
pub(crate) fn damaged_table(dir: &Path) -> Option<StoreError> {
    let spaces = key_spaces(&folder(dir)).ok()?;
    spaces.into_iter().find_map(|(number, space)| {
        let (version, _) = parse_current(&std::fs::read(space.join(CURRENT)).ok()?)?;
        let list = std::fs::read(space.join(format!("v{version}"))).ok()?;
        let tables = numbered(&space.join("tables")).ok()?;
        let (table, _) =
            tables.into_iter().find(|(table, path)| !is_as_listed(&list, *table, path))?;
        Some(damaged(number, &format!("its table file {table} fails its checksum")))
    })
}

/// Whether the list has the table with the checksum that its file has; one that it does not have
/// at all is a remnant, and none of its business.
fn is_as_listed(list: &[u8], table: u64, path: &Path) -> bool {
    // Number, kind of checksum, checksum.
    let entry = [&table.to_le_bytes()[..], &[0]].concat();
    let mut listed = list.windows(entry.len() + 16).filter_map(|at| at.strip_prefix(&entry[..]));
    let Some(first) = listed.next() else { return true };
    checksum(path).is_ok_and(|own| first == own || listed.any(|other| other == own))
}

fn checksum(path: &Path) -> std::io::Result<[u8; 16]> {
    let (mut file, mut hasher) = (File::open(path)?, Xxh3::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut piece)?;
        let Some(part) = piece.get(..count).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
    }
    Ok(hasher.digest128().to_le_bytes())
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
    numbered(folder).map_err(StoreError::io("listing the engine's folder"))
}

/// What in a folder has a number for its name, by number.
fn numbered(folder: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort_unstable();
    Ok(found)
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
