//! Withholding: a session without the values of some classes of personal data.
//!
//! What is left is a session like any other, so every format tells it without knowing of masks.
use serde::{Deserialize, Serialize};

use crate::{
    content::Content,
    dictionary::{self, Group, PiiClass},
    identity::{Identity, IdentityClass},
    signal::{FieldNumber, Signal},
};

/// Classes of personal data whose values are withheld.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Withheld(Vec<PiiClass>);

impl Default for Withheld {
    /// Free text, which may hold anything.
    fn default() -> Withheld {
        Withheld::of([PiiClass::Free])
    }
}

impl Withheld {
    /// These classes.
    pub fn of(classes: impl IntoIterator<Item = PiiClass>) -> Withheld {
        let mut classes: Vec<PiiClass> = classes.into_iter().collect();
        classes.sort_unstable();
        classes.dedup();
        Withheld(classes)
    }

    /// The classes, in order.
    pub fn classes(&self) -> &[PiiClass] {
        &self.0
    }

    /// Whether nothing is withheld.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, class: PiiClass) -> bool {
        self.0.contains(&class)
    }

    /// Whether the values of a field are withheld. What a sender wants echoed goes back to it
    /// whatever it holds: it was the sender's to begin with.
    fn hides(&self, number: FieldNumber) -> bool {
        dictionary::by_number(number)
            .is_some_and(|row| row.group != Group::Echo && self.has(row.class))
    }

    fn hides_identity(&self, identity: &Identity) -> bool {
        self.has(match identity.class() {
            IdentityClass::User | IdentityClass::Contact => PiiClass::Direct,
            IdentityClass::Device => PiiClass::Quasi,
            IdentityClass::Weak => PiiClass::Network,
        })
    }

    /// Takes the withheld values out of the content of a session. Members that no dictionary row
    /// knows go with the quasi-identifiers.
    pub fn strip(&self, content: &mut Content) {
        if self.is_empty() {
            return;
        }
        content.fields.retain(|number, _| !self.hides(*number));
        let kept = content.identities.iter().filter(|known| !self.hides_identity(known));
        content.identities = kept.cloned().collect();
        if self.has(PiiClass::Direct) {
            content.users.clear();
        }
        if self.has(PiiClass::Quasi) {
            content.attributes.clear();
        }
        if self.has(PiiClass::Link) {
            content.touches.iter_mut().for_each(|touch| touch.term = None);
        }
        if self.has(PiiClass::Worker) {
            content.legs.iter_mut().for_each(|leg| leg.agent = None);
        }
        if self.has(PiiClass::Free) || self.has(PiiClass::Worker) {
            let claims = content.claims.iter().cloned().map(|mut claim| {
                claim.notes = claim.notes.filter(|_| !self.has(PiiClass::Free));
                claim.agent = claim.agent.filter(|_| !self.has(PiiClass::Worker));
                claim
            });
            content.claims = claims.collect();
        }
    }

    /// Takes the withheld values out of a signal.
    pub fn strip_signal(&self, signal: &mut Signal) {
        if self.is_empty() {
            return;
        }
        signal.fields.retain(|number, _| !self.hides(*number));
        signal.identities.retain(|known| !self.hides_identity(known));
        if self.has(PiiClass::Quasi) {
            signal.attributes.clear();
        }
    }
}
