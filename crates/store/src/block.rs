//! One group of the journal and its form on disk: chunks of at most 128 entries.
//!
//! Pure. A group is cut into chunks so that one signal can be read without inflating thousands;
//! each chunk repeats the header, so that it can be understood alone. Drawn in `FORMAT.md`.
use crate::{
    bytes::{Taker, put_counted},
    error::StoreError,
};
use std::cell::RefCell;

/// Entries in one chunk, at most.
pub const ENTRIES_PER_CHUNK: usize = 128;
/// Bytes of one entry, at most: 64 MiB.
pub const ENTRY_BYTES_MAX: usize = 64 << 20;
/// A chunk that has reached this many uncompressed bytes takes no further entry.
const CHUNK_BYTES: usize = 1 << 20;
const VERSION: u8 = 1;
/// Bytes of a chunk before its compressed body.
const HEAD_BYTES: usize = 50;
const ZSTD_LEVEL: i32 = 1;

/// What a group says about itself besides its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockHeader {
    /// Server time of the group, unix milliseconds.
    pub now: i64,
    /// The timer cursor this group reached.
    pub fired_through: FiredThrough,
    /// Number of the rules in force.
    pub rules: u32,
}

/// A place in the order of timers: every timer up to here has fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FiredThrough {
    /// When the timer was due, unix milliseconds.
    pub due: i64,
    /// The session it belongs to.
    pub session: [u8; 16],
}

/// One entry to append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The partition its lane belongs to.
    pub partition: u8,
    /// The entry, at most [`ENTRY_BYTES_MAX`]. The store never looks inside.
    pub bytes: &'a [u8],
}

/// One entry read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEntry {
    /// The partition its lane belongs to.
    pub partition: u8,
    /// The entry as it was appended.
    pub bytes: Vec<u8>,
}

/// One group read back: what one `append` wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Position of the first entry; the next entries follow without a gap.
    pub first: u64,
    /// As it was appended.
    pub header: BlockHeader,
    /// In the order of arrival; empty when only timers fired.
    pub entries: Vec<OwnedEntry>,
    /// Uncompressed size of the entries on disk, in bytes.
    pub bytes: u64,
}

impl Block {
    /// Positions this block takes: one an entry, and one when it has none.
    pub fn span(&self) -> u64 {
        span(self.entries.len())
    }
}

/// An empty group takes one position, so that its key is its own.
pub(crate) fn span(entries: usize) -> u64 {
    entries.max(1) as u64
}

/// A chunk's key: shard, then position of its first entry.
pub(crate) fn chunk_key(shard: u8, first: u64) -> [u8; 9] {
    let mut key = [shard; 9];
    let (_, position) = key.split_at_mut(1);
    position.copy_from_slice(&first.to_be_bytes());
    key
}

/// The counterpart of [`chunk_key`].
pub(crate) fn parse_chunk_key(key: &[u8]) -> Option<(u8, u64)> {
    let mut taker = Taker(key);
    let parsed = (taker.u8()?, taker.u64()?);
    taker.is_done().then_some(parsed)
}

/// Entries in the form they take on disk, but for place and header. Packing is most of the work of
/// an append, and needs neither the store nor an order: do it where the entries come in, on as
/// many threads as there are.
#[derive(Debug, Default)]
pub struct PackedEntries {
    chunks: Vec<PackedChunk>,
    len: usize,
}

impl PackedEntries {
    /// Cuts entries into chunks and compresses each. Chunks are never joined later: many packs of
    /// few entries take more room than one of many.
    ///
    /// # Errors
    /// `Unstorable` for an entry over [`ENTRY_BYTES_MAX`].
    pub fn pack(entries: &[Entry<'_>]) -> Result<PackedEntries, StoreError> {
        let mut chunks = Vec::with_capacity(entries.len() / ENTRIES_PER_CHUNK + 1);
        let mut rest = entries;
        while !rest.is_empty() {
            let (part, later) = rest.split_at(entries_of_next_chunk(rest)?);
            chunks.push(PackedChunk::pack(part)?);
            rest = later;
        }
        Ok(PackedEntries { chunks, len: entries.len() })
    }

    /// How many entries: as many positions they will take.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes they will take on disk, about.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.value.len() as u64).sum()
    }
}

/// The chunks of one group, in order, and how many; one without entries when there are none.
pub(crate) fn chunks_of_group(
    packed: Vec<PackedEntries>,
) -> Result<(Vec<PackedChunk>, u16), StoreError> {
    let mut chunks: Vec<_> = packed.into_iter().flat_map(|packed| packed.chunks).collect();
    if chunks.is_empty() {
        chunks.push(PackedChunk::pack(&[])?);
    }
    let of = u16::try_from(chunks.len()).map_err(|_| StoreError::Unstorable {
        what: "a journal group, counted in chunks of 128 entries".to_owned(),
        bytes: chunks.len(),
        min: 0,
        max: usize::from(u16::MAX),
    })?;
    Ok((chunks, of))
}

/// A chunk that is compressed and does not know its place yet.
#[derive(Debug)]
pub(crate) struct PackedChunk {
    /// The value, its first [`HEAD_BYTES`] not filled in yet.
    value: Vec<u8>,
    /// Of the bytes behind the head.
    body_checksum: crc32fast::Hasher,
    count: u8,
    length: u32,
}

impl PackedChunk {
    fn pack(entries: &[Entry<'_>]) -> Result<PackedChunk, StoreError> {
        let mut body = Vec::with_capacity(entries.iter().map(|entry| entry.bytes.len() + 6).sum());
        for entry in entries {
            body.push(entry.partition);
            put_counted(&mut body, entry.bytes);
        }
        let count = u8::try_from(entries.len()).expect("a chunk has at most 128 entries");
        let length = u32::try_from(body.len()).expect("a chunk has at most 65 MiB");
        let value = compress_behind(HEAD_BYTES, &body)?;
        let mut body_checksum = crc32fast::Hasher::new();
        body_checksum.update(value.get(HEAD_BYTES..).unwrap_or_default());
        Ok(PackedChunk { value, body_checksum, count, length })
    }

    pub(crate) fn span(&self) -> u64 {
        span(usize::from(self.count))
    }

    /// The value under `key`: the head is filled in. The checksum covers the key, so a chunk in a
    /// wrong place is damage.
    pub(crate) fn seal(self, key: [u8; 9], header: &BlockHeader, ordinal: u16, of: u16) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&ordinal.to_be_bytes());
        head.extend_from_slice(&of.to_be_bytes());
        head.extend_from_slice(&header.now.to_be_bytes());
        head.extend_from_slice(&header.fired_through.due.to_be_bytes());
        head.extend_from_slice(&header.fired_through.session);
        head.extend_from_slice(&header.rules.to_be_bytes());
        head.push(self.count);
        head.extend_from_slice(&self.length.to_be_bytes());
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&key);
        checksum.update(&head);
        checksum.combine(&self.body_checksum);
        let mut value = self.value;
        let front = [&[VERSION][..], &checksum.finalize().to_be_bytes()].concat();
        for (byte, filled) in value.iter_mut().zip(front.iter().chain(&head)) {
            *byte = *filled;
        }
        value
    }
}

fn checksum(key: &[u8], checked: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(checked);
    hasher.finalize()
}

/// How many of these entries the next chunk takes; at least one.
fn entries_of_next_chunk(entries: &[Entry<'_>]) -> Result<usize, StoreError> {
    let mut bytes = 0;
    let mut count = 0;
    for entry in entries.iter().take(ENTRIES_PER_CHUNK) {
        if entry.bytes.len() > ENTRY_BYTES_MAX {
            return Err(StoreError::Unstorable {
                what: "a journal entry".to_owned(),
                bytes: entry.bytes.len(),
                min: 0,
                max: ENTRY_BYTES_MAX,
            });
        }
        if count > 0 && bytes + entry.bytes.len() > CHUNK_BYTES {
            break;
        }
        bytes += entry.bytes.len();
        count += 1;
    }
    Ok(count)
}

/// What stands in a chunk before its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkHead {
    pub(crate) header: BlockHeader,
    /// 0 for the first chunk of a group.
    pub(crate) ordinal: u16,
    /// Chunks in the group.
    pub(crate) of: u16,
    count: u8,
    length: u32,
}

impl ChunkHead {
    pub(crate) fn span(&self) -> u64 {
        span(usize::from(self.count))
    }
}

/// A chunk that passed its checksum.
pub(crate) struct Chunk {
    pub(crate) head: ChunkHead,
    pub(crate) entries: Vec<OwnedEntry>,
    /// Uncompressed size.
    pub(crate) bytes: u64,
}

/// Checks and reads the head alone; says in words what is wrong.
pub(crate) fn read_head<'v>(key: &[u8], value: &'v [u8]) -> Result<(ChunkHead, &'v [u8]), String> {
    let mut taker = Taker(value);
    let version = taker.u8().ok_or("the chunk is empty")?;
    if version != VERSION {
        return Err(format!("the chunk has version {version}; known is {VERSION}"));
    }
    let stored = taker.u32().ok_or("the chunk is too short")?;
    if checksum(key, taker.0) != stored {
        return Err("the checksum does not fit".to_owned());
    }
    let head = take_head(&mut taker).ok_or("the chunk is too short")?;
    Ok((head, taker.0))
}

fn take_head(taker: &mut Taker<'_>) -> Option<ChunkHead> {
    let (ordinal, of) = (taker.u16()?, taker.u16()?);
    let now = taker.i64()?;
    let fired_through = FiredThrough { due: taker.i64()?, session: taker.array()? };
    let header = BlockHeader { now, fired_through, rules: taker.u32()? };
    Some(ChunkHead { header, ordinal, of, count: taker.u8()?, length: taker.u32()? })
}

/// Checks and reads a whole chunk; says in words what is wrong.
pub(crate) fn read_chunk(key: &[u8], value: &[u8]) -> Result<Chunk, String> {
    let (head, packed) = read_head(key, value)?;
    let body = inflate(packed, head.length)?;
    let mut taker = Taker(&body);
    let mut entries = Vec::with_capacity(usize::from(head.count));
    for _ in 0..head.count {
        let partition = taker.u8().ok_or("an entry is cut short")?;
        let bytes = taker.counted().ok_or("an entry is cut short")?.to_vec();
        entries.push(OwnedEntry { partition, bytes });
    }
    if !taker.is_done() {
        return Err("bytes are left over behind the last entry".to_owned());
    }
    Ok(Chunk { head, entries, bytes: body.len() as u64 })
}

thread_local! {
    /// Making a context costs more than compressing a chunk with it.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    /// Making one costs as much as inflating some ten kilobytes: a seventh of writing the lake.
    static INFLATER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// One zstd frame.
pub(crate) fn compress(body: &[u8]) -> Result<Vec<u8>, StoreError> {
    compress_behind(0, body)
}

/// One zstd frame behind so many bytes that are left for the caller.
fn compress_behind(left: usize, body: &[u8]) -> Result<Vec<u8>, StoreError> {
    let compress = || -> std::io::Result<Vec<u8>> {
        COMPRESSOR.with_borrow_mut(|compressor| {
            let compressor = match compressor {
                Some(compressor) => compressor,
                None => compressor.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
            };
            let mut out = vec![0; left + zstd::zstd_safe::compress_bound(body.len())];
            let frame = out.get_mut(left..).unwrap_or_default();
            let written = compressor.compress_to_buffer(body, frame)?;
            out.truncate(left + written);
            Ok(out)
        })
    };
    compress().map_err(StoreError::io("compressing"))
}

/// The length is trusted only behind a checksum.
pub(crate) fn inflate(packed: &[u8], length: u32) -> Result<Vec<u8>, String> {
    let length = usize::try_from(length).map_err(|_| "the length does not fit this machine")?;
    let inflate = |inflater: &mut Option<zstd::bulk::Decompressor<'static>>| {
        let inflater = match inflater {
            Some(inflater) => inflater,
            None => inflater.insert(zstd::bulk::Decompressor::new()?),
        };
        inflater.decompress(packed, length)
    };
    let body = INFLATER.with_borrow_mut(inflate).map_err(|error| error.to_string())?;
    if body.len() != length {
        return Err(format!(
            "{} bytes came out of the compressed body instead of {length}",
            body.len()
        ));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(entries: &[Entry<'_>]) -> Vec<(u64, Vec<u8>)> {
        let mut first = 7;
        let header = BlockHeader { now: 5, ..BlockHeader::default() };
        let (chunks, of) = chunks_of_group(vec![PackedEntries::pack(entries).unwrap()]).unwrap();
        let seal = |(chunk, ordinal): (PackedChunk, u16)| {
            let at = first;
            first += chunk.span();
            (at, chunk.seal(chunk_key(3, at), &header, ordinal, of))
        };
        chunks.into_iter().zip(0..).map(seal).collect()
    }

    #[test]
    fn a_group_is_cut_by_entries_and_by_bytes() {
        let small = vec![Entry { partition: 1, bytes: b"x" }; 300];
        let firsts: Vec<_> = sealed(&small).into_iter().map(|(first, _)| first).collect();
        assert_eq!(firsts, [7, 135, 263]);
        let large = vec![0; 700 << 10];
        let firsts: Vec<_> = sealed(&[Entry { partition: 1, bytes: &large }; 3])
            .into_iter()
            .map(|chunk| chunk.0)
            .collect();
        assert_eq!(firsts, [7, 8, 9]);
        assert_eq!(sealed(&[]).len(), 1);
    }

    /// Written by format 1; every later program must read it.
    #[test]
    fn the_first_version_is_read() {
        let golden = "012b29a7da00000001000000000000000500000000000000000000000000000000000000000\
                      000000000000000010000000828b52ffd200841000009067369676e616c";
        let value = crate::bytes::from_hex(golden);
        let chunk = read_chunk(&chunk_key(3, 7), &value).unwrap();
        assert_eq!(chunk.head.header, BlockHeader { now: 5, ..BlockHeader::default() });
        assert_eq!((chunk.head.ordinal, chunk.head.of, chunk.bytes), (0, 1, 8));
        assert_eq!(chunk.entries, [OwnedEntry { partition: 9, bytes: b"signal".to_vec() }]);
    }

    #[test]
    fn every_flipped_bit_of_a_chunk_is_noticed() {
        let (first, value) = sealed(&[Entry { partition: 9, bytes: b"signal" }]).remove(0);
        let key = chunk_key(3, first);
        assert_eq!(read_chunk(&key, &value).map(|chunk| chunk.entries.len()), Ok(1));
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read_chunk(&key, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..value.len() {
            assert!(read_chunk(&key, &value[..length]).is_err(), "length {length}");
        }
        assert!(read_chunk(&chunk_key(3, first + 1), &value).is_err(), "another place");
    }
}
