//! More than fits the engine's memory: logs are sealed and deleted, table files written.
use crate::{append, header, noise, open, opening::contents, options, refusal, texts};
use sessionary_store::{
    Direction, Durability, Entry, Options, Rows, Store, StoreError, Table, check::check,
};
use std::path::Path;

fn fill(store: &Store, from: u32, to: u32) {
    for number in from..to {
        let mut rows = Rows::new();
        rows.put(Table::Sessions, number.to_be_bytes(), noise(number.into(), 1 << 20));
        store.write(rows, Durability::Buffered).unwrap();
        append(store, 0, &[&number.to_string()]);
    }
}

#[test]
fn sealed_and_deleted_logs_are_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = 3;
    for round in 0..rounds {
        let store = open(dir.path());
        fill(&store, round * 45, (round + 1) * 45);
        store.trim(0, u64::from(round) * 45).unwrap();
        drop(store);
    }
    assert!(!dir.path().join("engine/0.jnl").exists(), "the first log is deleted by now");
    let store = open(dir.path());
    for number in [0, 44, 45, 134] {
        let found = store.get(Table::Sessions, &u32::to_be_bytes(number)).unwrap().unwrap();
        assert_eq!(found, noise(number.into(), 1 << 20));
    }
    assert_eq!(texts(&store, 0, 0).len(), 46);
    drop(store);
    assert_eq!(check(dir.path()).findings, []);
}

#[test]
fn a_flipped_bit_in_a_table_file_is_named_and_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 0, 40);
    store.close().unwrap();
    drop(open(dir.path()));
    let tables: Vec<_> = contents(dir.path())
        .into_iter()
        .filter(|(path, bytes)| path.contains("/tables/") && bytes.len() > 1 << 20)
        .collect();
    assert!(!tables.is_empty());
    for (path, mut bytes) in tables {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    let (store, _) = Store::open_read_only(dir.path(), &options()).unwrap();
    let mut damaged = 0;
    for number in 0..40_u32 {
        match store.get(Table::Sessions, &number.to_be_bytes()) {
            Ok(value) => assert_eq!(value.unwrap(), noise(number.into(), 1 << 20)),
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
                damaged += 1;
            }
        }
    }
    assert!((1..5).contains(&damaged), "{damaged}");
    drop(store);
    let report = check(dir.path());
    assert!(report.findings[0].what.contains("table file"), "{:?}", report.findings);
}

#[test]
fn a_table_file_that_cannot_be_opened_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 0, 4);
    store.tidy().unwrap();
    store.close().unwrap();
    let tables = contents(dir.path()).into_iter().filter(|(path, _)| path.contains("/tables/"));
    let tables: Vec<_> = tables.collect();
    assert!(tables.len() > 2, "{}", tables.len());
    for (path, bytes) in tables {
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let refused = refusal(dir.path());
        let (space, file) = path.rsplit_once("/tables/").unwrap();
        let space = space.rsplit_once('/').unwrap().1;
        let named = format!("key space {space} of the engine is damaged: its table file {file} ");
        assert!(refused.to_string().starts_with(&named), "{refused}");
        std::fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(open(dir.path()).scan(Table::Sessions, .., Direction::Forward).count(), 4);
}

#[test]
fn threads_share_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    std::thread::scope(|scope| {
        for shard in 0..4_u8 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..40_i64 {
                    let entries = [Entry { partition: shard, bytes: b"entry" }; 3];
                    let mut rows = Rows::new();
                    rows.put(Table::Config, vec![shard], round.to_be_bytes());
                    store.append(shard, &header(round), &entries, rows).unwrap();
                    assert_eq!(texts(store, shard, 1).len() % 3, 0);
                    let mut more = Rows::new();
                    more.put(Table::Members, vec![shard], round.to_be_bytes());
                    store.write(more, Durability::Buffered).unwrap();
                    store.trim(shard, u64::try_from(round).unwrap()).unwrap();
                }
            });
        }
    });
    drop(store);
    let store = open(dir.path());
    for shard in 0..4 {
        assert_eq!((store.first_position(shard), store.next_position(shard)), (37, 121));
        assert_eq!(texts(&store, shard, 0).len(), 84);
        assert_eq!(store.scan_prefix(Table::Members, &[shard], Direction::Forward).count(), 1);
    }
    assert_eq!(check_of(dir.path(), store), []);
}

fn check_of(dir: &Path, store: Store) -> Vec<sessionary_store::check::Finding> {
    drop(store);
    check(dir).findings
}

/// The largest file in a folder, in bytes; files come and go.
fn largest_file(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => largest_file(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.max().unwrap_or(0)
}

/// Bytes that this thread has read so far, from files and from the system's memory of them.
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    let rchar = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    rchar.parse().unwrap()
}

#[test]
fn looking_for_a_key_that_is_not_there_reads_little_of_a_large_table() {
    const ROWS: u64 = 800_000;
    const LOOKS: u64 = 2_000;
    let key = |number: u64| noise(number, 24);
    let dir = tempfile::tempdir().unwrap();
    let options = Options { cache_bytes: 2 << 20, ..options() };
    let store = Store::open(dir.path(), &options).unwrap();
    for first in (0..ROWS).step_by(2_000) {
        let mut rows = Rows::new();
        (first..first + 2_000).for_each(|number| rows.put(Table::Lanes, key(number), *b"a lane"));
        store.write(rows, Durability::Buffered).unwrap();
    }
    // The rows are merged into large files behind the writes; only those have large filters.
    while largest_file(&dir.path().join("engine/keyspaces")) < 8 << 20 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    drop(store);
    let store = Store::open(dir.path(), &options).unwrap();
    assert_eq!(store.get(Table::Lanes, &key(7)).unwrap().unwrap(), b"a lane");
    let before = bytes_read();
    for number in ROWS..ROWS + LOOKS {
        assert_eq!(store.get(Table::Lanes, &key(number)).unwrap(), None);
    }
    let each = (bytes_read() - before) / LOOKS;
    assert!(each < 32 << 10, "{each} bytes were read for each key");
}

/// The engine's one thread takes flushes, and whoever asks for one, from a queue of a thousand.
#[test]
fn small_batches_while_much_is_flushed_do_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (done, ended) = std::sync::mpsc::channel();
    let writing = store.clone();
    std::thread::spawn(move || {
        for number in 0..60_000_u64 {
            let mut rows = Rows::new();
            for table in [Table::Sessions, Table::Lanes, Table::Index, Table::Timers] {
                rows.put(table, noise(number, 16), noise(number, 2_000));
            }
            writing.write(rows, Durability::Buffered).unwrap();
        }
        done.send(()).unwrap();
    });
    let minutes = std::time::Duration::from_mins(3);
    assert!(ended.recv_timeout(minutes).is_ok(), "writing stands still");
    assert!(store.get(Table::Lanes, &noise(59_999, 16)).unwrap().is_some());
}
