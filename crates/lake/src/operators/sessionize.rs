//! Sessions out of events: a new one begins after a gap.
use std::{num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{ArrayRef, FixedSizeBinaryArray, Int64Array, TimestampMillisecondArray, UInt64Array},
    record_batch::RecordBatch,
};

use super::Operator;
use crate::{
    LakeError, Member, Split,
    columns::{Digest, Digests, Key, Members, NumberColumn, Unit},
    groups::Groups,
    parts::{Parts, Row, divided, spread},
};

/// What is a session.
#[derive(Clone, Debug)]
pub struct SessionizeParameters {
    /// Whose sessions; a row without a value is passed over.
    pub key: String,
    /// When; a row without a value is passed over.
    pub at: String,
    /// The id of a message. Of rows of one key with the same id the earliest counts; of those of one
    /// moment, should they differ, the least in what they say. A row without an id is never a copy.
    pub id: Option<String>,
    /// A session begins when more than so many milliseconds have passed since the event before.
    pub gap_ms: u64,
    /// Rows to pass over, such as bots.
    pub without: Option<Member>,
    /// Rows to count, such as page views.
    pub counted: Option<Member>,
    /// A number of at most 28 bits. The last one said is the session's; of one moment the greatest.
    pub disposition: Option<String>,
    /// A number that belongs to the disposition.
    pub value: Option<String>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// Whose: [`Digest::key_bytes`] of the key.
    pub key: [u8; 12],
    /// The first event, milliseconds since 1970.
    pub started_at: i64,
    /// The last event, milliseconds since 1970.
    pub ended_at: i64,
    /// Events, without copies.
    pub events: u64,
    /// Those to be counted.
    pub counted: u64,
    /// The last one said.
    pub disposition: Option<i64>,
    /// What was said with it.
    pub value: Option<i64>,
}

/// Makes sessions; the answer is in no order.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow::{array::{ArrayRef, Int64Array, StringArray}, record_batch::RecordBatch};
/// use sessionary_lake::{Split, operators::{Operator, Sessionize, SessionizeParameters}};
///
/// // One visitor; the second message came twice, and the last event is more than 30 minutes later.
/// let ids: ArrayRef = Arc::new(StringArray::from(vec!["m1", "m2", "m2", "m3"]));
/// let who: ArrayRef = Arc::new(StringArray::from(vec!["ada"; 4]));
/// let when: ArrayRef = Arc::new(Int64Array::from(vec![0, 60_000, 60_000, 1_860_001]));
/// let said: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(10), Some(10), None]));
/// let columns = [("id", ids), ("who", who), ("when", when), ("disposition", said)];
///
/// let parameters = SessionizeParameters {
///     key: "who".into(),
///     at: "when".into(),
///     id: Some("id".into()),
///     gap_ms: 1_800_000,
///     without: None,
///     counted: None,
///     disposition: Some("disposition".into()),
///     value: None,
/// };
/// let mut operator = Sessionize::new(&parameters, Split::default());
/// operator.push(&RecordBatch::try_from_iter(columns)?)?;
/// let mut sessions = operator.finish()?;
/// sessions.sort_by_key(|session| session.started_at);
/// let told = sessions.iter().map(|one| (one.started_at, one.events, one.disposition));
/// assert_eq!(told.collect::<Vec<_>>(), [(0, 2, Some(10)), (1_860_001, 1, None)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sessionize {
    gap_ms: u64,
    key: Digests,
    at: NumberColumn,
    id: Option<Digests>,
    without: Option<Members>,
    counted: Option<Members>,
    disposition: Option<NumberColumn>,
    value: Option<NumberColumn>,
    events: Parts<Event>,
}

/// 48 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: i64,
    id: Digest,
    key: Key,
    said: Said,
    value: i64,
}

impl Row for Event {
    fn key(&self) -> Key {
        self.key
    }
}

/// Three marks, and above them the disposition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Said(i32);

impl Said {
    const COUNTED: i32 = 1;
    const DISPOSITION: i32 = 2;
    const VALUE: i32 = 4;

    fn new(counted: Option<()>, disposition: Option<i64>, value: Option<i64>) -> Option<Said> {
        let number = i32::try_from(disposition.unwrap_or(0)).ok()?;
        let counted = counted.map_or(0, |()| Said::COUNTED);
        let disposition = disposition.map_or(0, |_| Said::DISPOSITION);
        let value = value.map_or(0, |_| Said::VALUE);
        Some(Said(number.checked_mul(8)? | counted | disposition | value))
    }

    fn has(self, mark: i32) -> bool {
        self.0 & mark != 0
    }

    fn disposition(self) -> i64 {
        i64::from(self.0 >> 3)
    }
}

impl Sessionize {
    /// With columns and limits; the split is a guess at how many rows will come.
    pub fn new(parameters: &SessionizeParameters, split: Split) -> Sessionize {
        let SessionizeParameters { key, at, id, gap_ms, without, counted, disposition, value } =
            parameters.clone();
        let number = |name: String| NumberColumn::new(&name, Unit::AsItIs);
        Sessionize {
            gap_ms,
            key: Digests::of_column(&key),
            at: NumberColumn::new(&at, Unit::Millis),
            id: id.map(|name| Digests::of_column(&name)),
            without: without.map(Members::new),
            counted: counted.map(Members::new),
            disposition: disposition.map(number),
            value: value.map(number),
            events: Parts::new(split),
        }
    }

    /// Folds the sessions as they are made, without keeping them: one value comes back for each
    /// thread.
    pub fn fold<A: Send>(
        clones: Vec<Sessionize>,
        threads: NonZeroUsize,
        begin: impl Fn() -> A + Sync,
        each: impl Fn(&mut A, &Session) + Sync,
    ) -> Vec<A> {
        let Some(first) = clones.first() else { return Vec::new() };
        let (gap_ms, split) = (first.gap_ms, first.events.split());
        let parts = Parts::together(clones.into_iter().map(|clone| clone.events));
        let begin = || (Groups::default(), Ids::default(), begin());
        let made = spread(parts, threads, begin, |(groups, ids, made), part| {
            for part in divided(part, split) {
                groups.each(&part, |_, events| {
                    events.sort_unstable();
                    sessions(events, ids, gap_ms, |session| each(made, session));
                });
            }
        });
        made.into_iter().map(|(_, _, made)| made).collect()
    }
}

impl Operator for Sessionize {
    type Answer = Vec<Session>;

    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let mut keys = self.key.read(batch)?.iter();
        let mut times = self.at.read(batch)?;
        let mut ids = read(self.id.as_mut(), |ids| ids.read(batch))?.map(<[_]>::iter);
        let mut without = read(self.without.as_mut(), |rows| rows.read(batch))?.map(<[_]>::iter);
        let mut counted = read(self.counted.as_mut(), |rows| rows.read(batch))?.map(<[_]>::iter);
        let mut dispositions = read(self.disposition.as_mut(), |column| column.read(batch))?;
        let mut values = read(self.value.as_mut(), |column| column.read(batch))?;
        for _ in 0..batch.num_rows() {
            let key = keys.next().copied().unwrap_or_default();
            let at = times.next().flatten();
            let id = next(&mut ids).copied().unwrap_or(Digest::NULL);
            let without = next(&mut without).copied().unwrap_or(false);
            let counted = next(&mut counted).filter(|counted| **counted).map(|_| ());
            let disposition = next(&mut dispositions).flatten();
            let value = next(&mut values).flatten();
            let Some(at) = at.filter(|_| !without && !key.is_null()) else { continue };
            let said = Said::new(counted, disposition, value).ok_or_else(|| {
                LakeError::Parameter("a disposition is a number of at most 28 bits".to_owned())
            })?;
            let value = value.unwrap_or(0);
            self.events.push(Event { at, id, key: key.into(), said, value });
        }
        Ok(())
    }

    fn together(clones: Vec<Self>, threads: NonZeroUsize) -> Result<Vec<Session>, LakeError> {
        let keep = |made: &mut Vec<Session>, session: &Session| made.push(session.clone());
        Ok(Sessionize::fold(clones, threads, Vec::new, keep).concat())
    }
}

/// What may be left out is read when it was not.
fn read<T, V>(
    column: Option<T>,
    read: impl FnOnce(T) -> Result<V, LakeError>,
) -> Result<Option<V>, LakeError> {
    column.map(read).transpose()
}

fn next<I: Iterator>(column: &mut Option<I>) -> Option<I::Item> {
    column.as_mut().and_then(Iterator::next)
}

/// Cuts the events of one key, in order.
fn sessions(events: &[Event], ids: &mut Ids, gap_ms: u64, mut each: impl FnMut(&Session)) {
    let mut open: Option<Open> = None;
    ids.clear(events.len());
    for event in events {
        if ids.is_copy(event.id) {
            continue;
        }
        let over = |open: &mut Open| event.at.abs_diff(open.session.ended_at) > gap_ms;
        if let Some(over) = open.take_if(over) {
            each(&over.session);
        }
        open.get_or_insert_with(|| Open::begin(event)).add(event);
    }
    if let Some(over) = open {
        each(&over.session);
    }
}

/// A session that may go on.
struct Open {
    session: Session,
    /// When its disposition was said.
    said_at: i64,
}

impl Open {
    fn begin(event: &Event) -> Open {
        let session = Session {
            key: event.key.bytes(),
            started_at: event.at,
            ended_at: event.at,
            events: 0,
            counted: 0,
            disposition: None,
            value: None,
        };
        Open { session, said_at: i64::MIN }
    }

    #[inline]
    fn add(&mut self, event: &Event) {
        let session = &mut self.session;
        session.ended_at = event.at;
        session.events += 1;
        session.counted += u64::from(event.said.has(Said::COUNTED));
        if event.said.has(Said::DISPOSITION) {
            let disposition = Some(event.said.disposition());
            let value = event.said.has(Said::VALUE).then_some(event.value);
            // Events of one moment come in the order of their ids, which says nothing.
            let before = (self.said_at, session.disposition, session.value);
            if before < (event.at, disposition, value) {
                self.said_at = event.at;
                (session.disposition, session.value) = (disposition, value);
            }
        }
    }
}

impl Session {
    /// The sessions as columns: `key` (12 bytes), `started_at` and `ended_at` (milliseconds, UTC),
    /// `events`, `counted`, `disposition`, `value`.
    ///
    /// # Errors
    /// Never, as the columns are made here; Arrow checks them again.
    pub fn batch(sessions: &[Session]) -> Result<RecordBatch, LakeError> {
        let keys = FixedSizeBinaryArray::try_from_sparse_iter_with_size(
            sessions.iter().map(|session| Some(session.key)),
            12,
        )?;
        let moments = |of: fn(&Session) -> i64| -> ArrayRef {
            let moments = sessions.iter().map(of);
            Arc::new(TimestampMillisecondArray::from_iter_values(moments).with_timezone("UTC"))
        };
        let counts = |of: fn(&Session) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(sessions.iter().map(of)))
        };
        let numbers = |of: fn(&Session) -> Option<i64>| -> ArrayRef {
            Arc::new(sessions.iter().map(of).collect::<Int64Array>())
        };
        Ok(RecordBatch::try_from_iter_with_nullable([
            ("key", Arc::new(keys) as ArrayRef, false),
            ("started_at", moments(|session| session.started_at), false),
            ("ended_at", moments(|session| session.ended_at), false),
            ("events", counts(|session| session.events), false),
            ("counted", counts(|session| session.counted), false),
            ("disposition", numbers(|session| session.disposition), true),
            ("value", numbers(|session| session.value), true),
        ])?)
    }
}

/// The ids of one key's events.
#[derive(Debug, Default)]
struct Ids {
    slots: Vec<Digest>,
}

impl Ids {
    fn clear(&mut self, events: usize) {
        self.slots.clear();
        self.slots.resize((events * 2).next_power_of_two(), Digest::NULL);
    }

    /// Whether an event of that id was there already.
    fn is_copy(&mut self, id: Digest) -> bool {
        if id.is_null() {
            return false;
        }
        let mask = self.slots.len() - 1;
        let mut at = usize::try_from(id.high & mask as u64).unwrap_or(0);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.is_null() {
                *slot = id;
                return false;
            }
            if *slot == id {
                return true;
            }
            at = (at + 1) & mask;
        }
        false
    }
}

#[cfg(test)]
mod tests;
