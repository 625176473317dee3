//! Parcels in the fold: raising them, and what trying them came to.
//!
//! Every row written here follows from one entry alone and is written whole, so folding the same
//! entries again, on rows that are ahead of the fold, ends in the same rows. They go with the rows
//! that follow from the journal (`Shard::pending`), never in a batch of their own.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sessionary_core::{
    destination::Destination,
    id::SessionId,
    lane::LaneKey,
    parcel::{DestinationId, Parcel, ParcelName, ParcelStatus, Trigger},
    rules::Rules,
    session::{Session, Status},
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_store::{
    Direction, Rows, Table,
    keys::{parcel_key, parcel_queue, parcel_queue_key, parse_parcel_queue_key, snapshot_key},
};
use tokio::sync::Notify;

use crate::{
    EngineError,
    destinations::Destinations,
    entry::{AttemptEntry, OrderEntry},
    read::Views,
    rows::{decode, encode, session_row},
    shard::Shard,
};

/// Who waits for parcels of which destination.
#[derive(Clone, Default)]
pub(crate) struct Bells(Arc<Mutex<HashMap<DestinationId, Arc<Notify>>>>);

impl Bells {
    /// What rings when there is a new parcel of this destination.
    pub(crate) fn of(&self, destination: DestinationId) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(destination).or_default())
    }

    fn ring(&self, destination: DestinationId) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(&destination) {
            bell.notify_one();
        }
    }
}

/// What a fold has raised and nobody was told of yet.
#[derive(Default)]
pub(crate) struct Raised {
    destinations: Vec<DestinationId>,
    /// Whether destinations themselves have changed.
    pub(crate) changed: bool,
}

impl Raised {
    fn note(&mut self, destination: DestinationId) {
        if !self.destinations.contains(&destination) {
            self.destinations.push(destination);
        }
    }

    /// Tells whoever waits; to be called when the block is durable and folded.
    pub(crate) fn ring(&mut self, bells: &Bells) {
        for destination in self.destinations.drain(..) {
            bells.ring(destination);
        }
    }
}

/// Something that happened to a session, and to whom it may be told.
struct Event<'a> {
    session: &'a Session,
    trigger: Trigger,
    n: u32,
    now: UnixMillis,
    became: Option<Box<str>>,
}

/// Raises the parcels of an event; gives whether there are any.
fn raise(
    (rows, raised): (&mut Rows, &mut Raised),
    destinations: &Destinations,
    rules: &Rules,
    event: &Event<'_>,
) -> bool {
    let Event { session, trigger, n, now, became } = event;
    let wants = |one: &&Arc<Destination>| one.wants(*trigger, session, rules);
    let mut any = false;
    for destination in destinations.iter().filter(wants) {
        let name = ParcelName {
            session: session.envelope.id,
            destination: destination.id,
            trigger: *trigger,
            n: *n,
            send: 0,
        };
        let due = match trigger {
            Trigger::Final => destination.due(session, *now),
            Trigger::Begin | Trigger::Status => *now,
        };
        put(rows, session.envelope.tenant, name, &Parcel::raised(*now, due, became.clone()));
        raised.note(destination.id);
        any = true;
    }
    any
}

/// Writes the rows of a parcel that has none yet, or whose old ones are deleted already.
fn put(rows: &mut Rows, tenant: TenantId, name: ParcelName, parcel: &Parcel) {
    let bytes = name.to_bytes();
    rows.put(Table::Parcels, parcel_key(tenant.0, &bytes), encode(parcel));
    let place = (parcel.status as u8, parcel.at.0);
    let key = parcel_queue_key(tenant.0, name.destination.0, place, &bytes);
    rows.put(Table::Parcels, key, Vec::new());
}

/// The version of a session, as the number of a parcel.
fn version(session: &Session) -> u32 {
    u32::try_from(session.envelope.version).unwrap_or(u32::MAX)
}

/// What is to be told of a change of a session's state.
pub(crate) struct Told<'a> {
    pub(crate) rows: &'a mut Rows,
    pub(crate) raised: &'a mut Raised,
    pub(crate) destinations: &'a Destinations,
    pub(crate) rules: &'a Rules,
    pub(crate) now: UnixMillis,
}

impl Told<'_> {
    /// A session was opened: tells whoever wants to know of that.
    pub(crate) fn of_beginning(&mut self, session: &Session) {
        let Told { rows, raised, destinations, rules, now } = self;
        let (trigger, n) = (Trigger::Begin, version(session));
        let event = Event { session, trigger, n, now: *now, became: None };
        raise((rows, raised), destinations, rules, &event);
    }

    /// A session was opened, or changed: tells whoever wants to know of each change of its state.
    pub(crate) fn of_change(self, session: &mut Session) {
        let Told { rows, raised, destinations, rules, now } = self;
        let n = version(session);
        if !destinations.tells_status() {
            return;
        }
        let state = session.state_text();
        if session.envelope.told.as_ref() == Some(&state) {
            return;
        }
        session.envelope.told = Some(state.clone());
        let event = Event { session, trigger: Trigger::Status, n, now, became: Some(state) };
        raise((rows, raised), destinations, rules, &event);
    }
}

impl Shard {
    /// A revision was cut: raises its parcels, and keeps the session as it is for them.
    pub(crate) fn raise_cut(&mut self, lane: LaneKey, id: SessionId) {
        let Some(session) = self.hot.session(lane, id) else { return };
        let envelope = &session.envelope;
        let Some(destinations) = self.destinations.some_of(envelope.tenant) else { return };
        // Nobody is told of a redirect who was not told of the session.
        if envelope.status == Status::Merged && envelope.revision <= 1 {
            return;
        }
        let (now, n) = (self.now, envelope.revision);
        let event = Event { session, trigger: Trigger::Final, n, now, became: None };
        let sinks = (&mut self.pending, &mut self.raised);
        if raise(sinks, destinations, &self.rules, &event) {
            let key = snapshot_key(envelope.tenant.0, &id.0, n);
            self.pending.put(Table::Records, key, session_row(session, 0));
        }
    }

    /// What came of a try.
    pub(crate) fn fold_attempt(&mut self, entry: AttemptEntry) {
        let AttemptEntry { tenant, name, was: (status, at), mut parcel } = entry;
        let bytes = name.to_bytes();
        let place = (status as u8, at.0);
        let key = parcel_queue_key(tenant.0, name.destination.0, place, &bytes);
        self.pending.delete(Table::Parcels, key);
        if parcel.status == ParcelStatus::Due {
            // The wait began before this block; whoever has walked the queue up to now would miss it.
            parcel.at = parcel.at.max(self.now);
            self.raised.note(name.destination);
        }
        put(&mut self.pending, tenant, name, &parcel);
    }

    /// Somebody wants parcels.
    pub(crate) fn fold_order(&mut self, entry: &OrderEntry) {
        for name in &entry.names {
            put(&mut self.pending, entry.tenant, *name, &Parcel::raised(self.now, self.now, None));
            self.raised.note(name.destination);
        }
    }

    /// What is due at a destination.
    pub(crate) fn due_parcels(&mut self, ask: &DueAsk) -> Result<DuePage, EngineError> {
        self.write_pending(0)?;
        due_parcels(self.views(), ask)
    }
}

/// A question for what is due.
#[derive(Clone, Debug)]
pub(crate) struct DueAsk {
    pub(crate) tenant: TenantId,
    pub(crate) destination: DestinationId,
    /// Behind this one; what is raised later than a question was answered is due later than all
    /// that the answer held.
    pub(crate) behind: Option<(UnixMillis, ParcelName)>,
    /// The server's time; what is due at this very millisecond waits for the next question.
    pub(crate) now: UnixMillis,
    pub(crate) limit: usize,
}

/// What is due.
pub(crate) struct DuePage {
    pub(crate) parcels: Vec<(ParcelName, Parcel)>,
    /// Shows whatever was noted before the question, and the records that these parcels tell of.
    pub(crate) views: Views,
    /// When the next one is due that is not among them.
    pub(crate) next: Option<UnixMillis>,
}

fn due_parcels(views: Views, ask: &DueAsk) -> Result<DuePage, EngineError> {
    let due = ParcelStatus::Due as u8;
    let queue = parcel_queue(ask.tenant.0, ask.destination.0, due);
    let start = match ask.behind {
        None => queue.to_vec(),
        Some((at, name)) => {
            let place = (due, at.0);
            let last = parcel_queue_key(ask.tenant.0, ask.destination.0, place, &name.to_bytes());
            [&last[..], &[0]].concat()
        }
    };
    let end = [&queue[..], &[0xff; 42]].concat();
    let store = views.store.clone();
    let mut page = DuePage { parcels: Vec::new(), views, next: None };
    for row in store.scan(Table::Parcels, &start[..]..&end[..], Direction::Forward) {
        let (key, _) = row?;
        let missing = || EngineError::Missing { what: "the parcel of a queue" };
        let (at, bytes) = parse_parcel_queue_key(&key).ok_or_else(missing)?;
        if at >= ask.now.0 || page.parcels.len() == ask.limit {
            page.next = Some(UnixMillis(at));
            break;
        }
        let parcel = store.get(Table::Parcels, &parcel_key(ask.tenant.0, &bytes))?;
        let parcel: Parcel = decode("a parcel", &parcel.ok_or_else(missing)?)?;
        // One that was ordered twice under one name stands where it was ordered first, too.
        if (parcel.status, parcel.at.0) != (ParcelStatus::Due, at) {
            continue;
        }
        page.parcels.push((ParcelName::of_bytes(&bytes).ok_or_else(missing)?, parcel));
    }
    Ok(page)
}
