//! Whole sessions taken in: what they say comes back.
use expect_test::expect;
use serde_json::{Map, Value as Json, json};
use sessionary_core::{dictionary::field, signal::Signal, value::Value};
use sessionary_dialects::{
    canonical,
    genesys::{decode_sessions, of_session},
};

use super::{Folded, KEY, fold};

const WHOLE: &str = include_str!("../../../../../data/golden/genesys/session.json");

fn import(session: &Json) -> [Signal; 2] {
    let text = session.to_string();
    decode_sessions(text.as_bytes(), &KEY).unwrap().remove(0).1.unwrap()
}

fn told(session: &Json) -> Json {
    of_session(&fold(import(session)).view())
}

/// What `told` lacks or says otherwise of what was `sent`; its id is ours.
fn lost(sent: &Json, told: &Json) -> Map<String, Json> {
    let members = sent.as_object().unwrap().iter();
    let kept = |name: &String, value: &Json| {
        told.get(name) == Some(value) || name == "id" || name == "selfUri"
    };
    members
        .filter(|(name, value)| !kept(name, value))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

#[test]
fn a_session_with_all_51_members_comes_back() {
    let sent: Json = serde_json::from_str(WHOLE).unwrap();
    assert_eq!(sent.as_object().unwrap().len(), 51);
    let told = told(&sent);
    assert_eq!(Json::Object(lost(&sent, &told)), json!({}));
    assert_eq!(told.as_object().unwrap().len(), 51);
}

#[test]
fn a_session_that_is_told_and_taken_in_again_is_the_same() {
    let first = told(&serde_json::from_str(WHOLE).unwrap());
    assert_eq!(Json::Object(lost(&first, &told(&first))), json!({}));
}

#[test]
fn the_last_page_of_a_session_is_not_its_first() {
    let mut session = json!({"id": "S", "createdDate": "2026-01-02T03:03:00Z",
        "lastPage": {"url": "https://shop.example/thanks", "title": "Thanks"}});
    for ended in [Json::Null, json!("2026-01-02T03:04:00Z")] {
        session["endedDate"] = ended;
        let folded = fold(import(&session));
        let fields = &folded.view().session.content.fields;
        let text = |number| fields.get(&number).and_then(Value::as_text);
        assert_eq!(text(field::PAGE_URL), Some("https://shop.example/thanks"));
        assert_eq!([text(field::LANDING_URL), text(field::LANDING_TITLE)], [None, None]);
    }
}

#[test]
fn the_two_signals_of_a_session() {
    let session = json!({
        "id": "0b8d7a3e-3f0e-4a5b-9a55-0f8f1b5b6c11", "type": "web", "customerId": "ck", "customerIdType": "cookie",
        "createdDate": "2026-01-02T03:03:00.678Z", "endedDate": "2026-01-02T03:04:05.678Z",
        "eventCount": 3, "durationInSeconds": 60, "lastAcdOutcome": "OutdatedSdkVersion",
    });
    let told: Vec<String> =
        import(&session).iter().map(|signal| format!("{:#}", canonical::encode(signal))).collect();
    expect![[r#"
        {
          "channel": "web",
          "id": "body:0d359c6b9db41636",
          "identities": [
            {
              "type": "cookie",
              "value": "ck"
            }
          ],
          "occurred_at": "2026-01-02T03:03:00.678Z",
          "session_id": "0b8d7a3e-3f0e-4a5b-9a55-0f8f1b5b6c11",
          "source": "genesys",
          "type": "session_started"
        }
        {
          "acd_outcome": "unknown",
          "channel": "web",
          "duration_ms": 60000,
          "ended_at": "2026-01-02T03:04:05.678Z",
          "event_count": 3,
          "genesys.id": "0b8d7a3e-3f0e-4a5b-9a55-0f8f1b5b6c11",
          "id": "body:b8e1476a44a7d642",
          "identities": [
            {
              "type": "cookie",
              "value": "ck"
            }
          ],
          "occurred_at": "2026-01-02T03:04:05.678Z",
          "session_id": "0b8d7a3e-3f0e-4a5b-9a55-0f8f1b5b6c11",
          "source": "genesys",
          "source_type": "web",
          "started_at": "2026-01-02T03:03:00.678Z",
          "type": "session_ended"
        }"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_later_state_of_a_session_adds_to_the_earlier() {
    let earlier = json!({"id": "S", "type": "web", "createdDate": "2026-01-02T03:03:00.000Z",
        "customerId": "ck", "customerIdType": "cookie", "eventCount": 1,
        "lastEvent": {"id": "e1", "eventName": "page_viewed", "createdDate": "2026-01-02T03:03:00.000Z"}});
    let mut later = earlier.clone();
    later["eventCount"] = json!(3);
    later["endedDate"] = json!("2026-01-02T03:09:00.000Z");
    later["lastEvent"] = json!({"id": "e3", "eventName": "order_completed", "createdDate": "2026-01-02T03:09:00.000Z"});
    let ([start, first], [again, second]) = (import(&earlier), import(&later));
    assert_eq!(start.key, again.key, "the start is one signal");
    assert_eq!(import(&later)[1].key, second.key, "and so is a repetition");
    let Folded { .. } = fold([start.clone(), first.clone()]);
    let folded = fold([start, first, second]);
    let told = of_session(&folded.view());
    assert_eq!(Json::Object(lost(&later, &told)), json!({}));
}

#[test]
fn the_agents_code_is_a_claim_and_what_came_of_a_call_is_one_by_rule() {
    let claim = |more: Json| {
        let mut session =
            json!({"id": "S", "type": "voice", "createdDate": "2026-01-02T03:03:00Z"});
        session.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        import(&session)[1].claim.as_ref().map(|claim| (claim.code, claim.author.word()))
    };
    let disposition =
        |code: &str| json!({"lastUserDisposition": {"code": code, "user": {"id": "u"}}});
    assert_eq!(claim(disposition("1007")), Some((1007, "agent")));
    assert_eq!(claim(disposition("Sold")), None);
    assert_eq!(claim(json!({"lastAcdOutcome": "Answered"})), Some((11, "rule")));
    assert_eq!(claim(json!({"lastAcdOutcome": "Abandon"})), Some((3, "rule")));
    let spam = json!({"lastAcdOutcome": "Abandon", "lastUserDisconnectType": "Spam"});
    assert_eq!(claim(spam), None);
    assert_eq!(claim(json!({"type": "web", "lastAcdOutcome": "Answered"})), None);
}

#[test]
fn a_bad_session_never_fails_the_others() {
    let body = "{\"id\":\"a\",\"createdDate\":\"2026-01-02T03:03:00Z\"}\n{\"id\":\n{\"id\":\"\"}\n{\"id\":\"b\"}\n\
                {\"id\":\"c\",\"createdDate\":\"x\"}\n7";
    let items = decode_sessions(body.as_bytes(), &KEY).unwrap();
    let told: Vec<String> = items
        .iter()
        .map(|(_, item)| item.as_ref().map_or_else(ToString::to_string, |_| "good".to_owned()))
        .collect();
    expect![[r"
        good
        the body cannot be read: EOF while parsing a value at line 1 column 6; send one JSON object
        `id` is missing; send the id of the session, 1 to 255 visible characters
        `createdDate` is missing; send when it began
        `createdDate` is x; send ISO 8601 with Z
        the body cannot be read: it is no object; send one JSON object"]]
    .assert_eq(&told.join("\n"));
    for whole in ["", "7", "[{}"] {
        assert!(decode_sessions(whole.as_bytes(), &KEY).is_err(), "{whole}");
    }
}

/// The vendor's own model, where the shared folder is at hand: every member that is told is one of
/// its, and what it requires is always told.
#[test]
fn what_is_told_is_what_the_vendors_schema_has() {
    let shared = std::env::var_os("SESSIONARY_SHARED")
        .map_or_else(|| "../../../shared".into(), std::path::PathBuf::from);
    let Ok(text) = std::fs::read_to_string(shared.join("spec/genesys-session.json")) else {
        return eprintln!("no shared folder: the vendor's schema was not compared");
    };
    let spec: Json = serde_json::from_str(&text).unwrap();
    let models = &spec["models"];
    let least = json!({"id": "S", "createdDate": "2026-01-02T03:03:00Z", "browser": {}, "device": {},
        "app": {}, "sdkLibrary": {}, "networkConnectivity": {}, "geolocation": {},
        "lastPage": {"url": "/"}, "referrer": {"url": "https://a.example"}});
    for sent in [serde_json::from_str(WHOLE).unwrap(), least] {
        conforms(models, "Session", &told(&sent));
    }
}

fn conforms(models: &Json, model: &str, told: &Json) {
    let fields = models[model]["fields"].as_object().unwrap();
    let told = told.as_object().unwrap_or_else(|| panic!("{model} is {told}"));
    for (name, field) in fields {
        let value = told.get(name);
        assert!(value.is_some() || field.get("required") != Some(&json!(true)), "{model}.{name}");
        let Some(value) = value else { continue };
        if let Some(words) = field.get("enum").and_then(Json::as_array) {
            assert!(words.contains(value), "{model}.{name} is {value}");
        }
        let kind = field["type"].as_str().unwrap();
        let inner = kind.split_once('<').map_or(kind, |(_, rest)| rest.trim_end_matches('>'));
        if models.get(inner).is_none() {
            continue;
        }
        match value {
            Json::Array(items) => items.iter().for_each(|item| conforms(models, inner, item)),
            Json::Object(map) if kind.starts_with("map") => {
                map.values().for_each(|item| conforms(models, inner, item));
            }
            item => conforms(models, inner, item),
        }
    }
    for name in told.keys() {
        assert!(fields.contains_key(name), "{model} has no {name}");
    }
}
