//! Repeats: whether a signal is there already, in its lane, under its business id or in its own block.
use sessionary_core::{
    dictionary::field,
    id::SessionId,
    lane::{LaneKey, LaneKind, LaneName},
    session::{Member, Session},
    signal::{Arrival, Signal, TenantId, kind},
    stamp::Marks,
    time::UnixMillis,
};
use sessionary_store::{
    Table,
    keys::{IndexKind, index_key},
};

use crate::{
    EngineError, VerdictStatus,
    gathered::Gathered,
    quarantine,
    rows::{decode, encode},
    shard::{SHARD, Shard},
    signals::Signals,
};

/// What is decided about a signal before its lane is folded.
pub(crate) enum Found {
    New,
    Known(VerdictStatus, SessionId),
    /// It repeats a signal of the same block, at this position.
    Twin(VerdictStatus, u64),
}

impl Shard {
    /// Whether the lane, the tenant's business ids or the block itself already have the signal.
    pub(crate) fn find_known(
        &mut self,
        gathered: &Gathered,
        position: u64,
        arrival: &Arrival,
        name: &LaneName,
        key_hash: u64,
    ) -> Result<Found, EngineError> {
        let tenant = arrival.tenant;
        for twin in gathered.with_key(name.key, key_hash) {
            if let Some(status) = self.compare(arrival, name.key, &reference(twin, key_hash))? {
                return Ok(Found::Twin(status, twin));
            }
        }
        let hot = self.hot.lane(&self.store, &self.secret, tenant, name.key, name.kind)?;
        if !hot.may_hold(key_hash) {
            return self.find_tracked(gathered, position, arrival, name);
        }
        let holders: Vec<(SessionId, Member)> =
            hot.lane.holders(key_hash).map(|(id, member)| (id, member.clone())).collect();
        for (session, member) in holders {
            if let Some(status) = self.compare(arrival, name.key, &member)? {
                return Ok(Found::Known(status, session));
            }
        }
        self.find_tracked(gathered, position, arrival, name)
    }

    /// A disposition is recognised by its tracking id wherever in the tenant it was folded.
    fn find_tracked(
        &mut self,
        gathered: &Gathered,
        position: u64,
        arrival: &Arrival,
        name: &LaneName,
    ) -> Result<Found, EngineError> {
        let Some(tracking) = tracking_of(&arrival.signal) else { return Ok(Found::New) };
        let known = self.first_with(arrival.tenant, "tracking", tracking, position, name.key)?;
        let Some((known, lane)) = known else { return Ok(Found::New) };
        let member = reference(known, 0);
        let status = self.compare(arrival, lane, &member)?.unwrap_or(VerdictStatus::Conflict);
        let sessions =
            self.hot.lane(&self.store, &self.secret, arrival.tenant, lane, LaneKind::Alone)?;
        let holds = |session: &&Session| session.members.iter().any(|m| m.position == known);
        let all = sessions.lane.sessions.iter().chain(&sessions.lane.redirects);
        Ok(match all.clone().find(holds).map(|session| session.envelope.id) {
            Some(session) => Found::Known(status, session),
            None if gathered.holds(known) => Found::Twin(status, known),
            None => Found::New,
        })
    }

    /// Whether a signal is the one that `member` refers to: the same, another with the same key, or
    /// (`None`) one that only shares the hash of its key.
    fn compare(
        &self,
        arrival: &Arrival,
        lane: LaneKey,
        member: &Member,
    ) -> Result<Option<VerdictStatus>, EngineError> {
        let signals = Signals { store: &self.store, shard: SHARD, tenant: arrival.tenant, lane };
        let stored = signals.arrivals(std::slice::from_ref(member))?.pop().flatten();
        let Some(stored) = stored else { return Ok(Some(VerdictStatus::Duplicate)) };
        if stored.signal.key != arrival.signal.key {
            return Ok(None);
        }
        let same = stored.signal.says_the_same_as(&arrival.signal);
        let status = if same { VerdictStatus::Duplicate } else { VerdictStatus::Conflict };
        Ok(Some(status))
    }

    /// Looks a business id up; one that is new is registered for this position. Gives the position
    /// and lane that had it first, if that is another one.
    pub(crate) fn first_with(
        &mut self,
        tenant: TenantId,
        tag: &str,
        value: &str,
        position: u64,
        lane: LaneKey,
    ) -> Result<Option<(u64, LaneKey)>, EngineError> {
        let hash = self.secret.hash(tenant, tag, &[value.as_bytes()]);
        let key = index_key(tenant.0, IndexKind::Business, &hash, None);
        let known = match self.pending.pending(Table::Index, &key) {
            Some(row) => row.map(<[u8]>::to_vec),
            None => self.store.get(Table::Index, &key)?,
        };
        if let Some(row) = known {
            let first: (u64, LaneKey) = decode("a business id", &row)?;
            return Ok((first.0 != position).then_some(first));
        }
        self.pending.put(Table::Index, key, encode(&(position, lane)));
        Ok(None)
    }

    /// Takes note of a signal that goes into no session: a repetition, or a conflict, which is kept
    /// in quarantine. The rewriting of the journal leaves both out.
    pub(crate) fn note_repeat(
        &mut self,
        position: u64,
        arrival: &Arrival,
        status: VerdictStatus,
        session: SessionId,
    ) {
        self.pending.put(Table::Config, repeat_key(position), Vec::new());
        if status == VerdictStatus::Conflict {
            quarantine::put_conflict(&mut self.pending, position, arrival, session);
        }
    }
}

/// Whether a signal is recognised by more than its own key.
pub(crate) fn is_tracked(signal: &Signal) -> bool {
    tracking_of(signal).is_some()
}

fn tracking_of(signal: &Signal) -> Option<&str> {
    let disposition = &*signal.kind == kind::DISPOSITION_POSTED;
    if disposition { signal.text(field::API_TRACKING_ID) } else { None }
}

/// Where the table `Config` says that the signal at a position is in no session.
pub(crate) fn repeat_key(position: u64) -> Vec<u8> {
    [REPEATS, &position.to_be_bytes()].concat()
}

/// What those keys begin with.
pub(crate) const REPEATS: &[u8] = b"repeat/0/";

fn reference(position: u64, key_hash: u64) -> Member {
    let (at, marks) = (UnixMillis(0), Marks::default());
    Member { position, key_hash, at, marks, lane: None }
}
