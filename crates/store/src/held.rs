//! Rows held in memory while the disk has no room for them, so that reads go on.
//!
//! Buffered writes come here instead of the disk, and lie over what is on disk for everyone who
//! reads. They need no disk: who writes them can make them again from the journal. To reopen the
//! store is to forget them.
use crate::{
    error::StoreError,
    read::Direction,
    rows::{Rows, Table},
    store::Store,
};
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock},
};

/// Of each table, what was written; `None` for a deletion.
type Tables = BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>>;

/// The rows held at one moment.
#[derive(Clone)]
pub(crate) struct HeldRows(Arc<Tables>);

/// The rows held now; none while writes go to disk.
#[derive(Default)]
pub(crate) struct Held(RwLock<Option<HeldRows>>);

impl Store {
    /// From here until [`Store::reopen`], buffered writes are held in memory, where readers see
    /// them, and all others answer `NoSpace` and change nothing.
    pub fn hold_writes(&self) {
        let mut held = self.inner.held.0.write().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert_with(|| HeldRows(Arc::default()));
    }

    /// Whether writes are held in memory.
    pub fn holds_writes(&self) -> bool {
        self.inner.held.rows().is_some()
    }
}

impl Held {
    pub(crate) fn rows(&self) -> Option<HeldRows> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes rows in; gives them back when they are to go to disk.
    pub(crate) fn take(&self, rows: Rows) -> Option<Rows> {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(HeldRows(tables)) = held.as_mut() else { return Some(rows) };
        let tables = Arc::make_mut(tables);
        for (table, key, value) in rows.into_writes() {
            tables.entry(table).or_default().insert(key, value);
        }
        None
    }

    /// # Errors
    /// `NoSpace` while writes are held.
    pub(crate) fn check(&self, doing: &'static str) -> Result<(), StoreError> {
        self.rows().map_or(Ok(()), |_| Err(StoreError::NoSpace { doing }))
    }
}

/// A row as those held have it, or else as it is below them.
pub(crate) fn get_over(
    held: Option<&HeldRows>,
    table: Table,
    key: &[u8],
    below: impl FnOnce() -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    match held.and_then(|held| held.0.get(&table)?.get(key)) {
        Some(value) => Ok(value.clone()),
        None => below(),
    }
}

/// One range of rows held, in order.
pub(crate) struct HeldRange {
    pub(crate) rows: HeldRows,
    pub(crate) table: Table,
    pub(crate) lower: Bound<Vec<u8>>,
    pub(crate) upper: Bound<Vec<u8>>,
    pub(crate) direction: Direction,
}

impl Iterator for HeldRange {
    type Item = (Vec<u8>, Option<Vec<u8>>);

    fn next(&mut self) -> Option<Self::Item> {
        let bounds = (as_slice(&self.lower), as_slice(&self.upper));
        if crate::engine::is_empty(bounds) {
            return None;
        }
        let mut range = self.rows.0.get(&self.table)?.range::<[u8], _>(bounds);
        let (key, value) = match self.direction {
            Direction::Forward => range.next()?,
            Direction::Backward => range.next_back()?,
        };
        let row = (key.clone(), value.clone());
        let behind = match self.direction {
            Direction::Forward => &mut self.lower,
            Direction::Backward => &mut self.upper,
        };
        *behind = Bound::Excluded(row.0.clone());
        Some(row)
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}
