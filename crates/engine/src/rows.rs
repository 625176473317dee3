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
    session::{Envelope, Session, Status},
    signal::TenantId,
    stamp::Skew,
    time::UnixMillis,
};
use sessionary_store::{
    Read, StoreError, Table,
    keys::{IndexKind, edge_key, index_key, lane_key, session_key},
};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    EngineError,
    members::{self, PER_CHUNK},
};

/// The row of a lane.
#[derive(Serialize, Deserialize)]
struct LaneRow {
    #[serde(rename = "k")]
    kind: LaneKind,
    #[serde(rename = "w", default, skip_serializing_if = "Skew::is_empty")]
    skew: Skew,
    /// Live sessions in event order.
    #[serde(rename = "s")]
    sessions: Vec<SessionId>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    redirects: Vec<SessionId>,
}

/// The row of a session.
#[derive(Deserialize)]
struct SessionRow {
    #[serde(rename = "e")]
    envelope: Envelope,
    #[serde(rename = "c")]
    content: Content,
    /// How many of its first references are in rows of the table `Members`, 512 a row.
    #[serde(rename = "n", default)]
    chunks: u32,
    /// The other references, as [`crate::members`] writes them.
    #[serde(rename = "m", with = "crate::bytes", default)]
    members: Vec<u8>,
}

/// The same, to write it.
#[derive(Serialize)]
struct SessionRowRef<'a> {
    #[serde(rename = "e")]
    envelope: &'a Envelope,
    #[serde(rename = "c")]
    content: &'a Content,
    #[serde(rename = "n", skip_serializing_if = "is_zero")]
    chunks: u32,
    #[serde(rename = "m", with = "crate::bytes")]
    members: Vec<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The row of a timer: what is needed to find the session when it is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimerRow {
    /// Whose.
    #[serde(rename = "t")]
    pub(crate) tenant: TenantId,
    /// The session's lane.
    #[serde(rename = "l")]
    pub(crate) lane: LaneKey,
    /// The session's source.
    #[serde(rename = "s", default, skip_serializing_if = "str::is_empty")]
    pub(crate) source: Box<str>,
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

/// What the look-up rows and edges of a session follow from; those of two sessions with the same
/// mark are the same. Never 0, which stands for a session that has none yet.
pub(crate) fn derived_mark(session: &Session) -> u64 {
    let mut hasher = Xxh3::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    let (envelope, content) = (&session.envelope, &session.content);
    part(&[u8::from(envelope.status == Status::Merged)]);
    part(envelope.external_id.as_deref().unwrap_or_default().as_bytes());
    part(envelope.source.as_bytes());
    part(&[u8::from(content.channel_or_other().family().is_shared())]);
    if content.identities.len() > 1 {
        part(&content.first.at.0.to_be_bytes());
    }
    for identity in &content.identities {
        part(identity.kind.as_bytes());
        part(identity.value.as_bytes());
        part(identity.original.as_deref().unwrap_or_default().as_bytes());
    }
    hasher.digest().max(1)
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("rows hold nothing that MessagePack lacks")
}

pub(crate) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, EngineError> {
    rmp_serde::from_slice(bytes)
        .map_err(|source| EngineError::Row { what: what.to_owned(), source })
}

/// The row of a lane, as bytes.
pub(crate) fn lane_row(lane: &Lane) -> Vec<u8> {
    let ids = |sessions: &[Session]| sessions.iter().map(|s| s.envelope.id).collect();
    encode(&LaneRow {
        kind: lane.kind,
        skew: lane.skew.clone(),
        sessions: ids(&lane.sessions),
        redirects: ids(&lane.redirects),
    })
}

/// The row of a session, as bytes; the first `chunks` rows of references are kept elsewhere.
pub(crate) fn session_row(session: &Session, chunks: usize) -> Vec<u8> {
    let tail = session.members.get(chunks * PER_CHUNK..).unwrap_or_default();
    encode(&SessionRowRef {
        envelope: &session.envelope,
        content: &session.content,
        chunks: u32::try_from(chunks).unwrap_or(u32::MAX),
        members: members::encode(tail),
    })
}

/// How many rows of its own the references of a session fill; the rest stands in its row.
pub(crate) fn full_chunks(session: &Session) -> usize {
    session.members.len().saturating_sub(1) / PER_CHUNK
}

/// The key of a row of references.
pub(crate) fn members_key(tenant: TenantId, id: SessionId, chunk: usize) -> Vec<u8> {
    let chunk = u32::try_from(chunk).unwrap_or(u32::MAX);
    [&session_key(tenant.0, &id.0)[..], &chunk.to_be_bytes()].concat()
}

/// The lane as it was last written, and its row.
pub(crate) fn get_lane(
    store: &impl Read,
    tenant: TenantId,
    key: LaneKey,
) -> Result<Option<Lane>, EngineError> {
    Ok(get_lane_row(store, tenant, key)?.map(|(lane, _)| lane))
}

/// As [`get_lane`], with the bytes of the lane's row.
pub(crate) fn get_lane_row(
    store: &impl Read,
    tenant: TenantId,
    key: LaneKey,
) -> Result<Option<(Lane, Vec<u8>)>, EngineError> {
    let row = store.get(Table::Lanes, &lane_key(tenant.0, key.partition(), &key.0))?;
    let Some(row) = row else { return Ok(None) };
    let mut missing = |id| {
        let session = get_session(store, tenant, id)?;
        session.ok_or(EngineError::Missing { what: "a session of a lane" })
    };
    Ok(Some((lane_of_row(tenant, key, &row, &mut missing)?, row)))
}

/// A lane from its row; `session` gives those that it names.
pub(crate) fn lane_of_row(
    tenant: TenantId,
    key: LaneKey,
    row: &[u8],
    session: &mut impl FnMut(SessionId) -> Result<Session, EngineError>,
) -> Result<Lane, EngineError> {
    let row: LaneRow = decode("a lane", row)?;
    let mut lane = Lane::new(key, tenant, row.kind);
    lane.skew = row.skew;
    // Exactly as many: a session is large, and most lanes have one.
    for (ids, sessions) in
        [(row.sessions, &mut lane.sessions), (row.redirects, &mut lane.redirects)]
    {
        sessions.reserve_exact(ids.len());
        for id in ids {
            sessions.push(session(id)?);
        }
    }
    Ok(lane)
}

/// A session as it was last written.
pub(crate) fn get_session(
    store: &impl Read,
    tenant: TenantId,
    id: SessionId,
) -> Result<Option<Session>, EngineError> {
    let Some(row) = store.get(Table::Sessions, &session_key(tenant.0, &id.0))? else {
        return Ok(None);
    };
    session_of(store, tenant, id, &row).map(Some)
}

/// The session of a row.
pub(crate) fn session_of(
    store: &impl Read,
    tenant: TenantId,
    id: SessionId,
    row: &[u8],
) -> Result<Session, EngineError> {
    let mut chunk = |chunk| Ok(store.get(Table::Members, &members_key(tenant, id, chunk))?);
    session_of_row(tenant, id, row, &mut chunk)
}

/// The session of a row; `chunk` gives its rows of references.
pub(crate) fn session_of_row(
    tenant: TenantId,
    id: SessionId,
    row: &[u8],
    chunk: &mut impl FnMut(usize) -> Result<Option<Vec<u8>>, EngineError>,
) -> Result<Session, EngineError> {
    let row: SessionRow = decode("a session", row)?;
    let mut all = Vec::new();
    for at in 0..usize::try_from(row.chunks).unwrap_or_default() {
        let bytes = chunk(at)?.ok_or(EngineError::Missing { what: "references of a session" })?;
        members::decode_into(&mut all, &bytes).ok_or(GARBLED)?;
    }
    members::decode_into(&mut all, &row.members).ok_or(GARBLED)?;
    let envelope = Envelope { id, tenant, ..row.envelope };
    Ok(Session { envelope, content: row.content, members: all })
}

const GARBLED: EngineError = EngineError::Missing { what: "whole references of a session" };

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
