//! Sessions and events out: visits, calls, answers, scores.
use expect_test::expect;
use serde_json::{Value as Json, json};
use sessionary_core::signal::Signal;
use sessionary_dialects::{
    Format, canonical,
    genesys::{Event, app_reply, decode_action, events, of_session, outcome_scores, web_reply},
};

use super::{DEPLOYMENT, KEY, app, fold, golden, web};

fn visit() -> Vec<Signal> {
    let event = |second: u32, name: &str, more: Json| {
        let mut event = json!({
            "customerCookieId": "ck-1", "eventName": name, "userAgentString": "Mozilla/5.0",
            "createdDate": format!("2026-01-05T09:59:{second:02}.500Z"),
            "page": {"url": "https://www.shop.example/", "title": "Shop"},
            "referrerUrl": "https://www.google.com/search?q=red+shoes",
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
    golden("visit.json", &told);
    assert_eq!(told, Format::Genesys.encode(&folded.view()));
}

#[test]
fn the_answers_to_a_web_event_and_an_app_event() {
    let signals = visit();
    let folded = fold(signals.clone());
    golden("web-reply.json", &web_reply(&signals[3], &folded.view()));
    let event = r#"{"eventName":"screen_viewed","screenName":"Home","app":{"name":"Shop"},
        "customerCookieId":"ck-2","createdDate":"2026-01-05T09:00:00"}"#;
    let signal = app(event).unwrap();
    let folded = fold([signal.clone()]);
    golden("app-reply.json", &app_reply(&signal, &folded.view()));
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
    golden("call.json", &of_session(&folded.view()));
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
    golden("visit-events.json", &encoded(signals));
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
