#![expect(clippy::cast_precision_loss, reason = "the numbers are small")]

use State::{Channel, Converted, Lost, Start};
use proptest::{collection::vec, prelude::*};

use super::*;

fn transitions(moves: &[(State, State, u64)]) -> Vec<Transition> {
    moves
        .iter()
        .map(|(from, to, count)| Transition { from: *from, to: *to, count: *count })
        .collect()
}

/// P(converted) by going on and on, with one channel removed.
fn converted(channels: usize, moves: &[Transition], removed: Option<usize>) -> f64 {
    let place = |state: State| match state {
        Channel(at) => at,
        Start => channels,
        Converted => channels + 1,
        Lost => channels + 2,
    };
    let out = |from: State| -> f64 {
        moves.iter().filter(|one| one.from == from).map(|one| one.count as f64).sum()
    };
    let gone = |state: State| removed.is_some_and(|removed| state == Channel(removed));
    let mut chance = vec![0.0; channels + 3];
    chance[place(Converted)] = 1.0;
    for _ in 0..20_000 {
        let mut next = vec![0.0; channels + 3];
        next[place(Converted)] = 1.0;
        for one in moves.iter().filter(|one| !gone(one.from) && !gone(one.to)) {
            next[place(one.from)] += one.count as f64 / out(one.from) * chance[place(one.to)];
        }
        let difference: f64 = next.iter().zip(&chance).map(|(a, b)| (a - b).abs()).sum();
        chance = next;
        if difference < 1e-14 {
            break;
        }
    }
    chance[place(Start)]
}

/// Whole chains, as moves: each a walk over channels and whether it converted.
fn moves_of(chains: &[(Vec<usize>, bool)]) -> Vec<Transition> {
    let mut moves: Vec<Transition> = Vec::new();
    let mut go = |from: State, to: State| match moves
        .iter_mut()
        .find(|one| one.from == from && one.to == to)
    {
        Some(one) => one.count += 1,
        None => moves.push(Transition { from, to, count: 1 }),
    };
    for (walk, converts) in chains {
        let mut at = Start;
        for channel in walk {
            go(at, Channel(*channel));
            at = Channel(*channel);
        }
        go(at, if *converts { Converted } else { Lost });
    }
    moves
}

proptest! {
    #[test]
    fn effects_are_those_of_endless_walks(
        chains in vec((vec(0_usize..6, 0..7), any::<bool>()), 1..30),
    ) {
        let moves = moves_of(&chains);
        let base = converted(6, &moves, None);
        let answer = effects(6, &moves).unwrap();
        let removal = |at| if base > 0.0 { 1.0 - converted(6, &moves, Some(at)) / base } else { 0.0 };
        let expected: Vec<f64> = (0..6).map(removal).collect();
        for (effect, expected) in answer.iter().zip(&expected) {
            prop_assert!((effect.removal - expected).abs() < 1e-9, "{effect:?} {expected}");
        }
        let conversions = chains.iter().filter(|chain| chain.1).count() as f64;
        let shared: f64 = answer.iter().map(|effect| effect.conversions).sum();
        // Chains that convert without any channel are nobody's, unless there are others.
        let all = if expected.iter().any(|effect| *effect > 0.0) { conversions } else { 0.0 };
        prop_assert!((shared - all).abs() < 1e-9, "{shared} {all}");
    }
}

#[test]
fn a_circle_without_an_end_is_as_good_as_lost() {
    let moves = transitions(&[
        (Start, Channel(0), 1),
        (Start, Channel(1), 1),
        (Channel(0), Channel(0), 5),
        (Channel(1), Converted, 1),
    ]);
    let removals = effects(2, &moves).unwrap().into_iter().map(|effect| effect.removal);
    assert_eq!(removals.collect::<Vec<_>>(), [0.0, 1.0]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let error = |moves: &[_]| effects(1, &transitions(moves)).unwrap_err().to_string();
    let text = "a transition from Converted to Channel(0) among 1 channels makes no sense";
    assert_eq!(error(&[(Converted, Channel(0), 1)]), text);
    assert!(error(&[(Start, Channel(1), 1)]).contains("Channel(1)"));
    assert!(error(&[(Channel(0), Start, 1)]).contains("to Start"));
    let text = "1001 channels are more than 1000; put the rare ones together";
    assert_eq!(effects(1001, &[]).unwrap_err().to_string(), text);
    assert_eq!(effects(0, &[]), Ok(Vec::new()));
    // No conversion at all.
    let lost = effects(1, &transitions(&[(Start, Channel(0), 2), (Channel(0), Lost, 2)])).unwrap();
    assert_eq!(lost, [Effect { removal: 0.0, conversions: 0.0 }]);
}
