//! Funnels: how many get how far along given steps.
use std::{num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{ArrayRef, UInt32Array, UInt64Array},
    record_batch::RecordBatch,
};

use super::Operator;
use crate::{
    LakeError, Member, Split, Word,
    columns::{Digests, Key, Memo, NumberColumn, Unit, column},
    groups::Groups,
    parts::{Parts, Row, divided, spread},
};

/// Whether other events may lie between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Anything may happen between two steps.
    GapsAllowed,
    /// The next step is at the very next moment at which anything happens in the rows that are given.
    Adjacent,
}

/// What the funnel is.
#[derive(Clone, Debug)]
pub struct FunnelParameters {
    /// Who goes through it; a row without a value is passed over.
    pub key: String,
    /// When; a row without a value is passed over.
    pub at: String,
    /// The column that says what happened.
    pub event: String,
    /// The steps, 1 to 32: each a list of values, any of which is that step.
    pub steps: Vec<Vec<Word>>,
    /// From the first step to the one that is reached, at most so many milliseconds.
    pub window_ms: u64,
    /// Whether other events may lie between two steps.
    pub order: Order,
}

/// How many keys reached a step: events of it and all before it are there at strictly rising times,
/// the last within the window of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The step, from 1.
    pub step: u32,
    /// How many keys got at least that far.
    pub keys: u64,
}

/// Answers with each step in turn.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow::{array::{ArrayRef, Int64Array, StringArray}, record_batch::RecordBatch};
/// use sessionary_lake::{Split, operators::{Funnel, FunnelParameters, Operator, Order}};
///
/// // Ada puts something into the cart a day after she saw it; Bea orders before she does.
/// let who: ArrayRef = Arc::new(StringArray::from(vec!["ada", "ada", "bea", "bea"]));
/// let what: ArrayRef = Arc::new(StringArray::from(vec!["view", "cart", "order", "view"]));
/// let when: ArrayRef = Arc::new(Int64Array::from(vec![0, 86_400_000, 0, 1]));
/// let columns = [("who", who), ("what", what), ("when", when)];
///
/// let parameters = FunnelParameters {
///     key: "who".into(),
///     at: "when".into(),
///     event: "what".into(),
///     steps: vec![vec!["view".into()], vec!["cart".into(), "wish".into()], vec!["order".into()]],
///     window_ms: 7 * 86_400_000,
///     order: Order::GapsAllowed,
/// };
/// let mut operator = Funnel::new(&parameters, Split::default())?;
/// operator.push(&RecordBatch::try_from_iter(columns)?)?;
/// let keys = operator.finish()?.into_iter().map(|step| step.keys);
/// assert_eq!(keys.collect::<Vec<_>>(), [2, 1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Funnel {
    window_ms: u64,
    order: Order,
    event: String,
    steps: Vec<Vec<Word>>,
    key: Digests,
    at: NumberColumn,
    memo: Memo<u32>,
    events: Parts<Event>,
}

/// 24 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Event {
    key: Key,
    /// A bit for each step that it is.
    steps: u32,
    at: i64,
}

impl Row for Event {
    fn key(&self) -> Key {
        self.key
    }
}

impl Funnel {
    /// With columns and steps; the split is a guess at how many rows will come.
    ///
    /// # Errors
    /// There is no step, or more than 32.
    pub fn new(parameters: &FunnelParameters, split: Split) -> Result<Funnel, LakeError> {
        let FunnelParameters { key, at, event, steps, window_ms, order } = parameters.clone();
        if !(1..=32).contains(&steps.len()) {
            let text = format!("a funnel has 1 to 32 steps, not {}", steps.len());
            return Err(LakeError::Parameter(text));
        }
        Ok(Funnel {
            window_ms,
            order,
            event,
            steps,
            key: Digests::of_column(&key),
            at: NumberColumn::new(&at, Unit::Millis),
            memo: Memo::default(),
            events: Parts::new(split),
        })
    }
}

impl Operator for Funnel {
    type Answer = Vec<Reached>;

    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let Funnel { event, steps, memo, .. } = self;
        let steps = memo.read(event, column(batch, event)?, |value| {
            let is = |step: &Vec<Word>| u32::from(Member::holds(step, value));
            steps.iter().rev().fold(0, |bits, step| bits << 1 | is(step))
        })?;
        let keys = self.key.read(batch)?;
        let times = self.at.read(batch)?;
        for ((key, at), steps) in keys.iter().zip(times).zip(steps) {
            let matters = *steps != 0 || self.order == Order::Adjacent;
            let Some(at) = at.filter(|_| matters && !key.is_null()) else { continue };
            self.events.push(Event { key: (*key).into(), steps: *steps, at });
        }
        Ok(())
    }

    fn together(clones: Vec<Self>, threads: NonZeroUsize) -> Result<Vec<Reached>, LakeError> {
        let Some(steps) = clones.first().map(|first| first.steps.len()) else {
            return Ok(Vec::new());
        };
        let begin = || vec![0_u64; steps + 1];
        let made = walked(clones, threads, begin, |reached, walk, events| {
            if let Some(count) = reached.get_mut(walk.reached(events, |_, _| ())) {
                *count += 1;
            }
        });
        let exactly =
            |step: usize| made.iter().filter_map(|reached| reached.get(step)).sum::<u64>();
        let at_least = |step: u32| (step as usize..=steps).map(exactly).sum();
        let all = 1..=u32::try_from(steps).unwrap_or(u32::MAX);
        Ok(all.map(|step| Reached { step, keys: at_least(step) }).collect())
    }
}

/// Hands the events of each key, in order, to `each`; gives what the threads made.
fn walked<A: Send>(
    clones: Vec<Funnel>,
    threads: NonZeroUsize,
    begin: impl Fn() -> A + Sync,
    each: impl Fn(&mut A, Walk, &[Event]) + Sync,
) -> Vec<A> {
    let Some(first) = clones.first() else { return Vec::new() };
    let split = first.events.split();
    let walk = Walk { steps: first.steps.len(), window_ms: first.window_ms, order: first.order };
    let parts = Parts::together(clones.into_iter().map(|clone| clone.events));
    let begin = || (Groups::default(), begin());
    let made = spread(parts, threads, begin, |(groups, made), part| {
        for part in divided(part, split) {
            groups.each(&part, |_, events| {
                events.sort_unstable_by_key(|event| event.at);
                each(made, walk, events);
            });
        }
    });
    made.into_iter().map(|(_, made)| made).collect()
}

/// How one key goes through the steps.
#[derive(Clone, Copy)]
struct Walk {
    steps: usize,
    window_ms: u64,
    order: Order,
}

/// Of each step: when the latest chain began that has reached it, and when it did.
type Begun = [Option<Taken>; 32];

#[derive(Clone, Copy)]
struct Taken {
    begun: i64,
    at: i64,
}

impl Walk {
    /// The furthest step, from 1; 0 if not even the first. Tells `took` of each step but the first,
    /// as it is first reached, how long its chain took for it.
    fn reached(self, events: &[Event], mut took: impl FnMut(usize, u64)) -> usize {
        let mut begun: Begun = [None; 32];
        let mut furthest = 0;
        // What happens at one moment is no step after another.
        for moment in events.chunk_by(|one, next| one.at == next.at) {
            let Some(at) = moment.first().map(|event| event.at) else { continue };
            let steps = moment.iter().fold(0, |bits, event| bits | event.steps);
            let (step, before) = self.moment(&mut begun, at, steps);
            if step > furthest {
                furthest = step;
                if step > 1 {
                    took(step, at.abs_diff(before));
                }
            }
            if furthest == self.steps {
                break;
            }
        }
        furthest
    }

    /// Goes on to the steps of a moment, from the last, so that no chain takes two of them. Gives the
    /// furthest, and when its chain took the step before.
    fn moment(self, begun: &mut Begun, at: i64, steps: u32) -> (usize, i64) {
        let mut furthest = (0, at);
        for step in (0..self.steps).rev() {
            let before = match step.checked_sub(1) {
                None => Some(Taken { begun: at, at }),
                Some(before) => begun.get(before).copied().flatten(),
            };
            let before = before
                .filter(|_| steps >> step & 1 == 1)
                .filter(|before| at.abs_diff(before.begun) <= self.window_ms);
            let Some(own) = begun.get_mut(step) else { continue };
            let taken = before.map(|before| Taken { begun: before.begun, at });
            match (self.order, taken, &own) {
                // Of one chain the first time holds.
                (Order::GapsAllowed, Some(taken), Some(known)) if taken.begun <= known.begun => {}
                (Order::GapsAllowed, None, _) => {}
                _ => *own = taken,
            }
            if let Some(before) = before
                && furthest.0 <= step
            {
                furthest = (step + 1, before.at);
            }
        }
        furthest
    }
}

impl Reached {
    /// The steps as columns: `step`, `keys`.
    ///
    /// # Errors
    /// Never, as the columns are made here; Arrow checks them again.
    pub fn batch(steps: &[Reached]) -> Result<RecordBatch, LakeError> {
        let step = UInt32Array::from_iter_values(steps.iter().map(|reached| reached.step));
        let keys = UInt64Array::from_iter_values(steps.iter().map(|reached| reached.keys));
        let columns = [("step", Arc::new(step) as ArrayRef), ("keys", Arc::new(keys))];
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

mod times;
pub use times::{Timed, TimedFunnel};

#[cfg(test)]
mod tests;
