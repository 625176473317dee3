//! Access tokens: what a client of OAuth gets for its secret key, good for a day.
//!
//! `sny_at_` and base64url of 45 bytes: version 1, the key's number (4 bytes, big end first), when it
//! ends (8 bytes, milliseconds since 1970), and the HMAC-SHA-256 over these thirteen. Nothing is
//! kept: a token stands for its key, so it may do what the key may, and is dead when the key is.
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sessionary_core::time::UnixMillis;
use sha2::{Digest as _, Sha256};

/// How every token begins.
pub const PREFIX: &str = "sny_at_";

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 13;
const TAG_BYTES: usize = 32;
const BYTES: usize = HEAD_BYTES + TAG_BYTES;

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The number of the key that it stands for.
    pub key_number: u32,
    /// From when it is refused.
    pub ends_at: UnixMillis,
}

/// Makes and proves tokens.
pub struct AccessTokens {
    secret: [u8; 32],
}

impl AccessTokens {
    /// Under a secret of their own, which follows from the server's pepper.
    pub fn new(pepper: &[u8; 32]) -> AccessTokens {
        let secret = Sha256::new().chain_update(b"sessionary access tokens").chain_update(pepper);
        AccessTokens { secret: secret.finalize().into() }
    }

    /// The text of a token.
    pub fn issue(&self, token: AccessToken) -> String {
        let head = head(token);
        let tag = self.mac(&head).finalize().into_bytes();
        let bytes: Vec<u8> = head.into_iter().chain(tag).collect();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token says; `None` when this server did not issue it. Takes the same time for every
    /// token of the right shape.
    pub fn verify(&self, text: &str) -> Option<AccessToken> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let bytes: [u8; BYTES] = bytes.try_into().ok()?;
        let (head, tag) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        self.mac(head).verify_slice(tag).ok()?;
        let [version, a, b, c, d, ends @ ..] = *head;
        (version == VERSION).then(|| AccessToken {
            key_number: u32::from_be_bytes([a, b, c, d]),
            ends_at: UnixMillis(i64::from_be_bytes(ends)),
        })
    }

    fn mac(&self, head: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.secret);
        mac.expect("a key may have any length").chain_update(head)
    }
}

fn head(token: AccessToken) -> [u8; HEAD_BYTES] {
    let mut head = [VERSION; HEAD_BYTES];
    let said = token.key_number.to_be_bytes().into_iter().chain(token.ends_at.0.to_be_bytes());
    for (to, from) in head.iter_mut().skip(1).zip(said) {
        *to = from;
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEPPER: [u8; 32] = [7; 32];

    #[test]
    fn a_token_is_that_of_the_last_release() {
        let token = AccessToken { key_number: 3, ends_at: UnixMillis(1_767_607_200_000) };
        let text = AccessTokens::new(&PEPPER).issue(token);
        expect_test::expect!["sny_at_AQAAAAMAAAGbjZlpAMGeQVlHVgpyk0cCkBVClK1kx99Oy_t9dFX2YX5l4eMd"]
            .assert_eq(&text);
    }

    proptest! {
        #[test]
        fn what_was_issued_is_proved_and_nothing_else(
            key_number: u32, ends: i64, at in 0_usize..60, with in "[A-Za-z0-9_-]",
        ) {
            let tokens = AccessTokens::new(&PEPPER);
            let token = AccessToken { key_number, ends_at: UnixMillis(ends) };
            let text = tokens.issue(token);
            prop_assert_eq!(tokens.verify(&text), Some(token));
            prop_assert_eq!(AccessTokens::new(&[8; 32]).verify(&text), None);
            let mut other = text.clone();
            other.replace_range(PREFIX.len() + at..=PREFIX.len() + at, &with);
            prop_assert!(other == text || tokens.verify(&other).is_none());
        }

        #[test]
        fn no_text_makes_it_panic(text in "(sny_at_)?\\PC{0,80}") {
            prop_assert_eq!(AccessTokens::new(&PEPPER).verify(&text), None);
        }
    }
}
