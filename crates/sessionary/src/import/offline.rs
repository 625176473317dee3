//! Into a data directory that no server has open.
use std::{collections::HashSet, path::Path};

use sessionary_core::{id::SessionId, rules::SourceClock, signal::TenantId};
use sessionary_engine::{
    Engine, Submission, VerdictStatus,
    entry::{Entry, MarkEntry},
    quarantine::Quarantined,
};

use super::{Batch, Destination, Taken, decoding::Unreadable};
use crate::{config::Config, directory};

/// Signals of one block: four times a request's, since no request is waiting for its turn.
const BATCH_SIGNALS_MAX: usize = 2_000;
/// The reason of a row of a file that could not be read.
const UNREADABLE_ROW: &str = "unreadable_row";

/// An engine of our own over the directory.
pub(crate) struct Offline {
    engine: Engine,
    tenant: TenantId,
}

impl Offline {
    /// Opens the directory, which is made where it is missing.
    pub(crate) fn open(dir: &Path, config: &Config, tenant: &str) -> anyhow::Result<Offline> {
        let (store, registry) = directory::open_unserved(dir, config, "with --url and --key")?;
        let engine = directory::start(store, &registry, config, config.rules())?;
        let tenant = registry.tenant(tenant, engine.now())?;
        directory::set_clocks(&engine, &registry, config)?;
        Ok(Offline { engine, tenant })
    }

    /// Writes everything and lets go of the directory.
    pub(crate) fn close(self) {
        self.engine.shutdown();
    }

    fn put_aside(&self, row: Unreadable) -> Quarantined {
        let item = Quarantined {
            tenant: self.tenant,
            received_at: self.engine.now(),
            key_number: 0,
            dialect: "import".into(),
            reason: UNREADABLE_ROW.into(),
            detail: row.why.into(),
            field: None,
            raw: row.raw,
            truncated: false,
            session: None,
            replayed_at: None,
        };
        item.bounded()
    }
}

impl Destination for Offline {
    fn batch_max(&self) -> usize {
        BATCH_SIGNALS_MAX
    }

    fn hold(&mut self, source: &str) -> anyhow::Result<()> {
        directory::set_clock(&self.engine, self.tenant, source, SourceClock::Mark)
    }

    fn take(&mut self, batch: Batch) -> anyhow::Result<Taken> {
        let quarantine: Vec<_> =
            batch.unreadable.into_iter().map(|row| self.put_aside(row)).collect();
        let mut taken = Taken { quarantined: quarantine.len() as u64, ..Taken::default() };
        let submission = Submission {
            tenant: self.tenant,
            signals: batch.signals,
            received_at: None,
            quarantine,
        };
        for verdict in self.engine.submit_blocking(submission)?.verdicts {
            match verdict.status {
                VerdictStatus::Accepted => taken.accepted += 1,
                VerdictStatus::Duplicate => taken.duplicates += 1,
                VerdictStatus::Conflict => taken.conflicts += 1,
            }
            taken.sessions.push(verdict.session);
        }
        Ok(taken)
    }

    fn complete(&mut self, source: &str) -> anyhow::Result<()> {
        let mark = MarkEntry { tenant: self.tenant, source: source.into(), through: None };
        Ok(self.engine.decide_blocking(Entry::Mark(mark))?)
    }

    fn sessions(&mut self, ids: &HashSet<SessionId>) -> anyhow::Result<u64> {
        let reader = self.engine.reader_blocking()?;
        let mut living = HashSet::new();
        for id in ids {
            living.extend(reader.session(self.tenant, *id)?.map(|session| session.envelope.id));
        }
        Ok(living.len() as u64)
    }
}
