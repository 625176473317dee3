//! The store's promises, each as a test against a real directory.
#![expect(
    clippy::unwrap_used,
    reason = "the whole file is a test; clippy sees only the functions marked so"
)]
mod crash;
mod damage;
mod held;
mod journal;
mod opening;
mod signal_ids;
mod small_volume;
mod sweep;
mod tables;
mod volume;

use sessionary_store::{BlockHeader, Entry, FiredThrough, Options, Rows, Store, StoreError};
use std::path::Path;

fn options() -> Options {
    Options { cache_bytes: 8 << 20, max_journaling_bytes: 64 << 20, min_free_bytes: None }
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &options()).unwrap()
}

fn refusal(dir: &Path) -> StoreError {
    match Store::open(dir, &options()) {
        Ok(_) => panic!("the store opened"),
        Err(refusal) => refusal,
    }
}

fn header(now: i64) -> BlockHeader {
    BlockHeader { now, fired_through: FiredThrough { due: now - 1, session: [7; 16] }, rules: 3 }
}

/// Appends a group of the given texts, without rows.
fn append(store: &Store, shard: u8, texts: &[&str]) -> u64 {
    let entries: Vec<_> =
        texts.iter().map(|text| Entry { partition: 5, bytes: text.as_bytes() }).collect();
    store.append(shard, &header(1), &entries, Rows::new()).unwrap()
}

/// Every entry from `from` on, as text.
fn texts(store: &Store, shard: u8, from: u64) -> Vec<String> {
    let blocks = store.replay(shard, from).map(Result::unwrap);
    blocks.flat_map(|block| block.entries).map(|e| String::from_utf8(e.bytes).unwrap()).collect()
}

/// Bytes that do not compress: a linear congruential generator's.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state ^ (state >> 33)).to_be_bytes()
    };
    std::iter::repeat_with(next).take(bytes / 8).flatten().collect()
}
