//! Signatures of webhooks: `v1`, HMAC-SHA-256, and `v1a`, Ed25519.
//!
//! Signed is `id.seconds.body`. With several keys, as while one is replaced, all sign, and a receiver
//! takes the message if it knows one of them.
use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{hmac, signature::Ed25519KeyPair};

/// Bytes of a shared key.
const SHARED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// More keys than any rotation needs.
const KEYS_MAX: usize = 8;

/// A new shared key: `whsec_` and 32 random bytes in Base64.
///
/// # Panics
/// When the system has no random numbers.
pub fn new_webhook_secret() -> String {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).expect("the system gives random numbers");
    format!("whsec_{}", BASE64_STANDARD.encode(key))
}

/// The keys of one receiver, newest first. Never shown.
pub(super) struct Keys(Vec<Key>);

enum Key {
    Shared(hmac::Key),
    Pair(Ed25519KeyPair),
}

impl Keys {
    /// Reads `whsec_…` and `whsk_…`, between them blanks or commas.
    pub(super) fn parse(text: &str) -> Result<Keys, String> {
        let words = text.split([' ', ',', '\n', '\t', '\r']).filter(|word| !word.is_empty());
        let keys = words.map(Key::parse).collect::<Result<Vec<_>, _>>()?;
        match keys.len() {
            0 => Err("a webhook is signed; send a key, whsec_ and 24 to 64 bytes in Base64".into()),
            1..=KEYS_MAX => Ok(Keys(keys)),
            many => Err(format!("{many} keys; send at most {KEYS_MAX}, the newest first")),
        }
    }

    /// The header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut signed = format!("{id}.{seconds}.").into_bytes();
        signed.extend_from_slice(body);
        let signatures = self.0.iter().map(|key| key.sign(&signed));
        signatures.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl Key {
    fn parse(word: &str) -> Result<Key, String> {
        if let Some(shared) = word.strip_prefix("whsec_") {
            let bytes = decode(shared).filter(|bytes| SHARED_BYTES.contains(&bytes.len()));
            let bytes = bytes.ok_or("a whsec_ key is 24 to 64 bytes in Base64")?;
            return Ok(Key::Shared(hmac::Key::new(hmac::HMAC_SHA256, &bytes)));
        }
        let pair = word.strip_prefix("whsk_").ok_or("a key begins with whsec_ or whsk_")?;
        let bytes = decode(pair).unwrap_or_default();
        let (seed, public) = bytes.split_at_checked(32).unwrap_or_default();
        let pair = match public.len() {
            0 => Ed25519KeyPair::from_seed_unchecked(seed),
            _ => Ed25519KeyPair::from_seed_and_public_key(seed, public),
        };
        pair.map(Key::Pair).map_err(|_| {
            "a whsk_ key is the 32 bytes of an Ed25519 seed in Base64, the public key behind it or not"
                .to_owned()
        })
    }

    fn sign(&self, signed: &[u8]) -> String {
        match self {
            Key::Shared(key) => {
                format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(key, signed)))
            }
            Key::Pair(pair) => format!("v1a,{}", BASE64_STANDARD.encode(pair.sign(signed))),
        }
    }
}

/// Base64 with or without its padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let missing = "=".repeat((4 - text.len() % 4) % 4);
    BASE64_STANDARD.decode(format!("{text}{missing}")).ok()
}

/// What the holder of a `whsk_` key gives to receivers; `None` for another key.
#[cfg(test)]
fn public_key(word: &str) -> Option<String> {
    use ring::signature::KeyPair;
    match Key::parse(word).ok()? {
        Key::Pair(pair) => Some(format!("whpk_{}", BASE64_STANDARD.encode(pair.public_key()))),
        Key::Shared(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(keys: &str, expected: &Expect) {
        let signed = Keys::parse(keys).map(|keys| {
            keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)
        });
        expected.assert_eq(&signed.unwrap_or_else(|why| format!("error: {why}")));
    }

    /// The published example of the specification's libraries.
    #[test]
    fn a_shared_key_signs_as_the_published_example() {
        check(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            &expect!["v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
        );
    }

    /// The first key of RFC 8032, section 7.1.
    #[test]
    fn a_pair_is_the_one_of_the_rfc() {
        assert_eq!(
            public_key("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="),
            Some("whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned())
        );
    }

    #[test]
    fn every_key_signs() {
        check(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            &expect![
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw=="
            ],
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        check(
            "",
            &expect!["error: a webhook is signed; send a key, whsec_ and 24 to 64 bytes in Base64"],
        );
        check("secret", &expect!["error: a key begins with whsec_ or whsk_"]);
        check("whsec_c2hvcnQ=", &expect!["error: a whsec_ key is 24 to 64 bytes in Base64"]);
        check("whsec_!!!", &expect!["error: a whsec_ key is 24 to 64 bytes in Base64"]);
        check(
            "whsk_c2hvcnQ=",
            &expect![
                "error: a whsk_ key is the 32 bytes of an Ed25519 seed in Base64, the public key behind it or not"
            ],
        );
        let (a, b) = (new_webhook_secret(), new_webhook_secret());
        assert!(a != b && Keys::parse(&format!("{a} {b}")).is_ok());
        assert_eq!(format!("{:?}", Keys::parse(&a).unwrap()), "1 keys");
    }
}
