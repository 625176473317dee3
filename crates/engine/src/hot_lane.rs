//! One lane in memory: its sessions, what of them is in the tables, and how it is packed.
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sessionary_core::{
    id::SessionId,
    lane::{HashSecret, LaneKey},
    lane_fold::Lane,
    session::{Member, Session},
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_store::{
    Store, Table,
    keys::{lane_key, session_key, source_timer_key, timer_key},
};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    EngineError,
    members::{self, PER_CHUNK},
    rows::{self, TimerRow, decode, derived, derived_mark, encode, get_session},
    shard::SHARD,
    staging::Staging,
    timers::source_hash,
};

/// A lane with more references than this has a set of their hashes. Few in tests, so that lanes
/// have one.
const SCANNED_MAX: usize = if cfg!(test) { 4 } else { 64 };

/// A lane in memory.
pub(crate) struct HotLane {
    pub(crate) lane: Lane,
    written: Vec<Written>,
    /// The hash of the lane's row as it was written; 0: never.
    row_mark: u64,
    /// Hashes of the keys of all signals of the lane, once there are many.
    seen: Option<HashSet<u64>>,
    /// A bit for each of them, at hand while they are few: most signals are new, and seen to be.
    bits: u128,
    /// It was staged, and did not see yet that the checkpoint is in the tables.
    staged: bool,
}

/// What of a session is in the tables, and in the queues of timers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    session: SessionId,
    /// The mark of its look-up rows and edges; 0: there are none.
    mark: u64,
    /// Its timer rows.
    due: Option<UnixMillis>,
    event_due: Option<UnixMillis>,
    /// Where the queues of timers will meet it.
    pub(crate) entries: Entries,
    /// The same in event time.
    pub(crate) event_entries: Entries,
    /// How many of its identities the matcher was told of.
    pub(crate) noted: usize,
    /// Checksums of its rows of references.
    chunks: Vec<u32>,
}

/// Where a queue of timers will meet a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entries {
    /// An entry of the table that was not met yet.
    stored: Option<UnixMillis>,
    /// An entry that the table does not have.
    queued: Option<UnixMillis>,
    /// It was staged: when the checkpoint is in the tables, the table will have the next entry and
    /// the queue only the one after it.
    is_staged: bool,
    stored_then: Option<UnixMillis>,
    queued_then: Option<UnixMillis>,
}

impl Entries {
    fn of_the_table(due: Option<UnixMillis>) -> Entries {
        Entries { stored: due, ..Entries::default() }
    }

    /// Whether an entry at `due` is needed, because every other one is later or will be gone.
    pub(crate) fn need(&self, due: UnixMillis) -> bool {
        let all_later =
            |known: [Option<UnixMillis>; 2]| known.into_iter().flatten().all(|known| due < known);
        all_later([self.stored, self.queued])
            || (self.is_staged && all_later([self.stored_then, self.queued_then]))
    }

    /// Takes note of an entry that was put into the queue.
    pub(crate) fn put(&mut self, due: UnixMillis) {
        self.queued = Some(self.queued.map_or(due, |known| known.min(due)));
        self.queued_then = Some(due).filter(|_| self.is_staged);
    }

    /// Takes note that the queue has come to an entry.
    pub(crate) fn met(&mut self, due: UnixMillis) {
        let known =
            [&mut self.stored, &mut self.queued, &mut self.stored_then, &mut self.queued_then];
        for known in known {
            *known = known.filter(|known| *known != due);
        }
    }

    fn stage(&mut self, due: Option<UnixMillis>) {
        *self = Entries { is_staged: true, stored_then: due, queued_then: None, ..*self };
    }

    fn note_saved(&mut self) {
        if self.is_staged {
            let Entries { stored_then, queued_then, .. } = *self;
            *self = Entries { stored: stored_then, queued: queued_then, ..Entries::default() };
        }
    }
}

impl HotLane {
    /// A lane of which nothing is written.
    pub(crate) fn new(lane: Lane) -> HotLane {
        HotLane {
            bits: bits_of(&lane),
            lane,
            written: Vec::new(),
            row_mark: 0,
            seen: None,
            staged: false,
        }
    }

    /// The lane as it was last written.
    pub(crate) fn load(
        store: &Store,
        tenant: TenantId,
        key: LaneKey,
    ) -> Result<Option<HotLane>, EngineError> {
        let Some((lane, row)) = rows::get_lane_row(store, tenant, key)? else { return Ok(None) };
        let mut hot = HotLane { row_mark: xxh3_64(&row).max(1), ..HotLane::new(lane) };
        let written = hot.sessions().map(|session| Written {
            session: session.envelope.id,
            mark: derived_mark(session),
            due: session.envelope.due,
            event_due: session.envelope.event_due,
            entries: Entries::of_the_table(session.envelope.due),
            event_entries: Entries::of_the_table(session.envelope.event_due),
            noted: session.content.identities.len(),
            chunks: vec![0; rows::full_chunks(session)],
        });
        hot.written = written.collect();
        Ok(Some(hot))
    }

    /// Its live sessions and its redirects.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.lane.sessions.iter().chain(&self.lane.redirects)
    }

    /// What of a session is written.
    pub(crate) fn written(&mut self, id: SessionId) -> &mut Written {
        written_of(&mut self.written, id)
    }

    /// Whether no signal with this key hash is in the lane or on its way into it; it may say no
    /// though it is so.
    pub(crate) fn is_new(&self, key_hash: u64) -> bool {
        self.bits & bit_of(key_hash) == 0
    }

    /// Whether a signal with this key hash may be in the lane already.
    pub(crate) fn may_hold(&mut self, key_hash: u64) -> bool {
        match self.seen() {
            Some(seen) => seen.contains(&key_hash),
            None => self.members().any(|member| member.key_hash == key_hash),
        }
    }

    /// Takes note that a signal with this key hash comes into the lane.
    pub(crate) fn note_key(&mut self, key_hash: u64) {
        self.bits |= bit_of(key_hash);
        // A set that is made only later would lack what is on its way and in no session yet.
        if let Some(seen) = self.seen() {
            seen.insert(key_hash);
        }
    }

    /// The set of the hashes, made when there are many.
    fn seen(&mut self) -> Option<&mut HashSet<u64>> {
        let references = || self.sessions().map(|session| session.members.len()).sum::<usize>();
        if self.seen.is_none() && references() > SCANNED_MAX {
            self.seen = Some(self.members().map(|member| member.key_hash).collect());
        }
        self.seen.as_mut()
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.sessions().flat_map(|session| &session.members)
    }

    /// Bytes that it takes in memory, about.
    pub(crate) fn weight(&self) -> usize {
        let of_session = |session: &Session| {
            let content = &session.content;
            let rows = content.identities.len()
                + content.fields.len()
                + content.attributes.len()
                + content.goals.len()
                + content.claims.len()
                + content.users.len();
            1_200
                + session.members.capacity() * size_of::<Member>()
                + rows * 90
                + (content.touches.len() + content.legs.len()) * 250
        };
        let seen = self.seen.as_ref().map_or(0, |seen| seen.capacity() * 10);
        600 + self.sessions().map(of_session).sum::<usize>() + seen
    }

    // ---- into the tables

    /// Stages the rows of the lane and of those of its sessions that changed.
    pub(crate) fn stage(
        &mut self,
        changed: &[SessionId],
        secret: &HashSecret,
        store: &Store,
        staging: &mut Staging,
    ) -> Result<(), EngineError> {
        // The checkpoint before this one is in the tables, or this one had not begun.
        self.note_saved();
        let lane = &self.lane;
        let row = rows::lane_row(lane);
        let mark = xxh3_64(&row).max(1);
        if mark != self.row_mark {
            let key = lane_key(lane.tenant.0, lane.key.partition(), &lane.key.0);
            staging.put(Table::Lanes, &key, &row);
            self.row_mark = mark;
        }
        for id in changed {
            let Some(session) = lane.session(*id) else { continue };
            let written = written_of(&mut self.written, *id);
            stage_session(session, written, staging);
            stage_derived(session, written, secret, store, staging)?;
            stage_timers(session, written, staging);
        }
        self.staged = true;
        Ok(())
    }

    /// The checkpoint that it was staged for is in the tables.
    pub(crate) fn note_saved(&mut self) {
        if std::mem::take(&mut self.staged) {
            for written in &mut self.written {
                written.entries.note_saved();
                written.event_entries.note_saved();
            }
        }
    }

    // ---- at rest

    /// The lane as bytes.
    pub(crate) fn pack(&self) -> Packed {
        let mut bytes = Vec::with_capacity(2_048);
        let mut part = |part: &[u8]| {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part);
        };
        part(&self.lane.tenant.0.to_be_bytes());
        part(&self.row_mark.to_be_bytes());
        part(&[u8::from(self.staged)]);
        part(&rmp_serde::to_vec(&self.written).expect("numbers have a form in MessagePack"));
        part(&rows::lane_row(&self.lane));
        for session in self.sessions() {
            part(&rows::session_row(session, 0));
        }
        // Copied, because shrinking in place would keep the room.
        Packed(bytes.as_slice().into())
    }
}

fn bit_of(key_hash: u64) -> u128 {
    1 << (key_hash >> 57)
}

fn bits_of(lane: &Lane) -> u128 {
    let members = lane.sessions.iter().chain(&lane.redirects).flat_map(|session| &session.members);
    members.fold(0, |bits, member| bits | bit_of(member.key_hash))
}

fn written_of(written: &mut Vec<Written>, id: SessionId) -> &mut Written {
    let at = written.iter().position(|known| known.session == id).unwrap_or_else(|| {
        // Most lanes have one session: no room is kept for more.
        written.reserve_exact(1);
        written.push(Written { session: id, ..Written::default() });
        written.len() - 1
    });
    written.get_mut(at).expect("it was found or just put there")
}

fn stage_session(session: &Session, written: &mut Written, staging: &mut Staging) {
    let (tenant, id) = (session.envelope.tenant, session.envelope.id);
    let chunks = rows::full_chunks(session);
    let known = std::mem::take(&mut written.chunks);
    for (at, part) in session.members.chunks(PER_CHUNK).take(chunks).enumerate() {
        let bytes = members::encode(part);
        let checksum = crc32fast::hash(&bytes);
        if known.get(at) != Some(&checksum) {
            staging.put(Table::Members, &rows::members_key(tenant, id, at), &bytes);
        }
        written.chunks.push(checksum);
    }
    for gone in chunks..known.len() {
        staging.delete(Table::Members, &rows::members_key(tenant, id, gone));
    }
    let row = rows::session_row(session, chunks);
    staging.put(Table::Sessions, &session_key(tenant.0, &id.0), &row);
}

/// Stages the look-up rows and edges of a session, and deletes those that follow no more.
fn stage_derived(
    session: &Session,
    written: &mut Written,
    secret: &HashSecret,
    store: &Store,
    staging: &mut Staging,
) -> Result<(), EngineError> {
    let mark = derived_mark(session);
    if mark == written.mark {
        return Ok(());
    }
    let rows = derived(secret, session);
    if written.mark != 0 {
        let before = get_session(store, session.envelope.tenant, session.envelope.id)?;
        let before = before.map(|before| derived(secret, &before)).unwrap_or_default();
        for (table, key) in before.keys().filter(|key| !rows.contains_key(*key)) {
            staging.delete(*table, key);
        }
    }
    for ((table, key), value) in &rows {
        staging.put(*table, key, value);
    }
    written.mark = mark;
    Ok(())
}

fn stage_timers(session: &Session, written: &mut Written, staging: &mut Staging) {
    let envelope = &session.envelope;
    let (tenant, id) = (envelope.tenant, &envelope.id.0);
    let row = || encode(&TimerRow { tenant, lane: envelope.lane, source: envelope.source.clone() });
    if written.due != envelope.due {
        if let Some(due) = written.due {
            staging.delete(Table::Timers, &timer_key(SHARD, due.0, id));
        }
        if let Some(due) = envelope.due {
            staging.put(Table::Timers, &timer_key(SHARD, due.0, id), &row());
        }
        written.due = envelope.due;
    }
    if written.event_due != envelope.event_due {
        let source = source_hash(tenant, &envelope.source);
        if let Some(due) = written.event_due {
            staging.delete(Table::Timers, &source_timer_key(SHARD, source, due.0, id));
        }
        if let Some(due) = envelope.event_due {
            staging.put(Table::Timers, &source_timer_key(SHARD, source, due.0, id), &row());
        }
        written.event_due = envelope.event_due;
    }
    written.entries.stage(envelope.due);
    written.event_entries.stage(envelope.event_due);
}

/// A lane at rest: what [`HotLane::pack`] made of it. Never on disk.
pub(crate) struct Packed(Box<[u8]>);

impl Packed {
    /// Bytes that it takes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len()
    }

    /// The lane.
    pub(crate) fn unpack(&self, key: LaneKey) -> Result<HotLane, EngineError> {
        let mut parts = Parts(&self.0);
        let tenant = TenantId(u32::from_be_bytes(parts.number()?));
        let row_mark = u64::from_be_bytes(parts.number()?);
        let [staged] = parts.number()?;
        let written = rmp_serde::from_slice(parts.next()?)
            .map_err(|source| EngineError::Row { what: "a packed lane".to_owned(), source })?;
        let row = parts.next()?;
        // A packed session has all its references in its row, so nothing is read for it.
        let mut session = |id| rows::session_of_row(tenant, id, parts.next()?, &mut |_| Ok(None));
        let lane = rows::lane_of_row(tenant, key, row, &mut session)?;
        Ok(HotLane { written, row_mark, staged: staged != 0, ..HotLane::new(lane) })
    }

    /// The ids of its sessions.
    pub(crate) fn ids(&self) -> Result<Vec<SessionId>, EngineError> {
        let mut parts = Parts(&self.0);
        let (_, _, _) = (parts.next()?, parts.next()?, parts.next()?);
        let written: Vec<Written> = decode("a packed lane", parts.next()?)?;
        Ok(written.into_iter().map(|written| written.session).collect())
    }
}

/// The counted parts of a packed lane.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn next(&mut self) -> Result<&'a [u8], EngineError> {
        let cut = EngineError::Missing { what: "the rest of a packed lane" };
        let Some((count, rest)) = self.0.split_first_chunk() else { return Err(cut) };
        let count = usize::try_from(u32::from_be_bytes(*count)).unwrap_or(usize::MAX);
        let Some((part, rest)) = rest.split_at_checked(count) else { return Err(cut) };
        self.0 = rest;
        Ok(part)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], EngineError> {
        let whole = self.next()?.try_into();
        whole.map_err(|_| EngineError::Missing { what: "a number of a packed lane" })
    }
}
