//! Markov chains of touches: how often one channel follows another.
use std::{num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{ArrayRef, StringArray, UInt64Array},
    record_batch::RecordBatch,
};

use super::touches::{Touch, Touches};
use crate::{LakeError, Word};

/// Where a chain is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Before the first touch.
    Start,
    /// At a touch of that channel.
    Channel(Word),
    /// Converted, where a chain ends.
    Converted,
    /// Ended without a conversion.
    Lost,
}

/// How often a chain went from one state to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// From where.
    pub from: State,
    /// Where to.
    pub to: State,
    /// How often, at least once.
    pub count: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chains {
    /// All transitions that happened, in order.
    pub transitions: Vec<Transition>,
    /// Touches that neither time nor rank told apart from another of their person, and that stand in
    /// the order of their channels.
    pub ties: u64,
}

/// Counts of moves, from each state to each: the channels by number, then three more.
struct Counts {
    states: usize,
    moves: Vec<u64>,
}

/// The places of the three states behind the channels.
#[derive(Clone, Copy)]
enum Beside {
    Start,
    Converted,
    Lost,
}

impl Counts {
    fn new(channels: usize) -> Counts {
        let states = channels + 3;
        Counts { states, moves: vec![0; states * states] }
    }

    fn place(&self, state: Beside) -> usize {
        let behind = match state {
            Beside::Start => 3,
            Beside::Converted => 2,
            Beside::Lost => 1,
        };
        self.states - behind
    }

    fn go(&mut self, from: usize, to: usize) {
        if let Some(count) = self.moves.get_mut(from * self.states + to) {
            *count += 1;
        }
    }

    /// The chains of one person: a conversion ends one, and the next begins.
    fn person(&mut self, touches: &[Touch]) {
        let start = self.place(Beside::Start);
        let mut at = start;
        for touch in touches {
            self.go(at, touch.channel());
            at = touch.channel();
            if touch.converted() {
                self.go(at, self.place(Beside::Converted));
                at = start;
            }
        }
        if at != start {
            self.go(at, self.place(Beside::Lost));
        }
    }
}

impl Chains {
    /// Of a path table.
    pub fn of(table: &Touches, threads: NonZeroUsize) -> Chains {
        let channels = table.channels();
        let begin = || Counts::new(channels.len());
        let (made, ties) = table.fold(threads, begin, Counts::person);
        let states = channels.iter().cloned().map(State::Channel);
        let states: Vec<State> =
            states.chain([State::Start, State::Converted, State::Lost]).collect();
        let count = |place: usize| made.iter().filter_map(|counts| counts.moves.get(place)).sum();
        let from_each = states.iter().enumerate().flat_map(|(from, state)| {
            let row = from * states.len();
            let to_each = states.iter().enumerate();
            to_each.map(move |(to, next)| (state, next, row + to))
        });
        let mut transitions: Vec<Transition> = from_each
            .map(|(from, to, place)| (from.clone(), to.clone(), count(place)))
            .filter(|(_, _, count)| *count > 0)
            .map(|(from, to, count)| Transition { from, to, count })
            .collect();
        transitions.sort_unstable();
        Chains { transitions, ties }
    }
}

impl Transition {
    /// The transitions as columns: `from`, `to`, `count`; states beside channels are in brackets.
    ///
    /// # Errors
    /// Never, as the columns are made here; Arrow checks them again.
    pub fn batch(transitions: &[Transition]) -> Result<RecordBatch, LakeError> {
        let states = |of: fn(&Transition) -> &State| -> ArrayRef {
            let names = transitions.iter().map(|transition| of(transition).name());
            Arc::new(StringArray::from_iter_values(names))
        };
        let counts = transitions.iter().map(|transition| transition.count);
        Ok(RecordBatch::try_from_iter([
            ("from", states(|transition| &transition.from)),
            ("to", states(|transition| &transition.to)),
            ("count", Arc::new(UInt64Array::from_iter_values(counts)) as ArrayRef),
        ])?)
    }
}

impl State {
    fn name(&self) -> String {
        match self {
            State::Start => "(start)".to_owned(),
            State::Channel(channel) => channel.to_string(),
            State::Converted => "(converted)".to_owned(),
            State::Lost => "(lost)".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
