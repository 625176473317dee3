//! Reading: sessions, signals and look-ups from a consistent view of the store.
use std::sync::Arc;

use sessionary_core::{
    id::SessionId,
    lane::{HashSecret, LaneKey},
    rules::{Rules, SourceClock},
    session::{Member, Session, Status},
    signal::{Arrival, TenantId},
    time::UnixMillis,
};
use sessionary_dialects::format;
use sessionary_store::{
    Direction, Snapshot, Store, Table,
    keys::{IndexKind, lane_key, parse_lane_key, parse_session_key, record_key, session_key},
    signal_ids,
};

use crate::{
    EngineError, ReviewRow, entry,
    membership::{Membership, survivor},
    quarantine::{QuarantineId, Quarantined},
    rows::{decode, external_hash, get_lane, get_session, look_up, session_of},
    shard::SHARD,
    signal_cursor::{RowCursor, SignalCursor},
    signals::{Signals, in_event_order, of_row},
};

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entities, in the order of the listing.
    pub entities: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<String>,
}

/// Which sessions a listing shows.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Any identity with this value.
    pub identity: Option<String>,
    /// And of this type.
    pub identity_type: Option<String>,
    /// The sender's own name for the session.
    pub external_id: Option<String>,
    /// Its state.
    pub status: Option<Status>,
    /// Started at or after.
    pub from: Option<UnixMillis>,
    /// Started before.
    pub to: Option<UnixMillis>,
}

/// What views of the tables are made from.
#[derive(Clone)]
pub(crate) struct Views {
    pub(crate) store: Store,
    pub(crate) secret: HashSecret,
    pub(crate) rules: Arc<Rules>,
}

impl Views {
    /// A view of what is in the tables now. What is written while it lives stays in memory with it,
    /// so it is dropped before anything is waited for.
    pub(crate) fn reader(&self, now: UnixMillis) -> Reader {
        Reader { views: self.clone(), snapshot: self.store.snapshot(), now }
    }
}

/// A consistent view of everything that was acknowledged before it was asked for.
pub struct Reader {
    views: Views,
    snapshot: Snapshot,
    now: UnixMillis,
}

impl Reader {
    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.views.rules
    }

    /// The server's time when the view was taken.
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn secret(&self) -> &HashSecret {
        &self.views.secret
    }

    /// The session with this id; a redirect is followed to its survivor.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn session(&self, tenant: TenantId, id: SessionId) -> Result<Option<Session>, EngineError> {
        survivor(&self.snapshot, tenant, id)
    }

    /// The session before this one in its lane.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn before(&self, session: &Session) -> Result<Option<Session>, EngineError> {
        let envelope = &session.envelope;
        let Some(lane) = get_lane(&self.snapshot, envelope.tenant, envelope.lane)? else {
            return Ok(None);
        };
        let at = lane.sessions.iter().position(|known| known.envelope.id == envelope.id);
        let before = at.and_then(|at| at.checked_sub(1));
        Ok(before.and_then(|at| lane.sessions.into_iter().nth(at)))
    }

    /// A cut record, byte for byte as it was cut.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn cut_record(
        &self,
        tenant: TenantId,
        id: SessionId,
        revision: u32,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.snapshot.get(Table::Records, &record_key(tenant.0, &id.0, revision))?)
    }

    /// The record of a session as it stands.
    pub fn record(&self, session: &Session) -> serde_json::Value {
        format::record(session, &self.views.rules, self.now)
    }

    /// Sessions that pass a filter, latest first; redirects are never among them.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn sessions(
        &self,
        tenant: TenantId,
        filter: &SessionFilter,
        limit: usize,
        cursor: Option<SessionId>,
    ) -> Result<Page<Session>, EngineError> {
        let mut entities = Vec::new();
        let mut next_cursor = None;
        let mut last = None;
        for session in self.candidates(tenant, filter, cursor)? {
            let session = session?;
            if !self.passes(filter, &session) {
                continue;
            }
            if entities.len() == limit {
                next_cursor = last.map(|id: SessionId| id.to_hex());
                break;
            }
            last = Some(session.envelope.id);
            entities.push(session);
        }
        Ok(Page { entities, next_cursor })
    }

    fn candidates(
        &self,
        tenant: TenantId,
        filter: &SessionFilter,
        cursor: Option<SessionId>,
    ) -> Result<Box<dyn Iterator<Item = Result<Session, EngineError>> + '_>, EngineError> {
        let looked_up = match (&filter.external_id, &filter.identity) {
            (Some(external), _) => {
                Some((IndexKind::External, external_hash(&self.views.secret, tenant, external)))
            }
            (None, Some(value)) => {
                Some((IndexKind::Identity, self.views.secret.identity(tenant, value)))
            }
            (None, None) => None,
        };
        if let Some((kind, hash)) = looked_up {
            let ids = look_up(&self.snapshot, tenant, kind, &hash);
            let mut ids: Vec<SessionId> = ids.collect::<Result<_, _>>()?;
            ids.retain(|id| cursor.is_none_or(|cursor| *id < cursor));
            ids.sort_unstable_by(|a, b| b.cmp(a));
            let sessions = ids
                .into_iter()
                .filter_map(move |id| get_session(&self.snapshot, tenant, id).transpose());
            return Ok(Box::new(sessions));
        }
        let first = session_key(tenant.0, &[0; 16]);
        let end = cursor.map_or_else(
            || session_key(tenant.0, &[0xff; 16]),
            |cursor| session_key(tenant.0, &cursor.0),
        );
        let rows = self.snapshot.scan(Table::Sessions, &first[..]..&end[..], Direction::Backward);
        Ok(Box::new(rows.map(move |row| {
            let (key, value) = row?;
            let id = parse_session_key(&key).map(|(_, id)| SessionId(id));
            let id = id.ok_or(EngineError::Missing { what: "the id of a session" })?;
            session_of(&self.snapshot, tenant, id, &value)
        })))
    }

    fn passes(&self, filter: &SessionFilter, session: &Session) -> bool {
        let envelope = &session.envelope;
        let started = session.content.started_at(&self.views.rules);
        let identity = |value: &str| {
            session.content.identities.iter().any(|identity| {
                let same = *identity.value == *value || identity.original.as_deref() == Some(value);
                let kind = filter.identity_type.as_deref();
                same && kind.is_none_or(|kind| *identity.kind == *kind)
            })
        };
        envelope.status != Status::Merged
            && filter.status.is_none_or(|status| status == envelope.status)
            && filter.from.is_none_or(|from| started >= from)
            && filter.to.is_none_or(|to| started < to)
            && filter.identity.as_deref().is_none_or(identity)
            && filter
                .external_id
                .as_deref()
                .is_none_or(|external| envelope.external_id.as_deref() == Some(external))
    }

    /// The signals of a session in event order, each with its reference; those that retention has
    /// removed are left out.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn signals_of(&self, session: &Session) -> Result<Vec<(Member, Arrival)>, EngineError> {
        let envelope = &session.envelope;
        let signals = Signals {
            store: &self.views.store,
            shard: SHARD,
            tenant: envelope.tenant,
            lane: envelope.lane,
        };
        let arrivals = signals.arrivals(&session.members)?;
        let pairs = session.members.iter().cloned().zip(arrivals);
        let mut pairs: Vec<(Member, Arrival)> =
            pairs.filter_map(|(member, arrival)| Some((member, arrival?))).collect();
        in_event_order(&mut pairs);
        Ok(pairs)
    }

    /// The signal with this id: (session, reference, arrival). Of several in different lanes the
    /// first that came.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn signal(
        &self,
        tenant: TenantId,
        id: &str,
    ) -> Result<Option<(SessionId, Member, Arrival)>, EngineError> {
        let key_hash = self.views.secret.key_hash(tenant, id);
        let mut found: Option<(SessionId, Member, Arrival)> = None;
        for prefix in signal_ids::find(&self.snapshot, key_hash)? {
            for lane in self.lanes_with_prefix(tenant, prefix)? {
                let Some(lane) = get_lane(&self.snapshot, tenant, lane)? else { continue };
                let signals =
                    Signals { store: &self.views.store, shard: SHARD, tenant, lane: lane.key };
                for (session, member) in lane.holders(key_hash) {
                    let arrival = signals.arrivals(std::slice::from_ref(member))?.pop().flatten();
                    let Some(arrival) = arrival.filter(|a| *a.signal.key == *id) else { continue };
                    if found.as_ref().is_none_or(|(_, known, _)| member.position < known.position) {
                        found = Some((session, member.clone(), arrival));
                    }
                }
            }
        }
        Ok(found)
    }

    fn lanes_with_prefix(
        &self,
        tenant: TenantId,
        prefix: u64,
    ) -> Result<Vec<LaneKey>, EngineError> {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(prefix.to_be_bytes()) {
            *to = from;
        }
        let partition = LaneKey(bytes).partition();
        let key = lane_key(tenant.0, partition, &bytes);
        let key = key.get(..13).unwrap_or(&key);
        let rows = self.snapshot.scan_prefix(Table::Lanes, key, Direction::Forward);
        rows.map(|row| {
            let lane = parse_lane_key(&row?.0).map(|(_, _, lane)| LaneKey(lane));
            lane.ok_or(EngineError::Missing { what: "the lane of a key" })
        })
        .collect()
    }

    /// All signals of a tenant, each exactly once: what has been rewritten in lane order first, then
    /// the journal. What comes while pages are read may or may not appear.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn signals(
        &self,
        tenant: TenantId,
        limit: usize,
        cursor: Option<SignalCursor>,
    ) -> Result<Page<(u64, Arrival)>, EngineError> {
        let mut cursor = cursor.unwrap_or(SignalCursor::Journal { next: 1 });
        let mut entities = Vec::new();
        while entities.len() < limit {
            let step = match cursor {
                SignalCursor::Journal { next } => {
                    self.signals_of_journal(tenant, next, limit, &mut entities)?
                }
                SignalCursor::Rows(rows) => {
                    self.signals_of_rows(tenant, rows, limit, &mut entities)?
                }
            };
            let Some(next) = step else { return Ok(Page { entities, next_cursor: None }) };
            cursor = next;
        }
        Ok(Page { entities, next_cursor: Some(cursor.to_string()) })
    }

    fn signals_of_journal(
        &self,
        tenant: TenantId,
        next: u64,
        limit: usize,
        entities: &mut Vec<(u64, Arrival)>,
    ) -> Result<Option<SignalCursor>, EngineError> {
        let first = self.views.store.first_position(SHARD);
        if next < first {
            let rows = RowCursor { from: next, until: first, after: Vec::new(), taken: 0 };
            return Ok(Some(SignalCursor::Rows(rows)));
        }
        let mut live = Membership::new(&self.snapshot, &self.views.secret);
        for block in self.views.store.replay(SHARD, next) {
            let block = block?;
            for (position, stored) in (block.first..).zip(&block.entries) {
                if position < next {
                    continue;
                }
                if entities.len() == limit {
                    return Ok(Some(SignalCursor::Journal { next: position }));
                }
                let stored = entry::Entry::from_bytes(&stored.bytes)?;
                let entry::Entry::Signal(arrival) = stored else { continue };
                if arrival.tenant == tenant && live.lane(position, &arrival)?.is_some() {
                    entities.push((position, arrival));
                }
            }
        }
        Ok(None)
    }

    fn signals_of_rows(
        &self,
        tenant: TenantId,
        rows: RowCursor,
        limit: usize,
        entities: &mut Vec<(u64, Arrival)>,
    ) -> Result<Option<SignalCursor>, EngineError> {
        let RowCursor { from, until, after, taken } = rows;
        let tenant_prefix = tenant.0.to_be_bytes();
        let end = tenant.0.checked_add(1).map(u32::to_be_bytes);
        let start = if after.is_empty() { tenant_prefix.to_vec() } else { after.clone() };
        let end = end.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range =
            (std::ops::Bound::Included(&start[..]), end.as_ref().map(|end: &[u8; 4]| &end[..]));
        for row in self.views.store.scan(Table::Signals, range, Direction::Forward) {
            let (key, value) = row?;
            let skip = if key == after { taken } else { 0 };
            for (at, (position, arrival)) in of_row(&value)?.into_iter().enumerate() {
                if at < skip || !(from..until).contains(&position) {
                    continue;
                }
                if entities.len() == limit {
                    let rows = RowCursor { from, until, after: key, taken: at };
                    return Ok(Some(SignalCursor::Rows(rows)));
                }
                entities.push((position, arrival));
            }
        }
        Ok(Some(SignalCursor::Journal { next: until }))
    }

    // ---- lists for people

    /// Items in quarantine, in order of arrival.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn quarantine(
        &self,
        tenant: TenantId,
        limit: usize,
        after: Option<QuarantineId>,
    ) -> Result<Page<(QuarantineId, Quarantined)>, EngineError> {
        let first = QuarantineId { tenant, received_at: UnixMillis(0), number: 0 };
        let from = after.unwrap_or(first).key();
        let until = QuarantineId { tenant, received_at: UnixMillis(i64::MAX), number: u64::MAX };
        let until = until.key();
        let mut page: Page<(QuarantineId, Quarantined)> =
            Page { entities: Vec::new(), next_cursor: None };
        let range = &from[..]..=&until[..];
        for row in self.snapshot.scan(Table::Quarantine, range, Direction::Forward) {
            let (key, value) = row?;
            let id = QuarantineId::of_key(&key);
            let id = id.ok_or(EngineError::Missing { what: "the id of an item in quarantine" })?;
            if after.is_some_and(|after| id <= after) {
                continue;
            }
            if page.entities.len() == limit {
                page.next_cursor = page.entities.last().map(|(id, _)| id.text());
                break;
            }
            page.entities.push((id, decode("an item in quarantine", &value)?));
        }
        Ok(page)
    }

    /// One item.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn quarantined(&self, id: QuarantineId) -> Result<Option<Quarantined>, EngineError> {
        let row = self.snapshot.get(Table::Quarantine, &id.key())?;
        row.map(|row| decode("an item in quarantine", &row)).transpose()
    }

    /// Sources of a tenant whose clock is not the wall's, or was set.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn sources(&self, tenant: TenantId) -> Result<Vec<(Box<str>, SourceClock)>, EngineError> {
        crate::shard::stored_sources(&self.snapshot, tenant)
    }

    /// Doubtful placements.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn reviews(&self, tenant: TenantId) -> Result<Vec<ReviewRow>, EngineError> {
        let prefix = tenant.0.to_be_bytes();
        let rows = self.snapshot.scan_prefix(Table::Review, &prefix, Direction::Forward);
        rows.map(|row| decode("a review", &row?.1)).collect()
    }
}
