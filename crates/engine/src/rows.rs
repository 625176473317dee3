//! Rows of the store that the fold writes and reads: lanes, sessions, members, timers, look-ups.
//!
//! Everything here is derived from the journal and can be rebuilt from it.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sessionary_core::{
    content::Content,
    id::SessionId,
    identity::{Identity, IdentityClass},
    lane::{HashSecret, LaneKey, LaneKind},
    lane_fold::Lane,
    session::{Envelope, Member, Session, Status},
    signal::TenantId,
    stamp::Skew,
    time::UnixMillis,
};
use sessionary_store::{
    Read, Rows, StoreError, Table,
    keys::{IndexKind, edge_key, index_key, lane_key, session_key},
};

use crate::EngineError;

/// The row of a lane.
#[derive(Serialize, Deserialize)]
struct LaneRow {
    kind: LaneKind,
    #[serde(default)]
    skew: Skew,
    /// Live sessions in event order.
    sessions: Vec<SessionId>,
    #[serde(default)]
    redirects: Vec<SessionId>,
}

/// The row of a session.
#[derive(Serialize, Deserialize)]
struct SessionRow {
    envelope: Envelope,
    content: Content,
}

/// The row of a timer: what is needed to find the session when it is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimerRow {
    /// Whose.
    pub(crate) tenant: TenantId,
    /// The session's lane.
    pub(crate) lane: LaneKey,
    /// The session's source.
    #[serde(default)]
    pub(crate) source: Box<str>,
    /// When it is due in event time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event_due: Option<UnixMillis>,
    /// Its short id, so that a restart knows which are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) short_id: Option<u32>,
    /// Whether it waits to be placed into another session.
    #[serde(default)]
    pub(crate) homeless: bool,
}

/// One end of an identity edge; the other end has one too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeRow {
    /// The identity at this end.
    pub from: Identity,
    /// The identity at the other end.
    pub to: Identity,
    /// Where it was seen.
    pub source: Box<str>,
    /// The session that shows it.
    pub session: SessionId,
    /// Since when.
    pub valid_from: UnixMillis,
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("rows hold nothing that MessagePack lacks")
}

pub(crate) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, EngineError> {
    rmp_serde::from_slice(bytes)
        .map_err(|source| EngineError::Row { what: what.to_owned(), source })
}

/// Puts a lane and those of its sessions that changed.
pub(crate) fn put_lane(rows: &mut Rows, lane: &Lane, changed: impl Fn(SessionId) -> bool) {
    let key = lane_key(lane.tenant.0, lane.key.partition(), &lane.key.0);
    let ids = |sessions: &[Session]| sessions.iter().map(|s| s.envelope.id).collect();
    let row = LaneRow {
        kind: lane.kind,
        skew: lane.skew.clone(),
        sessions: ids(&lane.sessions),
        redirects: ids(&lane.redirects),
    };
    rows.put(Table::Lanes, key, encode(&row));
    for session in lane.sessions.iter().chain(&lane.redirects) {
        let id = session.envelope.id;
        if !changed(id) {
            continue;
        }
        let key = session_key(lane.tenant.0, &id.0);
        let row =
            SessionRow { envelope: session.envelope.clone(), content: session.content.clone() };
        rows.put(Table::Sessions, key, encode(&row));
        rows.put(Table::Members, key, encode(&session.members));
    }
}

/// The lane as it was last written.
pub(crate) fn get_lane(
    store: &impl Read,
    tenant: TenantId,
    key: LaneKey,
) -> Result<Option<Lane>, EngineError> {
    let row = store.get(Table::Lanes, &lane_key(tenant.0, key.partition(), &key.0))?;
    let Some(row) = row else { return Ok(None) };
    let row: LaneRow = decode("a lane", &row)?;
    let mut lane = Lane::new(key, tenant, row.kind);
    lane.skew = row.skew;
    for (ids, sessions) in
        [(row.sessions, &mut lane.sessions), (row.redirects, &mut lane.redirects)]
    {
        for id in ids {
            let session = get_session(store, tenant, id)?;
            sessions.push(session.ok_or(EngineError::Missing { what: "a session of a lane" })?);
        }
    }
    Ok(Some(lane))
}

/// A session as it was last written.
pub(crate) fn get_session(
    store: &impl Read,
    tenant: TenantId,
    id: SessionId,
) -> Result<Option<Session>, EngineError> {
    let key = session_key(tenant.0, &id.0);
    let Some(row) = store.get(Table::Sessions, &key)? else { return Ok(None) };
    let members = store.get(Table::Members, &key)?;
    let members: Vec<Member> = match members {
        Some(members) => decode("members", &members)?,
        None => Vec::new(),
    };
    session_of(&row, members).map(Some)
}

/// A session's row with the members that the caller read.
pub(crate) fn session_of(row: &[u8], members: Vec<Member>) -> Result<Session, EngineError> {
    let row: SessionRow = decode("a session", row)?;
    Ok(Session { envelope: row.envelope, content: row.content, members })
}

/// The look-up rows and edges that follow from a session; a redirect has none.
pub(crate) fn derived(
    secret: &HashSecret,
    session: &Session,
) -> BTreeMap<(Table, Vec<u8>), Vec<u8>> {
    let mut rows = BTreeMap::new();
    let envelope = &session.envelope;
    if envelope.status == Status::Merged {
        return rows;
    }
    let (tenant, id) = (envelope.tenant, &envelope.id.0);
    let mut look_up = |kind: IndexKind, hash: [u8; 16]| {
        rows.insert((Table::Index, index_key(tenant.0, kind, &hash, Some(id))), Vec::new());
    };
    if let Some(external) = &envelope.external_id {
        look_up(IndexKind::External, external_hash(secret, tenant, external));
    }
    for identity in &session.content.identities {
        look_up(IndexKind::Identity, secret.identity(tenant, &identity.value));
        if let Some(original) = &identity.original {
            look_up(IndexKind::Identity, secret.identity(tenant, original));
        }
    }
    if let Some(short) = envelope.short_id {
        let hash = secret.hash(tenant, "short", &[&short.to_be_bytes()]);
        look_up(IndexKind::Short, hash);
    }
    add_edges(&mut rows, secret, session);
    rows
}

/// Identities seen together are joined, each with the strongest: a star, two rows an edge. Shared
/// devices join nobody, and an address joins nothing (docs/definitions.md, "Identity").
fn add_edges(
    rows: &mut BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    secret: &HashSecret,
    session: &Session,
) {
    let content = &session.content;
    if content.channel_or_other().family().is_shared() {
        return;
    }
    let joining = |identity: &&Identity| identity.class() != IdentityClass::Weak;
    let mut identities: Vec<&Identity> = content.identities.iter().filter(joining).collect();
    let strength = |identity: &&Identity| {
        let class = match identity.class() {
            IdentityClass::User => 0,
            IdentityClass::Contact => 1,
            IdentityClass::Device => 2,
            IdentityClass::Weak => 3,
        };
        (class, identity.rank())
    };
    identities.sort_by_key(strength);
    let Some((centre, others)) = identities.split_first() else { return };
    let tenant = session.envelope.tenant;
    for other in others {
        for (from, to) in [(*centre, *other), (*other, *centre)] {
            let key = edge_key(
                tenant.0,
                &typed_identity(secret, tenant, from),
                &typed_identity(secret, tenant, to),
            );
            let row = EdgeRow {
                from: from.clone(),
                to: to.clone(),
                source: session.envelope.source.clone(),
                session: session.envelope.id,
                valid_from: content.first.at,
            };
            // One row a session that shows it, so that it goes when the session shows it no more.
            let key = [&key[..], &session.envelope.id.0].concat();
            rows.insert((Table::Edges, key), encode(&row));
        }
    }
}

/// The hash of an identity with its type: a node of the graph of people.
pub(crate) fn typed_identity(
    secret: &HashSecret,
    tenant: TenantId,
    identity: &Identity,
) -> [u8; 16] {
    secret.hash(tenant, "node", &[identity.kind.as_bytes(), identity.value.as_bytes()])
}

/// The hash under which a sender's session id is found, whatever its source.
pub(crate) fn external_hash(secret: &HashSecret, tenant: TenantId, external: &str) -> [u8; 16] {
    secret.hash(tenant, "external", &[external.as_bytes()])
}

/// The ids of the sessions that a look-up row leads to, latest first.
pub(crate) fn look_up(
    store: &impl Read,
    tenant: TenantId,
    kind: IndexKind,
    hash: &[u8; 16],
) -> impl Iterator<Item = Result<SessionId, StoreError>> {
    let prefix = index_key(tenant.0, kind, hash, None);
    let length = prefix.len();
    store.scan_prefix(Table::Index, &prefix, sessionary_store::Direction::Backward).filter_map(
        move |row| match row {
            Ok((key, _)) => {
                let id: [u8; 16] = key.get(length..)?.try_into().ok()?;
                Some(Ok(SessionId(id)))
            }
            Err(error) => Some(Err(error)),
        },
    )
}
