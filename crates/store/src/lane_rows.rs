//! Rows of the table `Signals`: signals of one lane, rewritten from the journal and packed.
//!
//! A signal has two parts. The clear part may be read by anyone who may read the row; the
//! sealable part will be encrypted with the key of its lane, and a key number of 0 says that it
//! is not yet. Key: [`crate::keys::lane_row_key`]. Drawn in `FORMAT.md`.
use crate::{
    block::{compress, inflate},
    bytes::{Taker, put_counted},
    error::StoreError,
};

const VERSION: u8 = 1;
const WHAT: &str = "a row of the table `signals`";

/// What one row holds, in the order of positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneRow {
    /// Signals of one lane.
    pub signals: Vec<LaneSignal>,
}

/// One signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneSignal {
    /// Its journal position.
    pub position: u64,
    /// When it happened as its sender says, else when it was received; unix milliseconds.
    pub at: i64,
    /// When it was received, unix milliseconds.
    pub received_at: i64,
    /// The key that sealed `sealable`; 0 while nothing has.
    pub key_number: u32,
    /// The part that stays readable.
    pub clear: Vec<u8>,
    /// The part that can be sealed.
    pub sealable: Vec<u8>,
}

impl LaneRow {
    /// The row's value.
    ///
    /// # Errors
    /// `Unstorable` when the signals together exceed 4 GiB.
    pub fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let mut body = Vec::new();
        for signal in &self.signals {
            body.extend_from_slice(&signal.position.to_be_bytes());
            body.extend_from_slice(&signal.at.to_be_bytes());
            body.extend_from_slice(&signal.received_at.to_be_bytes());
            body.extend_from_slice(&signal.key_number.to_be_bytes());
            put_counted(&mut body, &signal.clear);
            put_counted(&mut body, &signal.sealable);
        }
        let too_long = |_| StoreError::Unstorable {
            what: WHAT.to_owned(),
            bytes: body.len(),
            min: 0,
            max: u32::MAX as usize,
        };
        let length = u32::try_from(body.len()).map_err(too_long)?;
        // Each signal takes more than a byte, so the count fits where the length does.
        let count = u32::try_from(self.signals.len()).map_err(too_long)?;
        let mut checked = Vec::with_capacity(8 + body.len() / 2);
        checked.extend_from_slice(&count.to_be_bytes());
        checked.extend_from_slice(&length.to_be_bytes());
        checked.extend_from_slice(&compress(&body)?);
        let mut value = vec![VERSION];
        value.extend_from_slice(&crc32fast::hash(&checked).to_be_bytes());
        value.extend_from_slice(&checked);
        Ok(value)
    }

    /// The counterpart of [`LaneRow::encode`].
    ///
    /// # Errors
    /// `Damaged`.
    pub fn decode(value: &[u8]) -> Result<LaneRow, StoreError> {
        decode(value).map_err(|range| StoreError::damaged(WHAT, range))
    }
}

fn decode(value: &[u8]) -> Result<LaneRow, String> {
    let mut taker = Taker(value);
    let version = taker.u8().ok_or("it is empty")?;
    if version != VERSION {
        return Err(format!("it has version {version}; known is {VERSION}"));
    }
    let stored = taker.u32().ok_or("it is too short")?;
    if crc32fast::hash(taker.0) != stored {
        return Err("the checksum does not fit".to_owned());
    }
    let count = taker.u32().ok_or("it is too short")?;
    let length = taker.u32().ok_or("it is too short")?;
    let body = inflate(taker.0, length)?;
    let mut taker = Taker(&body);
    let signals = (0..count).map(|_| take_signal(&mut taker)).collect::<Option<_>>();
    let signals = signals.ok_or("a signal is cut short")?;
    if !taker.is_done() {
        return Err("bytes are left over behind the last signal".to_owned());
    }
    Ok(LaneRow { signals })
}

fn take_signal(taker: &mut Taker<'_>) -> Option<LaneSignal> {
    Some(LaneSignal {
        position: taker.u64()?,
        at: taker.i64()?,
        received_at: taker.i64()?,
        key_number: taker.u32()?,
        clear: taker.counted()?.to_vec(),
        sealable: taker.counted()?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn signal() -> impl Strategy<Value = LaneSignal> {
        let numbers = any::<(u64, i64, i64, u32)>();
        (numbers, vec(any::<u8>(), 0..200), vec(any::<u8>(), 0..200)).prop_map(
            |((position, at, received_at, key_number), clear, sealable)| LaneSignal {
                position,
                at,
                received_at,
                key_number,
                clear,
                sealable,
            },
        )
    }

    /// Written by format 1; every later program must read it.
    #[test]
    fn the_first_version_is_read() {
        let golden = "014bf4af99000000010000002b28b52ffd202b5901000000000000000102ffffffffffffffff\
                      0000018bcfe568000000000305636c656172087365616c61626c65";
        let signal = LaneSignal {
            position: 258,
            at: -1,
            received_at: 1_700_000_000_000,
            key_number: 3,
            clear: b"clear".to_vec(),
            sealable: b"sealable".to_vec(),
        };
        let row = LaneRow::decode(&crate::bytes::from_hex(golden)).unwrap();
        assert_eq!(row, LaneRow { signals: vec![signal] });
    }

    proptest! {
        #[test]
        fn a_row_comes_back_and_a_flipped_bit_is_noticed(signals in vec(signal(), 0..20), bit: prop::sample::Index) {
            let row = LaneRow { signals };
            let mut value = row.encode().unwrap();
            prop_assert_eq!(LaneRow::decode(&value).unwrap(), row);
            let bit = bit.index(value.len() * 8);
            value[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(LaneRow::decode(&value).is_err());
        }
    }
}
