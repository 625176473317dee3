//! The watermark: what has been acknowledged, kept apart from the engine's log.
//!
//! After damage in its log the engine can open with the rest cut off, and not say so. This file
//! remembers how far each sync had come, so the store notices. It is written after the sync and
//! never synced itself: what it says was durable before it was said.
use crate::{bytes::Taker, error::StoreError};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

const NAME: &str = "watermark";
const MAGIC: &[u8; 16] = b"sessionary mark1";
const SLOT_BYTES: usize = 16;
const SHARDS: u16 = 256;
/// The slot behind those of the shards: the number of the last durable commit.
const COMMIT_SLOT: u16 = SHARDS;

/// What the file says: acknowledged progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// The number of the last commit known to be durable.
    pub(crate) commit: u64,
    /// Of each shard that was ever written, the next position.
    pub(crate) next: Vec<(u8, u64)>,
}

impl Acknowledged {
    pub(crate) fn nothing() -> Acknowledged {
        Acknowledged { commit: 0, next: Vec::new() }
    }
}

pub(crate) struct Watermark {
    file: File,
}

impl Watermark {
    /// A new file that says nothing was acknowledged; durable when this returns.
    pub(crate) fn create(dir: &Path) -> Result<Watermark, StoreError> {
        let create = || -> std::io::Result<File> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(dir.join(NAME))?;
            file.write_all(MAGIC)?;
            file.write_all(&vec![0; SLOT_BYTES * (usize::from(COMMIT_SLOT) + 1)])?;
            file.sync_all()?;
            Ok(file)
        };
        Ok(Watermark { file: create().map_err(StoreError::io("creating the watermark"))? })
    }

    /// `None` when there is no such file.
    pub(crate) fn open(dir: &Path) -> Result<Option<(Watermark, Acknowledged)>, StoreError> {
        let path = dir.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("reading the watermark")(error)),
        };
        let said = parse(&bytes).map_err(|range| StoreError::damaged("the watermark", range))?;
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(StoreError::io("opening the watermark"))?;
        Ok(Some((Watermark { file }, said)))
    }

    pub(crate) fn set_next(&self, shard: u8, position: u64) -> Result<(), StoreError> {
        self.set(u16::from(shard), position)
    }

    pub(crate) fn set_commit(&self, commit: u64) -> Result<(), StoreError> {
        self.set(COMMIT_SLOT, commit)
    }

    fn set(&self, slot: u16, number: u64) -> Result<(), StoreError> {
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.extend_from_slice(&checksum(slot, number).to_be_bytes());
        let at = (MAGIC.len() + SLOT_BYTES * usize::from(slot)) as u64;
        self.file.write_all_at(&bytes, at).map_err(StoreError::io("writing the watermark"))
    }
}

fn checksum(slot: u16, number: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&slot.to_be_bytes());
    hasher.update(&number.to_be_bytes());
    hasher.finalize()
}

fn parse(bytes: &[u8]) -> Result<Acknowledged, String> {
    let slots = bytes.strip_prefix(MAGIC).ok_or("the first 16 bytes are not its name")?;
    let mut taker = Taker(slots);
    let mut said = Acknowledged::nothing();
    for slot in 0..=COMMIT_SLOT {
        let short = || format!("it ends before slot {slot}");
        let whole: [u8; SLOT_BYTES] = taker.array().ok_or_else(short)?;
        if whole == [0; SLOT_BYTES] {
            continue;
        }
        let mut fields = Taker(&whole);
        let number = fields.u64().ok_or_else(short)?;
        let stored = fields.u32().ok_or_else(short)?;
        if stored != checksum(slot, number) || fields.u32() != Some(0) {
            return Err(format!("the checksum of slot {slot} does not fit"));
        }
        match u8::try_from(slot) {
            Ok(shard) => said.next.push((shard, number)),
            Err(_) => said.commit = number,
        }
    }
    if !taker.is_done() {
        return Err("it is too long".to_owned());
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_and_notices_every_flipped_bit() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Watermark::create(dir.path()).unwrap();
        mark.set_next(255, 9).unwrap();
        mark.set_next(0, 3).unwrap();
        mark.set_commit(70_000).unwrap();
        let (_, said) = Watermark::open(dir.path()).unwrap().unwrap();
        assert_eq!(said, Acknowledged { commit: 70_000, next: vec![(0, 3), (255, 9)] });
        let bytes = std::fs::read(dir.path().join(NAME)).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&flipped).is_err(), "bit {bit}");
        }
        assert!(parse(&bytes[..bytes.len() - 1]).is_err());
    }
}
