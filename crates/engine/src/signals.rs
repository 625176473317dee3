//! Signals on disk: found again by reference, in the journal while it holds them and in lane rows
//! afterwards, where each is split into a clear and a sealable part (CORE.md 7).
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sessionary_core::{
    dictionary,
    identity::Identity,
    lane::LaneKey,
    lane_fold::Fetch,
    session::{Member, Session},
    signal::{Arrival, Attributes, FieldNumber, Fields, TenantId},
    stamp::Stamped,
};
use sessionary_store::{
    Direction, Read, Store, Table,
    keys::lane_row_key,
    lane_rows::{LaneRow, LaneSignal},
};

use crate::{
    EngineError,
    entry::Entry,
    rows::{decode, encode},
    shard::SHARD,
};

/// What of a signal may say who somebody is: classes D, Q, N, L, F and W, and whatever the
/// dictionary does not know.
#[derive(Default, Serialize, Deserialize)]
struct Sealable {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    identities: Vec<Identity>,
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    fields: Fields,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes,
}

fn is_sealed(number: FieldNumber) -> bool {
    dictionary::by_number(number).is_none_or(|row| row.class.is_sealed())
}

/// The row form of a signal that has been folded.
pub(crate) fn to_lane_signal(position: u64, mut arrival: Arrival) -> LaneSignal {
    let signal = &mut arrival.signal;
    let at = signal.occurred_at.as_ref().map_or(arrival.received_at, |occurred| occurred.at);
    let (sealed, clear): (Fields, Fields) =
        std::mem::take(&mut signal.fields).into_iter().partition(|(number, _)| is_sealed(*number));
    let sealable = Sealable {
        identities: std::mem::take(&mut signal.identities),
        fields: sealed,
        attributes: std::mem::take(&mut signal.attributes),
    };
    signal.fields = clear;
    LaneSignal {
        position,
        at: at.0,
        received_at: arrival.received_at.0,
        key_number: 0,
        clear: encode(&arrival),
        sealable: encode(&sealable),
    }
}

fn from_lane_signal(row: &LaneSignal) -> Result<Arrival, EngineError> {
    let mut arrival: Arrival = decode("a signal", &row.clear)?;
    let sealable: Sealable = decode("a signal", &row.sealable)?;
    arrival.signal.identities = sealable.identities;
    arrival.signal.fields.extend(sealable.fields);
    arrival.signal.attributes = sealable.attributes;
    Ok(arrival)
}

/// Finds signals by reference.
pub(crate) struct Signals<'a> {
    pub(crate) store: &'a Store,
    pub(crate) shard: u8,
    pub(crate) tenant: TenantId,
    /// The lane of members that name no other.
    pub(crate) lane: LaneKey,
}

impl Signals<'_> {
    /// The arrivals of members, in their order; `None` for one that retention has removed.
    pub(crate) fn arrivals(&self, members: &[Member]) -> Result<Vec<Option<Arrival>>, EngineError> {
        let positions: Vec<u64> = members.iter().map(|member| member.position).collect();
        let entries = self.store.read_entries(self.shard, &positions)?;
        let mut rows: HashMap<LaneKey, HashMap<u64, Arrival>> = HashMap::new();
        let mut arrivals = Vec::with_capacity(members.len());
        for (member, entry) in members.iter().zip(entries) {
            let arrival = if let Some(bytes) = entry {
                match Entry::from_bytes(&bytes)? {
                    Entry::Signal(arrival) => Some(arrival),
                    _ => return Err(EngineError::Missing { what: "a signal of a session" }),
                }
            } else {
                let lane = member.lane.as_deref().copied().unwrap_or(self.lane);
                if let std::collections::hash_map::Entry::Vacant(e) = rows.entry(lane) {
                    e.insert(lane_arrivals(self.store, self.tenant, lane)?);
                }
                rows.get(&lane).and_then(|of_lane| of_lane.get(&member.position).cloned())
            };
            arrivals.push(arrival);
        }
        Ok(arrivals)
    }
}

/// The signals of several sessions of a tenant, those of each in event order. What lies in the journal
/// is read in the order in which it lies there, so each block is decoded once.
pub(crate) fn of_sessions(
    store: &Store,
    sessions: &[Session],
) -> Result<Vec<Vec<(Member, Arrival)>>, EngineError> {
    let members = || sessions.iter().flat_map(|session| &session.members);
    let mut positions: Vec<u64> = members().map(|member| member.position).collect();
    positions.sort_unstable();
    positions.dedup();
    let entries = store.read_entries(SHARD, &positions)?;
    let mut found: HashMap<u64, Arrival> = HashMap::with_capacity(positions.len());
    for (position, bytes) in positions.into_iter().zip(entries) {
        let Some(bytes) = bytes else { continue };
        let Entry::Signal(arrival) = Entry::from_bytes(&bytes)? else {
            return Err(EngineError::Missing { what: "a signal of a session" });
        };
        found.insert(position, arrival);
    }
    sessions.iter().map(|session| of_session(store, session, &mut found)).collect()
}

fn of_session(
    store: &Store,
    session: &Session,
    found: &mut HashMap<u64, Arrival>,
) -> Result<Vec<(Member, Arrival)>, EngineError> {
    let envelope = &session.envelope;
    let rows = Signals { store, shard: SHARD, tenant: envelope.tenant, lane: envelope.lane };
    let (mut own, mut rewritten) = (Vec::with_capacity(session.members.len()), Vec::new());
    for member in &session.members {
        match found.remove(&member.position) {
            Some(arrival) => own.push((member.clone(), arrival)),
            None => rewritten.push(member.clone()),
        }
    }
    let arrivals = rows.arrivals(&rewritten)?;
    let pairs = rewritten.into_iter().zip(arrivals);
    own.extend(pairs.filter_map(|(member, arrival)| Some((member, arrival?))));
    in_event_order(&mut own);
    Ok(own)
}

/// Puts the signals of a session in event order.
pub(crate) fn in_event_order(signals: &mut [(Member, Arrival)]) {
    signals.sort_by(|(a, of_a), (b, of_b)| {
        let key = |member: &Member, arrival: &Arrival| (member.at, arrival.signal.sequence);
        key(a, of_a).cmp(&key(b, of_b)).then_with(|| of_a.signal.key.cmp(&of_b.signal.key))
    });
}

impl Fetch for Signals<'_> {
    type Error = EngineError;

    fn fetch(&mut self, members: &[Member]) -> Result<Vec<Stamped>, EngineError> {
        let arrivals = self.arrivals(members)?;
        let stamped = |(member, arrival): (&Member, Option<Arrival>)| {
            let arrival = arrival?;
            Some(Stamped {
                position: member.position,
                at: member.at,
                received_at: arrival.received_at,
                marks: member.marks,
                key_hash: member.key_hash,
                signal: arrival.signal,
            })
        };
        Ok(members.iter().zip(arrivals).filter_map(stamped).collect())
    }
}

/// Everything in the rows of one lane, by position.
fn lane_arrivals(
    store: &impl Read,
    tenant: TenantId,
    lane: LaneKey,
) -> Result<HashMap<u64, Arrival>, EngineError> {
    let first = lane_row_key(tenant.0, lane.partition(), &lane.0, 0);
    let last = lane_row_key(tenant.0, lane.partition(), &lane.0, u64::MAX);
    let mut arrivals = HashMap::new();
    for row in store.scan(Table::Signals, &first[..]..=&last[..], Direction::Forward) {
        for signal in LaneRow::decode(&row?.1)?.signals {
            arrivals.insert(signal.position, from_lane_signal(&signal)?);
        }
    }
    Ok(arrivals)
}

/// The signals of one row, with their positions.
pub(crate) fn of_row(value: &[u8]) -> Result<Vec<(u64, Arrival)>, EngineError> {
    let row = LaneRow::decode(value)?;
    row.signals.iter().map(|signal| Ok((signal.position, from_lane_signal(signal)?))).collect()
}
