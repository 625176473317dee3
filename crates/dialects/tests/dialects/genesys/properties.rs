//! What holds for every body.
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value as Json, json};
use sessionary_core::{dictionary::field, value::RawJson};
use sessionary_dialects::genesys::{
    decode_action, decode_app, decode_sessions, decode_web, events, of_session, outcome_scores,
};

use super::{DEPLOYMENT, KEY, fold, web};

/// Names that mean something, in a request or in a session.
const NAMES: [&str; 40] = [
    "eventName",
    "customerCookieId",
    "customerId",
    "customerIdType",
    "createdDate",
    "endedDate",
    "page",
    "url",
    "title",
    "referrer",
    "referrerUrl",
    "attributes",
    "traits",
    "email",
    "value",
    "dataType",
    "browser",
    "device",
    "geolocation",
    "mktCampaign",
    "source",
    "id",
    "type",
    "app",
    "sdkLibrary",
    "externalContact",
    "lastEvent",
    "conversationChannels",
    "lastUserDisposition",
    "code",
    "user",
    "caseEntity",
    "outcomeAchievements",
    "outcome",
    "achievedDate",
    "values",
    "attributeLists",
    "durationInSeconds",
    "searchTerms",
    "sessionId",
];

fn value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        select(vec![
            json!(null),
            json!(""),
            json!("web"),
            json!("page_viewed"),
            json!(7),
            json!(-1.5),
            json!(true),
            json!("2026-01-05T09:00:00Z"),
            json!("https://a.example/b?utm_source=c#d"),
            json!(u64::MAX),
            json!("OutdatedSdkVersion"),
            json!("é\u{0}"),
        ]),
        "\\PC{0,9}".prop_map(Json::from),
    ];
    scalar.prop_recursive(3, 30, 5, |inner| {
        prop_oneof![
            vec((select(NAMES.to_vec()), inner.clone()), 0..6).prop_map(object),
            vec(inner, 0..4).prop_map(Json::from),
        ]
    })
}

fn object(members: Vec<(&str, Json)>) -> Json {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Objects that are nearly what is asked for.
fn body() -> impl Strategy<Value = Json> {
    let least = json!({"eventName": "e", "customerCookieId": "c", "id": "S", "sessionId": "S",
        "actionId": "A", "actionState": "s", "createdDate": "2026-01-05T09:00:00Z"});
    vec((select(NAMES.to_vec()), value()), 0..9).prop_map(move |members| {
        let mut body = least.as_object().unwrap().clone();
        body.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Json::Object(body)
    })
}

fn decode_all(bytes: &[u8]) {
    drop(decode_web(bytes, &DEPLOYMENT));
    drop(decode_app(bytes, &DEPLOYMENT));
    drop(decode_action(bytes, &DEPLOYMENT));
    drop(decode_sessions(bytes, &KEY));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..80)) {
        decode_all(&bytes);
    }

    #[test]
    fn no_document_cut_anywhere_panics(document in body(), cut in 0_usize..400) {
        let text = document.to_string();
        let bytes = text.as_bytes();
        decode_all(&bytes[..cut.min(bytes.len())]);
        decode_all(bytes);
    }

    #[test]
    fn whatever_was_taken_in_is_told(document in body()) {
        let text = document.to_string();
        let web = decode_web(text.as_bytes(), &DEPLOYMENT).into_iter().map(|signal| vec![signal]);
        let app = decode_app(text.as_bytes(), &DEPLOYMENT).into_iter().map(|signal| vec![signal]);
        let sessions = decode_sessions(text.as_bytes(), &KEY).unwrap();
        let sessions = sessions.into_iter().filter_map(|(_, session)| Some(session.ok()?.to_vec()));
        for signals in web.chain(app).chain(sessions) {
            let folded = fold(signals);
            let view = folded.view();
            let told = of_session(&view);
            for required in ["id", "type", "eventCount", "lastEvent", "authenticated", "createdDate"] {
                prop_assert!(!told[required].is_null(), "{} is missing", required);
            }
            prop_assert!(!told.to_string().contains("\"OutdatedSdkVersion\"")
                || text.matches("OutdatedSdkVersion").count() > 0);
            for event in events(&view) {
                prop_assert!(event.encode(&view)["eventType"].is_string());
            }
            drop(outcome_scores(&folded.signals));
        }
    }

    /// What a web event is told as, sent again, says the same in every field that both know.
    #[test]
    fn an_event_that_is_told_and_taken_in_again_is_the_same(
        name in "[a-z_]{1,12}", url in "https://[a-z]{1,9}\\.example/[a-z/]{0,9}(\\?utm_source=[a-z]{1,5})?",
        title in "\\PC{0,9}", agent in "[A-Za-z/0-9. ]{0,20}", search in "[a-z ]{0,9}",
        email in "[a-z]{1,9}@[a-z]{1,9}\\.example", price in 0_u32..1_000_000,
    ) {
        let sent = json!({"eventName": name, "customerCookieId": "ck", "createdDate": "2026-01-05T09:00:00.000Z",
            "page": {"url": url, "title": title}, "userAgentString": agent, "searchQuery": search,
            "browser": {"family": "F", "version": "1", "featuresFlash": false, "featuresJava": false,
                        "featuresPdf": true, "featuresWebrtc": false},
            "attributes": {"price": {"dataType": "Number", "value": price.to_string()}},
            "traits": {"email": {"dataType": "String", "value": email}}});
        let first = web(&sent.to_string()).unwrap();
        let folded = fold([first.clone()]);
        let view = folded.view();
        let told = events(&view)[0].encode(&view);
        let mut again = told["webEvent"].clone();
        again["customerCookieId"] = told["customerId"].clone();
        again["createdDate"] = told["createdDate"].clone();
        let second = web(&again.to_string()).unwrap();
        prop_assert_eq!((&first.kind, first.occurred_at, &first.identities), (&second.kind, second.occurred_at, &second.identities));
        for (number, value) in &first.fields {
            prop_assert_eq!(second.fields.get(number), Some(value), "{:?}", number);
        }
        prop_assert!(first.fields.contains_key(&field::PAGE_URL));
        for path in ["attributes.price", "traits.email"] {
            prop_assert_eq!(first.attributes.get(path).map(RawJson::to_json), second.attributes.get(path).map(RawJson::to_json));
        }
    }
}
