//! Dimensions and groups as small numbers.
use std::collections::HashMap;

use arrow::record_batch::RecordBatch;

use super::Dimension;
use crate::{
    LakeError, Word,
    columns::{Mixing, NumberColumn, Symbols, Unit},
};

/// A dimension, each value of which is a number from 0 up.
#[derive(Clone, Debug)]
pub(super) enum Axis {
    Value(Symbols),
    Period(Periods),
}

impl Axis {
    pub(super) fn new(dimension: Dimension) -> Result<Axis, LakeError> {
        match dimension {
            Dimension::Value(column) => Ok(Axis::Value(Symbols::of_column(&column))),
            Dimension::Period { period_ms: ..1, .. } => {
                Err(LakeError::Parameter("a period takes at least 1 millisecond".to_owned()))
            }
            Dimension::Period { column, origin_ms, period_ms } => Ok(Axis::Period(Periods {
                at: NumberColumn::new(&column, Unit::Millis),
                origin_ms,
                period_ms,
                numbers: HashMap::default(),
                words: Vec::new(),
                rows: Vec::new(),
            })),
        }
    }

    /// The number of each row's value.
    pub(super) fn read(&mut self, batch: &RecordBatch) -> Result<&[u32], LakeError> {
        match self {
            Axis::Value(symbols) => symbols.read(batch),
            Axis::Period(periods) => periods.read(batch),
        }
    }

    /// All values, each at its number.
    pub(super) fn words(&self) -> Vec<Word> {
        match self {
            Axis::Value(symbols) => symbols.words(),
            Axis::Period(periods) => periods.words.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Periods {
    at: NumberColumn,
    origin_ms: i64,
    period_ms: i64,
    numbers: HashMap<Word, u32>,
    words: Vec<Word>,
    rows: Vec<u32>,
}

impl Periods {
    fn read(&mut self, batch: &RecordBatch) -> Result<&[u32], LakeError> {
        let Periods { at, origin_ms, period_ms, numbers, words, rows } = self;
        let mut number_of = |word: Word| {
            *numbers.entry(word.clone()).or_insert_with(|| {
                words.push(word);
                u32::try_from(words.len() - 1).expect("fewer than 2^32 periods")
            })
        };
        // Files are written as time goes on: most rows fall into the period of the row before.
        let mut last: Option<(i64, u32)> = None;
        rows.clear();
        for at in at.read(batch)? {
            let Some(at) = at else {
                rows.push(number_of(Word::Null));
                continue;
            };
            let at = at.saturating_sub(*origin_ms);
            let known = last.filter(|(begin, _)| (*begin..begin + *period_ms).contains(&at));
            let (_, number) = *last.insert(known.unwrap_or_else(|| {
                let period = at.div_euclid(*period_ms);
                (period.saturating_mul(*period_ms), number_of(Word::Number(period)))
            }));
            rows.push(number);
        }
        Ok(rows)
    }
}

/// Numbers groups by the numbers of their values, one dimension after the other.
#[derive(Clone, Debug)]
pub(super) struct GroupNumbers {
    /// Of each dimension but the first: the number of a group so far and a value's, as one group.
    pairs: Vec<Pairs>,
    dimensions: usize,
    /// The group of each row of a batch.
    pub(super) rows: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Pairs {
    numbers: HashMap<u64, u32, Mixing>,
    pairs: Vec<(u32, u32)>,
}

impl GroupNumbers {
    pub(super) fn new(dimensions: usize) -> GroupNumbers {
        let pairs = vec![Pairs::default(); dimensions.saturating_sub(1)];
        GroupNumbers { pairs, dimensions, rows: Vec::new() }
    }

    /// All rows of a batch are of one group.
    pub(super) fn begin(&mut self, rows: usize) {
        self.rows.clear();
        self.rows.resize(rows, 0);
    }

    /// Divides the groups by one more dimension.
    pub(super) fn narrow(&mut self, dimension: usize, values: &[u32]) {
        let Some(before) = dimension.checked_sub(1) else {
            self.rows.copy_from_slice(values);
            return;
        };
        let Some(Pairs { numbers, pairs }) = self.pairs.get_mut(before) else { return };
        for (row, value) in self.rows.iter_mut().zip(values) {
            let pair = (*row, *value);
            *row =
                *numbers.entry(u64::from(pair.0) << 32 | u64::from(pair.1)).or_insert_with(|| {
                    pairs.push(pair);
                    u32::try_from(pairs.len() - 1).expect("fewer than 2^32 groups")
                });
        }
    }

    /// The number of a group's value in each dimension.
    pub(super) fn numbers_of(&self, group: u32) -> Vec<u32> {
        let mut values = Vec::with_capacity(self.dimensions);
        let mut group = group;
        for Pairs { pairs, .. } in self.pairs.iter().rev() {
            let Some((before, value)) = pairs.get(group as usize) else { break };
            values.push(*value);
            group = *before;
        }
        if self.dimensions > 0 {
            values.push(group);
        }
        values.reverse();
        values
    }
}
