//! Browser, device, place, application: objects that senders spell in their own ways, told as the
//! vendor spells them.
//!
//! What is told was sent, or follows from the address ([`crate::enrich::place`]) or the user agent
//! ([`crate::enrich::agent`]); the sender knows best. A member that the vendor's schema requires is
//! filled in where the rest of its object is known.
use serde_json::{Map, Value as Json};
use sessionary_core::{
    dictionary::field,
    signal::{FieldNumber, Fields},
};

use super::told::{Told, json, text};
use crate::enrich::record;

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

/// Members of a device or browser that say something beside one of this name only: a version is
/// that of its family, whether a thing is carried about follows from its category.
const DEPENDENT: [(&str, &str); 3] =
    [("version", "family"), ("osVersion", "osFamily"), ("isMobile", "category")];

pub(super) fn browser(fields: &Fields) -> Option<Json> {
    let agent = text(fields, field::USER_AGENT).map(record::browser_of);
    with_agent(json(fields, field::BROWSER), agent, &BROWSER)
}

/// The browser of an event, which the vendor's schema asks for.
pub(super) fn browser_or_unknown(fields: &Fields) -> Json {
    browser(fields).unwrap_or_else(|| complete(Map::new(), &BROWSER))
}

pub(super) fn device(fields: &Fields) -> Option<Json> {
    let agent = text(fields, field::USER_AGENT).map(record::device_of);
    with_agent(json(fields, field::DEVICE), agent, &DEVICE).map(with_category)
}

/// The device of an event, which the vendor's schema asks for.
pub(super) fn device_or_unknown(fields: &Fields) -> Json {
    device(fields).unwrap_or_else(|| complete(Map::new(), &DEVICE))
}

pub(super) fn app(fields: &Fields) -> Option<Json> {
    told(fields, field::APP, &APP)
}

/// The application of an event, which the vendor's schema asks for.
pub(super) fn app_or_unknown(fields: &Fields) -> Json {
    app(fields).unwrap_or_else(|| complete(Map::new(), &APP))
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
    Some(complete(in_words(&stated, rows), rows))
}

/// What was stated, and what the user agent says besides.
fn with_agent(stated: Option<Json>, agent: Option<Json>, rows: &[Row]) -> Option<Json> {
    let [stated, agent] = [stated, agent].map(|part| part.filter(Json::is_object));
    if stated.is_none() && agent.is_none() {
        return None;
    }
    let [stated, agent] = [stated, agent].map(|part| part.map(|part| in_words(&part, rows)));
    let (stated, agent) = (stated.unwrap_or_default(), agent.unwrap_or_default());
    let mut members = stated.clone();
    for (name, value) in &agent {
        let of = DEPENDENT.iter().find(|row| row.0 == name).map(|row| row.1);
        let other = of.and_then(|of| stated.get(of).map(|said| agent.get(of) != Some(said)));
        if other != Some(true) {
            members.entry(name.as_str()).or_insert_with(|| value.clone());
        }
    }
    Some(complete(members, rows))
}

/// The vendor's categories are four.
fn with_category(device: Json) -> Json {
    let Json::Object(mut device) = device else { return device };
    let category = device.get("category").and_then(Json::as_str).unwrap_or_default();
    let category = CATEGORIES.iter().find(|known| known.eq_ignore_ascii_case(category));
    device.insert("category".to_owned(), Json::from(*category.unwrap_or(&"other")));
    Json::Object(device)
}

/// An object in the vendor's words; members of the vendor's that this table lacks are passed on.
fn in_words(stated: &Json, rows: &[Row]) -> Map<String, Json> {
    let mut members = Map::new();
    for (name, others, kind) in rows {
        let found = std::iter::once(name).chain(*others).find_map(|path| at(stated, path));
        if let Some(value) = found.and_then(|value| read(value, *kind)) {
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
    members
}

/// An object with the members that the vendor's schema requires.
fn complete(mut members: Map<String, Json>, rows: &[Row]) -> Json {
    for (name, _, kind) in rows {
        if let Some(value) = missing(*kind).filter(|_| !members.contains_key(*name)) {
            members.insert((*name).to_owned(), value);
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
    use sessionary_core::value::{RawJson, Value};

    fn check(stated: &Json, rows: &[Row], expected: &Expect) {
        expected.assert_eq(&complete(in_words(stated, rows), rows).to_string());
    }

    const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

    fn check_agent(browser: &Json, device: &Json, expected: &Expect) {
        let fields: Fields = [
            (field::USER_AGENT, Value::Text(PHONE.into())),
            (field::BROWSER, Value::Json(RawJson::of(browser))),
            (field::DEVICE, Value::Json(RawJson::of(device))),
        ]
        .into_iter()
        .collect();
        let told = [super::browser(&fields), super::device(&fields)];
        expected.assert_eq(&told.map(|told| told.unwrap().to_string()).join("\n"));
    }

    #[test]
    fn the_user_agent_tells_what_the_sender_did_not() {
        check_agent(
            &json!(null),
            &json!("a phone"),
            &expect![[r#"
            {"family":"Mobile Safari","featuresFlash":false,"featuresJava":false,"featuresPdf":false,"featuresWebrtc":false,"version":"17.5"}
            {"category":"mobile","isMobile":true,"manufacturer":"Apple","osFamily":"iOS","osVersion":"17.5.1","type":"iPhone"}"#]],
        );
        let browser = json!({"name": "Our App", "lang": "en"});
        let device = json!({"os": {"name": "iOS"}, "type": "kiosk", "category": "other"});
        check_agent(
            &browser,
            &device,
            &expect![[r#"
            {"family":"Our App","featuresFlash":false,"featuresJava":false,"featuresPdf":false,"featuresWebrtc":false,"lang":"en","version":""}
            {"category":"other","isMobile":false,"manufacturer":"Apple","osFamily":"iOS","osVersion":"17.5.1","type":"kiosk"}"#]],
        );
        assert_eq!(super::browser(&Fields::new()), None);
        assert_eq!(super::device(&Fields::new()), None);
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
