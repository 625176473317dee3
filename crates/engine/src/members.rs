//! References to a session's signals as bytes: 12 to 16 a reference, where names and numbers of
//! MessagePack would take 35.
//!
//! Each reference follows the one before it: the position and the time as differences, so a visit
//! of ten pages costs one or two bytes for each. A long session keeps all but its last few hundred
//! references in rows of their own ([`PER_CHUNK`]), so that one more signal does not write them all.
use sessionary_core::{lane::LaneKey, session::Member, stamp::Marks, time::UnixMillis};

/// References of one row of the table `Members`.
pub(crate) const PER_CHUNK: usize = 512;

/// Set in the byte of marks when a lane follows; [`Marks`] uses the bits below.
const FROM_LANE: u8 = 128;

/// The references as bytes.
pub(crate) fn encode(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(members.len() * 15);
    let (mut position, mut at) = (0_u64, 0_i64);
    for member in members {
        put_signed(&mut bytes, member.position.wrapping_sub(position).cast_signed());
        put_signed(&mut bytes, member.at.0.wrapping_sub(at));
        (position, at) = (member.position, member.at.0);
        bytes.extend_from_slice(&member.key_hash.to_be_bytes());
        match &member.lane {
            None => bytes.push(member.marks.0 & !FROM_LANE),
            Some(lane) => {
                bytes.push(member.marks.0 | FROM_LANE);
                bytes.extend_from_slice(&lane.0);
            }
        }
    }
    bytes
}

/// Adds what [`encode`] wrote to `members`; `None` for anything else.
pub(crate) fn decode_into(members: &mut Vec<Member>, bytes: &[u8]) -> Option<()> {
    let mut rest = bytes;
    let (mut position, mut at) = (0_u64, 0_i64);
    while !rest.is_empty() {
        position = position.wrapping_add(take_signed(&mut rest)?.cast_unsigned());
        at = at.wrapping_add(take_signed(&mut rest)?);
        let key_hash = u64::from_be_bytes(take(&mut rest)?);
        let [marks] = take(&mut rest)?;
        let lane = match marks & FROM_LANE {
            0 => None,
            _ => Some(Box::new(LaneKey(take(&mut rest)?))),
        };
        let (marks, at) = (Marks(marks & !FROM_LANE), UnixMillis(at));
        members.push(Member { position, key_hash, at, marks, lane });
    }
    Some(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*taken)
}

/// Seven bits a byte, the sign in the lowest: small differences of either sign are short.
fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while left >= 0x80 {
        bytes.push(u8::try_from(left & 0x7f).unwrap_or_default() | 0x80);
        left >>= 7;
    }
    bytes.push(u8::try_from(left).unwrap_or_default());
}

fn take_signed(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let sign = (number & 1).cast_signed();
            return Some((number >> 1).cast_signed() ^ -sign);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn references_come_back_and_a_cut_is_noticed(
            drawn in vec(any::<(u64, u64, i64, u8, Option<[u8; 16]>)>(), 0..40),
            cut: prop::sample::Index,
        ) {
            let member = |(position, key_hash, at, marks, lane): (u64, u64, i64, u8, Option<[u8; 16]>)| {
                let (at, marks) = (UnixMillis(at), Marks(marks & !FROM_LANE));
                Member { position, key_hash, at, marks, lane: lane.map(LaneKey).map(Box::new) }
            };
            let members: Vec<Member> = drawn.into_iter().map(member).collect();
            let bytes = encode(&members);
            let mut back = Vec::new();
            prop_assert_eq!(decode_into(&mut back, &bytes), Some(()));
            prop_assert_eq!(&back, &members);
            let mut part = Vec::new();
            let whole = cut.index(bytes.len() + 1);
            let read = decode_into(&mut part, &bytes[..whole]);
            prop_assert!(read.is_none() || members.starts_with(&part));
        }
    }

    #[test]
    fn a_visit_costs_a_dozen_bytes_a_signal() {
        let member = |n: u64| Member {
            position: 7_000_000 + n * 60,
            key_hash: n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            at: UnixMillis(1_767_607_200_000 + n.cast_signed() * 20_000),
            marks: Marks::default(),
            lane: None,
        };
        let ten: Vec<Member> = (0..10).map(member).collect();
        assert!(encode(&ten).len() <= 140, "{}", encode(&ten).len());
    }
}
