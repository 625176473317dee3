//! A look at the engine's log before the engine sees it.
//!
//! fjall cuts its log at the first thing it cannot read, and what stood behind is gone; or it
//! refuses, also when the unreadable thing is the torn end of a write that nobody was promised.
//! Here every batch of the log is read first, without changing a byte. Batches carry consecutive
//! commit numbers, so a hole shows wherever it is. Only an end that is torn and was never
//! acknowledged is cut; all else is damage, named, and left as it lies.
use crate::{
    block::{parse_chunk_key, read_head},
    directory::sync_directory,
    engine,
    error::StoreError,
    log_reader::{Batch, LogReader},
    watermark::Acknowledged,
};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

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
    /// Whole batches that are younger than the last promise.
    pub(crate) unpromised: Vec<Unpromised>,
    /// Bytes of all whole batches.
    pub(crate) bytes: u64,
}

/// A stretch of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unpromised {
    path: PathBuf,
    range: Range<u64>,
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
        let whole = examine_file(number, &path, said, &mut seen, &mut report)
            .map_err(StoreError::io("reading the engine's log"))?;
        let Some(NotWhole { from, behind }) = whole else { continue };
        let cut = Cut { path, whole_bytes: from };
        let unfinished = behind.is_none() && newest == Some(number);
        match seen.commit {
            Some(commit) if unfinished && commit >= said.commit => report.torn = Some(cut),
            None if unfinished && said.commit == 0 => report.torn = Some(cut),
            // All older logs are in table files: only the open engine knows the last commit.
            None if unfinished => {}
            _ => {
                let what = format!("the engine's log {number}.jnl");
                let range = format!("from byte {from}, {}", seen.lost(said, behind));
                report.damage.push((StoreError::damaged(what, range), Some(cut)));
            }
        }
    }
    Ok(report)
}

/// Where a file stops being whole, and the commit of the first whole batch behind that.
struct NotWhole {
    from: u64,
    behind: Option<u64>,
}

fn examine_file(
    number: u64,
    path: &Path,
    said: &Acknowledged,
    seen: &mut Seen,
    report: &mut LogReport,
) -> std::io::Result<Option<NotWhole>> {
    let mut log = LogReader::open(path)?;
    let mut unpromised = None;
    loop {
        let at = log.offset();
        let Some(batch) = log.next_batch()? else { break };
        if batch.commit().is_none_or(|(commit, _)| commit > said.commit) {
            unpromised.get_or_insert(at);
        }
        if let Some(cause) = seen.add(&batch) {
            let what = format!("the engine's log {number}.jnl");
            report.damage.push((StoreError::damaged(what, cause), None));
        }
    }
    let from = log.offset();
    report.bytes += from;
    if let Some(begin) = unpromised {
        report.unpromised.push(Unpromised { path: path.to_owned(), range: begin..from });
    }
    if log.rest_is_zero()? {
        return Ok(None);
    }
    Ok(Some(NotWhole { from, behind: log.commit_behind()? }))
}

/// Makes what stands behind the last promise durable, or fails. After a sync that failed, pages
/// may be in memory and not on disk and yet count as written; so they are written once more.
pub(crate) fn write_again(unpromised: &[Unpromised]) -> Result<(), StoreError> {
    let again = |part: &Unpromised| -> std::io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&part.path)?;
        let mut piece = vec![0; 1 << 20];
        let mut at = part.range.start;
        while at < part.range.end {
            let left = usize::try_from(part.range.end - at).unwrap_or(usize::MAX);
            let piece = piece.get_mut(..left.min(1 << 20)).unwrap_or_default();
            file.read_exact_at(piece, at)?;
            file.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        file.sync_all()
    };
    unpromised.iter().try_for_each(again).map_err(StoreError::io("securing the engine's log"))
}

/// Makes an empty log file, newer than all. fjall takes the newest for the one to append to.
pub(crate) fn create_next(dir: &Path) -> Result<PathBuf, StoreError> {
    let folder = dir.join(engine::FOLDER);
    let next = log_files(&folder)?.last().map_or(0, |(number, _)| number + 1);
    let path = folder.join(format!("{next}.jnl"));
    let create = || -> std::io::Result<()> {
        File::create_new(&path)?.sync_all()?;
        sync_directory(&folder)
    };
    create().map_err(StoreError::io("beginning another log of the engine"))?;
    Ok(path)
}

/// Deletes all log files but the newest, oldest first: what is left has no hole.
pub(crate) fn delete_older(dir: &Path) -> Result<(), StoreError> {
    let folder = dir.join(engine::FOLDER);
    let mut logs = log_files(&folder)?;
    logs.pop();
    let delete = || -> std::io::Result<()> {
        logs.iter().try_for_each(|(_, path)| std::fs::remove_file(path))?;
        sync_directory(&folder)
    };
    delete().map_err(StoreError::io("deleting old logs of the engine"))
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
    fn lost(&self, said: &Acknowledged, behind: Option<u64>) -> String {
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
