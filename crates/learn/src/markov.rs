//! Markov attribution: what conversions would be lost without a channel.
//!
//! A chain begins, moves from channel to channel and ends converted or lost; the next state depends on
//! the present one alone, with the frequencies that were counted. The removal effect of a channel is
//! the share of conversions that is lost when each move into it is lost. It is solved for exactly,
//! not simulated: one inverse of as many rows as there are channels serves all of them.
use crate::linear::Square;

/// More channels would take minutes.
const CHANNELS_MAX: usize = 1000;

/// Where a chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Before the first channel.
    Start,
    /// At the channel of that number.
    Channel(usize),
    /// Converted, where a chain ends.
    Converted,
    /// Ended without a conversion.
    Lost,
}

/// How often chains went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// From where: not from an end.
    pub from: State,
    /// Where to: not to the start.
    pub to: State,
    /// How often.
    pub count: u64,
}

/// What a channel does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The share of conversions that is lost without the channel, 0 to 1.
    pub removal: f64,
    /// The conversions times the channel's share of all effects.
    pub conversions: f64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkovError {
    /// There are too many channels to solve for.
    #[error("{channels} channels are more than {CHANNELS_MAX}; put the rare ones together")]
    TooMany {
        /// How many.
        channels: usize,
    },
    /// A transition goes from an end, to the start or to a channel that is none.
    #[error("a transition from {from:?} to {to:?} among {channels} channels makes no sense")]
    Transition {
        /// From where.
        from: State,
        /// Where to.
        to: State,
        /// How many channels there are.
        channels: usize,
    },
}

/// The effect of each channel, in their order.
///
/// ```
/// use sessionary_learn::markov::{State::*, Transition, effects};
///
/// // Three chains: start, 0, converted; start, 0, 1, converted; start, 1, lost.
/// let chains = [(Start, Channel(0), 2), (Channel(0), Converted, 1), (Channel(0), Channel(1), 1),
///               (Start, Channel(1), 1), (Channel(1), Converted, 1), (Channel(1), Lost, 1)];
/// let effects = effects(2, &chains.map(|(from, to, count)| Transition { from, to, count }))?;
/// // 2/3 convert. Without channel 0 only 1/3 * 1/2 do; without channel 1, 2/3 * 1/2.
/// assert!((effects[0].removal - 0.75).abs() < 1e-12);
/// assert!((effects[1].removal - 0.5).abs() < 1e-12);
/// assert!((effects[0].conversions - 2.0 * 0.75 / 1.25).abs() < 1e-12);
/// # Ok::<(), sessionary_learn::markov::MarkovError>(())
/// ```
///
/// # Errors
/// There are more than 1000 channels, or a transition makes no sense.
pub fn effects(channels: usize, transitions: &[Transition]) -> Result<Vec<Effect>, MarkovError> {
    if channels > CHANNELS_MAX {
        return Err(MarkovError::TooMany { channels });
    }
    for Transition { from, to, .. } in transitions {
        let known = |state: &State| !matches!(state, State::Channel(at) if *at >= channels);
        let begins = !matches!(from, State::Converted | State::Lost);
        if !begins || *to == State::Start || !known(from) || !known(to) {
            return Err(MarkovError::Transition { from: *from, to: *to, channels });
        }
    }
    Ok(Chain::new(channels, transitions).effects())
}

/// Probabilities of moves, between channels that can still convert.
struct Chain {
    /// From the start into each channel, and straight into a conversion.
    begin: Vec<f64>,
    begin_converted: f64,
    /// From each channel straight into a conversion.
    convert: Vec<f64>,
    /// The identity less the moves between channels.
    moves: Square,
    conversions: f64,
}

impl Chain {
    #[expect(clippy::cast_precision_loss, reason = "counts of chains are far below 2^53")]
    fn new(channels: usize, transitions: &[Transition]) -> Chain {
        let mut out = vec![0_u64; channels + 1];
        let place = |state: State| match state {
            State::Channel(at) => at,
            _ => channels,
        };
        for transition in transitions {
            if let Some(out) = out.get_mut(place(transition.from)) {
                *out += transition.count;
            }
        }
        let alive = alive(channels, transitions);
        let lives = |at: usize| alive.get(at).is_some_and(|alive| *alive);
        let mut chain = Chain {
            begin: vec![0.0; channels],
            begin_converted: 0.0,
            convert: vec![0.0; channels],
            moves: Square::identity(channels),
            conversions: 0.0,
        };
        for Transition { from, to, count } in transitions.iter().filter(|one| one.count > 0) {
            let count = *count as f64;
            let part = count / out.get(place(*from)).map_or(1.0, |all| *all as f64);
            if *to == State::Converted {
                chain.conversions += count;
            }
            match (from, to) {
                (State::Start, State::Channel(to)) if lives(*to) => {
                    add(&mut chain.begin, *to, part);
                }
                (State::Start, State::Converted) => chain.begin_converted += part,
                (State::Channel(from), State::Converted) => add(&mut chain.convert, *from, part),
                (State::Channel(from), State::Channel(to)) if lives(*from) && lives(*to) => {
                    chain.moves.add(*from, *to, -part);
                }
                _ => {}
            }
        }
        chain
    }

    /// Without channel s, a chain converts that would have, but for those that come to s and convert
    /// from there: P(come to s) P(convert from s). Both are in the inverse N of the moves, whose entry
    /// (i, j) is how often a chain at i comes to j: P(come to s) is
    /// `(begin N)_s / N_ss`.
    fn effects(self) -> Vec<Effect> {
        let channels = self.begin.len();
        // Every channel that is alive leads to an end, so the moves have an inverse.
        let visits = self.moves.inverse().unwrap_or_else(|| Square::identity(channels));
        let reached = |at: usize| -> f64 {
            let begin = self.begin.iter().enumerate();
            begin.map(|(from, part)| part * visits.get(from, at)).sum()
        };
        let converts = |at: usize| -> f64 {
            let convert = self.convert.iter().enumerate();
            convert.map(|(last, part)| visits.get(at, last) * part).sum()
        };
        let begin = self.begin.iter().enumerate();
        let base: f64 =
            self.begin_converted + begin.map(|(at, part)| part * converts(at)).sum::<f64>();
        let removal = |at: usize| {
            let lost = reached(at) / visits.get(at, at) * converts(at);
            if base > 0.0 { (lost / base).clamp(0.0, 1.0) } else { 0.0 }
        };
        let removals: Vec<f64> = (0..channels).map(removal).collect();
        let sum: f64 = removals.iter().sum();
        let share = |removal: f64| if sum > 0.0 { removal / sum } else { 0.0 };
        let effect = |removal: &f64| Effect {
            removal: *removal,
            conversions: share(*removal) * self.conversions,
        };
        removals.iter().map(effect).collect()
    }
}

fn add(to: &mut [f64], at: usize, number: f64) {
    if let Some(to) = to.get_mut(at) {
        *to += number;
    }
}

/// The channels from which a conversion can be reached. Counts of whole chains have no others that
/// never end; any others are as good as lost.
fn alive(channels: usize, transitions: &[Transition]) -> Vec<bool> {
    let mut alive = vec![false; channels];
    loop {
        let mut more = false;
        for transition in transitions.iter().filter(|transition| transition.count > 0) {
            let leads = match transition.to {
                State::Converted => true,
                State::Channel(to) => alive.get(to).is_some_and(|alive| *alive),
                State::Start | State::Lost => false,
            };
            let State::Channel(from) = transition.from else { continue };
            if let Some(own) = alive.get_mut(from).filter(|own| leads && !**own) {
                (*own, more) = (true, true);
            }
        }
        if !more {
            return alive;
        }
    }
}

#[cfg(test)]
mod tests;
