//! The destinations that each tenant has set up, as the journal has them.
//!
//! As with goals ([`crate::catalogue`]), a change is an entry and holds for what is folded behind it.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use sessionary_core::{
    destination::{DESTINATIONS_MAX, Destination},
    parcel::{DestinationId, Trigger},
    signal::TenantId,
};
use sessionary_store::{Direction, Store, Table};

use crate::{
    EngineError,
    entry::DestinationEntry,
    keys::random_32,
    rows::{decode, encode},
    staging::Staging,
};

/// What the keys of destinations begin with in the table `Config`.
const DESTINATIONS: &[u8] = b"destination/0/";

fn destination_key(tenant: TenantId, id: DestinationId) -> Vec<u8> {
    [DESTINATIONS, &tenant.0.to_be_bytes(), &id.0.to_be_bytes()].concat()
}

/// The destinations of one tenant.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    by_id: BTreeMap<DestinationId, Arc<Destination>>,
    /// Whether one of them is told of each change of a session's state.
    tells_status: bool,
}

impl Destinations {
    /// The destination with this id.
    pub fn get(&self, id: DestinationId) -> Option<&Arc<Destination>> {
        self.by_id.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Destination>> {
        self.by_id.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.len() >= DESTINATIONS_MAX
    }

    pub(crate) fn tells_status(&self) -> bool {
        self.tells_status
    }

    fn version_of(&self, id: DestinationId) -> u32 {
        self.get(id).map_or(0, |known| known.version)
    }

    /// Puts in force what is there.
    fn prepare(&mut self) {
        let tells = |one: &Arc<Destination>| one.enabled && one.when == Trigger::Status;
        self.tells_status = self.by_id.values().any(tells);
    }
}

impl FromIterator<Arc<Destination>> for Destinations {
    fn from_iter<T: IntoIterator<Item = Arc<Destination>>>(destinations: T) -> Destinations {
        let by_id = destinations.into_iter().map(|one| (one.id, one)).collect();
        let mut destinations = Destinations { by_id, tells_status: false };
        destinations.prepare();
        destinations
    }
}

/// The destinations of all tenants.
#[derive(Default)]
pub(crate) struct AllDestinations {
    by_tenant: HashMap<TenantId, Arc<Destinations>>,
    /// What the next checkpoint writes.
    changed: BTreeSet<(TenantId, DestinationId)>,
}

impl AllDestinations {
    /// Those of the last checkpoint.
    pub(crate) fn restore(store: &Store) -> Result<AllDestinations, EngineError> {
        let mut all: HashMap<TenantId, Destinations> = HashMap::new();
        for row in store.scan_prefix(Table::Config, DESTINATIONS, Direction::Forward) {
            let (key, row) = row?;
            let tenant = key.get(DESTINATIONS.len()..).and_then(<[u8]>::first_chunk).copied();
            let missing = EngineError::Missing { what: "the tenant of a destination" };
            let tenant = TenantId(u32::from_be_bytes(tenant.ok_or(missing)?));
            let destination: Destination = decode("a destination", &row)?;
            let of_tenant = all.entry(tenant).or_default();
            of_tenant.by_id.insert(destination.id, Arc::new(destination));
        }
        let prepared = all.into_iter().map(|(tenant, mut destinations)| {
            destinations.prepare();
            (tenant, Arc::new(destinations))
        });
        Ok(AllDestinations { by_tenant: prepared.collect(), changed: BTreeSet::new() })
    }

    /// Those of a tenant that has some.
    pub(crate) fn some_of(&self, tenant: TenantId) -> Option<&Arc<Destinations>> {
        if self.by_tenant.is_empty() {
            return None;
        }
        self.by_tenant.get(&tenant).filter(|destinations| !destinations.is_empty())
    }

    /// Those of a tenant.
    pub(crate) fn of(&self, tenant: TenantId) -> Arc<Destinations> {
        self.by_tenant.get(&tenant).cloned().unwrap_or_default()
    }

    /// All of them, with whose they are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TenantId, &Arc<Destination>)> {
        self.by_tenant.iter().flat_map(|(tenant, all)| all.iter().map(|one| (*tenant, one)))
    }

    /// Makes a change, unless it was made for another version than the one that is there. Gives
    /// whether it was made.
    pub(crate) fn fold(&mut self, entry: DestinationEntry) -> bool {
        let DestinationEntry { tenant, id, was, destination } = entry;
        let known = Arc::make_mut(self.by_tenant.entry(tenant).or_default());
        if known.version_of(id) != was || (was == 0 && known.is_full()) {
            return false;
        }
        match destination {
            Some(destination) => {
                let version = was.saturating_add(1);
                let destination = Destination { id, version, ..destination };
                known.by_id.insert(id, Arc::new(destination));
            }
            None => drop(known.by_id.remove(&id)),
        }
        known.prepare();
        self.changed.insert((tenant, id));
        true
    }

    /// Stages the rows of what has changed since the last checkpoint began.
    pub(crate) fn stage(&mut self, staging: &mut Staging) {
        for (tenant, id) in std::mem::take(&mut self.changed) {
            let key = destination_key(tenant, id);
            match self.of(tenant).get(id) {
                Some(destination) => staging.put(Table::Config, &key, &encode(&**destination)),
                None => staging.delete(Table::Config, &key),
            }
        }
    }
}

/// An id that no destination has.
pub fn new_destination_id() -> DestinationId {
    DestinationId(random_32().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
}
