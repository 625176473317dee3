//! How contacts were served: answered or abandoned, after which wait, how long, and what came of it.
//!
//! A contact is a session with a leg, or of a channel on which somebody answers. By queue and by agent
//! it counts once for each queue or agent of its legs, with the times of those legs; in the totals it
//! counts once.
use std::{collections::BTreeMap, sync::Arc};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::{
    Asked, Breakdown, Cell, Column, Report, SessionBatches,
    money::{self, Money},
    report::NONE,
    sift::{Sift, Table},
    tally::{Measure, Takings, Tally, batch, flags, heads, labelled, names, numbers},
};
use crate::{LakeError, Word, operators::Group};

mod contacts;

use contacts::{Contact, Contacts, End, Outcome};

const COLUMNS: [&str; 14] = [
    "legs",
    "channel",
    "answered_by",
    "call_direction",
    "wait_ms",
    "hold_ms",
    "handle_ms",
    "transfers",
    "rating_value",
    "disposition_class",
    "queue_name",
    "agent_name",
    "disposition_agent",
    "integration_agent_id",
];

/// What is counted and added up, in the order in which [`cells`] reads it.
const MEASURES: [Measure; 7] = [
    (Some("answered"), Some("wait")),
    (Some("abandoned"), Some("hold")),
    (Some("within"), Some("talk")),
    (Some("waited"), Some("handle")),
    (Some("converted"), Some("transfers")),
    (Some("could_convert"), Some("rating")),
    (None, None),
];

pub(super) fn answer(asked: &Asked, source: &dyn SessionBatches) -> Result<Report, LakeError> {
    let (mut groups, mut all) = (Served::new(names(asked))?, Served::new(Vec::new())?);
    let mut contacts = 0;
    let mut sift = Sift::new(asked, 0);
    let columns: Vec<&'static str> = COLUMNS.into_iter().chain(money::COLUMNS).collect();
    sift.each(source, &columns, |rows: &RecordBatch| {
        let read = Contacts::of(rows)?;
        let money = Money::of(rows)?;
        let whole: Vec<Contact> = (0..rows.num_rows()).filter_map(|row| read.at(row)).collect();
        contacts += whole.len();
        all.push(asked, &[], &whole, &money)?;
        let parts: Vec<Contact> = whole.iter().flat_map(|one| read.parts(asked, one)).collect();
        groups.push(asked, &labelled(asked, rows)?, &parts, &money)
    })?;
    let (rows, currencies) = groups.finish(asked)?;
    let (totals, _) = all.finish(asked)?;
    let totals = totals
        .into_iter()
        .next()
        .map(|total| vec![Cell::Nothing; asked.by.len()].into_iter().chain(total).collect());
    let columns = heads(asked).into_iter().chain(heads_of_measures()).chain(currencies);
    let table = Table { columns: columns.collect(), rows, totals, bar: Some("contacts") };
    let notes = if contacts == 0 { vec![no_contact()] } else { Vec::new() };
    Ok(sift.report(source, table, notes))
}

fn no_contact() -> String {
    "None of the sessions is a contact: none has a leg, and none is a call, a chat or a message."
        .to_owned()
}

/// What is known of contacts, by group.
struct Served {
    tally: Tally,
    takings: Takings,
    waits: BTreeMap<Vec<Word>, Vec<i64>>,
    by: Vec<String>,
}

impl Served {
    fn new(by: Vec<String>) -> Result<Served, LakeError> {
        Ok(Served {
            tally: Tally::new(&by, &MEASURES)?,
            takings: Takings::new(by.clone())?,
            waits: BTreeMap::new(),
            by,
        })
    }

    fn push(
        &mut self,
        asked: &Asked,
        labels: &[ArrayRef],
        contacts: &[Contact],
        money: &Money,
    ) -> Result<(), LakeError> {
        let groups = groups(asked, labels, contacts)?;
        for (row, contact) in contacts.iter().enumerate() {
            if let Some(wait) = contact.wait {
                let by = groups.iter().map(|column| word(column, row)).collect();
                self.waits.entry(by).or_default().push(wait);
            }
        }
        let revenue: Vec<_> = contacts.iter().map(|contact| money.at(contact.row)).collect();
        self.takings.push(&groups, &revenue)?;
        let flag =
            |name, of: &dyn Fn(&Contact) -> bool| flags(name, contacts.iter().map(of).collect());
        let number = |name, of: fn(&Contact) -> Option<i64>| {
            numbers(name, contacts.iter().map(of).collect())
        };
        let most = i64::try_from(asked.options.threshold_ms).unwrap_or(i64::MAX);
        self.tally.push(&batch(self.by.iter().cloned().zip(groups).chain([
            flag("answered", &|one| one.end == End::Answered),
            flag("abandoned", &|one| one.end == End::Abandoned),
            flag("within", &|one| {
                one.end == End::Answered && one.wait.is_some_and(|wait| wait <= most)
            }),
            flag("waited", &|one| one.wait.is_some() && one.end != End::NotReached),
            flag("converted", &|one| one.outcome == Outcome::Converted),
            flag("could_convert", &|one| one.outcome != Outcome::OutsideRates),
            number("wait", |contact| contact.wait),
            number("hold", |contact| contact.hold),
            number("talk", |contact| contact.talk),
            number("handle", |contact| contact.handle),
            number("transfers", |contact| contact.transfers),
            number("rating", |contact| contact.rating),
        ]))?)
    }

    fn finish(mut self, asked: &Asked) -> Result<(Vec<Vec<Cell>>, Vec<Column>), LakeError> {
        let revenue = self.takings.finish()?;
        let mut rows = Vec::new();
        for (by, groups) in self.tally.finish()? {
            let mut waits = self.waits.remove(&by).unwrap_or_default();
            waits.sort_unstable();
            let labels = by.iter().map(Cell::word);
            rows.push(labels.chain(cells(&groups, &waits)).chain(revenue.of(&by)).collect());
        }
        // A queue or an agent that had no part in a session is none of the groups.
        let legs = [Breakdown::Queue, Breakdown::Agent];
        if asked.by.iter().any(|by| legs.contains(by)) && rows.len() > 1 {
            rows.sort_by_key(|row: &Vec<Cell>| row.contains(&Cell::Text(NONE.to_owned())));
        }
        Ok((rows, revenue.columns().collect()))
    }
}

fn word(column: &ArrayRef, row: usize) -> Word {
    use arrow::array::{Array, AsArray};
    match column.as_string_opt::<i32>() {
        Some(texts) if texts.is_valid(row) => Word::Text(texts.value(row).into()),
        _ => Word::Null,
    }
}

/// The labels of contacts: of their row, but for a queue or an agent of their own.
fn groups(
    asked: &Asked,
    labels: &[ArrayRef],
    contacts: &[Contact],
) -> Result<Vec<ArrayRef>, LakeError> {
    let rows = contacts.iter().map(|contact| i64::try_from(contact.row).unwrap_or_default());
    let rows: Int64Array = rows.collect();
    let column = |(by, labels): (&Breakdown, &ArrayRef)| -> Result<ArrayRef, LakeError> {
        let own: Option<fn(&Contact) -> Option<&str>> = match by {
            Breakdown::Queue => Some(|contact| contact.queue.as_deref()),
            Breakdown::Agent => Some(|contact| contact.agent.as_deref()),
            _ => None,
        };
        Ok(match own {
            Some(own) => Arc::new(contacts.iter().map(own).collect::<StringArray>()),
            None => arrow::compute::take(labels, &rows, None)?,
        })
    };
    asked.by.iter().zip(labels).map(column).collect()
}

fn heads_of_measures() -> Vec<Column> {
    [
        ("contacts", "contacts"),
        ("answered", "contacts"),
        ("abandoned", "contacts"),
        ("abandoned_share", "share"),
        ("wait_mean", "ms"),
        ("wait_p50", "ms"),
        ("wait_p90", "ms"),
        ("wait_max", "ms"),
        ("hold_mean", "ms"),
        ("talk_mean", "ms"),
        ("handle_mean", "ms"),
        ("service_level", "share"),
        ("transfers", "transfers"),
        ("rating_mean", "1 to 4"),
        ("ratings", "ratings"),
        ("conversions", "contacts"),
        ("conversion_rate", "share"),
    ]
    .into_iter()
    .map(|(name, unit)| Column::of(name, unit))
    .collect()
}

fn cells(groups: &[Group], waits: &[i64]) -> Vec<Cell> {
    let counted = |at: usize| groups.get(at).map_or(0, |group| group.counted);
    let mean = |at: usize| Cell::number(groups.get(at).and_then(Group::mean));
    let (contacts, answered, abandoned) =
        (groups.first().map_or(0, |group| group.rows), counted(0), counted(1));
    let transfers = groups.get(4).map_or(0, |group| u64::try_from(group.sum).unwrap_or_default());
    vec![
        Cell::Count(contacts),
        Cell::Count(answered),
        Cell::Count(abandoned),
        Cell::share(abandoned, answered + abandoned),
        mean(0),
        rank(waits, 50),
        rank(waits, 90),
        rank(waits, 100),
        mean(1),
        mean(2),
        mean(3),
        Cell::share(counted(2), counted(3)),
        Cell::Count(transfers),
        mean(5),
        Cell::Count(groups.get(5).map_or(0, |group| group.values)),
        Cell::Count(counted(4)),
        Cell::share(counted(4), counted(5)),
    ]
}

/// The least of the sorted numbers that so many percent of them do not exceed.
fn rank(sorted: &[i64], percent: usize) -> Cell {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    let number = sorted.get(at).and_then(|number| u64::try_from(*number).ok());
    number.map_or(Cell::Nothing, Cell::Count)
}
