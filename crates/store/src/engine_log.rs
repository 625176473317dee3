//! A look at the engine's log before the engine sees it.
//!
//! fjall cuts its log at the first thing it cannot read, and what stood behind is gone; or it
//! refuses, also when the unreadable thing is the torn end of a write that nobody was promised.
//! Here every batch of the log is read first, without changing a byte. Batches carry consecutive
//! commit numbers, so a hole shows wherever it is. Only an end that is torn and was never
//! acknowledged is cut; all else is damage, named, and left as it lies.
//!
//! The form of the log is that of the pinned fjall (`src/journal/entry.rs` there).
use crate::{
    block::{parse_chunk_key, read_head},
    engine,
    error::StoreError,
    store::{COMMIT_KEY, parse_commit},
    watermark::Acknowledged,
};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::Xxh3;

const END_MAGIC: [u8; 4] = *b"FJL\x03";
/// Sequence numbers that the engine may use up for itself while one batch is on its way.
const ABOVE_FLOOR_MAX: u64 = 1 << 16;
/// fjall takes a folder without this file for a new one.
const VERSION_MARKER: &str = "version";

/// What a look at the log has shown.
#[derive(Debug, Default)]
pub(crate) struct LogReport {
    /// The end of a write that was cut short and that nobody was promised.
    pub(crate) torn: Option<Cut>,
    /// What is damaged, and where to cut if one wants to read the rest.
    pub(crate) damage: Vec<(StoreError, Option<Cut>)>,
}

/// Where a log file stops being whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    path: PathBuf,
    whole_bytes: u64,
}

impl Cut {
    /// Shortens the file to what is whole.
    pub(crate) fn apply(&self) -> Result<(), StoreError> {
        let cut = || -> std::io::Result<()> {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            file.set_len(self.whole_bytes)?;
            file.sync_all()
        };
        cut().map_err(StoreError::io("cutting the torn end off the engine's log"))
    }

    /// The same, after a copy was laid beside it, under a name that fjall passes by.
    pub(crate) fn apply_keeping_a_copy(&self) -> Result<(), StoreError> {
        let copy = self.path.with_extension("jnl.damaged");
        let keep = || -> std::io::Result<()> {
            std::fs::copy(&self.path, &copy)?;
            File::open(&copy)?.sync_all()
        };
        if !copy.exists() {
            keep().map_err(StoreError::io("copying the damaged log"))?;
        }
        self.apply()
    }
}

/// Reads the whole log and compares it with what was acknowledged. Changes nothing.
pub(crate) fn examine(dir: &Path, said: &Acknowledged) -> Result<LogReport, StoreError> {
    let folder = dir.join(engine::FOLDER);
    let mut report = LogReport::default();
    if said.commit > 0 && !folder.join(VERSION_MARKER).exists() {
        let error = StoreError::damaged("the engine's folder", "its file `version` is missing");
        report.damage.push((error, None));
        return Ok(report);
    }
    let logs = log_files(&folder)?;
    let newest = logs.last().map(|(number, _)| *number);
    let mut seen = Seen::default();
    for (number, path) in logs {
        let bytes = std::fs::read(&path).map_err(StoreError::io("reading the engine's log"))?;
        let what = format!("the engine's log {number}.jnl");
        let mut rest = bytes.as_slice();
        while let Some((batch, behind)) = take_batch(rest) {
            if let Some(cause) = seen.add(&batch) {
                report.damage.push((StoreError::damaged(&what, cause), None));
            }
            rest = behind;
        }
        if is_zero(rest) {
            continue;
        }
        let whole_bytes = (bytes.len() - rest.len()) as u64;
        let cut = Cut { path, whole_bytes };
        let whole_behind = (1..rest.len()).find_map(|at| take_batch(rest.get(at..)?));
        if whole_behind.is_none() && newest == Some(number) {
            match seen.commit {
                Some(commit) if commit >= said.commit => report.torn = Some(cut),
                None if said.commit == 0 => report.torn = Some(cut),
                // All older logs are in table files: only the open engine knows the last commit.
                None => {}
                Some(_) => {
                    let range = format!("from byte {whole_bytes}, {}", seen.lost(said, None));
                    report.damage.push((StoreError::damaged(what, range), Some(cut)));
                }
            }
            continue;
        }
        let range = format!("from byte {whole_bytes}, {}", seen.lost(said, whole_behind));
        report.damage.push((StoreError::damaged(what, range), Some(cut)));
    }
    Ok(report)
}

/// Clears away an engine whose making was cut short before it could hold anything; fjall itself
/// would stumble over the remains. Anything that looks like data stays.
pub(crate) fn clear_unfinished(dir: &Path) -> Result<(), StoreError> {
    let folder = dir.join(engine::FOLDER);
    let clear = || -> std::io::Result<()> {
        let key_spaces = folder.join("keyspaces");
        let unfinished = folder.is_dir()
            && !folder.join(VERSION_MARKER).exists()
            && (!key_spaces.exists() || std::fs::read_dir(key_spaces)?.next().is_none());
        if unfinished { std::fs::remove_dir_all(&folder) } else { Ok(()) }
    };
    clear().map_err(StoreError::io("clearing an unfinished engine away"))
}

/// The log files, oldest first.
fn log_files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let list = || -> std::io::Result<Vec<(u64, PathBuf)>> {
        let mut logs = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl"));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                logs.push((number, path));
            }
        }
        logs.sort_unstable();
        Ok(logs)
    };
    match list() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        logs => logs.map_err(StoreError::io("listing the engine's log")),
    }
}

/// How far the whole part of the log reaches.
#[derive(Default)]
struct Seen {
    commit: Option<u64>,
    sequence_number: Option<u64>,
    /// Of each shard with a chunk in the log, the next position.
    next: BTreeMap<u8, u64>,
}

impl Seen {
    /// Takes a batch into account; says in words what is wrong before it or with it.
    fn add(&mut self, batch: &Batch<'_>) -> Option<String> {
        for item in &batch.items {
            let chunk = parse_chunk_key(item.key).zip(read_head(item.key, item.value).ok());
            if let Some(((shard, first), (head, _))) = chunk {
                self.next.insert(shard, first + head.span());
            }
        }
        // No checksum of the engine covers the sequence number. One that is wrong and yet in
        // order and just above its floor does no harm: the order is all it is for.
        let before = self.sequence_number.replace(batch.sequence_number);
        let in_order = before.is_none_or(|before| before < batch.sequence_number);
        let (commit, floor) = batch.commit().unzip();
        let fits = |floor: u64| {
            (floor..=floor.saturating_add(ABOVE_FLOOR_MAX)).contains(&batch.sequence_number)
        };
        if !in_order || !floor.is_none_or(fits) {
            let commit = commit.or(self.commit).unwrap_or(0);
            return Some(format!("the sequence number is out of order at commit {commit}"));
        }
        let commit = commit?;
        let before = self.commit.replace(commit)?;
        let hole = commit != before + 1;
        hole.then(|| format!("commits {} to {} are missing", before + 1, commit.saturating_sub(1)))
    }

    /// In words, what stood behind the whole part.
    fn lost(&self, said: &Acknowledged, behind: Option<(Batch<'_>, &[u8])>) -> String {
        let behind = behind.and_then(|(batch, _)| Some(batch.commit()?.0));
        let mut ranges = Vec::new();
        for (shard, next) in &said.next {
            match self.next.get(shard) {
                Some(seen) if seen < next => {
                    ranges.push(format!("shard {shard} positions {seen} to {}", next - 1));
                }
                Some(_) => {}
                None => ranges.push(format!("shard {shard} positions up to {}", next - 1)),
            }
        }
        let last = said.commit.max(behind.unwrap_or(0));
        match self.commit {
            Some(seen) => ranges.push(format!("commits {} to {last}", seen + 1)),
            None => ranges.push(format!("commits up to {last}")),
        }
        format!("with {}", ranges.join(", "))
    }
}

struct Batch<'a> {
    sequence_number: u64,
    items: Vec<Item<'a>>,
}

struct Item<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

impl Batch<'_> {
    fn commit(&self) -> Option<(u64, u64)> {
        let mark = self.items.iter().find(|item| item.key == COMMIT_KEY)?;
        parse_commit(mark.value)
    }
}

/// One whole batch off the front: start, items, an end whose checksum fits.
fn take_batch(log: &[u8]) -> Option<(Batch<'_>, &[u8])> {
    let mut taker = LittleEndian(log);
    if taker.u8()? != 1 {
        return None;
    }
    let count = taker.u32()?;
    let sequence_number = taker.u64()?;
    let body = taker.0;
    let mut items = Vec::new();
    for _ in 0..count {
        match taker.u8()? {
            2 => items.push(take_item(&mut taker)?),
            // A cleared key space: nothing of ours, but no damage either.
            4 => drop(taker.u64()?),
            _ => return None,
        }
    }
    let body = body.get(..body.len() - taker.0.len())?;
    if taker.u8()? != 3 {
        return None;
    }
    let stored = taker.u64()?;
    let mut hasher = Xxh3::new();
    hasher.update(body);
    if taker.bytes(4)? != END_MAGIC || hasher.digest() != stored {
        return None;
    }
    Some((Batch { sequence_number, items }, taker.0))
}

fn take_item<'a>(taker: &mut LittleEndian<'a>) -> Option<Item<'a>> {
    let _kind_of_value = taker.u8().filter(|kind| *kind < 8)?;
    let _compression = taker.u8().filter(|compression| *compression < 8)?;
    let _key_space = taker.u64()?;
    let key_bytes = taker.u16()?;
    let _inflated_bytes = taker.u32()?;
    let value_bytes = taker.u32()?;
    let key = taker.bytes(usize::from(key_bytes))?;
    let value = taker.bytes(usize::try_from(value_bytes).ok()?)?;
    Some(Item { key, value })
}

/// fjall's log is little-endian; all of ours is big-endian.
struct LittleEndian<'a>(&'a [u8]);

impl<'a> LittleEndian<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }
}

/// Log files are made 64 MiB long and zero.
fn is_zero(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|part| ZEROS.starts_with(part))
}
