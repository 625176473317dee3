//! Room on the volume: what is free, what the engine will still write by itself, and how large
//! its log may grow on a volume of this size.
//!
//! fjall makes its log files 64 MiB long but sparse, and begins another one only behind 64 MB.
//! On a small volume that one file would be most of it, so there the store cuts the log itself.
use crate::{
    error::StoreError,
    store::{Options, Store},
};
use std::path::Path;

const MIN_FREE_BYTES: u64 = 512 << 20;
/// A volume below this size is small.
const SMALL_VOLUME_BYTES: u64 = 512 << 20;
/// On a small volume the log takes this part of it, at most, and twice that for a moment.
const LOG_SHARE: u64 = 12;
const SMALL_LOG_BYTES_MIN: u64 = 2 << 20;
/// Memory is flushed each time the log has grown by this much, so that no key space that is
/// seldom written keeps old logs alive.
const FLUSH_EVERY_BYTES: u64 = 64 << 20;
/// Room that compactions may need at the same time, at most: a few table files of 64 MiB.
const COMPACTION_BYTES_MAX: u64 = 384 << 20;

/// A few writes of the engine's own.
const LEAST_BYTES: u64 = 1 << 20;

/// Whether the volume has room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this process may still write.
    pub free: u64,
    /// Bytes that must stay free: [`Store::min_free_bytes`], and besides what the engine will
    /// write by itself to flush and merge what it already holds.
    pub needed: u64,
    /// Below this not even what the store itself writes fits: see [`Store::hold_writes`].
    pub least: u64,
}

impl Room {
    /// Whether the caller may accept more.
    pub fn is_left(&self) -> bool {
        self.free >= self.needed
    }

    /// The same room for somebody who will still write so much by itself.
    #[must_use]
    pub fn with_reserve(self, bytes: u64) -> Room {
        Room { needed: self.needed.saturating_add(bytes), ..self }
    }

    /// Whether writes should be held in memory.
    pub fn is_exhausted(&self) -> bool {
        self.free < self.least.min(self.needed)
    }
}

impl Store {
    /// The size of the volume, in bytes.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn volume_bytes(&self) -> Result<u64, StoreError> {
        Ok(Volume::of(&self.inner.dir)?.total)
    }

    /// Whether the store accepts more: new data should be refused while no room is left. Erasing
    /// and trimming go on. Cheap enough to ask before every group.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn room(&self) -> Result<Room, StoreError> {
        let free = self.free_bytes()?;
        // The keys of one shard only grow, so that its files are never merged.
        let shards = (0..=u8::MAX).filter(|shard| self.next_position(*shard) > 1).count();
        let (reserve, unflushed) = self.inner.live.get().map_or((0, 0), |engine| {
            let journal = if shards > 1 { engine.journal_bytes() } else { 0 };
            let merge = engine.largest_table_bytes().max(journal).min(COMPACTION_BYTES_MAX);
            let unflushed = engine.unflushed_bytes();
            (unflushed + merge, unflushed)
        });
        let needed = self.min_free_bytes().saturating_add(reserve);
        Ok(Room { free, needed, least: LEAST_BYTES + unflushed })
    }
}

/// How large log and memory may grow, by the size of the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Memory is flushed each time the log has grown by so many bytes.
    pub(crate) flush_every: u64,
    /// On a small volume, the log's size at which the store cuts it.
    pub(crate) cut_log_at: Option<u64>,
}

impl Sizes {
    pub(crate) fn of_volume(total: u64, max_journaling_bytes: u64) -> Sizes {
        if total >= SMALL_VOLUME_BYTES {
            let flush_every = FLUSH_EVERY_BYTES.min(max_journaling_bytes);
            return Sizes { flush_every, cut_log_at: None };
        }
        let log = (total / LOG_SHARE).max(SMALL_LOG_BYTES_MIN);
        Sizes { flush_every: log / 2, cut_log_at: Some(log) }
    }

    pub(crate) fn is_small(self) -> bool {
        self.cut_log_at.is_some()
    }
}

/// A file system's bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    pub(crate) free: u64,
    pub(crate) total: u64,
}

impl Volume {
    pub(crate) fn of(dir: &Path) -> Result<Volume, StoreError> {
        let stat = rustix::fs::statvfs(dir)
            .map_err(|errno| StoreError::io("asking for free space")(errno.into()))?;
        Ok(Volume {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    /// What must stay free here, when the configuration does not say.
    pub(crate) fn min_free_bytes(self, options: &Options) -> u64 {
        options.min_free_bytes.unwrap_or((self.total / 50).max(MIN_FREE_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_volume_gets_a_small_log() {
        let mib = 1 << 20;
        let small = Sizes::of_volume(64 * mib, 512 * mib);
        assert!(small.cut_log_at.unwrap() <= 6 * mib, "{small:?}");
        assert!(small.flush_every < small.cut_log_at.unwrap());
        let large = Sizes::of_volume(100 << 30, 512 * mib);
        assert_eq!(large, Sizes { flush_every: 64 * mib, cut_log_at: None });
    }
}
