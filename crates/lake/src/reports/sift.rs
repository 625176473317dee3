//! Which rows an answer is about, and the frame that says so.
use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
};
use sessionary_core::time::UnixMillis;

use super::{
    Asked, Bots, Breakdown, Column, Frame, LeftOut, Report, SessionBatches, Wanted,
    columns::{numbers_of, texts_of},
    labels::labels,
    report::Cell,
};
use crate::LakeError;

/// Columns that are read whatever is asked.
const ALWAYS: [&str; 5] = ["id", "status", "started_at", "revised_at", "bot_class"];

/// Lets rows pass that an answer is about, and counts the others.
pub(super) struct Sift<'a> {
    asked: &'a Asked,
    /// Rows that began so long before the range pass as well, for what leads to those inside.
    before_ms: u64,
    looked_at: u64,
    counted: u64,
    left_out: LeftOut,
    earliest: Option<i64>,
    latest: Option<i64>,
    latest_cut: Option<i64>,
}

impl<'a> Sift<'a> {
    pub(super) fn new(asked: &'a Asked, before_ms: u64) -> Sift<'a> {
        Sift {
            asked,
            before_ms,
            looked_at: 0,
            counted: 0,
            left_out: LeftOut::default(),
            earliest: None,
            latest: None,
            latest_cut: None,
        }
    }

    /// Hands the rows that pass to `take`, batch by batch.
    pub(super) fn each(
        &mut self,
        source: &dyn SessionBatches,
        columns: &[&'static str],
        mut take: impl FnMut(&RecordBatch) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let of = |breakdown: &Breakdown| breakdown.columns().iter().copied();
        let by = self.asked.by.iter().flat_map(of);
        let filters = self.asked.filters.iter().flat_map(|(breakdown, _)| of(breakdown));
        let mut all: Vec<&'static str> = ALWAYS.to_vec();
        for name in columns.iter().copied().chain(by).chain(filters) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        let wanted = Wanted { columns: all, from: self.begins_at(), to: self.asked.to };
        for batch in source.batches(&wanted)? {
            let batch = self.passed(&batch?)?;
            if batch.num_rows() > 0 {
                take(&batch)?;
            }
        }
        Ok(())
    }

    fn begins_at(&self) -> Option<UnixMillis> {
        let before = i64::try_from(self.before_ms).unwrap_or(i64::MAX);
        self.asked.from.map(|from| UnixMillis(from.0.saturating_sub(before)))
    }

    fn passed(&mut self, batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let status = texts_of(batch, "status")?;
        let started = numbers_of(batch, "started_at")?;
        let revised = numbers_of(batch, "revised_at")?;
        let bots = texts_of(batch, "bot_class")?;
        let filters = self.asked.filters.iter().map(|(breakdown, value)| {
            Ok((labels(*breakdown, batch, &self.asked.clock)?, value.as_str()))
        });
        let filters: Vec<_> = filters.collect::<Result<_, LakeError>>()?;
        let (first, from) = (self.begins_at().map(|at| at.0), self.asked.from.map(|at| at.0));
        let to = self.asked.to.map(|at| at.0);
        let mut mask = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            self.looked_at += 1;
            let Some(at) = started.at(row).filter(|_| status.at(row) != Some("merged")) else {
                self.left_out.merged += 1;
                mask.push(false);
                continue;
            };
            self.note(at, revised.at(row));
            let differs = |(labels, value): &(Vec<Option<String>>, &str)| {
                let label = labels.get(row).and_then(Option::as_deref);
                label.unwrap_or(super::report::NONE) != *value
            };
            let is_outside = first.is_some_and(|first| at < first) || to.is_some_and(|to| at >= to);
            let is_bot = self.asked.bots == Bots::LeaveOut && bots.at(row).is_some();
            let is_early = from.is_some_and(|from| at < from);
            let passes = match (is_outside, is_bot, filters.iter().any(differs)) {
                (false, false, false) => true,
                (true, ..) => {
                    self.left_out.outside += 1;
                    false
                }
                (_, true, _) => {
                    self.left_out.bots += u64::from(!is_early);
                    false
                }
                (_, _, true) => {
                    self.left_out.filtered += u64::from(!is_early);
                    false
                }
            };
            if is_early && !is_outside {
                self.left_out.outside += 1;
            }
            self.counted += u64::from(passes && !is_early);
            mask.push(passes);
        }
        Ok(filter_record_batch(batch, &BooleanArray::from(mask))?)
    }

    fn note(&mut self, started: i64, revised: Option<i64>) {
        self.earliest = Some(self.earliest.map_or(started, |known| known.min(started)));
        self.latest = Some(self.latest.map_or(started, |known| known.max(started)));
        self.latest_cut = self.latest_cut.max(revised);
    }

    /// The report with its frame; `rows` may be none.
    pub(super) fn report(
        self,
        source: &dyn SessionBatches,
        table: Table,
        notes: Vec<String>,
    ) -> Report {
        let asked = self.asked;
        let Table { columns, rows, totals, bar } = table;
        let empty = if rows.is_empty() { self.why_empty() } else { None };
        let filters = asked.filters.iter().map(|(breakdown, value)| (breakdown.word(), value));
        let moment = |at: Option<i64>| at.map(UnixMillis);
        let frame = Frame {
            from: asked.from,
            to: asked.to,
            clock: asked.clock.clone(),
            filters: filters.map(|(word, value)| (word, value.clone())).collect(),
            options: asked.told(),
            bots_included: asked.bots == Bots::Include,
            looked_at: self.looked_at,
            counted: self.counted,
            left_out: self.left_out,
            earliest: moment(self.earliest),
            latest: moment(self.latest),
            read_at: source.read_at(),
            latest_cut: moment(self.latest_cut),
            notes: empty.into_iter().chain(notes).collect(),
        };
        Report { name: asked.kind.word(), columns, rows, totals, bar, frame }
    }

    /// Why there is no row: the first of the reasons that left nothing over.
    fn why_empty(&self) -> Option<String> {
        let LeftOut { bots, filtered, outside, .. } = self.left_out;
        let told = |at: Option<i64>| {
            at.map(|at| self.asked.clock.told(UnixMillis(at))).unwrap_or_default()
        };
        if self.counted > 0 {
            return None;
        }
        let why = if self.earliest.is_none() {
            "There is no finished session yet. A session is final 15 minutes after its end, or when \
             its source says that it is complete."
                .to_owned()
        } else if filtered == 0 && bots == 0 {
            let (first, last) = (told(self.earliest), told(self.latest));
            format!(
                "No session began in this range. The {outside} there are began from {first} to {last}."
            )
        } else if filtered == 0 {
            format!(
                "All {bots} sessions of this range were made by machines; `bots=include` counts them."
            )
        } else {
            let filters = self.asked.filters.iter();
            let filters = filters.map(|(by, value)| format!("{}={value}", by.word()));
            let filters: Vec<String> = filters.collect();
            format!(
                "None of the {filtered} sessions of this range that people made has {}.",
                filters.join(" and ")
            )
        };
        Some(why)
    }
}

/// What a report has found.
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) totals: Option<Vec<Cell>>,
    pub(super) bar: Option<&'static str>,
}
