//! How fast groups of 512 entries of about 300 bytes are appended, beside the floor: a bare append
//! of the same bytes, uncompressed, and one fdatasync. One run, the ways taking turns; CPU is that
//! of the whole process, flushes and compactions included.
//!
//! `cargo bench -p sessionary-store --bench append -- [folder] [rounds]`
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a program for a terminal")]
#![expect(clippy::cast_precision_loss, reason = "figures of a benchmark")]
use rustix::time::{ClockId, clock_gettime};
use sessionary_store::{BlockHeader, Entry, Options, PackedEntries, Rows, Store, Table};
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const GROUP: usize = 512;
const GROUPS_PER_TURN: usize = 100;
const OPTIONS: Options =
    Options { cache_bytes: 8 << 20, max_journaling_bytes: 512 << 20, min_free_bytes: Some(0) };

type Act<'a> = Box<dyn FnMut(&[Vec<u8>]) + 'a>;

fn main() {
    let arguments: Vec<_> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let scratch = tempfile::tempdir().unwrap();
    let folder = arguments.first().map_or(scratch.path().to_owned(), PathBuf::from);
    let rounds = arguments.get(1).map_or(10, |rounds| rounds.parse().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let stores = ["append", "packed", "rows", "compressed"].map(|name| folder.join(name));
    let [append, packed, rows] =
        [0, 1, 2].map(|number: usize| Store::open(&stores[number], &OPTIONS).unwrap());
    let mut floor = File::create(folder.join("floor")).unwrap();
    let mut compressed = File::create(folder.join("compressed")).unwrap();
    let mut row = 0_u64;
    let ways: [(&str, Act<'_>); 5] = [
        ("bare append + fdatasync", Box::new(|group| bare(&mut floor, &group.concat()))),
        (
            "the same, compressed first",
            Box::new(|group| {
                let packed = PackedEntries::pack(&entries(group)).unwrap();
                bare(&mut compressed, &vec![7; usize::try_from(packed.bytes()).unwrap()]);
            }),
        ),
        (
            "Store::append",
            Box::new(|group| {
                append.append(0, &BlockHeader::default(), &entries(group), Rows::new()).unwrap();
            }),
        ),
        (
            "pack, then append_chunks",
            Box::new(|group| {
                let parts =
                    group.chunks(128).map(|part| PackedEntries::pack(&entries(part)).unwrap());
                packed
                    .append_chunks(0, &BlockHeader::default(), parts.collect(), Rows::new())
                    .unwrap();
            }),
        ),
        (
            "Store::append with 51 rows",
            Box::new(|group| {
                let mut rows_of_group = Rows::new();
                for entry in group.iter().step_by(10) {
                    row += 1;
                    let key = row.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
                    rows_of_group.put(Table::Sessions, key, entry.as_slice());
                }
                rows.append(0, &BlockHeader::default(), &entries(group), rows_of_group).unwrap();
            }),
        ),
    ];
    run(ways, rounds);
    drop((append, packed, rows));
    for path in stores.iter().chain([&folder.join("floor")]) {
        remove(path);
    }
}

fn run<const N: usize>(mut ways: [(&str, Act<'_>); N], rounds: usize) {
    let mut wall = [Duration::ZERO; N];
    let mut cpu = [Duration::ZERO; N];
    let mut seed = 0;
    for _ in 0..rounds {
        let groups: Vec<_> = (0..GROUPS_PER_TURN).map(|_| group(&mut seed)).collect();
        for (number, (_, act)) in ways.iter_mut().enumerate() {
            let (began, cpu_began) = (now(), cpu_time());
            for group in &groups {
                act(group);
            }
            wall[number] += began.elapsed();
            cpu[number] += cpu_time().saturating_sub(cpu_began);
        }
    }
    let count = (rounds * GROUPS_PER_TURN * GROUP) as f64;
    println!("{:28} {:>12} {:>10} {:>8} {:>8}", "", "entries/s", "CPU us", "x speed", "x CPU");
    for (number, (name, _)) in ways.iter().enumerate() {
        let ratio = wall[0].as_secs_f64() / wall[number].as_secs_f64();
        let cost = cpu[number].as_secs_f64() / cpu[0].as_secs_f64();
        let (per_second, each) =
            (count / wall[number].as_secs_f64(), cpu[number].as_secs_f64() * 1e6 / count);
        println!("{name:28} {per_second:>12.0} {each:>10.2} {ratio:>8.2} {cost:>8.2}");
    }
}

fn bare(file: &mut File, bytes: &[u8]) {
    file.write_all(bytes).unwrap();
    file.sync_data().unwrap();
}

fn entries(group: &[Vec<u8>]) -> Vec<Entry<'_>> {
    group.iter().map(|bytes| Entry { partition: 3, bytes }).collect()
}

/// 512 entries like signals: names that repeat, numbers that do not.
fn group(seed: &mut u64) -> Vec<Vec<u8>> {
    let mut next = || {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed ^ (*seed >> 29)
    };
    let entry = |_| {
        let (id, visitor, page, price) = (next(), next(), next() % 900, next() % 100_000);
        format!(
            "{{\"signal_id\":\"{id:016x}\",\"session\":\"{visitor:016x}\",\"name\":\"view_item\",\
             \"page\":\"https://shop.example/catalogue/item-{page}?utm_source=newsletter\",\"price\":{price},\
             \"currency\":\"EUR\",\"agent\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\",\
             \"screen\":\"1920x{page}\",\"consent\":true,\"at\":17{price:011}}}"
        )
    };
    (0..GROUP).map(entry).map(String::into_bytes).collect()
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}

fn remove(path: &Path) {
    let removed =
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.unwrap();
}
