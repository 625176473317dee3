//! Ids of sessions: minted once, shaped like a UUID of version 7, and able to route a read.
use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// How many partitions there are, from the first day and for ever.
pub const PARTITIONS: u8 = 64;

/// A session's id: 48 bits of time, version, 6 bits of partition, variant, the rest a hash
/// (CORE.md 12). Printed as a UUID.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(#[serde(with = "as_bytes")] pub [u8; 16]);

impl SessionId {
    /// Mints the id of the session that a signal opens.
    ///
    /// `at` is the signal's own instant, or when it was received if that lies before 2000 or in the
    /// future; `hash` covers tenant, lane and signal key.
    pub fn mint(at: UnixMillis, partition: u8, hash: [u8; 16]) -> SessionId {
        let mut bytes = hash;
        let millis = u64::try_from(at.0.max(0)).unwrap_or(0).to_be_bytes();
        let [_, _, time @ ..] = millis;
        for (to, from) in bytes.iter_mut().zip(time) {
            *to = from;
        }
        // Byte 6: version 7 and four bits of the partition; byte 8: variant and two more.
        let [.., six, seven, eight, _, _, _, _, _, _, _] = &mut bytes;
        *six = 0x70 | (partition >> 2) & 0x0f;
        let _ = seven;
        *eight = 0x80 | (partition & 0b11) << 4 | (*eight & 0x0f);
        SessionId(bytes)
    }

    /// The partition that the id carries, 0 to 63.
    pub fn partition(self) -> u8 {
        let [_, _, _, _, _, _, six, _, eight, ..] = self.0;
        (six & 0x0f) << 2 | (eight >> 4) & 0b11
    }

    /// The time that the id carries: its opening signal's.
    #[expect(clippy::many_single_char_names, reason = "six bytes in their order")]
    pub fn at(self) -> UnixMillis {
        let [a, b, c, d, e, f, ..] = self.0;
        let millis = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        UnixMillis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// Reads 32 hex digits, with or without the dashes of a UUID. `None` for any other text, and
    /// for a UUID that is not of our form.
    pub fn parse(text: &str) -> Option<SessionId> {
        if text.len() != 32 && text.len() != 36 {
            return None;
        }
        let mut bytes = [0_u8; 16];
        let mut digits = text.bytes().filter(|byte| *byte != b'-');
        for byte in &mut bytes {
            let high = char::from(digits.next()?).to_digit(16)?;
            let low = char::from(digits.next()?).to_digit(16)?;
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        let [_, _, _, _, _, _, six, _, eight, ..] = bytes;
        let ours = digits.next().is_none() && six >> 4 == 7 && eight >> 6 == 0b10;
        ours.then_some(SessionId(bytes))
    }

    /// 32 lower-case hex digits, as Tropo writes ids.
    pub fn to_hex(self) -> String {
        use std::fmt::Write;
        self.0.iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [b'-'; 36];
        let mut places = text.iter_mut();
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                places.next();
            }
            for (digit, place) in [byte >> 4, byte & 0x0f].into_iter().zip(&mut places) {
                *place = if digit < 10 { b'0' + digit } else { b'a' - 10 + digit };
            }
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
    }
}

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Sixteen bytes as `MessagePack` `bin`, not as a list of numbers.
pub(crate) mod as_bytes {
    use serde::{Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 16], D::Error> {
        struct Sixteen;
        impl<'de> de::Visitor<'de> for Sixteen {
            type Value = [u8; 16];
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("16 bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut bytes = [0; 16];
                for byte in &mut bytes {
                    *byte = seq.next_element()?.unwrap_or(0);
                }
                Ok(bytes)
            }
        }
        from.deserialize_bytes(Sixteen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_carries_its_time_and_partition(at in 0_i64..1 << 47, partition in 0_u8..64, hash: [u8; 16]) {
            let id = SessionId::mint(UnixMillis(at), partition, hash);
            prop_assert_eq!((id.at(), id.partition()), (UnixMillis(at), partition));
            prop_assert_eq!(SessionId::parse(&id.to_string()), Some(id));
            prop_assert_eq!(SessionId::parse(&id.to_hex()), Some(id));
        }
    }

    #[test]
    fn a_foreign_uuid_is_not_ours() {
        assert_eq!(SessionId::parse("11111111-1111-4111-8111-111111111111"), None);
        assert_eq!(SessionId::parse("ABC123"), None);
    }
}
