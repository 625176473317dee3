//! Reads every byte of a closed data directory and says what is not whole.
use crate::{
    block::Block,
    directory, engine_log,
    error::StoreError,
    lane_rows::LaneRow,
    read::Direction,
    rows::Table,
    signal_ids,
    store::{Options, Store},
    watermark::{Acknowledged, Watermark},
};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// After this many findings in one table the rest of it is not read.
const FINDINGS_PER_TABLE_MAX: usize = 100;

/// What a data directory holds, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The format in the manifest; absent when it cannot be read.
    pub format: Option<u64>,
    /// Of each shard that was ever written.
    pub journal: Vec<ShardReport>,
    /// Rows of each table.
    pub rows: BTreeMap<&'static str, u64>,
    /// What is not whole; empty when everything is.
    pub findings: Vec<Finding>,
}

/// What the journal of one shard holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShardReport {
    /// The shard.
    pub shard: u8,
    /// The oldest position.
    pub first: u64,
    /// The position that the next entry would get.
    pub next: u64,
    /// Groups read back whole.
    pub blocks: u64,
    /// Entries in them.
    pub entries: u64,
    /// Their uncompressed bytes.
    pub bytes: u64,
}

/// One thing that is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A sentence that names the structure and the range.
    pub what: String,
    /// The exit code of a program that meets it: [`StoreError::exit_code`].
    pub exit_code: u8,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, error: &StoreError) {
        let what = with_causes(error);
        self.findings.push(Finding { what, exit_code: error.exit_code() });
    }
}

/// Checks a directory that no process has open. Journal blocks, lane rows and signal-id runs
/// carry checksums of ours; rows of the other tables are covered by the engine's. A directory
/// that cannot be opened is a finding. Where the engine's log is damaged, nothing else is read.
pub fn check(dir: &Path) -> Report {
    let manifest = directory::read_manifest(dir).ok().flatten();
    let mut report =
        Report { format: manifest.map(|manifest| manifest.format), ..Report::default() };
    if let Some(damage) = damaged_log(dir) {
        // To open would be to cut it; what is behind the damage may still be wanted.
        for damage in &damage {
            report.find(damage);
        }
        return report;
    }
    let options =
        Options { cache_bytes: 8 << 20, max_journaling_bytes: 512 << 20, min_free_bytes: None };
    let store = match Store::open_read_only(dir, &options) {
        Ok((store, refusals)) => {
            for refusal in &refusals {
                report.find(refusal);
            }
            store
        }
        Err(error) => {
            report.find(&error);
            return report;
        }
    };
    for shard in 0..=u8::MAX {
        check_shard(&store, shard, &mut report);
    }
    for table in Table::ALL {
        check_table(&store, *table, &mut report);
    }
    report
}

fn damaged_log(dir: &Path) -> Option<Vec<StoreError>> {
    // Another process may be writing it: then opening says so, and nothing is examined.
    let _lock = dir.is_dir().then(|| directory::lock(dir).ok()).flatten()?;
    let said = match Watermark::open(dir) {
        Ok(Some((_, said))) => said,
        _ => Acknowledged::nothing(),
    };
    let log = match engine_log::examine(dir, &said) {
        Ok(log) => log,
        Err(error) => return Some(vec![error]),
    };
    let damage: Vec<_> = log.damage.into_iter().map(|(damage, _)| damage).collect();
    (!damage.is_empty()).then_some(damage)
}

fn check_shard(store: &Store, shard: u8, report: &mut Report) {
    let (first, next) = (store.first_position(shard), store.next_position(shard));
    if next == 1 {
        return;
    }
    let mut found = ShardReport { shard, first, next, ..ShardReport::default() };
    for block in store.replay(shard, first) {
        match block {
            Ok(Block { entries, bytes, .. }) => {
                found.blocks += 1;
                found.entries += entries.len() as u64;
                found.bytes += bytes;
            }
            Err(error) => report.find(&error),
        }
    }
    report.journal.push(found);
}

fn check_table(store: &Store, table: Table, report: &mut Report) {
    let mut rows = 0;
    let mut findings = 0;
    for row in store.scan(table, .., Direction::Forward) {
        rows += 1;
        let checked = row.and_then(|(key, value)| match table {
            Table::Signals => LaneRow::decode(&value).map(drop),
            Table::SignalIds => signal_ids::check_row(&key, &value),
            _ => Ok(()),
        });
        if let Err(error) = checked {
            report.find(&error);
            findings += 1;
        }
        if findings == FINDINGS_PER_TABLE_MAX {
            break;
        }
    }
    report.rows.insert(table.name(), rows);
}

/// An error and what caused it, in one sentence.
fn with_causes(error: &StoreError) -> String {
    let mut sentence = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        sentence = format!("{sentence}: {next}");
        cause = next.source();
    }
    sentence
}
