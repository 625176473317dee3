//! Secrets of destinations at rest: encrypted under a key of the server, bound to their owner.
use std::fmt;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sessionary_core::{parcel::DestinationId, signal::TenantId};

use crate::keys::random_32;

/// Encrypts and decrypts.
pub struct Sealer(LessSafeKey);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// A secret that was encrypted under another key, for another destination, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret of the destination cannot be decrypted with this server's key; give it its secret \
     again, or start with the key it was encrypted with"
)]
pub struct CannotOpen;

/// Whose secret it is; a row moved to another place does not decrypt there.
fn owner(tenant: TenantId, destination: DestinationId) -> Aad<[u8; 12]> {
    let mut owner = [0; 12];
    let parts = tenant.0.to_be_bytes().into_iter().chain(destination.0.to_be_bytes());
    for (to, from) in owner.iter_mut().zip(parts) {
        *to = from;
    }
    Aad::from(owner)
}

impl Sealer {
    /// With this key.
    ///
    /// # Panics
    /// Never: the key has the length that the cipher wants.
    pub fn new(key: &[u8; 32]) -> Sealer {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("32 bytes are a key");
        Sealer(LessSafeKey::new(key))
    }

    /// Encrypts the secret of a destination: a random nonce, then the text with its tag.
    ///
    /// # Panics
    /// Never: a text that fits into memory is not too long for the cipher.
    pub fn seal(&self, tenant: TenantId, destination: DestinationId, text: &str) -> Box<[u8]> {
        let random: [u8; 32] = random_32();
        let nonce = *random.first_chunk::<NONCE_LEN>().expect("a nonce is shorter");
        let mut sealed = text.as_bytes().to_vec();
        let key = Nonce::assume_unique_for_key(nonce);
        let owner = owner(tenant, destination);
        self.0.seal_in_place_append_tag(key, owner, &mut sealed).expect("short enough");
        [&nonce[..], &sealed].concat().into()
    }

    /// The counterpart of [`Sealer::seal`].
    ///
    /// # Errors
    /// It does not decrypt.
    pub fn open(
        &self,
        tenant: TenantId,
        destination: DestinationId,
        sealed: &[u8],
    ) -> Result<String, CannotOpen> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        let mut text = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, owner(tenant, destination), &mut text);
        let opened = opened.map_err(|_| CannotOpen)?;
        String::from_utf8(opened.to_vec()).map_err(|_| CannotOpen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId(1);
    const ID: DestinationId = DestinationId(7);

    #[test]
    fn a_secret_opens_where_it_was_sealed_and_nowhere_else() {
        let sealer = Sealer::new(&[3; 32]);
        let row = sealer.seal(TENANT, ID, "whsec_secret");
        assert_eq!(sealer.open(TENANT, ID, &row).unwrap(), "whsec_secret");
        assert_eq!(sealer.open(TenantId(2), ID, &row), Err(CannotOpen));
        assert_eq!(sealer.open(TENANT, DestinationId(8), &row), Err(CannotOpen));
        assert_eq!(Sealer::new(&[4; 32]).open(TENANT, ID, &row), Err(CannotOpen));
        assert_eq!(sealer.open(TENANT, ID, &row[..20]), Err(CannotOpen));
        assert_eq!(sealer.open(TENANT, ID, &[]), Err(CannotOpen));
    }

    #[test]
    fn the_text_does_not_show_and_no_two_are_the_same() {
        let sealer = Sealer::new(&[3; 32]);
        let [one, two] = [0, 1].map(|_| sealer.seal(TENANT, ID, "whsec_secret"));
        assert_ne!(one, two);
        assert!(!one.windows(5).any(|part| part == b"whsec"));
    }
}
