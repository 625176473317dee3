//! Identities: what a signal says of who or what is at the other end.
//!
//! An identity is evidence, never a person. Its type decides how strong it is and whether it names
//! a device (which makes a lane) or a person (which does not, CORE.md 4).
use serde::{Deserialize, Serialize};

use crate::word::Word;

/// One identity seen in a signal: a type and a value, as `cookie` and `c1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The type's word, such as `cookie`, `user_id`, `phone`; an open list.
    #[serde(rename = "type")]
    pub kind: Word,
    /// The value in its matching form: phones as E.164 where they parse, e-mail in lower case.
    pub value: Box<str>,
    /// The value as it was sent, when it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Box<str>>,
}

impl Identity {
    /// An identity whose value is already in its matching form.
    pub fn new(kind: &str, value: &str) -> Identity {
        Identity { kind: kind.into(), value: value.into(), original: None }
    }

    /// What the type means for lanes and people.
    pub fn class(&self) -> IdentityClass {
        class_of(&self.kind)
    }

    /// Rank among identities of its class: the smaller is the stronger.
    pub fn rank(&self) -> usize {
        TYPES.iter().position(|row| row.0 == &*self.kind).unwrap_or(TYPES.len())
    }
}

/// What a type of identity names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityClass {
    /// A browser, an installation, a kiosk or till: makes the lane.
    Device,
    /// A verified user of the sender: an account that somebody signed in to.
    User,
    /// A way to reach a person: e-mail, phone, messaging address, loyalty card.
    Contact,
    /// An address or the like, shared by many: never joins people.
    Weak,
}

/// Types by strength, strongest first within a class. Types not listed are devices of least rank.
const TYPES: [(&str, IdentityClass); 19] = [
    ("cookie", IdentityClass::Device),
    ("anonymous_id", IdentityClass::Device),
    ("visitor_id", IdentityClass::Device),
    ("device_id", IdentityClass::Device),
    ("device", IdentityClass::Device),
    ("mac_address", IdentityClass::Device),
    ("kiosk_id", IdentityClass::Device),
    ("till_id", IdentityClass::Device),
    ("terminal_id", IdentityClass::Device),
    ("user_id", IdentityClass::User),
    ("customer_id", IdentityClass::User),
    ("integration_user_id", IdentityClass::User),
    ("external_contact", IdentityClass::Contact),
    ("loyalty_id", IdentityClass::Contact),
    ("email", IdentityClass::Contact),
    ("phone", IdentityClass::Contact),
    ("messaging_address", IdentityClass::Contact),
    ("end_user", IdentityClass::Contact),
    ("ip_address", IdentityClass::Weak),
];

/// The types that are listed.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(word, _)| *word)
}

/// The class of a type of identity.
pub fn class_of(kind: &str) -> IdentityClass {
    TYPES.iter().find(|row| row.0 == kind).map_or(IdentityClass::Device, |row| row.1)
}
