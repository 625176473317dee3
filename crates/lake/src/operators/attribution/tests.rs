#![expect(clippy::cast_precision_loss, reason = "the numbers are small")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::operators::touches::journeys::{Journeys, Said, journeys};

const MODELS: [Model; 6] = [
    Model::First,
    Model::Last,
    Model::LastNonDirect,
    Model::Linear,
    Model::Position { first_percent: 40, last_percent: 40 },
    Model::TimeDecay { half_life_ms: 7 },
];

fn attribution(lookback_ms: u64) -> Attribution {
    Attribution { lookback_ms, direct: Some("direct".into()), models: MODELS.to_vec() }
}

/// The weights of a conversion's touches, in floats.
fn weights(model: &Model, touches: &[&Said], at: i64) -> Vec<f64> {
    let (count, last) = (touches.len(), touches.len() - 1);
    let one = |place: usize| (0..count).map(|at| f64::from(u8::from(at == place))).collect();
    match model {
        Model::First => one(0),
        Model::Last => one(last),
        Model::LastNonDirect => {
            one(touches.iter().rposition(|touch| touch.2 != Some("direct")).unwrap_or(last))
        }
        Model::Linear => vec![1.0 / count as f64; count],
        Model::Position { .. } => match count {
            1 => vec![1.0],
            2 => vec![0.5, 0.5],
            _ => (0..count)
                .map(|at| if at == 0 || at == last { 0.4 } else { 0.2 / (count - 2) as f64 })
                .collect(),
        },
        Model::TimeDecay { half_life_ms } => {
            let age = |touch: &&Said| (at - touch.1.unwrap()) as f64 / *half_life_ms as f64;
            let weights: Vec<f64> = touches.iter().map(|touch| 0.5_f64.powf(age(touch))).collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / sum).collect()
        }
    }
}

/// By plain loops.
fn expected(journeys: &Journeys, lookback_ms: i64) -> BTreeMap<Word, Vec<(f64, f64)>> {
    let mut credits: BTreeMap<Word, Vec<(f64, f64)>> = BTreeMap::new();
    for rows in journeys.persons() {
        for conversion in rows.iter().filter(|row| row.3) {
            let at = conversion.1.unwrap();
            let window = |row: &&&Said| (at - lookback_ms + 1..=at).contains(&row.1.unwrap());
            let touches: Vec<&Said> = rows.iter().filter(window).copied().collect();
            for (place, model) in MODELS.iter().enumerate().filter(|_| !touches.is_empty()) {
                for (touch, weight) in touches.iter().zip(weights(model, &touches, at)) {
                    let channel = touch.2.map_or(Word::Null, Word::from);
                    let own = credits.entry(channel).or_insert_with(|| vec![(0.0, 0.0); 6]);
                    own[place].0 += weight;
                    own[place].1 += weight * conversion.4.unwrap_or(0) as f64;
                }
            }
        }
    }
    credits
}

proptest! {
    #[test]
    fn credit_is_that_of_plain_loops(
        journeys in journeys(), lookback_ms in 0_u8..20, clones in 1_usize..4,
    ) {
        let table = journeys.table(Some("id"), clones);
        let threads = NonZeroUsize::new(clones).unwrap();
        let answer = attribution(lookback_ms.into()).of(&table, threads).unwrap();
        let expected = expected(&journeys, lookback_ms.into());
        prop_assert_eq!(answer.ties, 0);
        prop_assert_eq!(answer.channels.len(), expected.len());
        for (own, (channel, credits)) in answer.channels.iter().zip(&expected) {
            prop_assert_eq!(&own.channel, channel);
            for (own, (conversions, revenue)) in own.credits.iter().zip(credits) {
                prop_assert!((own.conversions - conversions).abs() < 1e-8, "{own:?} {conversions}");
                prop_assert!((own.revenue - revenue).abs() < 1e-6, "{own:?} {revenue}");
            }
        }
    }

    #[test]
    fn all_credit_is_given_and_threads_change_no_digit(journeys in journeys()) {
        let ask = |clones: usize| {
            let threads = NonZeroUsize::new(clones).unwrap();
            attribution(9).of(&journeys.table(None, clones), threads).unwrap()
        };
        prop_assert_eq!(ask(1), ask(3));
        let persons = journeys.persons();
        let converted = persons.iter().flatten().filter(|row| row.3).count();
        for model in 0..MODELS.len() {
            let given: f64 =
                ask(1).channels.iter().map(|channel| channel.credits[model].conversions).sum();
            prop_assert!((given - converted as f64).abs() < 1e-9, "{model} {given} {converted}");
        }
    }
}

#[test]
fn ties_are_told_when_there_is_no_rank() {
    let touch = |channel, id, converted| {
        (Some("ada".to_owned()), Some(3), Some(channel), converted, Some(5), id)
    };
    let rows = vec![touch("tv", 1, true), touch("email", 2, false)];
    let journeys = Journeys { rows, links: BTreeMap::new() };
    let last = |rank| {
        let attribution = Attribution { models: vec![Model::Last], ..attribution(5) };
        let answer = attribution.of(&journeys.table(rank, 1), NonZeroUsize::MIN).unwrap();
        let credited = answer.channels.iter().find(|one| one.credits[0].conversions > 0.0);
        (answer.ties, credited.unwrap().channel.to_string())
    };
    assert_eq!(last(Some("id")), (0, "email".to_owned()));
    assert_eq!(last(None), (1, "tv".to_owned()));
}

#[test]
fn parameters_are_checked_and_answers_become_columns() {
    let table = Journeys { rows: Vec::new(), links: BTreeMap::new() }.table(None, 1);
    let wrong = |model| {
        let attribution = Attribution { models: vec![model], ..attribution(1) };
        attribution.of(&table, NonZeroUsize::MIN).is_err()
    };
    assert!(wrong(Model::Position { first_percent: 60, last_percent: 41 }));
    assert!(wrong(Model::TimeDecay { half_life_ms: 0 }));
    assert!(!wrong(Model::Position { first_percent: 0, last_percent: 0 }));
    let credits = vec![Credit { conversions: 1.0, revenue: 2.0 }];
    let batch = Credited::batch(&[Credited { channel: Word::Null, credits }], 0).unwrap();
    assert_eq!((batch.num_rows(), batch.column(0).is_null(0)), (1, true));
}
