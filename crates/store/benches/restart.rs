//! How long opening takes after a kill at full load: a child fills a store and is cut off, then
//! this process opens what it left.
//!
//! `cargo bench -p sessionary-store --bench restart -- [folder] [journal MB] [table MB]`
#![expect(clippy::unwrap_used, reason = "a program for a terminal")]
use sessionary_store::{BlockHeader, Durability, Entry, Options, Rows, Store, Table};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

const OPTIONS: Options =
    Options { cache_bytes: 64 << 20, max_journaling_bytes: 512 << 20, min_free_bytes: Some(0) };
const CHILD: &str = "STORE_BENCH_CHILD";
const GROUP_BYTES: u64 = 150_000;

fn main() {
    let arguments: Vec<_> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let scratch = tempfile::tempdir().unwrap();
    let dir = arguments.first().map_or(scratch.path().join("data"), PathBuf::from);
    let megabytes = |at: usize, otherwise: u64| -> u64 {
        arguments.get(at).map_or(otherwise, |number| number.parse().unwrap())
    };
    let (journal, tables) = (megabytes(1, 1000), megabytes(2, 300));
    if std::env::var_os(CHILD).is_some() {
        fill(&dir, journal, tables);
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.arg(&dir).args([journal.to_string(), tables.to_string()]).env(CHILD, "1");
    assert!(!child.status().unwrap().success(), "the child aborts");
    println!("log files after the kill: {:?}", logs(&dir));
    for name in ["first", "second"] {
        let began = now();
        let store = Store::open(&dir, &OPTIONS).unwrap();
        println!("{name} opening: {:?}, next position {}", began.elapsed(), store.next_position(0));
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Half of each entry is noise.
fn fill(dir: &Path, journal_mb: u64, table_mb: u64) -> ! {
    let store = Store::open(dir, &OPTIONS).unwrap();
    let groups = journal_mb * 1_000_000 / GROUP_BYTES;
    let row_bytes = table_mb * 1_000_000 / groups / 20;
    let mut seed = 1_u64;
    for _ in 0..groups {
        let texts: Vec<_> = (0..500).map(|_| text(&mut seed, GROUP_BYTES / 500)).collect();
        let entries: Vec<_> = texts.iter().map(|bytes| Entry { partition: 0, bytes }).collect();
        let mut rows = Rows::new();
        for _ in 0..20 {
            let key = (seed % 200_000).to_be_bytes();
            rows.put(Table::Sessions, key, text(&mut seed, row_bytes));
        }
        store.write(rows, Durability::Buffered).unwrap();
        store.append(0, &BlockHeader::default(), &entries, Rows::new()).unwrap();
    }
    std::process::abort();
}

fn text(seed: &mut u64, bytes: u64) -> Vec<u8> {
    let mut text = Vec::new();
    while (text.len() as u64) < bytes {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.extend_from_slice(&(*seed ^ (*seed >> 33)).to_be_bytes());
        text.extend_from_slice(b"\"name\":8");
    }
    text
}

/// Each log file and its bytes on disk.
fn logs(dir: &Path) -> Vec<(String, u64)> {
    let files = std::fs::read_dir(dir.join("engine")).unwrap().map(Result::unwrap);
    let logs = files.filter(|file| file.path().extension().is_some_and(|end| end == "jnl"));
    logs.map(|file| {
        let blocks = std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap());
        (file.file_name().to_string_lossy().into_owned(), blocks * 512)
    })
    .collect()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
