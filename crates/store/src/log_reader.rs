//! The batches of one file of the engine's log, read with memory for little more than one batch.
//!
//! The form of the log is that of the pinned fjall (`src/journal/entry.rs` there). Nothing is
//! changed here, and nothing is believed that a checksum does not cover.
use crate::store::{COMMIT_KEY, parse_commit};
use std::{fs::File, io::Read, os::unix::fs::FileExt, path::Path};
use xxhash_rust::xxh3::xxh3_64;

const END_MAGIC: [u8; 4] = *b"FJL\x03";
/// Read at once, at least.
const READ_BYTES: usize = 1 << 20;
const START_BYTES: usize = 13;
const ITEM_HEAD_BYTES: usize = 20;
const END_BYTES: usize = 13;

pub(crate) struct LogReader {
    file: File,
    length: u64,
    /// Bytes of the file from `begin` on; those before `at` are done with.
    window: Vec<u8>,
    begin: u64,
    at: usize,
}

impl LogReader {
    pub(crate) fn open(path: &Path) -> std::io::Result<LogReader> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(LogReader { file, length, window: Vec::new(), begin: 0, at: 0 })
    }

    /// Where the next batch begins; behind the last whole one, where the log stops being whole.
    pub(crate) fn offset(&self) -> u64 {
        self.begin + self.at as u64
    }

    /// The next batch, or nothing when what follows is no whole batch.
    pub(crate) fn next_batch(&mut self) -> std::io::Result<Option<Batch<'_>>> {
        let Some(length) = self.measure()? else { return Ok(None) };
        let bytes = self.window.get(self.at..self.at + length).unwrap_or_default();
        self.at += length;
        Ok(parse(bytes))
    }

    /// Whether the rest is zero: log files are made 64 MiB long.
    pub(crate) fn rest_is_zero(&self) -> std::io::Result<bool> {
        let mut at = self.offset();
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(READ_BYTES);
        let mut piece = vec![0; left.min(READ_BYTES)];
        while at < self.length {
            let read = self.file.read_at(&mut piece, at)?;
            if read == 0 {
                break;
            }
            if !is_zero(piece.get(..read).unwrap_or_default()) {
                return Ok(false);
            }
            at += read as u64;
        }
        Ok(true)
    }

    /// The first whole batch behind the place where the log stops being whole: its commit number,
    /// 0 when it carries none.
    pub(crate) fn commit_behind(&mut self) -> std::io::Result<Option<u64>> {
        self.at += 1;
        while self.offset() < self.length {
            let rest = self.window.get(self.at..).unwrap_or_default();
            match rest.iter().position(|byte| *byte == START_TAG) {
                None => self.at = self.window.len(),
                Some(skipped) => {
                    self.at += skipped;
                    if let Some(batch) = self.next_batch()? {
                        return Ok(Some(batch.commit().map_or(0, |(commit, _)| commit)));
                    }
                    self.at += 1;
                }
            }
            if self.at >= self.window.len() {
                self.read_more(START_BYTES)?;
            }
        }
        Ok(None)
    }

    /// The length of the whole batch that begins here, which is in the window then.
    fn measure(&mut self) -> std::io::Result<Option<usize>> {
        loop {
            match measure(self.window.get(self.at..).unwrap_or_default()) {
                Measured::Whole(length) => return Ok(Some(length)),
                Measured::Broken => return Ok(None),
                Measured::Short { needed } => {
                    if self.offset().saturating_add(needed as u64) > self.length {
                        return Ok(None);
                    }
                    if !self.read_more(needed)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Brings at least `needed` bytes from the current place on into the window, if the file has
    /// so many; says whether any came.
    fn read_more(&mut self, needed: usize) -> std::io::Result<bool> {
        self.begin += self.at as u64;
        self.window.drain(..self.at.min(self.window.len()));
        self.at = 0;
        let have = self.window.len();
        let wanted = needed.saturating_sub(have).max(have).max(READ_BYTES) as u64;
        let from = self.begin + have as u64;
        let count = wanted.min(self.length.saturating_sub(from));
        self.window.reserve(usize::try_from(count).unwrap_or(READ_BYTES) + 1);
        let mut part = PartOfFile { file: &self.file, at: from };
        let read = part.by_ref().take(count).read_to_end(&mut self.window)?;
        Ok(read > 0)
    }
}

struct PartOfFile<'f> {
    file: &'f File,
    at: u64,
}

impl Read for PartOfFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Writes that the engine applied together.
pub(crate) struct Batch<'a> {
    pub(crate) sequence_number: u64,
    pub(crate) items: Vec<Item<'a>>,
}

pub(crate) struct Item<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl Batch<'_> {
    /// Commit number and floor of the sequence number.
    pub(crate) fn commit(&self) -> Option<(u64, u64)> {
        let mark = self.items.iter().rev().find(|item| item.key == COMMIT_KEY)?;
        parse_commit(mark.value)
    }
}

const START_TAG: u8 = 1;
const ITEM_TAG: u8 = 2;
const END_TAG: u8 = 3;
/// A cleared key space: nothing of ours, but no damage either.
const CLEAR_TAG: u8 = 4;

enum Measured {
    Whole(usize),
    Broken,
    /// More bytes are needed to tell, at least up to this length.
    Short {
        needed: usize,
    },
}

/// Whether one whole batch stands at the front: start, items, an end whose checksum fits.
fn measure(log: &[u8]) -> Measured {
    let mut taker = LittleEndian(log);
    let behind = |rest: &LittleEndian<'_>| log.len() - rest.0.len();
    match taker.0.first() {
        Some(&START_TAG) | None => {}
        Some(_) => return Measured::Broken,
    }
    let Some((count, _)) = take_start(&mut taker) else {
        return Measured::Short { needed: START_BYTES };
    };
    for _ in 0..count {
        let begin = behind(&taker);
        match taker.u8() {
            None => return Measured::Short { needed: begin + ITEM_HEAD_BYTES },
            Some(CLEAR_TAG) => {
                if taker.u64().is_none() {
                    return Measured::Short { needed: begin + 9 };
                }
            }
            Some(ITEM_TAG) => {
                let Some(head) = take_item_head(&mut taker) else {
                    return Measured::Short { needed: begin + 1 + ITEM_HEAD_BYTES };
                };
                if !head.is_possible() {
                    return Measured::Broken;
                }
                if taker.bytes(head.bytes()).is_none() {
                    return Measured::Short { needed: behind(&taker) + head.bytes() };
                }
            }
            Some(_) => return Measured::Broken,
        }
    }
    let body = log.get(START_BYTES..behind(&taker)).unwrap_or_default();
    if taker.0.len() < END_BYTES {
        return Measured::Short { needed: behind(&taker) + END_BYTES };
    }
    let end = (taker.u8(), taker.u64(), taker.bytes(4));
    if end == (Some(END_TAG), Some(xxh3_64(body)), Some(&END_MAGIC)) {
        Measured::Whole(behind(&taker))
    } else {
        Measured::Broken
    }
}

/// Reads a batch that was measured.
fn parse(log: &[u8]) -> Option<Batch<'_>> {
    let mut taker = LittleEndian(log);
    let (count, sequence_number) = take_start(&mut taker)?;
    let mut items = Vec::new();
    for _ in 0..count {
        if taker.u8()? == ITEM_TAG {
            let head = take_item_head(&mut taker)?;
            let (key, value) = taker.bytes(head.bytes())?.split_at_checked(head.key_bytes)?;
            items.push(Item { key, value });
        } else {
            taker.u64()?;
        }
    }
    Some(Batch { sequence_number, items })
}

fn take_start(taker: &mut LittleEndian<'_>) -> Option<(u32, u64)> {
    taker.u8()?;
    Some((taker.u32()?, taker.u64()?))
}

struct ItemHead {
    kind_of_value: u8,
    compression: u8,
    key_bytes: usize,
    value_bytes: usize,
}

impl ItemHead {
    fn is_possible(&self) -> bool {
        self.kind_of_value < 8 && self.compression < 8
    }

    fn bytes(&self) -> usize {
        self.key_bytes.saturating_add(self.value_bytes)
    }
}

fn take_item_head(taker: &mut LittleEndian<'_>) -> Option<ItemHead> {
    let (kind_of_value, compression) = (taker.u8()?, taker.u8()?);
    let _key_space = taker.u64()?;
    let key_bytes = usize::from(taker.u16()?);
    let _inflated_bytes = taker.u32()?;
    let value_bytes = usize::try_from(taker.u32()?).ok()?;
    Some(ItemHead { kind_of_value, compression, key_bytes, value_bytes })
}

/// fjall's log is little-endian; all of ours is big-endian.
struct LittleEndian<'a>(&'a [u8]);

impl<'a> LittleEndian<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|part| ZEROS.starts_with(part))
}
