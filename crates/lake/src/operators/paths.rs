//! Paths: which nodes follow one another most often.
use std::{num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{ArrayRef, StringArray, UInt64Array},
    record_batch::RecordBatch,
};

use super::Operator;
use crate::{
    LakeError, Member, Split, Word,
    columns::{Digests, Key, Members, NumberColumn, Symbols, Unit},
    groups::Groups,
    parts::{Part, Parts, Row, divided, spread},
};

mod code;
mod top;

use code::{Code, Coding};
use top::Top;

/// What is asked.
#[derive(Clone, Debug)]
pub struct PathsParameters {
    /// Whose paths, such as a session's; a row without a value is passed over.
    pub key: String,
    /// When; a row without a value is passed over.
    pub at: String,
    /// Where they were; a row without a value is passed over. Nodes of one moment come in their order.
    pub node: String,
    /// Rows to look at, such as page views.
    pub only: Option<Member>,
    /// Nodes of a path, at least 1. As many bits as number the nodes, times this, are at most 128.
    pub length: usize,
    /// How many paths to answer with.
    pub most: usize,
    /// What stands between the nodes of a path.
    pub separator: String,
}

/// A path: so many consecutive nodes of one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// How often it was gone.
    pub count: u64,
    /// Its nodes, with the separator between.
    pub path: String,
}

/// Answers with the most frequent first; of equally frequent ones with the least by bytes.
#[derive(Clone, Debug)]
pub struct Paths {
    parameters: PathsParameters,
    key: Digests,
    at: NumberColumn,
    node: Symbols,
    only: Option<Members>,
    visits: Parts<Visit>,
    rows: u64,
}

/// 24 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    key: Key,
    node: u32,
    at: i64,
}

impl Row for Visit {
    fn key(&self) -> Key {
        self.key
    }
}

impl Paths {
    /// With columns and limits; the split is a guess at how many rows will come.
    ///
    /// # Errors
    /// The length is 0.
    pub fn new(parameters: PathsParameters, split: Split) -> Result<Paths, LakeError> {
        if parameters.length == 0 {
            return Err(LakeError::Parameter("a path has at least 1 node".to_owned()));
        }
        Ok(Paths {
            key: Digests::of_column(&parameters.key),
            at: NumberColumn::new(&parameters.at, Unit::Millis),
            node: Symbols::of_column(&parameters.node),
            only: parameters.only.clone().map(Members::new),
            parameters,
            visits: Parts::new(split),
            rows: 0,
        })
    }
}

impl Operator for Paths {
    type Answer = Vec<Path>;

    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let nothing = self.node.number_of(Word::Null);
        let only = self.only.as_mut().map(|rows| rows.read(batch)).transpose()?;
        let mut only = only.map(<[_]>::iter);
        let nodes = self.node.read(batch)?;
        let times = self.at.read(batch)?;
        for ((key, at), node) in self.key.read(batch)?.iter().zip(times).zip(nodes) {
            let only = only.as_mut().is_none_or(|only| only.next().copied().unwrap_or(false));
            let matters = only && *node != nothing && !key.is_null();
            let Some(at) = at.filter(|_| matters) else { continue };
            self.visits.push(Visit { key: (*key).into(), node: *node, at });
            self.rows += 1;
        }
        Ok(())
    }

    fn together(clones: Vec<Self>, threads: NonZeroUsize) -> Result<Vec<Path>, LakeError> {
        let Some(first) = clones.first() else { return Ok(Vec::new()) };
        let parameters = first.parameters.clone();
        let nodes = Nodes::new(first.node.words());
        let coding = Coding::new(nodes.words.len(), parameters.length)?;
        let work = Work {
            parameters,
            nodes,
            coding,
            threads,
            split: first.visits.split(),
            paths: Split::for_rows(clones.iter().map(|clone| clone.rows).sum::<u64>() / 2),
        };
        let visits = Parts::together(clones.into_iter().map(|clone| clone.visits));
        Ok(if coding.fits::<u64>() { work.most::<u64>(visits) } else { work.most::<u128>(visits) })
    }
}

/// The nodes in their order, which no longer depends on which came first.
struct Nodes {
    words: Vec<Word>,
    /// Of each number that a node was given: its place.
    places: Vec<u32>,
}

impl Nodes {
    fn new(words: Vec<Word>) -> Nodes {
        let mut sorted: Vec<(Word, usize)> = words.into_iter().zip(0..).collect();
        sorted.sort_unstable();
        let mut places = vec![0; sorted.len()];
        for ((_, number), place) in sorted.iter().zip(0_u32..) {
            if let Some(own) = places.get_mut(*number) {
                *own = place;
            }
        }
        Nodes { words: sorted.into_iter().map(|(word, _)| word).collect(), places }
    }

    fn place(&self, number: u32) -> u32 {
        self.places.get(number as usize).copied().unwrap_or_default()
    }
}

struct Work {
    parameters: PathsParameters,
    nodes: Nodes,
    coding: Coding,
    threads: NonZeroUsize,
    split: Split,
    /// How the paths are split to be counted.
    paths: Split,
}

impl Work {
    /// Writes down the paths of each key, then counts equal ones.
    fn most<C: Code>(&self, visits: Vec<Part<Visit>>) -> Vec<Path> {
        let begin = || (Groups::default(), Parts::<C>::new(self.paths));
        let made = spread(visits, self.threads, begin, |(groups, paths), part| {
            for part in divided(part, self.split) {
                groups.each(&part, |_, visits| self.paths_of(visits, paths));
            }
        });
        let paths = Parts::together(made.into_iter().map(|(_, paths)| paths));
        let begin = || Top::<C>::new(self.parameters.most);
        let made = spread(paths, self.threads, begin, |top, part| {
            for part in divided(part, self.paths) {
                top.count(&part);
            }
        });
        let mut top = Top::new(self.parameters.most);
        for other in made {
            top.add(other);
        }
        top.paths(|code| self.text(code))
    }

    fn paths_of<C: Code>(&self, visits: &mut [Visit], paths: &mut Parts<C>) {
        visits.sort_unstable_by_key(|visit| (visit.at, self.nodes.place(visit.node)));
        let mut code = C::default();
        for (visit, nodes) in visits.iter().zip(1..) {
            code = self.coding.then(code, self.nodes.place(visit.node));
            if nodes >= self.parameters.length {
                paths.push(code);
            }
        }
    }

    fn text<C: Code>(&self, code: C) -> String {
        let nodes = self.coding.nodes(code).map(|place| {
            self.nodes.words.get(place as usize).map(Word::to_string).unwrap_or_default()
        });
        nodes.collect::<Vec<_>>().join(&self.parameters.separator)
    }
}

impl Path {
    /// The paths as columns: `path`, `count`.
    ///
    /// # Errors
    /// Never, as the columns are made here; Arrow checks them again.
    pub fn batch(paths: &[Path]) -> Result<RecordBatch, LakeError> {
        let text = StringArray::from_iter_values(paths.iter().map(|path| &path.path));
        let count = UInt64Array::from_iter_values(paths.iter().map(|path| path.count));
        let columns = [("path", Arc::new(text) as ArrayRef), ("count", Arc::new(count))];
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

#[cfg(test)]
mod tests;
