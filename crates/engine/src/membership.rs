//! Membership: in which lane a signal of the journal is, as the tables say.
use std::collections::{HashMap, HashSet, hash_map::Entry};

use sessionary_core::{
    id::SessionId,
    lane::{HashSecret, LaneKey, lane_of},
    session::{Session, Status},
    signal::{Arrival, TenantId},
};
use sessionary_store::Snapshot;

use crate::{
    EngineError,
    hot::HOPS_MAX,
    rows::{get_lane, get_session},
};

/// Which signals are in which lane. Remembers the lanes that it has read.
pub(crate) struct Membership<'a> {
    snapshot: &'a Snapshot,
    secret: &'a HashSecret,
    lanes: HashMap<LaneKey, HashSet<u64>>,
}

impl<'a> Membership<'a> {
    /// As the tables were at one moment.
    pub(crate) fn new(snapshot: &'a Snapshot, secret: &'a HashSecret) -> Membership<'a> {
        Membership { snapshot, secret, lanes: HashMap::new() }
    }

    /// The lane that has the signal at a position. `None` for one that is in no session: a repeated
    /// one, or one that conflicts.
    pub(crate) fn lane(
        &mut self,
        position: u64,
        arrival: &Arrival,
    ) -> Result<Option<LaneKey>, EngineError> {
        let tenant = arrival.tenant;
        let mut lanes = vec![lane_of(self.secret, tenant, &arrival.signal).key];
        if let Some(id) = arrival.signal.session.as_deref().and_then(SessionId::parse) {
            // As it was when the signal came, and as it is since it was placed or merged.
            let own = get_session(self.snapshot, tenant, id)?;
            lanes.extend(own.map(|own| own.envelope.lane));
            let survivor = survivor(self.snapshot, tenant, id)?;
            lanes.extend(survivor.map(|survivor| survivor.envelope.lane));
        }
        for lane in lanes {
            if self.of_lane(tenant, lane)?.contains(&position) {
                return Ok(Some(lane));
            }
        }
        Ok(None)
    }

    fn of_lane(&mut self, tenant: TenantId, lane: LaneKey) -> Result<&HashSet<u64>, EngineError> {
        if let Entry::Vacant(vacant) = self.lanes.entry(lane) {
            let mut positions = HashSet::new();
            if let Some(lane) = get_lane(self.snapshot, tenant, lane)? {
                for session in lane.sessions.iter().chain(&lane.redirects) {
                    positions.extend(session.members.iter().map(|member| member.position));
                }
            }
            vacant.insert(positions);
        }
        self.lanes.get(&lane).ok_or(EngineError::Missing { what: "a lane" })
    }
}

/// The session with this id; a redirect is followed to its survivor.
pub(crate) fn survivor(
    snapshot: &Snapshot,
    tenant: TenantId,
    id: SessionId,
) -> Result<Option<Session>, EngineError> {
    let mut id = id;
    for _ in 0..HOPS_MAX {
        let Some(session) = get_session(snapshot, tenant, id)? else { return Ok(None) };
        match session.envelope.merged_into {
            Some(into) if session.envelope.status == Status::Merged => id = into,
            _ => return Ok(Some(session)),
        }
    }
    Ok(None)
}
