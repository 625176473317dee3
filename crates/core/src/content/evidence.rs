//! Evidence: words of a sender that say how an interaction ended.
use serde::{Deserialize, Serialize};

/// Evidence of an end that is neither abandon nor success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A technical failure.
    Failed,
    /// The person could not be reached.
    NotAnswered,
    /// Nobody spoke.
    DeadAir,
    /// Wrong number.
    WrongNumber,
    /// Spam.
    Spam,
}

/// Words of a disconnect reason or stated end that count as evidence; open list, others are kept
/// as they are and mean nothing to the derivation.
const EVIDENCE: [(&str, Evidence); 17] = [
    ("failed", Evidence::Failed),
    ("error", Evidence::Failed),
    ("failure", Evidence::Failed),
    ("session_failure", Evidence::Failed),
    ("transport_failure", Evidence::Failed),
    ("uncallable", Evidence::Failed),
    ("no_answer", Evidence::NotAnswered),
    ("not_answered", Evidence::NotAnswered),
    ("busy", Evidence::NotAnswered),
    ("dead_air", Evidence::DeadAir),
    ("silence", Evidence::DeadAir),
    ("machine", Evidence::DeadAir),
    ("fax", Evidence::DeadAir),
    ("wrong_number", Evidence::WrongNumber),
    ("eu_wrong_number", Evidence::WrongNumber),
    ("spam", Evidence::Spam),
    ("robocall", Evidence::Spam),
];

/// What a word is evidence of; spelling and case of the word do not matter.
pub(super) fn evidence_of(word: &str) -> Option<Evidence> {
    let same = |known: &str| {
        let mut known = known.bytes();
        // "WrongNumber", "wrong number" and "wrong_number" are one word.
        let same = word
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .all(|byte| known.by_ref().find(|k| *k != b'_') == Some(byte.to_ascii_lowercase()));
        same && known.all(|byte| byte == b'_') && !word.is_empty()
    };
    EVIDENCE.iter().find(|(known, _)| same(known)).map(|(_, evidence)| *evidence)
}
