//! A signal: one immutable fact or note that arrived.
//!
//! What a dialect decodes and the journal keeps. A signal knows three instants: when it happened
//! (the sender's clock), when it was sent (the sender's), when it came (ours, in [`Arrival`]).
use serde::{Deserialize, Serialize};

use crate::{
    channel::{Channel, SessionType},
    dictionary::field,
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    sorted_map::SortedMap,
    time::{Instant, UnixMillis},
    value::{RawJson, Value},
    word::Word,
};

/// Whose data it is: a small number given by the registry of tenants; comes from the key that
/// authenticated, never from path or body.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TenantId(pub u32);

/// A field's number: the Handshake's signal number where it has one, else ours from 1000 up;
/// operators register theirs from 10,000 up (dictionary.rs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldNumber(pub u32);

/// Fields by number.
pub type Fields = SortedMap<FieldNumber, Value>;

/// Members that no dictionary row knows, by dotted path, as they were sent.
pub type Attributes = SortedMap<Box<str>, RawJson>;

/// One signal as its sender meant it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The sender's id of the signal, or a digest of its body where none was sent; the key under
    /// which a repetition is recognised, 1 to 255 characters.
    #[serde(rename = "k")]
    pub key: Box<str>,
    /// The word of its type, such as `page_viewed`; see [`kind`].
    #[serde(rename = "y")]
    pub kind: Word,
    /// When it happened. `None`: the sender did not say, so when it came.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Instant>,
    /// When it was sent by the sender's clock; transport, not content.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<UnixMillis>,
    /// The device's own counter; breaks ties of one millisecond (CORE.md 3).
    #[serde(rename = "q", default, skip_serializing_if = "is_zero")]
    pub sequence: u64,
    /// The channel, where the signal says or implies one.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The type of session, where an action key or the sender says more than the channel does.
    #[serde(rename = "st", default, skip_serializing_if = "Option::is_none")]
    pub session_type: Option<SessionType>,
    /// The name space of the sender's ids: the signal's own, else the key's, else the dialect's.
    #[serde(rename = "so", default, skip_serializing_if = "str_is_empty")]
    pub source: Box<str>,
    /// Our session id, or the sender's own name for the session.
    #[serde(rename = "se", default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Box<str>>,
    /// Who it is about.
    #[serde(rename = "id", default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// A statement of the session's outcome.
    #[serde(rename = "cl", default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimBody>,
    /// Everything the dictionary knows.
    #[serde(rename = "f", default, skip_serializing_if = "SortedMap::is_empty")]
    pub fields: Fields,
    /// Everything it does not.
    #[serde(rename = "x", default, skip_serializing_if = "SortedMap::is_empty")]
    pub attributes: Attributes,
    /// Repairs made while decoding, by stable code such as `missing_session_duration`.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Box<str>>,
}

/// What of a signal its digest covers, written as the signal itself is.
#[derive(Serialize)]
struct Body<'a> {
    /// Empty; here so that digests are what they were when the whole signal was written.
    k: &'static str,
    #[serde(rename = "y")]
    kind: &'a Word,
    #[serde(rename = "o", skip_serializing_if = "Option::is_none")]
    occurred_at: Option<&'a Instant>,
    #[serde(rename = "q", skip_serializing_if = "is_zero")]
    sequence: u64,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    #[serde(rename = "st", skip_serializing_if = "Option::is_none")]
    session_type: Option<SessionType>,
    #[serde(rename = "so", skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(rename = "se", skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(rename = "id", skip_serializing_if = "<[Identity]>::is_empty")]
    identities: &'a [Identity],
    #[serde(rename = "cl", skip_serializing_if = "Option::is_none")]
    claim: Option<&'a ClaimBody>,
    #[serde(rename = "f", skip_serializing_if = "SortedMap::is_empty")]
    fields: &'a Fields,
    #[serde(rename = "x", skip_serializing_if = "SortedMap::is_empty")]
    attributes: &'a Attributes,
}

impl Body<'_> {
    fn of(signal: &Signal) -> Body<'_> {
        Body {
            k: "",
            kind: &signal.kind,
            occurred_at: signal.occurred_at.as_ref(),
            sequence: signal.sequence,
            channel: signal.channel,
            session_type: signal.session_type,
            source: &signal.source,
            session: signal.session.as_deref(),
            identities: &signal.identities,
            claim: signal.claim.as_ref(),
            fields: &signal.fields,
            attributes: &signal.attributes,
        }
    }
}

/// Room that most encoded signals find enough.
const USUAL_BYTES: usize = 512;

/// What a signal claims of the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimBody {
    /// The disposition code, any unsigned number (D6).
    #[serde(rename = "c")]
    pub code: u32,
    /// Who says so.
    #[serde(rename = "a")]
    pub author: Author,
    /// Which of several claims of one author holds.
    #[serde(rename = "p", default, skip_serializing_if = "ClaimPolicy::is_last")]
    pub policy: ClaimPolicy,
}

/// A signal and the circumstances of its coming; one entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Whose it is.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// When it came, by the server's clock; a replay from quarantine keeps the original instant.
    #[serde(rename = "r")]
    pub received_at: UnixMillis,
    /// The request it came in, so that the skew of one batch is counted once.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    pub batch: u64,
    /// The signal; boxed, because it goes through many hands.
    #[serde(rename = "g")]
    pub signal: Box<Signal>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn str_is_empty(text: &str) -> bool {
    text.is_empty()
}

/// The words of `type` that mean something to the fold; any other word is a custom signal, which
/// counts as one and means no more.
pub mod kind {
    /// A page was shown.
    pub const PAGE_VIEWED: &str = "page_viewed";
    /// A screen of an app was shown.
    pub const SCREEN_VIEWED: &str = "screen_viewed";
    /// The visitor searched.
    pub const SEARCH_PERFORMED: &str = "search_performed";
    /// A category or listing was shown.
    pub const CATEGORY_VIEWED: &str = "category_viewed";
    /// A product was shown.
    pub const PRODUCT_VIEWED: &str = "product_viewed";
    /// A product was put into the cart.
    pub const PRODUCT_ADDED: &str = "product_added";
    /// The cart was shown.
    pub const CART_VIEWED: &str = "cart_viewed";
    /// The checkout was begun.
    pub const CHECKOUT_STARTED: &str = "checkout_started";
    /// An order was placed.
    pub const ORDER_COMPLETED: &str = "order_completed";
    /// An order was refunded, in part or whole.
    pub const ORDER_REFUNDED: &str = "order_refunded";
    /// The person subscribed.
    pub const SUBSCRIBED: &str = "subscribed";
    /// The person said or proved who they are.
    pub const IDENTIFIED: &str = "identified";
    /// The page or app is still in the foreground.
    pub const HEARTBEAT: &str = "heartbeat";
    /// A variant was shown (a note).
    pub const EXPERIMENT_VIEWED: &str = "experiment_viewed";
    /// A call began.
    pub const CALL_STARTED: &str = "call_started";
    /// A call was answered.
    pub const CALL_ANSWERED: &str = "call_answered";
    /// A call was put on hold.
    pub const CALL_HELD: &str = "call_held";
    /// A held call went on.
    pub const CALL_RESUMED: &str = "call_resumed";
    /// A call was passed on.
    pub const CALL_TRANSFERRED: &str = "call_transferred";
    /// A call was hung up.
    pub const CALL_ENDED: &str = "call_ended";
    /// The person chooses from a menu.
    pub const MENU_ENTERED: &str = "menu_entered";
    /// A call or chat waits in a queue.
    pub const CALL_QUEUED: &str = "call_queued";
    /// A waiting person was led elsewhere, such as to a voicemail box; ends the wait only.
    pub const CALL_DEFLECTED: &str = "call_deflected";
    /// A call or chat came on by a step that moves no leg, such as a chosen agent or a dial tone.
    pub const CALL_PROGRESSED: &str = "call_progressed";
    /// The source's whole record of a session, as it stands. Of several the one that the source
    /// changed last (`updated_at`) holds; none takes a session up again that is over.
    pub const SESSION_REPORTED: &str = "session_reported";
    /// The person wrote to the business.
    pub const MESSAGE_RECEIVED: &str = "message_received";
    /// The business wrote to the person.
    pub const MESSAGE_SENT: &str = "message_sent";
    /// The person rated the session.
    pub const RATING_GIVEN: &str = "rating_given";
    /// The sender says that a session begins here.
    pub const SESSION_STARTED: &str = "session_started";
    /// The sender says that the session ends here.
    pub const SESSION_ENDED: &str = "session_ended";
    /// Another system says what it knows of a session that goes on.
    pub const SESSION_UPDATED: &str = "session_updated";
    /// An outcome was stated (what `POST /v1/dispositions` and the Action endpoint make).
    pub const DISPOSITION_POSTED: &str = "disposition_posted";
    /// A recording became available.
    pub const RECORDING_ADDED: &str = "recording_added";
    /// A destination confirmed or refused a parcel (a note).
    pub const PARCEL_RECEIPT: &str = "parcel_receipt";
    /// A model scored the session (a note).
    pub const SCORE_GIVEN: &str = "score_given";
    /// What the business's own application answered to what was passed on to it (a note).
    pub const APPLICATION_ANSWERED: &str = "application_answered";

    /// All of them.
    #[rustfmt::skip]
    pub const ALL: [&str; 36] = [
        PAGE_VIEWED, SCREEN_VIEWED, SEARCH_PERFORMED, CATEGORY_VIEWED,
        PRODUCT_VIEWED, PRODUCT_ADDED, CHECKOUT_STARTED, ORDER_COMPLETED,
        ORDER_REFUNDED, SUBSCRIBED, IDENTIFIED, HEARTBEAT,
        EXPERIMENT_VIEWED, CALL_STARTED, CALL_ANSWERED, CALL_HELD,
        CALL_RESUMED, CALL_TRANSFERRED, CALL_ENDED, MESSAGE_RECEIVED,
        MESSAGE_SENT, RATING_GIVEN, SESSION_STARTED, SESSION_ENDED,
        DISPOSITION_POSTED, RECORDING_ADDED, PARCEL_RECEIPT, SCORE_GIVEN,
        CART_VIEWED,
        MENU_ENTERED, CALL_QUEUED, CALL_DEFLECTED, CALL_PROGRESSED,
        SESSION_REPORTED,
        APPLICATION_ANSWERED, SESSION_UPDATED,
    ];
}

/// Facts change content; notes are kept with the session and change nothing of it (CORE.md 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// What the sender or the person did or said.
    Fact,
    /// What we or another system noted about it.
    Note,
}

impl Signal {
    /// Whether it is a fact or a note.
    pub fn nature(&self) -> Nature {
        match &*self.kind {
            kind::EXPERIMENT_VIEWED
            | kind::PARCEL_RECEIPT
            | kind::SCORE_GIVEN
            | kind::APPLICATION_ANSWERED => Nature::Note,
            _ => Nature::Fact,
        }
    }

    /// Whether it still applies to a sealed session, as a commutative addition (CORE.md 8).
    pub fn is_amendment(&self) -> bool {
        self.claim.is_some()
            || matches!(
                &*self.kind,
                kind::RATING_GIVEN
                    | kind::ORDER_COMPLETED
                    | kind::ORDER_REFUNDED
                    | kind::RECORDING_ADDED
                    | kind::SESSION_REPORTED
            )
    }

    /// The encoded form that the journal keeps: self-describing, so that a reader one minor version
    /// older or newer still understands it.
    pub fn to_bytes(arrival: &Arrival) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        Signal::write(arrival, &mut bytes);
        bytes
    }

    /// Writes the encoded form behind what `bytes` holds.
    #[expect(clippy::missing_panics_doc, reason = "no signal makes it panic")]
    pub fn write(arrival: &Arrival, bytes: &mut Vec<u8>) {
        rmp_serde::encode::write_named(bytes, arrival).expect("MessagePack has all that it holds");
    }

    /// Reads what [`Signal::to_bytes`] wrote.
    ///
    /// # Errors
    /// The bytes were written by something else, or are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Arrival, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }

    /// Digest of what the sender said: transport times, warnings and the key are left out, so a
    /// retry has the digest of the first try (CORE.md 10).
    #[expect(clippy::missing_panics_doc, reason = "no signal makes it panic")]
    pub fn body_digest(&self) -> u64 {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        rmp_serde::encode::write_named(&mut bytes, &Body::of(self)).expect("as in write");
        let hash = blake3::hash(&bytes);
        let (first, _) = hash.as_bytes().split_at(8);
        u64::from_be_bytes(first.try_into().expect("eight bytes"))
    }

    /// Whether both say the same: their bodies are equal, but for what is looked up about an
    /// address, which a retry may find changed.
    pub fn says_the_same_as(&self, other: &Signal) -> bool {
        self.sent_digest() == other.sent_digest()
    }

    /// The digest of the body without the place and the owner of its address, where it has one.
    /// Whether those two were sent or looked up is not told apart: neither makes it another signal.
    fn sent_digest(&self) -> u64 {
        let looked_up = [field::GEOLOCATION, field::IP_ORGANIZATION];
        let has = |number| self.fields.contains_key(number);
        if !has(&field::REMOTE_IP) || !looked_up.iter().any(has) {
            return self.body_digest();
        }
        let mut sent = self.clone();
        sent.fields.retain(|number, _| !looked_up.contains(number));
        sent.body_digest()
    }

    /// The key of a signal that came without an id: the digest of its body, marked so that no
    /// sender's id can equal it by accident.
    pub fn derived_key(&self) -> Box<str> {
        format!("body:{:016x}", self.body_digest()).into()
    }

    /// The text of a field, if it is there and is text.
    pub fn text(&self, number: FieldNumber) -> Option<&str> {
        self.fields.get(&number).and_then(Value::as_text)
    }

    /// The number of a field, if it is there and is a number.
    pub fn number(&self, number: FieldNumber) -> Option<u64> {
        self.fields.get(&number).and_then(Value::as_number)
    }
}
