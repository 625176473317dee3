//! A key or an id as 128 bits.
use arrow::record_batch::RecordBatch;
use xxhash_rust::xxh3::xxh3_128;

use super::{Memo, Value, column, mixed};
use crate::LakeError;

/// What a key or an id is told apart by: XXH3-128 of its bytes, or an invertible mixture of the number
/// that it is, so that different numbers always differ. Text and binary values with the same bytes
/// have the same digest, in every file and on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    pub(crate) high: u64,
    pub(crate) low: u64,
}

impl Digest {
    /// Stands for no value; nothing has this digest.
    pub(crate) const NULL: Digest = Digest { high: 0, low: 0 };

    /// Of text.
    pub fn of_text(text: &str) -> Digest {
        Digest::of(Value::Text(text))
    }

    /// Of a number.
    pub fn of_number(number: i64) -> Digest {
        Digest::of(Value::Number(number))
    }

    /// The first 12 bytes, which is what a key is told apart by.
    pub fn key_bytes(self) -> [u8; 12] {
        Key::from(self).bytes()
    }

    pub(crate) fn of(value: Value<'_>) -> Digest {
        match value {
            Value::Null => Digest::NULL,
            Value::Text(text) => Digest::of_bytes(text.as_bytes()),
            Value::Bytes(bytes) => Digest::of_bytes(bytes),
            Value::Number(number) => Digest { high: mixed(number.cast_unsigned()), low: NUMBER },
            Value::Truth(truth) => Digest::of(Value::Number(i64::from(truth))),
        }
    }

    fn of_bytes(bytes: &[u8]) -> Digest {
        let hash = xxh3_128(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let digest = Digest { high: (hash >> 64) as u64, low: hash as u64 };
        if digest == Digest::NULL { Digest { high: 0, low: 1 } } else { digest }
    }

    pub(crate) fn is_null(self) -> bool {
        self == Digest::NULL
    }
}

/// The low half of every number's digest: any value but 0 will do.
const NUMBER: u64 = 0x6e75_6d62_6572_0000;

/// The 96 bits of a digest by which rows are grouped, in three words so that rows of it pack densely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    high: [u32; 2],
    low: u32,
}

impl Key {
    /// The bits by which rows are spread: the part takes them from the top, a table from the bottom.
    pub(crate) fn spread(self) -> u64 {
        let [top, bottom] = self.high;
        u64::from(top) << 32 | u64::from(bottom)
    }

    pub(crate) fn bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let words = self.high.into_iter().chain([self.low]);
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

impl From<Digest> for Key {
    #[expect(clippy::cast_possible_truncation, reason = "the digest is cut into words")]
    fn from(digest: Digest) -> Key {
        let Digest { high, low } = digest;
        Key { high: [(high >> 32) as u32, high as u32], low: (low >> 32) as u32 }
    }
}

/// Reads a column as digests.
#[derive(Clone, Debug)]
pub(crate) struct Digests {
    name: String,
    memo: Memo<Digest>,
}

impl Digests {
    pub(crate) fn of_column(name: &str) -> Digests {
        Digests { name: name.to_owned(), memo: Memo::default() }
    }

    /// One for each row; [`Digest::NULL`] where the column has no value.
    pub(crate) fn read(&mut self, batch: &RecordBatch) -> Result<&[Digest], LakeError> {
        self.memo.read(&self.name, column(batch, &self.name)?, Digest::of)
    }
}
