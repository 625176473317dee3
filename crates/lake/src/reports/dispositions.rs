//! How sessions ended: outcomes, their shares, and what they brought.
use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::{
    Asked, Cell, Column, Report, SessionBatches,
    money::{self, Money},
    sift::{Sift, Table},
    tally::{Takings, Tally, batch, heads, labelled, names},
};
use crate::{LakeError, Word, columns::column};

/// What tells one outcome from another.
const OUTCOME: [&str; 3] = ["disposition_code", "disposition_name", "disposition_class"];

pub(super) fn answer(asked: &Asked, source: &dyn SessionBatches) -> Result<Report, LakeError> {
    let by: Vec<String> = names(asked).into_iter().chain(OUTCOME.map(str::to_owned)).collect();
    let mut tally = Tally::new(&by, &[(None, None)])?;
    let mut takings = Takings::new(by.clone())?;
    let mut sift = Sift::new(asked, 0);
    let columns: Vec<&'static str> = OUTCOME.into_iter().chain(money::COLUMNS).collect();
    sift.each(source, &columns, |rows: &RecordBatch| {
        let mut groups = labelled(asked, rows)?;
        for name in OUTCOME {
            groups.push(column(rows, name)?.clone());
        }
        let money = Money::of(rows)?;
        let revenue: Vec<_> = (0..rows.num_rows()).map(|row| money.at(row)).collect();
        takings.push(&groups, &revenue)?;
        tally.push(&batch(by.iter().cloned().zip(groups))?)
    })?;
    let (groups, revenue) = (tally.finish()?, takings.finish()?);
    let counts = groups.into_iter().map(|(by, groups)| {
        let sessions: u64 = groups.iter().map(|group| group.rows).sum();
        (by, sessions)
    });
    let counts: Vec<(Vec<Word>, u64)> = counts.collect();
    let label = |by: &[Word]| by.get(..asked.by.len()).unwrap_or_default().to_vec();
    let mut sessions_of: BTreeMap<Vec<Word>, u64> = BTreeMap::new();
    for (by, sessions) in &counts {
        *sessions_of.entry(label(by)).or_default() += sessions;
    }
    let row = |(by, sessions): &(Vec<Word>, u64)| {
        let whole = sessions_of.get(&label(by)).copied().unwrap_or_default();
        let words = by.iter().enumerate().map(|(at, word)| outcome_cell(at, asked.by.len(), word));
        words
            .chain([Cell::Count(*sessions), Cell::share(*sessions, whole)])
            .chain(revenue.of(by))
            .collect()
    };
    let rows: Vec<Vec<Cell>> = counts.iter().map(row).collect();
    let all = counts.iter().map(|(_, sessions)| sessions).sum();
    let totals = vec![Cell::Nothing; by.len()].into_iter();
    let totals = totals.chain([Cell::Count(all), Cell::Nothing]).chain(revenue.totals());
    let columns = heads(asked)
        .into_iter()
        .chain([Column::of("code", "code"), Column::words("disposition"), Column::words("class")])
        .chain([Column::of("sessions", "sessions"), Column::of("share", "share")])
        .chain(revenue.columns());
    let table = Table {
        columns: columns.collect(),
        totals: (!rows.is_empty()).then(|| totals.collect()),
        rows,
        bar: Some("sessions"),
    };
    Ok(sift.report(source, table, Vec::new()))
}

/// A label; behind the labels stands the code, which is a number.
fn outcome_cell(at: usize, labels: usize, word: &Word) -> Cell {
    match word {
        Word::Number(code) if at == labels => {
            u64::try_from(*code).map_or(Cell::Nothing, Cell::Count)
        }
        word => Cell::word(word),
    }
}
