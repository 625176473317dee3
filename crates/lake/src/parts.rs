//! Rows thrown into parts by their key, so that each part fits in the cache of a core.
use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    thread,
};

use crate::columns::Key;

/// Rows of a part, about: with what grouping needs beside them they fill a 2 MiB cache. Measured: from
/// half of that to four times as many make no difference that can be told from noise.
const PART_ROWS: u64 = 16_384;
/// More than this in a part, and it is divided once more before it is grouped.
const PART_ROWS_MAX: usize = 1 << 16;
/// Rows of a chunk.
const CHUNK_ROWS: usize = 256;

/// Something that is thrown into parts.
pub(crate) trait Spread: Copy + Send {
    /// The bits by which: the part takes them from the top, a table within the part from the bottom.
    fn spread(&self) -> u64;
}

/// A row that has been reduced to what a question needs.
pub(crate) trait Row: Copy + Default + Send {
    fn key(&self) -> Key;
}

impl<R: Row> Spread for R {
    fn spread(&self) -> u64 {
        self.key().spread()
    }
}

/// Into how many parts rows are thrown: a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    bits: u32,
}

/// For streams whose length nobody knows.
impl Default for Split {
    fn default() -> Split {
        Split { bits: 8 }
    }
}

impl Split {
    /// For about so many rows. A bad guess costs time and memory, never the answer.
    pub fn for_rows(rows: u64) -> Split {
        Split { bits: (rows / PART_ROWS).max(1).ilog2().min(12) }
    }

    fn parts(self) -> usize {
        1 << self.bits
    }

    /// The part, by the top bits but `skip`.
    fn part_of(self, spread: u64, skip: u32) -> usize {
        let bits = spread << skip;
        usize::try_from(bits >> 1 >> (63 - self.bits)).unwrap_or(0)
    }
}

/// A part: its rows in chunks, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Part<R> {
    full: Vec<Vec<R>>,
    open: Vec<R>,
}

impl<R> Default for Part<R> {
    fn default() -> Part<R> {
        Part { full: Vec::new(), open: Vec::new() }
    }
}

impl<R> Part<R> {
    #[inline]
    fn push(&mut self, row: R) {
        if self.open.len() >= CHUNK_ROWS {
            let next = Vec::with_capacity(CHUNK_ROWS);
            self.full.push(std::mem::replace(&mut self.open, next));
        }
        self.open.push(row);
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[R]> {
        self.full.iter().chain([&self.open]).map(Vec::as_slice)
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks().map(<[R]>::len).sum()
    }

    fn append(&mut self, other: Part<R>) {
        self.full.extend(other.full);
        // Which chunks are full matters to nobody but `push`.
        self.full.push(std::mem::replace(&mut self.open, other.open));
    }
}

/// Rows of one thread, in parts.
#[derive(Clone, Debug)]
pub(crate) struct Parts<R> {
    split: Split,
    parts: Vec<Part<R>>,
}

impl<R: Spread> Parts<R> {
    pub(crate) fn new(split: Split) -> Parts<R> {
        Parts { split, parts: vec![Part::default(); split.parts()] }
    }

    pub(crate) fn split(&self) -> Split {
        self.split
    }

    #[inline]
    pub(crate) fn push(&mut self, row: R) {
        let part = self.split.part_of(row.spread(), 0);
        if let Some(part) = self.parts.get_mut(part) {
            part.push(row);
        }
    }

    /// The parts of several threads, put together.
    pub(crate) fn together(threads: impl IntoIterator<Item = Parts<R>>) -> Vec<Part<R>> {
        let mut threads = threads.into_iter();
        let Some(Parts { split, mut parts }) = threads.next() else { return Vec::new() };
        for other in threads {
            assert_eq!(split, other.split, "clones of one operator split alike");
            for (part, more) in parts.iter_mut().zip(other.parts) {
                part.append(more);
            }
        }
        parts
    }
}

/// Cuts a part that is too large by the next bits of the key; any other stays as it is.
pub(crate) fn divided<R: Spread>(part: Part<R>, split: Split) -> Vec<Part<R>> {
    let rows = part.len();
    if rows <= PART_ROWS_MAX {
        return vec![part];
    }
    let finer = Split::for_rows(rows as u64);
    let mut parts = vec![Part::default(); finer.parts()];
    for row in part.chunks().flatten() {
        let place = finer.part_of(row.spread(), split.bits);
        if let Some(part) = parts.get_mut(place) {
            part.push(*row);
        }
    }
    parts
}

/// Does work that falls into pieces, on several threads. What each thread made comes back.
pub(crate) fn spread<P: Send, A: Send>(
    pieces: Vec<P>,
    threads: NonZeroUsize,
    begin: impl Fn() -> A + Sync,
    work: impl Fn(&mut A, P) + Sync,
) -> Vec<A> {
    let pieces = Mutex::new(pieces.into_iter());
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    let one = || {
        let mut made = begin();
        while let Some(piece) = next() {
            work(&mut made, piece);
        }
        made
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads.get()).map(|_| scope.spawn(one)).collect();
        let mut made = vec![one()];
        for other in others {
            made.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        made
    })
}
