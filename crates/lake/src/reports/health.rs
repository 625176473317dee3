//! How good the data are: what was repaired, left over, decided by rule, or made by machines.
//!
//! It looks at every session, those of machines included, whatever `bots` says of other reports.
use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::{
    Asked, Bots, Cell, Column, Report, SessionBatches,
    columns::{lists_of, numbers_of, texts_of},
    report::NONE,
    sift::{Sift, Table},
    tally::{Measure, Tally, batch, numbers},
};
use crate::{LakeError, Word, columns::column};

/// What the engine counts beside the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// A name, such as `reviews_open`, and how many; a number of the whole tenant.
    pub counts: Vec<(&'static str, u64)>,
}

/// Texts of a row by which sessions are counted, and what the answer calls them.
const GROUPED: [(&str, &str); 6] = [
    ("status", "status"),
    ("bot_class", "bots"),
    ("split_cause", "split_cause"),
    ("end_rule", "end_rule"),
    ("disposition_class", "disposition_class"),
    ("source", "integration"),
];

/// Numbers of a row that are added up, and what the answer calls them.
const SUMMED: [(&str, &str); 4] = [
    ("event_count", "facts"),
    ("note_count", "notes"),
    ("orphan_count", "orphans"),
    ("claim_count", "claims"),
];

pub(super) fn answer(
    asked: &Asked,
    source: &dyn SessionBatches,
    beside: &Beside,
) -> Result<Report, LakeError> {
    let asked = &Asked { bots: Bots::Include, ..asked.clone() };
    let mut seen = Seen::new()?;
    let mut sift = Sift::new(asked, 0);
    let columns = GROUPED.iter().chain(&SUMMED).map(|(column, _)| *column);
    let columns: Vec<&'static str> = columns.chain(["warnings", "merged_ids"]).collect();
    sift.each(source, &columns, |rows: &RecordBatch| seen.push(rows))?;
    let mut rows = seen.rows()?;
    let outside =
        beside.counts.iter().map(|(name, count)| line("whole tenant, now", name, *count, None));
    rows.extend(outside);
    let table = Table {
        columns: vec![
            Column::words("measure"),
            Column::words("value"),
            Column::of("count", "count"),
            Column::of("share", "share"),
        ],
        rows,
        totals: None,
        bar: None,
    };
    let note = "Signals that came twice are recognised as they come and answered as duplicates; they \
                are no rows. A session with a late signal has a revision above 1.";
    Ok(sift.report(source, table, vec![note.to_owned()]))
}

fn line(measure: &str, value: &str, count: u64, share: Option<Cell>) -> Vec<Cell> {
    vec![
        Cell::Text(measure.to_owned()),
        Cell::Text(value.to_owned()),
        Cell::Count(count),
        share.unwrap_or(Cell::Nothing),
    ]
}

struct Seen {
    grouped: Vec<Tally>,
    summed: Tally,
    warnings: BTreeMap<String, u64>,
    sessions: u64,
    revised: u64,
    absorbed: u64,
}

impl Seen {
    fn new() -> Result<Seen, LakeError> {
        let grouped =
            GROUPED.iter().map(|(column, _)| Tally::new(&[(*column).to_owned()], &[(None, None)]));
        let measures: Vec<Measure> =
            SUMMED.iter().map(|(column, _)| (None, Some(*column))).collect();
        Ok(Seen {
            grouped: grouped.collect::<Result<_, _>>()?,
            summed: Tally::new(&[], &measures)?,
            warnings: BTreeMap::new(),
            sessions: 0,
            revised: 0,
            absorbed: 0,
        })
    }

    fn push(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        for ((name, _), tally) in GROUPED.iter().zip(&mut self.grouped) {
            tally.push(&batch([((*name).to_owned(), column(rows, name)?.clone())])?)?;
        }
        let sums = SUMMED.iter().map(|(name, _)| {
            let read = numbers_of(rows, name)?;
            Ok(numbers(name, (0..rows.num_rows()).map(|row| read.at(row)).collect()))
        });
        self.summed.push(&batch(sums.collect::<Result<Vec<_>, LakeError>>()?)?)?;
        for codes in lists_of(rows, "warnings")? {
            let codes: std::collections::BTreeSet<String> = codes.into_iter().collect();
            for code in codes {
                *self.warnings.entry(code).or_default() += 1;
            }
        }
        self.absorbed +=
            lists_of(rows, "merged_ids")?.iter().map(|ids| ids.len() as u64).sum::<u64>();
        let status = texts_of(rows, "status")?;
        let is_revised = |row: &usize| status.at(*row) == Some("amended");
        self.revised += (0..rows.num_rows()).filter(is_revised).count() as u64;
        self.sessions += rows.num_rows() as u64;
        Ok(())
    }

    fn rows(self) -> Result<Vec<Vec<Cell>>, LakeError> {
        if self.sessions == 0 {
            return Ok(Vec::new());
        }
        let of_sessions = |count| Some(Cell::share(count, self.sessions));
        let mut rows = vec![
            line("sessions", "all", self.sessions, None),
            line(
                "sessions",
                "changed after they were final",
                self.revised,
                of_sessions(self.revised),
            ),
            line("sessions", "taken in by another", self.absorbed, None),
        ];
        let all = self.summed.finish()?;
        let sums: Vec<u64> = all
            .values()
            .flatten()
            .map(|group| u64::try_from(group.sum).unwrap_or_default())
            .collect();
        let facts = sums.first().copied().unwrap_or_default();
        for ((_, name), sum) in SUMMED.iter().zip(&sums) {
            let share = (*name == "orphans").then(|| Cell::share(*sum, facts + *sum));
            rows.push(line("signals", name, *sum, share));
        }
        for ((_, name), tally) in GROUPED.iter().zip(self.grouped) {
            for (by, groups) in tally.finish()? {
                let count = groups.iter().map(|group| group.rows).sum();
                let value = match by.first() {
                    None | Some(Word::Null) => NONE.to_owned(),
                    Some(word) => word.to_string(),
                };
                rows.push(line(name, &value, count, of_sessions(count)));
            }
        }
        for (code, count) in &self.warnings {
            rows.push(line("warnings", code, *count, of_sessions(*count)));
        }
        Ok(rows)
    }
}
