//! Fields that are objects, and the members of a context that their members come from.
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};
use sessionary_core::{
    dictionary::field,
    json::{Bounds, JsonText, Scanner},
    signal::FieldNumber,
    value::RawJson,
};

use super::places::Group;

/// One member of a field that is an object.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) group: Group,
    /// Where the group stands.
    pub(super) path: &'static str,
    /// Name in the group.
    pub(super) name: &'static str,
    pub(super) field: FieldNumber,
    /// Name in the field.
    pub(super) member: &'static str,
}

const fn part(
    (group, path): (Group, &'static str),
    name: &'static str,
    field: FieldNumber,
    member: &'static str,
) -> Part {
    Part { group, path, name, field, member }
}

const APP: (Group, &str) = (Group::App, "context.app");
const LIBRARY: (Group, &str) = (Group::Library, "context.library");
const NETWORK: (Group, &str) = (Group::Network, "context.network");
const DEVICE: (Group, &str) = (Group::Device, "context.device");
const OS: (Group, &str) = (Group::Os, "context.os");

/// In the order in which they are written. The members of the fields are Genesys's.
static PARTS: [Part; 14] = [
    part(APP, "name", field::APP, "name"),
    part(APP, "version", field::APP, "version"),
    part(APP, "build", field::APP, "buildNumber"),
    part(APP, "namespace", field::APP, "namespace"),
    part(LIBRARY, "name", field::SDK, "name"),
    part(LIBRARY, "version", field::SDK, "version"),
    part(NETWORK, "carrier", field::CONNECTIVITY, "carrier"),
    part(NETWORK, "wifi", field::CONNECTIVITY, "wifiEnabled"),
    part(NETWORK, "cellular", field::CONNECTIVITY, "cellularEnabled"),
    part(NETWORK, "bluetooth", field::CONNECTIVITY, "bluetoothEnabled"),
    part(DEVICE, "model", field::DEVICE, "type"),
    part(DEVICE, "manufacturer", field::DEVICE, "manufacturer"),
    part(OS, "name", field::DEVICE, "osFamily"),
    part(OS, "version", field::DEVICE, "osVersion"),
];

/// The fields that have parts.
pub(super) const FIELDS: [FieldNumber; 4] =
    [field::APP, field::SDK, field::CONNECTIVITY, field::DEVICE];

/// The part that a member of a group is.
pub(super) fn find(group: Group, name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.group == group && part.name == name)
}

/// The field that the parts given make together.
pub(super) fn join(field: FieldNumber, given: &[(&'static Part, JsonText<'_>)]) -> Option<RawJson> {
    let mut text = String::new();
    for part in PARTS.iter().filter(|part| part.field == field) {
        let same = |(known, _): &&(&Part, JsonText<'_>)| std::ptr::eq(*known, part);
        if let Some((_, json)) = given.iter().find(same) {
            text.push(if text.is_empty() { '{' } else { ',' });
            let _ = write!(text, "\"{}\":{}", part.member, json.get());
        }
    }
    if text.is_empty() {
        return None;
    }
    text.push('}');
    let bounds = Bounds { depth: 2, members: PARTS.len(), text_bytes: usize::MAX };
    Scanner::new(&text, bounds).value().map(RawJson::from_parsed)
}

/// The members of a field that a context has a place for, and whether they are all of it.
pub(super) fn divide(field: FieldNumber, raw: &RawJson) -> (Vec<(&'static Part, Json)>, bool) {
    let Json::Object(members) = raw.to_json() else { return (Vec::new(), false) };
    let parts: Vec<_> = PARTS
        .iter()
        .filter(|part| part.field == field)
        .filter_map(|part| Some((part, told(&members, part.member)?)))
        .collect();
    let rebuilt: Map<String, Json> =
        parts.iter().map(|(part, json)| (part.member.to_owned(), json.clone())).collect();
    let is_all = rebuilt == members;
    (parts, is_all)
}

fn told(members: &Map<String, Json>, name: &str) -> Option<Json> {
    let json = members.get(name)?;
    let is_plain = match json {
        Json::String(text) => !text.is_empty(),
        Json::Number(_) | Json::Bool(_) => true,
        _ => false,
    };
    is_plain.then(|| json.clone())
}
