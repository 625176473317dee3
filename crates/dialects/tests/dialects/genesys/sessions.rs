use expect_test::expect;
use serde_json::{Value as Json, json};
use sessionary_core::signal::Signal;
use sessionary_dialects::{
    Format, canonical,
    genesys::{Event, app_reply, decode_action, events, of_session, outcome_scores, web_reply},
};

use super::{DEPLOYMENT, KEY, app, told::fold, web};

fn visit() -> Vec<Signal> {
    let event = |second: u32, name: &str, more: Json| {
        let mut event = json!({
            "customerCookieId": "ck-1", "eventName": name, "userAgentString": "Mozilla/5.0",
            "createdDate": format!("2026-01-05T09:59:{second:02}.500Z"),
            "page": {"url": "https://www.shop.example/", "title": "Shop"},
            "referrerUrl": "https://www.example.org/search?q=red+shoes",
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        web(&event.to_string()).unwrap()
    };
    let landing = "https://www.shop.example/?utm_source=google&utm_campaign=Spring&gclid=G";
    let attribute =
        |value: &str| json!({"attributes": {"sku": {"dataType": "String", "value": value}}});
    vec![
        event(0, "page_viewed", json!({"page": {"url": landing, "lang": "en"}})),
        event(10, "page_viewed", json!({"searchQuery": "shoes"})),
        event(20, "product_added", attribute("A")),
        event(30, "product_added", attribute("B")),
    ]
}

#[test]
fn a_visit() {
    let folded = fold(visit());
    let told = of_session(&folded.view());
    expect![[r#"
        {
          "attributeLists": {
            "sku": {
              "dataType": "String",
              "values": [
                "A",
                "B"
              ]
            }
          },
          "attributes": {
            "sku": {
              "dataType": "String",
              "value": "B"
            }
          },
          "authenticated": false,
          "awayDate": "2026-01-05T10:04:30.500Z",
          "createdDate": "2026-01-05T09:59:00.500Z",
          "customerId": "ck-1",
          "customerIdType": "cookie",
          "durationInSeconds": 30,
          "eventCount": 4,
          "id": "019b8d98-8094-7f92-b96e-aafcf07ec249",
          "idleDate": "2026-01-05T10:00:30.500Z",
          "lastEvent": {
            "createdDate": "2026-01-05T09:59:30.500Z",
            "eventName": "product_added",
            "id": "body:29a73cee079e5e80.2"
          },
          "lastPage": {
            "breadcrumb": [],
            "domain": "shop.example",
            "hostname": "www.shop.example",
            "pathname": "/",
            "title": "Shop",
            "url": "https://www.shop.example/"
          },
          "mktCampaign": {
            "clickId": "G",
            "name": "Spring",
            "network": "google",
            "source": "google"
          },
          "pageviewCount": 2,
          "referrer": {
            "domain": "example.org",
            "hostname": "www.example.org",
            "keywords": "red shoes",
            "medium": "paid",
            "pathname": "/search",
            "queryString": "q=red+shoes",
            "url": "https://www.example.org/search?q=red+shoes"
          },
          "searchTerms": [
            "shoes"
          ],
          "selfUri": "/api/v2/journey/sessions/019b8d98-8094-7f92-b96e-aafcf07ec249",
          "type": "web",
          "userAgentString": "Mozilla/5.0"
        }"#]]
    .assert_eq(&format!("{told:#}"));
    assert_eq!(told, Format::Genesys.encode(&folded.view()));
}

#[test]
fn the_answers_to_a_web_event_and_an_app_event() {
    let signals = visit();
    let folded = fold(signals.clone());
    expect![[r#"
        {
          "attributes": {
            "sku": {
              "dataType": "String",
              "value": "B"
            }
          },
          "authenticated": false,
          "browser": {
            "family": "Unknown",
            "featuresFlash": false,
            "featuresJava": false,
            "featuresPdf": false,
            "featuresWebrtc": false,
            "version": ""
          },
          "createdDate": "2026-01-05T09:59:30.500Z",
          "customerId": "ck-1",
          "customerIdType": "cookie",
          "device": {
            "category": "other",
            "isMobile": false,
            "osFamily": "Unknown",
            "osVersion": "",
            "type": "Unknown"
          },
          "eventName": "product_added",
          "page": {
            "breadcrumb": [],
            "domain": "shop.example",
            "hostname": "www.shop.example",
            "pathname": "/",
            "title": "Shop",
            "url": "https://www.shop.example/"
          },
          "referrer": {
            "domain": "example.org",
            "hostname": "www.example.org",
            "keywords": "red shoes",
            "medium": "unknown",
            "pathname": "/search",
            "queryString": "q=red+shoes",
            "url": "https://www.example.org/search?q=red+shoes"
          },
          "session": {
            "createdDate": "2026-01-05T09:59:00.500Z",
            "durationInSeconds": 30,
            "eventCount": 4,
            "id": "019b8d98-8094-7f92-b96e-aafcf07ec249",
            "pageviewCount": 2,
            "referrer": {
              "domain": "example.org",
              "hostname": "www.example.org",
              "keywords": "red shoes",
              "medium": "paid",
              "pathname": "/search",
              "queryString": "q=red+shoes",
              "url": "https://www.example.org/search?q=red+shoes"
            },
            "selfUri": "/api/v2/journey/sessions/019b8d98-8094-7f92-b96e-aafcf07ec249"
          },
          "traits": {},
          "userAgentString": "Mozilla/5.0"
        }"#]]
    .assert_eq(&format!("{:#}", web_reply(&signals[3], &folded.view())));
    let event = r#"{"eventName":"screen_viewed","screenName":"Home","app":{"name":"Shop"},
        "customerCookieId":"ck-2","createdDate":"2026-01-05T09:00:00"}"#;
    let signal = app(event).unwrap();
    let folded = fold([signal.clone()]);
    expect![[r#"
        {
          "app": {
            "buildNumber": "",
            "name": "Shop",
            "namespace": "",
            "version": ""
          },
          "attributes": {},
          "createdDate": "2026-01-05T09:00:00.000Z",
          "customerId": "ck-2",
          "customerIdType": "cookie",
          "device": {
            "category": "other",
            "isMobile": false,
            "osFamily": "Unknown",
            "osVersion": "",
            "type": "Unknown"
          },
          "eventName": "screen_viewed",
          "id": "body:893ba43931ce6721.2",
          "screenName": "Home",
          "session": {
            "createdDate": "2026-01-05T09:00:00.000Z",
            "durationInSeconds": 0,
            "eventCount": 1,
            "id": "019b8d62-7a80-7935-8cbc-7488f03b2ac0",
            "screenviewCount": 1,
            "selfUri": "/api/v2/journey/sessions/019b8d62-7a80-7935-8cbc-7488f03b2ac0"
          },
          "traits": {}
        }"#]]
    .assert_eq(&format!("{:#}", app_reply(&signal, &folded.view())));
}

#[test]
fn a_call_of_another_dialect_is_told_as_a_conversation() {
    let call = json!([
        {"id": "1", "type": "call_started", "occurred_at": "2026-01-05T09:50:00Z",
         "session_id": "call-1", "source": "pbx", "call": {"direction": "inbound", "id": "C-9"},
         "person": {"phone": "+16195550108"}, "queue": {"name": "orders"}},
        {"id": "2", "type": "call_answered", "occurred_at": "2026-01-05T09:50:20Z",
         "session_id": "call-1", "source": "pbx", "agent": {"name": "Ada"}},
        {"id": "3", "type": "call_ended", "occurred_at": "2026-01-05T09:55:00.900Z",
         "session_id": "call-1", "source": "pbx", "call": {"reason": "end_user"}},
        {"id": "4", "type": "disposition_posted", "occurred_at": "2026-01-05T09:56:00Z",
         "session_id": "call-1", "source": "pbx",
         "disposition": {"code": 11, "author": "agent", "notes": "Helped"},
         "integration": {"agent_id": "agent-7"}},
    ]);
    let call = call.to_string();
    let signals = canonical::decode(call.as_bytes(), &KEY).unwrap();
    let folded = fold(signals.into_iter().map(Result::unwrap));
    expect![[r#"
        {
          "authenticated": false,
          "awayDate": "2026-01-05T10:01:00.000Z",
          "conversation": {
            "id": "C-9",
            "selfUri": "/api/v2/conversations/C-9"
          },
          "conversationChannels": [
            {
              "type": "Voice"
            }
          ],
          "createdDate": "2026-01-05T09:50:00.000Z",
          "customerId": "+16195550108",
          "customerIdType": "phone",
          "durationInSeconds": 360,
          "endedDate": "2026-01-05T09:56:00.000Z",
          "eventCount": 4,
          "externalId": "call-1",
          "id": "019b8d90-4140-7d2a-b476-15f01a8e8ef1",
          "idleDate": "2026-01-05T09:57:00.000Z",
          "lastAcdOutcome": "Answered",
          "lastConnectedQueue": {
            "id": "orders",
            "selfUri": "/api/v2/routing/queues/orders"
          },
          "lastConnectedUser": {
            "id": "Ada",
            "selfUri": "/api/v2/users/Ada"
          },
          "lastEvent": {
            "createdDate": "2026-01-05T09:56:00.000Z",
            "eventName": "disposition_posted",
            "id": "4"
          },
          "lastUserDisconnectType": "Peer",
          "lastUserDisposition": {
            "code": "11",
            "notes": "Helped",
            "user": {
              "id": "agent-7",
              "selfUri": "/api/v2/users/agent-7"
            }
          },
          "originatingDirection": "Inbound",
          "selfUri": "/api/v2/journey/sessions/019b8d90-4140-7d2a-b476-15f01a8e8ef1",
          "type": "voice"
        }"#]]
    .assert_eq(&format!("{:#}", of_session(&folded.view())));
}

fn encoded(signals: Vec<Signal>) -> Json {
    let folded = fold(signals);
    let view = folded.view();
    events(&view).iter().map(|event| event.encode(&view)).collect()
}

#[test]
fn the_events_of_a_visit() {
    let mut signals = visit();
    signals.drain(..2);
    expect![[r#"
        [
          {
            "correlationId": "body:0b2b6d9f7b500087.2",
            "createdDate": "2026-01-05T09:59:20.500Z",
            "customerId": "ck-1",
            "customerIdType": "cookie",
            "eventType": "com.genesys.journey.WebEvent",
            "id": "body:0b2b6d9f7b500087.2",
            "session": {
              "id": "019b8d98-ceb4-7f56-b402-2f130ce97da4",
              "selfUri": "/api/v2/journey/sessions/019b8d98-ceb4-7f56-b402-2f130ce97da4",
              "type": "web"
            },
            "webEvent": {
              "attributes": {
                "sku": {
                  "dataType": "String",
                  "value": "A"
                }
              },
              "authenticated": false,
              "browser": {
                "family": "Unknown",
                "featuresFlash": false,
                "featuresJava": false,
                "featuresPdf": false,
                "featuresWebrtc": false,
                "version": ""
              },
              "device": {
                "category": "other",
                "isMobile": false,
                "osFamily": "Unknown",
                "osVersion": "",
                "type": "Unknown"
              },
              "eventName": "product_added",
              "page": {
                "breadcrumb": [],
                "domain": "shop.example",
                "hostname": "www.shop.example",
                "pathname": "/",
                "title": "Shop",
                "url": "https://www.shop.example/"
              },
              "referrer": {
                "domain": "example.org",
                "hostname": "www.example.org",
                "keywords": "red shoes",
                "medium": "unknown",
                "pathname": "/search",
                "queryString": "q=red+shoes",
                "url": "https://www.example.org/search?q=red+shoes"
              },
              "totalEventCount": 1,
              "totalPageviewCount": 0,
              "traits": {},
              "userAgentString": "Mozilla/5.0"
            }
          },
          {
            "correlationId": "body:29a73cee079e5e80.2",
            "createdDate": "2026-01-05T09:59:30.500Z",
            "customerId": "ck-1",
            "customerIdType": "cookie",
            "eventType": "com.genesys.journey.WebEvent",
            "id": "body:29a73cee079e5e80.2",
            "session": {
              "id": "019b8d98-ceb4-7f56-b402-2f130ce97da4",
              "selfUri": "/api/v2/journey/sessions/019b8d98-ceb4-7f56-b402-2f130ce97da4",
              "type": "web"
            },
            "webEvent": {
              "attributes": {
                "sku": {
                  "dataType": "String",
                  "value": "B"
                }
              },
              "authenticated": false,
              "browser": {
                "family": "Unknown",
                "featuresFlash": false,
                "featuresJava": false,
                "featuresPdf": false,
                "featuresWebrtc": false,
                "version": ""
              },
              "device": {
                "category": "other",
                "isMobile": false,
                "osFamily": "Unknown",
                "osVersion": "",
                "type": "Unknown"
              },
              "eventName": "product_added",
              "page": {
                "breadcrumb": [],
                "domain": "shop.example",
                "hostname": "www.shop.example",
                "pathname": "/",
                "title": "Shop",
                "url": "https://www.shop.example/"
              },
              "referrer": {
                "domain": "example.org",
                "hostname": "www.example.org",
                "keywords": "red shoes",
                "medium": "unknown",
                "pathname": "/search",
                "queryString": "q=red+shoes",
                "url": "https://www.example.org/search?q=red+shoes"
              },
              "totalEventCount": 2,
              "totalPageviewCount": 0,
              "traits": {},
              "userAgentString": "Mozilla/5.0"
            }
          }
        ]"#]]
    .assert_eq(&format!("{:#}", encoded(signals)));
}

#[test]
fn each_type_of_event_has_its_body() {
    let screen = r#"{"eventName":"screen_viewed","screenName":"Home","customerCookieId":"c"}"#;
    expect![[r#"
        {
          "app": {
            "buildNumber": "",
            "name": "",
            "namespace": "",
            "version": ""
          },
          "attributes": {},
          "device": {
            "category": "other",
            "isMobile": false,
            "osFamily": "Unknown",
            "osVersion": "",
            "type": "Unknown"
          },
          "eventName": "screen_viewed",
          "screenName": "Home",
          "traits": {}
        }"#]]
    .assert_eq(&format!("{:#}", encoded(vec![app(screen).unwrap()])[0]["appEvent"]));
    let step = br#"{"sessionId":"S","actionId":"A","actionState":"offered"}"#;
    let told = encoded(vec![decode_action(step, &DEPLOYMENT).unwrap()]);
    assert_eq!(told[0]["eventType"], "com.genesys.journey.WebActionEvent");
    assert_eq!(told[0]["webActionEvent"]["action"]["state"], "offered");
}

#[test]
fn a_cursor_leads_behind_its_event_and_nowhere_else() {
    let folded = fold(visit());
    let view = folded.view();
    let events = events(&view);
    for (at, event) in events.iter().enumerate() {
        let behind = |other: &Event<'_>| other.is_behind(&event.cursor()).unwrap();
        assert_eq!(events.iter().filter(|other| behind(other)).count(), events.len() - at - 1);
    }
    for wrong in ["", "x", "!!", "MTIz"] {
        assert_eq!(events[0].is_behind(wrong), None, "{wrong}");
    }
}

#[test]
fn scores_are_the_latest_with_the_greatest() {
    let score = |minute: u32, outcome: Json, probability: f64| {
        json!({"type": "score_given", "id": format!("s{minute}"), "session_id": "S",
               "occurred_at": format!("2026-01-05T09:{minute:02}:00Z"),
               "outcome": outcome, "probability": probability})
    };
    let list = json!([
        score(1, json!("o1"), 0.7), score(2, json!({"id": "o1"}), 0.4), score(3, json!("o2"), 0.2),
        score(4, json!("o3"), 1.2), {"type": "page_viewed", "id": "p", "session_id": "S"},
    ]);
    let list = list.to_string();
    let signals = canonical::decode(list.as_bytes(), &KEY).unwrap();
    let folded = fold(signals.into_iter().map(Result::unwrap));
    expect![[r#"
        {
          "modifiedDate": "2026-01-05T09:03:00.000Z",
          "outcomeScores": [
            {
              "outcome": {
                "id": "o1",
                "selfUri": "/api/v2/journey/outcomes/o1"
              },
              "probability": 0.4,
              "sessionMaxProbability": 0.7
            },
            {
              "outcome": {
                "id": "o2",
                "selfUri": "/api/v2/journey/outcomes/o2"
              },
              "probability": 0.2,
              "sessionMaxProbability": 0.2
            }
          ]
        }"#]]
    .assert_eq(&format!("{:#}", outcome_scores(&folded.signals)));
    assert_eq!(outcome_scores(&[]), json!({"outcomeScores": []}));
}
