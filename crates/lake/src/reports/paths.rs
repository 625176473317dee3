//! By which sequences of arrivals people come; or what they come to one node from, and go on to.
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};

use super::{
    Asked, Cell, Column, Report, SessionBatches,
    journeys::{Journeys, THREADS, Which},
    report::NONE,
    sift::Table,
    tally::batch,
};
use crate::{
    LakeError, Member, Split,
    operators::{Chains, Operator as _, Path, Paths, PathsParameters, State, Transition},
};

pub(super) fn answer(asked: &Asked, source: &dyn SessionBatches) -> Result<Report, LakeError> {
    let (journeys, sift) = Journeys::read(asked, source, 0)?;
    let mut notes: Vec<String> = journeys.note.iter().cloned().collect();
    let table = match &asked.options.node {
        None => sequences(asked, &journeys)?,
        Some(node) => {
            let table = around(node, &journeys)?;
            if table.rows.is_empty() {
                let known = journeys.labels();
                let known: Vec<&str> = known.into_iter().map(|one| one.unwrap_or(NONE)).collect();
                let some = known.iter().take(20).copied().collect::<Vec<_>>().join(", ");
                notes.push(format!("Nobody came by {node:?}; there are: {some}."));
            }
            table
        }
    };
    Ok(sift.report(source, table, notes))
}

/// Rows for the operator: without a name for nothing, an arrival would be passed over.
fn nodes(journeys: &Journeys) -> Result<RecordBatch, LakeError> {
    let rows = journeys.rows(Which::All, None)?;
    let columns = rows.schema();
    let named = columns.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let column = match column.as_string_opt::<i32>() {
            Some(texts) => Arc::new(
                texts.iter().map(|text| Some(text.unwrap_or(NONE))).collect::<StringArray>(),
            ) as ArrayRef,
            None => Arc::clone(column),
        };
        (field.name().clone(), column)
    });
    batch(named.collect::<Vec<_>>())
}

/// A journey goes on to the arrival that converts, and the next begins behind it.
fn journeys_of(rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
    use std::collections::HashMap;
    let persons = super::columns::numbers_of(rows, "person")?;
    let converted = super::columns::flags_of(rows, "converted")?;
    let mut places: HashMap<Option<i64>, (i64, Vec<usize>)> = HashMap::new();
    let mut keys = vec![None; rows.num_rows()];
    let mut leads = vec![false; rows.num_rows()];
    let mut next = 0;
    // Rows stand in the order of time.
    for row in 0..rows.num_rows() {
        let (journey, so_far) = places.entry(persons.at(row)).or_insert_with(|| {
            next += 1;
            (next, Vec::new())
        });
        so_far.push(row);
        if let Some(key) = keys.get_mut(row) {
            *key = Some(*journey);
        }
        if converted.at(row) == Some(true) {
            for row in so_far.drain(..) {
                if let Some(leads) = leads.get_mut(row) {
                    *leads = true;
                }
            }
            next += 1;
            *journey = next;
        }
    }
    let schema = rows.schema();
    let own = schema.fields().iter().zip(rows.columns());
    let own = own.map(|(field, column)| (field.name().clone(), Arc::clone(column)));
    let more = [super::tally::numbers("journey", keys), super::tally::flags("leads", leads)];
    batch(own.chain(more).collect::<Vec<_>>())
}

fn sequences(asked: &Asked, journeys: &Journeys) -> Result<Table, LakeError> {
    let rows = journeys_of(&nodes(journeys)?)?;
    let split = Split::for_rows(rows.num_rows() as u64);
    let paths_where = |leads: bool| -> Result<Vec<Path>, LakeError> {
        let mut operator = Paths::new(
            PathsParameters {
                key: "journey".to_owned(),
                at: "at".to_owned(),
                node: "label".to_owned(),
                only: Some(Member::new("leads", [leads])),
                length: asked.options.length,
                most: asked.options.most,
                separator: " > ".to_owned(),
            },
            split,
        )?;
        operator.push(&rows)?;
        operator.finish()
    };
    let row = |how: &str, path: Path| {
        vec![Cell::Text(how.to_owned()), Cell::Text(path.path), Cell::Count(path.count)]
    };
    let led = paths_where(true)?.into_iter().map(|path| row("converted", path));
    let lost = paths_where(false)?.into_iter().map(|path| row("not converted", path));
    Ok(Table {
        columns: vec![
            Column::words("journey"),
            Column::words("path"),
            Column::of("times", "times"),
        ],
        rows: led.chain(lost).collect(),
        totals: None,
        bar: Some("times"),
    })
}

/// What comes before a node and after it.
fn around(node: &str, journeys: &Journeys) -> Result<Table, LakeError> {
    let chains = Chains::of(&journeys.table(Which::Inside, None)?, THREADS);
    let is_node = |state: &State| matches!(state, State::Channel(_)) && name(state) == node;
    let into = chains.transitions.iter().filter(|one| is_node(&one.to));
    let out = chains.transitions.iter().filter(|one| is_node(&one.from));
    let row = |way: &str, other: &State, transition: &Transition| {
        vec![Cell::Text(way.to_owned()), Cell::Text(name(other)), Cell::Count(transition.count)]
    };
    let into = into.map(|one| row("from", &one.from, one));
    let out = out.map(|one| row("to", &one.to, one));
    let mut rows: Vec<Vec<Cell>> = into.chain(out).collect();
    let count = |row: &Vec<Cell>| match row.last() {
        Some(Cell::Count(count)) => *count,
        _ => 0,
    };
    rows.sort_by_key(|row| {
        (row.first().cloned() == Some(Cell::Text("to".to_owned())), std::cmp::Reverse(count(row)))
    });
    Ok(Table {
        columns: vec![Column::words("way"), Column::words("node"), Column::of("times", "times")],
        rows,
        totals: None,
        bar: Some("times"),
    })
}

fn name(state: &State) -> String {
    match state {
        State::Start => "(start)".to_owned(),
        State::Converted => "(converted)".to_owned(),
        State::Lost => "(lost)".to_owned(),
        State::Channel(crate::Word::Null) => NONE.to_owned(),
        State::Channel(word) => word.to_string(),
    }
}
