//! Browser, device, place, application: objects that senders spell in their own ways, told as the
//! vendor spells them.
//!
//! What is told was sent, or was added by enrichment in our own spelling. A member that the vendor's
//! schema requires is filled in where the rest of its object is known.
use serde_json::{Map, Value as Json};
use sessionary_core::{
    dictionary::field,
    signal::{FieldNumber, Fields},
};

use super::told::{Told, json, text};

/// What a member is, and what stands for it where it is required and not known.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    RequiredText(&'static str),
    Number,
    Flag,
    RequiredFlag,
}
use Kind::{Flag, Number, RequiredFlag, RequiredText, Text};

/// The vendor's name, other spellings as dotted paths, and what it is.
type Row = (&'static str, &'static [&'static str], Kind);

const BROWSER: [Row; 11] = [
    ("family", &["name"], RequiredText("Unknown")),
    ("version", &[], RequiredText("")),
    ("lang", &["language"], Text),
    ("fingerprint", &[], Text),
    ("isMobile", &["is_mobile"], Flag),
    ("viewHeight", &["view_height", "viewport.height"], Number),
    ("viewWidth", &["view_width", "viewport.width"], Number),
    ("featuresFlash", &["features.flash"], RequiredFlag),
    ("featuresJava", &["features.java"], RequiredFlag),
    ("featuresPdf", &["features.pdf"], RequiredFlag),
    ("featuresWebrtc", &["features.webrtc"], RequiredFlag),
];
const DEVICE: [Row; 10] = [
    ("category", &[], RequiredText("other")),
    ("type", &["model"], RequiredText("Unknown")),
    ("isMobile", &["is_mobile"], RequiredFlag),
    ("screenHeight", &["screen_height", "screen.height"], Number),
    ("screenWidth", &["screen_width", "screen.width"], Number),
    ("screenDensity", &["screen_density", "screen.density"], Number),
    ("fingerprint", &[], Text),
    ("osFamily", &["os_family", "os.family", "os.name"], RequiredText("Unknown")),
    ("osVersion", &["os_version", "os.version"], RequiredText("")),
    ("manufacturer", &["brand"], Text),
];
const PLACE: [Row; 10] = [
    ("country", &["country_code"], Text),
    ("countryName", &["country_name"], Text),
    ("latitude", &[], Number),
    ("longitude", &[], Number),
    ("locality", &["city"], Text),
    ("postalCode", &["postal_code"], Text),
    ("region", &["region_code"], Text),
    ("regionName", &["region_name"], Text),
    ("source", &[], Text),
    ("timezone", &["time_zone"], Text),
];
const APP: [Row; 4] = [
    ("name", &[], RequiredText("")),
    ("namespace", &["bundle_id"], RequiredText("")),
    ("version", &[], RequiredText("")),
    ("buildNumber", &["build_number", "build"], RequiredText("")),
];
const SDK: [Row; 2] = [("name", &[], RequiredText("")), ("version", &[], RequiredText(""))];
const CONNECTIVITY: [Row; 4] = [
    ("carrier", &[], Text),
    ("bluetoothEnabled", &["bluetooth_enabled", "bluetooth"], RequiredFlag),
    ("cellularEnabled", &["cellular_enabled", "cellular"], RequiredFlag),
    ("wifiEnabled", &["wifi_enabled", "wifi"], RequiredFlag),
];

const CATEGORIES: [&str; 4] = ["desktop", "mobile", "tablet", "other"];

pub(super) fn browser(fields: &Fields) -> Option<Json> {
    told(fields, field::BROWSER, &BROWSER)
}

/// The browser of an event, which the vendor's schema asks for.
pub(super) fn browser_or_unknown(fields: &Fields) -> Json {
    browser(fields).unwrap_or_else(|| in_words(&Json::Null, &BROWSER))
}

pub(super) fn device(fields: &Fields) -> Option<Json> {
    told(fields, field::DEVICE, &DEVICE).map(with_category)
}

/// The device of an event, which the vendor's schema asks for.
pub(super) fn device_or_unknown(fields: &Fields) -> Json {
    device(fields).unwrap_or_else(|| in_words(&Json::Null, &DEVICE))
}

pub(super) fn app(fields: &Fields) -> Option<Json> {
    told(fields, field::APP, &APP)
}

/// The application of an event, which the vendor's schema asks for.
pub(super) fn app_or_unknown(fields: &Fields) -> Json {
    app(fields).unwrap_or_else(|| in_words(&Json::Null, &APP))
}

/// Where the visitor was: address, its owner and its place.
pub(super) fn put_place(to: &mut Told, fields: &Fields) {
    to.put_some("geolocation", told(fields, field::GEOLOCATION, &PLACE));
    to.put_some("ipAddress", text(fields, field::REMOTE_IP));
    to.put_some("ipOrganization", text(fields, field::IP_ORGANIZATION));
}

/// Library and connection of an application.
pub(super) fn put_library(to: &mut Told, fields: &Fields) {
    to.put_some("sdkLibrary", told(fields, field::SDK, &SDK));
    to.put_some("networkConnectivity", told(fields, field::CONNECTIVITY, &CONNECTIVITY));
}

fn told(fields: &Fields, number: FieldNumber, rows: &[Row]) -> Option<Json> {
    let stated = json(fields, number).filter(Json::is_object)?;
    Some(in_words(&stated, rows))
}

/// The vendor's categories are four; a phone or tablet is mobile unless somebody said otherwise.
fn with_category(device: Json) -> Json {
    let Json::Object(mut device) = device else { return device };
    let category = device.get("category").and_then(Json::as_str).unwrap_or_default();
    let category = CATEGORIES.iter().find(|known| known.eq_ignore_ascii_case(category));
    device.insert("category".to_owned(), Json::from(*category.unwrap_or(&"other")));
    Json::Object(device)
}

/// An object in the vendor's words; members of the vendor's that this table lacks are passed on.
fn in_words(stated: &Json, rows: &[Row]) -> Json {
    let mut members = Map::new();
    for (name, others, kind) in rows {
        let found = std::iter::once(name).chain(*others).find_map(|path| at(stated, path));
        if let Some(value) = found.and_then(|value| read(value, *kind)).or_else(|| missing(*kind)) {
            members.insert((*name).to_owned(), value);
        }
    }
    let known = |name: &str| {
        rows.iter().any(|(_, others, _)| others.iter().any(|other| is_part(other, name)))
    };
    for (name, value) in stated.as_object().into_iter().flatten() {
        if !known(name) && !value.is_null() {
            members.entry(name).or_insert_with(|| value.clone());
        }
    }
    Json::Object(members)
}

fn is_part(path: &str, name: &str) -> bool {
    path.split('.').next() == Some(name)
}

fn at<'a>(json: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(json, |json, name| json.get(name)).filter(|json| !json.is_null())
}

fn read(value: &Json, kind: Kind) -> Option<Json> {
    match (kind, value) {
        (Text | RequiredText(_), Json::String(_))
        | (Number, Json::Number(_))
        | (Flag | RequiredFlag, Json::Bool(_)) => Some(value.clone()),
        (Text | RequiredText(_), Json::Number(_) | Json::Bool(_)) => Some(value.to_string().into()),
        (Number, Json::String(text)) => text.trim().parse().ok().map(Json::Number),
        (Flag | RequiredFlag, Json::String(text)) => text.trim().parse().ok().map(Json::Bool),
        _ => None,
    }
}

fn missing(kind: Kind) -> Option<Json> {
    match kind {
        RequiredText(text) => Some(text.into()),
        RequiredFlag => Some(false.into()),
        Text | Number | Flag => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(stated: &Json, rows: &[Row], expected: &Expect) {
        expected.assert_eq(&in_words(stated, rows).to_string());
    }

    #[test]
    fn both_spellings_are_told_in_the_vendors() {
        let place = json!({"country_name": "Norway", "city": "Oslo", "latitude": 59.91, "new": 1});
        check(
            &place,
            &PLACE,
            &expect![[r#"{"countryName":"Norway","latitude":59.91,"locality":"Oslo","new":1}"#]],
        );
        let app = json!({"name": "Shop", "build": 42});
        check(
            &app,
            &APP,
            &expect![[r#"{"buildNumber":"42","name":"Shop","namespace":"","version":""}"#]],
        );
        let sent = json!({"carrier": "T", "wifiEnabled": "true", "cellularEnabled": null});
        check(
            &sent,
            &CONNECTIVITY,
            &expect![[
                r#"{"bluetoothEnabled":false,"carrier":"T","cellularEnabled":false,"wifiEnabled":true}"#
            ]],
        );
    }

    #[test]
    fn a_device_has_one_of_four_categories() {
        for (stated, told) in [("Tablet", "tablet"), ("watch", "other"), ("", "other")] {
            assert_eq!(with_category(json!({"category": stated}))["category"], told);
        }
    }
}
