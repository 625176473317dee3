//! What a destination is, as the API takes it.
use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A destination, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How it is reached.
    pub kind: Kind,
    /// Where it is.
    pub url: String,
    /// What the kind allows to be said besides.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
}

/// How a destination is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A folder, or a bucket of S3, Google or Azure.
    ObjectStore,
    /// A signed POST.
    Webhook,
    /// A mail with the record attached.
    Email,
    /// Requests to somebody's API, by a recipe.
    Crm,
    /// An application that was written for Tropo.
    Tropo,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] =
        [Kind::ObjectStore, Kind::Webhook, Kind::Email, Kind::Crm, Kind::Tropo];

    /// As the API spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::ObjectStore => "object_store",
            Kind::Webhook => "webhook",
            Kind::Email => "email",
            Kind::Crm => "crm",
            Kind::Tropo => "tropo",
        }
    }
}

/// What may be said besides, different for each kind; checked by [`crate::Target::open`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub Map<String, Value>);

impl Options {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As one kind reads them.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        serde_json::from_value(Value::Object(self.0.clone()))
            .map_err(|error| SettingsError::new("/options", error.to_string()))
    }
}

/// What is wrong with the settings of a destination, for the person who wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Where, as a JSON pointer into the settings: `/url`, `/options/keys/0`, `/secret`.
    pub pointer: String,
    /// What came and what to do.
    pub message: String,
}

impl SettingsError {
    pub(crate) fn new(pointer: &str, message: impl Into<String>) -> SettingsError {
        SettingsError { pointer: pointer.to_owned(), message: message.into() }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.pointer, self.message)
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_and_written_alike() {
        for kind in Kind::ALL {
            let json = json!({"kind": kind.word(), "url": "x", "options": {"a": [1, {}]}});
            let settings: Settings = serde_json::from_value(json.clone()).unwrap();
            assert_eq!((settings.kind, serde_json::to_value(&settings).unwrap()), (kind, json));
        }
        let short = json!({"kind": "tropo", "url": "x"});
        let settings: Settings = serde_json::from_value(short.clone()).unwrap();
        assert_eq!(serde_json::to_value(settings).unwrap(), short);
        let more = json!({"kind": "tropo", "url": "x", "secret": "y"});
        assert!(serde_json::from_value::<Settings>(more).is_err());
    }
}
