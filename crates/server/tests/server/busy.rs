//! When a client is to come again: 429 and 503 on the routes of each dialect, with `Retry-After` in
//! whole seconds, in the shape that its clients read.
use std::num::NonZeroU32;

use reqwest::Method;
use serde_json::{Value, json};
use sessionary_core::rules::Rules;
use sessionary_server::{
    health::State,
    limits::{Rate, Rates},
    settings::Settings,
};

use crate::world::{Reply, World};

/// The shape of refusals.
#[derive(Clone, Copy)]
enum Shape {
    Problem,
    Segment,
    Genesys,
}

/// Where the key stands.
#[derive(Clone, Copy)]
enum Key {
    Header,
    /// In place of `PK` or `SK` in the path or the body.
    InText,
}

struct Asked {
    method: Method,
    path: &'static str,
    key: Key,
    body: String,
    shape: Shape,
}

fn asked(method: Method, path: &'static str, key: Key, body: &Value, shape: Shape) -> Asked {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Asked { method, path, key, body, shape }
}

/// A good request for every way in of every dialect.
fn ways_in() -> Vec<Asked> {
    let post = |path, key, body: &Value, shape| asked(Method::POST, path, key, body, shape);
    let get = |path, shape| asked(Method::GET, path, Key::InText, &Value::Null, shape);
    let call = json!({"type": "track", "event": "E", "messageId": "m-1", "anonymousId": "a",
                      "writeKey": "PK"});
    let outcome = json!({"session_disposition_code": 10, "customer_id": "c-1"});
    let event = json!({"customerCookieId": "ck-1", "eventName": "page_viewed",
                       "page": {"url": "https://shop.example/"}});
    let tropo: Value =
        serde_json::from_str(include_str!("../../../../data/golden/tropo/voice.json")).unwrap();
    vec![
        post("/v1/batch", Key::Header, &json!({ "batch": [call] }), Shape::Segment),
        post("/v1/track", Key::Header, &call, Shape::Segment),
        post("/v1/t", Key::InText, &call, Shape::Segment),
        post("/tropo?write_key=PK", Key::InText, &tropo, Shape::Problem),
        post("/tropo/k/PK", Key::InText, &tropo, Shape::Problem),
        post("/v1/tropo/texts", Key::Header, &json!({"text": "hello"}), Shape::Problem),
        post(
            "/ccai/events",
            Key::Header,
            &json!({"id": 1, "session_type": "Voice Inbound", "status": "queued",
                    "occurred_at": "2026-01-05T11:00:00.000+01:00"}),
            Shape::Problem,
        ),
        post("/ccai/metadata", Key::Header, &json!({"id": 2}), Shape::Problem),
        post("/api/v2/journey/deployments/PK/webevents", Key::InText, &event, Shape::Genesys),
        post("/api/v2/journey/deployments/PK/appevents", Key::InText, &event, Shape::Genesys),
        get("/api/v2/journey/deployments/PK/customers/ck-1/ping", Shape::Genesys),
        post(
            "/genesys/sessions",
            Key::Header,
            &json!({"id": "s-1", "type": "web", "customerId": "ck-1",
                    "createdDate": "2026-01-05T09:00:00.000Z"}),
            Shape::Genesys,
        ),
        post("/v1/dispositions", Key::Header, &outcome, Shape::Problem),
        post("/v1/Person/Action.json/SK", Key::InText, &outcome, Shape::Problem),
        get("/v1/pixel.gif?write_key=PK&URL=https://shop.example/", Shape::Problem),
        post("/v1/signals", Key::Header, &json!({"type": "page_viewed"}), Shape::Problem),
    ]
}

impl World {
    async fn sent(&self, asked: &Asked, body: &str) -> Reply {
        let keyed = |text: &str| text.replace("PK", &self.publishable).replace("SK", &self.secret);
        let key = match asked.key {
            Key::Header => self.secret.as_str(),
            Key::InText => "",
        };
        self.ask(asked.method.clone(), &keyed(asked.path), key, &[], keyed(body)).await
    }
}

/// That a refusal is of this status and kind, says when to come again, and has its dialect's shape.
fn assert_refused(asked: &Asked, reply: &Reply, status: u16, word: &str) {
    let (path, body) = (asked.path, &reply.body);
    assert_eq!(reply.status, status, "{path}: {body}");
    let seconds: u32 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{path}: {seconds} s");
    let media = &reply.headers["content-type"];
    match asked.shape {
        Shape::Problem => {
            assert_eq!(media, "application/problem+json", "{path}");
            assert_eq!((&body["code"], &body["status"]), (&json!(word), &json!(status)), "{path}");
            assert_eq!(body["retry_after"], seconds, "{path}");
        }
        Shape::Segment => {
            assert_eq!(media, "application/json", "{path}");
            assert_eq!(body["code"], word, "{path}");
            assert!(body["message"].is_string(), "{path}: {body}");
        }
        Shape::Genesys => {
            assert_eq!(media, "application/json", "{path}");
            let code = if status == 429 { "too.many.requests" } else { "service.unavailable" };
            assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{path}");
            assert!(body["message"].is_string(), "{path}: {body}");
            assert_eq!(body["contextId"], reply.headers["x-request-id"].to_str().unwrap());
        }
    }
}

#[tokio::test]
async fn a_key_that_has_used_up_its_share_is_told_on_every_way_in() {
    let rate = Rate { signals_per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN };
    let rates = Rates { per_key: Some(rate), per_address: None };
    let world = World::within(Rules::default(), Settings::default(), rates).await;
    for asked in ways_in() {
        // What cannot be read is kept aside, and counts as well.
        let unreadable = if asked.method == Method::POST { "{" } else { "" };
        for body in [asked.body.as_str(), unreadable] {
            // The key of a body that cannot be read is not found.
            if asked.path == "/v1/t" && body == unreadable {
                continue;
            }
            // A second is a share: of a few requests in a row one is too many.
            let mut reply = world.sent(&asked, body).await;
            for _ in 0..50 {
                if reply.status == 429 {
                    break;
                }
                reply = world.sent(&asked, body).await;
            }
            assert_refused(&asked, &reply, 429, "rate_limited");
        }
    }
}

#[tokio::test]
async fn nothing_is_kept_of_what_is_beyond_the_share() {
    let rate = Rate { signals_per_second: NonZeroU32::MIN, burst: NonZeroU32::new(2).unwrap() };
    let rates = Rates { per_key: Some(rate), per_address: None };
    let world = World::within(Rules::default(), Settings::default(), rates).await;
    let (mut kept, mut refused) = (0, 0);
    for number in 0..20 {
        let event = json!({"id": number, "session_type": "Voice Inbound", "status": "queued",
                           "occurred_at": "2026-01-05T11:00:00.000+01:00"});
        match world.post("/ccai/events", event.to_string()).await.status.as_u16() {
            200 => kept += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0, "twenty at once are more than two and one a second");
    let found = world.get("/v1/signals?limit=100").await;
    assert_eq!(found["entities"].as_array().unwrap().len(), kept);
}

#[tokio::test]
async fn a_server_with_all_it_can_take_says_so_on_every_way_in() {
    let settings = Settings { requests_max: 0, ..Settings::default() };
    let world = World::with(Rules::default(), settings).await;
    for asked in ways_in() {
        let reply = world.sent(&asked, &asked.body).await;
        assert_refused(&asked, &reply, 503, "overloaded");
    }
}

#[tokio::test]
async fn a_server_that_is_not_ready_says_so_on_every_way_in() {
    let world = World::start().await;
    world.readiness.set(State::Busy("the journal is being replayed".into()));
    for asked in ways_in() {
        assert_refused(&asked, &world.sent(&asked, &asked.body).await, 503, "not_ready");
    }
}

#[tokio::test]
async fn an_engine_that_has_stopped_refuses_every_signal() {
    let world = World::start().await;
    world.engine.shutdown();
    for asked in ways_in() {
        // It asks whether there is an application before it asks the engine.
        if asked.path == "/v1/tropo/texts" {
            continue;
        }
        assert_refused(&asked, &world.sent(&asked, &asked.body).await, 503, "not_ready");
    }
}
