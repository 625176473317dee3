//! `POST /v1/query`: one tenant's rows, in every shape, and for no longer than somebody waits.
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_engine::{
    keys::{KeyKind, Scope},
    registry::NewKey,
};

use crate::world::World;

/// Longer than any test.
const ENDLESS: &str = "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a \
                       CROSS JOIN generate_series(1, 1000000) b";

fn visit(id: &str, cookie: &str) -> Value {
    json!({
        "id": id, "type": "page_viewed", "channel": "web", "occurred_at": "2026-01-05T10:00:00Z",
        "identities": [{ "type": "cookie", "value": cookie }],
        "page": { "url": "https://example.com/" },
    })
}

fn asks(sql: &str) -> String {
    json!({ "sql": sql }).to_string()
}

#[tokio::test]
async fn an_open_session_is_told_with_what_makes_it_fresh() {
    let world = World::start().await;
    let session = world.signals(json!([visit("s1", "c1")])).await;
    let reply = world.post("/v1/query", asks("SELECT id, status, event_count FROM sessions")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let told = &reply.body;
    assert_eq!(told["rows"], json!([{ "id": session, "status": "open", "event_count": 1 }]));
    assert_eq!(told["columns"][2], json!({ "name": "event_count", "type": "number" }));
    assert_eq!(
        (&told["freshness"]["files"], &told["freshness"]["live_rows"]),
        (&json!(0), &json!(1))
    );
    assert!(told["freshness"]["through"].is_string() && told["elapsed_ms"].is_number());
    let limited = json!({ "sql": "SELECT value FROM generate_series(1, 9)", "limit": 2 });
    let reply = world.post("/v1/query", limited.to_string()).await;
    assert_eq!(reply.body["rows"], json!([{ "value": 1 }, { "value": 2 }]));
}

#[tokio::test]
async fn a_key_reads_its_own_tenant() {
    let world = World::start().await;
    world.signals(json!([visit("s1", "c1")])).await;
    let key =
        world.key(NewKey { scopes: vec![Scope::Export], ..NewKey::new(KeyKind::Secret, "bank") });
    for table in ["sessions", "sessions_all", "signals", "claims", "people", "parcels", "touches"] {
        let sql = asks(&format!("SELECT * FROM {table}"));
        let reply = world.ask(Method::POST, "/v1/query", &key, &[], sql).await;
        assert_eq!((reply.status.as_u16(), &reply.body["rows"]), (200, &json!([])), "{table}");
    }
}

#[tokio::test]
async fn a_body_that_asks_nothing_is_told_what_to_send() {
    let world = World::start().await;
    for body in ["", "SELECT 1", "{}", "{\"sql\": 7}", "{\"sql\": \"SELECT 1\", \"limit\": -1}"] {
        let reply = world.post("/v1/query", body).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["code"]),
            (422, &json!("unprocessable")),
            "{body}"
        );
        assert!(reply.body["detail"].as_str().unwrap().contains("send {\"sql\""), "{}", reply.body);
    }
}

/// The world has one seat for queries.
#[tokio::test]
async fn a_client_that_goes_ends_its_query() {
    let world = World::start().await;
    let client = reqwest::Client::new();
    let asked = client.post(format!("{}/v1/query", world.base)).bearer_auth(&world.secret);
    let asked = tokio::spawn(asked.body(asks(ENDLESS)).send());
    // Until it has the seat.
    loop {
        let reply = world.post("/v1/query", asks("SELECT 1")).await;
        if reply.status == 503 {
            assert_eq!(reply.body["code"], "overloaded");
            assert!(reply.headers.contains_key("retry-after"));
            break;
        }
    }
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    drop(client);
    while world.post("/v1/query", asks("SELECT 1")).await.status == 503 {
        tokio::task::yield_now().await;
    }
}
