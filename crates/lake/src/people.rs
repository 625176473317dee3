//! Who is who: visitors that belong to one person.
use std::{num::NonZeroUsize, sync::Arc};

use arrow::record_batch::RecordBatch;

use crate::{
    LakeError, Split,
    columns::{Digests, Key},
    parts::{Part, Parts, Row, spread},
};

/// Gathers links from rows of two columns: somebody's name in the data, and the person it belongs to.
#[derive(Clone, Debug)]
pub struct Links {
    from: Digests,
    to: Digests,
    rows: Parts<Link>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    from: Key,
    to: Key,
}

impl Row for Link {
    fn key(&self) -> Key {
        self.from
    }
}

impl Links {
    /// The columns `from` and `to`. The split is also that of the operators that ask.
    pub fn new(from: &str, to: &str, split: Split) -> Links {
        let (from, to) = (Digests::of_column(from), Digests::of_column(to));
        Links { from, to, rows: Parts::new(split) }
    }

    /// Takes the links of a batch; a row without either value is none.
    ///
    /// # Errors
    /// A column is missing or of a type that is no key.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let (from, to) = (self.from.read(batch)?, self.to.read(batch)?);
        for (from, to) in from.iter().zip(to) {
            if !from.is_null() && !to.is_null() {
                self.rows.push(Link { from: (*from).into(), to: (*to).into() });
            }
        }
        Ok(())
    }

    /// All links of several threads.
    pub fn people(threads: impl IntoIterator<Item = Links>) -> People {
        let links: Vec<Parts<Link>> = threads.into_iter().map(|links| links.rows).collect();
        let split = links.first().map(Parts::split).unwrap_or_default();
        People { split, parts: Arc::new(Parts::together(links)) }
    }
}

/// Who is whose. Somebody without a link is a person of their own; of several links the least person
/// (by digest) holds, so that the answer depends on the set of links alone.
#[derive(Clone, Debug)]
pub struct People {
    split: Split,
    parts: Arc<Vec<Part<Link>>>,
}

impl People {
    /// Nobody is linked to anybody.
    pub fn strangers(split: Split) -> People {
        Links::people([Links::new("", "", split)])
    }

    pub(crate) fn split(&self) -> Split {
        self.split
    }
}

/// A row that can be given to another key.
pub(crate) trait Given: Row {
    fn give_to(&mut self, key: Key);
}

/// Gives all rows to persons: from the key that each has to the person that it belongs to.
pub(crate) fn given<R: Given>(
    rows: Vec<Parts<R>>,
    people: &People,
    threads: NonZeroUsize,
) -> Vec<Part<R>> {
    let split = people.split;
    let parts = Parts::together(rows);
    let pieces: Vec<_> = parts.into_iter().zip(people.parts.iter()).collect();
    let begin = || (Parts::new(split), Table::default());
    let given = spread(pieces, threads, begin, |(given, table), (rows, links)| {
        table.fill(links);
        for row in rows.chunks().flatten() {
            let mut row = *row;
            if let Some(person) = table.person(row.key()) {
                row.give_to(person);
            }
            given.push(row);
        }
    });
    Parts::together(given.into_iter().map(|(parts, _)| parts))
}

/// The links of one part, to look up.
#[derive(Debug, Default)]
struct Table {
    links: Vec<Link>,
    /// Places in `links` plus one, or 0.
    slots: Vec<u32>,
}

impl Table {
    fn fill(&mut self, part: &Part<Link>) {
        let links = part.len();
        assert!(u32::try_from(links).is_ok(), "a part has fewer than 2^32 links");
        self.slots.clear();
        self.slots.resize((links * 2).next_power_of_two(), 0);
        self.links.clear();
        for link in part.chunks().flatten() {
            let place = self.place(link.from);
            #[expect(clippy::cast_possible_truncation, reason = "as many as links at most")]
            let number = self.links.len() as u32 + 1;
            let Some(slot) = self.slots.get_mut(place) else { continue };
            if let Some(known) = slot.checked_sub(1).and_then(|at| self.links.get_mut(at as usize))
            {
                known.to = known.to.min(link.to);
            } else {
                *slot = number;
                self.links.push(*link);
            }
        }
    }

    fn person(&self, from: Key) -> Option<Key> {
        self.at(self.place(from)).map(|link| link.to)
    }

    /// Where the link from there stands, or would.
    fn place(&self, from: Key) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = usize::try_from(from.spread() & mask as u64).unwrap_or(0);
        while self.at(place).is_some_and(|link| link.from != from) {
            place = (place + 1) & mask;
        }
        place
    }

    fn at(&self, place: usize) -> Option<&Link> {
        let number = self.slots.get(place)?.checked_sub(1)?;
        self.links.get(number as usize)
    }
}
