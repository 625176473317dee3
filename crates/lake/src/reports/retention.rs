//! Who comes back: persons by the ISO week of their first session.
use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::{
    Asked, Cell, Column, Report, SessionBatches,
    clock::{MONDAY_MS, WEEK_MS, week_at},
    columns::numbers_of,
    persons::Persons,
    sift::{Sift, Table},
    tally::{batch, numbers},
};
use crate::{
    LakeError, People, Split,
    operators::{Operator as _, Retained, Retention, RetentionParameters},
};

pub(super) fn answer(asked: &Asked, source: &dyn SessionBatches) -> Result<Report, LakeError> {
    let mut persons = Persons::default();
    let mut days = Vec::new();
    let mut sift = Sift::new(asked, 0);
    sift.each(source, &["identities"], |rows: &RecordBatch| {
        persons.push(rows)?;
        let started = numbers_of(rows, "started_at")?;
        // Weeks of the calendar all have seven days; those of the clock have an hour more or less.
        let day = |row| started.at(row).map(|at| asked.clock.wall(at).calendar_ms());
        days.extend((0..rows.num_rows()).map(day));
        Ok(())
    })?;
    let split = Split::for_rows(days.len() as u64);
    let parameters = RetentionParameters {
        key: "person".to_owned(),
        at: "day".to_owned(),
        origin_ms: MONDAY_MS,
        period_ms: WEEK_MS,
    };
    // Sessions have the numbers of persons already.
    let mut operator = Retention::new(&parameters, People::strangers(split))?;
    let notes = persons.note().into_iter().collect();
    let persons = persons.numbers().into_iter().map(Some).collect();
    operator.push(&batch([numbers("person", persons), numbers("day", days)])?)?;
    let retained = operator.finish()?;
    let all: BTreeMap<i32, u64> =
        retained.iter().filter(|row| row.later == 0).map(|row| (row.cohort, row.persons)).collect();
    let row = |row: &Retained| {
        let cohort = all.get(&row.cohort).copied().unwrap_or_default();
        vec![
            Cell::Text(week_at(row.cohort)),
            Cell::Count(cohort),
            Cell::Count(u64::from(row.later)),
            Cell::Count(row.persons),
            Cell::share(row.persons, cohort),
        ]
    };
    let table = Table {
        columns: vec![
            Column::words("cohort"),
            Column::of("cohort_persons", "persons"),
            Column::of("weeks_later", "weeks"),
            Column::of("persons", "persons"),
            Column::of("share", "share"),
        ],
        rows: retained.iter().map(row).collect(),
        totals: None,
        bar: Some("share"),
    };
    Ok(sift.report(source, table, notes))
}
