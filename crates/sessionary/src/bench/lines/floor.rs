//! The floor: the bytes of the signals, appended and synced, and nothing else.
use std::{
    fs::File,
    io::{Seek, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use anyhow::Context;

use super::Work;
use crate::bench::stream::Group;

/// Bytes that are written before and then over and over.
const PREWRITTEN: usize = 256 << 20;

/// A file that grows.
pub(super) struct Growing(File);

/// A file whose blocks are there.
pub(super) struct Prewritten {
    file: File,
    at: usize,
}

impl Growing {
    pub(super) fn create(dir: &Path) -> anyhow::Result<Growing> {
        Ok(Growing(File::create(dir.join("growing")).context("the file cannot be made")?))
    }
}

impl Work for Growing {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        self.0.write_all(&group.body)?;
        Ok(self.0.sync_data()?)
    }

    /// The next round begins anew, so that the disk is not filled.
    fn settle(&mut self) -> anyhow::Result<()> {
        self.0.set_len(0)?;
        Ok(self.0.rewind()?)
    }
}

impl Prewritten {
    pub(super) fn create(dir: &Path) -> anyhow::Result<Prewritten> {
        let mut file = File::create(dir.join("prewritten")).context("the file cannot be made")?;
        let block = vec![b' '; 1 << 20];
        for _ in 0..PREWRITTEN >> 20 {
            file.write_all(&block)?;
        }
        file.sync_all()?;
        Ok(Prewritten { file, at: 0 })
    }
}

impl Work for Prewritten {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        if self.at + group.body.len() > PREWRITTEN {
            self.at = 0;
        }
        self.file.write_all_at(&group.body, self.at as u64)?;
        self.at += group.body.len();
        Ok(self.file.sync_data()?)
    }
}
