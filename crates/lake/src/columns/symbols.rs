//! Values that repeat, as small numbers that all threads agree on.
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use arrow::record_batch::RecordBatch;

use super::{Memo, Value, Word, column};
use crate::LakeError;

/// Reads a column as numbers from 0 up, one for each different value. Clones share the numbers; which
/// value gets which depends on who comes first, so answers are ordered by value and never by number.
#[derive(Clone, Debug)]
pub(crate) struct Symbols {
    name: String,
    memo: Memo<u32>,
    /// What this clone has met, so that the shared table is asked once for each value.
    met: HashMap<Box<str>, u32>,
    shared: Shared,
}

#[derive(Clone, Debug, Default)]
struct Shared(Arc<RwLock<Table>>);

#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<Word, u32>,
    words: Vec<Word>,
}

impl Symbols {
    pub(crate) fn of_column(name: &str) -> Symbols {
        let name = name.to_owned();
        Symbols { name, memo: Memo::default(), met: HashMap::new(), shared: Shared::default() }
    }

    /// One for each row; rows without a value get that of [`Word::Null`].
    pub(crate) fn read(&mut self, batch: &RecordBatch) -> Result<&[u32], LakeError> {
        let Symbols { name, memo, met, shared } = self;
        memo.read(name, column(batch, name)?, |value| match value {
            Value::Text(text) => match met.get(text) {
                Some(number) => *number,
                None => *met.entry(text.into()).or_insert_with(|| shared.number_of(value.into())),
            },
            other => shared.number_of(other.into()),
        })
    }

    /// The number of a value, whether it was met or not.
    pub(crate) fn number_of(&self, word: Word) -> u32 {
        self.shared.number_of(word)
    }

    /// All values, each at its number.
    pub(crate) fn words(&self) -> Vec<Word> {
        self.shared.0.read().unwrap_or_else(PoisonError::into_inner).words.clone()
    }
}

impl Shared {
    fn number_of(&self, word: Word) -> u32 {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = table.numbers.get(&word) {
            return *number;
        }
        drop(table);
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(table.words.len()).expect("fewer than 2^32 different values");
        let number = *table.numbers.entry(word.clone()).or_insert(next);
        if number == next {
            table.words.push(word);
        }
        number
    }
}
