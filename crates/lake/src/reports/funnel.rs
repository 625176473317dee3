//! How far people get along steps, and how long a step takes them.
use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::{
    Asked, Cell, Column, Report, SessionBatches,
    asked::Who,
    labels::labels,
    persons::Persons,
    report::NONE,
    sift::{Sift, Table},
    tally::{batch, heads, numbers},
};
use crate::{
    LakeError, Split,
    operators::{FunnelParameters, Operator as _, Timed, TimedFunnel},
};

mod moments;
mod step;

use moments::Moments;
pub(super) use step::Step;

/// That a session did what a step asks for.
struct Done {
    session: usize,
    at: i64,
    step: i64,
}

pub(super) fn answer(asked: &Asked, source: &dyn SessionBatches) -> Result<Report, LakeError> {
    let steps = &asked.options.steps;
    let (mut persons, mut sessions) = (Persons::default(), 0);
    let mut done: BTreeMap<Option<String>, Vec<Done>> = BTreeMap::new();
    let mut sift = Sift::new(asked, 0);
    sift.each(source, &moments::COLUMNS, |rows: &RecordBatch| {
        persons.push(rows)?;
        let moments = Moments::of(rows)?;
        let by = asked.by.first().map(|by| labels(*by, rows, &asked.clock)).transpose()?;
        for row in 0..rows.num_rows() {
            let label = by.as_ref().and_then(|labels| labels.get(row).cloned().flatten());
            let group = done.entry(label).or_default();
            for (number, step) in (0..).zip(steps) {
                let moment = moments.at(row, step);
                group.extend(moment.map(|at| Done { session: sessions, at, step: number }));
            }
            sessions += 1;
        }
        Ok(())
    })?;
    let note = persons.note().filter(|_| asked.options.who == Who::Person);
    let persons = match asked.options.who {
        Who::Person => persons.numbers(),
        Who::Session => (0..).take(sessions).collect(),
    };
    let mut rows = Vec::new();
    for (label, done) in done {
        let timed = walked(asked, &done, &persons)?;
        rows.extend(lines(asked, label.as_deref(), &timed));
    }
    let unit = if asked.options.who == Who::Person { "persons" } else { "sessions" };
    let columns = heads(asked).into_iter().chain([
        Column::of("step", "step"),
        Column::words("name"),
        Column::of(unit, unit),
        Column::of("of_first", "share"),
        Column::of("of_previous", "share"),
        Column::of("median_time", "ms"),
    ]);
    let table = Table { columns: columns.collect(), rows, totals: None, bar: Some(unit) };
    let nominal = steps.iter().any(moments::is_nominal).then(|| NOMINAL.to_owned());
    let notes = nominal.into_iter().chain(note).collect();
    Ok(sift.report(source, table, notes))
}

const NOMINAL: &str = "A session row knows that a stage before the order was reached, not when: it \
                       stands at the beginning of its session, and times to and from it are not \
                       told.";

fn walked(asked: &Asked, done: &[Done], persons: &[i64]) -> Result<Vec<Timed>, LakeError> {
    let steps = 0_i64..i64::try_from(asked.options.steps.len()).unwrap_or_default();
    let parameters = FunnelParameters {
        key: "key".to_owned(),
        at: "at".to_owned(),
        event: "step".to_owned(),
        steps: steps.map(|step| vec![step.into()]).collect(),
        window_ms: asked.options.window_ms,
        order: asked.options.order,
    };
    let mut operator = TimedFunnel::new(&parameters, Split::for_rows(done.len() as u64))?;
    operator.push(&batch([
        numbers("key", done.iter().map(|done| persons.get(done.session).copied()).collect()),
        numbers("at", done.iter().map(|done| Some(done.at)).collect()),
        numbers("step", done.iter().map(|done| Some(done.step)).collect()),
    ])?)?;
    operator.finish()
}

fn lines(asked: &Asked, label: Option<&str>, timed: &[Timed]) -> Vec<Vec<Cell>> {
    let first = timed.first().map_or(0, |timed| timed.keys);
    let before = [None].into_iter().chain(timed.iter().map(|timed| Some(timed.keys)));
    let steps = &asked.options.steps;
    let is_nominal = [false].into_iter().chain(steps.iter().map(moments::is_nominal));
    let line =
        |(((timed, before), step), after_nominal): (((&Timed, Option<u64>), &Step), bool)| {
            let is_told = !after_nominal && !moments::is_nominal(step);
            let label = asked.by.first().map(|_| Cell::Text(label.unwrap_or(NONE).to_owned()));
            let own = [
                Cell::Count(u64::from(timed.step)),
                Cell::Text(step.word().to_owned()),
                Cell::Count(timed.keys),
                Cell::share(timed.keys, first),
                before.map_or(Cell::Nothing, |before| Cell::share(timed.keys, before)),
                timed.median_ms.filter(|_| is_told).map_or(Cell::Nothing, Cell::Count),
            ];
            label.into_iter().chain(own).collect()
        };
    timed.iter().zip(before).zip(steps).zip(is_nominal).map(line).collect()
}
