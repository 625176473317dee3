//! Retention: who comes back, by the period in which they first came.
use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{ArrayRef, Int32Array, UInt64Array},
    record_batch::RecordBatch,
};

use super::Operator;
use crate::{
    LakeError, People,
    columns::{Digests, Key, NumberColumn, Unit},
    groups::Groups,
    parts::{Parts, Row, divided, spread},
    people::{Given, given},
};

/// More periods between a first and a last visit are taken for a mistake.
const PERIODS_MAX: u32 = 100_000;

/// What is asked.
#[derive(Clone, Debug)]
pub struct RetentionParameters {
    /// Who comes; a row without a value is passed over.
    pub key: String,
    /// When; a row without a value is passed over.
    pub at: String,
    /// Where period 0 begins, milliseconds since 1970.
    pub origin_ms: i64,
    /// How long a period is, milliseconds, at least 1: 604,800,000 for weeks.
    pub period_ms: i64,
}

/// How many of those who first came in one period came in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retained {
    /// The period of the first visit; negative before the origin.
    pub cohort: i32,
    /// How many periods later.
    pub later: u32,
    /// How many persons.
    pub persons: u64,
}

/// Answers in the order of cohorts and periods, without those in which nobody came.
#[derive(Clone, Debug)]
pub struct Retention {
    origin_ms: i64,
    period_ms: i64,
    key: Digests,
    at: NumberColumn,
    people: People,
    visits: Parts<Visit>,
}

/// 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    key: Key,
    period: i32,
}

impl Row for Visit {
    fn key(&self) -> Key {
        self.key
    }
}

impl Given for Visit {
    fn give_to(&mut self, key: Key) {
        self.key = key;
    }
}

impl Retention {
    /// With columns and periods; keys that `people` links count as one person.
    ///
    /// # Errors
    /// The period is less than a millisecond.
    pub fn new(parameters: &RetentionParameters, people: People) -> Result<Retention, LakeError> {
        let RetentionParameters { key, at, origin_ms, period_ms } = parameters;
        if *period_ms < 1 {
            return Err(LakeError::Parameter("a period takes at least 1 millisecond".to_owned()));
        }
        Ok(Retention {
            origin_ms: *origin_ms,
            period_ms: *period_ms,
            key: Digests::of_column(key),
            at: NumberColumn::new(at, Unit::Millis),
            visits: Parts::new(people.split()),
            people,
        })
    }
}

impl Operator for Retention {
    type Answer = Vec<Retained>;

    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let keys = self.key.read(batch)?;
        for (key, at) in keys.iter().zip(self.at.read(batch)?) {
            let Some(at) = at.filter(|_| !key.is_null()) else { continue };
            let period = at.saturating_sub(self.origin_ms).div_euclid(self.period_ms);
            let period = i32::try_from(period).map_err(|_| too_many())?;
            self.visits.push(Visit { key: (*key).into(), period });
        }
        Ok(())
    }

    fn together(clones: Vec<Self>, threads: NonZeroUsize) -> Result<Vec<Retained>, LakeError> {
        let Some(people) = clones.first().map(|first| first.people.clone()) else {
            return Ok(Vec::new());
        };
        let rows = clones.into_iter().map(|clone| clone.visits).collect();
        let parts = given(rows, &people, threads);
        let begin = || (Groups::default(), Cohorts::default());
        let made = spread(parts, threads, begin, |(groups, cohorts), part| {
            for part in divided(part, people.split()) {
                groups.each(&part, |_, visits| {
                    visits.sort_unstable_by_key(|visit| visit.period);
                    cohorts.person(visits);
                });
            }
        });
        let mut all = Cohorts::default();
        for (_, cohorts) in made {
            all.add(cohorts);
        }
        if all.too_many { Err(too_many()) } else { Ok(all.retained()) }
    }
}

fn too_many() -> LakeError {
    LakeError::Parameter(format!("more than {PERIODS_MAX} periods; make them longer"))
}

/// Persons by the period of their first visit, and by how many periods later they came.
#[derive(Debug, Default)]
struct Cohorts {
    persons: BTreeMap<i32, Vec<u64>>,
    too_many: bool,
}

impl Cohorts {
    fn person(&mut self, visits: &[Visit]) {
        let Some(cohort) = visits.first().map(|visit| visit.period) else { return };
        let persons = self.persons.entry(cohort).or_default();
        for visit in visits.chunk_by(|one, next| one.period == next.period) {
            let Some(visit) = visit.first() else { continue };
            let later = visit.period.abs_diff(cohort);
            if later > PERIODS_MAX {
                self.too_many = true;
                return;
            }
            add(persons, later as usize, 1);
        }
    }

    fn add(&mut self, other: Cohorts) {
        self.too_many |= other.too_many;
        for (cohort, persons) in other.persons {
            let own = self.persons.entry(cohort).or_default();
            for (later, persons) in persons.into_iter().enumerate() {
                add(own, later, persons);
            }
        }
    }

    fn retained(&self) -> Vec<Retained> {
        let cohorts = self.persons.iter().flat_map(|(cohort, persons)| {
            let persons = (0_u32..).zip(persons).filter(|(_, persons)| **persons > 0);
            persons.map(|(later, persons)| Retained { cohort: *cohort, later, persons: *persons })
        });
        cohorts.collect()
    }
}

fn add(persons: &mut Vec<u64>, later: usize, more: u64) {
    if persons.len() <= later {
        persons.resize(later + 1, 0);
    }
    if let Some(persons) = persons.get_mut(later) {
        *persons += more;
    }
}

impl Retained {
    /// The table as columns: `cohort`, `later`, `persons`.
    ///
    /// # Errors
    /// Never, as the columns are made here; Arrow checks them again.
    pub fn batch(table: &[Retained]) -> Result<RecordBatch, LakeError> {
        let cohort = Int32Array::from_iter_values(table.iter().map(|row| row.cohort));
        let later = UInt64Array::from_iter_values(table.iter().map(|row| u64::from(row.later)));
        let persons = UInt64Array::from_iter_values(table.iter().map(|row| row.persons));
        Ok(RecordBatch::try_from_iter([
            ("cohort", Arc::new(cohort) as ArrayRef),
            ("later", Arc::new(later)),
            ("persons", Arc::new(persons)),
        ])?)
    }
}

#[cfg(test)]
mod tests;
