//! Reading parcels, the sessions they tell of, and the bodies that were sent.
use sessionary_core::{
    id::SessionId,
    parcel::{DestinationId, Parcel, ParcelName, ParcelStatus},
    session::Session,
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_store::{
    Direction, Table,
    keys::{
        parcel_key, parcel_queue, parcel_queue_key, parcels_of_session, parse_parcel_key,
        parse_parcel_queue_key, sent_key, snapshot_key,
    },
};

use crate::{
    EngineError, Page, Reader,
    rows::{decode, get_session, session_of_row},
};

/// Which parcels a listing shows.
#[derive(Clone, Debug, Default)]
pub struct ParcelFilter {
    /// Those of this session.
    pub session: Option<SessionId>,
    /// Those for these destinations; empty: for any that there is.
    pub destinations: Vec<DestinationId>,
    /// Those that stand here.
    pub status: Option<ParcelStatus>,
}

/// A parcel with its name.
pub type Named = (ParcelName, Parcel);

const NAMELESS: EngineError = EngineError::Missing { what: "the name of a parcel" };

impl Reader {
    /// One parcel.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn parcel(
        &self,
        tenant: TenantId,
        name: ParcelName,
    ) -> Result<Option<Parcel>, EngineError> {
        let row = self.snapshot().get(Table::Parcels, &parcel_key(tenant.0, &name.to_bytes()))?;
        row.map(|row| decode("a parcel", &row)).transpose()
    }

    /// All parcels of a session, by destination and number.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn parcels_of(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Vec<Named>, EngineError> {
        let prefix = parcels_of_session(tenant.0, &session.0);
        let rows = self.snapshot().scan_prefix(Table::Parcels, &prefix, Direction::Forward);
        rows.map(|row| {
            let (key, row) = row?;
            let (_, name) = parse_parcel_key(&key).ok_or(NAMELESS)?;
            Ok((ParcelName::of_bytes(&name).ok_or(NAMELESS)?, decode("a parcel", &row)?))
        })
        .collect()
    }

    /// One page of the parcels that pass a filter: those of a session by their names; others by
    /// destination and status, due ones in the order in which they are due and the rest latest
    /// first. `after`: the last one of the page before.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn parcels(
        &self,
        tenant: TenantId,
        filter: &ParcelFilter,
        limit: usize,
        after: Option<ParcelName>,
    ) -> Result<Page<Named>, EngineError> {
        let mut found = Vec::new();
        if let Some(session) = filter.session {
            self.parcels_of_one(tenant, session, filter, after, &mut found)?;
        } else {
            let last = match after {
                Some(name) => Some((name, self.parcel(tenant, name)?)),
                None => None,
            };
            self.parcels_of_queues(tenant, filter, limit + 1, last, &mut found)?;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| more).map(|(name, _)| name.to_string());
        Ok(Page { entities: found, next_cursor })
    }

    fn parcels_of_one(
        &self,
        tenant: TenantId,
        session: SessionId,
        filter: &ParcelFilter,
        after: Option<ParcelName>,
        found: &mut Vec<Named>,
    ) -> Result<(), EngineError> {
        let passes = |(name, parcel): &Named| {
            filter.status.is_none_or(|status| status == parcel.status)
                && (filter.destinations.is_empty()
                    || filter.destinations.contains(&name.destination))
                && after.is_none_or(|after| *name > after)
        };
        found.extend(self.parcels_of(tenant, session)?.into_iter().filter(passes));
        Ok(())
    }

    fn parcels_of_queues(
        &self,
        tenant: TenantId,
        filter: &ParcelFilter,
        limit: usize,
        mut after: Option<(ParcelName, Option<Parcel>)>,
        found: &mut Vec<Named>,
    ) -> Result<(), EngineError> {
        let statuses = ParcelStatus::ALL.into_iter();
        let statuses =
            statuses.filter(|status| filter.status.is_none_or(|wanted| wanted == *status));
        let statuses: Vec<ParcelStatus> = statuses.collect();
        for destination in &filter.destinations {
            for status in &statuses {
                // What has moved on since the last page is where the walk goes on from.
                let behind = match &after {
                    Some((name, _)) if name.destination != *destination => continue,
                    Some((name, Some(parcel))) if parcel.status == *status => {
                        Some((parcel.at, *name))
                    }
                    Some((_, Some(_))) => continue,
                    Some((_, None)) | None => None,
                };
                after = None;
                self.queue(tenant, (*destination, *status), behind, limit, found)?;
                if found.len() >= limit {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn queue(
        &self,
        tenant: TenantId,
        (destination, status): (DestinationId, ParcelStatus),
        behind: Option<(UnixMillis, ParcelName)>,
        limit: usize,
        found: &mut Vec<Named>,
    ) -> Result<(), EngineError> {
        let queue = parcel_queue(tenant.0, destination.0, status as u8);
        let place = behind.map(|(at, name)| {
            let place = (status as u8, at.0);
            parcel_queue_key(tenant.0, destination.0, place, &name.to_bytes()).to_vec()
        });
        let end = [&queue[..], &[0xff; 42]].concat();
        let (from, to, direction) = match (status, place) {
            (ParcelStatus::Due, Some(place)) => {
                ([&place[..], &[0]].concat(), end, Direction::Forward)
            }
            (ParcelStatus::Due, None) => (queue.to_vec(), end, Direction::Forward),
            (_, Some(place)) => (queue.to_vec(), place, Direction::Backward),
            (_, None) => (queue.to_vec(), end, Direction::Backward),
        };
        for row in self.snapshot().scan(Table::Parcels, &from[..]..&to[..], direction) {
            let (at, name) = parse_parcel_queue_key(&row?.0).ok_or(NAMELESS)?;
            let name = ParcelName::of_bytes(&name).ok_or(NAMELESS)?;
            let parcel = self.parcel(tenant, name)?.ok_or(NAMELESS)?;
            if (parcel.status, parcel.at.0) != (status, at) {
                continue;
            }
            found.push((name, parcel));
            if found.len() >= limit {
                break;
            }
        }
        Ok(())
    }

    /// The session as it was when a revision was cut, where it was kept; else as it was last
    /// written.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn session_at(
        &self,
        tenant: TenantId,
        id: SessionId,
        revision: u32,
    ) -> Result<Option<Session>, EngineError> {
        let key = snapshot_key(tenant.0, &id.0, revision);
        match self.snapshot().get(Table::Records, &key)? {
            Some(row) => session_of_row(tenant, id, &row, &mut |_| Ok(None)).map(Some),
            None => get_session(self.snapshot(), tenant, id),
        }
    }

    /// A body as it was sent.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn sent_body(
        &self,
        tenant: TenantId,
        session: SessionId,
        digest: [u8; 16],
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let row = self.snapshot().get(Table::Sent, &sent_key(tenant.0, &session.0, &digest))?;
        row.map(|row| crate::staging::inflated(&row)).transpose()
    }
}
