//! Action keys: public names of the points where signals come from, such as a page tag, a phone
//! line or a till.
//!
//! `ak_` and base32 in lower case of 14 bytes: version 1, number of the action type, number of the
//! key (4 bytes, big end first), and the first 8 bytes of the HMAC-SHA-256 over these six under a
//! secret of the server. So a mistyped or made-up key is known without a look-up; whether a key was
//! withdrawn is looked up by its number.
use data_encoding::BASE32_NOPAD_NOCASE;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sessionary_core::channel::SessionType;
use sha2::Sha256;

const PREFIX: &str = "ak_";
const VERSION: u8 = 1;
const HEAD_LENGTH: usize = 6;
const TAG_LENGTH: usize = 8;

/// What an action key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionKey {
    /// The action type, one of the eight of the Handshake.
    pub action_type: SessionType,
    /// The number of the key in the registry.
    pub number: u32,
}

/// A text that is not an action key of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnActionKey {
    /// Another shape: perhaps a token of another system, registered as an alias.
    #[error(
        "the action key has not the form of ours; register it as an alias, or send one that starts with ak_"
    )]
    Foreign,
    /// A later version.
    #[error("the action key is of version {0}; this server knows version 1")]
    Version(u8),
    /// Mistyped, made up, or of another server.
    #[error("the action key was not issued by this server; copy it again from the console")]
    Forged,
}

impl ActionKey {
    /// The text of the key; `None` for a type of session that is no action type.
    pub fn issue(self, secret: &[u8]) -> Option<String> {
        let [a, b, c, d] = self.number.to_be_bytes();
        let head = [VERSION, self.action_type.action_number()?, a, b, c, d];
        let tag = mac(secret, &head).finalize().into_bytes();
        let bytes: Vec<u8> = head.into_iter().chain(tag.into_iter().take(TAG_LENGTH)).collect();
        Some(format!("{PREFIX}{}", BASE32_NOPAD_NOCASE.encode(&bytes).to_lowercase()))
    }

    /// Reads and proves a key, in constant time for keys of the right shape.
    ///
    /// # Errors
    /// A key of another shape, version or server.
    pub fn verify(text: &str, secret: &[u8]) -> Result<ActionKey, NotAnActionKey> {
        let (head, tag) = parts(text).ok_or(NotAnActionKey::Foreign)?;
        let [version, action_type, number @ ..] = head;
        if version != VERSION {
            return Err(NotAnActionKey::Version(version));
        }
        mac(secret, &head).verify_truncated_left(&tag).map_err(|_| NotAnActionKey::Forged)?;
        let action_type =
            SessionType::from_action_number(action_type).ok_or(NotAnActionKey::Forged)?;
        Ok(ActionKey { action_type, number: u32::from_be_bytes(number) })
    }
}

fn mac(secret: &[u8], head: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(head);
    mac
}

fn parts(text: &str) -> Option<([u8; HEAD_LENGTH], [u8; TAG_LENGTH])> {
    let bytes = BASE32_NOPAD_NOCASE.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?;
    let (head, tag) = bytes.split_at_checked(HEAD_LENGTH)?;
    Some((head.try_into().ok()?, tag.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const SECRET: &[u8] = b"secret";

    #[test]
    fn a_key_says_its_action_type_and_number_and_no_other_server_believes_it() {
        let key = ActionKey { action_type: SessionType::KioskVisit, number: 70_000 };
        let text = key.issue(SECRET).unwrap();
        expect!["ak_aedaaairod2nktg3qjs7a5a"].assert_eq(&text);
        assert_eq!(ActionKey::verify(&text, SECRET), Ok(key));
        assert_eq!(ActionKey::verify(&text.to_uppercase().replace("AK_", "ak_"), SECRET), Ok(key));
        assert_eq!(ActionKey::verify(&text, b"other"), Err(NotAnActionKey::Forged));
    }

    #[test]
    fn one_wrong_letter_is_noticed() {
        let key = ActionKey { action_type: SessionType::PhoneCall, number: 1 };
        let text = key.issue(SECRET).unwrap();
        for at in PREFIX.len()..text.len() {
            for letter in ["a", "b", "7"] {
                let mut wrong = text.clone();
                wrong.replace_range(at..=at, letter);
                assert!(wrong == text || ActionKey::verify(&wrong, SECRET).is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn a_token_of_another_system_is_foreign() {
        for text in ["", "ak_", "ak_example", "token", "ak_aaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(ActionKey::verify(text, SECRET), Err(NotAnActionKey::Foreign));
        }
        let chat = ActionKey { action_type: SessionType::Chat, number: 1 };
        assert_eq!(chat.issue(SECRET), None);
    }
}
