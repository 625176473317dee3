//! Redelivery: parcels beyond those that the fold raises, because somebody asks for them.
//!
//! Singly, by filter and by time, to the destination that had them or to another one: so the history
//! goes to a new destination as well. Each is the latest revision of a session, under a new name.
use std::collections::HashSet;

use sessionary_core::{
    destination::{Destination, Filter},
    id::SessionId,
    parcel::{DestinationId, ParcelName, ParcelStatus, Trigger},
    session::{Session, Status},
    signal::TenantId,
    time::UnixMillis,
};

use crate::{
    Engine, EngineError, Page, ParcelFilter, Reader, SessionFilter,
    entry::{Entry, OrderEntry},
};

/// Parcels of one entry.
const NAMES_PER_ENTRY: usize = 512;
/// Sessions or parcels that are read at a time.
const PAGE: usize = 1_000;

/// What is to be delivered again, and where.
#[derive(Clone, Debug)]
pub struct Redelivery {
    /// Whose.
    pub tenant: TenantId,
    /// The destination that gets it.
    pub to: Destination,
    /// Only what this destination has a parcel of.
    pub of: Option<DestinationId>,
    /// Only what stands so there.
    pub status: Option<ParcelStatus>,
    /// Only these sessions; empty: all.
    pub sessions: Vec<SessionId>,
    /// Only sessions that pass.
    pub filter: Filter,
    /// Only records that were cut at or after, and before.
    pub from: Option<UnixMillis>,
    /// See `from`.
    pub until: Option<UnixMillis>,
}

impl Redelivery {
    /// The name of the parcel that a session gets; `None`: it gets none, because it has no record
    /// that fits, or one is due anyway.
    fn name(&self, reader: &Reader, session: &Session) -> Result<Option<ParcelName>, EngineError> {
        let envelope = &session.envelope;
        let Some(cut_at) = envelope.revised_at.filter(|_| envelope.revision > 0) else {
            return Ok(None);
        };
        let fits = self.from.is_none_or(|from| cut_at >= from)
            && self.until.is_none_or(|until| cut_at < until)
            && envelope.status != Status::Merged
            && self.filter.passes(session, reader.rules())
            && self.to.filter.passes(session, reader.rules());
        if !fits {
            return Ok(None);
        }
        let known = reader.parcels_of(self.tenant, envelope.id)?;
        let had = known.iter().any(|(name, parcel)| {
            self.of.is_none_or(|of| of == name.destination)
                && self.status.is_none_or(|status| status == parcel.status)
        });
        if !had && (self.of.is_some() || self.status.is_some()) {
            return Ok(None);
        }
        let n = envelope.revision;
        let mine = known.iter().filter(|(name, _)| {
            (name.destination, name.trigger, name.n) == (self.to.id, Trigger::Final, n)
        });
        let is_due = mine.clone().any(|(_, parcel)| parcel.status == ParcelStatus::Due);
        let last = mine.map(|(name, _)| name.send).max();
        let send = last.map_or(0, |last| last.saturating_add(1));
        let (destination, trigger) = (self.to.id, Trigger::Final);
        let name = ParcelName { session: envelope.id, destination, trigger, n, send };
        Ok((!is_due).then_some(name))
    }

    /// Calls `give` with each name.
    fn each(
        &self,
        reader: &Reader,
        mut give: impl FnMut(ParcelName) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut one = |session: &Session| match self.name(reader, session)? {
            Some(name) => give(name),
            None => Ok(()),
        };
        let mut seen = HashSet::new();
        let mut by_id = |id| {
            let session = reader.session(self.tenant, id)?;
            match session.filter(|session| seen.insert(session.envelope.id)) {
                Some(session) => one(&session),
                None => Ok(()),
            }
        };
        if !self.sessions.is_empty() {
            return self.sessions.iter().try_for_each(|id| by_id(*id));
        }
        if let (Some(of), Some(status)) = (self.of, self.status) {
            let destinations = vec![of];
            let filter = ParcelFilter { session: None, destinations, status: Some(status) };
            let mut after = None;
            loop {
                let Page { entities, next_cursor } =
                    reader.parcels(self.tenant, &filter, PAGE, after)?;
                entities.iter().try_for_each(|(name, _)| by_id(name.session))?;
                after = next_cursor.as_deref().and_then(ParcelName::parse);
                if after.is_none() {
                    return Ok(());
                }
            }
        }
        // A session begins before its record is cut, so later ones cannot fit.
        let filter = SessionFilter { to: self.until, ..SessionFilter::default() };
        let mut cursor = None;
        loop {
            let page = reader.sessions(self.tenant, &filter, PAGE, cursor)?;
            page.entities.iter().try_for_each(&mut one)?;
            cursor = page.next_cursor.as_deref().and_then(SessionId::parse);
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

impl Engine {
    /// Orders parcels; gives how many. They are on disk when this returns, and so are those that were
    /// ordered before an error. For threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn redeliver_blocking(&self, redelivery: &Redelivery) -> Result<u64, EngineError> {
        let reader = self.reader_blocking()?;
        let mut count = 0;
        let mut names = Vec::new();
        redelivery.each(&reader, |name| {
            names.push(name);
            count += 1;
            if names.len() >= NAMES_PER_ENTRY {
                self.order(redelivery.tenant, std::mem::take(&mut names))?;
            }
            Ok(())
        })?;
        if !names.is_empty() {
            self.order(redelivery.tenant, names)?;
        }
        Ok(count)
    }

    fn order(&self, tenant: TenantId, names: Vec<ParcelName>) -> Result<(), EngineError> {
        self.decide_blocking(Entry::Order(OrderEntry { tenant, names }))
    }
}
