//! Attribution: which touches get the credit for a conversion.
use std::{num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{ArrayRef, Float64Array, StringArray},
    record_batch::RecordBatch,
};

use super::touches::{Touch, Touches};
use crate::{LakeError, Word};

/// How the credit for a conversion is shared among its touches. They are counted from the earliest;
/// the conversion itself is the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// All to the first.
    First,
    /// All to the last.
    Last,
    /// All to the last that is not direct, or to the last if all are.
    LastNonDirect,
    /// To each the same.
    Linear,
    /// Shares of the first and of the last, the rest to those between. Two touches share by the same
    /// proportion, a single one gets all.
    Position {
        /// Of the first, 0 to 100.
        first_percent: u8,
        /// Of the last; both together at most 100.
        last_percent: u8,
    },
    /// A touch so many milliseconds (at least 1) before the conversion counts half.
    TimeDecay {
        /// The half-life.
        half_life_ms: u64,
    },
}

/// The question.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// The touches of a conversion are those of its person at most so long before it, milliseconds;
    /// one exactly so long before is none. Touches of its own moment are.
    pub lookback_ms: u64,
    /// The channel that means that nothing led here.
    pub direct: Option<Word>,
    /// The models to answer by.
    pub models: Vec<Model>,
}

/// What a channel is credited with by one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Credit {
    /// Conversions. All channels together have as many as there were.
    pub conversions: f64,
    /// Their revenue, in the unit of its column.
    pub revenue: f64,
}

/// A channel that was a touch of a conversion.
#[derive(Clone, Debug, PartialEq)]
pub struct Credited {
    /// The channel.
    pub channel: Word,
    /// A credit for each model, in their order.
    pub credits: Vec<Credit>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributed {
    /// Every channel that was a touch of a conversion, in order.
    pub channels: Vec<Credited>,
    /// Touches that neither time nor rank told apart from another of their person. If there are any,
    /// models that ask which came last decided by channel; give a rank, and they need not.
    pub ties: u64,
}

/// A conversion is shared in so many pieces, without a remainder: sums of whole numbers do not depend
/// on the order of persons. Shares are exact to 1e-12.
const WHOLE: u64 = 1 << 40;

/// Pieces of conversions, and pieces of their revenue.
#[derive(Clone, Copy, Debug, Default)]
struct Pieces {
    conversions: u128,
    revenue: i128,
}

/// What one thread adds up: for each model, for each channel.
struct Sums {
    models: Vec<Vec<Pieces>>,
    /// Which channels were touches.
    touched: Vec<bool>,
    /// The shares of the touches at hand.
    shares: Vec<u64>,
}

impl Attribution {
    /// Answers.
    ///
    /// # Errors
    /// A model's parameters make no sense.
    pub fn of(&self, table: &Touches, threads: NonZeroUsize) -> Result<Attributed, LakeError> {
        self.models.iter().try_for_each(Model::check)?;
        let all = table.channels();
        let direct = all.iter().position(|channel| Some(channel) == self.direct.as_ref());
        let begin = || Sums {
            models: vec![vec![Pieces::default(); all.len()]; self.models.len()],
            touched: vec![false; all.len()],
            shares: Vec::new(),
        };
        let (made, ties) = table.fold(threads, begin, |sums, touches| {
            self.person(sums, touches, direct);
        });
        let touched = |channel: usize| {
            made.iter().any(|sums| sums.touched.get(channel).is_some_and(|touched| *touched))
        };
        let credited = all.iter().enumerate().filter(|(channel, _)| touched(*channel));
        let credited = credited.map(|(at, channel)| {
            let models = 0..self.models.len();
            let credits = models.map(|model| credit(&made, model, at)).collect();
            Credited { channel: channel.clone(), credits }
        });
        let mut channels: Vec<Credited> = credited.collect();
        channels.sort_unstable_by(|one, other| one.channel.cmp(&other.channel));
        Ok(Attributed { channels, ties })
    }

    /// Slides the window over the touches of one person.
    fn person(&self, sums: &mut Sums, touches: &[Touch], direct: Option<usize>) {
        let (mut begin, mut end) = (0, 0);
        for conversion in touches.iter().filter(|touch| touch.converted()) {
            let is_old = |touch: &Touch| conversion.at.abs_diff(touch.at) >= self.lookback_ms;
            let is_late = |touch: &Touch| touch.at > conversion.at;
            while touches.get(end).is_some_and(|touch| !is_late(touch)) {
                end += 1;
            }
            while begin < end && touches.get(begin).is_some_and(is_old) {
                begin += 1;
            }
            let Some(window) = touches.get(begin..end) else { continue };
            sums.share(&self.models, window, conversion, direct);
        }
    }
}

impl Sums {
    fn share(
        &mut self,
        models: &[Model],
        touches: &[Touch],
        conversion: &Touch,
        direct: Option<usize>,
    ) {
        let Sums { models: sums, touched, shares } = self;
        for touch in touches {
            if let Some(touched) = touched.get_mut(touch.channel()) {
                *touched = true;
            }
        }
        let revenue = i128::from(conversion.revenue());
        for (model, sums) in models.iter().zip(sums) {
            model.share(touches, conversion.at, direct, shares);
            let shared = touches.iter().zip(shares.iter()).filter(|(_, share)| **share > 0);
            for (touch, share) in shared {
                let Some(pieces) = sums.get_mut(touch.channel()) else { continue };
                pieces.conversions += u128::from(*share);
                pieces.revenue += revenue * i128::from(*share);
            }
        }
    }
}

impl Model {
    fn check(&self) -> Result<(), LakeError> {
        let wrong = match self {
            Model::Position { first_percent, last_percent }
                if u16::from(*first_percent) + u16::from(*last_percent) > 100 =>
            {
                "the shares of the first and the last touch are at most 100 percent together"
            }
            Model::TimeDecay { half_life_ms: 0 } => "a half-life is at least 1 millisecond",
            _ => return Ok(()),
        };
        Err(LakeError::Parameter(wrong.to_owned()))
    }

    /// The share of each touch; together they are [`WHOLE`].
    fn share(self, touches: &[Touch], at: i64, direct: Option<usize>, shares: &mut Vec<u64>) {
        shares.clear();
        shares.resize(touches.len(), 0);
        let last = touches.len().saturating_sub(1);
        match self {
            Model::First => give(shares, 0, WHOLE),
            Model::Last => give(shares, last, WHOLE),
            Model::LastNonDirect => {
                let led = touches.iter().rposition(|touch| Some(touch.channel()) != direct);
                give(shares, led.unwrap_or(last), WHOLE);
            }
            Model::Linear => shares.fill(WHOLE / (touches.len() as u64).max(1)),
            Model::Position { first_percent, last_percent } => {
                by_position(shares, u64::from(first_percent), u64::from(last_percent));
            }
            Model::TimeDecay { half_life_ms } => by_age(shares, touches, at, half_life_ms),
        }
        // What rounding left over, less than a piece a touch, is the last one's.
        let left = WHOLE.saturating_sub(shares.iter().sum());
        if let Some(share) = shares.iter_mut().rev().find(|share| **share > 0) {
            *share += left;
        }
    }
}

fn give(shares: &mut [u64], to: usize, share: u64) {
    if let Some(to) = shares.get_mut(to) {
        *to += share;
    }
}

fn by_position(shares: &mut [u64], first: u64, last: u64) {
    let both = (first + last).max(1);
    match shares {
        [] => {}
        [only] => *only = WHOLE,
        // With no share for either there is no proportion, and they share alike.
        [one, other] if first + last == 0 => (*one, *other) = (WHOLE / 2, WHOLE / 2),
        [one, other] => (*one, *other) = (WHOLE * first / both, WHOLE * last / both),
        [one, between @ .., other] => {
            (*one, *other) = (WHOLE * first / 100, WHOLE * last / 100);
            let share = WHOLE * (100 - first - last) / 100 / between.len() as u64;
            between.fill(share);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares are rounded down to pieces"
)]
fn by_age(shares: &mut [u64], touches: &[Touch], at: i64, half_life_ms: u64) {
    let weight = |touch: &Touch| (-(at.abs_diff(touch.at) as f64) / half_life_ms as f64).exp2();
    let sum: f64 = touches.iter().map(weight).sum();
    for (share, touch) in shares.iter_mut().zip(touches) {
        // A little less than the exact share, so that all together are never more than the whole.
        *share = (weight(touch) / sum * (WHOLE - 256) as f64) as u64;
    }
}

/// Adds up what the threads made.
#[expect(clippy::cast_precision_loss, reason = "an answer has the 15 digits of a float")]
fn credit(made: &[Sums], model: usize, channel: usize) -> Credit {
    let pieces = made.iter().filter_map(|sums| sums.models.get(model)?.get(channel));
    let sum = pieces.fold(Pieces::default(), |sum, pieces| Pieces {
        conversions: sum.conversions + pieces.conversions,
        revenue: sum.revenue + pieces.revenue,
    });
    let whole = WHOLE as f64;
    Credit { conversions: sum.conversions as f64 / whole, revenue: sum.revenue as f64 / whole }
}

impl Credited {
    /// One model's credits as columns: `channel`, `conversions`, `revenue`; none of a model that was not
    /// asked for.
    ///
    /// # Errors
    /// Never, as the columns are made here; Arrow checks them again.
    pub fn batch(credited: &[Credited], model: usize) -> Result<RecordBatch, LakeError> {
        let channels = credited.iter().map(|credited| match &credited.channel {
            Word::Null => None,
            channel => Some(channel.to_string()),
        });
        let credits = || credited.iter().map(|credited| credited.credits.get(model));
        let conversions = credits().map(|credit| credit.map(|credit| credit.conversions));
        let revenue = credits().map(|credit| credit.map(|credit| credit.revenue));
        Ok(RecordBatch::try_from_iter_with_nullable([
            ("channel", Arc::new(channels.collect::<StringArray>()) as ArrayRef, true),
            ("conversions", Arc::new(conversions.collect::<Float64Array>()), true),
            ("revenue", Arc::new(revenue.collect::<Float64Array>()), true),
        ])?)
    }
}

#[cfg(test)]
mod tests;
