//! Signal ids already seen, in sorted runs: the table `SignalIds`.
//!
//! One row a signal would cost as much as all the rest of taking it in. So ids are gathered,
//! sorted and written as a run of chunks; runs of a tier are merged into one of the next, so that
//! a lookup asks few. Entries are hashes, so a hit is a hint: the caller confirms it in the
//! journal. The tenant is part of what was hashed. Drawn in `FORMAT.md`.
use crate::{
    bytes::Taker,
    error::StoreError,
    read::{Direction, Read, Scan},
    rows::{Rows, Table},
};
use std::{cmp::Reverse, collections::BinaryHeap, ops::Bound};

/// Entries in one chunk, at most.
pub const ENTRIES_PER_RUN_CHUNK: usize = 1024;
/// Runs of one tier that are merged into one of the next.
pub const RUNS_PER_TIER: usize = 8;
/// A merge makes no run of more entries than this, so that it takes a second or two. Runs that
/// would exceed it stay as they are.
pub const MERGED_ENTRIES_MAX: u64 = 4 << 20;
/// Bytes of rows that a merge writes in one batch.
const MERGE_BATCH_BYTES: u64 = 1 << 20;
const VERSION: u8 = 1;
/// Stands where a chunk has its run; the rows there list the runs.
const LIST: u64 = u64::MAX;
const WHAT: &str = "the table `signal_ids`";

/// One id: the hash of its key, and the beginning of the hash of its lane.
pub type SeenId = (u64, u64);

/// A run, as the list of runs has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number, unique among the runs that exist.
    pub run: u64,
    /// 0 as it was added; one more than that of the runs it was merged from.
    pub tier: u8,
    /// How many ids it holds.
    pub entries: u64,
}

/// Adds a run of tier 0. The entries are sorted; a repeated one is kept once. The number is
/// below `u64::MAX` and was not used before: [`next_run`].
///
/// # Panics
/// When the entries are not sorted or the number is `u64::MAX`.
pub fn add_run(rows: &mut Rows, run: u64, entries: Vec<SeenId>) {
    put_run(rows, run, 0, entries);
}

/// A number that no run has.
///
/// # Errors
/// As [`runs`].
pub fn next_run(reader: &impl Read) -> Result<u64, StoreError> {
    Ok(runs(reader)?.iter().map(|run| run.run + 1).max().unwrap_or(0))
}

/// All runs, by number.
///
/// # Errors
/// `Damaged`, or a failed read.
pub fn runs(reader: &impl Read) -> Result<Vec<Run>, StoreError> {
    let listed = reader.scan_prefix(Table::SignalIds, &LIST.to_be_bytes(), Direction::Forward);
    listed.map(|row| row.and_then(|(key, value)| parse_listed(&key, &value))).collect()
}

/// The lanes whose signals had this key hash, each once, in order; mostly none. `reader` should
/// be a snapshot while merges go on beside it.
///
/// # Errors
/// `Damaged`, or a failed read.
pub fn find(reader: &impl Read, key_hash: u64) -> Result<Vec<u64>, StoreError> {
    let mut lanes = Vec::new();
    for run in runs(reader)? {
        find_in_run(reader, run.run, key_hash, &mut lanes)?;
    }
    lanes.sort_unstable();
    lanes.dedup();
    Ok(lanes)
}

/// The runs to merge next: the oldest eight of the lowest tier that has so many and whose union
/// is not too large.
pub fn merge_plan(runs: &[Run]) -> Option<Vec<Run>> {
    let mut tiers: Vec<u8> = runs.iter().map(|run| run.tier).collect();
    tiers.sort_unstable();
    tiers.dedup();
    tiers.into_iter().find_map(|tier| {
        let of_tier = runs.iter().copied().filter(|run| run.tier == tier);
        let plan: Vec<_> = of_tier.take(RUNS_PER_TIER).collect();
        let entries = plan.iter().fold(0_u64, |sum, run| sum.saturating_add(run.entries));
        (plan.len() == RUNS_PER_TIER && entries <= MERGED_ENTRIES_MAX).then_some(plan)
    })
}

/// Merges runs into a new one, of which no more than a batch is in memory: `write` is given its
/// chunks, which no reader looks at yet, and in the last batch its entry in the list and the end
/// of the old runs. A merge that was cut short leaves chunks that [`unlisted`] finds.
///
/// # Errors
/// `Damaged`, a failed read, or what `write` says.
pub fn merge<E: From<StoreError>>(
    reader: &impl Read,
    plan: &[Run],
    new_run: u64,
    mut write: impl FnMut(Rows) -> Result<(), E>,
) -> Result<(), E> {
    let tier = plan.iter().map(|run| run.tier).max().unwrap_or(0).saturating_add(1);
    let mut sources: Vec<_> = plan.iter().map(|run| Entries::of(reader, run.run)).collect();
    let mut next = BinaryHeap::with_capacity(sources.len());
    for (source, entries) in sources.iter_mut().enumerate() {
        next.extend(entries.next()?.map(|entry| Reverse((entry, source))));
    }
    let mut run = RunWriter::new(new_run);
    let mut last = None;
    while let Some(Reverse((entry, source))) = next.pop() {
        if last.replace(entry) != Some(entry) {
            run.add(entry);
        }
        if run.rows.bytes() >= MERGE_BATCH_BYTES {
            write(std::mem::take(&mut run.rows))?;
        }
        if let Some(entries) = sources.get_mut(source) {
            next.extend(entries.next()?.map(|entry| Reverse((entry, source))));
        }
    }
    let mut rows = run.list(tier);
    for (old, entries) in plan.iter().zip(sources) {
        entries.chunks.into_iter().for_each(|key| rows.delete(Table::SignalIds, key));
        rows.delete(Table::SignalIds, listed_key(old.run));
    }
    write(rows)
}

/// The writes that remove chunks of runs that are not in the list: what is left of a merge that
/// was cut short. Nothing else may write the table meanwhile.
///
/// # Errors
/// As [`runs`].
pub fn unlisted(reader: &impl Read) -> Result<Rows, StoreError> {
    let mut rows = Rows::new();
    let mut from = 0_u64;
    let listed = runs(reader)?.into_iter().map(|run| run.run).chain([LIST]);
    for run in listed {
        let (begin, end) = (from.to_be_bytes(), run.to_be_bytes());
        let between = (Bound::Included(&begin[..]), Bound::Excluded(&end[..]));
        for row in reader.scan(Table::SignalIds, between, Direction::Forward) {
            rows.delete(Table::SignalIds, row?.0);
        }
        from = run.saturating_add(1);
    }
    Ok(rows)
}

/// The entries of a run in order, a chunk of them in memory.
struct Entries {
    rows: Scan,
    chunk: std::vec::IntoIter<SeenId>,
    /// The keys of the chunks that were read.
    chunks: Vec<Vec<u8>>,
}

impl Entries {
    fn of(reader: &impl Read, run: u64) -> Entries {
        let rows = reader.scan_prefix(Table::SignalIds, &run.to_be_bytes(), Direction::Forward);
        Entries { rows, chunk: Vec::new().into_iter(), chunks: Vec::new() }
    }

    fn next(&mut self) -> Result<Option<SeenId>, StoreError> {
        loop {
            if let Some(entry) = self.chunk.next() {
                return Ok(Some(entry));
            }
            let Some(row) = self.rows.next() else { return Ok(None) };
            let (key, value) = row?;
            self.chunk = parse_chunk(&key, &value)?.into_iter();
            self.chunks.push(key);
        }
    }
}

/// The writes that end one run, as when all its ids have become too old.
///
/// # Errors
/// A failed read.
pub fn drop_run(reader: &impl Read, run: u64) -> Result<Rows, StoreError> {
    let mut rows = Rows::new();
    rows.delete(Table::SignalIds, listed_key(run));
    for row in reader.scan_prefix(Table::SignalIds, &run.to_be_bytes(), Direction::Forward) {
        rows.delete(Table::SignalIds, row?.0);
    }
    Ok(rows)
}

/// Checks one row of the table, whichever kind it is.
pub(crate) fn check_row(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    if key.starts_with(&LIST.to_be_bytes()) {
        parse_listed(key, value).map(drop)
    } else {
        parse_chunk(key, value).map(drop)
    }
}

fn put_run(rows: &mut Rows, run: u64, tier: u8, mut entries: Vec<SeenId>) {
    assert!(entries.is_sorted(), "the entries of a run are sorted");
    entries.dedup();
    let mut writer = RunWriter { rows: std::mem::take(rows), ..RunWriter::new(run) };
    for entry in entries {
        writer.add(entry);
    }
    *rows = writer.list(tier);
}

/// The rows of a run whose entries come in order, each once.
struct RunWriter {
    run: u64,
    chunk: Vec<SeenId>,
    entries: u64,
    rows: Rows,
}

impl RunWriter {
    fn new(run: u64) -> RunWriter {
        assert!(run < LIST, "the run number {run} stands for the list of runs");
        RunWriter { run, chunk: Vec::new(), entries: 0, rows: Rows::new() }
    }

    fn add(&mut self, entry: SeenId) {
        self.chunk.push(entry);
        self.entries += 1;
        if self.chunk.len() == ENTRIES_PER_RUN_CHUNK {
            self.put_chunk();
        }
    }

    fn put_chunk(&mut self) {
        let Some(first) = self.chunk.first().copied() else { return };
        let mut checked = Vec::with_capacity(2 + 16 * self.chunk.len());
        let count = u16::try_from(self.chunk.len()).expect("a chunk has at most 1024 entries");
        checked.extend_from_slice(&count.to_be_bytes());
        for (key_hash, lane) in self.chunk.drain(..) {
            checked.extend_from_slice(&key_hash.to_be_bytes());
            checked.extend_from_slice(&lane.to_be_bytes());
        }
        let key = chunk_key(self.run, first);
        let value = seal(&key, &checked);
        self.rows.put(Table::SignalIds, key, value);
    }

    /// Ends the run: the rest of its chunks, and its entry in the list.
    fn list(mut self, tier: u8) -> Rows {
        self.put_chunk();
        let key = listed_key(self.run);
        let mut checked = vec![tier];
        checked.extend_from_slice(&self.entries.to_be_bytes());
        let value = seal(&key, &checked);
        self.rows.put(Table::SignalIds, key, value);
        self.rows
    }
}

fn find_in_run(
    reader: &impl Read,
    run: u64,
    key_hash: u64,
    lanes: &mut Vec<u64>,
) -> Result<(), StoreError> {
    // An id can have so many lanes that it fills chunks: start in the last chunk that begins at
    // or before its first possible entry, and walk on while chunks begin with it.
    let lowest = chunk_key(run, (0, 0));
    let (begin, end) = (chunk_key(run, (key_hash, 0)), chunk_key(run, (key_hash, u64::MAX)));
    let before = (Bound::Included(&lowest[..]), Bound::Included(&begin[..]));
    let from = (Bound::Excluded(&begin[..]), Bound::Included(&end[..]));
    let before = reader.scan(Table::SignalIds, before, Direction::Backward).take(1);
    for row in before.chain(reader.scan(Table::SignalIds, from, Direction::Forward)) {
        let (key, value) = row?;
        let entries = parse_chunk(&key, &value)?;
        let start = entries.partition_point(|entry| entry.0 < key_hash);
        let of_key = entries.iter().skip(start).take_while(|entry| entry.0 == key_hash);
        lanes.extend(of_key.map(|entry| entry.1));
    }
    Ok(())
}

/// Run, then the first entry. The lane is part of it: one id may fill more than a chunk.
fn chunk_key(run: u64, first: SeenId) -> [u8; 24] {
    let parts = [run, first.0, first.1].map(u64::to_be_bytes);
    parts.concat().try_into().expect("three numbers are 24 bytes")
}

fn listed_key(run: u64) -> [u8; 16] {
    [LIST, run].map(u64::to_be_bytes).concat().try_into().expect("two numbers are 16 bytes")
}

fn seal(key: &[u8], checked: &[u8]) -> Vec<u8> {
    let mut value = vec![VERSION];
    value.extend_from_slice(&checksum(key, checked).to_be_bytes());
    value.extend_from_slice(checked);
    value
}

fn unseal<'v>(key: &[u8], value: &'v [u8]) -> Result<Taker<'v>, StoreError> {
    let mut taker = Taker(value);
    match (taker.u8(), taker.u32()) {
        (Some(VERSION), Some(stored)) if stored == checksum(key, taker.0) => Ok(taker),
        (Some(VERSION), _) => Err(damaged(key, "the checksum does not fit")),
        (version, _) => Err(damaged(key, &format!("version {version:?} is not known"))),
    }
}

fn checksum(key: &[u8], checked: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(checked);
    hasher.finalize()
}

fn parse_chunk(key: &[u8], value: &[u8]) -> Result<Vec<SeenId>, StoreError> {
    let mut taker = unseal(key, value)?;
    let take = |taker: &mut Taker<'_>| -> Option<Vec<SeenId>> {
        let count = taker.u16()?;
        (0..count).map(|_| Some((taker.u64()?, taker.u64()?))).collect()
    };
    let entries = take(&mut taker).filter(|_| taker.is_done());
    entries.ok_or_else(|| damaged(key, "the count does not fit"))
}

fn parse_listed(key: &[u8], value: &[u8]) -> Result<Run, StoreError> {
    let mut taker = unseal(key, value)?;
    let mut key_taker = Taker(key);
    let mut take = || Some((key_taker.u64()?, key_taker.u64()?, taker.u8()?, taker.u64()?));
    let (_, run, tier, entries) = take().ok_or_else(|| damaged(key, "it is too short"))?;
    Ok(Run { run, tier, entries })
}

fn damaged(key: &[u8], cause: &str) -> StoreError {
    let mut taker = Taker(key);
    let run = match (taker.u64(), taker.u64()) {
        (Some(LIST), Some(run)) | (Some(run), _) => run.to_string(),
        _ => "unknown".to_owned(),
    };
    StoreError::damaged(WHAT, format!("run {run}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(run: u64, tier: u8, entries: u64) -> Run {
        Run { run, tier, entries }
    }

    #[test]
    fn eight_runs_of_a_tier_are_merged_and_no_fewer() {
        let mut runs: Vec<_> = (0..7).map(|number| run(number, 0, 10)).collect();
        assert_eq!(merge_plan(&runs), None);
        runs.push(run(7, 1, 80));
        assert_eq!(merge_plan(&runs), None);
        runs.push(run(8, 0, 10));
        let plan = merge_plan(&runs).unwrap();
        assert_eq!(plan.iter().map(|run| run.run).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 8]);
        for run in &mut runs {
            run.entries = MERGED_ENTRIES_MAX / 4;
        }
        assert_eq!(merge_plan(&runs), None);
    }
}
