//! A start: what the journal holds beyond the last checkpoint is folded again.
//!
//! One thread reads and decodes ahead while another folds, so a start takes as long as the fold
//! alone. A start is a fold of the same blocks in the same order: nothing else happens here.
use std::sync::mpsc::{SyncSender, sync_channel};

use sessionary_store::{BlockHeader, Store};

use crate::{
    EngineError,
    clock::monotonic,
    entry::Entry,
    shard::{SHARD, Shard},
};

/// Blocks that are decoded and not folded yet, at most: one may be as large as a group of requests.
const AHEAD: usize = 4;

/// A block whose entries are decoded.
struct Decoded {
    first: u64,
    next: u64,
    header: BlockHeader,
    bytes: u64,
    entries: Vec<Entry>,
}

impl Shard {
    /// Folds what the journal holds from the next position on.
    pub(crate) fn replay(&mut self) -> Result<(), EngineError> {
        let (from, store) = (self.next, self.store.clone());
        let (send, decoded) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || read_ahead(&store, from, &send));
            decoded.into_iter().try_for_each(|block| self.fold_again(block?))
        })?;
        self.write_pending(0)
    }

    fn fold_again(&mut self, block: Decoded) -> Result<(), EngineError> {
        let Decoded { first, next, header, bytes, entries } = block;
        let (count, began) = (entries.len(), monotonic());
        self.note_appended(bytes);
        self.fold_block(first, next, &header, entries)?;
        self.write_some_pending()?;
        self.roll(count, began.elapsed())
    }
}

/// Sends blocks until there is none, one cannot be read, or nobody wants them.
fn read_ahead(store: &Store, from: u64, send: &SyncSender<Result<Decoded, EngineError>>) {
    for block in store.replay(SHARD, from) {
        let decoded = block.map_err(EngineError::from).and_then(|block| {
            let entries = block.entries.iter().map(|entry| Entry::from_bytes(&entry.bytes));
            let (first, next) = (block.first, block.first + block.span());
            let (header, bytes) = (block.header, block.bytes);
            Ok(Decoded { first, next, header, bytes, entries: entries.collect::<Result<_, _>>()? })
        });
        // The first block may begin before the position.
        if decoded.as_ref().is_ok_and(|block| block.first < from) {
            continue;
        }
        if send.send(decoded).is_err() {
            return;
        }
    }
}
