//! Processes that die, and writes that fail. The child is this test binary, started again.
use crate::{header, noise, open, texts};
use sessionary_store::{Durability, Entry, Rows, Store, StoreError, Table};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

const DIR: &str = "STORE_TEST_CHILD_DIR";
const ROUNDS: u64 = 20;
const LARGE_BYTES: usize = 100 << 10;

/// Starts one test of this binary alone, as the child of another, in a shell that ignores the
/// signal for files grown too large.
fn start(child: &str, dir: &Path) -> Child {
    let binary = std::env::current_exe().unwrap();
    let script = r#"trap '' XFSZ; exec "$0" --exact "$1" --ignored --nocapture"#;
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(binary).arg(child).env(DIR, dir);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What stands at a position of a shard, always.
fn text(shard: u8, position: u64) -> String {
    format!("entry {position} of shard {shard} {}", "x".repeat((position % 90).try_into().unwrap()))
}

/// Appends one group, and with it a row that says how far the shard is.
fn append_next(store: &Store, shard: u8, count: u64) -> Result<u64, StoreError> {
    let first = store.next_position(shard);
    let texts: Vec<_> = (first..first + count).map(|position| text(shard, position)).collect();
    let entries: Vec<_> =
        texts.iter().map(|text| Entry { partition: shard, bytes: text.as_bytes() }).collect();
    let mut rows = Rows::new();
    rows.put(Table::Config, vec![shard], (first + count).to_be_bytes());
    store.append(shard, &header(0), &entries, rows)?;
    Ok(first + count)
}

/// Nothing acknowledged is lost, nothing is there twice, and rows agree with the journal.
fn verify(store: &Store, acknowledged: &BTreeMap<u8, u64>) {
    for (shard, next) in acknowledged {
        assert!(store.next_position(*shard) >= *next, "shard {shard} lost entries before {next}");
        let expected: Vec<_> =
            (1..store.next_position(*shard)).map(|position| text(*shard, position)).collect();
        assert_eq!(texts(store, *shard, 1), expected);
        let row = store.get(Table::Config, &[*shard]).unwrap().unwrap();
        assert_eq!(row, store.next_position(*shard).to_be_bytes());
    }
}

fn parse(line: &str) -> Option<(u8, u64)> {
    let (shard, next) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((shard.parse().unwrap(), next.parse().unwrap()))
}

#[test]
#[ignore = "the child of `twenty_kills_lose_and_double_nothing`"]
fn child_appends() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let store = open(Path::new(&dir));
    for round in 0_u64.. {
        let shard = u8::try_from(round % 3).unwrap();
        // Enough that some kills meet the engine while it writes table files.
        let mut rows = Rows::new();
        let large = store.next_position(shard).to_be_bytes();
        rows.put(Table::Sessions, large, noise(round, LARGE_BYTES));
        store.write(rows, Durability::Buffered).unwrap();
        let next = append_next(&store, shard, 1 + round * 37 % 300).unwrap();
        writeln!(std::io::stderr(), "acknowledged {shard} {next}").unwrap();
    }
}

#[test]
fn twenty_kills_lose_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = start("crash::child_appends", dir.path());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let before_kill = usize::try_from(3 + round * 7 % 20).unwrap();
        let mut seen: Vec<_> = lines.by_ref().take(before_kill).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        seen.extend(lines);
        assert!(seen.len() >= before_kill, "{seen:?}");
        acknowledged.extend(seen.iter().filter_map(|line| parse(line)));
        verify(&open(dir.path()), &acknowledged);
    }
    assert_eq!(acknowledged.len(), 3);
    let report = sessionary_store::check::check(dir.path());
    assert!(report.is_whole(), "{:?}", report.findings);
}

#[test]
#[ignore = "the child of `a_failed_write_is_final`"]
fn child_outgrows_its_limit() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let store = open(Path::new(&dir));
    let limit = rustix::process::Rlimit { current: Some(100_000), maximum: Some(100_000) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    let error = loop {
        match append_next(&store, 0, 100) {
            Ok(next) => writeln!(std::io::stderr(), "acknowledged 0 {next}").unwrap(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.exit_code(), 70, "{error}");
    assert!(matches!(error, StoreError::WriteFailed { .. }), "{error}");
    assert!(store.is_poisoned());
    assert!(matches!(append_next(&store, 1, 1), Err(StoreError::Poisoned)));
    assert!(matches!(store.sync(), Err(StoreError::Poisoned)));
    assert!(!texts(&store, 0, 1).is_empty(), "reads go on");
    writeln!(std::io::stderr(), "poisoned as it should be").unwrap();
}

#[test]
fn a_failed_write_is_final() {
    let dir = tempfile::tempdir().unwrap();
    // The second opening shortens the log, so that it has to grow.
    append_next(&open(dir.path()), 0, 1).unwrap();
    drop(open(dir.path()));
    let mut child = start("crash::child_outgrows_its_limit", dir.path());
    let lines: Vec<_> =
        BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success(), "{lines:?}");
    assert!(lines.iter().any(|line| line == "poisoned as it should be"), "{lines:?}");
    let acknowledged: BTreeMap<_, _> = lines.iter().filter_map(|line| parse(line)).collect();
    assert_eq!(acknowledged.len(), 1);
    verify(&open(dir.path()), &acknowledged);
}

#[test]
#[ignore = "the child of `a_store_heals_when_space_comes_back`"]
fn child_heals() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let limit_files = |bytes| {
        let limit = rustix::process::Rlimit { current: bytes, maximum: None };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    };
    let store = open(dir);
    let clone = store.clone();
    let mut acknowledged = BTreeMap::new();
    for round in 1..=8_u64 {
        // Log and tables outgrow it, in every round at another place.
        let grown = std::fs::metadata(dir.join("engine/0.jnl")).map_or(0, |file| file.len());
        limit_files(Some(grown.min(round * 70_000) + round * 37_111));
        let error = loop {
            let mut rows = Rows::new();
            rows.put(Table::Sessions, round.to_be_bytes(), noise(round, LARGE_BYTES / 9));
            let written = store.write(rows, Durability::Buffered);
            match written.and_then(|()| append_next(&store, 0, 50)) {
                Ok(next) => acknowledged.insert(0, next),
                Err(error) => break error,
            };
        };
        assert_eq!(error.exit_code(), 70, "{error}");
        assert!(store.is_poisoned());
        verify(&store, &acknowledged);
        limit_files(None);
        clone.reopen().unwrap();
        assert!(!store.is_poisoned());
        verify(&store, &acknowledged);
        acknowledged.insert(0, append_next(&store, 0, 1).unwrap());
        verify(&clone, &acknowledged);
    }
    drop((store, clone));
    verify(&open(dir), &acknowledged);
    assert!(sessionary_store::check::check(dir).is_whole());
    writeln!(std::io::stderr(), "healed as it should").unwrap();
}

#[test]
fn a_store_heals_when_space_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start("crash::child_heals", dir.path());
    let lines: Vec<_> =
        BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success(), "{lines:?}");
    assert!(lines.iter().any(|line| line == "healed as it should"), "{lines:?}");
}
