//! Big-endian integers and counted byte strings, read without a way to panic.

/// Takes fields off the front of a byte string; `None` when it is too short.
pub(crate) struct Taker<'a>(pub(crate) &'a [u8]);

impl<'a> Taker<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// A byte string behind its length as a varint (LEB128, at most 5 bytes).
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let mut length = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return self.bytes(usize::try_from(length).ok()?);
            }
        }
        None
    }

    /// Whether every byte was taken.
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// The counterpart of [`Taker::counted`]. The caller has checked that the length fits 32 bits.
pub(crate) fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(low_seven_bits(length) | 0x80);
        length >>= 7;
    }
    out.push(low_seven_bits(length));
    out.extend_from_slice(bytes);
}

fn low_seven_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).expect("seven bits fit a byte")
}

#[cfg(test)]
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counted_strings_come_back(strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..9)) {
            let mut out = Vec::new();
            for string in &strings {
                put_counted(&mut out, string);
            }
            let mut taker = Taker(&out);
            for string in &strings {
                prop_assert_eq!(taker.counted(), Some(string.as_slice()));
            }
            prop_assert!(taker.is_done());
        }
    }
}
