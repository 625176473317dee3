//! The source's own examples: accepted, read back, rendered back.
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_engine::{keys::KeyKind, registry::NewKey};

use crate::world::World;

const FLAT: &str = include_str!("../../../../data/golden/handshake/flat.json");
const NUMBERED: &str = include_str!("../../../../data/golden/handshake/numbered.json");
const QUERY: &str = include_str!("../../../../data/golden/handshake/numbered-query.txt");

/// What the two renderings must agree on: everything that was sent but the reply's own fields.
fn sent() -> Value {
    serde_json::from_str(FLAT).unwrap()
}

/// Numbers and their texts are one value.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

async fn assert_rendered_back(world: &World, session: &str) {
    let rendered = world.get(&format!("/v1/sessions/{session}?format=handshake")).await;
    for (name, value) in sent().as_object().unwrap() {
        if name == "action_key" {
            continue;
        }
        let back = &rendered[name];
        let same = if name == "echo_json" {
            let parsed = back.as_str().map(|text| serde_json::from_str(text).unwrap());
            parsed.unwrap_or(back.clone()) == *value
        } else {
            text(back) == text(value)
        };
        assert!(same, "{name}: {back} came back for {value}");
    }
}

#[tokio::test]
async fn the_flat_example_is_accepted_read_back_and_rendered_back() {
    let world = World::start().await;
    let reply = world.post("/v1/dispositions", FLAT).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["api_result_code"], "200");
    assert_eq!(reply.body["api_trackingid"], "trk_123456");
    assert_eq!(reply.body["session"]["status"], "settling");
    assert_eq!(reply.body["warnings"], json!(["unknown_action_key"]));
    let session = reply.body["session"]["id"].as_str().unwrap();
    let found = world.get(&format!("/v1/sessions/{session}")).await;
    assert_eq!(found["external_id"], "ABC123");
    assert_eq!(found["source"], "shopify");
    assert_eq!(found["disposition"]["code"], 1);
    assert_eq!(found["disposition"]["notes"], "Customer upgraded to bundle");
    assert_eq!(found["duration_ms"], 11_000);
    assert_eq!(found["started_at"], "2024-06-14T04:51:20.000Z");
    assert_eq!(found["attribution"]["campaign_name"], "Spring 2024 Retargeting");
    assert_eq!(found["commerce"]["total"], "24.66");
    assert_rendered_back(&world, session).await;
    // The same again is the same; another body under its tracking id is a conflict.
    let again = world.post("/v1/dispositions", FLAT).await;
    assert_eq!((again.status.as_u16(), &again.body["session"]["id"]), (200, &json!(session)));
    let mut other = sent();
    other["session_disposition_code"] = json!(10);
    let conflict = world.post("/v1/dispositions", other.to_string()).await;
    assert_eq!(conflict.status, 409);
    assert_eq!(
        world.get(&format!("/v1/sessions/{session}/claims")).await["entities"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_numbered_example_comes_by_the_action_endpoint() {
    let world = World::start().await;
    let path = format!("/v1/Person/Action.json/{}/?{}", world.secret, QUERY.trim());
    let reply = world.ask(Method::POST, &path, "", &[], NUMBERED).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["ActionResult"]["Result"]["Code"], 0);
    let session = reply.body["session"]["id"].as_str().unwrap();
    let rendered = world.get(&format!("/v1/sessions/{session}?format=handshake")).await;
    // The four fields that have neither number nor parameter do not travel in this form.
    for (name, value) in sent().as_object().unwrap() {
        let travels = !name.starts_with("user_signal") && !name.starts_with("program_signal");
        if travels && name != "action_key" && name != "echo_json" {
            assert_eq!(text(&rendered[name]), text(value), "{name}");
        }
    }
}

#[tokio::test]
async fn a_form_is_read_as_well() {
    let world = World::start().await;
    let form = "session_disposition_code=10&session_id=F1&user_phone=16195550108";
    let reply = world.post("/v1/dispositions", form).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let found = world.get("/v1/sessions?external_id=F1").await;
    assert_eq!(found["entities"][0]["disposition"]["code"], 10);
}

#[tokio::test]
async fn a_strict_key_enforces_the_printed_column() {
    let world = World::start().await;
    let strict = NewKey { strict: true, ..NewKey::new(KeyKind::Secret, "default") };
    let strict = world.key(strict);
    let ask = |body: String| {
        let (world, strict) = (&world, &strict);
        async move { world.ask(Method::POST, "/v1/dispositions", strict, &[], body).await }
    };
    assert_eq!(ask(FLAT.to_owned()).await.status, 200);
    let mut lacking = sent();
    lacking["api_trackingid"] = json!("trk_2");
    lacking.as_object_mut().unwrap().remove("user_phone");
    lacking.as_object_mut().unwrap().remove("session_variant");
    let refused = ask(lacking.to_string()).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let named: Vec<&str> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["/user_phone", "/session_variant"]);
    // A key that is not strict takes the same with warnings.
    let taken = world.post("/v1/dispositions", lacking.to_string()).await;
    assert_eq!(taken.status, 200);
    let warnings = taken.body["warnings"].to_string();
    assert!(
        warnings.contains("missing_user_phone") && warnings.contains("missing_session_variant")
    );
}

#[tokio::test]
async fn what_lacks_the_hard_fields_is_refused_and_kept() {
    let world = World::start().await;
    for body in [json!({ "session_id": "A" }), json!({ "session_disposition_code": 3 })] {
        let reply = world.post("/v1/dispositions", body.to_string()).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["code"]),
            (400, &json!("missing_disposition"))
        );
        assert!(reply.body["quarantine_id"].is_string());
    }
    let wrong = json!({ "session_id": "A", "session_disposition_code": "ten" });
    assert_eq!(world.post("/v1/dispositions", wrong.to_string()).await.status, 400);
}

#[tokio::test]
async fn action_keys_give_channel_type_and_policy() {
    let world = World::start().await;
    let wish = json!({ "action_type": "phone_call", "label": "hotline", "policy": "first",
                       "currency": "EUR", "aliases": ["legacy-token"] });
    let made = world.post("/v1/action-keys", wish.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let token = made.body["action_key"].as_str().unwrap();
    assert!(token.starts_with("ak_"));
    let post = |key: &str, code: u32, id: &str| {
        let body = json!({ "action_key": key, "session_disposition_code": code, "session_id": "call-9",
                           "api_trackingid": id, "commerce_order_total": "5.00" });
        let world = &world;
        async move { world.post("/v1/dispositions", body.to_string()).await }
    };
    assert_eq!(post(token, 11, "t1").await.status, 200);
    assert_eq!(post("legacy-token", 10, "t2").await.status, 200);
    let found = &world.get("/v1/sessions?external_id=call-9").await["entities"][0];
    assert_eq!((&found["type"], &found["channel"]), (&json!("phone_call"), &json!("voice")));
    assert_eq!(found["disposition"]["code"], 11, "the action key says that the first holds");
    assert_eq!(found["commerce"]["currency"], "EUR");
    let other = world.key(NewKey::new(KeyKind::Secret, "other"));
    let foreign = json!({ "action_key": token, "session_disposition_code": 1, "session_id": "x" });
    let reply = world.ask(Method::POST, "/v1/dispositions", &other, &[], foreign.to_string()).await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (403, &json!("action_key_foreign")));
}
