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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::operators::Order;

    /// Events as `who what when`; the steps a, b, c within 100 as `keys median`.
    #[expect(clippy::needless_pass_by_value, reason = "a case is one line")]
    fn check(order: Order, events: &str, expected: Expect) {
        let words: Vec<&str> = events.split_whitespace().collect();
        let column = |at: usize| words.iter().skip(at).step_by(3).copied();
        let text = |at| Arc::new(StringArray::from_iter_values(column(at))) as ArrayRef;
        let when: Int64Array = column(2).map(|at| at.parse::<i64>().unwrap()).collect();
        let columns = [("who", text(0)), ("what", text(1)), ("when", Arc::new(when))];
        let parameters = FunnelParameters {
            key: "who".into(),
            at: "when".into(),
            event: "what".into(),
            steps: ["a", "b", "c"].map(|step| vec![step.into()]).to_vec(),
            window_ms: 100,
            order,
        };
        let mut operator = TimedFunnel::new(&parameters, Split::default()).unwrap();
        operator.push(&RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        let mut plain = Funnel::new(&parameters, Split::default()).unwrap();
        plain
            .push(
                &RecordBatch::try_from_iter([
                    ("who", text(0)),
                    ("what", text(1)),
                    (
                        "when",
                        Arc::new(
                            column(2).map(|at| at.parse::<i64>().unwrap()).collect::<Int64Array>(),
                        ) as ArrayRef,
                    ),
                ])
                .unwrap(),
            )
            .unwrap();
        let timed = operator.finish().unwrap();
        let keys: Vec<u64> = plain.finish().unwrap().iter().map(|reached| reached.keys).collect();
        assert_eq!(timed.iter().map(|timed| timed.keys).collect::<Vec<_>>(), keys);
        let told = timed.iter().map(|timed| match timed.median_ms {
            Some(median) => format!("{} {median}", timed.keys),
            None => timed.keys.to_string(),
        });
        expected.assert_eq(&told.collect::<Vec<_>>().join(", "));
    }

    #[test]
    fn a_step_takes_from_the_one_before_in_the_same_chain() {
        let gaps = |events: &str, expected: Expect| check(Order::GapsAllowed, events, expected);
        gaps("ada a 0 ada b 10 ada c 40", expect!["1, 1 10, 1 30"]);
        // The chain that began last leads on; of one step its first time counts.
        gaps("ada a 0 ada a 6 ada b 10 ada b 20 ada c 40", expect!["1, 1 4, 1 30"]);
        gaps("ada a 0 ada b 10 ada a 12 ada c 40", expect!["1, 1 10, 1 30"]);
        // Of three persons half took at most the second time.
        gaps("x a 0 x b 1 y a 0 y b 5 z a 0 z b 9 z c 200", expect!["3, 3 5, 0"]);
        check(Order::Adjacent, "ada a 0 ada z 5 ada b 10 bea a 3 bea b 4", expect!["2, 1 1, 0"]);
    }
}
