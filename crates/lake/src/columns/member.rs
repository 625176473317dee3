//! Whether a row's value is one of a list.
use arrow::record_batch::RecordBatch;

use super::{Memo, Value, Word, column};
use crate::LakeError;

/// The rows whose value in `column` is one of `any_of`. A row without a value is never one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The column's name.
    pub column: String,
    /// The values; [`Word::Null`] among them finds nothing.
    pub any_of: Vec<Word>,
}

impl Member {
    /// Of a column and its values.
    pub fn new<W: Into<Word>>(column: &str, any_of: impl IntoIterator<Item = W>) -> Member {
        Member { column: column.to_owned(), any_of: any_of.into_iter().map(Into::into).collect() }
    }

    pub(crate) fn holds(any_of: &[Word], value: Value<'_>) -> bool {
        match value {
            Value::Null => false,
            Value::Text(text) => {
                any_of.iter().any(|word| matches!(word, Word::Text(own) if **own == *text))
            }
            other => any_of.contains(&other.into()),
        }
    }
}

/// Reads a [`Member`] of batches.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    member: Member,
    memo: Memo<bool>,
}

impl Members {
    pub(crate) fn new(member: Member) -> Members {
        Members { member, memo: Memo::default() }
    }

    /// One truth for each row.
    pub(crate) fn read(&mut self, batch: &RecordBatch) -> Result<&[bool], LakeError> {
        let Members { member: Member { column: name, any_of }, memo } = self;
        memo.read(name, column(batch, name)?, |value| Member::holds(any_of, value))
    }
}
