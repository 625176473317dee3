//! API keys: their text, what is kept of them, and the look-up of a caller.
//!
//! A key is `sny_pk_` or `sny_sk_`, 43 base62 characters of 32 random bytes, then 6 base62
//! characters of the CRC-32 of all that precedes. A mistyped key is refused without a look-up.
//! The text is shown once; kept are a peppered SHA-256 and the first 8 characters of the body.
//! Nothing here reads a clock or a disk: `registry.rs` keeps the records.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Deserializer, Serialize};
use sessionary_core::{signal::TenantId, time::UnixMillis};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access_tokens::{AccessToken, AccessTokens};

/// What the key may be shown to: anybody who opens a page's source, or a server only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// `sny_pk_`: may only append signals; may stand in a page.
    Publishable,
    /// `sny_sk_`: may do what its scopes say; must stay on a server.
    Secret,
}

impl KeyKind {
    /// How the text of such a key begins.
    pub fn prefix(self) -> &'static str {
        match self {
            KeyKind::Publishable => "sny_pk_",
            KeyKind::Secret => "sny_sk_",
        }
    }
}

const PREFIX_CHARS: usize = 7;
const BODY_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
const KEY_CHARS: usize = PREFIX_CHARS + BODY_CHARS + CHECK_CHARS;
const DISPLAY_CHARS: usize = 8;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The pattern of our keys, for scanners that look for leaked secrets.
pub const KEY_PATTERN: &str = "sny_[ps]k_[0-9A-Za-z]{49}";

/// The text of a key. Invariant: well formed, with the right check characters. It has no
/// `Display`, and its `Debug` shows no more than [`KeyRecord::display`] does.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    kind: KeyKind,
    text: String,
}

/// Why a text cannot be a key of ours, found without a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// It begins neither with `sny_pk_` nor with `sny_sk_`.
    #[error("an API key begins with `sny_pk_` or `sny_sk_`; this one does not")]
    Prefix,
    /// It is too short or too long, as after an incomplete copy.
    #[error(
        "an API key has {KEY_CHARS} characters; this one has {chars}, so part of it may be missing"
    )]
    Length {
        /// How many came.
        chars: usize,
    },
    /// A character is wrong.
    #[error("the check characters of this API key do not fit; copy it again, a character is wrong")]
    Check,
}

impl KeyText {
    /// A new key from the system's randomness.
    pub fn generate(kind: KeyKind) -> KeyText {
        KeyText::from_random(kind, random_32())
    }

    /// The key whose body is `random`; for tests and for [`KeyText::generate`].
    pub fn from_random(kind: KeyKind, random: [u8; 32]) -> KeyText {
        let mut text = String::with_capacity(KEY_CHARS);
        text.push_str(kind.prefix());
        text.push_str(&base62(&random, BODY_CHARS));
        let check = check_characters(&text);
        text.push_str(&check);
        KeyText { kind, text }
    }

    /// Reads a key, and proves offline that it was copied whole.
    ///
    /// # Errors
    /// See [`NotAKey`]; its sentences are fit for an answer, they repeat nothing of the text.
    pub fn parse(text: &str) -> Result<KeyText, NotAKey> {
        let kinds = [KeyKind::Publishable, KeyKind::Secret];
        let kind = kinds.into_iter().find(|kind| text.starts_with(kind.prefix()));
        let kind = kind.ok_or(NotAKey::Prefix)?;
        if text.len() != KEY_CHARS {
            return Err(NotAKey::Length { chars: text.chars().count() });
        }
        if !text.bytes().skip(PREFIX_CHARS).all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(NotAKey::Check);
        }
        let (payload, check) = text.split_at(KEY_CHARS - CHECK_CHARS);
        if check != check_characters(payload) {
            return Err(NotAKey::Check);
        }
        Ok(KeyText { kind, text: text.to_owned() })
    }

    /// Publishable or secret.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The whole text. Show it once, to the person who asked for the key.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The first 8 characters of the body.
    pub fn display(&self) -> &str {
        self.text.get(PREFIX_CHARS..PREFIX_CHARS + DISPLAY_CHARS).unwrap_or_default()
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}…", self.kind.prefix(), self.display())
    }
}

/// 32 bytes from the system's randomness.
pub(crate) fn random_32() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives random bytes once it has started");
    bytes
}

fn check_characters(payload: &str) -> String {
    base62(&crc32fast::hash(payload.as_bytes()).to_be_bytes(), CHECK_CHARS)
}

/// `number`, big-endian, in exactly `width` digits of base 62. `width` must be wide enough.
fn base62(number: &[u8], width: usize) -> String {
    let mut number = number.to_vec();
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).expect("the rest is below 62");
            rest = value % 62;
        }
        *digit = BASE62.get(rest as usize).copied().unwrap_or(b'0');
    }
    assert!(number.iter().all(|byte| *byte == 0), "the width holds the number");
    digits.into_iter().map(char::from).collect()
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $scope:ident = $word:literal,)*) => {
        /// One thing that a key may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Scope { $($(#[$doc])* #[serde(rename = $word)] $scope,)* }

        impl Scope {
            /// Every scope, in the order of the documentation.
            pub const ALL: &[Scope] = &[$(Scope::$scope,)*];

            /// The word on the wire and the command line.
            pub fn word(self) -> &'static str {
                match self { $(Scope::$scope => $word,)* }
            }
        }
    };
}

scopes! {
    /// Append signals and begin sessions.
    SignalsWrite = "signals:write",
    /// State outcomes.
    DispositionsWrite = "dispositions:write",
    /// Read sessions, signals, people and reports.
    SessionsRead = "sessions:read",
    /// Erase a person or a session.
    SessionsErase = "sessions:erase",
    /// Change keys, destinations, outcomes and everything else that is configured.
    ConfigWrite = "config:write",
    /// Send parcels and quarantined payloads again.
    DeliveriesReplay = "deliveries:replay",
    /// Query with SQL and export.
    Export = "export",
    /// Read the audit log.
    AuditRead = "audit:read",
}

impl Scope {
    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<Scope> {
        Scope::ALL.iter().copied().find(|scope| scope.word() == word)
    }
}

/// A publishable key appends signals and does nothing else; a secret key does what was asked for,
/// and everything when nothing was.
pub fn granted_scopes(kind: KeyKind, asked: &[Scope]) -> BTreeSet<Scope> {
    match kind {
        KeyKind::Publishable => BTreeSet::from([Scope::SignalsWrite]),
        KeyKind::Secret if asked.is_empty() => Scope::ALL.iter().copied().collect(),
        KeyKind::Secret => asked.iter().copied().collect(),
    }
}

/// SHA-256 of the server's pepper and a key's text. The key has 256 random bits, so a fast hash is
/// enough; the pepper makes a stolen table useless beside other leaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// Everything that is known of a key except its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its number, from 1, for ever its own; what logs and the audit name.
    pub number: u32,
    /// Publishable or secret.
    pub kind: KeyKind,
    /// Whose data it opens.
    pub tenant: TenantId,
    /// The tenant's name, as the registry has it.
    pub tenant_name: String,
    /// What it may do. A word that this version does not know is no scope.
    #[serde(deserialize_with = "known_scopes")]
    pub scopes: BTreeSet<Scope>,
    /// Origins of pages that may use it, such as `https://shop.example` or
    /// `https://*.shop.example`; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Whether a disposition lacking a required field is refused (422) rather than completed.
    #[serde(default)]
    pub strict: bool,
    /// ISO 4217, for amounts that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// ISO 3166-1 alpha-2, for telephone numbers without a country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// IANA name of a time zone, for times that a contact centre sends without an offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The name space of the ids sent with this key (CORE.md 4); never the key itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A person's name for it.
    #[serde(default)]
    pub label: String,
    /// When it was issued.
    pub created_at: UnixMillis,
    /// From when it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixMillis>,
    /// When it was revoked; it is refused from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<UnixMillis>,
    /// The first 8 characters of the key's body.
    pub display: String,
    /// What it is found by.
    pub hash: KeyHash,
}

fn known_scopes<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Scope>, D::Error> {
    let words = Vec::<String>::deserialize(from)?;
    Ok(words.iter().filter_map(|word| Scope::from_word(word)).collect())
}

/// Whether a key is accepted at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Live,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl KeyRecord {
    /// Whether the key is accepted at `now`.
    pub fn standing(&self, now: UnixMillis) -> Standing {
        if self.revoked_at.is_some() {
            return Standing::Revoked;
        }
        match self.expires_at {
            Some(end) if end <= now => Standing::Expired,
            _ => Standing::Live,
        }
    }

    /// Whether a page of `origin` may use the key: it has no list, or the list holds the origin.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.is_empty() || self.origins.iter().any(|entry| origin_matches(entry, origin))
    }
}

/// Whether `entry` of an allow-list means `origin`. `https://*.shop.example` means every host below
/// `shop.example`, not `shop.example` itself; no other wildcard exists.
pub(crate) fn origin_matches(entry: &str, origin: &str) -> bool {
    let (entry, origin) = (entry.to_ascii_lowercase(), origin.to_ascii_lowercase());
    match entry.split_once("://*.") {
        None => entry == origin,
        Some((scheme, domain)) => {
            let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
            let below = host.and_then(|host| host.strip_suffix(domain));
            below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
    }
}

/// All keys in memory, found by hash. Readers share it; the registry changes it after the change
/// is on disk, so a revocation holds from the next request on.
pub struct KeyRing {
    pepper: [u8; 32],
    tokens: AccessTokens,
    keys: RwLock<Keys>,
}

#[derive(Default)]
struct Keys {
    by_hash: HashMap<KeyHash, Arc<KeyRecord>>,
    by_number: BTreeMap<u32, Arc<KeyRecord>>,
}

impl KeyRing {
    /// The ring of these keys under this pepper.
    pub fn new(pepper: [u8; 32], records: impl IntoIterator<Item = KeyRecord>) -> KeyRing {
        let tokens = AccessTokens::new(&pepper);
        let ring = KeyRing { pepper, tokens, keys: RwLock::default() };
        records.into_iter().for_each(|record| ring.put(record));
        ring
    }

    /// What the key with this text is found by.
    pub fn hash(&self, text: &KeyText) -> KeyHash {
        let hash = Sha256::new().chain_update(self.pepper).chain_update(text.reveal());
        KeyHash(hash.finalize().into())
    }

    /// The key with this text, whatever its standing. The last comparison takes the same time for
    /// every key.
    pub fn find(&self, text: &KeyText) -> Option<Arc<KeyRecord>> {
        let hash = self.hash(text);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let record = keys.by_hash.get(&hash)?;
        bool::from(record.hash.0.ct_eq(&hash.0)).then(|| Arc::clone(record))
    }

    /// A token that stands for key `number` until `ends_at`.
    pub fn issue_token(&self, number: u32, ends_at: UnixMillis) -> String {
        self.tokens.issue(AccessToken { key_number: number, ends_at })
    }

    /// The key that a token stands for, whatever its standing, and when the token ends.
    pub fn find_by_token(&self, text: &str) -> Option<(Arc<KeyRecord>, UnixMillis)> {
        let token = self.tokens.verify(text)?;
        Some((self.get(token.key_number)?, token.ends_at))
    }

    /// The key with this number.
    pub fn get(&self, number: u32) -> Option<Arc<KeyRecord>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_number.get(&number).cloned()
    }

    /// Every key, by number.
    pub fn list(&self) -> Vec<Arc<KeyRecord>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_number.values().cloned().collect()
    }

    /// The number that the next key gets.
    pub fn next_number(&self) -> u32 {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_number.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    /// The record of a key with this text, under the next number and with everything else as by
    /// default; it is not in the ring yet.
    pub fn record(&self, text: &KeyText, tenant: TenantId, tenant_name: &str) -> KeyRecord {
        KeyRecord {
            number: self.next_number(),
            kind: text.kind(),
            tenant,
            tenant_name: tenant_name.to_owned(),
            scopes: granted_scopes(text.kind(), &[]),
            origins: Vec::new(),
            strict: false,
            currency: None,
            country: None,
            timezone: None,
            source: None,
            label: String::new(),
            created_at: UnixMillis(0),
            expires_at: None,
            revoked_at: None,
            display: text.display().to_owned(),
            hash: self.hash(text),
        }
    }

    /// Adds a key, or replaces the one of its number.
    pub fn put(&self, record: KeyRecord) {
        let record = Arc::new(record);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = keys.by_number.insert(record.number, Arc::clone(&record)) {
            keys.by_hash.remove(&before.hash);
        }
        keys.by_hash.insert(record.hash, record);
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list().iter().map(|record| record.number)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(ring: &KeyRing, number: u32, text: &KeyText) -> KeyRecord {
        KeyRecord { number, ..ring.record(text, TenantId(1), "shop") }
    }

    #[test]
    fn the_greatest_and_the_smallest_body_have_43_characters() {
        let greatest = KeyText::from_random(KeyKind::Secret, [0xff; 32]);
        let smallest = KeyText::from_random(KeyKind::Publishable, [0; 32]);
        assert_eq!((greatest.reveal().len(), smallest.reveal().len()), (KEY_CHARS, KEY_CHARS));
        let zeros = "0".repeat(43);
        assert!(smallest.reveal().starts_with(&format!("sny_pk_{zeros}")));
        assert_eq!(format!("{smallest:?}"), "sny_pk_00000000…");
    }

    #[test]
    fn the_wrong_text_is_told_why() {
        let tell = |text: &str| KeyText::parse(text).unwrap_err().to_string();
        assert!(tell("sk_live_123").contains("begins with"));
        assert!(tell("sny_pk_short").contains("this one has 12"));
        assert!(tell(&format!("sny_sk_{}", "0".repeat(49))).contains("check characters"));
        assert!(tell(&format!("sny_sk_{}é", "0".repeat(47))).contains("check characters"));
    }

    proptest! {
        #[test]
        fn a_key_reads_back(random: [u8; 32], secret: bool) {
            let kind = if secret { KeyKind::Secret } else { KeyKind::Publishable };
            let key = KeyText::from_random(kind, random);
            prop_assert!(regex_like(key.reveal()));
            prop_assert_eq!(KeyText::parse(key.reveal()), Ok(key));
        }

        #[test]
        fn a_changed_character_is_refused_offline(random: [u8; 32], at in 0..KEY_CHARS, new in "[0-9A-Za-z_]") {
            let key = KeyText::from_random(KeyKind::Secret, random);
            let mut text = key.reveal().to_owned();
            text.replace_range(at..=at, &new);
            prop_assert_eq!(KeyText::parse(&text).is_ok(), text == key.reveal());
        }

        #[test]
        fn no_text_makes_parse_panic(text in ".{0,80}") {
            let _ = KeyText::parse(&text);
            let _ = KeyText::parse(&format!("sny_pk_{text}"));
        }
    }

    /// [`KEY_PATTERN`] by hand.
    fn regex_like(text: &str) -> bool {
        let body = text.strip_prefix("sny_pk_").or_else(|| text.strip_prefix("sny_sk_"));
        body.is_some_and(|b| b.len() == 49 && b.bytes().all(|c| c.is_ascii_alphanumeric()))
    }

    #[test]
    fn a_key_is_found_by_its_text_under_the_same_pepper_only() {
        let (ring, other) = (KeyRing::new([1; 32], []), KeyRing::new([2; 32], []));
        let text = KeyText::generate(KeyKind::Secret);
        ring.put(record(&ring, 1, &text));
        other.put(record(&ring, 1, &text));
        assert_eq!(ring.find(&text).map(|found| found.number), Some(1));
        assert_eq!(other.find(&text), None);
        assert_eq!(ring.find(&KeyText::generate(KeyKind::Secret)), None);
        assert_eq!(ring.next_number(), 2);
    }

    #[test]
    fn a_key_lives_until_it_expires_or_is_revoked() {
        let ring = KeyRing::new([1; 32], []);
        let mut key = record(&ring, 1, &KeyText::generate(KeyKind::Secret));
        key.expires_at = Some(UnixMillis(10));
        assert_eq!(key.standing(UnixMillis(9)), Standing::Live);
        assert_eq!(key.standing(UnixMillis(10)), Standing::Expired);
        key.revoked_at = Some(UnixMillis(5));
        assert_eq!(key.standing(UnixMillis(9)), Standing::Revoked);
    }

    #[test]
    fn a_record_reads_back_and_does_not_hold_the_text() {
        let ring = KeyRing::new([1; 32], []);
        let text = KeyText::generate(KeyKind::Secret);
        let record = record(&ring, 7, &text);
        let json = serde_json::to_string(&record).unwrap();
        assert!(!json.contains(text.reveal()));
        assert_eq!(serde_json::from_str::<KeyRecord>(&json).unwrap(), record);
        let of_tomorrow = json.replace("signals:write", "stars:gaze");
        let read: KeyRecord = serde_json::from_str(&of_tomorrow).unwrap();
        assert_eq!(read.scopes.len(), record.scopes.len() - 1);
    }

    #[test]
    fn origins() {
        let check = |entry, origin, expected| {
            assert_eq!(origin_matches(entry, origin), expected, "{entry} {origin}");
        };
        check("https://shop.example", "https://shop.example", true);
        check("https://Shop.example", "https://shop.EXAMPLE", true);
        check("https://shop.example", "http://shop.example", false);
        check("https://shop.example", "https://shop.example:8443", false);
        check("https://shop.example", "https://shop.example.evil.example", false);
        check("https://*.shop.example", "https://www.shop.example", true);
        check("https://*.shop.example", "https://a.b.shop.example", true);
        check("https://*.shop.example", "https://shop.example", false);
        check("https://*.shop.example", "https://.shop.example", false);
        check("https://*.shop.example", "https://evilshop.example", false);
        check("https://*.shop.example", "http://www.shop.example", false);
        check("*", "https://shop.example", false);
        check("null", "null", true);
    }
}
