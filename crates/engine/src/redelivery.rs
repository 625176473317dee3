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
    Engine, EngineError, ParcelFilter, Reader, SessionFilter,
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

    /// Calls `give` with the names of each page. Every page is read from a snapshot of its own: one
    /// that stays open keeps in memory all that is written meanwhile.
    fn each_page(
        &self,
        engine: &Engine,
        mut give: impl FnMut(Vec<ParcelName>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut seen = HashSet::new();
        if !self.sessions.is_empty() {
            return self.sessions.chunks(PAGE).try_for_each(|ids| {
                give(self.by_id(&engine.reader_blocking()?, &mut seen, ids.iter().copied())?)
            });
        }
        if let (Some(of), Some(status)) = (self.of, self.status) {
            let destinations = vec![of];
            let filter = ParcelFilter { session: None, destinations, status: Some(status) };
            let mut after = None;
            loop {
                let reader = engine.reader_blocking()?;
                let page = reader.parcels(self.tenant, &filter, PAGE, after)?;
                let ids = page.entities.iter().map(|(name, _)| name.session);
                give(self.by_id(&reader, &mut seen, ids)?)?;
                after = page.next_cursor.as_deref().and_then(ParcelName::parse);
                if after.is_none() {
                    return Ok(());
                }
            }
        }
        // A session begins before its record is cut, so later ones cannot fit.
        let filter = SessionFilter { to: self.until, ..SessionFilter::default() };
        let mut cursor = None;
        loop {
            let reader = engine.reader_blocking()?;
            let page = reader.sessions(self.tenant, &filter, PAGE, cursor)?;
            let names = page.entities.iter().map(|session| self.name(&reader, session));
            give(names.filter_map(Result::transpose).collect::<Result<_, _>>()?)?;
            cursor = page.next_cursor.as_deref().and_then(SessionId::parse);
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// The names that these sessions get; what was `seen` before gets none.
    fn by_id(
        &self,
        reader: &Reader,
        seen: &mut HashSet<SessionId>,
        ids: impl Iterator<Item = SessionId>,
    ) -> Result<Vec<ParcelName>, EngineError> {
        let mut names = Vec::new();
        for id in ids {
            let session = reader.session(self.tenant, id)?;
            if let Some(session) = session.filter(|session| seen.insert(session.envelope.id)) {
                names.extend(self.name(reader, &session)?);
            }
        }
        Ok(names)
    }
}

impl Engine {
    /// Orders parcels; gives how many. They are on disk when this returns, and so are those that were
    /// ordered before an error. For threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn redeliver_blocking(&self, redelivery: &Redelivery) -> Result<u64, EngineError> {
        let mut count = 0;
        redelivery.each_page(self, |names| {
            count += names.len() as u64;
            names.chunks(NAMES_PER_ENTRY).try_for_each(|names| {
                let names = names.to_vec();
                self.decide_blocking(Entry::Order(OrderEntry { tenant: redelivery.tenant, names }))
            })
        })?;
        Ok(count)
    }
}
