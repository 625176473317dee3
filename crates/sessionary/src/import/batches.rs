//! Rows gathered into batches.
use sessionary_core::signal::Signal;

use super::{
    BATCH_SIGNALS_MAX,
    cursor::Cursor,
    decoding::{Item, Unreadable},
};

/// Signals to hand on together, and how far the file is behind once they are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// 1 to 500, more only where one row makes more.
    pub(crate) signals: Vec<Signal>,
    /// Where to go on when they are taken.
    pub(crate) through: Cursor,
}

/// Gathers whole rows: a row is never in two batches, so a cursor never lies inside one.
pub(crate) struct Batches<I, F> {
    items: I,
    /// A row that did not fit into the batch before.
    waiting: Option<Item>,
    through: Cursor,
    behind: u64,
    fault: F,
}

impl<I, F> Batches<I, F>
where
    I: Iterator<Item = Result<Item, Unreadable>>,
    F: FnMut(Unreadable),
{
    /// Batches of the rows after number `behind`; each row that cannot be read goes to `fault`.
    pub(crate) fn new(items: I, file: String, behind: u64, fault: F) -> Batches<I, F> {
        Batches { items, waiting: None, through: Cursor { file, row: behind }, behind, fault }
    }

    fn next_item(&mut self) -> Option<Item> {
        if let Some(item) = self.waiting.take() {
            return Some(item);
        }
        loop {
            match self.items.next()? {
                Ok(item) if item.row <= self.behind => {}
                Ok(item) => return Some(item),
                Err(fault) => (self.fault)(fault),
            }
        }
    }
}

impl<I, F> Iterator for Batches<I, F>
where
    I: Iterator<Item = Result<Item, Unreadable>>,
    F: FnMut(Unreadable),
{
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let mut signals: Vec<Signal> = Vec::new();
        while let Some(item) = self.next_item() {
            if !signals.is_empty() && signals.len() + item.signals.len() > BATCH_SIGNALS_MAX {
                self.waiting = Some(item);
                break;
            }
            self.through.row = item.row;
            signals.extend(item.signals);
        }
        (!signals.is_empty()).then(|| Batch { signals, through: self.through.clone() })
    }
}
