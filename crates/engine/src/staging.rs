//! What a checkpoint has to write, on its way into the tables.
//!
//! Rows of tables as bytes, gathered into chunks. A chunk is kept by the store until all rows of
//! its checkpoint are in their tables, so that a start after a crash can put them there again.
use std::{cell::RefCell, io};

use sessionary_store::{Rows, Table};
use zstd::bulk::{Compressor, Decompressor};

use crate::EngineError;

/// A chunk that has reached this many bytes takes no further row.
const CHUNK_BYTES: usize = 128 << 10;

const ZSTD_LEVEL: i32 = 1;
const UNREADABLE: EngineError = EngineError::Missing { what: "a whole part of a checkpoint" };

/// The tables that a checkpoint writes, with their letters on disk. They never change.
const TABLES: [(Table, u8); 7] = [
    (Table::Sessions, b's'),
    (Table::Members, b'm'),
    (Table::Lanes, b'l'),
    (Table::Timers, b't'),
    (Table::Index, b'i'),
    (Table::Edges, b'e'),
    (Table::Config, b'c'),
];

/// Rows that wait to be written.
#[derive(Default)]
pub(crate) struct Staging {
    open: Vec<u8>,
    full: Vec<Vec<u8>>,
}

impl Staging {
    /// Writes `value` under `key`.
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.begin(table, key);
        self.open.push(1);
        self.open.extend_from_slice(&length(value).to_be_bytes());
        self.open.extend_from_slice(value);
        self.end();
    }

    /// Deletes `key`.
    pub(crate) fn delete(&mut self, table: Table, key: &[u8]) {
        self.begin(table, key);
        self.open.push(0);
        self.end();
    }

    fn begin(&mut self, table: Table, key: &[u8]) {
        let letter = TABLES.iter().find(|(known, _)| *known == table).map(|(_, letter)| *letter);
        debug_assert!(letter.is_some(), "{} is written by no checkpoint", table.name());
        self.open.push(letter.unwrap_or_default());
        self.open.extend_from_slice(&length(key).to_be_bytes());
        self.open.extend_from_slice(key);
    }

    fn end(&mut self) {
        if self.open.len() >= CHUNK_BYTES {
            self.close();
        }
    }

    /// Closes the chunk that is being filled.
    pub(crate) fn close(&mut self) {
        if !self.open.is_empty() {
            let next = Vec::with_capacity(CHUNK_BYTES + 4_096);
            self.full.push(std::mem::replace(&mut self.open, next));
        }
    }

    /// The chunks that are full.
    pub(crate) fn take_full(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.full)
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A chunk as the store keeps it: its length, then the chunk in zstd.
pub(crate) fn compressed(chunk: &[u8]) -> Result<Vec<u8>, EngineError> {
    let packed = packed(chunk).map_err(|_| UNREADABLE)?;
    Ok([&length(chunk).to_be_bytes()[..], &packed].concat())
}

thread_local! {
    /// To make one costs more than to pack a record with it.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    /// Nor is one made for each record that is read.
    static INFLATER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn packed(chunk: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(ZSTD_LEVEL)?),
        };
        compressor.compress(chunk)
    })
}

/// The counterpart of [`compressed`].
pub(crate) fn inflated(kept: &[u8]) -> Result<Vec<u8>, EngineError> {
    let (length, packed) = kept.split_first_chunk().ok_or(UNREADABLE)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| UNREADABLE)?;
    let inflate = |kept: &mut Option<Decompressor<'static>>| {
        let inflater = match kept {
            Some(inflater) => inflater,
            None => kept.insert(Decompressor::new()?),
        };
        inflater.decompress(packed, length)
    };
    let chunk = INFLATER.with_borrow_mut(inflate).map_err(|_| UNREADABLE)?;
    if chunk.len() == length { Ok(chunk) } else { Err(UNREADABLE) }
}

/// The rows of a chunk.
pub(crate) fn rows_of(chunk: &[u8]) -> Result<Rows, EngineError> {
    let mut rows = Rows::new();
    let mut rest = chunk;
    while !rest.is_empty() {
        let (table, key, value) =
            take_row(&mut rest).ok_or(EngineError::Missing { what: "a row of a checkpoint" })?;
        match value {
            Some(value) => rows.put(table, key, value),
            None => rows.delete(table, key),
        }
    }
    Ok(rows)
}

/// Table, key, and value if it is not deleted.
type Row<'a> = (Table, &'a [u8], Option<&'a [u8]>);

fn take_row<'a>(rest: &mut &'a [u8]) -> Option<Row<'a>> {
    let letter = take(rest, 1)?.first().copied()?;
    let (table, _) = TABLES.iter().find(|(_, known)| *known == letter)?;
    let key = take_counted(rest)?;
    let value = match take(rest, 1)?.first()? {
        0 => None,
        _ => Some(take_counted(rest)?),
    };
    Some((*table, key, value))
}

fn take_counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = u32::from_be_bytes(take(rest, 4)?.try_into().ok()?);
    take(rest, usize::try_from(count).ok()?)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_from_their_chunks() {
        let mut staging = Staging::default();
        let mut expected = Rows::new();
        for n in 0..4_000_u32 {
            let key = n.to_be_bytes();
            if n % 3 == 0 {
                staging.delete(Table::Timers, &key);
                expected.delete(Table::Timers, key);
            } else {
                staging.put(Table::Sessions, &key, &[7; 60]);
                expected.put(Table::Sessions, key, [7; 60]);
            }
        }
        staging.close();
        let chunks = staging.take_full();
        assert!(chunks.len() > 1 && chunks.iter().all(|chunk| chunk.len() < CHUNK_BYTES + 100));
        let mut rows = Rows::new();
        for chunk in &chunks {
            rows.merge(rows_of(&inflated(&compressed(chunk).unwrap()).unwrap()).unwrap());
            assert!(rows_of(&chunk[..chunk.len() - 1]).is_err());
        }
        assert_eq!(rows, expected);
    }
}
