//! Attributes: what senders say beyond every table, typed as the vendor types it.
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use sessionary_core::{
    content::Content,
    dictionary::field,
    signal::{Attributes, Signal},
    value::RawJson,
};

use super::told;

/// Attributes by this dialect are kept under this path.
const OWN: &str = "attributes.";

/// Paths that are no attribute of an event: what has a place of its own, and what decoders keep of
/// the form in which something came.
const NOT_TOLD: [&str; 9] = [
    "genesys.",
    "traits.",
    "unreadable.",
    "webAction.",
    "ping.",
    "mktCampaign.",
    "superseded.",
    "handshake.",
    "Values.",
];
pub(super) const EXTERNAL_ID: &str = "externalId";

/// The most values that one attribute list tells.
const VALUES_MAX: usize = 100;

/// The name of an attribute at this path.
fn name_of(path: &str) -> Option<&str> {
    let is_told = path != EXTERNAL_ID && !NOT_TOLD.iter().any(|prefix| path.starts_with(prefix));
    is_told.then(|| path.strip_prefix(OWN).unwrap_or(path))
}

fn named(attributes: &Attributes) -> impl Iterator<Item = (&str, Json)> {
    attributes.iter().filter_map(|(path, raw)| Some((name_of(path)?, raw.to_json())))
}

/// The attributes of one event.
pub(super) fn of_event(attributes: &Attributes) -> Json {
    Json::Object(
        named(attributes)
            .filter_map(|(name, json)| Some((name.to_owned(), typed(&json)?)))
            .collect(),
    )
}

/// The attributes of a session: what was imported with it, and the last value of each name that its
/// events have.
pub(super) fn of_session(content: &Content) -> Option<Json> {
    let imported = told::json(&content.fields, field::SOURCE_ATTRIBUTES);
    merged(imported, named(&content.attributes).filter(|(_, json)| !is_list(json)), typed)
}

/// The attribute lists of a session: what was imported with it, lists that were sent, and the
/// values of a name that has had several.
pub(super) fn lists_of_session<'a>(
    content: &Content,
    signals: impl Iterator<Item = &'a Signal>,
) -> Option<Json> {
    let imported = told::json(&content.fields, field::SOURCE_ATTRIBUTE_LISTS);
    let several = several(signals);
    let sent = named(&content.attributes).filter(|(_, json)| is_list(json));
    let lists = several.iter().map(|(name, list)| (name.as_str(), list.clone())).chain(sent);
    merged(imported, lists, list)
}

fn merged<'a>(
    imported: Option<Json>,
    more: impl Iterator<Item = (&'a str, Json)>,
    told: impl Fn(&Json) -> Option<Json>,
) -> Option<Json> {
    let mut map = match imported {
        Some(Json::Object(map)) => map,
        _ => Map::new(),
    };
    map.extend(more.filter_map(|(name, json)| Some((name.to_owned(), told(&json)?))));
    (!map.is_empty()).then_some(Json::Object(map))
}

/// Names that had more than one value in the course of the session, with their distinct values.
fn several<'a>(signals: impl Iterator<Item = &'a Signal>) -> BTreeMap<String, Json> {
    let mut values: BTreeMap<&str, Vec<&RawJson>> = BTreeMap::new();
    for (path, raw) in signals.flat_map(|signal| &signal.attributes) {
        let Some(name) = path.strip_prefix(OWN) else { continue };
        let of_name = values.entry(name).or_default();
        if of_name.len() < VALUES_MAX && !of_name.contains(&raw) {
            of_name.push(raw);
        }
    }
    let several = values.into_iter().filter(|(_, of_name)| of_name.len() > 1);
    several
        .map(|(name, of_name)| {
            let typed: Vec<Json> = of_name.iter().filter_map(|raw| typed(&raw.to_json())).collect();
            let kind = typed.first().map_or(Json::Null, |first| first["dataType"].clone());
            let values: Vec<&Json> = typed.iter().map(|typed| &typed["value"]).collect();
            (name.to_owned(), json!({"dataType": kind, "values": values}))
        })
        .collect()
}

/// A value with its type: as it was sent, or by what it is.
pub(super) fn typed(json: &Json) -> Option<Json> {
    if let (Some(kind), Some(value)) = (json.get("dataType"), json.get("value")) {
        return Some(json!({"dataType": kind, "value": text_of(value)}));
    }
    let kind = data_type(json)?;
    Some(json!({"dataType": kind, "value": text_of(json)}))
}

fn is_list(json: &Json) -> bool {
    json.get("values").is_some() || json.is_array()
}

fn list(json: &Json) -> Option<Json> {
    let values = json.get("values").unwrap_or(json).as_array()?;
    let kind = json.get("dataType").and_then(Json::as_str);
    let kind = kind.or_else(|| data_type(values.first()?)).unwrap_or("String");
    let values: Vec<String> = values.iter().take(VALUES_MAX).map(text_of).collect();
    Some(json!({"dataType": kind, "values": values}))
}

fn data_type(json: &Json) -> Option<&'static str> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(_) => "Boolean",
        Json::Number(number) if number.is_f64() => "Number",
        Json::Number(_) => "Integer",
        Json::String(_) | Json::Array(_) | Json::Object(_) => "String",
    })
}

fn text_of(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}
