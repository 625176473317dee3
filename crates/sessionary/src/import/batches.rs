//! Rows gathered into batches.
use sessionary_core::signal::Signal;

use super::decoding::{Fault, Item, Unreadable};

/// What to hand on together, and how far the file is behind once it is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// At most as many as asked for, more only where one row makes more.
    pub(crate) signals: Vec<Signal>,
    /// Rows that could not be read.
    pub(crate) unreadable: Vec<Unreadable>,
    /// Number of the last row in it.
    pub(crate) through: u64,
}

/// Gathers whole rows: a row is never in two batches, so a cursor never lies inside one.
pub(crate) struct Batches<I> {
    items: I,
    /// A row that did not fit into the batch before.
    waiting: Option<Item>,
    behind: u64,
    signals_max: usize,
    broken: Option<String>,
}

impl<I: Iterator<Item = Result<Item, Fault>>> Batches<I> {
    /// Batches of the rows after number `behind`.
    pub(crate) fn new(items: I, behind: u64, signals_max: usize) -> Batches<I> {
        Batches { items, waiting: None, behind, signals_max, broken: None }
    }

    fn next_item(&mut self) -> Option<Result<Item, Fault>> {
        self.waiting.take().map(Ok).or_else(|| self.items.next())
    }
}

impl<I: Iterator<Item = Result<Item, Fault>>> Iterator for Batches<I> {
    /// A batch, or what is wrong with the file, after which there is no next.
    type Item = Result<Batch, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(broken) = self.broken.take() {
            return Some(Err(broken));
        }
        let mut batch = Batch::default();
        while let Some(item) = self.next_item() {
            match item {
                Ok(item) if item.row <= self.behind => {}
                Ok(item) => {
                    let signals = batch.signals.len() + item.signals.len();
                    if !batch.signals.is_empty() && signals > self.signals_max {
                        self.waiting = Some(item);
                        break;
                    }
                    batch.through = item.row;
                    batch.signals.extend(item.signals);
                }
                Err(Fault::Row(row)) if row.row <= self.behind => {}
                Err(Fault::Row(row)) => {
                    batch.through = row.row;
                    batch.unreadable.push(row);
                    if batch.unreadable.len() >= self.signals_max {
                        break;
                    }
                }
                Err(Fault::File(broken)) => {
                    self.broken = Some(broken);
                    break;
                }
            }
        }
        if batch.through > 0 {
            return Some(Ok(batch));
        }
        self.broken.take().map(Err)
    }
}
