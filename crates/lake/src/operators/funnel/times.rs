//! How long steps take: the funnel with the time between two of them.
use std::num::NonZeroUsize;

use arrow::record_batch::RecordBatch;

use super::{Funnel, FunnelParameters, walked};
use crate::{LakeError, Split, operators::Operator};

/// How many keys reached a step, and how long it took them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// The step, from 1.
    pub step: u32,
    /// How many keys got at least that far.
    pub keys: u64,
    /// From the step before to the first time that this one is reached, milliseconds: half of the
    /// keys took at most so long. None for the first step, and where nobody came.
    pub median_ms: Option<u64>,
}

/// A [`Funnel`] that keeps the times: eight bytes for each key and step.
#[derive(Clone, Debug)]
pub struct TimedFunnel(Funnel);

impl TimedFunnel {
    /// With columns and steps; the split is a guess at how many rows will come.
    ///
    /// # Errors
    /// There is no step, or more than 32.
    pub fn new(parameters: &FunnelParameters, split: Split) -> Result<TimedFunnel, LakeError> {
        Funnel::new(parameters, split).map(TimedFunnel)
    }
}

/// What a thread makes.
struct Made {
    reached: Vec<u64>,
    times: Vec<Vec<u64>>,
}

impl Operator for TimedFunnel {
    type Answer = Vec<Timed>;

    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.0.push(batch)
    }

    fn together(clones: Vec<Self>, threads: NonZeroUsize) -> Result<Vec<Timed>, LakeError> {
        let Some(steps) = clones.first().map(|first| first.0.steps.len()) else {
            return Ok(Vec::new());
        };
        let clones = clones.into_iter().map(|clone| clone.0).collect();
        let begin = || Made { reached: vec![0; steps + 1], times: vec![Vec::new(); steps + 1] };
        let made = walked(clones, threads, begin, |Made { reached, times }, walk, events| {
            let furthest = walk.reached(events, |step, time| {
                if let Some(times) = times.get_mut(step) {
                    times.push(time);
                }
            });
            reached.iter_mut().skip(1).take(furthest).for_each(|keys| *keys += 1);
        });
        let step = |number: u32| {
            let step = number as usize;
            let keys = made.iter().filter_map(|made| made.reached.get(step)).sum();
            let times = made.iter().filter_map(|made| made.times.get(step)).flatten();
            Timed { step: number, keys, median_ms: median(times.copied().collect()) }
        };
        Ok((1..=u32::try_from(steps).unwrap_or(u32::MAX)).map(step).collect())
    }
}

/// The least time that half of them do not exceed.
fn median(mut times: Vec<u64>) -> Option<u64> {
    let middle = times.len().div_ceil(2).checked_sub(1)?;
    Some(*times.select_nth_unstable(middle).1)
}
