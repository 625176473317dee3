//! Decoded journal chunks, the least recently used leaving first when they exceed a byte budget.
use crate::block::Chunk;
use std::{collections::BTreeMap, sync::Arc};

/// Memory of one entry besides its bytes, roughly.
const ENTRY_OVERHEAD: u64 = 40;

pub(crate) struct ChunkCache {
    chunks: BTreeMap<(u8, u64), Cached>,
    /// Last use, oldest first.
    uses: BTreeMap<u64, (u8, u64)>,
    next_use: u64,
    bytes: u64,
    bytes_max: u64,
}

struct Cached {
    chunk: Arc<Chunk>,
    last_use: u64,
}

impl ChunkCache {
    pub(crate) fn new(bytes_max: u64) -> ChunkCache {
        let (chunks, uses) = (BTreeMap::new(), BTreeMap::new());
        ChunkCache { chunks, uses, next_use: 0, bytes: 0, bytes_max }
    }

    /// The chunk that holds `position`, with the position of its first entry.
    pub(crate) fn find(&mut self, shard: u8, position: u64) -> Option<(u64, Arc<Chunk>)> {
        let (&(of, first), cached) = self.chunks.range_mut(..=(shard, position)).next_back()?;
        if of != shard || position - first >= cached.chunk.head.span() {
            return None;
        }
        self.uses.remove(&cached.last_use);
        cached.last_use = self.next_use;
        self.uses.insert(self.next_use, (shard, first));
        self.next_use += 1;
        Some((first, Arc::clone(&cached.chunk)))
    }

    pub(crate) fn insert(&mut self, shard: u8, first: u64, chunk: Arc<Chunk>) {
        let bytes = weight(&chunk);
        if bytes > self.bytes_max {
            return;
        }
        self.remove((shard, first));
        self.bytes += bytes;
        self.uses.insert(self.next_use, (shard, first));
        self.chunks.insert((shard, first), Cached { chunk, last_use: self.next_use });
        self.next_use += 1;
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.uses.pop_first() else { return };
            self.remove(oldest);
        }
    }

    /// Forgets the chunks that begin below a position.
    pub(crate) fn forget_below(&mut self, shard: u8, position: u64) {
        let below: Vec<_> =
            self.chunks.range((shard, 0)..(shard, position)).map(|(key, _)| *key).collect();
        for key in below {
            self.remove(key);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = ChunkCache::new(self.bytes_max);
    }

    fn remove(&mut self, key: (u8, u64)) {
        if let Some(cached) = self.chunks.remove(&key) {
            self.uses.remove(&cached.last_use);
            self.bytes -= weight(&cached.chunk);
        }
    }
}

fn weight(chunk: &Chunk) -> u64 {
    chunk.bytes + ENTRY_OVERHEAD * (chunk.entries.len() as u64 + 4)
}
