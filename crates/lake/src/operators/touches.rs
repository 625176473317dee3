//! The path table: what led each person to us, in order, and what came of it.
use std::{cmp::Ordering, num::NonZeroUsize};

use arrow::record_batch::RecordBatch;

use super::Operator;
use crate::{
    LakeError, Member, People, Word,
    columns::{Digests, Key, Members, NumberColumn, Rank, Ranks, Symbols, Unit},
    groups::Groups,
    parts::{Part, Parts, Row, divided, spread},
    people::{Given, given},
};

/// Where touches are found: a row each.
#[derive(Clone, Debug)]
pub struct TouchColumns {
    /// Who; a row without a value is passed over.
    pub key: String,
    /// When; a row without a value is passed over.
    pub at: String,
    /// Orders touches of one moment, such as a session's id.
    pub rank: Option<String>,
    /// What led here, such as a source.
    pub channel: String,
    /// Which touches converted.
    pub converted: Member,
    /// What a conversion brought, a whole number; none is 0.
    pub revenue: Option<String>,
}

/// Gathers touches; the answer is the table that attribution and Markov chains read.
#[derive(Clone, Debug)]
pub struct TouchTable {
    key: Digests,
    at: NumberColumn,
    rank: Option<Ranks>,
    channel: Symbols,
    converted: Members,
    revenue: Option<NumberColumn>,
    people: People,
    touches: Parts<Touch>,
}

/// 48 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Touch {
    pub(super) at: i64,
    rank: Rank,
    channel: u32,
    key: Key,
    revenue: i64,
}

/// The highest bit of a channel's number says that the touch converted.
const CONVERTED: u32 = 1 << 31;

impl Touch {
    /// The number of its channel.
    pub(super) fn channel(self) -> usize {
        (self.channel & !CONVERTED) as usize
    }

    pub(super) fn converted(self) -> bool {
        self.channel & CONVERTED != 0
    }

    pub(super) fn revenue(self) -> i64 {
        self.revenue
    }
}

impl Row for Touch {
    fn key(&self) -> Key {
        self.key
    }
}

impl Given for Touch {
    fn give_to(&mut self, key: Key) {
        self.key = key;
    }
}

impl TouchTable {
    /// With columns; keys that `people` links are one person.
    pub fn new(columns: &TouchColumns, people: People) -> TouchTable {
        let TouchColumns { key, at, rank, channel, converted, revenue } = columns;
        TouchTable {
            key: Digests::of_column(key),
            at: NumberColumn::new(at, Unit::Millis),
            rank: rank.as_deref().map(Ranks::of_column),
            channel: Symbols::of_column(channel),
            converted: Members::new(converted.clone()),
            revenue: revenue.as_deref().map(|name| NumberColumn::new(name, Unit::AsItIs)),
            touches: Parts::new(people.split()),
            people,
        }
    }
}

impl Operator for TouchTable {
    type Answer = Touches;

    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let keys = self.key.read(batch)?;
        let times = self.at.read(batch)?;
        let channels = self.channel.read(batch)?;
        let converted = self.converted.read(batch)?;
        let ranks = self.rank.as_mut().map(|ranks| ranks.read(batch)).transpose()?;
        let mut ranks = ranks.map(<[_]>::iter);
        let mut revenues = self.revenue.as_mut().map(|column| column.read(batch)).transpose()?;
        for (((key, at), channel), converted) in keys.iter().zip(times).zip(channels).zip(converted)
        {
            let rank = ranks.as_mut().and_then(Iterator::next).copied().unwrap_or_default();
            let revenue = revenues.as_mut().and_then(Iterator::next).flatten().unwrap_or(0);
            let Some(at) = at.filter(|_| !key.is_null()) else { continue };
            let channel = *channel | if *converted { CONVERTED } else { 0 };
            self.touches.push(Touch { at, rank, channel, key: (*key).into(), revenue });
        }
        Ok(())
    }

    fn together(clones: Vec<Self>, threads: NonZeroUsize) -> Result<Touches, LakeError> {
        let Some(first) = clones.first() else { return Ok(Touches::default()) };
        let (channels, people) = (first.channel.words(), first.people.clone());
        let rows = clones.into_iter().map(|clone| clone.touches).collect();
        let parts = given(rows, &people, threads);
        let parts = parts.into_iter().flat_map(|part| divided(part, people.split())).collect();
        Ok(Touches { channels, parts })
    }
}

/// The path table.
#[derive(Clone, Debug, Default)]
pub struct Touches {
    channels: Vec<Word>,
    parts: Vec<Part<Touch>>,
}

impl Touches {
    /// What led here, each at its number.
    pub(super) fn channels(&self) -> &[Word] {
        &self.channels
    }

    /// Folds the touches of each person, in order, on several threads. Also counts touches that have
    /// the moment and the rank of another.
    pub(super) fn fold<A: Send>(
        &self,
        threads: NonZeroUsize,
        begin: impl Fn() -> A + Sync,
        each: impl Fn(&mut A, &[Touch]) + Sync,
    ) -> (Vec<A>, u64) {
        let pieces: Vec<&Part<Touch>> = self.parts.iter().collect();
        let begin = || (Groups::default(), begin(), 0);
        let made = spread(pieces, threads, begin, |(groups, made, ties), part| {
            groups.each(part, |_, touches| {
                touches.sort_unstable_by(|one, other| self.order(one, other));
                *ties += ties_of(touches);
                each(made, touches);
            });
        });
        let ties = made.iter().map(|(_, _, ties)| ties).sum();
        (made.into_iter().map(|(_, made, _)| made).collect(), ties)
    }

    /// By moment and rank; what they leave open is decided by values, never by numbers of symbols.
    fn order(&self, one: &Touch, other: &Touch) -> Ordering {
        let channel = |touch: &Touch| self.channels.get(touch.channel());
        let tie = || channel(one).cmp(&channel(other));
        let rest = |touch: &Touch| (touch.converted(), touch.revenue);
        (one.at, one.rank)
            .cmp(&(other.at, other.rank))
            .then_with(tie)
            .then_with(|| rest(one).cmp(&rest(other)))
    }
}

fn ties_of(touches: &[Touch]) -> u64 {
    let pairs = touches.iter().zip(touches.iter().skip(1));
    pairs.filter(|(one, next)| (one.at, one.rank) == (next.at, next.rank)).count() as u64
}

#[cfg(test)]
pub(super) mod journeys;
