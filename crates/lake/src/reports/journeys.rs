//! What led people to us: the arrivals of all their sessions, calls and clicks in one path.
//!
//! A session converts when its outcome is of the class conversion. The conversion stands at its last
//! arrival before the last order, or before its end where there is none: what led to the session leads
//! to it.
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use sessionary_core::time::UnixMillis;

use super::{
    Asked, Breakdown, SessionBatches,
    columns::{Numbers, Objects, Texts, numbers_of, objects_of, texts_of},
    labels::{DIRECT, medium_of, source_of},
    money::{self, Money},
    persons::Persons,
    sift::Sift,
    tally::{batch, flags, numbers},
};
use crate::{
    LakeError, Member, People, Split,
    operators::{Operator as _, TouchColumns, TouchTable, Touches},
};

const COLUMNS: [&str; 6] =
    ["identities", "touches", "channel", "ended_at", "started_at", "disposition_class"];
/// One thread: a report is one of several things that a server does.
pub(super) const THREADS: NonZeroUsize = NonZeroUsize::MIN;

/// An arrival.
#[derive(Clone, Debug)]
struct Arrival {
    /// The session, by the number of its row.
    session: usize,
    at: i64,
    label: Option<String>,
    /// Whether the session began in the range that was asked for.
    inside: bool,
    converted: bool,
    revenue: BTreeMap<String, i64>,
}

/// The arrivals of all persons, in order.
pub(super) struct Journeys {
    arrivals: Vec<Arrival>,
    persons: Vec<i64>,
    /// What a reader must know of persons.
    pub(super) note: Option<String>,
}

/// Which arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those of sessions in the range, and what led to them.
    All,
    /// Those of sessions in the range.
    Inside,
}

impl Journeys {
    /// Reads the arrivals of sessions in the range, and those up to `before_ms` before it.
    pub(super) fn read<'a>(
        asked: &'a Asked,
        source: &dyn SessionBatches,
        before_ms: u64,
    ) -> Result<(Journeys, Sift<'a>), LakeError> {
        let by = asked.by.first().copied().unwrap_or(Breakdown::Source);
        let mut sift = Sift::new(asked, before_ms);
        let (mut arrivals, mut persons, mut sessions) = (Vec::new(), Persons::default(), 0);
        let columns: Vec<&'static str> = COLUMNS.into_iter().chain(money::COLUMNS).collect();
        sift.each(source, &columns, |rows: &RecordBatch| {
            persons.push(rows)?;
            let read = Read::of(rows, by)?;
            for row in 0..rows.num_rows() {
                read.arrivals(row, sessions, asked.from, &mut arrivals);
                sessions += 1;
            }
            Ok(())
        })?;
        let (note, persons) = (persons.note(), persons.numbers());
        arrivals.sort_by(|one: &Arrival, other: &Arrival| {
            let key = |arrival: &Arrival| (arrival.at, persons.get(arrival.session).copied());
            key(one).cmp(&key(other)).then_with(|| one.label.cmp(&other.label))
        });
        Ok((Journeys { arrivals, persons, note }, sift))
    }

    /// How many conversions there are in the range.
    pub(super) fn conversions(&self) -> u64 {
        self.arrivals.iter().filter(|arrival| arrival.converted).count() as u64
    }

    /// What they brought, by currency, in millionths.
    pub(super) fn revenue(&self) -> BTreeMap<String, i128> {
        let mut sums = BTreeMap::new();
        for (currency, amount) in self.arrivals.iter().flat_map(|arrival| &arrival.revenue) {
            *sums.entry(currency.clone()).or_default() += i128::from(*amount);
        }
        sums
    }

    pub(super) fn labels(&self) -> BTreeSet<Option<&str>> {
        self.arrivals.iter().map(|arrival| arrival.label.as_deref()).collect()
    }

    /// The rows that operators read; `revenue` is that of one currency.
    pub(super) fn rows(
        &self,
        which: Which,
        currency: Option<&str>,
    ) -> Result<RecordBatch, LakeError> {
        let chosen = self.arrivals.iter().filter(|one| one.inside || which == Which::All);
        let chosen: Vec<&Arrival> = chosen.collect();
        let person = |arrival: &&Arrival| self.persons.get(arrival.session).copied();
        let revenue =
            |arrival: &&Arrival| currency.and_then(|name| arrival.revenue.get(name).copied());
        let labels: StringArray = chosen.iter().map(|arrival| arrival.label.as_deref()).collect();
        let ranks = (0_i64..).zip(&chosen).map(|(rank, _)| Some(rank));
        batch([
            numbers("person", chosen.iter().map(person).collect()),
            numbers("at", chosen.iter().map(|arrival| Some(arrival.at)).collect()),
            numbers("rank", ranks.collect()),
            ("label".to_owned(), Arc::new(labels) as ArrayRef),
            flags("converted", chosen.iter().map(|arrival| arrival.converted).collect()),
            numbers("revenue", chosen.iter().map(revenue).collect()),
        ])
    }

    /// The path table of the operators.
    pub(super) fn table(&self, which: Which, currency: Option<&str>) -> Result<Touches, LakeError> {
        let columns = TouchColumns {
            key: "person".to_owned(),
            at: "at".to_owned(),
            rank: Some("rank".to_owned()),
            channel: "label".to_owned(),
            converted: Member::new("converted", [true]),
            revenue: Some("revenue".to_owned()),
        };
        let split = Split::for_rows(self.arrivals.len() as u64);
        // Sessions have the numbers of persons already.
        let mut table = TouchTable::new(&columns, People::strangers(split));
        table.push(&self.rows(which, currency)?)?;
        table.finish()
    }
}

/// The columns of a batch.
struct Read {
    by: Breakdown,
    started: Numbers,
    ended: Numbers,
    channels: Texts,
    classes: Texts,
    touches: Objects,
    at: Numbers,
    rules: Texts,
    /// The first of these that says something is the arrival's value.
    values: Vec<Texts>,
    money: Money,
    orders: Objects,
    ordered_at: Numbers,
}

impl Read {
    fn of(batch: &RecordBatch, by: Breakdown) -> Result<Read, LakeError> {
        let touches = objects_of(batch, "touches")?;
        let members: &[&str] = match by {
            Breakdown::Medium => &["medium"],
            Breakdown::Campaign => &["campaign_name", "campaign_id"],
            Breakdown::Channel => &[],
            _ => &["source"],
        };
        let orders = objects_of(batch, "orders")?;
        Ok(Read {
            by,
            started: numbers_of(batch, "started_at")?,
            ended: numbers_of(batch, "ended_at")?,
            channels: texts_of(batch, "channel")?,
            classes: texts_of(batch, "disposition_class")?,
            at: touches.numbers("at")?,
            rules: touches.texts("rule")?,
            values: members.iter().map(|name| touches.texts(name)).collect::<Result<_, _>>()?,
            touches,
            money: Money::of(batch)?,
            ordered_at: orders.numbers("at")?,
            orders,
        })
    }

    /// Adds the arrivals of a row; a session without one arrives at its beginning, from nowhere.
    fn arrivals(
        &self,
        row: usize,
        session: usize,
        from: Option<UnixMillis>,
        to: &mut Vec<Arrival>,
    ) {
        let inside = self.started.at(row) >= from.map(|from| from.0);
        let arrival = |at: i64, label: Option<String>| Arrival {
            session,
            at,
            label,
            inside,
            converted: false,
            revenue: BTreeMap::new(),
        };
        let first = to.len();
        for touch in self.touches.of(row) {
            let Some(at) = self.at.at(touch) else { continue };
            to.push(arrival(at, self.label(row, touch)));
        }
        if to.len() == first {
            let at = self.started.at(row).unwrap_or_default();
            to.push(arrival(at, self.unled(row)));
        }
        if !inside || self.classes.at(row) != Some("conversion") {
            return;
        }
        let ordered = self.orders.of(row).filter_map(|order| self.ordered_at.at(order)).max();
        let moment = ordered.or_else(|| self.ended.at(row)).unwrap_or(i64::MAX);
        let own = to.get_mut(first..).unwrap_or_default();
        let led = own.iter().rposition(|arrival| arrival.at <= moment).unwrap_or(0);
        if let Some(arrival) = own.get_mut(led) {
            arrival.converted = true;
            arrival.revenue = self.money.at(row);
        }
    }

    fn label(&self, row: usize, touch: usize) -> Option<String> {
        if self.rules.at(touch) == Some("direct") {
            return self.unled(row);
        }
        match self.by {
            Breakdown::Channel => self.channels.at(row).map(str::to_owned),
            _ => self.values.iter().find_map(|texts| texts.at(touch)).map(str::to_owned),
        }
    }

    /// The value of an arrival that names no source: that of its channel, or `direct`.
    fn unled(&self, row: usize) -> Option<String> {
        let channel = self.channels.at(row);
        if source_of(channel) == DIRECT {
            return Some(DIRECT.to_owned());
        }
        match self.by {
            Breakdown::Channel => channel.map(str::to_owned),
            Breakdown::Medium => medium_of(channel).map(str::to_owned),
            Breakdown::Campaign => None,
            _ => Some(source_of(channel).to_owned()),
        }
    }
}
