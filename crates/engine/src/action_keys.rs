//! Action keys: the registry of integration points (a page tag, a tracking number, a till).
//!
//! An action key is public. It names a point and grants appending signals, no more; a disposition
//! also needs an API key. Our own tokens prove themselves by an HMAC before any look-up; a token of
//! another system is an alias of one of our numbers, valid for its tenant alone.
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};
use sessionary_core::{
    channel::{Channel, SessionType},
    disposition::ClaimPolicy,
    signal::TenantId,
    time::UnixMillis,
};

use sessionary_dialects::handshake::action_key::ActionKey;

use crate::keys::origin_matches;

/// What an integration point leads to: the number of a program signal type, and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramSignal {
    /// Such as 2002, a dialled number.
    pub signal_type: u32,
    /// Such as `+16195551212`.
    pub value: String,
}

/// One integration point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionKeyRecord {
    /// Its number, from 1, for ever its own; encoded in the token.
    pub number: u32,
    /// The action type, one of the eight; encoded in the token.
    pub action_type: SessionType,
    /// Whose it is.
    pub tenant: TenantId,
    /// The channel, where it is another than the action type implies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// A person's name for it, such as the site or the shop's till.
    #[serde(default)]
    pub label: String,
    /// Which of several claims through this key holds.
    #[serde(default)]
    pub policy: ClaimPolicy,
    /// ISO 4217; overrides the API key's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// ISO 3166-1 alpha-2; overrides the API key's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// What the point leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramSignal>,
    /// Origins of pages that may use it, as in [`crate::keys::KeyRecord::origins`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Tokens of other systems that mean this point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was revoked; it is unknown from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<UnixMillis>,
}

impl ActionKeyRecord {
    /// The channel: the point's own, else the action type's.
    pub fn channel(&self) -> Option<Channel> {
        self.channel.or_else(|| self.action_type.channel())
    }

    /// Whether a page of `origin` may use it.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.is_empty() || self.origins.iter().any(|entry| origin_matches(entry, origin))
    }
}

/// What a token means to the tenant who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A live action key of this tenant.
    Mine(Arc<ActionKeyRecord>),
    /// A live action key, but another tenant's: 403.
    OtherTenant,
    /// Forged, mistyped, revoked or never registered.
    Unknown,
}

/// Why an action key cannot be registered as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionKeyError {
    /// The action type is not one of the eight.
    #[error("`{got}` is no action type; send one of the eight, such as `phone_call`")]
    ActionType {
        /// The word of what came.
        got: &'static str,
    },
    /// The alias names another point of the same tenant already.
    #[error(
        "the token {alias:?} is an alias of action key {number} already; remove it there first"
    )]
    AliasTaken {
        /// The token.
        alias: String,
        /// The action key that has it.
        number: u32,
    },
    /// The alias is empty or too long to be a token.
    #[error("an alias has 1 to 255 characters; one has {chars}")]
    AliasLength {
        /// How many came.
        chars: usize,
    },
}

/// All action keys in memory. Changed by the registry after the change is on disk.
pub struct ActionKeyRing {
    secret: [u8; 32],
    keys: RwLock<Keys>,
}

#[derive(Default)]
struct Keys {
    by_number: BTreeMap<u32, Arc<ActionKeyRecord>>,
    by_alias: HashMap<(TenantId, String), u32>,
}

impl ActionKeyRing {
    /// The ring of these action keys, whose tokens are proved by `secret`.
    pub fn new(
        secret: [u8; 32],
        records: impl IntoIterator<Item = ActionKeyRecord>,
    ) -> ActionKeyRing {
        let ring = ActionKeyRing { secret, keys: RwLock::default() };
        records.into_iter().for_each(|record| ring.put(record));
        ring
    }

    /// What `token`, sent with a key of `tenant`, means.
    pub fn look_up(&self, tenant: TenantId, token: &str) -> Found {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let ours = ActionKey::verify(token, &self.secret).ok();
        let number = ours.map(|ours| ours.number);
        let number = number.or_else(|| keys.by_alias.get(&(tenant, token.to_owned())).copied());
        let record = number.and_then(|number| keys.by_number.get(&number));
        match record {
            Some(record) if record.revoked_at.is_some() => Found::Unknown,
            Some(record) if ours.is_some_and(|ours| ours.action_type != record.action_type) => {
                Found::Unknown
            }
            Some(record) if record.tenant == tenant => Found::Mine(Arc::clone(record)),
            Some(_) => Found::OtherTenant,
            None => Found::Unknown,
        }
    }

    /// The token of an action key. It is public and can be made again at any time.
    pub fn token(&self, record: &ActionKeyRecord) -> Option<String> {
        let ActionKeyRecord { action_type, number, .. } = *record;
        ActionKey { action_type, number }.issue(&self.secret)
    }

    /// The action key with this number, if it is `tenant`'s.
    pub fn get(&self, tenant: TenantId, number: u32) -> Option<Arc<ActionKeyRecord>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_number.get(&number).filter(|record| record.tenant == tenant).cloned()
    }

    /// The action keys of `tenant`, by number.
    pub fn list(&self, tenant: TenantId) -> Vec<Arc<ActionKeyRecord>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_number.values().filter(|record| record.tenant == tenant).cloned().collect()
    }

    /// The number that the next action key gets.
    pub fn next_number(&self) -> u32 {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_number.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    /// Whether `record` may be registered: its type exists, its aliases are free.
    ///
    /// # Errors
    /// The first thing that stands against it.
    pub fn check(&self, record: &ActionKeyRecord) -> Result<(), ActionKeyError> {
        if record.action_type.action_number().is_none() {
            return Err(ActionKeyError::ActionType { got: record.action_type.word() });
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        for alias in &record.aliases {
            let chars = alias.chars().count();
            if !(1..=255).contains(&chars) {
                return Err(ActionKeyError::AliasLength { chars });
            }
            match keys.by_alias.get(&(record.tenant, alias.clone())) {
                Some(number) if *number != record.number => {
                    return Err(ActionKeyError::AliasTaken {
                        alias: alias.clone(),
                        number: *number,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds an action key, or replaces the one of its number. A revoked one frees its aliases.
    pub fn put(&self, record: ActionKeyRecord) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.by_alias.retain(|_, number| *number != record.number);
        if record.revoked_at.is_none() {
            for alias in &record.aliases {
                keys.by_alias.insert((record.tenant, alias.clone()), record.number);
            }
        }
        keys.by_number.insert(record.number, Arc::new(record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u32, tenant: u32, aliases: &[&str]) -> ActionKeyRecord {
        ActionKeyRecord {
            number,
            action_type: SessionType::PhoneCall,
            tenant: TenantId(tenant),
            channel: None,
            label: "main line".into(),
            policy: ClaimPolicy::Last,
            currency: None,
            country: None,
            program: None,
            origins: Vec::new(),
            aliases: aliases.iter().map(|&alias| alias.into()).collect(),
            created_at: UnixMillis(0),
            revoked_at: None,
        }
    }

    fn ring() -> ActionKeyRing {
        let revoked = ActionKeyRecord { revoked_at: Some(UnixMillis(1)), ..record(3, 1, &["OLD"]) };
        let records = [record(1, 1, &["X7"]), record(2, 2, &["X7"]), revoked];
        ActionKeyRing::new([9; 32], records)
    }

    fn check(tenant: u32, token: &str, expected: &str) {
        let found = match ring().look_up(TenantId(tenant), token) {
            Found::Mine(record) => format!("mine {}", record.number),
            Found::OtherTenant => "other tenant".into(),
            Found::Unknown => "unknown".into(),
        };
        assert_eq!(found, expected, "{tenant} {token}");
    }

    fn token(action_type: SessionType, number: u32) -> String {
        ActionKey { action_type, number }.issue(&[9; 32]).unwrap()
    }

    #[test]
    fn a_token_means_a_point_of_its_tenant() {
        use SessionType::{PhoneCall, WebVisit};
        check(1, &token(PhoneCall, 1), "mine 1");
        check(2, &token(PhoneCall, 1), "other tenant");
        check(1, &token(WebVisit, 1), "unknown");
        check(1, &token(PhoneCall, 3), "unknown");
        check(1, &token(PhoneCall, 4), "unknown");
        let forged = ActionKey { action_type: PhoneCall, number: 1 }.issue(&[8; 32]).unwrap();
        check(1, &forged, "unknown");
        assert_eq!(ring().token(&record(1, 1, &[])), Some(token(PhoneCall, 1)));
    }

    #[test]
    fn a_foreign_token_means_a_point_of_the_tenant_that_registered_it() {
        check(1, "X7", "mine 1");
        check(2, "X7", "mine 2");
        check(3, "X7", "unknown");
        check(1, "OLD", "unknown");
        check(1, "", "unknown");
    }

    #[test]
    fn an_alias_is_given_once_a_tenant() {
        let told = |record| ring().check(&record).map_err(|error| error.to_string());
        assert!(told(record(4, 1, &["X7"])).unwrap_err().contains("action key 1 already"));
        assert_eq!(told(record(4, 3, &["X7"])), Ok(()));
        assert_eq!(told(record(4, 1, &["OLD"])), Ok(()));
        assert_eq!(told(record(1, 1, &["X7"])), Ok(()));
        let odd = ActionKeyRecord { action_type: SessionType::Chat, ..record(4, 1, &[]) };
        assert!(told(odd).unwrap_err().contains("one of the eight"));
    }

    #[test]
    fn the_action_type_implies_the_channel_unless_the_point_says_more() {
        assert_eq!(record(1, 1, &[]).channel(), Some(Channel::Voice));
        let chat = ActionKeyRecord { channel: Some(Channel::Chat), ..record(1, 1, &[]) };
        assert_eq!(chat.channel(), Some(Channel::Chat));
    }
}
