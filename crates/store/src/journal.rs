//! The journal: append a group, read it back in order or by position, trim what is not needed.
use crate::{
    block::{
        Block, BlockHeader, Chunk, Entry, PackedEntries, chunk_key, chunks_of_group,
        parse_chunk_key, read_chunk, read_head,
    },
    engine::{Pairs, Space, View},
    error::StoreError,
    read::Direction,
    rows::Rows,
    store::{Durability, Inner, Store, add_rows, check_rows, trimmed_key},
};
use std::{ops::Bound, sync::Arc};

impl Store {
    /// Appends one group, and `rows` with it, in one atomic batch; durable when this returns, by
    /// exactly one sync. Returns the position of the first entry; the others follow. A group
    /// without entries takes one position too, so positions do not count signals.
    ///
    /// # Errors
    /// `Unstorable` for an entry over 64 MiB or a bad key in `rows`, and nothing was written. Any
    /// other error means the group may or may not be there after a restart, and the store accepts
    /// no more writes.
    pub fn append(
        &self,
        shard: u8,
        header: &BlockHeader,
        entries: &[Entry<'_>],
        rows: Rows,
    ) -> Result<u64, StoreError> {
        self.append_chunks(shard, header, vec![PackedEntries::pack(entries)?], rows)
    }

    /// Appends packed entries, in their order, as one group: [`Store::append`] without the work of
    /// compressing.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn append_chunks(
        &self,
        shard: u8,
        header: &BlockHeader,
        entries: Vec<PackedEntries>,
        rows: Rows,
    ) -> Result<u64, StoreError> {
        let inner = &self.inner;
        let (chunks, of) = chunks_of_group(entries)?;
        check_rows(&rows)?;
        let mut writer = inner.writer()?;
        inner.held.check("appending to the journal")?;
        let mut batch = inner.batch(chunks.len() + rows.len() + 1)?;
        add_rows(&mut batch, rows);
        let first = inner.next(shard);
        let mut position = first;
        for (chunk, ordinal) in chunks.into_iter().zip(0_u16..) {
            let key = chunk_key(shard, position);
            position += chunk.span();
            batch.put(Space::Journal, &key, chunk.seal(key, header, ordinal, of));
        }
        inner.commit(&mut writer, batch, Durability::Synced)?;
        inner.set_next(shard, position);
        inner.or_poison(writer.mark_next(shard, position))?;
        Ok(first)
    }

    /// The position the next entry will get; 1 in an empty journal.
    pub fn next_position(&self, shard: u8) -> u64 {
        self.inner.next(shard)
    }

    /// The oldest position still in the journal; equal to `next_position` when it is empty.
    pub fn first_position(&self, shard: u8) -> u64 {
        self.inner.first(shard)
    }

    /// Blocks that reach position `from` or lie behind it, oldest first, as of now. Every
    /// checksum is verified; a missing stretch is an error that names it, and ends the replay.
    /// What was trimmed is not missing.
    pub fn replay(&self, shard: u8, from: u64) -> Replay {
        // In this order: the view holds at least what lies between `first` and `next`.
        let end = self.inner.next(shard);
        let view = self.inner.live.get().map(|engine| engine.view());
        let start = from.max(self.inner.first(shard));
        let mut replay = Replay { chunks: None, shard, expected: start, end, failed: None };
        if start < end {
            let begin =
                view.and_then(|view| Ok((group_start(&self.inner, &view, shard, start)?, view)));
            match begin {
                Ok((begin, view)) => {
                    replay.expected = begin;
                    let (lower, upper) = (chunk_key(shard, begin), chunk_key(shard, u64::MAX));
                    let bounds = (Bound::Included(&lower[..]), Bound::Included(&upper[..]));
                    replay.chunks = Some(view.range(Space::Journal, bounds, Direction::Forward));
                }
                Err(error) => replay.failed = Some(error),
            }
        }
        replay
    }

    /// Entries by position, in the order asked for; `None` for a position that was trimmed, is
    /// not written yet, or belongs to a group without entries.
    ///
    /// # Errors
    /// `Damaged` when a position should be there and is not, or its chunk fails its checksum.
    pub fn read_entries(
        &self,
        shard: u8,
        positions: &[u64],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut held: Option<(u64, Arc<Chunk>)> = None;
        let mut entries = Vec::with_capacity(positions.len());
        for &position in positions {
            if !(self.inner.first(shard)..self.inner.next(shard)).contains(&position) {
                entries.push(None);
                continue;
            }
            let found = match held.take() {
                Some((first, chunk)) if covers(first, &chunk, position) => Some((first, chunk)),
                _ => find_chunk(&self.inner, shard, position)?,
            };
            entries.push(found.as_ref().and_then(|(first, chunk)| {
                let at = usize::try_from(position - first).ok()?;
                Some(chunk.entries.get(at)?.bytes.clone())
            }));
            held = found;
        }
        Ok(entries)
    }

    /// Lets go of the blocks that lie entirely below a position: they are not read any more, and
    /// the table files that hold nothing else are deleted. The caller has synced a checkpoint that
    /// passed it.
    ///
    /// # Errors
    /// `Damaged` when the journal cannot be read; `WriteFailed`, after which the store accepts no
    /// more writes until it was reopened.
    pub fn trim(&self, shard: u8, below: u64) -> Result<(), StoreError> {
        let inner = &self.inner;
        let next = inner.next(shard);
        let below = below.min(next);
        if below <= inner.first(shard) {
            return Ok(());
        }
        let view = inner.live.get()?.view();
        let boundary = if below == next { next } else { group_start(inner, &view, shard, below)? };
        drop(view);
        let mut writer = inner.writer()?;
        inner.held.check("trimming the journal")?;
        // Another trim may have come further already.
        if boundary <= inner.first(shard) {
            return Ok(());
        }
        let mut batch = inner.batch(2)?;
        batch.put(Space::Marks, &trimmed_key(shard), boundary.to_be_bytes().to_vec());
        // Readers first: from here they take the stretch for trimmed.
        inner.set_first(shard, boundary);
        // A deleted file cannot come back, so the mark may not be lost.
        inner.commit(&mut writer, batch, Durability::Synced)?;
        drop(writer);
        inner.chunks().forget_below(shard, boundary);
        let (lower, upper) = (chunk_key(shard, 0), chunk_key(shard, boundary));
        let engine = inner.live.get();
        let deleted = engine.and_then(|engine| engine.drop_journal_files(&lower, &upper));
        if let Err(error) = deleted {
            tracing::warn!(%error, shard, "trimmed journal files stay until the next trim");
        }
        Ok(())
    }
}

/// The blocks of one shard, oldest first. See [`Store::replay`].
pub struct Replay {
    chunks: Option<Pairs>,
    shard: u8,
    /// The position the next chunk must begin at.
    expected: u64,
    /// The journal's end when the replay began.
    end: u64,
    failed: Option<StoreError>,
}

impl Iterator for Replay {
    type Item = Result<Block, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            self.chunks = None;
            return Some(Err(error));
        }
        let block = self.next_block().transpose()?;
        if block.is_err() {
            self.chunks = None;
        }
        Some(block)
    }
}

impl Replay {
    fn next_block(&mut self) -> Result<Option<Block>, StoreError> {
        let Some(head) = self.next_chunk()? else { return Ok(None) };
        let mut block = Block {
            first: self.expected - head.head.span(),
            header: head.head.header,
            entries: head.entries,
            bytes: head.bytes,
        };
        if head.head.ordinal != 0 {
            return Err(self.damaged(block.first, "a group begins in its middle"));
        }
        for ordinal in 1..head.head.of {
            let at = self.expected;
            let Some(chunk) = self.next_chunk()? else {
                return Err(self.damaged(at, "the rest of a group is missing"));
            };
            if chunk.head.ordinal != ordinal || chunk.head.header != block.header {
                return Err(self.damaged(at, "a chunk belongs to another group"));
            }
            block.entries.extend(chunk.entries);
            block.bytes += chunk.bytes;
        }
        Ok(Some(block))
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, StoreError> {
        let Some(chunks) = &mut self.chunks else { return Ok(None) };
        let Some((key, value)) = chunks.next().transpose()? else {
            if self.expected < self.end {
                return Err(missing(self.shard, self.expected, self.end));
            }
            return Ok(None);
        };
        let at = position_of(&key);
        if at != self.expected {
            return Err(missing(self.shard, self.expected, at));
        }
        let chunk = read_chunk(&key, &value).map_err(|cause| self.damaged(at, &cause))?;
        self.expected += chunk.head.span();
        Ok(Some(chunk))
    }

    fn damaged(&self, from: u64, cause: &str) -> StoreError {
        damaged(self.shard, from, cause)
    }
}

fn damaged(shard: u8, from: u64, cause: &str) -> StoreError {
    let range = format!("positions from {from}: {cause}");
    StoreError::damaged(format!("the journal of shard {shard}"), range)
}

fn missing(shard: u8, from: u64, next: u64) -> StoreError {
    let range = format!("positions {from} to {} are missing", next.saturating_sub(1).max(from));
    StoreError::damaged(format!("the journal of shard {shard}"), range)
}

fn position_of(key: &[u8]) -> u64 {
    parse_chunk_key(key).map_or(0, |(_, position)| position)
}

fn covers(first: u64, chunk: &Chunk, position: u64) -> bool {
    (first..first + chunk.head.span()).contains(&position)
}

/// Chunks of one shard that begin at or below a position, from there down.
fn chunks_down_from(view: &View, shard: u8, position: u64) -> Pairs {
    let (lower, upper) = (chunk_key(shard, 0), chunk_key(shard, position));
    let bounds = (Bound::Included(&lower[..]), Bound::Included(&upper[..]));
    view.range(Space::Journal, bounds, Direction::Backward)
}

/// Where the group that holds `position` begins.
fn group_start(inner: &Inner, view: &View, shard: u8, position: u64) -> Result<u64, StoreError> {
    // Where the next chunk down must reach, so that nothing is missing.
    let mut reach = position + 1;
    for pair in chunks_down_from(view, shard, position) {
        let (key, value) = pair?;
        let at = position_of(&key);
        let (head, _) = read_head(&key, &value).map_err(|cause| damaged(shard, at, &cause))?;
        if at + head.span() < reach {
            return Err(missing(shard, at + head.span(), reach));
        }
        if head.ordinal == 0 {
            return Ok(at);
        }
        reach = at;
    }
    Err(missing(shard, inner.first(shard), reach))
}

fn find_chunk(
    inner: &Inner,
    shard: u8,
    position: u64,
) -> Result<Option<(u64, Arc<Chunk>)>, StoreError> {
    if let Some(found) = inner.chunks().find(shard, position) {
        return Ok(Some(found));
    }
    let view = inner.live.get()?.view();
    let pair = chunks_down_from(&view, shard, position).next().transpose()?;
    // A trim may have come between the caller's check and the view.
    if position < inner.first(shard) {
        return Ok(None);
    }
    let (key, value) = pair.ok_or_else(|| missing(shard, position, position + 1))?;
    let first = position_of(&key);
    let chunk = read_chunk(&key, &value).map_err(|cause| damaged(shard, first, &cause))?;
    if !covers(first, &chunk, position) {
        return Err(missing(shard, first + chunk.head.span(), position + 1));
    }
    let chunk = Arc::new(chunk);
    inner.chunks().insert(shard, first, Arc::clone(&chunk));
    Ok(Some((first, chunk)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    const OPTIONS: Options =
        Options { cache_bytes: 1 << 20, max_journaling_bytes: 64 << 20, min_free_bytes: None };

    /// Five groups of two entries, and then a change behind the journal's back.
    fn damaged_by(change: impl FnOnce(&Inner, &mut crate::engine::Batch)) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &OPTIONS).unwrap();
        for _ in 0..5 {
            let entries = [Entry { partition: 0, bytes: b"entry" }; 2];
            store.append(0, &BlockHeader::default(), &entries, Rows::new()).unwrap();
        }
        let mut batch = store.inner.batch(1).unwrap();
        change(&store.inner, &mut batch);
        let mut writer = store.inner.writer().unwrap();
        store.inner.commit(&mut writer, batch, Durability::Synced).unwrap();
        drop(writer);
        store.close().unwrap();
        dir
    }

    fn outcomes(store: &Store, from: u64) -> Vec<String> {
        let outcomes = store.replay(0, from).map(|block| match block {
            Ok(block) => block.first.to_string(),
            Err(error) => error.to_string(),
        });
        outcomes.map(|text| text.split(';').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_gap_in_the_positions_is_refused_by_name() {
        let dir = damaged_by(|_, batch| {
            batch.delete(Space::Journal, &chunk_key(0, 5));
        });
        let store = Store::open(dir.path(), &OPTIONS).unwrap();
        let gap = "the journal of shard 0 is damaged: positions 5 to 6 are missing";
        assert_eq!(outcomes(&store, 1), ["1", "3", gap]);
        let within = "the journal of shard 0 is damaged: positions 5 to 5 are missing";
        assert_eq!(outcomes(&store, 5), [within], "how far the gap goes is not known from here");
        assert_eq!(outcomes(&store, 7), ["7", "9"]);
        assert!(matches!(store.read_entries(0, &[6]), Err(StoreError::Damaged { .. })));
        drop(store);
        assert_eq!(crate::check::check(dir.path()).findings.len(), 1);
    }

    #[test]
    fn a_chunk_that_fails_its_checksum_is_refused_by_name() {
        let dir = damaged_by(|inner, batch| {
            let key = chunk_key(0, 3);
            let mut value = inner.live.get().unwrap().get(Space::Journal, &key).unwrap().unwrap();
            value[10] ^= 1;
            batch.put(Space::Journal, &key, value);
        });
        let store = Store::open(dir.path(), &OPTIONS).unwrap();
        let damage =
            "the journal of shard 0 is damaged: positions from 3: the checksum does not fit";
        assert_eq!(outcomes(&store, 1), ["1", damage]);
        assert!(matches!(store.trim(0, 4), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn a_missing_beginning_or_end_keeps_the_store_from_opening() {
        for (position, cause) in [(1, "it begins at position 3"), (9, "shard 0 positions 9 to 10")]
        {
            let dir = damaged_by(|_, batch| {
                batch.delete(Space::Journal, &chunk_key(0, position));
            });
            let Err(refused) = Store::open(dir.path(), &OPTIONS) else { panic!("it opened") };
            assert!(refused.to_string().contains(cause), "{refused}");
            let (store, refusals) = Store::open_read_only(dir.path(), &OPTIONS).unwrap();
            assert_eq!((refusals.len(), outcomes(&store, 0).len()), (1, 4));
        }
    }
}
