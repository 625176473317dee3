//! Columns of any type, read as what a question needs: digests, numbers, symbols, memberships.
//!
//! Whatever is a function of a value alone is computed once for each value of a dictionary, and once
//! for each row only where a column has no dictionary.
mod value;
mod mixing;
mod digest;
mod memo;
mod numbers;
mod symbols;
mod member;
mod rank;

use arrow::{array::ArrayRef, record_batch::RecordBatch};

pub use digest::Digest;
pub use member::Member;
pub use value::Word;

pub(crate) use digest::{Digests, Key};
pub(crate) use member::Members;
pub(crate) use memo::Memo;
pub(crate) use mixing::{Mixing, mixed};
pub(crate) use numbers::{NumberColumn, Numbers, Unit};
pub(crate) use rank::{Rank, Ranks};
pub(crate) use symbols::Symbols;
pub(crate) use value::Value;

use crate::LakeError;

/// The column of that name.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, LakeError> {
    batch.column_by_name(name).ok_or_else(|| {
        let schema = batch.schema();
        let present: Vec<&str> =
            schema.fields().iter().map(|field| field.name().as_str()).collect();
        LakeError::NoColumn { name: name.to_owned(), present: present.join(", ") }
    })
}
