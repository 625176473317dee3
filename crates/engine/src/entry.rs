//! Entries of the journal: everything that decides what sessions are, in one order.
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sessionary_core::{
    destination::Destination,
    goal::Definition,
    id::SessionId,
    parcel::{DestinationId, Parcel, ParcelName, ParcelStatus},
    rules::{Rules, SourceClock},
    signal::{Arrival, Signal, TenantId},
    time::UnixMillis,
};

/// One entry. The first byte on disk is its tag; the rest is MessagePack with names, so that a
/// reader one minor version older or newer still understands it.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A signal came.
    Signal(Arrival),
    /// Other rules hold from here.
    Rules(Box<RulesEntry>),
    /// A source's clock is set.
    Clock(ClockEntry),
    /// A source says that it is complete.
    Mark(MarkEntry),
    /// A session is placed into another.
    Placement(PlacementEntry),
    /// A doubtful placement was looked at by a person.
    Review(ReviewEntry),
    /// A session found several places, none good enough: a person should look.
    Doubt(DoubtEntry),
    /// An outcome or a segment is defined, changed or removed.
    Goal(Box<GoalEntry>),
    /// A destination is set up, changed or removed.
    Destination(Box<DestinationEntry>),
    /// What came of trying a parcel.
    Attempt(Box<AttemptEntry>),
    /// Somebody asks for parcels beyond those that the fold raises.
    Order(OrderEntry),
}

/// The rules under a version number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesEntry {
    /// Rises by one with each change.
    pub version: u32,
    /// What holds from here.
    pub rules: Rules,
}

/// A source's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockEntry {
    /// Whose.
    pub tenant: TenantId,
    /// The source's name.
    pub source: Box<str>,
    /// How its time passes.
    pub clock: SourceClock,
}

/// A completeness mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkEntry {
    /// Whose.
    pub tenant: TenantId,
    /// The source's name.
    pub source: Box<str>,
    /// Everything up to this event time has been sent; `None`: everything.
    pub through: Option<UnixMillis>,
}

/// A decision that a session of its own belongs to another (CORE.md 5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacementEntry {
    /// Whose.
    pub tenant: TenantId,
    /// The session that is placed; it becomes a redirect.
    pub session: SessionId,
    /// The session that it is placed into.
    pub into: SessionId,
    /// `score`, `only_candidate`, `external_id` or `review`.
    pub rule: Box<str>,
    /// The score, 0 to 1.
    pub score: f64,
}

/// A person's word on a doubtful placement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewEntry {
    /// Whose.
    pub tenant: TenantId,
    /// The session in question.
    pub session: SessionId,
    /// Into which session it goes; `None`: it stays on its own.
    pub into: Option<SessionId>,
}

/// A session that the matcher gave up on, with where it might belong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DoubtEntry {
    /// Whose.
    pub tenant: TenantId,
    /// The session in question.
    pub session: SessionId,
    /// Where it might belong, with scores from 0 to 1.
    pub candidates: Vec<(SessionId, f64)>,
}

/// A change of an outcome or a segment. It is made only if the definition still has the version that
/// the change was made for, so of two changes of one version the first is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalEntry {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: Box<str>,
    /// The version that it is made for; 0: there is none yet.
    pub was: u32,
    /// What it is from here; `None`: it is removed.
    pub definition: Option<Definition>,
}

/// A change of a destination, made under the same condition as that of a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationEntry {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: DestinationId,
    /// The version that it is made for; 0: there is none yet.
    pub was: u32,
    /// What it is from here; `None`: it is removed.
    pub destination: Option<Destination>,
}

/// What came of trying a parcel: its whole state from here, so that folding it again on rows that are
/// ahead of the fold gives the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEntry {
    /// Whose.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// Which parcel.
    #[serde(rename = "n")]
    pub name: ParcelName,
    /// Where it stood before.
    #[serde(rename = "w")]
    pub was: (ParcelStatus, UnixMillis),
    /// Where it stands now.
    #[serde(rename = "p")]
    pub parcel: Parcel,
}

/// Parcels that somebody asks for: of sessions that were sent before, or that were final before there
/// was the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEntry {
    /// Whose.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// Which.
    #[serde(rename = "n")]
    pub names: Vec<ParcelName>,
}

const SIGNAL: u8 = 1;
const RULES: u8 = 2;
const CLOCK: u8 = 3;
const MARK: u8 = 4;
const PLACEMENT: u8 = 5;
const REVIEW: u8 = 6;
const DOUBT: u8 = 7;
const GOAL: u8 = 8;
const DESTINATION: u8 = 9;
const ATTEMPT: u8 = 10;
const ORDER: u8 = 11;

/// An entry that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// A tag that this version does not know.
    #[error(
        "journal entry of kind {tag}; this version knows 1 to 11: run the version that wrote it"
    )]
    Unknown {
        /// The tag.
        tag: u8,
    },
    /// The rest does not fit the tag.
    #[error("journal entry of kind {tag} does not decode")]
    Garbled {
        /// The tag.
        tag: u8,
        /// Why.
        source: rmp_serde::decode::Error,
    },
}

impl Entry {
    /// The entry as the journal keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Entry::Signal(arrival) => signal_bytes(arrival),
            Entry::Rules(entry) => tagged(RULES, &named(entry)),
            Entry::Clock(entry) => tagged(CLOCK, &named(entry)),
            Entry::Mark(entry) => tagged(MARK, &named(entry)),
            Entry::Placement(entry) => tagged(PLACEMENT, &named(entry)),
            Entry::Review(entry) => tagged(REVIEW, &named(entry)),
            Entry::Doubt(entry) => tagged(DOUBT, &named(entry)),
            Entry::Goal(entry) => tagged(GOAL, &named(entry)),
            Entry::Destination(entry) => tagged(DESTINATION, &named(entry)),
            Entry::Attempt(entry) => tagged(ATTEMPT, &named(entry)),
            Entry::Order(entry) => tagged(ORDER, &named(entry)),
        }
    }

    /// Reads what [`Entry::to_bytes`] wrote.
    ///
    /// # Errors
    /// An entry of a later version, or bytes that are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Entry, EntryError> {
        let (tag, rest) = bytes.split_first().map_or((0, bytes), |(tag, rest)| (*tag, rest));
        Ok(match tag {
            SIGNAL => Entry::Signal(read(tag, rest)?),
            RULES => Entry::Rules(read(tag, rest)?),
            CLOCK => Entry::Clock(read(tag, rest)?),
            MARK => Entry::Mark(read(tag, rest)?),
            PLACEMENT => Entry::Placement(read(tag, rest)?),
            REVIEW => Entry::Review(read(tag, rest)?),
            DOUBT => Entry::Doubt(read(tag, rest)?),
            GOAL => Entry::Goal(read(tag, rest)?),
            DESTINATION => Entry::Destination(read(tag, rest)?),
            ATTEMPT => Entry::Attempt(read(tag, rest)?),
            ORDER => Entry::Order(read(tag, rest)?),
            tag => return Err(EntryError::Unknown { tag }),
        })
    }
}

/// The bytes of a signal's entry.
pub fn signal_bytes(arrival: &Arrival) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(SIGNAL);
    Signal::write(arrival, &mut bytes);
    bytes
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len() + 1);
    all.push(tag);
    all.extend_from_slice(bytes);
    all
}

fn named<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("entries hold nothing that MessagePack lacks")
}

fn read<T: DeserializeOwned>(tag: u8, bytes: &[u8]) -> Result<T, EntryError> {
    rmp_serde::from_slice(bytes).map_err(|source| EntryError::Garbled { tag, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// An entry of kind 1 as another version might write it: one member more, all defaults left out.
    fn foreign() -> Vec<u8> {
        let arrival = json!({
            "t": 7, "r": 1_767_607_200_000_i64, "later": [1, 2],
            "g": { "k": "a", "y": "page_viewed", "newer": { "x": 1 } },
        });
        let mut bytes = vec![SIGNAL];
        bytes.extend(rmp_serde::to_vec_named(&arrival).unwrap());
        bytes
    }

    #[test]
    fn an_entry_of_the_next_version_is_read_without_what_it_adds() {
        let Entry::Signal(arrival) = Entry::from_bytes(&foreign()).unwrap() else { panic!() };
        assert_eq!((arrival.tenant, &*arrival.signal.key), (TenantId(7), "a"));
        assert_eq!(Entry::from_bytes(&signal_bytes(&arrival)).unwrap(), Entry::Signal(arrival));
    }

    #[test]
    fn an_unknown_kind_is_an_error_that_says_so() {
        let error = Entry::from_bytes(&[99, 1]).unwrap_err();
        assert!(error.to_string().contains("kind 99"), "{error}");
        assert!(Entry::from_bytes(&[]).is_err());
        assert!(Entry::from_bytes(&[SIGNAL, 0xc1]).is_err());
    }
}
