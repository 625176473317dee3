//! Reports over the records of a tenant: rows from the lake's files and what is not in them yet from the
//! store, and the statistics that floor 2 keeps apart from them.
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use sessionary_core::{id::SessionId, signal::TenantId, time::UnixMillis};
use sessionary_lake::{
    LakeError,
    reports::{self, Asked, Beside, Cuts, FileRows, Kind, Means, Report, SessionBatches, Wanted},
    sessions::SessionRows,
    sql::LiveSession,
};

use crate::{
    CutRecord, Engine, EngineError, Reader,
    lake::{self, Lake, Mark},
    registry::Tenant,
};

mod chains;

/// Records of a page: what is in memory at a time, and for how long a view of the store lives.
const PAGE: usize = 1_000;

/// Answers a report over the sessions of a tenant that are final: out of the files of the lake, and
/// out of the store what they do not have yet; without a lake, or before all history is in it, out of
/// the store alone. Blocks; `stop` ends it early.
///
/// # Errors
/// Damage of the store or of a file, or it was stopped.
pub fn report(
    engine: &Engine,
    lake: Option<&Lake>,
    tenant: &Tenant,
    asked: &Asked,
    stop: &AtomicBool,
) -> Result<Report, LakeError> {
    let first = engine.tables_blocking().map_err(source)?;
    let beside = match asked.kind {
        Kind::Health => beside(&first, tenant.number).map_err(source)?,
        _ => Beside::default(),
    };
    let records = Records { engine, tenant: tenant.number, stop, read_at: first.now() };
    drop(first);
    let means = Means { solve: &chains::solve, beside };
    if let Some(lake) = lake {
        // From before the files are listed until the last is read.
        let _kept = lake.reading();
        if let Some(files) = records.files(lake, &tenant.name)? {
            return reports::answer(asked, &InLake { files, records }, &means);
        }
    }
    reports::answer(asked, &records, &means)
}

fn source(error: impl std::error::Error + Send + Sync + 'static) -> LakeError {
    LakeError::Source(Box::new(error))
}

/// What health tells of a tenant beside its sessions.
fn beside(reader: &Reader, tenant: TenantId) -> Result<Beside, EngineError> {
    let mut quarantined = 0;
    let mut after = None;
    loop {
        let page = reader.quarantine(tenant, PAGE, after)?;
        quarantined += page.entities.len() as u64;
        after = page.entities.last().map(|(id, _)| *id).filter(|_| page.next_cursor.is_some());
        if after.is_none() {
            break;
        }
    }
    let reviews = reader.reviews(tenant)?.len() as u64;
    Ok(Beside {
        counts: vec![("open reviews of placements", reviews), ("items in quarantine", quarantined)],
    })
}

/// The latest records of a tenant as rows of the lake.
struct Records<'a> {
    engine: &'a Engine,
    tenant: TenantId,
    stop: &'a AtomicBool,
    read_at: UnixMillis,
}

impl SessionBatches for Records<'_> {
    /// Every record, whatever the range: a session may begin long before its id says, where a signal
    /// came late.
    fn batches<'s>(&'s self, wanted: &Wanted) -> Result<Cuts<'s>, LakeError> {
        let mut rows = SessionRows::of_columns(&wanted.columns);
        let mut next = Some(SessionId([0; 16]));
        Ok(Box::new(std::iter::from_fn(move || {
            let from = next.take()?;
            Some(self.page(from, &mut rows).map(|(batch, after)| {
                next = after;
                batch
            }))
        })))
    }

    fn read_at(&self) -> UnixMillis {
        self.read_at
    }
}

/// The rows of files, and of the store what they do not have.
struct InLake<'a> {
    files: FileRows,
    records: Records<'a>,
}

impl SessionBatches for InLake<'_> {
    fn batches<'s>(&'s self, wanted: &Wanted) -> Result<Cuts<'s>, LakeError> {
        let stop = self.records.stop;
        let is_wanted = move |batch: Result<RecordBatch, LakeError>| {
            if stop.load(Ordering::Relaxed) { Err(LakeError::Cancelled) } else { batch }
        };
        let mut rows = SessionRows::of_columns(&wanted.columns);
        let waiting = self.files.waiting().chunks(PAGE);
        let waiting = waiting.map(move |ids| self.records.of_sessions(ids, &mut rows));
        Ok(Box::new(self.files.batches(wanted).map(is_wanted).chain(waiting)))
    }

    fn read_at(&self) -> UnixMillis {
        self.records.read_at
    }
}

impl Records<'_> {
    /// The rows of the files, and which sessions are not in them; `None` when that is not known.
    fn files(&self, lake: &Lake, tenant: &str) -> Result<Option<FileRows>, LakeError> {
        // Before the store is read: what is begun anew in between is all in the store.
        let mark = Mark::read_by(&**lake.files().place(), self.engine.secret())?;
        let reader = self.engine.tables_blocking().map_err(source)?;
        let waiting = lake::waiting(reader.snapshot(), self.tenant, mark.as_ref());
        let waiting = waiting.map_err(source)?;
        let Some(mut ids) = waiting else { return Ok(None) };
        ids.sort_unstable();
        ids.dedup();
        let mut waiting = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(record) = self.record(&reader, id)? {
                waiting.push(LiveSession { id, revision: record.revision, is_cut: true });
            }
        }
        drop(reader);
        FileRows::find(lake.files(), tenant, waiting).map(Some)
    }

    /// The latest record of a session.
    fn record(&self, reader: &Reader, id: SessionId) -> Result<Option<CutRecord>, LakeError> {
        let mut records = reader.latest_records_from(self.tenant, id);
        let record = records.next().transpose().map_err(source)?;
        Ok(record.filter(|record| record.session == id))
    }

    /// The rows of these sessions.
    fn of_sessions(
        &self,
        ids: &[SessionId],
        rows: &mut SessionRows,
    ) -> Result<RecordBatch, LakeError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(LakeError::Cancelled);
        }
        let reader = self.engine.tables_blocking().map_err(source)?;
        for id in ids {
            let Some(record) = self.record(&reader, *id)? else { continue };
            let told: serde_json::Value = serde_json::from_slice(&record.json).map_err(source)?;
            rows.push(&told, self.tenant, self.engine.secret())?;
        }
        rows.finish()
    }

    /// The rows of a page, and where the next begins. Its view is dropped with it: what is written
    /// while a view lives stays in memory.
    fn page(
        &self,
        from: SessionId,
        rows: &mut SessionRows,
    ) -> Result<(RecordBatch, Option<SessionId>), LakeError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(LakeError::Cancelled);
        }
        let reader = self.engine.tables_blocking().map_err(source)?;
        let mut last = None;
        for record in reader.latest_records_from(self.tenant, from).take(PAGE) {
            let record = record.map_err(source)?;
            let told: serde_json::Value = serde_json::from_slice(&record.json).map_err(source)?;
            rows.push(&told, self.tenant, self.engine.secret())?;
            last = Some(record.session);
        }
        let is_full = rows.len() == PAGE;
        let next = last.filter(|_| is_full).and_then(after);
        Ok((rows.finish()?, next))
    }
}

/// The least id behind another.
fn after(id: SessionId) -> Option<SessionId> {
    let number = u128::from_be_bytes(id.0).checked_add(1)?;
    Some(SessionId(number.to_be_bytes()))
}
