//! CCAI Platform's events and files: taken in, read back, put aside, replayed.
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_engine::{keys::KeyKind, registry::NewKey};

use crate::world::World;

const CALL: &str = include_str!("../../../../data/golden/ccai/call.json");

#[tokio::test]
async fn events_make_a_session_that_is_read_in_every_shape() {
    let world = World::start().await;
    let body = json!([
        {"id": 12345, "session_type": "Voice Inbound", "status": "queued", "occurred_at": "2026-01-05T11:00:00.000+01:00"},
        {"id": 12345, "status": 2, "occurred_at": "2026-01-05T11:00:20.000+01:00"},
        {"id": 12345, "status": "connected", "occurred_at": "2026-01-05T11:00:30.000+01:00",
         "customer_phone_number": "+12223336666", "recording_url": "https://r.example.com/1"},
        {"status": "queued"},
        {"id": 12345, "status": 8, "occurred_at": "2026-01-05T11:04:00.000+01:00", "recording_permission": "denied"},
    ]);
    let reply = world.post("/ccai/events", body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!((&reply.body["accepted"], &reply.body["quarantined"]), (&json!(4), &json!(1)));
    assert_eq!(reply.body["results"][3]["code"], "missing_member");
    let session = reply.body["results"][0]["session_id"].as_str().unwrap().to_owned();

    let record = world.get(&format!("/v1/sessions/{session}")).await;
    assert_eq!((&record["source"], &record["external_id"]), (&json!("ccai:call"), &json!("12345")));
    assert_eq!((&record["status"], &record["end_rule"]), (&json!("settling"), &json!("hung_up")));
    assert_eq!((&record["wait_ms"], &record["handle_ms"]), (&json!(30_000), &json!(210_000)));
    assert_eq!(record["recording"], json!({"permission": "denied"}));
    assert_eq!(record["warnings"], json!(["recording_withheld"]));
    let kinds: Vec<&Value> =
        record["legs"].as_array().unwrap().iter().map(|leg| &leg["kind"]).collect();
    assert_eq!(kinds, ["queue", "agent"]);

    let file = world.get(&format!("/v1/sessions/{session}?format=ccai")).await;
    assert_eq!((&file["id"], &file["status"]), (&json!(12345), &json!("finished")));
    assert_eq!(file["queued_at"], "2026-01-05T11:00:00.000+01:00");
    assert_eq!((&file["call_duration"], &file["wait_duration"]), (&json!(240), &json!(30)));
    assert_eq!(file["recording_url"], Value::Null);
    assert_eq!(file["sessionary"]["session_id"], session);
    let found = world.get("/v1/sessions?customer_id=%2B12223336666").await;
    assert_eq!(found["entities"][0]["id"], session);

    // The same again is the same, and another body of one event is told apart.
    let again = world.post("/ccai/events", body.to_string()).await;
    assert_eq!((&again.body["accepted"], &again.body["duplicates"]), (&json!(0), &json!(4)));
    let other = json!({"id": 12345, "status": 2, "occurred_at": "2026-01-05T11:00:20.000+01:00", "lang": "en"});
    assert_eq!(world.post("/ccai/events", other.to_string()).await.status, 409);

    // An unusual step is taken, and flagged.
    let odd =
        json!({"id": 12345, "status": "selecting", "occurred_at": "2026-01-05T11:05:00.000+01:00"});
    assert_eq!(world.post("/ccai/events", odd.to_string()).await.status, 200);
    let record = world.get(&format!("/v1/sessions/{session}")).await;
    assert!(record["warnings"].to_string().contains("unexpected_transition"));
    assert_eq!(record["source_status"], "selecting");
}

#[tokio::test]
async fn a_file_is_taken_as_it_is_and_comes_back_so() {
    let world = World::start().await;
    let reply = world.post("/ccai/metadata", CALL).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let session = reply.body["results"][0]["session_id"].as_str().unwrap().to_owned();
    let sent: Value = serde_json::from_str(CALL).unwrap();
    let back = world.get(&format!("/v1/sessions/{session}?format=ccai")).await;
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&back[name], value, "{name}");
    }
    let before = world.get(&format!("/v1/sessions/{session}")).await;
    let again = world.post("/ccai/metadata", CALL).await;
    assert_eq!((&again.body["accepted"], &again.body["conflicts"]), (&json!(0), &json!(0)));
    let after = world.get(&format!("/v1/sessions/{session}")).await;
    assert_eq!((&after["event_count"], &after["legs"]), (&before["event_count"], &before["legs"]));
    // A correction, and the handshake's view of it.
    let mut later = sent;
    later["updated_at"] = json!("2026-01-05T12:00:00.000+01:00");
    later["disposition_codes"] = json!([{"code": "Wrong Number"}]);
    assert_eq!(world.post("/ccai/metadata", later.to_string()).await.status, 200);
    let handshake = world.get(&format!("/v1/sessions/{session}?format=handshake")).await;
    assert_eq!(handshake["session_disposition_code"], 13);
    assert_eq!(handshake["session_recording_url"], "https://rec.example.com/90211");
}

#[tokio::test]
async fn what_cannot_be_understood_is_put_aside_and_can_be_replayed() {
    let world = World::start().await;
    for path in ["/ccai/events", "/ccai/metadata"] {
        for body in ["", "{", "[]", "3", "nonsense", "{}", "[[[[", "{\"id\":{}}"] {
            let refused = world.post(path, body).await;
            assert!(
                (400..=422).contains(&refused.status.as_u16()),
                "{path} {body}: {}",
                refused.body
            );
            assert!(refused.body["code"].is_string(), "{path} {body}: {}", refused.body);
        }
        let deep = "[".repeat(100_000);
        assert_eq!(world.post(path, deep).await.status.as_u16() / 100, 4);
        let refused =
            world.post(path, r#"{"status":"queued","created_at":"2026-01-05T10:00:00Z"}"#).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        let id = refused.body["quarantine_id"].as_str().unwrap();
        let fixed = r#"{"id":5,"status":"queued","created_at":"2026-01-05T10:00:00Z"}"#;
        let replayed = world.post(&format!("/v1/quarantine/{id}/replay"), fixed).await;
        assert_eq!(replayed.status, 200, "{}", replayed.body);
    }
    let found = world.get("/v1/sessions?external_id=5").await;
    assert_eq!(found["entities"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_stands_in_a_page_may_not_speak_for_the_contact_centre() {
    let world = World::start().await;
    for path in ["/ccai/events", "/ccai/metadata"] {
        let refused = world.ask(Method::POST, path, &world.publishable, &[], r#"{"id":1}"#).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert_eq!(world.ask(Method::POST, path, "", &[], r#"{"id":1}"#).await.status, 401);
    }
}

#[tokio::test]
async fn times_without_an_offset_are_of_the_keys_zone() {
    let world = World::start().await;
    let key = world.key(NewKey {
        timezone: Some("Europe/Berlin".into()),
        ..NewKey::new(KeyKind::Secret, "default")
    });
    let event = json!({"id": 7, "session_type": "Voice Inbound", "status": "queued",
                       "occurred_at": "2026-07-05T11:00:00"});
    let reply = world.ask(Method::POST, "/ccai/events", &key, &[], event.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let id = reply.body["results"][0]["session_id"].as_str().unwrap();
    let record = world.get(&format!("/v1/sessions/{id}")).await;
    assert_eq!(record["started_at"], "2026-07-05T09:00:00.000Z");
    let file = world.get(&format!("/v1/sessions/{id}?format=ccai")).await;
    assert_eq!(file["queued_at"], "2026-07-05T11:00:00.000+02:00");

    let file = json!({"id": 8, "call_type": "Voice Inbound", "created_at": "2026-01-05 11:00:00",
        "ends_at": "2026-01-05T11:05:00",
        "handle_durations": [{"started_at": "2026-01-05T11:01:00", "call_duration": 240}]});
    let reply = world.ask(Method::POST, "/ccai/metadata", &key, &[], file.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let id = reply.body["results"][0]["session_id"].as_str().unwrap();
    let record = world.get(&format!("/v1/sessions/{id}")).await;
    assert_eq!(record["started_at"], "2026-01-05T10:00:00.000Z");
    assert_eq!(record["ended_at"], "2026-01-05T10:05:00.000Z");
    assert_eq!(record["legs"][0]["started_at"], "2026-01-05T10:01:00.000Z");

    // Without one they are of UTC.
    let event = json!({"id": 9, "status": "queued", "occurred_at": "2026-07-05T11:00:00"});
    let reply = world.post("/ccai/events", event.to_string()).await;
    let id = reply.body["results"][0]["session_id"].as_str().unwrap();
    let record = world.get(&format!("/v1/sessions/{id}")).await;
    assert_eq!(record["started_at"], "2026-07-05T11:00:00.000Z");

    let wish = json!({"kind": "secret", "timezone": "Mars/Olympus"});
    let refused = world.post("/v1/keys", wish.to_string()).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["errors"][0]["pointer"]),
        (422, &json!("/timezone"))
    );
}
