//! The customer: of everybody and everything that a session was seen with, the one id that the
//! vendor names.
use sessionary_core::{
    dictionary::field,
    identity::{Identity, IdentityClass},
    signal::Fields,
};

use super::told::{Told, number, text};
use crate::handshake::USER_SIGNAL_TYPES;

/// The browser or device first, then the principal identity that a sender named, then a user, then a
/// way to reach a person.
pub(super) fn put<'a>(
    told: &mut Told,
    fields: &Fields,
    identities: impl Iterator<Item = &'a Identity> + Clone,
) {
    let named = text(fields, field::USER_SIGNAL_VALUE).zip(number(fields, field::USER_SIGNAL_TYPE));
    let cookie = identities.clone().find(|identity| &*identity.kind == "cookie");
    if cookie.is_none()
        && let Some((value, number)) = named
    {
        let known = USER_SIGNAL_TYPES.iter().find(|row| row.0 == number);
        told.put("customerId", value);
        told.put(
            "customerIdType",
            known.map_or_else(|| format!("user_signal_{number}"), |row| row.1.to_owned()),
        );
        return;
    }
    let rank = |identity: &&Identity| (of_class(identity), identity.rank());
    if let Some(identity) = cookie.or_else(|| identities.min_by_key(rank)) {
        told.put("customerId", as_sent(identity));
        told.put("customerIdType", &*identity.kind);
    }
}

fn of_class(identity: &Identity) -> u8 {
    match identity.class() {
        // A contact of the vendor's has a member of its own.
        _ if &*identity.kind == "external_contact" => 3,
        IdentityClass::Device => 0,
        IdentityClass::User => 1,
        IdentityClass::Contact => 2,
        IdentityClass::Weak => 4,
    }
}

pub(super) fn as_sent(identity: &Identity) -> &str {
    identity.original.as_ref().unwrap_or(&identity.value)
}
