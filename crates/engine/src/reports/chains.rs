//! From the lake's transitions to the effects that `learn` solves for: the two never meet but here.
use std::collections::BTreeMap;

use sessionary_lake::{
    Word,
    operators::{State, Transition},
    reports::Solved,
};
use sessionary_learn::markov;

/// The effect of each channel that a chain came to, in order.
pub(super) fn solve(transitions: &[Transition]) -> Result<Vec<Solved>, String> {
    let mut channels: BTreeMap<&Word, usize> = BTreeMap::new();
    for transition in transitions {
        for state in [&transition.from, &transition.to] {
            if let State::Channel(channel) = state {
                channels.insert(channel, 0);
            }
        }
    }
    for (number, place) in channels.values_mut().enumerate() {
        *place = number;
    }
    let state = |state: &State| match state {
        State::Start => markov::State::Start,
        State::Channel(channel) => {
            markov::State::Channel(channels.get(channel).copied().unwrap_or(usize::MAX))
        }
        State::Converted => markov::State::Converted,
        State::Lost => markov::State::Lost,
    };
    let moves = transitions.iter().map(|Transition { from, to, count }| markov::Transition {
        from: state(from),
        to: state(to),
        count: *count,
    });
    let moves: Vec<_> = moves.collect();
    let effects = markov::effects(channels.len(), &moves).map_err(|error| error.to_string())?;
    let solved = channels.keys().zip(effects).map(|(channel, effect)| Solved {
        channel: (*channel).clone(),
        removal: effect.removal,
        conversions: effect.conversions,
    });
    Ok(solved.collect())
}
