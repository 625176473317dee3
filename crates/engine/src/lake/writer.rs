//! The writer of the lake: one plan after the other, each carried out from wherever a crash left it.
use std::{collections::HashMap, sync::Arc};

use serde_json::Value;
use sessionary_core::{
    id::SessionId,
    lane::HashSecret,
    session::{Session, Status},
    signal::TenantId,
    time::parse_instant,
};
use sessionary_lake::{
    LakeError,
    compact::compact,
    export::{Export, Owner, folder},
    files::Listed,
    layout::{Appending, LakeTable},
    tables::{Table as SqlTable, TableRows},
};
use sessionary_store::{
    Direction, Table,
    keys::{parse_lake_queue_key, parse_record_key},
};

use super::{
    Contents, Lake, LakeFault,
    beginning::state_of,
    folders::{Folder, Quiet, folders},
    state::{Plan, State, queued, queued_until},
};
use crate::{
    Engine, EngineError, healing::describe, registry::Registry, rows::get_session, signals, tables,
};

/// Records of one plan. Their keys are in memory.
const RECORDS_MAX: usize = if cfg!(test) { 64 } else { 1 << 17 };
/// Sessions whose signals are in memory together.
const SESSIONS_AT_ONCE: usize = 256;
/// Rows of signals that go to the file together.
const ROWS_AT_ONCE: usize = 8_192;
/// Files that are deleted together.
const DELETED_AT_ONCE: usize = if cfg!(test) { 1 } else { 100 };
/// It is asked whether to go on after so many records.
const ASK_EVERY: usize = 512;

/// What has just been done. Whoever is told says whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is durable what will be done.
    Planned,
    /// So many records were read.
    Read(usize),
    /// A file has its name.
    Wrote,
    /// A file that another holds the rows of is gone.
    Deleted,
    /// It is durable that all was done.
    Done,
}

/// Writes the lake. Only one may do so at a time.
pub struct LakeWriter<'a> {
    engine: &'a Engine,
    registry: &'a Registry,
    lake: &'a Lake,
    go_on: &'a mut dyn FnMut(Progress) -> bool,
    contents: Contents,
    secret: HashSecret,
    state: State,
}

impl<'a> LakeWriter<'a> {
    /// Takes up where the last writer stopped, and finishes what it had begun.
    ///
    /// # Errors
    /// The store's and the files'; `Stopped` when `go_on` says so.
    pub fn open(
        engine: &'a Engine,
        registry: &'a Registry,
        lake: &'a Lake,
        contents: Contents,
        go_on: &'a mut dyn FnMut(Progress) -> bool,
    ) -> Result<LakeWriter<'a>, LakeFault> {
        let secret = HashSecret(registry.secrets().identity_hash);
        let state = state_of(engine, lake)?;
        let mut writer = LakeWriter { engine, registry, lake, go_on, contents, secret, state };
        if writer.state.plan.is_some() {
            writer.must_have_room()?;
            lake.place().clear_drafts()?;
            writer.finish_plan()?;
        }
        writer.empty_trash()?;
        Ok(writer)
    }

    /// Writes what has gathered, a bounded part of it; gives how many records.
    ///
    /// # Errors
    /// The store's and the files'; `Stopped` when `go_on` says so.
    pub fn append(&mut self) -> Result<usize, LakeFault> {
        if let Some(history) = &self.state.history {
            let keys = self.history(&history.done, None)?;
            if let Some(last) = keys.last() {
                let (until, number) = (last.to_vec(), self.state.take_number());
                return self.plan(Plan::History { until, number }).map(|()| keys.len());
            }
            self.state.history = None;
            self.state.write(self.engine.store(), [])?;
        }
        // Between two blocks, so that of a block all cuts are there or none.
        let reader = self.engine.tables_blocking()?;
        let keys = queued(reader.snapshot(), &self.state.done, RECORDS_MAX)?;
        drop(reader);
        let Some(last) = keys.last() else { return Ok(0) };
        let (until, number) = (last.clone(), self.state.take_number());
        self.plan(Plan::Append { until, number }).map(|()| keys.len())
    }

    /// Compacts the folders that are due; gives how many.
    ///
    /// # Errors
    /// As [`LakeWriter::append`]; a folder with a file that cannot be read is told in the log and left.
    pub(crate) fn compact(
        &mut self,
        quiet: &mut Quiet,
        is_due: impl Fn(&mut Quiet, &Folder) -> bool,
    ) -> Result<usize, LakeFault> {
        let mut count = 0;
        for table in LakeTable::ALL {
            for mut folder in folders(&**self.lake.place(), table)? {
                folder.files.retain(|file| !self.state.trash.contains(&file.name));
                if !is_due(quiet, &folder) {
                    continue;
                }
                match self.compact_one(&folder) {
                    Err(LakeFault::Files(error @ LakeError::Damaged { .. })) => {
                        self.give_up(&folder.path, &error)?;
                        quiet.is_broken(&folder);
                    }
                    outcome => {
                        outcome?;
                        count += 1;
                    }
                }
            }
        }
        Ok(count)
    }

    /// Carries out what a writer before had planned. Files that are damaged by now stay as they are.
    fn finish_plan(&mut self) -> Result<(), LakeFault> {
        let planned = match &self.state.plan {
            Some(Plan::Compact { folder, .. }) => Some(folder.clone()),
            _ => None,
        };
        match (self.carry_out(), planned) {
            (Err(LakeFault::Files(error @ LakeError::Damaged { .. })), Some(folder)) => {
                self.give_up(&folder, &error)
            }
            (outcome, _) => outcome,
        }
    }

    fn compact_one(&mut self, folder: &Folder) -> Result<(), LakeFault> {
        let name = |file: &Listed| file.name.rsplit_once('/').map(|(_, name)| name.to_owned());
        let inputs = folder.files.iter().filter_map(name).collect();
        let number = self.state.take_number();
        self.plan(Plan::Compact { folder: folder.path.clone(), inputs, number })?;
        self.empty_trash()
    }

    /// Leaves a folder as it is, so that no plan is in the way of the next one.
    fn give_up(&mut self, folder: &str, error: &LakeError) -> Result<(), LakeFault> {
        let cause = describe(error);
        tracing::error!(cause, folder, "these files cannot be compacted");
        self.state.plan = None;
        Ok(self.state.write(self.engine.store(), [])?)
    }

    /// Compacts every folder in which a session may have several rows; gives how many.
    ///
    /// # Errors
    /// As [`LakeWriter::append`].
    pub fn compact_all(&mut self) -> Result<usize, LakeFault> {
        self.compact(&mut Quiet::default(), |_, folder| folder.has_several_files())
    }

    /// The lake writes nothing into the room that signals need; what it no longer needs goes first.
    fn must_have_room(&mut self) -> Result<(), LakeFault> {
        let room = self.engine.store().room().map_err(EngineError::from)?;
        if room.is_left() {
            return Ok(());
        }
        self.empty_trash()?;
        Err(LakeFault::NoRoom { free: room.free, needed: room.needed })
    }

    fn tell(&mut self, progress: Progress) -> Result<(), LakeFault> {
        if matches!(progress, Progress::Planned | Progress::Read(_)) {
            self.must_have_room()?;
        }
        if (self.go_on)(progress) { Ok(()) } else { Err(LakeFault::Stopped) }
    }

    fn plan(&mut self, plan: Plan) -> Result<(), LakeFault> {
        self.must_have_room()?;
        self.state.plan = Some(plan);
        self.state.write(self.engine.store(), [])?;
        self.tell(Progress::Planned)?;
        self.carry_out()
    }

    /// Does what the plan says, or does it again.
    fn carry_out(&mut self) -> Result<(), LakeFault> {
        let mut done_with = Vec::new();
        match self.state.plan.clone() {
            None => return Ok(()),
            Some(Plan::Append { until, number }) => {
                // A replay may have put back what was written before.
                done_with = queued_until(self.engine.store(), &until)?;
                let new = done_with.iter().filter(|key| **key > self.state.done);
                let records = new.filter_map(|key| parse_lake_queue_key(key));
                self.write(records.map(|(_, record)| record).collect(), number)?;
                self.state.done = until;
            }
            Some(Plan::History { until, number }) => {
                let from = self.state.history.as_ref().map(|history| history.done.clone());
                self.write(self.history(&from.unwrap_or_default(), Some(&until))?, number)?;
                if let Some(history) = &mut self.state.history {
                    history.done = until;
                }
            }
            Some(Plan::Compact { folder, inputs, number }) => {
                let files = self.lake.files();
                // Somebody may have taken files away since it was planned.
                let mut there = files.place().list(&folder)?;
                let inputs: Vec<String> =
                    inputs.iter().map(|name| format!("{folder}/{name}")).collect();
                there.retain(|file| inputs.contains(&file.name));
                compact(files, table_of(&folder), &there, number)?;
                self.tell(Progress::Wrote)?;
                self.state.trash.extend(inputs);
            }
        }
        self.state.plan = None;
        self.state.write(self.engine.store(), done_with)?;
        self.tell(Progress::Done)
    }

    /// Keys of records of before there was a queue, behind one and up to another.
    fn history(&self, from: &[u8], until: Option<&[u8]>) -> Result<Vec<[u8; 24]>, LakeFault> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let Some(history) = &self.state.history else { return Ok(Vec::new()) };
        let begun = if from.is_empty() { Unbounded } else { Excluded(from) };
        let range = (begun, until.map_or(Unbounded, Included));
        let mut keys = Vec::new();
        for row in self.engine.store().scan(Table::Records, range, Direction::Forward) {
            let (key, json) = row.map_err(EngineError::from)?;
            // Behind a record lies the session as it was, under a longer key.
            let Ok(key) = <[u8; 24]>::try_from(key) else { continue };
            let record = record_of(&key, &json)?;
            let cut_at = record.get("revised_at").and_then(Value::as_str);
            let cut_at = cut_at.and_then(|text| parse_instant(text).ok());
            if cut_at.is_none_or(|cut| cut.at <= history.until) {
                keys.push(key);
            }
            if keys.len() == RECORDS_MAX {
                break;
            }
        }
        Ok(keys)
    }

    /// Writes records into files of a number, folder by folder, and what was sent before them: who
    /// finds a session finds its signals.
    fn write(&mut self, mut keys: Vec<[u8; 24]>, number: u64) -> Result<(), LakeFault> {
        keys.sort_unstable();
        // Of several revisions that come at once, the last: so a file has one row a session.
        let session = |key: &[u8; 24]| parse_record_key(key).map(|(tenant, id, _)| (tenant, id));
        keys.reverse();
        keys.dedup_by(|earlier, kept| session(earlier) == session(kept));
        keys.reverse();
        if self.contents == Contents::WithSignals && !keys.is_empty() {
            // Has the sessions written into their table, with all of their signals.
            drop(self.engine.reader_blocking()?);
        }
        let tenants: HashMap<TenantId, String> =
            self.registry.tenants().into_iter().map(|one| (one.number, one.name)).collect();
        let place = |key: &[u8; 24]| {
            let (tenant, session, _) = parse_record_key(key)?;
            let name = tenants.get(&TenantId(tenant))?;
            Some((TenantId(tenant), name, folder(name, SessionId(session))))
        };
        let mut count = 0;
        for of_day in keys.chunk_by(|a, b| place(a) == place(b)) {
            let Some((number_of, name, day)) = of_day.first().and_then(place) else { continue };
            if self.contents == Contents::WithSignals {
                self.write_signals(of_day, &day, number)?;
            }
            let owner = Owner { name, number: number_of };
            self.write_sessions(of_day, owner, number, &mut count)?;
            self.tell(Progress::Wrote)?;
        }
        Ok(())
    }

    fn write_sessions(
        &mut self,
        keys: &[[u8; 24]],
        owner: Owner<'_>,
        number: u64,
        count: &mut usize,
    ) -> Result<(), LakeFault> {
        let mut export =
            Export::numbered(Arc::clone(self.lake.place()), self.secret.clone(), number);
        for key in keys {
            let Some((_, session, _)) = parse_record_key(key) else { continue };
            let json = self.engine.store().get(Table::Records, key);
            let Some(json) = json.map_err(EngineError::from)? else { continue };
            export.push(owner, SessionId(session), &record_of(key, &json)?)?;
            *count += 1;
            if count.is_multiple_of(ASK_EVERY) {
                self.tell(Progress::Read(*count))?;
            }
        }
        export.finish()?;
        Ok(())
    }

    /// The signals of the sessions of these records, as they stand now, which may be later than the
    /// record: then another record of the session follows, and its signals once more.
    fn write_signals(
        &mut self,
        keys: &[[u8; 24]],
        day: &str,
        number: u64,
    ) -> Result<(), LakeFault> {
        let place = Arc::clone(self.lake.place());
        let mut file = Appending::new(LakeTable::Signals, place, day, number);
        let mut rows = TableRows::new(SqlTable::Signals);
        for some in keys.chunks(SESSIONS_AT_ONCE) {
            let mut sessions = Vec::with_capacity(some.len());
            for key in some {
                let Some((tenant, id, revision)) = parse_record_key(key) else { continue };
                let session = get_session(self.engine.store(), TenantId(tenant), SessionId(id))?;
                let is_live = |session: &Session| session.envelope.status != Status::Merged;
                let Some(mut session) = session.filter(is_live) else { continue };
                session.envelope.revision = revision;
                sessions.push(session);
            }
            let signals = signals::of_sessions(self.engine.store(), &sessions)?;
            for (session, signals) in sessions.iter().zip(&signals) {
                for (member, arrival) in signals {
                    rows.push(&tables::signal(session, member, arrival))?;
                    if rows.len() >= ROWS_AT_ONCE {
                        file.write(&rows.finish()?)?;
                    }
                }
            }
            self.tell(Progress::Read(0))?;
        }
        file.write(&rows.finish()?)?;
        file.finish()?;
        Ok(())
    }

    /// Deletes files whose rows lie in others, unless somebody reads.
    ///
    /// # Errors
    /// The disk's, with the path; `Stopped` when `go_on` says so.
    pub(crate) fn empty_trash(&mut self) -> Result<(), LakeFault> {
        let lake = self.lake;
        let Some(_nobody_reads) = lake.deleting().filter(|_| !self.state.trash.is_empty()) else {
            return Ok(());
        };
        for some in self.state.trash.clone().chunks(DELETED_AT_ONCE) {
            lake.place().delete(some)?;
            self.tell(Progress::Deleted)?;
        }
        self.state.trash.clear();
        Ok(self.state.write(self.engine.store(), [])?)
    }
}

/// The table in whose folder another lies.
fn table_of(folder: &str) -> LakeTable {
    let is_of = |table: &LakeTable| folder.split('/').next() == Some(table.name());
    LakeTable::ALL.into_iter().find(is_of).unwrap_or(LakeTable::Sessions)
}

fn record_of(key: &[u8; 24], json: &[u8]) -> Result<Value, LakeFault> {
    serde_json::from_slice(json).map_err(|source| {
        let session = parse_record_key(key).map(|(_, session, _)| SessionId(session).to_string());
        LakeFault::Record { session: session.unwrap_or_default(), source }
    })
}
