//! Ordered reads of the tables, from the store as it is or as it was at one moment.
use crate::{
    engine::{Pairs, Space, View},
    error::StoreError,
    held::{HeldRange, HeldRows, get_over},
    rows::Table,
    store::Store,
};
use std::{cmp::Ordering, iter::Peekable, ops::Bound, ops::RangeBounds};

/// Which way a scan walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Forward,
    /// From the greatest key down.
    Backward,
}

/// A table as it was at one moment; later writes do not change it. Drop it soon: while it lives,
/// rows that were replaced since stay on disk, and the store cannot be reopened. One that is taken
/// while the store is being reopened answers `Reopening`.
#[derive(Clone)]
pub struct Snapshot {
    /// `None` when it was taken while the store was being reopened.
    view: Option<View>,
    /// Rows that lie over it.
    held: Option<HeldRows>,
}

/// What [`Store`] and [`Snapshot`] can both answer, for code that takes either. Both have these
/// methods of their own as well.
pub trait Read {
    /// The value under `key`.
    ///
    /// # Errors
    /// Damage found on the way, or a failed read.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows whose keys lie in `range`, as of the moment of the call. A range that ends before it
    /// begins is empty.
    fn scan<'k>(
        &self,
        table: Table,
        range: impl RangeBounds<&'k [u8]>,
        direction: Direction,
    ) -> Scan;

    /// Rows whose keys begin with `prefix`; all rows when it is empty.
    fn scan_prefix(&self, table: Table, prefix: &[u8], direction: Direction) -> Scan {
        let upper = after_prefix(prefix);
        let upper = upper.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.scan(table, (Bound::Included(prefix), upper), direction)
    }
}

impl Store {
    /// The tables as they are now, for reads that must agree with each other.
    pub fn snapshot(&self) -> Snapshot {
        let held = self.inner.held.rows();
        Snapshot { view: self.inner.live.get().ok().map(|engine| engine.view()), held }
    }

    /// The value under `key`, as it is now.
    ///
    /// # Errors
    /// Damage found on the way, or a failed read.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let engine = self.inner.live.get()?;
        let held = self.inner.held.rows();
        get_over(held.as_ref(), table, key, || engine.get(Space::Table(table), key))
    }

    /// As [`Read::scan`].
    pub fn scan<'k>(
        &self,
        table: Table,
        range: impl RangeBounds<&'k [u8]>,
        direction: Direction,
    ) -> Scan {
        self.snapshot().scan(table, range, direction)
    }

    /// As [`Read::scan_prefix`].
    pub fn scan_prefix(&self, table: Table, prefix: &[u8], direction: Direction) -> Scan {
        self.snapshot().scan_prefix(table, prefix, direction)
    }
}

impl Snapshot {
    /// The value under `key`, as it was.
    ///
    /// # Errors
    /// Damage found on the way, or a failed read.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let view = self.view.as_ref().ok_or(StoreError::Reopening)?;
        get_over(self.held.as_ref(), table, key, || view.get(Space::Table(table), key))
    }

    /// As [`Read::scan`].
    pub fn scan<'k>(
        &self,
        table: Table,
        range: impl RangeBounds<&'k [u8]>,
        direction: Direction,
    ) -> Scan {
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        let held = self.held.clone().map(|rows| {
            let (lower, upper) = (bounds.0.map(<[u8]>::to_vec), bounds.1.map(<[u8]>::to_vec));
            HeldRange { rows, table, lower, upper, direction }.peekable()
        });
        let range = |view: &View| {
            let pairs = view.range(Space::Table(table), bounds, direction).peekable();
            Merged { pairs, held, direction }
        };
        Scan(self.view.as_ref().map(range).ok_or(Some(StoreError::Reopening)))
    }

    /// As [`Read::scan_prefix`].
    pub fn scan_prefix(&self, table: Table, prefix: &[u8], direction: Direction) -> Scan {
        Read::scan_prefix(self, table, prefix, direction)
    }
}

macro_rules! reads {
    ($($reader:ty),*) => {$(
        impl Read for $reader {
            fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
                self.get(table, key)
            }

            fn scan<'k>(
                &self,
                table: Table,
                range: impl RangeBounds<&'k [u8]>,
                direction: Direction,
            ) -> Scan {
                self.scan(table, range, direction)
            }
        }
    )*};
}

reads!(Store, Snapshot);

/// Keys and values of one range, in the order asked for. Damage is an item, after which the
/// caller should stop. While it lasts the store cannot be reopened.
pub struct Scan(Result<Merged, Option<StoreError>>);

impl Iterator for Scan {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Ok(Merged { pairs, held: None, .. }) => pairs.next(),
            Ok(merged) => merged.next(),
            Err(refusal) => refusal.take().map(Err),
        }
    }
}

/// Rows of the engine, and those that lie over them.
struct Merged {
    pairs: Peekable<Pairs>,
    held: Option<Peekable<HeldRange>>,
    direction: Direction,
}

impl Iterator for Merged {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let held = self.held.as_mut()?;
            let order = match (self.pairs.peek(), held.peek()) {
                (_, None) | (Some(Err(_)), _) => return self.pairs.next(),
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok((key, _))), Some((over, _))) => match self.direction {
                    Direction::Forward => key.cmp(over),
                    Direction::Backward => over.cmp(key),
                },
            };
            match order {
                Ordering::Less => return self.pairs.next(),
                Ordering::Equal => drop(self.pairs.next()),
                Ordering::Greater => {}
            }
            if let (key, Some(value)) = held.next()? {
                return Some(Ok((key, value)));
            }
        }
    }
}

/// The smallest key behind all keys that begin with `prefix`; `None` when there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut after = prefix.get(..=last)?.to_vec();
    *after.last_mut()? += 1;
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff\xff"), None);
        assert_eq!(after_prefix(b""), None);
    }
}
