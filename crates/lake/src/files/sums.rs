//! Checksums of a file's bytes, in its footer: what a disk or a network changed is found before a row
//! of it is told.
//!
//! The columns are summed in blocks of 64 KiB, what lies behind them (page index and footer) as one.
//! All sums are one text of the footer's metadata, which other readers pass over:
//! `sessionary-sums:1:BLOCK:COVERED:TAIL:BLOCKS`, the sums as eight digits each. The sum of the tail
//! is over itself with its own digits as zeros, and is written into its place last.
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::Path,
};

use crc32fast::Hasher;

/// The name of the text in the metadata.
pub(crate) const KEY: &str = "sessionary.sums";
const BEGIN: &str = "sessionary-sums:1:";
/// Bytes that are summed together.
const BLOCK: u64 = 64 << 10;
/// Digits of a sum.
const DIGITS: usize = 8;

/// A file that is summed as it is written.
pub(crate) struct Summing {
    file: File,
    blocks: Vec<u32>,
    open: Hasher,
    bytes: u64,
}

impl Summing {
    pub(crate) fn new(file: File) -> Summing {
        Summing { file, blocks: Vec::new(), open: Hasher::new(), bytes: 0 }
    }

    /// The sums of what was written so far, as the text of the footer. What comes after it is the tail.
    pub(crate) fn text(&self) -> String {
        let mut blocks = self.blocks.clone();
        if !self.bytes.is_multiple_of(BLOCK) {
            blocks.push(self.open.clone().finalize());
        }
        let mut text = format!("{BEGIN}{BLOCK}:{}:00000000:", self.bytes);
        for sum in blocks {
            // Into a text it cannot fail.
            let _ = write!(text, "{sum:08x}");
        }
        text
    }

    /// Sums the tail, puts the sum into its place and makes the file durable; gives its bytes.
    pub(crate) fn seal(mut self, covered: u64) -> io::Result<u64> {
        self.file.flush()?;
        let bytes = self.file.seek(SeekFrom::End(0))?;
        self.file.seek(SeekFrom::Start(covered))?;
        let mut tail = Vec::new();
        (&self.file).take(bytes.saturating_sub(covered)).read_to_end(&mut tail)?;
        if let Some(place) = found(&tail).and_then(|text| tail_place(&tail, text)) {
            let sum = format!("{:08x}", crc32fast::hash(&tail));
            self.file.seek(SeekFrom::Start(covered.saturating_add(place as u64)))?;
            self.file.write_all(sum.as_bytes())?;
        }
        self.file.sync_all()?;
        Ok(bytes)
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BLOCK - self.bytes % BLOCK;
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let some = bytes.get(..most).unwrap_or(bytes);
        let written = self.file.write(some)?;
        self.open.update(some.get(..written).unwrap_or(some));
        self.bytes += written as u64;
        if written > 0 && self.bytes.is_multiple_of(BLOCK) {
            self.blocks.push(std::mem::take(&mut self.open).finalize());
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The sums of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    block: u64,
    /// Bytes from the beginning that the blocks cover; the tail lies behind them.
    covered: u64,
    tail: u32,
    blocks: Vec<u32>,
}

impl Sums {
    /// As they are in the end of a file; `None`: it has none, because another program wrote it.
    pub(crate) fn find(end: &[u8]) -> Option<Sums> {
        let text = end.get(found(end)?..)?;
        let mut parts = text.get(BEGIN.len()..)?.splitn(4, |byte| *byte == b':');
        let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u64>().ok();
        let (block, covered) = (number()?, number()?);
        let tail = sum_of(parts.next()?)?;
        let count = usize::try_from(covered.checked_div(block)?).ok()?;
        let count = count + usize::from(!covered.is_multiple_of(block));
        let blocks = parts.next()?.chunks(DIGITS).take(count).map(sum_of);
        let blocks = blocks.collect::<Option<Vec<u32>>>().filter(|blocks| blocks.len() == count)?;
        Some(Sums { block, covered, tail, blocks })
    }

    /// Bytes from the beginning that the blocks cover.
    pub(crate) fn covered(&self) -> u64 {
        self.covered
    }

    /// Whether this is the tail that was written, all from [`Sums::covered`] on.
    pub(crate) fn is_tail(&self, tail: &[u8]) -> bool {
        let Some(place) = found(tail).and_then(|text| tail_place(tail, text)) else { return false };
        let (Some(before), Some(after)) = (tail.get(..place), tail.get(place + DIGITS..)) else {
            return false;
        };
        let mut hasher = Hasher::new();
        hasher.update(before);
        hasher.update(&[b'0'; DIGITS]);
        hasher.update(after);
        hasher.finalize() == self.tail
    }

    /// The whole blocks in which a range lies; of what is behind them, the range itself.
    pub(crate) fn widened(&self, range: &Range<u64>) -> Range<u64> {
        let start = range.start - range.start % self.block;
        let end = range.end.div_ceil(self.block) * self.block;
        let start = if range.start < self.covered { start } else { range.start };
        start..if range.end <= self.covered { end.min(self.covered) } else { range.end }
    }

    /// Whether the blocks of a [widened](Sums::widened) range are as they were written.
    pub(crate) fn are_blocks(&self, range: &Range<u64>, bytes: &[u8]) -> bool {
        let covered = self.covered.saturating_sub(range.start);
        let covered = usize::try_from(covered).unwrap_or(usize::MAX).min(bytes.len());
        let first = usize::try_from(range.start / self.block).unwrap_or(usize::MAX);
        let block = usize::try_from(self.block).unwrap_or(usize::MAX);
        let blocks = bytes.get(..covered).unwrap_or_default().chunks(block);
        let known = self.blocks.iter().skip(first).map(Some).chain(std::iter::repeat(None));
        blocks.zip(known).all(|(bytes, sum)| sum == Some(&crc32fast::hash(bytes)))
    }
}

/// Whether a file on this disk is as it was written, as far as it has sums.
pub(crate) fn is_whole(path: &Path, sums: &Sums) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut at = 0;
    let mut bytes = vec![0; usize::try_from(sums.block).map_err(io::Error::other)?];
    while at < sums.covered {
        let end = (at + sums.block).min(sums.covered);
        let wanted = usize::try_from(end - at).map_err(io::Error::other)?;
        let Some(some) = bytes.get_mut(..wanted) else { return Ok(false) };
        file.read_exact(some)?;
        if !sums.are_blocks(&(at..end), some) {
            return Ok(false);
        }
        at = end;
    }
    Ok(true)
}

/// Where the last text of sums begins. Nothing that a sender chooses lies behind it.
fn found(end: &[u8]) -> Option<usize> {
    end.windows(BEGIN.len()).rposition(|bytes| bytes == BEGIN.as_bytes())
}

/// Where the digits of the tail's sum are, for a text that begins here.
fn tail_place(end: &[u8], text: usize) -> Option<usize> {
    let mut colons = (text + BEGIN.len()..).zip(end.get(text + BEGIN.len()..)?);
    let mut after = || colons.find(|(_, byte)| **byte == b':').map(|(at, _)| at + 1);
    after()?;
    after()
}

fn sum_of(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == DIGITS)?;
    u32::from_str_radix(digits, 16).ok()
}
