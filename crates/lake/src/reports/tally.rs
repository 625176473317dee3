//! Counts and sums by group: rows with their labels, made for the operator that groups.
use std::{collections::BTreeMap, sync::Arc};

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};

use super::{Asked, Cell, Column, labels::labels, money};
use crate::{
    LakeError, Member, Word,
    operators::{Dimension, Group, GroupBy, GroupByParameters, Operator as _},
};

/// Several questions about the same groups: which flag to count, which number to add up.
pub(super) struct Tally(Vec<GroupBy>);

/// A flag and a number of a row, by the names of their columns.
pub(super) type Measure = (Option<&'static str>, Option<&'static str>);

impl Tally {
    pub(super) fn new(by: &[String], measures: &[Measure]) -> Result<Tally, LakeError> {
        let one = |(flag, value): &Measure| {
            GroupBy::new(&GroupByParameters {
                by: by.iter().cloned().map(Dimension::Value).collect(),
                counted: flag.map(|flag| Member::new(flag, [true])),
                value: value.map(str::to_owned),
            })
        };
        Ok(Tally(measures.iter().map(one).collect::<Result<_, _>>()?))
    }

    pub(super) fn push(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        self.0.iter_mut().try_for_each(|operator| operator.push(rows))
    }

    /// The answers to each question, by group.
    pub(super) fn finish(self) -> Result<BTreeMap<Vec<Word>, Vec<Group>>, LakeError> {
        let mut table: BTreeMap<Vec<Word>, Vec<Group>> = BTreeMap::new();
        for operator in self.0 {
            for group in operator.finish()? {
                table.entry(group.by.clone()).or_default().push(group);
            }
        }
        Ok(table)
    }
}

/// The names of the columns that hold the labels of what was asked for.
pub(super) fn names(asked: &Asked) -> Vec<String> {
    (1..=asked.by.len()).map(|at| format!("by_{at}")).collect()
}

/// The columns of an answer that hold them.
pub(super) fn heads(asked: &Asked) -> Vec<Column> {
    asked.by.iter().map(|breakdown| Column::words(breakdown.word())).collect()
}

/// The columns with the labels of a batch.
pub(super) fn labelled(asked: &Asked, batch: &RecordBatch) -> Result<Vec<ArrayRef>, LakeError> {
    let one = |breakdown: &super::Breakdown| {
        let labels = labels(*breakdown, batch, &asked.clock)?;
        Ok(Arc::new(StringArray::from(labels)) as ArrayRef)
    };
    asked.by.iter().map(one).collect()
}

/// A table of columns under their names.
pub(super) fn batch(
    columns: impl IntoIterator<Item = (String, ArrayRef)>,
) -> Result<RecordBatch, LakeError> {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

/// A column of numbers under its name.
pub(super) fn numbers(name: &str, numbers: Vec<Option<i64>>) -> (String, ArrayRef) {
    (name.to_owned(), Arc::new(Int64Array::from(numbers)))
}

/// A column of flags under its name.
pub(super) fn flags(name: &str, flags: Vec<bool>) -> (String, ArrayRef) {
    (name.to_owned(), Arc::new(BooleanArray::from(flags)))
}

/// Revenue by group and currency.
pub(super) struct Takings {
    by: Vec<String>,
    tally: Tally,
}

impl Takings {
    pub(super) fn new(by: Vec<String>) -> Result<Takings, LakeError> {
        let all: Vec<String> = by.iter().cloned().chain(["currency".to_owned()]).collect();
        Ok(Takings { tally: Tally::new(&all, &[(None, Some("amount"))])?, by })
    }

    /// Takes rows: their groups' columns, and what each brought in which currency.
    pub(super) fn push(
        &mut self,
        groups: &[ArrayRef],
        revenue: &[BTreeMap<String, i64>],
    ) -> Result<(), LakeError> {
        let (mut rows, mut currencies, mut amounts) = (Vec::new(), Vec::new(), Vec::new());
        for (row, revenue) in (0_i64..).zip(revenue) {
            for (currency, amount) in revenue {
                rows.push(row);
                currencies.push(currency.as_str());
                amounts.push(Some(*amount));
            }
        }
        let rows = Int64Array::from(rows);
        let taken = groups.iter().map(|column| arrow::compute::take(column, &rows, None));
        let taken: Vec<ArrayRef> = taken.collect::<Result<_, _>>()?;
        let currencies: ArrayRef = Arc::new(StringArray::from(currencies));
        let columns = self.by.iter().cloned().zip(taken);
        self.tally.push(&batch(
            columns.chain([("currency".to_owned(), currencies), numbers("amount", amounts)]),
        )?)
    }

    pub(super) fn finish(self) -> Result<Revenue, LakeError> {
        let mut sums = BTreeMap::new();
        let mut currencies: BTreeMap<String, i128> = BTreeMap::new();
        for (mut by, groups) in self.tally.finish()? {
            let sum: i128 = groups.iter().map(|group| group.sum).sum();
            let currency = by.pop().map(|word| word.to_string()).unwrap_or_default();
            *currencies.entry(currency.clone()).or_default() += sum;
            sums.insert((by, currency), sum);
        }
        Ok(Revenue { currencies, sums })
    }
}

/// What was found of revenue.
pub(super) struct Revenue {
    /// The currencies there are, and what all groups come to.
    currencies: BTreeMap<String, i128>,
    sums: BTreeMap<(Vec<Word>, String), i128>,
}

impl Revenue {
    /// A column for each currency.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column> + '_ {
        self.currencies.keys().map(|currency| money::column(currency))
    }

    /// The cells of a group.
    pub(super) fn of(&self, by: &[Word]) -> Vec<Cell> {
        let cell = |currency: &String| {
            self.sums
                .get(&(by.to_vec(), currency.clone()))
                .map_or(Cell::Nothing, |sum| money::amount(*sum))
        };
        self.currencies.keys().map(cell).collect()
    }

    /// The cells of all.
    pub(super) fn totals(&self) -> impl Iterator<Item = Cell> + '_ {
        self.currencies.values().map(|sum| money::amount(*sum))
    }
}
