//! Who a call is about.
use serde_json::{Value as Json, json};
use sessionary_core::{dictionary::field, identity::Identity};

use super::{Letter, Moment};
use crate::{identities::identity, segment::Call};

impl Letter<'_> {
    pub(super) fn people(&mut self, moment: &Moment<'_>) {
        let mut others = Vec::new();
        for identity in &self.signal.identities {
            if !self.is_contact(identity) && !self.id(identity) {
                others.push(written(identity));
            }
        }
        if !others.is_empty() {
            self.own.insert("identities".to_owned(), Json::Array(others));
        }
        // A call without any id is none that Segment would take.
        let ids = ["anonymousId", "userId", "previousId"];
        if !ids.iter().any(|name| self.root.contains_key(*name)) {
            self.put("", "anonymousId", moment.session.into());
            self.own.insert("stand_in".to_owned(), true.into());
        }
    }

    /// Puts an identity at a place of its own; false: there is none, or it is taken.
    fn id(&mut self, identity: &Identity) -> bool {
        let has_previous = || self.signal.identities.iter().any(|it| &*it.kind == "previous_id");
        let (path, name) = match (&*identity.kind, self.call) {
            ("anonymous_id", Call::Alias) if !has_previous() => ("", "previousId"),
            ("anonymous_id", _) => ("", "anonymousId"),
            ("user_id", _) => ("", "userId"),
            ("previous_id", Call::Alias) if self.has_anonymous() => ("", "previousId"),
            ("device_id", _) => ("context.device", "id"),
            _ => return false,
        };
        let is_taken = match path {
            "" => self.root.contains_key(name),
            _ => self.has_device(),
        };
        if is_taken || identity.original.is_some() {
            return false;
        }
        self.put(path, name, Json::from(&*identity.value));
        true
    }

    fn has_device(&self) -> bool {
        let device = self.root.get("context").and_then(|context| context.get("device"));
        device.is_some_and(|device| device.get("id").is_some())
    }

    fn has_anonymous(&self) -> bool {
        self.signal.identities.iter().any(|it| &*it.kind == "anonymous_id" && it.original.is_none())
    }

    /// Whether it is said by the mail address or number among the fields.
    fn is_contact(&self, known: &Identity) -> bool {
        let number = match &*known.kind {
            "email" => field::USER_EMAIL,
            "phone" => field::USER_PHONE,
            _ => return false,
        };
        let said = self.signal.text(number).map(|text| identity(&known.kind, text, None));
        said.as_ref() == Some(known)
    }
}

fn written(identity: &Identity) -> Json {
    let Identity { kind, value, original } = identity;
    match original {
        Some(original) => json!({"type": &**kind, "value": value, "original": original}),
        None => json!({"type": &**kind, "value": value}),
    }
}
