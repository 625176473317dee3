//! Segment's libraries as the server sees them.
use std::io::Write;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_core::rules::Rules;
use sessionary_engine::{keys::KeyKind, registry::NewKey};
use sessionary_server::settings::Settings;

use crate::world::{Reply, World};

fn basic(key: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{key}:")))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Three calls of one visitor, a minute ago.
fn visit(world: &World) -> Value {
    let at = |seconds: i64| {
        world.engine.now().minus(sessionary_core::time::Millis::from_secs(seconds)).to_string()
    };
    json!({"batch": [
        {"type": "page", "messageId": "m1", "anonymousId": "a1", "timestamp": at(60), "name": "Home",
         "properties": {"url": "https://shop.example/?utm_source=google&utm_medium=cpc"}},
        {"type": "identify", "messageId": "m2", "anonymousId": "a1", "userId": "u1", "timestamp": at(40),
         "traits": {"email": "Penny@Example.com", "plan": "gold"}},
        {"type": "track", "messageId": "m3", "anonymousId": "a1", "userId": "u1", "timestamp": at(10),
         "event": "Order Completed", "properties": {"order_id": "O-1", "total": 24.66, "currency": "USD",
         "products": [{"sku": "A", "price": 24.66, "quantity": 1, "brand": "Acme"}]}},
    ]})
}

async fn sessions(world: &World, customer: &str) -> Vec<Value> {
    let found = world.get(&format!("/v1/sessions?customer_id={customer}")).await;
    found["entities"].as_array().unwrap().clone()
}

/// Whether it is a refusal in the shape that the libraries read.
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.body);
    assert_eq!(reply.body["code"], code, "{}", reply.body);
    assert!(reply.body["message"].as_str().is_some_and(|text| !text.is_empty()));
    assert_eq!(reply.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_packed_batch_under_the_label_of_a_form_makes_one_session() {
    let world = World::start().await;
    let auth = basic(&world.publishable);
    let headers = [
        ("authorization", auth.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-encoding", "gzip"),
    ];
    let body = gzip(&visit(&world).to_string());
    for _ in 0..2 {
        // The second time its answer was lost on the way.
        let reply = world.ask(Method::POST, "/v1/batch", "", &headers, body.clone()).await;
        assert_eq!((reply.status.as_u16(), &reply.body), (200, &json!({"success": true})));
    }
    let found = sessions(&world, "a1").await;
    assert_eq!(found.len(), 1);
    let session = &found[0];
    assert_eq!(session["event_count"], 3);
    assert_eq!(session["pageview_count"], 1);
    assert_eq!(session["duration_ms"], 50_000);
    assert_eq!(session["attribution"]["source"], "google");
    assert_eq!(session["person"]["email"], "Penny@Example.com");
    assert_eq!(session["commerce"]["items"]["sku"], json!(["A"]));
    assert_eq!(session["orders"][0]["total"], "24.66");
    assert_eq!(session["disposition"]["name"], "Convert");
    assert_eq!(session["attributes"]["traits.plan"], "gold");
    assert_eq!(sessions(&world, "u1").await[0]["id"], session["id"]);
    assert_eq!(sessions(&world, "penny@example.com").await[0]["id"], session["id"]);
}

#[tokio::test]
async fn a_session_is_told_as_calls_and_those_make_the_same_session_elsewhere() {
    let (world, other) = (World::start().await, World::start().await);
    let reply = world.post("/v1/batch", visit(&world).to_string()).await;
    assert_eq!(reply.status, 200);
    let here = sessions(&world, "a1").await.remove(0);
    let path = format!("/v1/sessions/{}?format=segment", here["id"].as_str().unwrap());
    let mut told = world.get(&path).await;
    let calls: Vec<&Value> = told["batch"].as_array().unwrap().iter().collect();
    assert_eq!(
        calls.iter().map(|call| &call["type"]).collect::<Vec<_>>(),
        ["page", "identify", "track"]
    );
    assert_eq!(calls[2]["properties"]["products"][0]["brand"], "Acme");
    assert!(told["sentAt"].is_string());
    told["writeKey"] = json!(other.publishable);
    let reply = other.ask(Method::POST, "/v1/batch", "", &[], told.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let there = sessions(&other, "a1").await.remove(0);
    for member in [
        "started_at",
        "ended_at",
        "event_count",
        "identities",
        "touches",
        "orders",
        "commerce",
        "person",
        "attribution",
        "page",
        "attributes",
        "channel",
        "disposition",
    ] {
        assert_eq!(there[member], here[member], "{member}");
    }
}

#[tokio::test]
async fn the_key_may_stand_in_the_body_of_a_single_call() {
    let world = World::start().await;
    let call = |key: &str, path: &str| {
        let body =
            json!({"writeKey": key, "anonymousId": path, "event": "Step", "messageId": path});
        let (world, path, body) = (&world, path.to_owned(), body.to_string());
        async move {
            let headers = [("content-type", "text/plain")];
            world.ask(Method::POST, &path, "", &headers, body).await
        }
    };
    for path in
        ["track", "identify", "page", "screen", "group", "alias", "t", "i", "p", "s", "g", "a"]
    {
        let path = format!("/v1/{path}");
        assert_eq!(call(&world.publishable, &path).await.status, 200, "{path}");
        assert_eq!(sessions(&world, &path).await[0]["event_count"], 1, "{path}");
    }
    assert_refused(&call("mistyped", "/v1/t").await, 401, "key_malformed");
    assert_refused(&call("", "/v1/t").await, 401, "key_missing");
    let reply =
        world.ask(Method::POST, "/v1/b", "", &[("authorization", "Basic Og==")], "{}").await;
    assert_refused(&reply, 401, "key_missing");
}

#[tokio::test]
async fn a_bad_call_fails_none_beside_it_and_can_be_taken_in_again() {
    let world = World::start().await;
    let body = r#"{"batch":[{"type":"poll","messageId":"b"},7,{"type":"page","anonymousId":"a1","messageId":"g"}]}"#;
    let reply = world.post("/v1/batch", body).await;
    assert_eq!((reply.status.as_u16(), &reply.body), (200, &json!({"success": true})));
    assert_eq!(sessions(&world, "a1").await[0]["event_count"], 1);
    let list = world.get("/v1/quarantine").await;
    let items = list["entities"].as_array().unwrap();
    let reasons: Vec<&Value> = items.iter().map(|item| &item["reason"]).collect();
    assert_eq!(reasons, ["unknown_type", "not_an_object"]);
    assert_eq!((&items[0]["dialect"], &items[0]["field"]), (&json!("segment"), &json!("type")));
    let path = format!("/v1/quarantine/{}/replay", items[0]["id"].as_str().unwrap());
    let right = r#"{"type":"page","anonymousId":"a1","messageId":"b"}"#;
    let reply = world.post(&path, right).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(sessions(&world, "a1").await[0]["event_count"], 2);
}

#[tokio::test]
async fn what_a_route_says_of_its_call_holds_for_a_replay() {
    let world = World::start().await;
    let reply = world.post("/v1/t", r#"{"anonymousId":"a1"}"#).await;
    assert_refused(&reply, 400, "unreadable_body");
    let item = world.get("/v1/quarantine").await["entities"][0].clone();
    assert_eq!(
        (&item["dialect"], &item["reason"]),
        (&json!("segment:track"), &json!("missing_event"))
    );
    let path = format!("/v1/quarantine/{}/replay", item["id"].as_str().unwrap());
    let reply = world.post(&path, r#"{"anonymousId":"a1","event":"Step"}"#).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(sessions(&world, "a1").await[0]["event_count"], 1);
}

#[tokio::test]
async fn an_outcome_takes_a_key_that_may_state_one() {
    let world = World::start().await;
    let outcome = |key: &str| {
        json!({"writeKey": key, "anonymousId": "a1", "event": "Session Disposition", "properties": {"code": 10}})
            .to_string()
    };
    let by_page = world.ask(Method::POST, "/v1/t", "", &[], outcome(&world.publishable)).await;
    assert_refused(&by_page, 403, "scope_missing");
    assert!(sessions(&world, "a1").await.is_empty());
    let item = world.get("/v1/quarantine").await["entities"][0].clone();
    assert_eq!(item["reason"], "scope_missing");
    let by_server = world.ask(Method::POST, "/v1/t", "", &[], outcome(&world.secret)).await;
    assert_eq!(by_server.status, 200);
    assert_eq!(sessions(&world, "a1").await[0]["disposition"]["author"], "business");
}

#[tokio::test]
async fn refusals_speak_as_the_libraries_read() {
    let world = World::start().await;
    for (body, status, code) in [
        (String::new(), 400, "unreadable_body"),
        ("{\"batch\":[".to_owned(), 400, "unreadable_body"),
        ("{\"batch\":7}".to_owned(), 400, "unreadable_body"),
        ("[{}]".to_owned(), 400, "unreadable_body"),
        (format!("{{\"batch\":[{}1]}}", "1,".repeat(5_000)), 413, "too_many_signals"),
        ("x".repeat(5 << 20), 413, "body_too_large"),
    ] {
        assert_refused(&world.post("/v1/batch", body).await, status, code);
    }
    let items = world.get("/v1/quarantine").await["entities"].as_array().unwrap().len();
    assert_eq!(items, 4, "what a key sent is kept, be it unreadable");
    let unknown = basic("no-such-key");
    let headers = [("authorization", unknown.as_str())];
    let reply = world.ask(Method::POST, "/v1/batch", "", &headers, "{}").await;
    assert_refused(&reply, 401, "key_malformed");
    assert_eq!(world.post("/v1/batch", r#"{"batch":[]}"#).await.status, 200);
}

#[tokio::test]
async fn hostile_bodies_are_refused_on_every_route() {
    let world = World::start().await;
    let deep = |text: &str| text.repeat(100_000);
    let bodies = [
        b"\xff\xfe{}".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"{\"batch\":{}}".to_vec(),
        b"{\"type\":\"track\",\"event\":[]}".to_vec(),
        b"{\"type\":\"page\",\"timestamp\":1e999}".to_vec(),
        format!("{}{}", deep("["), deep("]")).into_bytes(),
        format!("{}1{}", deep("{\"a\":"), deep("}")).into_bytes(),
        format!("{{\"type\":\"page\",\"name\":\"{}\"}}", deep("a")).into_bytes(),
    ];
    for path in
        ["batch", "import", "track", "identify", "page", "screen", "group", "alias", "b", "t"]
    {
        for body in &bodies {
            let reply = world.post(&format!("/v1/{path}"), body.clone()).await;
            assert_refused(&reply, 400, "unreadable_body");
        }
    }
}

#[tokio::test]
async fn a_full_server_says_when_to_come_again() {
    let world =
        World::with(Rules::default(), Settings { requests_max: 0, ..Settings::default() }).await;
    let reply = world.post("/v1/batch", "{}").await;
    assert_refused(&reply, 503, "overloaded");
    assert_eq!(reply.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_page_is_told_where_to_send_and_may_send_there() {
    let world = World::start().await;
    let key = world.key(NewKey {
        origins: vec!["https://shop.example".into()],
        ..NewKey::new(KeyKind::Publishable, "default")
    });
    let path = format!("/v1/projects/{key}/settings");
    let from = |origin: &'static str| [("origin", origin)];
    let reply = world.ask(Method::GET, &path, "", &from("https://shop.example"), "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.headers["access-control-allow-origin"], "https://shop.example");
    let told = &reply.body["integrations"]["Segment.io"];
    let host = world.base.strip_prefix("http://").unwrap();
    assert_eq!(told["apiKey"], key.as_str());
    assert_eq!(told["apiHost"], format!("{host}/v1"));
    assert_eq!(told["protocol"], "https");
    let reply = world.ask(Method::GET, &path, "", &from("https://evil.example"), "").await;
    assert_refused(&reply, 403, "origin_not_allowed");
    let path = format!("/v1/projects/{}/settings", world.secret);
    assert_refused(&world.ask(Method::GET, &path, "", &[], "").await, 403, "secret_in_url");

    let asked = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,x-retry-count"),
    ];
    let reply = world.ask(Method::OPTIONS, "/v1/t", "", &asked, "").await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.headers["access-control-allow-headers"], "authorization,x-retry-count");
    let body = json!({"writeKey": key, "event": "Step", "anonymousId": "a1"}).to_string();
    let reply =
        world.ask(Method::POST, "/v1/t", "", &from("https://shop.example"), body.clone()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["access-control-allow-origin"], "https://shop.example");
    let reply = world.ask(Method::POST, "/v1/t", "", &from("https://evil.example"), body).await;
    assert_refused(&reply, 403, "origin_not_allowed");
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_page_of_rudderstack_is_told_to_start_and_may_send_there() {
    let world = World::start().await;
    let key = world.key(NewKey {
        origins: vec!["https://shop.example".into()],
        ..NewKey::new(KeyKind::Publishable, "default")
    });
    let from = |origin: &'static str| [("origin", origin)];
    let shop = from("https://shop.example");
    // The library says the key twice; either is enough.
    let asked = format!("/sourceConfig/?p=npm&v=3.34.1&build=modern&writeKey={key}");
    let in_query = world.ask(Method::GET, &asked, "", &shop, "").await;
    let in_header = world.ask(Method::GET, "/sourceConfig", &key, &shop, "").await;
    for reply in [in_query, in_header] {
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.headers["access-control-allow-origin"], "https://shop.example");
        let source = &reply.body["source"];
        assert!(source["id"].is_string(), "{source}");
        assert_eq!((&source["enabled"], &source["destinations"]), (&json!(true), &json!([])));
        assert_eq!(source["config"]["statsCollection"]["errors"]["enabled"], false);
        assert!(!reply.body.to_string().contains(&key));
    }
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let reply = world.ask(Method::OPTIONS, "/sourceConfig/", "", &preflight, "").await;
    assert_eq!(reply.status, 204);
    let elsewhere = from("https://evil.example");
    assert_refused(
        &world.ask(Method::GET, &asked, "", &elsewhere, "").await,
        403,
        "origin_not_allowed",
    );
    assert_refused(
        &world.ask(Method::GET, "/sourceConfig/", "", &shop, "").await,
        401,
        "key_missing",
    );

    // A page that is being left sends what it still has without headers of its own.
    let batch = json!({"batch": [{"type": "track", "event": "Left", "messageId": "m-9",
        "anonymousId": "a-9", "context": {"sessionId": 1_762_000_000_123_u64}}], "sentAt": "2026-01-05T10:00:00Z"});
    let path = format!("/beacon/v1/batch?writeKey={key}");
    let headers = [("origin", "https://shop.example"), ("content-type", "text/plain")];
    let reply = world.ask(Method::POST, &path, "", &headers, batch.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let found = world.get("/v1/sessions?external_id=1762000000123").await;
    assert_eq!(found["entities"].as_array().unwrap().len(), 1, "{found}");
}
