//! Timers: which session is due when, by the server's clock and in the event time of its source.
//!
//! One live timer a session. What is due is fired by the fold, in order of (due, session), when a
//! block says how far; this module only keeps the order.
use std::collections::{BTreeMap, HashMap};

use sessionary_core::{id::SessionId, time::UnixMillis};
use sessionary_store::FiredThrough;

use crate::{rows::TimerRow, sources::SourceKey};

/// When a timer is due, and whose it is: the order in which timers fire.
pub(crate) type Due = (UnixMillis, SessionId);

/// All armed timers of a shard.
#[derive(Default)]
pub(crate) struct Timers {
    wall: BTreeMap<Due, TimerRow>,
    event: HashMap<SourceKey, BTreeMap<Due, TimerRow>>,
    armed: HashMap<SessionId, UnixMillis>,
}

impl Timers {
    /// Arms, moves or (with `None`) disarms the timer of a session.
    pub(crate) fn arm(&mut self, session: SessionId, timer: Option<(UnixMillis, TimerRow)>) {
        if let Some(due) = self.armed.remove(&session)
            && let Some(row) = self.wall.remove(&(due, session))
            && let Some((source, event_due)) = event_key(&row)
            && let Some(of_source) = self.event.get_mut(&source)
        {
            of_source.remove(&(event_due, session));
        }
        let Some((due, row)) = timer else { return };
        if let Some((source, event_due)) = event_key(&row) {
            self.event.entry(source).or_default().insert((event_due, session), row.clone());
        }
        self.armed.insert(session, due);
        self.wall.insert((due, session), row);
    }

    /// The first timer that is due at or before `through`.
    pub(crate) fn first_through(&self, through: FiredThrough) -> Option<(Due, TimerRow)> {
        let (due, row) = self.wall.first_key_value()?;
        let limit = (UnixMillis(through.due), SessionId(through.session));
        (*due <= limit).then(|| (*due, row.clone()))
    }

    /// The first timer of a source that is due at or before `through` in event time.
    pub(crate) fn first_of_source(
        &self,
        source: &SourceKey,
        through: Option<UnixMillis>,
    ) -> Option<(Due, TimerRow)> {
        let (due, row) = self.event.get(source)?.first_key_value()?;
        through.is_none_or(|through| due.0 <= through).then(|| (*due, row.clone()))
    }

    /// When the next timer is due.
    pub(crate) fn next_due(&self) -> Option<UnixMillis> {
        self.wall.first_key_value().map(|((due, _), _)| *due)
    }

    /// The cursor that covers everything due at `now`, but at most `most` timers; `None` when
    /// nothing is due.
    pub(crate) fn cursor(&self, now: UnixMillis, most: usize) -> Option<Due> {
        let due = self.wall.keys().take_while(|(due, _)| *due <= now);
        due.take(most).last().copied()
    }

    /// Those that are due at `now`, in order.
    pub(crate) fn due(&self, now: UnixMillis) -> impl Iterator<Item = (&Due, &TimerRow)> {
        self.wall.iter().take_while(move |((due, _), _)| *due <= now)
    }

    /// The sessions of a source that have a timer, in order of due.
    pub(crate) fn of_source(&self, source: &SourceKey) -> Vec<(SessionId, TimerRow)> {
        let same = |row: &TimerRow| row.tenant == source.0 && row.source == source.1;
        let armed = self.wall.iter().filter(|(_, row)| same(row));
        armed.map(|((_, session), row)| (*session, row.clone())).collect()
    }

    /// How many are armed.
    pub(crate) fn len(&self) -> usize {
        self.armed.len()
    }

    /// The due instant of a session's timer.
    pub(crate) fn of(&self, session: SessionId) -> Option<(UnixMillis, &TimerRow)> {
        let due = *self.armed.get(&session)?;
        self.wall.get(&(due, session)).map(|row| (due, row))
    }
}

fn event_key(row: &TimerRow) -> Option<(SourceKey, UnixMillis)> {
    Some(((row.tenant, row.source.clone()), row.event_due?))
}
