//! An order among things of one moment.
use arrow::record_batch::RecordBatch;

use super::{Memo, Value, column};
use crate::LakeError;

/// 128 bits that order as the values do: numbers, text of at most 16 bytes, and ids of 32 lower-case
/// hexadecimal digits. Of longer text the first 16 bytes count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank([u64; 2]);

/// Reads a column as ranks.
#[derive(Clone, Debug)]
pub(crate) struct Ranks {
    name: String,
    memo: Memo<Rank>,
}

impl Ranks {
    pub(crate) fn of_column(name: &str) -> Ranks {
        Ranks { name: name.to_owned(), memo: Memo::default() }
    }

    /// One for each row; a row without a value ranks first.
    pub(crate) fn read(&mut self, batch: &RecordBatch) -> Result<&[Rank], LakeError> {
        self.memo.read(&self.name, column(batch, &self.name)?, Rank::of)
    }
}

impl Rank {
    pub(crate) fn of(value: Value<'_>) -> Rank {
        match value {
            Value::Null => Rank::default(),
            Value::Text(text) => Rank::of_bytes(text.as_bytes()),
            Value::Bytes(bytes) => Rank::of_bytes(bytes),
            Value::Number(number) => Rank([number.cast_unsigned() ^ 1 << 63, 0]),
            Value::Truth(truth) => Rank([u64::from(truth), 0]),
        }
    }

    fn of_bytes(bytes: &[u8]) -> Rank {
        if let Some(rank) = Rank::of_digits(bytes) {
            return rank;
        }
        let mut padded = [0; 16];
        padded.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
        let whole = u128::from_be_bytes(padded);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let halves = [(whole >> 64) as u64, whole as u64];
        Rank(halves)
    }

    fn of_digits(bytes: &[u8]) -> Option<Rank> {
        let (words, []) = bytes.as_chunks::<8>() else { return None };
        let [a, b, c, d] = words else { return None };
        let [a, b, c, d] =
            [eight_digits(*a)?, eight_digits(*b)?, eight_digits(*c)?, eight_digits(*d)?];
        Some(Rank([u64::from(a) << 32 | u64::from(b), u64::from(c) << 32 | u64::from(d)]))
    }
}

/// All eight at once: each byte of a word becomes four bits, is written as a digit again and compared.
fn eight_digits(digits: [u8; 8]) -> Option<u32> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_be_bytes(digits);
    let letters = (word >> 6) & EACH;
    let halves = (word & (EACH * 0x0f)) + letters * 9;
    let beyond_nine = ((halves + EACH * 6) >> 4) & EACH;
    if halves & (EACH * 0xf0) != 0 || halves + EACH * 0x30 + beyond_nine * 0x27 != word {
        return None;
    }
    let pairs = (halves | halves >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    u32::try_from((fours | fours >> 16) & 0xffff_ffff).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_as_values_do() {
        let rank = |text| Rank::of(Value::Text(text));
        let digits = "0000019b76daa80000ffab910c2d3e4f";
        assert_eq!(rank(digits), Rank([0x0000_019b_76da_a800, 0x00ff_ab91_0c2d_3e4f]));
        assert!(
            rank("0000019b76daa80000ffab910c2d3e4f") < rank("0000019b76daa80000ffab910c2d3e50")
        );
        assert!(rank("a") < rank("ab") && rank("ab") < rank("b"));
        assert!(Rank::of(Value::Number(-1)) < Rank::of(Value::Number(0)));
        // Upper-case digits and others are text.
        for text in ["0000019B76DAA80000FFAB910C2D3E4F", "g000019b76daa80000ffab910c2d3e4f"] {
            assert_eq!(rank(text), rank(&text[..16]));
        }
    }

    #[test]
    fn every_byte_is_a_digit_or_none() {
        for byte in 0..=255_u8 {
            let mut digits = *b"00000000";
            digits[3] = byte;
            let expected = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            assert_eq!(eight_digits(digits), expected.map(|digit| digit << 16), "{byte}");
        }
    }
}
