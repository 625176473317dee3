//! The tables of a tenant as SQL reads them: rows of the store, page by page, each page from a view of
//! its own.
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::{Map, Value, json};
use sessionary_core::{
    dictionary,
    id::SessionId,
    record,
    session::{Member, Session, Status},
    signal::{Arrival, TenantId},
    stamp::Marks,
    time::UnixMillis,
};
use sessionary_lake::{
    LakeError,
    files::Place,
    sessions::SessionRows,
    sql::{LiveSession, Page, Source, Tables},
    tables::{Table, TableRows, is_told},
};
use sessionary_store::Direction;

use crate::{
    Engine, EngineError, Reader, SessionFilter,
    lake::{Lake, Mark, Reading},
    live_rows,
    rows::{get_session, typed_identity},
    signals,
};

/// Sessions of one page.
const SESSIONS: usize = 64;
/// Sessions of one page of signals, at most.
const SESSIONS_OF_SIGNALS: usize = 512;
/// Rows after which a page ends with the session it is at.
const ROWS: usize = 4_096;
/// Sessions of one identity that are counted.
const COUNTED: usize = 1_000;

impl Engine {
    /// What SQL of a tenant is asked of: its folder in the lake, of which no file goes away while it
    /// is asked, and what is in the store.
    pub fn source(&self, lake: &Lake, tenant: TenantId, name: &str) -> Source {
        let (reading, files) = (lake.reading(), Arc::clone(lake.files()));
        let place = Arc::clone(files.place());
        let tables = TenantTables { engine: self.clone(), tenant, place, _reading: reading };
        Source { files, tenant: name.to_owned(), tables: Arc::new(tables) }
    }
}

struct TenantTables {
    engine: Engine,
    tenant: TenantId,
    /// Where the files are that the source has.
    place: Arc<dyn Place>,
    _reading: Reading,
}

fn beside(error: EngineError) -> LakeError {
    LakeError::Beside(Box::new(error))
}

impl Tables for TenantTables {
    fn now(&self) -> UnixMillis {
        self.engine.now()
    }

    fn live(&self) -> Result<Vec<LiveSession>, LakeError> {
        // Before the store is read: what is begun anew in between is all in the store.
        let mark = Mark::read_by(&*self.place, self.engine.secret())?;
        live_rows::of(&self.engine, self.tenant, mark.as_ref()).map_err(beside)
    }

    fn live_session(&self, id: SessionId) -> Result<Option<LiveSession>, LakeError> {
        // Files of another data directory say nothing of ours.
        Mark::read_by(&*self.place, self.engine.secret())?;
        live_rows::one(&self.engine, self.tenant, id).map_err(beside)
    }

    fn sessions(&self, ids: &[SessionId]) -> Result<RecordBatch, LakeError> {
        let reader = self.engine.reader_blocking().map_err(beside)?;
        let mut rows = SessionRows::new();
        for id in ids {
            let session = get_session(reader.snapshot(), self.tenant, *id).map_err(beside)?;
            if let Some(session) = session {
                rows.push(&reader.record(&session), self.tenant, self.engine.secret())?;
            }
        }
        rows.finish()
    }

    fn page(
        &self,
        table: Table,
        only: Option<SessionId>,
        before: Option<SessionId>,
    ) -> Result<Page, LakeError> {
        if table == Table::Signals {
            return self.signals(only, before);
        }
        let reader = self.engine.reader_blocking().map_err(beside)?;
        let sessions = match only {
            Some(id) => get_session(reader.snapshot(), self.tenant, id)
                .map(|session| session.into_iter().collect()),
            None => {
                live_rows::sessions(&reader, self.tenant, Direction::Backward, before, SESSIONS)
            }
        };
        let sessions: Vec<Session> = sessions.map_err(beside)?;
        let mut rows = TableRows::new(table);
        for session in &sessions {
            for row in self.of_session(&reader, table, session).map_err(beside)? {
                rows.push(&row)?;
            }
            if rows.len() >= ROWS && only.is_none() {
                return Ok(Page { rows: rows.finish()?, next: Some(session.envelope.id) });
            }
        }
        let next = sessions.last().filter(|_| only.is_none() && sessions.len() == SESSIONS);
        Ok(Page { rows: rows.finish()?, next: next.map(|session| session.envelope.id) })
    }
}

/// How many of the sessions have no more signals together than a page may; at least one.
fn within(sessions: &[Session]) -> usize {
    let mut signals = 0;
    let fits = |session: &&Session| {
        signals += session.members.len();
        signals <= ROWS
    };
    sessions.iter().take_while(fits).count().max(1)
}

pub(crate) type Row = Map<String, Value>;

impl TenantTables {
    /// A page of signals: what lies in the journal is read for all sessions of it together, because
    /// a block has signals of many.
    fn signals(
        &self,
        only: Option<SessionId>,
        before: Option<SessionId>,
    ) -> Result<Page, LakeError> {
        let reader = self.engine.reader_blocking().map_err(beside)?;
        let mut sessions: Vec<Session> = match only {
            Some(id) => get_session(reader.snapshot(), self.tenant, id)
                .map(|session| session.into_iter().collect()),
            None => live_rows::sessions(
                &reader,
                self.tenant,
                Direction::Backward,
                before,
                SESSIONS_OF_SIGNALS,
            ),
        }
        .map_err(beside)?;
        let mut is_last = only.is_some() || sessions.len() < SESSIONS_OF_SIGNALS;
        let kept = within(&sessions);
        if kept < sessions.len() {
            sessions.truncate(kept);
            is_last = false;
        }
        let next = sessions.last().filter(|_| !is_last).map(|session| session.envelope.id);
        sessions.retain(|session| session.envelope.status != Status::Merged);
        let signals = signals::of_sessions(self.engine.store(), &sessions).map_err(beside)?;
        let mut rows = TableRows::new(Table::Signals);
        for (session, signals) in sessions.iter().zip(&signals) {
            for (member, arrival) in signals {
                rows.push(&signal(session, member, arrival))?;
            }
        }
        Ok(Page { rows: rows.finish()?, next })
    }

    /// The rows of a table that one session tells. A redirect tells its parcels only: its survivor
    /// has everything else.
    fn of_session(
        &self,
        reader: &Reader,
        table: Table,
        session: &Session,
    ) -> Result<Vec<Row>, EngineError> {
        if session.envelope.status == Status::Merged && table != Table::Parcels {
            return Ok(Vec::new());
        }
        match table {
            // They are read for many sessions at a time.
            Table::Signals => Ok(Vec::new()),
            Table::Claims => Ok(claims(session)),
            Table::Parcels => self.parcels(reader, session),
            Table::People => self.people(reader, session),
        }
    }

    fn parcels(&self, reader: &Reader, session: &Session) -> Result<Vec<Row>, EngineError> {
        let id = session.envelope.id;
        let parcels = reader.parcels_of(self.tenant, id)?;
        let row = |(name, parcel): &crate::Named| {
            row(json!({
                "id": name.to_string(),
                "session_id": id.to_string(),
                "destination": name.destination.0.to_string(),
                "status": parcel.status.word(),
                "created_at": parcel.created_at.to_string(),
                "at": parcel.at.to_string(),
                "became": parcel.became,
                "attempts": parcel.attempts,
                "attempted_at": parcel.attempted_at.map(|at| at.to_string()),
                "answer": parcel.answer,
                "failed": parcel.failed.as_ref().map(|failed| &failed.reason),
            }))
        };
        Ok(parcels.iter().map(row).collect())
    }

    /// The identities of which this is the latest session, so that each is told once.
    fn people(&self, reader: &Reader, session: &Session) -> Result<Vec<Row>, EngineError> {
        let mut rows = Vec::new();
        for identity in &session.content.identities {
            let filter = SessionFilter {
                identity: Some(identity.value.to_string()),
                identity_type: Some(identity.kind.to_string()),
                ..SessionFilter::default()
            };
            let sessions = reader.sessions(self.tenant, &filter, COUNTED, None)?.entities;
            let (Some(last), Some(first)) = (sessions.first(), sessions.last()) else { continue };
            if last.envelope.id != session.envelope.id {
                continue;
            }
            let secret = self.engine.secret();
            let node = |it| typed_identity(secret, self.tenant, it);
            let person = reader.person(self.tenant, &identity.kind, &identity.value)?;
            let all = person.iter().flat_map(|person| &person.identities).map(node);
            let person = all.min().unwrap_or_else(|| node(identity));
            rows.push(row(json!({
                "identity_type": identity.kind,
                "identity_hash": digits(secret.identity(self.tenant, &identity.value)),
                "person": digits(person),
                "session_count": sessions.len(),
                "first_session_id": first.envelope.id.to_string(),
                "last_session_id": last.envelope.id.to_string(),
            })));
        }
        Ok(rows)
    }
}

fn row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}

fn digits(hash: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(hash))
}

/// A signal of a session as a row.
pub(crate) fn signal(session: &Session, member: &Member, arrival: &Arrival) -> Row {
    let signal = &*arrival.signal;
    let claim = signal.claim.as_ref();
    let mut row = row(json!({
        "session_id": session.envelope.id.to_string(),
        "session_revision": session.envelope.revision,
        "key": signal.key,
        "at": member.at.to_string(),
        "received_at": arrival.received_at.to_string(),
        "type": &*signal.kind,
        "source": signal.source,
        "channel": signal.channel.map(sessionary_core::channel::Channel::word),
        "session_type": signal.session_type.map(sessionary_core::channel::SessionType::word),
        "sequence": (signal.sequence > 0).then_some(signal.sequence),
        "claim_code": claim.map(|claim| claim.code),
        "claim_author": claim.map(|claim| claim.author.word()),
        "note": member.marks.has(Marks::NOTE),
        "orphan": member.marks.has(Marks::ORPHAN),
        "warnings": signal.warnings,
    }));
    for (number, value) in &signal.fields {
        if let Some(field) = dictionary::by_number(*number).filter(|field| is_told(field)) {
            // A field may have the name of what every signal has, which goes before.
            row.entry(field.member).or_insert_with(|| value.to_json());
        }
    }
    row
}

fn claims(session: &Session) -> Vec<Row> {
    let id = session.envelope.id.to_string();
    let told = |(ordinal, claim)| {
        let mut row = row(record::claim(claim));
        row.insert("session_id".to_owned(), json!(id));
        row.insert("ordinal".to_owned(), json!(ordinal));
        row
    };
    (1_u64..).zip(&session.content.claims).map(told).collect()
}
