use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::forms::{ask, batches, moments, texts};

type Said = (Option<&'static str>, Option<i64>, Option<&'static str>);

fn columns(rows: &[Said], form: usize) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("who", texts(&rows.iter().map(|row| row.0).collect::<Vec<_>>(), form)),
        ("when", moments(&rows.iter().map(|row| row.1).collect::<Vec<_>>(), form)),
        ("what", texts(&rows.iter().map(|row| row.2).collect::<Vec<_>>(), form + 2)),
    ]
}

fn parameters(steps: &[&[&'static str]], window_ms: u64, order: Order) -> FunnelParameters {
    let step = |values: &&[&'static str]| values.iter().map(|value| (*value).into()).collect();
    FunnelParameters {
        key: "who".into(),
        at: "when".into(),
        event: "what".into(),
        steps: steps.iter().map(step).collect(),
        window_ms,
        order,
    }
}

fn reached(rows: &[Said], parameters: &FunnelParameters, clones: usize) -> Vec<u64> {
    let operator = Funnel::new(parameters, Split::for_rows(50_000)).unwrap();
    let reached = ask(&operator, &batches(rows, columns), clones);
    reached.into_iter().map(|step| step.keys).collect()
}

/// The furthest step, by trying every chain of events.
fn furthest(events: &[(i64, &str)], steps: &[Vec<Word>], window_ms: i64, order: Order) -> usize {
    let is = |what: &str, step: usize| steps[step].contains(&what.into());
    let mut best = 0;
    let mut chains: Vec<(usize, i64, i64)> = Vec::new();
    for (at, _) in events.iter().filter(|(_, what)| is(what, 0)) {
        chains.push((1, *at, *at));
    }
    while let Some((length, begin, last)) = chains.pop() {
        best = best.max(length);
        if length == steps.len() {
            continue;
        }
        let next = events.iter().map(|(at, _)| *at).filter(|at| *at > last).min();
        for (at, what) in events {
            let in_order = order == Order::GapsAllowed || Some(*at) == next;
            if *at > last && in_order && at - begin <= window_ms && is(what, length) {
                chains.push((length + 1, begin, *at));
            }
        }
    }
    best
}

fn expected(rows: &[Said], parameters: &FunnelParameters) -> Vec<u64> {
    let keys: std::collections::BTreeSet<&str> = rows.iter().filter_map(|row| row.0).collect();
    let events = |key| {
        let own = rows.iter().filter(|row| row.0 == Some(key));
        own.filter_map(|row| Some((row.1?, row.2.unwrap_or("nothing")))).collect::<Vec<_>>()
    };
    let FunnelParameters { steps, window_ms, order, .. } = parameters;
    let furthest = |key| furthest(&events(key), steps, window_ms.cast_signed(), *order);
    let furthest: Vec<usize> = keys.into_iter().map(furthest).collect();
    let at_least = |step| furthest.iter().filter(|furthest| **furthest >= step).count() as u64;
    (1..=steps.len()).map(at_least).collect()
}

fn said() -> impl Strategy<Value = Said> {
    let what = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("e")];
    (
        option::weighted(0.95, prop_oneof![Just("ada"), Just("bea"), Just("cleo")]),
        option::weighted(0.95, 0_i64..15),
        option::weighted(0.95, what),
    )
}

proptest! {
    #[test]
    fn steps_are_reached_as_by_every_chain(
        rows in vec(said(), 0..24), window_ms in 0_u64..12, clones in 1_usize..4,
        adjacent in any::<bool>(), repeated in any::<bool>(),
    ) {
        let order = if adjacent { Order::Adjacent } else { Order::GapsAllowed };
        let plain: &[&[&str]] = &[&["a"], &["b", "e"], &["c"]];
        // The same event may be several steps.
        let twice: &[&[&str]] = &[&["a", "b"], &["a"], &["b"], &["a"]];
        let parameters = parameters(if repeated { twice } else { plain }, window_ms, order);
        prop_assert_eq!(reached(&rows, &parameters, clones), expected(&rows, &parameters));
    }
}

#[test]
fn a_step_at_the_end_of_the_window_counts_and_one_at_the_same_time_does_not() {
    let at = |at, what| (Some("ada"), Some(at), Some(what));
    let ab = parameters(&[&["a"], &["b"]], 10, Order::GapsAllowed);
    assert_eq!(reached(&[at(0, "a"), at(10, "b")], &ab, 1), [1, 1]);
    assert_eq!(reached(&[at(0, "a"), at(11, "b")], &ab, 1), [1, 0]);
    assert_eq!(reached(&[at(0, "a"), at(0, "b")], &ab, 1), [1, 0]);
    // The later beginning keeps the chain alive.
    assert_eq!(reached(&[at(0, "a"), at(5, "a"), at(15, "b")], &ab, 1), [1, 1]);
    let adjacent = FunnelParameters { order: Order::Adjacent, ..ab.clone() };
    assert_eq!(reached(&[at(0, "a"), at(1, "x"), at(2, "b")], &ab, 1), [1, 1]);
    assert_eq!(reached(&[at(0, "a"), at(1, "x"), at(2, "b")], &adjacent, 1), [1, 0]);
    assert_eq!(reached(&[], &ab, 2), [0, 0]);
}

#[test]
fn a_funnel_has_steps_and_becomes_columns() {
    let none = Funnel::new(&parameters(&[], 1, Order::Adjacent), Split::default());
    assert_eq!(none.unwrap_err().to_string(), "a funnel has 1 to 32 steps, not 0");
    let steps = [Reached { step: 1, keys: 5 }, Reached { step: 2, keys: 3 }];
    assert_eq!(Reached::batch(&steps).unwrap().num_rows(), 2);
}
