//! Timers: which session is due when, by the server's clock and in the event time of its source.
//!
//! One live timer a session: its instant is part of the session (`due` of the envelope), and only
//! that instant fires. The queues here only make sure that it is looked at in time: of each session
//! with a timer, memory or the table holds an entry that is not later. An entry that comes up
//! before its session is due is put back at the instant at which it is, so a signal that moves the
//! timer away costs nothing. Entries that are far off lie in the table alone.
use std::collections::{BTreeMap, HashMap};

use sessionary_core::{
    id::SessionId,
    lane::LaneKey,
    signal::TenantId,
    time::{Millis, UnixMillis},
};
use sessionary_store::{
    Direction, Read, Store, Table,
    keys::{parse_source_timer_key, parse_timer_key, source_timer_key, timer_key},
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    EngineError,
    rows::{TimerRow, decode},
    shard::SHARD,
    sources::SourceKey,
};

/// When a timer is due, and whose it is: the order in which timers fire.
pub(crate) type Due = (UnixMillis, SessionId);

/// Rows that are read at once.
const READ_AT_ONCE: usize = 4_096;
/// When everything in the table has been read, later entries up to here go to memory as well, so
/// that the end of the table is not looked for again and again.
const AHEAD: Millis = Millis::from_mins(1);

/// Where a session with a timer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) tenant: TenantId,
    pub(crate) lane: LaneKey,
    /// [`source_hash`] of its source.
    pub(crate) source: u64,
}

/// The queues of a shard.
pub(crate) struct Timers {
    pub(crate) wall: Queue,
    sources: HashMap<SourceKey, Queue>,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers { wall: Queue::new(None), sources: HashMap::new() }
    }
}

impl Timers {
    /// The queue of a source.
    pub(crate) fn of_source(&mut self, source: &SourceKey) -> &mut Queue {
        if !self.sources.contains_key(source) {
            let queue = Queue::new(Some(source_hash(source.0, &source.1)));
            self.sources.insert(source.clone(), queue);
        }
        self.sources.get_mut(source).expect("it was just put there")
    }

    /// A checkpoint begins: what is queued so far will be in the table when it is taken.
    pub(crate) fn freeze(&mut self) {
        for queue in std::iter::once(&mut self.wall).chain(self.sources.values_mut()) {
            queue.far_frozen = std::mem::take(&mut queue.far);
        }
    }

    /// The checkpoint is in the tables.
    pub(crate) fn saved(&mut self) {
        for queue in std::iter::once(&mut self.wall).chain(self.sources.values_mut()) {
            queue.far_frozen = BTreeMap::new();
        }
    }

    /// How many entries are in memory.
    pub(crate) fn len(&self) -> usize {
        let queues = std::iter::once(&self.wall).chain(self.sources.values());
        queues.map(|queue| queue.in_memory().count()).sum()
    }
}

/// The hash of a source's name in the keys of its timers.
pub(crate) fn source_hash(tenant: TenantId, source: &str) -> u64 {
    xxh3_64_with_seed(source.as_bytes(), u64::from(tenant.0))
}

/// Entries in order of due. Up to the horizon all are in memory; behind it, those of sessions whose
/// rows are not in the table yet.
pub(crate) struct Queue {
    /// Of which source; `None`: the server's clock.
    source: Option<u64>,
    horizon: UnixMillis,
    near: BTreeMap<Due, Owner>,
    /// Of sessions that changed since the last checkpoint began.
    far: BTreeMap<Due, Owner>,
    /// Of sessions that the checkpoint which is being taken will put into the table.
    far_frozen: BTreeMap<Due, Owner>,
}

impl Queue {
    fn new(source: Option<u64>) -> Queue {
        let (near, far, far_frozen) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Queue { source, horizon: UnixMillis(i64::MIN), near, far, far_frozen }
    }

    /// Adds an entry that the table does not have.
    pub(crate) fn put(&mut self, due: Due, owner: Owner) {
        let entries = if due.0 <= self.horizon { &mut self.near } else { &mut self.far };
        entries.insert(due, owner);
    }

    /// An entry is in the table now; one that is due soon is kept in memory, too.
    pub(crate) fn written(&mut self, due: Due, owner: Owner) {
        if due.0 <= self.horizon {
            self.near.insert(due, owner);
        }
    }

    /// Takes an entry away.
    pub(crate) fn remove(&mut self, due: Due) {
        for entries in [&mut self.near, &mut self.far, &mut self.far_frozen] {
            entries.remove(&due);
        }
    }

    /// The first entry that is in memory.
    pub(crate) fn first(&self) -> Option<(Due, Owner)> {
        let first = |entries: &BTreeMap<Due, Owner>| {
            entries.first_key_value().map(|(due, owner)| (*due, *owner))
        };
        let all = [first(&self.near), first(&self.far), first(&self.far_frozen)];
        all.into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// The first entries up to an instant, in order, at most `most`; the rest stays in the table
    /// until it is their turn, however many are overdue.
    ///
    /// # Errors
    /// Damage of the store.
    pub(crate) fn first_through(
        &mut self,
        store: &Store,
        until: UnixMillis,
        most: usize,
    ) -> Result<impl Iterator<Item = (&Due, &Owner)>, EngineError> {
        while self.horizon < until && self.near.len() < most {
            if !self.read_on(store)? {
                self.move_horizon(until.plus(AHEAD));
            }
        }
        Ok(self.near.iter().take_while(move |((due, _), _)| *due <= until).take(most))
    }

    /// No entry is earlier than this, whether it is in memory or not.
    pub(crate) fn next_look(&self) -> UnixMillis {
        match self.near.first_key_value() {
            Some(((due, _), _)) => *due,
            None => self.horizon.plus(Millis(1)),
        }
    }

    /// Whether there may be one that is due.
    pub(crate) fn is_due(&self, now: UnixMillis) -> bool {
        self.next_look() <= now
    }

    /// All that are in memory.
    pub(crate) fn in_memory(&self) -> impl Iterator<Item = (&Due, &Owner)> {
        self.near.iter().chain(&self.far).chain(&self.far_frozen)
    }

    fn move_horizon(&mut self, to: UnixMillis) {
        self.horizon = self.horizon.max(to);
        let behind = (self.horizon.plus(Millis(1)), SessionId::default());
        for far in [&mut self.far, &mut self.far_frozen] {
            let left = far.split_off(&behind);
            self.near.append(&mut std::mem::replace(far, left));
        }
    }

    /// Reads entries from the table until all up to `until` are in memory.
    pub(crate) fn read_through(
        &mut self,
        store: &Store,
        until: UnixMillis,
    ) -> Result<(), EngineError> {
        while self.horizon < until {
            if !self.read_on(store)? {
                self.move_horizon(until.plus(AHEAD));
            }
        }
        Ok(())
    }

    /// The first entry of all, also of those in the table.
    pub(crate) fn first_of_all(
        &mut self,
        store: &Store,
    ) -> Result<Option<(Due, Owner)>, EngineError> {
        while self.near.is_empty() {
            if !self.read_on(store)? {
                break;
            }
        }
        Ok(self.first())
    }

    /// Reads the entries behind the horizon and moves it; gives whether there may be more.
    fn read_on(&mut self, store: &Store) -> Result<bool, EngineError> {
        let (first, last) =
            (self.key(self.horizon.plus(Millis(1))), self.key(UnixMillis(i64::MAX)));
        let mut reached = self.horizon;
        let rows = store.scan(Table::Timers, &first[..]..=&last[..], Direction::Forward);
        for (read, row) in rows.enumerate() {
            let (key, value) = row?;
            let (due, session) = self.parse(&key)?;
            if read >= READ_AT_ONCE && due > reached {
                self.move_horizon(reached);
                return Ok(true);
            }
            let row: TimerRow = decode("a timer", &value)?;
            self.near.insert((due, session), owner_of(&row));
            reached = due;
        }
        self.move_horizon(reached);
        Ok(false)
    }

    fn key(&self, due: UnixMillis) -> Vec<u8> {
        let session = if due.0 == i64::MAX { [0xff; 16] } else { [0; 16] };
        match self.source {
            None => timer_key(SHARD, due.0, &session).to_vec(),
            Some(source) => source_timer_key(SHARD, source, due.0, &session).to_vec(),
        }
    }

    fn parse(&self, key: &[u8]) -> Result<Due, EngineError> {
        let parsed = match self.source {
            None => parse_timer_key(key).map(|(_, due, session)| (due, session)),
            Some(_) => parse_source_timer_key(key).map(|(_, _, due, session)| (due, session)),
        };
        let (due, session) =
            parsed.ok_or(EngineError::Missing { what: "the session of a timer" })?;
        Ok((UnixMillis(due), SessionId(session)))
    }
}

pub(crate) fn owner_of(row: &TimerRow) -> Owner {
    let source = source_hash(row.tenant, &row.source);
    Owner { tenant: row.tenant, lane: row.lane, source }
}

/// The timers of the table that wait for the server's clock.
pub(crate) fn stored<R: Read>(
    store: &R,
) -> impl Iterator<Item = Result<(Due, Owner), EngineError>> + use<R> {
    store.scan_prefix(Table::Timers, &[SHARD], Direction::Forward).map(|row| {
        let (key, value) = row?;
        let (_, due, session) =
            parse_timer_key(&key).ok_or(EngineError::Missing { what: "the session of a timer" })?;
        let row: TimerRow = decode("a timer", &value)?;
        Ok(((UnixMillis(due), SessionId(session)), owner_of(&row)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::encode;
    use sessionary_store::{Durability, Options, Rows};

    fn due(number: i64) -> Due {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        (UnixMillis(number / 3), SessionId(id))
    }

    #[test]
    fn a_backlog_stays_in_the_table_and_comes_in_order() {
        const COUNT: i64 = 20_000;
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            cache_bytes: 1 << 20,
            max_journaling_bytes: 64 << 20,
            min_free_bytes: Some(0),
        };
        let store = Store::open(dir.path(), &options).unwrap();
        let row = TimerRow { tenant: TenantId(1), lane: LaneKey([2; 16]), source: "".into() };
        let mut rows = Rows::new();
        for (at, session) in (0..COUNT).map(due) {
            rows.put(Table::Timers, timer_key(SHARD, at.0, &session.0), encode(&row));
        }
        store.write(rows, Durability::Buffered).unwrap();

        let mut queue = Queue::new(None);
        let (mut met, mut most_in_memory) = (Vec::new(), 0);
        loop {
            let first = queue.first_through(&store, UnixMillis(COUNT), 1_000).unwrap();
            let first: Vec<Due> = first.map(|(due, _)| *due).collect();
            most_in_memory = most_in_memory.max(queue.in_memory().count());
            let Some(next) = first.first() else { break };
            assert!(queue.next_look() <= next.0);
            assert!(first.len() == 1_000 || met.len() + first.len() == 20_000);
            for due in &first {
                queue.remove(*due);
            }
            met.extend(first);
        }
        assert_eq!(met, (0..COUNT).map(due).collect::<Vec<_>>());
        assert!(most_in_memory < 2 * READ_AT_ONCE, "{most_in_memory} entries in memory");
        // Nothing is left, so the next look is behind what was asked for.
        assert!(queue.next_look() > UnixMillis(COUNT));
    }
}
