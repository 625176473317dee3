//! Where an import goes: a data directory, a running server, or nowhere.
use std::collections::HashSet;

use sessionary_core::id::SessionId;

use super::Batch;

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Signals that were new.
    pub(crate) accepted: u64,
    /// Signals that were there already.
    pub(crate) duplicates: u64,
    /// Signals whose id another signal has.
    pub(crate) conflicts: u64,
    /// Rows that were put aside.
    pub(crate) quarantined: u64,
    /// The sessions that the signals are in.
    pub(crate) sessions: Vec<SessionId>,
}

/// Where an import goes.
pub(crate) trait Destination {
    /// Signals of one batch at most.
    fn batch_max(&self) -> usize;
    /// Sees to it that nothing of a source closes before it is complete.
    fn hold(&mut self, source: &str) -> anyhow::Result<()>;
    /// Takes a batch; when it returns, the batch is on disk.
    fn take(&mut self, batch: Batch) -> anyhow::Result<Taken>;
    /// Says that a source is complete.
    fn complete(&mut self, source: &str) -> anyhow::Result<()>;
    /// How many sessions these ids are by now.
    fn sessions(&mut self, ids: &HashSet<SessionId>) -> anyhow::Result<u64>;
}

/// Nowhere: what is only read and counted.
pub(crate) struct Nowhere;

impl Destination for Nowhere {
    fn batch_max(&self) -> usize {
        super::BATCH_SIGNALS_MAX
    }

    fn hold(&mut self, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn take(&mut self, batch: Batch) -> anyhow::Result<Taken> {
        let accepted = batch.signals.len() as u64;
        let quarantined = batch.unreadable.len() as u64;
        Ok(Taken { accepted, quarantined, ..Taken::default() })
    }

    fn complete(&mut self, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn sessions(&mut self, ids: &HashSet<SessionId>) -> anyhow::Result<u64> {
        Ok(ids.len() as u64)
    }
}
