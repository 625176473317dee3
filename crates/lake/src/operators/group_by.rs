//! Tables by group: how many rows, how many of a kind, and what a number adds up to.
use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{ArrayRef, Float64Array, StringArray, UInt64Array},
    record_batch::RecordBatch,
};

mod axis;

use axis::{Axis, GroupNumbers};

use super::Operator;
use crate::{
    LakeError, Member, Word,
    columns::{Members, NumberColumn, Unit},
};

/// What rows are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The value of a column; none is a group of its own.
    Value(String),
    /// The period in which a moment lies, as a number from the origin; none is a group of its own.
    Period {
        /// The column.
        column: String,
        /// Where period 0 begins, milliseconds since 1970.
        origin_ms: i64,
        /// How long a period is, milliseconds, at least 1.
        period_ms: i64,
    },
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct GroupByParameters {
    /// What rows are grouped by; none is one group of all.
    pub by: Vec<Dimension>,
    /// Rows to count besides all, such as conversions.
    pub counted: Option<Member>,
    /// A number to add up.
    pub value: Option<String>,
}

/// A group of rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// A value for each dimension.
    pub by: Vec<Word>,
    /// All rows.
    pub rows: u64,
    /// Those to be counted.
    pub counted: u64,
    /// Rows with a number.
    pub values: u64,
    /// The sum of the numbers.
    pub sum: i128,
    /// The sum of their squares.
    squares: u128,
}

impl Group {
    /// The mean of the numbers; none without a number.
    #[expect(clippy::cast_precision_loss, reason = "an answer has the 15 digits of a float")]
    pub fn mean(&self) -> Option<f64> {
        (self.values > 0).then(|| self.sum as f64 / self.values as f64)
    }

    /// The sample variance of the numbers, from exact sums; none with fewer than two.
    #[expect(clippy::cast_precision_loss, reason = "an answer has the 15 digits of a float")]
    pub fn variance(&self) -> Option<f64> {
        if self.values < 2 {
            return None;
        }
        let values = u128::from(self.values);
        // n Σx² - (Σx)², which is exact where it fits in 128 bits.
        let exact = || {
            let squares = values.checked_mul(self.squares)?;
            let square = self.sum.unsigned_abs().checked_pow(2)?;
            Some(squares.saturating_sub(square) as f64 / values as f64)
        };
        let close = || self.squares as f64 - self.sum as f64 * self.sum as f64 / values as f64;
        Some(exact().unwrap_or_else(close).max(0.0) / (self.values - 1) as f64)
    }

    /// Groups as columns: `by_1` and on, `rows`, `counted`, `values`, `sum`, `mean`, `variance`. A sum
    /// that is beyond 2^53 is rounded to the 15 digits of a float.
    ///
    /// # Errors
    /// Never, as the columns are made here; Arrow checks them again.
    #[expect(clippy::cast_precision_loss, reason = "said above")]
    pub fn batch(groups: &[Group]) -> Result<RecordBatch, LakeError> {
        let dimensions = groups.first().map_or(0, |group| group.by.len());
        let by = (0..dimensions).map(|at| {
            let words = groups.iter().map(|group| match group.by.get(at) {
                None | Some(Word::Null) => None,
                Some(word) => Some(word.to_string()),
            });
            let words = Arc::new(words.collect::<StringArray>());
            (format!("by_{}", at + 1), words as ArrayRef, true)
        });
        let counts = |name: &str, of: fn(&Group) -> u64| {
            let counts = UInt64Array::from_iter_values(groups.iter().map(of));
            (name.to_owned(), Arc::new(counts) as ArrayRef, false)
        };
        let numbers = |name: &str, of: fn(&Group) -> Option<f64>| {
            let numbers = groups.iter().map(of).collect::<Float64Array>();
            (name.to_owned(), Arc::new(numbers) as ArrayRef, true)
        };
        Ok(RecordBatch::try_from_iter_with_nullable(by.chain([
            counts("rows", |group| group.rows),
            counts("counted", |group| group.counted),
            counts("values", |group| group.values),
            numbers("sum", |group| Some(group.sum as f64)),
            numbers("mean", Group::mean),
            numbers("variance", Group::variance),
        ]))?)
    }
}

/// Answers in the order of the groups.
#[derive(Clone, Debug)]
pub struct GroupBy {
    axes: Vec<Axis>,
    counted: Option<Members>,
    value: Option<NumberColumn>,
    groups: GroupNumbers,
    sums: Vec<Sums>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    rows: u64,
    counted: u64,
    values: u64,
    sum: i128,
    squares: u128,
}

impl GroupBy {
    /// With dimensions and columns.
    ///
    /// # Errors
    /// A period is less than a millisecond.
    pub fn new(parameters: &GroupByParameters) -> Result<GroupBy, LakeError> {
        let GroupByParameters { by, counted, value } = parameters.clone();
        Ok(GroupBy {
            groups: GroupNumbers::new(by.len()),
            axes: by.into_iter().map(Axis::new).collect::<Result<_, _>>()?,
            counted: counted.map(Members::new),
            value: value.map(|name| NumberColumn::new(&name, Unit::AsItIs)),
            sums: Vec::new(),
        })
    }

    /// What this clone has, by values instead of numbers.
    fn into_table(self, table: &mut BTreeMap<Vec<Word>, Sums>) {
        let GroupBy { axes, groups, sums, .. } = self;
        let words: Vec<Vec<Word>> = axes.iter().map(Axis::words).collect();
        for (group, sums) in (0_u32..).zip(sums).filter(|(_, sums)| sums.rows > 0) {
            let word = |(words, number): (&Vec<Word>, u32)| {
                words.get(number as usize).cloned().unwrap_or(Word::Null)
            };
            let by = words.iter().zip(groups.numbers_of(group)).map(word).collect();
            table.entry(by).or_default().add(&sums);
        }
    }
}

impl Operator for GroupBy {
    type Answer = Vec<Group>;

    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.groups.begin(batch.num_rows());
        for (at, axis) in self.axes.iter_mut().enumerate() {
            self.groups.narrow(at, axis.read(batch)?);
        }
        let counted = self.counted.as_mut().map(|rows| rows.read(batch)).transpose()?;
        let mut counted = counted.map(<[_]>::iter);
        let mut values = self.value.as_mut().map(|column| column.read(batch)).transpose()?;
        for group in &self.groups.rows {
            let counted =
                counted.as_mut().and_then(Iterator::next).map_or(0, |yes| u64::from(*yes));
            let value = values.as_mut().and_then(Iterator::next).flatten();
            let group = *group as usize;
            if self.sums.len() <= group {
                self.sums.resize(group + 1, Sums::default());
            }
            if let Some(sums) = self.sums.get_mut(group) {
                sums.row(counted, value);
            }
        }
        Ok(())
    }

    /// Groups are few: one thread puts together what the others made.
    fn together(clones: Vec<Self>, _threads: NonZeroUsize) -> Result<Vec<Group>, LakeError> {
        let mut table = BTreeMap::new();
        for clone in clones {
            clone.into_table(&mut table);
        }
        let group = |(by, sums): (Vec<Word>, Sums)| {
            let Sums { rows, counted, values, sum, squares } = sums;
            Group { by, rows, counted, values, sum, squares }
        };
        Ok(table.into_iter().map(group).collect())
    }
}

impl Sums {
    fn row(&mut self, counted: u64, value: Option<i64>) {
        self.rows += 1;
        self.counted += counted;
        if let Some(value) = value {
            let square = u128::from(value.unsigned_abs());
            self.values += 1;
            self.sum += i128::from(value);
            self.squares = self.squares.saturating_add(square * square);
        }
    }

    fn add(&mut self, other: &Sums) {
        self.rows += other.rows;
        self.counted += other.counted;
        self.values += other.values;
        self.sum += other.sum;
        self.squares = self.squares.saturating_add(other.squares);
    }
}

#[cfg(test)]
mod tests;
