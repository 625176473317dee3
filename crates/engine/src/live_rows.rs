//! Live rows: the sessions whose state the lake's files may not have.
//!
//! Those are the sessions with a timer, which is what is open, settles, or has changed since it was
//! cut; and the records that wait for the lake. Without a lake, or before all history is in it, they
//! are all that there are: which of them a file has as it stands, whoever reads the files finds out by
//! their revisions.
use std::collections::BTreeSet;

use sessionary_core::{
    id::SessionId,
    session::{Session, Status},
    signal::TenantId,
};
use sessionary_lake::sql::LiveSession;
use sessionary_store::{
    Direction, Table,
    keys::{parse_session_key, session_key},
};

use crate::{
    Engine, EngineError, Reader, lake,
    rows::{get_session, session_of},
    timers,
};

/// Sessions that are read from one view of the store.
const PAGE: usize = 4_096;

/// The sessions of a tenant that the files may not have as they stand, earliest first. What comes
/// while this reads may or may not be among them.
pub(crate) fn of(
    engine: &Engine,
    tenant: TenantId,
    mark: Option<&lake::Mark>,
) -> Result<Vec<LiveSession>, EngineError> {
    let mut reader = engine.reader_blocking()?;
    if let Some(ids) = not_in_the_lake(&reader, tenant, mark)? {
        return named(&reader, tenant, &ids);
    }
    let mut live = Vec::new();
    let mut behind = None;
    loop {
        let page = sessions(&reader, tenant, Direction::Forward, behind, PAGE)?;
        live.extend(page.iter().map(live_session));
        let Some(last) = page.last().filter(|_| page.len() == PAGE) else {
            return Ok(live);
        };
        behind = Some(last.envelope.id);
        // Let go of before the next is taken: a view keeps what is written meanwhile in memory.
        drop(reader);
        reader = engine.reader_blocking()?;
    }
}

/// One session of a tenant, as [`of`] tells those that the files may not have.
pub(crate) fn one(
    engine: &Engine,
    tenant: TenantId,
    id: SessionId,
) -> Result<Option<LiveSession>, EngineError> {
    let reader = engine.reader_blocking()?;
    Ok(get_session(reader.snapshot(), tenant, id)?.as_ref().map(live_session))
}

/// The sessions that no file of the lake may have as they stand; `None` when that is not known.
fn not_in_the_lake(
    reader: &Reader,
    tenant: TenantId,
    mark: Option<&lake::Mark>,
) -> Result<Option<BTreeSet<SessionId>>, EngineError> {
    let Some(waiting) = lake::waiting(reader.snapshot(), tenant, mark)? else { return Ok(None) };
    let mut ids: BTreeSet<SessionId> = waiting.into_iter().collect();
    for timer in timers::stored(reader.snapshot()) {
        let ((_, id), owner) = timer?;
        if owner.tenant == tenant {
            ids.insert(id);
        }
    }
    Ok(Some(ids))
}

fn named(
    reader: &Reader,
    tenant: TenantId,
    ids: &BTreeSet<SessionId>,
) -> Result<Vec<LiveSession>, EngineError> {
    let sessions = ids.iter().map(|id| get_session(reader.snapshot(), tenant, *id));
    sessions
        .filter_map(|session| session.map(|found| found.as_ref().map(live_session)).transpose())
        .collect()
}

fn live_session(session: &Session) -> LiveSession {
    LiveSession {
        id: session.envelope.id,
        revision: session.envelope.revision,
        is_cut: stands_as_cut(session),
    }
}

fn stands_as_cut(session: &Session) -> bool {
    let envelope = &session.envelope;
    matches!(envelope.status, Status::Final | Status::Amended) && envelope.changed_at.is_none()
}

/// Sessions beyond one of them in a direction, redirects included.
pub(crate) fn sessions(
    reader: &Reader,
    tenant: TenantId,
    direction: Direction,
    beyond: Option<SessionId>,
    most: usize,
) -> Result<Vec<Session>, EngineError> {
    let (mut first, mut last) =
        (session_key(tenant.0, &[0; 16]), session_key(tenant.0, &[0xff; 16]));
    let beyond = beyond.map(|id| session_key(tenant.0, &id.0));
    match (direction, &beyond) {
        (_, None) => {}
        (Direction::Forward, Some(beyond)) => first.clone_from(beyond),
        (Direction::Backward, Some(beyond)) => last.clone_from(beyond),
    }
    let rows = reader.snapshot().scan(Table::Sessions, &first[..]..=&last[..], direction);
    let is_beyond = |row: &Result<(Vec<u8>, Vec<u8>), _>| {
        row.as_ref()
            .map_or(true, |(key, _)| beyond.as_ref().is_none_or(|beyond| key[..] != beyond[..]))
    };
    let session = |row: Result<(Vec<u8>, Vec<u8>), sessionary_store::StoreError>| {
        let (key, value) = row?;
        let id = parse_session_key(&key).map(|(_, id)| SessionId(id));
        let id = id.ok_or(EngineError::Missing { what: "the id of a session" })?;
        session_of(reader.snapshot(), tenant, id, &value)
    };
    rows.filter(is_beyond).take(most).map(session).collect()
}
