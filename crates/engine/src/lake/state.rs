//! How far the lake is: one row of the store, changed before and after each change of files.
use std::ops::Bound;

use serde::{Deserialize, Serialize};
use sessionary_core::time::UnixMillis;
use sessionary_store::{Direction, Durability, Read, Rows, Store, Table, keys::LAKE_QUEUE};

use crate::{
    EngineError,
    rows::{decode, encode},
};

/// Where it lies in the table `Lake`.
const STATE_KEY: &[u8] = b"s";

/// How far the lake is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The number of the next files.
    pub(crate) number: u64,
    /// How often the lake was begun: that of the files which all of this is about.
    #[serde(default)]
    pub(crate) generation: u64,
    /// Everything in the queue up to this key is in the lake.
    pub(crate) done: Vec<u8>,
    /// Records of before there was a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<History>,
    /// Files, by folder and name, whose rows lie in others: they go when nobody reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) trash: Vec<String>,
    /// What is being done to the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<Plan>,
}

/// Records that were cut before the queue began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    /// When it began.
    pub(crate) until: UnixMillis,
    /// The key of the last one that is in the lake.
    pub(crate) done: Vec<u8>,
}

/// A change of the files. It is durable before the first of them is touched, and says all that is
/// needed to do it again from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Plan {
    /// Records of the queue up to a key, into files of a number.
    Append { until: Vec<u8>, number: u64 },
    /// Records of before there was a queue, up to the key of one.
    History { until: Vec<u8>, number: u64 },
    /// The files of a folder, into files of a number.
    Compact { folder: String, inputs: Vec<String>, number: u64 },
}

impl State {
    /// As the store has it; `None`: there was no lake yet.
    pub(crate) fn read(store: &impl Read) -> Result<Option<State>, EngineError> {
        let row = store.get(Table::Lake, STATE_KEY)?;
        row.map(|row| decode("the state of the lake", &row)).transpose()
    }

    /// Makes it durable, with the keys of the queue that are done with.
    pub(crate) fn write(
        &self,
        store: &Store,
        done: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), EngineError> {
        let mut rows = Rows::new();
        done.into_iter().for_each(|key| rows.delete(Table::Lake, key));
        rows.put(Table::Lake, STATE_KEY, encode(self));
        Ok(store.write(rows, Durability::Synced)?)
    }

    /// A number that no files have.
    pub(crate) fn take_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

/// Forgets how far the lake is, and what waits for it: for a server that writes none. When one writes
/// it again, everything is written.
///
/// # Errors
/// The store's.
pub fn forget(store: &Store) -> Result<(), EngineError> {
    let mut rows = Rows::new();
    for row in store.scan_prefix(Table::Lake, &[], Direction::Forward) {
        rows.delete(Table::Lake, row?.0);
    }
    Ok(store.write(rows, Durability::Synced)?)
}

/// Has everything written once more by the next writer, into files with names of their own: what is
/// written is a lake of another generation.
///
/// # Errors
/// The store's.
pub fn begin_again(store: &Store) -> Result<(), EngineError> {
    let Some(state) = State::read(store)? else { return Ok(()) };
    State { generation: state.generation + 1, plan: None, ..state }.write(store, [])
}

/// Keys of the queue behind one, in their order, so many at most.
pub(crate) fn queued(
    store: &impl Read,
    behind: &[u8],
    most: usize,
) -> Result<Vec<Vec<u8>>, EngineError> {
    queue(store, behind).take(most).collect()
}

/// All keys of the queue up to one.
pub(crate) fn queued_until(store: &impl Read, until: &[u8]) -> Result<Vec<Vec<u8>>, EngineError> {
    let until = |key: &Result<Vec<u8>, EngineError>| {
        key.as_ref().map_or(true, |key| key.as_slice() <= until)
    };
    queue(store, LAKE_QUEUE).take_while(until).collect()
}

fn queue<R: Read>(
    store: &R,
    behind: &[u8],
) -> impl Iterator<Item = Result<Vec<u8>, EngineError>> + use<R> {
    let range = (Bound::Excluded(behind), Bound::Unbounded);
    let rows = store.scan(Table::Lake, range, Direction::Forward);
    let keys = rows.map(|row| Ok(row?.0));
    keys.take_while(|key| key.as_ref().map_or(true, |key: &Vec<u8>| key.starts_with(LAKE_QUEUE)))
}
