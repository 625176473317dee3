//! A destination: where finished sessions go, when, which of them, and what of them is withheld.
use serde::{Deserialize, Serialize};

use crate::{
    channel::{Channel, SessionType},
    disposition::DispositionClass,
    mask::Withheld,
    outcome,
    parcel::{DestinationId, Trigger},
    rules::Rules,
    session::Session,
    time::{Millis, UnixMillis},
};

/// Destinations of one tenant, at most: each session is held against all of them.
pub const DESTINATIONS_MAX: usize = 256;

/// A destination as its tenant set it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Its number.
    pub id: DestinationId,
    /// What people call it.
    pub name: Box<str>,
    /// The word of the way it is reached, such as `webhook`.
    pub kind: Box<str>,
    /// Where it is.
    pub url: Box<str>,
    /// The word of the format that it takes.
    pub format: Box<str>,
    /// What raises a parcel for it.
    pub when: Trigger,
    /// From the instant a session was declared ended to its first parcel, never before the record is
    /// final; `None`: at once then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Millis>,
    /// Which sessions go there.
    #[serde(default, skip_serializing_if = "Filter::is_open")]
    pub filter: Filter,
    /// What is withheld from it.
    #[serde(default)]
    pub withheld: Withheld,
    /// What else its kind wants to know: a JSON object.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub options: Box<str>,
    /// Its secret, encrypted.
    #[serde(default, skip_serializing_if = "<[u8]>::is_empty")]
    pub secret: Box<[u8]>,
    /// Whether parcels are raised and sent.
    pub enabled: bool,
    /// Why it was disabled, when it was not its tenant who did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_because: Option<Box<str>>,
    /// From 1, one more with each change.
    pub version: u32,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub modified_at: UnixMillis,
}

impl Destination {
    /// Whether what happened to a session raises a parcel for it.
    pub fn wants(&self, trigger: Trigger, session: &Session, rules: &Rules) -> bool {
        self.enabled && self.when == trigger && self.filter.passes(session, rules)
    }

    /// When the parcel of a revision that is cut at `now` is due.
    pub fn due(&self, session: &Session, now: UnixMillis) -> UnixMillis {
        let ended = session.envelope.closed_at.unwrap_or(now);
        self.after.map_or(now, |after| ended.plus(after)).max(now)
    }
}

/// Which sessions a destination gets. An empty list passes all; of each list one must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Types of session.
    #[serde(
        rename = "type",
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub types: Vec<SessionType>,
    /// Channels.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub channel: Vec<Channel>,
    /// Classes of disposition.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub disposition_class: Vec<DispositionClass>,
    /// Codes of disposition.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub disposition_code: Vec<u32>,
    /// Sources.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<Box<str>>,
}

impl Filter {
    /// Whether every session passes.
    pub fn is_open(&self) -> bool {
        *self == Filter::default()
    }

    /// Whether a session passes, as it stands.
    pub fn passes(&self, session: &Session, rules: &Rules) -> bool {
        if self.is_open() {
            return true;
        }
        let content = &session.content;
        fits(&self.types, &content.session_type())
            && fits(&self.channel, &content.channel_or_other())
            && fits(&self.source, &session.envelope.source)
            && self.passes_outcome(session, rules)
    }

    fn passes_outcome(&self, session: &Session, rules: &Rules) -> bool {
        if self.disposition_class.is_empty() && self.disposition_code.is_empty() {
            return true;
        }
        let outcome = outcome::of(&session.content, rules);
        fits(&self.disposition_class, &outcome.class) && fits(&self.disposition_code, &outcome.code)
    }
}

fn fits<T: PartialEq>(list: &[T], value: &T) -> bool {
    list.is_empty() || list.contains(value)
}

/// Reads `"x"` as `["x"]`.
fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::Many(many) => many,
        OneOrMany::One(one) => vec![one],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Filter, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn one_value_is_a_list_of_one() {
        let one = read(r#"{"channel": "voice", "disposition_code": 10}"#).unwrap();
        let many = read(r#"{"channel": ["voice"], "disposition_code": [10]}"#).unwrap();
        assert_eq!(one, many);
        assert!(!one.is_open());
        assert!(read("{}").unwrap().is_open());
    }

    #[test]
    fn what_a_filter_does_not_know_is_refused() {
        for wrong in [
            r#"{"chanel": "voice"}"#,
            r#"{"channel": "pigeon"}"#,
            r#"{"disposition_class": "good"}"#,
            r#"{"disposition_code": "ten"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_destination_comes_back_from_its_row() {
        let destination = Destination {
            id: DestinationId(7),
            name: "shop".into(),
            kind: "webhook".into(),
            url: "https://example.com".into(),
            format: "ccai".into(),
            when: Trigger::Final,
            after: Some(Millis(900_000)),
            filter: read(r#"{"type": "phone_call"}"#).unwrap(),
            withheld: Withheld::default(),
            options: r#"{"a":1}"#.into(),
            secret: [1, 2, 3].into(),
            enabled: true,
            disabled_because: None,
            version: 1,
            created_at: UnixMillis(1),
            modified_at: UnixMillis(2),
        };
        let row = serde_json::to_string(&destination).unwrap();
        assert_eq!(serde_json::from_str::<Destination>(&row).unwrap(), destination);
    }
}
