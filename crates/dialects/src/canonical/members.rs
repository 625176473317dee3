//! The members of one JSON object, values unread.
use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use sessionary_core::json::JsonText;

/// Members by name, and the names that came more than once: of those the last one holds.
pub(crate) struct Members<'a> {
    pub(crate) by_name: BTreeMap<Cow<'a, str>, &'a RawValue>,
    pub(crate) repeated: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members { by_name: BTreeMap::new(), repeated: Vec::new() };
        while let Some((Name(name), value)) = map.next_entry()? {
            if members.by_name.insert(name.clone(), value).is_some() {
                members.repeated.push(name);
            }
        }
        Ok(members)
    }
}

/// What a JSON text says, or the digits of a number or the word of a truth value.
pub(crate) fn plain_text(raw: &RawValue) -> Option<Cow<'_, str>> {
    JsonText::from(raw).plain_text()
}

pub(crate) fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}
