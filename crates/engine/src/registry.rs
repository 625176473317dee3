//! The registry: tenants, API keys, action keys and the server's secrets, kept in the store.
//!
//! A change is on disk before it is in memory, so what was promised survives; it is in memory when
//! the call returns, so a revocation holds from the next request on. Rows are JSON, one a thing:
//! table `Keys` has `api_key/NUMBER` and `action_key/NUMBER`, table `Config` has `tenant/NUMBER`
//! and `secret/NAME`; numbers are four bytes, big-endian.
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sessionary_core::{
    signal::TenantId,
    time::{Millis, UnixMillis},
};
use sessionary_store::{Direction, Durability, Rows, Store, StoreError, Table};

use crate::{
    action_keys::{ActionKeyError, ActionKeyRecord, ActionKeyRing},
    keys::{KeyKind, KeyRecord, KeyRing, KeyText, Scope, Standing, granted_scopes, random_32},
};

const API_KEY: &[u8] = b"api_key/";
const ACTION_KEY: &[u8] = b"action_key/";
const TENANT: &[u8] = b"tenant/";
const SECRET: &[u8] = b"secret/";
const SEALING: &str = "sealing";

/// What the registry cannot do, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is not what was written.
    #[error("the row {row} of the registry cannot be read; restore a backup")]
    Unreadable {
        /// Which row.
        row: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A secret is gone although there are keys that need it.
    #[error(
        "the server's secret `{name}` is missing although keys were issued with it; restore a backup"
    )]
    SecretLost {
        /// Which secret.
        name: &'static str,
    },
    /// The tenant has no key with this number.
    #[error("there is no key {number}; list the keys to see their numbers")]
    NoSuchKey {
        /// What was asked for.
        number: u32,
    },
    /// A dead key cannot be rotated.
    #[error("key {number} has expired or was revoked; issue a new one")]
    KeyIsDead {
        /// What was asked for.
        number: u32,
    },
    /// The name cannot be a tenant's.
    #[error("{got:?} cannot name a tenant; use 1 to 64 letters, digits, `-`, `_` and `.`")]
    TenantName {
        /// What came, at most 80 characters of it.
        got: String,
    },
    /// The action key cannot be registered.
    #[error(transparent)]
    ActionKey(#[from] ActionKeyError),
}

/// A tenant of this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its number, from 1, for ever its own.
    pub number: TenantId,
    /// Its name, unique.
    pub name: String,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// The server's own secrets, made once for a data directory.
#[derive(Clone)]
pub struct Secrets {
    /// Goes into the hash of every API key.
    pub pepper: [u8; 32],
    /// Proves action keys.
    pub action_key: [u8; 32],
    /// Keys the hashes of identities.
    pub identity_hash: [u8; 32],
    /// Encrypts the secrets of destinations, unless the operator keeps a key elsewhere.
    pub sealing: [u8; 32],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// What a new key shall be; the rest follows.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Publishable or secret.
    pub kind: KeyKind,
    /// The tenant's name; the tenant is made if there is none of this name.
    pub tenant: String,
    /// For a secret key; empty: all.
    pub scopes: Vec<Scope>,
    /// As in [`KeyRecord::origins`].
    pub origins: Vec<String>,
    /// As in [`KeyRecord::strict`].
    pub strict: bool,
    /// As in [`KeyRecord::currency`].
    pub currency: Option<String>,
    /// As in [`KeyRecord::country`].
    pub country: Option<String>,
    /// As in [`KeyRecord::timezone`].
    pub timezone: Option<String>,
    /// As in [`KeyRecord::source`].
    pub source: Option<String>,
    /// A person's name for it.
    pub label: String,
    /// From when it is refused.
    pub expires_at: Option<UnixMillis>,
}

impl NewKey {
    /// A key of this kind for this tenant, everything else as by default.
    pub fn new(kind: KeyKind, tenant: impl Into<String>) -> NewKey {
        NewKey {
            kind,
            tenant: tenant.into(),
            scopes: Vec::new(),
            origins: Vec::new(),
            strict: false,
            currency: None,
            country: None,
            timezone: None,
            source: None,
            label: String::new(),
            expires_at: None,
        }
    }
}

/// Tenants, keys and secrets of one data directory.
pub struct Registry {
    store: Store,
    secrets: Secrets,
    keys: Arc<KeyRing>,
    action_keys: Arc<ActionKeyRing>,
    tenants: RwLock<BTreeMap<TenantId, Tenant>>,
    /// Numbers are given and rows written by one caller at a time.
    changing: Mutex<()>,
}

impl Registry {
    /// Reads the registry of `store`; makes the secrets of a new data directory.
    ///
    /// # Errors
    /// The store's; a row that cannot be read; a secret that is missing beside keys.
    pub fn open(store: Store) -> Result<Registry, RegistryError> {
        let keys: Vec<KeyRecord> = rows(&store, Table::Keys, API_KEY)?;
        let action_keys: Vec<ActionKeyRecord> = rows(&store, Table::Keys, ACTION_KEY)?;
        let tenants: Vec<Tenant> = rows(&store, Table::Config, TENANT)?;
        let secrets = if tenants.is_empty() && keys.is_empty() && action_keys.is_empty() {
            kept_or_new_secrets(&store)?
        } else {
            kept_secrets(&store)?
        };
        Ok(Registry {
            keys: Arc::new(KeyRing::new(secrets.pepper, keys)),
            action_keys: Arc::new(ActionKeyRing::new(secrets.action_key, action_keys)),
            tenants: RwLock::new(tenants.into_iter().map(|row| (row.number, row)).collect()),
            changing: Mutex::new(()),
            secrets,
            store,
        })
    }

    /// The server's secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The API keys, for whoever looks callers up.
    pub fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys)
    }

    /// The action keys, for whoever looks tokens up.
    pub fn action_keys(&self) -> Arc<ActionKeyRing> {
        Arc::clone(&self.action_keys)
    }

    /// Every tenant, by number.
    pub fn tenants(&self) -> Vec<Tenant> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.values().cloned().collect()
    }

    /// The tenant of this name, made if there is none.
    ///
    /// # Errors
    /// A name that cannot be one; the store's.
    pub fn tenant(&self, name: &str, now: UnixMillis) -> Result<TenantId, RegistryError> {
        self.tenant_while(&self.change(), name, now)
    }

    /// Issues a key. The text is nowhere but in the answer.
    ///
    /// # Errors
    /// As [`Registry::tenant`].
    pub fn issue(
        &self,
        new: NewKey,
        now: UnixMillis,
    ) -> Result<(KeyText, Arc<KeyRecord>), RegistryError> {
        let changing = self.change();
        let tenant = self.tenant_while(&changing, &new.tenant, now)?;
        let text = KeyText::generate(new.kind);
        let record = KeyRecord {
            scopes: granted_scopes(new.kind, &new.scopes),
            origins: new.origins,
            strict: new.strict,
            currency: new.currency,
            country: new.country,
            timezone: new.timezone,
            source: new.source,
            label: new.label,
            created_at: now,
            expires_at: new.expires_at,
            ..self.keys.record(&text, tenant, &new.tenant)
        };
        Ok((text, self.keep_key(&changing, record)?))
    }

    /// Takes a key of `tenant` back, from the next request on. Doing so again changes nothing.
    ///
    /// # Errors
    /// The tenant has no such key; the store's.
    pub fn revoke(
        &self,
        tenant: TenantId,
        number: u32,
        now: UnixMillis,
    ) -> Result<Arc<KeyRecord>, RegistryError> {
        let changing = self.change();
        let before = self.key_of(tenant, number)?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        self.keep_key(&changing, KeyRecord { revoked_at: Some(now), ..(*before).clone() })
    }

    /// Issues a key that is like another of `tenant` but for its text and number; the old one goes
    /// on for `overlap` at most.
    ///
    /// # Errors
    /// The tenant has no such key, or it is dead; the store's.
    pub fn rotate(
        &self,
        tenant: TenantId,
        number: u32,
        overlap: Millis,
        now: UnixMillis,
    ) -> Result<(KeyText, Arc<KeyRecord>), RegistryError> {
        let changing = self.change();
        let before = self.key_of(tenant, number)?;
        if before.standing(now) != Standing::Live {
            return Err(RegistryError::KeyIsDead { number });
        }
        let text = KeyText::generate(before.kind);
        let after = KeyRecord {
            number: self.keys.next_number(),
            created_at: now,
            display: text.display().to_owned(),
            hash: self.keys.hash(&text),
            ..(*before).clone()
        };
        let after = self.keep_key(&changing, after)?;
        let ends = now.plus(overlap);
        let ends = before.expires_at.map_or(ends, |sooner| sooner.min(ends));
        self.keep_key(&changing, KeyRecord { expires_at: Some(ends), ..(*before).clone() })?;
        Ok((text, after))
    }

    /// Registers an action key, whatever number and instants `record` has.
    ///
    /// # Errors
    /// An action type that does not exist, an alias that is taken; the store's.
    pub fn create_action_key(
        &self,
        record: ActionKeyRecord,
        now: UnixMillis,
    ) -> Result<Arc<ActionKeyRecord>, RegistryError> {
        let changing = self.change();
        let number = self.action_keys.next_number();
        let record = ActionKeyRecord { number, created_at: now, revoked_at: None, ..record };
        self.action_keys.check(&record)?;
        self.keep_action_key(&changing, record)
    }

    /// Takes an action key of `tenant` back. Doing so again changes nothing.
    ///
    /// # Errors
    /// The tenant has no such action key; the store's.
    pub fn revoke_action_key(
        &self,
        tenant: TenantId,
        number: u32,
        now: UnixMillis,
    ) -> Result<Arc<ActionKeyRecord>, RegistryError> {
        let changing = self.change();
        let before = self.action_keys.get(tenant, number);
        let before = before.ok_or(RegistryError::NoSuchKey { number })?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        let after = ActionKeyRecord { revoked_at: Some(now), ..(*before).clone() };
        self.keep_action_key(&changing, after)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key_of(&self, tenant: TenantId, number: u32) -> Result<Arc<KeyRecord>, RegistryError> {
        let key = self.keys.get(number).filter(|key| key.tenant == tenant);
        key.ok_or(RegistryError::NoSuchKey { number })
    }

    fn tenant_while(
        &self,
        _changing: &MutexGuard<'_, ()>,
        name: &str,
        now: UnixMillis,
    ) -> Result<TenantId, RegistryError> {
        let good = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if !(1..=64).contains(&name.chars().count()) || !name.chars().all(good) {
            return Err(RegistryError::TenantName { got: name.chars().take(80).collect() });
        }
        let tenants = self.tenants();
        if let Some(known) = tenants.iter().find(|tenant| tenant.name == name) {
            return Ok(known.number);
        }
        let number = TenantId(tenants.last().map_or(1, |last| last.number.0 + 1));
        let tenant = Tenant { number, name: name.to_owned(), created_at: now };
        keep(&self.store, Table::Config, &numbered(TENANT, number.0), &tenant)?;
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.insert(number, tenant);
        Ok(number)
    }

    fn keep_key(
        &self,
        _changing: &MutexGuard<'_, ()>,
        record: KeyRecord,
    ) -> Result<Arc<KeyRecord>, RegistryError> {
        keep(&self.store, Table::Keys, &numbered(API_KEY, record.number), &record)?;
        self.keys.put(record.clone());
        Ok(Arc::new(record))
    }

    fn keep_action_key(
        &self,
        _changing: &MutexGuard<'_, ()>,
        record: ActionKeyRecord,
    ) -> Result<Arc<ActionKeyRecord>, RegistryError> {
        keep(&self.store, Table::Keys, &numbered(ACTION_KEY, record.number), &record)?;
        self.action_keys.put(record.clone());
        Ok(Arc::new(record))
    }
}

fn kept_secrets(store: &Store) -> Result<Secrets, RegistryError> {
    // A directory of an earlier version has no sealing key, and nothing that was sealed.
    if kept_secret(store, SEALING)?.is_none() {
        let mut fresh = Rows::new();
        fresh.put(Table::Config, secret_row(SEALING), random_32());
        store.write(fresh, Durability::Synced)?;
    }
    secrets(|name| kept_secret(store, name)?.ok_or(RegistryError::SecretLost { name }))
}

fn kept_or_new_secrets(store: &Store) -> Result<Secrets, RegistryError> {
    let mut fresh = Rows::new();
    let secrets = secrets(|name| {
        let kept = kept_secret(store, name)?;
        Ok(kept.unwrap_or_else(|| {
            let made = random_32();
            fresh.put(Table::Config, secret_row(name), made);
            made
        }))
    })?;
    if !fresh.is_empty() {
        store.write(fresh, Durability::Synced)?;
    }
    Ok(secrets)
}

fn secrets(
    mut secret: impl FnMut(&'static str) -> Result<[u8; 32], RegistryError>,
) -> Result<Secrets, RegistryError> {
    Ok(Secrets {
        pepper: secret("pepper")?,
        action_key: secret("action_key")?,
        identity_hash: secret("identity_hash")?,
        sealing: secret(SEALING)?,
    })
}

fn kept_secret(store: &Store, name: &'static str) -> Result<Option<[u8; 32]>, RegistryError> {
    let kept = store.get(Table::Config, &secret_row(name))?;
    let read = |kept: Vec<u8>| kept.try_into().map_err(|_| RegistryError::SecretLost { name });
    kept.map(read).transpose()
}

fn secret_row(name: &str) -> Vec<u8> {
    [SECRET, name.as_bytes()].concat()
}

fn numbered(prefix: &[u8], number: u32) -> Vec<u8> {
    [prefix, &number.to_be_bytes()].concat()
}

fn keep(
    store: &Store,
    table: Table,
    key: &[u8],
    record: &impl Serialize,
) -> Result<(), RegistryError> {
    let json = serde_json::to_vec(record).expect("a record holds nothing that JSON lacks");
    let mut rows = Rows::new();
    rows.put(table, key, json);
    Ok(store.write(rows, Durability::Synced)?)
}

fn rows<T: DeserializeOwned>(
    store: &Store,
    table: Table,
    prefix: &[u8],
) -> Result<Vec<T>, RegistryError> {
    let read = |row: Result<(Vec<u8>, Vec<u8>), StoreError>| {
        let (key, json) = row?;
        serde_json::from_slice(&json).map_err(|source| {
            let row = String::from_utf8_lossy(&key).into_owned();
            RegistryError::Unreadable { row, source }
        })
    };
    store.scan_prefix(table, prefix, Direction::Forward).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action_keys::Found;
    use sessionary_core::{channel::SessionType, disposition::ClaimPolicy};
    use sessionary_store::Options;
    use std::path::Path;

    fn open(dir: &Path) -> Registry {
        Registry::open(store(dir)).unwrap()
    }

    fn store(dir: &Path) -> Store {
        let options = Options {
            cache_bytes: 8 << 20,
            max_journaling_bytes: 64 << 20,
            min_free_bytes: Some(0),
        };
        Store::open(dir, &options).unwrap()
    }

    const NOW: UnixMillis = UnixMillis(1_000);

    #[test]
    fn keys_live_on_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let registry = open(dir.path());
        let (secret, first) = registry.issue(NewKey::new(KeyKind::Secret, "shop"), NOW).unwrap();
        let new = NewKey { strict: true, ..NewKey::new(KeyKind::Publishable, "shop") };
        let (publishable, second) = registry.issue(new, NOW).unwrap();
        let (_, other) = registry.issue(NewKey::new(KeyKind::Secret, "bank"), NOW).unwrap();
        assert_eq!((first.number, second.number, other.number), (1, 2, 3));
        assert_eq!((first.tenant, second.tenant, other.tenant.0), (TenantId(1), TenantId(1), 2));
        registry.revoke(TenantId(1), 1, NOW).unwrap();
        let before = registry.secrets().pepper;
        drop(registry);

        let registry = open(dir.path());
        assert_eq!(registry.secrets().pepper, before);
        assert_eq!(registry.keys().find(&publishable).unwrap(), second);
        assert_eq!(registry.keys().find(&secret).unwrap().standing(NOW), Standing::Revoked);
        assert_eq!(registry.tenant("bank", NOW).unwrap(), TenantId(2));
        assert_eq!(registry.tenant("till", NOW).unwrap(), TenantId(3));
    }

    #[test]
    fn a_rotated_key_goes_on_for_the_overlap() {
        let dir = tempfile::tempdir().unwrap();
        let registry = open(dir.path());
        let (old, record) = registry.issue(NewKey::new(KeyKind::Secret, "shop"), NOW).unwrap();
        let overlap = Millis::from_hours(1);
        let (new, _) = registry.rotate(record.tenant, 1, overlap, NOW).unwrap();
        let standing = |text, at| registry.keys().find(text).unwrap().standing(at);
        assert_eq!(standing(&old, NOW), Standing::Live);
        assert_eq!(standing(&old, NOW.plus(overlap)), Standing::Expired);
        assert_eq!(standing(&new, NOW.plus(overlap)), Standing::Live);
        let late = registry.rotate(record.tenant, 1, overlap, NOW.plus(overlap));
        assert!(matches!(late, Err(RegistryError::KeyIsDead { number: 1 })));
    }

    #[test]
    fn nobody_touches_anothers_keys() {
        let dir = tempfile::tempdir().unwrap();
        let registry = open(dir.path());
        registry.issue(NewKey::new(KeyKind::Secret, "shop"), NOW).unwrap();
        let foreign = registry.revoke(TenantId(2), 1, NOW);
        assert!(matches!(foreign, Err(RegistryError::NoSuchKey { number: 1 })));
    }

    #[test]
    fn action_keys_live_on_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let registry = open(dir.path());
        let record = ActionKeyRecord {
            number: 77,
            action_type: SessionType::Pos,
            tenant: TenantId(1),
            channel: None,
            label: "till 4".into(),
            policy: ClaimPolicy::First,
            currency: Some("EUR".into()),
            country: None,
            program: None,
            origins: Vec::new(),
            aliases: vec!["T-4".into()],
            created_at: UnixMillis(0),
            revoked_at: None,
        };
        let kept = registry.create_action_key(record.clone(), NOW).unwrap();
        assert_eq!((kept.number, kept.created_at), (1, NOW));
        let again = registry.create_action_key(record, NOW);
        assert!(matches!(again, Err(RegistryError::ActionKey(ActionKeyError::AliasTaken { .. }))));
        drop(registry);

        let registry = open(dir.path());
        assert_eq!(registry.action_keys().look_up(TenantId(1), "T-4"), Found::Mine(kept));
        registry.revoke_action_key(TenantId(1), 1, NOW).unwrap();
        assert_eq!(registry.action_keys().look_up(TenantId(1), "T-4"), Found::Unknown);
    }

    #[test]
    fn a_lost_secret_is_not_replaced_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let registry = open(dir.path());
        registry.issue(NewKey::new(KeyKind::Secret, "shop"), NOW).unwrap();
        drop(registry);
        let store = store(dir.path());
        let mut rows = Rows::new();
        rows.delete(Table::Config, *b"secret/pepper");
        store.write(rows, Durability::Synced).unwrap();
        let refused = Registry::open(store);
        assert!(matches!(refused, Err(RegistryError::SecretLost { name: "pepper" })));
    }

    #[test]
    fn names_of_tenants() {
        let dir = tempfile::tempdir().unwrap();
        let registry = open(dir.path());
        for bad in ["", "a b", "a/b", &"x".repeat(65)] {
            assert!(registry.tenant(bad, NOW).is_err(), "{bad:?}");
        }
        assert!(registry.tenant("bücher.example", NOW).is_ok());
    }
}
