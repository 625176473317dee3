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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        dictionary::{FIELDS, field},
        signal::{Attributes, Fields},
        value::Value,
    };

    /// A signal with a text in every field.
    fn full() -> Signal {
        let text = |row: &dictionary::Field| (row.number(), Value::Text("x".into()));
        Signal {
            key: "k".into(),
            kind: "page_viewed".into(),
            occurred_at: None,
            sent_at: None,
            sequence: 0,
            channel: None,
            session_type: None,
            source: "".into(),
            session: None,
            identities: ["email", "cookie", "ip_address"]
                .map(|kind| Identity::new(kind, "x"))
                .to_vec(),
            claim: None,
            fields: FIELDS.iter().map(text).collect::<Fields>(),
            attributes: Attributes::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn exactly_the_classes_that_are_withheld_go() {
        for class in PiiClass::ALL {
            let mut signal = full();
            Withheld::of([class]).strip_signal(&mut signal);
            let kept: BTreeSet<FieldNumber> = signal.fields.keys().copied().collect();
            for row in FIELDS {
                let goes = row.class == class && row.group != Group::Echo;
                assert_eq!(kept.contains(&row.number()), !goes, "{} without {class:?}", row.name);
            }
        }
    }

    #[test]
    fn who_somebody_is_goes_with_the_class_of_the_identity() {
        let left = |class| {
            let mut signal = full();
            Withheld::of([class]).strip_signal(&mut signal);
            signal.identities.iter().map(|one| one.kind.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(left(PiiClass::Direct), ["cookie", "ip_address"]);
        assert_eq!(left(PiiClass::Quasi), ["email", "ip_address"]);
        assert_eq!(left(PiiClass::Network), ["email", "cookie"]);
        assert_eq!(left(PiiClass::Business).len(), 3);
    }

    #[test]
    fn by_default_free_text_is_withheld_and_nothing_else() {
        let (mut masked, whole) = (full(), full());
        Withheld::default().strip_signal(&mut masked);
        assert_eq!(masked.identities, whole.identities);
        let of_integration = field::INTEGRATION_NOTES;
        assert!(!masked.fields.contains_key(&of_integration));
        assert!(masked.fields.contains_key(&field::ORDER_ID));
    }
}
