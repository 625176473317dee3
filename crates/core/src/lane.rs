//! The lane: the stream a signal falls in before session boundaries are known.
//!
//! A pure function of the signal alone (CORE.md 4); the one exception, a signal that names a session
//! of ours, is resolved by the engine before it asks here.
use serde::{Deserialize, Serialize};

use crate::{
    channel::{Channel, Family},
    dictionary::field,
    id::{PARTITIONS, as_bytes},
    identity::{Identity, IdentityClass},
    signal::{Signal, TenantId, kind},
};

/// A lane's key: a keyed hash, so that no identity can be read from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneKey(#[serde(with = "as_bytes")] pub [u8; 16]);

impl LaneKey {
    /// The partition of everything in the lane, 0 to 63.
    pub fn partition(self) -> u8 {
        let [first, ..] = self.0;
        first % PARTITIONS
    }

    /// The first eight bytes, which the index of signal ids keeps.
    #[expect(clippy::many_single_char_names, reason = "eight bytes in their order")]
    pub fn prefix(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl std::fmt::Debug for LaneKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "lane-{:016x}", self.prefix())
    }
}

/// By which rule of CORE.md 4 a lane was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// The sender's session id: exactly one session for ever.
    Sender,
    /// A device: sessions one after the other.
    Device,
    /// Only identities of a person: *homeless*, may be placed into another session.
    Person,
    /// Nothing at all: a lane of its own.
    Alone,
}

/// The lane of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneName {
    /// Its key.
    pub key: LaneKey,
    /// The rule.
    pub kind: LaneKind,
    /// The family, where the rule depends on it.
    pub family: Family,
}

/// The data directory's secret under which lanes and identities are hashed.
#[derive(Clone)]
pub struct HashSecret(pub [u8; 32]);

impl std::fmt::Debug for HashSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashSecret(..)")
    }
}

impl HashSecret {
    /// Keyed hash of parts, each preceded by its length so that no two lists of parts collide.
    pub fn hash(&self, tenant: TenantId, tag: &str, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&tenant.0.to_be_bytes());
        for part in std::iter::once(tag.as_bytes()).chain(parts.iter().copied()) {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    }

    /// The hash under which an identity is found, whatever its type.
    pub fn identity(&self, tenant: TenantId, value: &str) -> [u8; 16] {
        self.hash(tenant, "identity", &[value.as_bytes()])
    }

    /// The hash of a signal's key: kept with the session, where it finds repeats, and in the index
    /// of signal ids. A hint that is confirmed by the signal itself, so a fast hash will do.
    #[expect(clippy::many_single_char_names, reason = "eight bytes in their order")]
    pub fn key_hash(&self, tenant: TenantId, key: &str) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        let seed = u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ u64::from(tenant.0);
        xxhash_rust::xxh3::xxh3_64_with_seed(key.as_bytes(), seed)
    }
}

/// The lane of a signal that names no session of ours.
pub fn lane_of(secret: &HashSecret, tenant: TenantId, signal: &Signal) -> LaneName {
    let family = channel_of(signal).map_or(Family::Other, Channel::family);
    let name = |kind, tag: &str, parts: &[&[u8]]| LaneName {
        key: LaneKey(secret.hash(tenant, tag, parts)),
        kind,
        family,
    };
    let letter = [family.letter()];
    if let Some(session) = &signal.session {
        return name(LaneKind::Sender, "sender", &[signal.source.as_bytes(), session.as_bytes()]);
    }
    if let Some((kind, value)) = device_of(signal, family) {
        let line = match family {
            Family::Voice | Family::Messaging => signal.text(field::LINE_NUMBER).unwrap_or(""),
            _ => "",
        };
        let parts = [&letter[..], kind.as_bytes(), value.as_bytes(), line.as_bytes()];
        return name(LaneKind::Device, "device", &parts);
    }
    if let Some(person) =
        strongest(signal, |class| matches!(class, IdentityClass::User | IdentityClass::Contact))
    {
        let parts = [&letter[..], person.kind.as_bytes(), person.value.as_bytes()];
        return name(LaneKind::Person, "person", &parts);
    }
    let address = signal.text(field::REMOTE_IP);
    let agent = signal.text(field::USER_AGENT);
    if address.is_some() || agent.is_some() {
        let parts = [&letter[..], address.unwrap_or("").as_bytes(), agent.unwrap_or("").as_bytes()];
        return name(LaneKind::Device, "address+agent", &parts);
    }
    if let Some(weak) = strongest(signal, |class| class == IdentityClass::Weak) {
        let parts = [&letter[..], weak.kind.as_bytes(), weak.value.as_bytes()];
        return name(LaneKind::Device, "device", &parts);
    }
    name(LaneKind::Alone, "alone", &[signal.key.as_bytes()])
}

/// The channel of a signal: as stated, else as its type, its identities or its page imply.
pub fn channel_of(signal: &Signal) -> Option<Channel> {
    signal
        .channel
        .or_else(|| signal.session_type.and_then(crate::channel::SessionType::channel))
        .or(match &*signal.kind {
            kind::PAGE_VIEWED => Some(Channel::Web),
            kind::SCREEN_VIEWED => Some(Channel::App),
            kind::CALL_STARTED
            | kind::CALL_ANSWERED
            | kind::CALL_HELD
            | kind::CALL_RESUMED
            | kind::CALL_TRANSFERRED
            | kind::CALL_ENDED
            | kind::CALL_QUEUED
            | kind::CALL_DEFLECTED
            | kind::CALL_PROGRESSED
            | kind::MENU_ENTERED => Some(Channel::Voice),
            kind::MESSAGE_RECEIVED | kind::MESSAGE_SENT => Some(Channel::Messaging),
            _ => None,
        })
        .or_else(|| {
            let browser = |identity: &Identity| {
                matches!(&*identity.kind, "cookie" | "anonymous_id" | "visitor_id")
            };
            let has_page = signal.fields.contains_key(&field::PAGE_URL);
            (has_page || signal.identities.iter().any(browser)).then_some(Channel::Web)
        })
}

/// The identity that stands for the device: on voice and messaging that is the number of the
/// person, unless the sender knows a browser or an installation.
fn device_of(signal: &Signal, family: Family) -> Option<(&str, &str)> {
    let device = strongest(signal, |class| class == IdentityClass::Device);
    let number = || {
        let calls = matches!(family, Family::Voice | Family::Messaging);
        let is_number =
            |identity: &&Identity| matches!(&*identity.kind, "phone" | "messaging_address");
        signal.identities.iter().filter(is_number).min().filter(|_| calls)
    };
    device.or_else(number).map(|identity| (&*identity.kind, &*identity.value))
}

fn strongest(signal: &Signal, of: impl Fn(IdentityClass) -> bool) -> Option<&Identity> {
    let fitting = signal.identities.iter().filter(|identity| of(identity.class()));
    fitting.min_by_key(|identity| (identity.rank(), *identity))
}
