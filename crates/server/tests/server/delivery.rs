//! Finished sessions get where they should: destinations, parcels, tries, redelivery, loops.
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sessionary_engine::{
    keys::{KeyKind, Scope},
    registry::NewKey,
};
use sessionary_peers::{Receiver, Reply as Answer, Request};

use crate::world::{Reply, World};

pub(crate) async fn ask(world: &World, method: Method, path: &str, body: &Value) -> Reply {
    world.ask(method, path, &world.secret, &[], body.to_string()).await
}

pub(crate) async fn destination(world: &World, body: &Value) -> Value {
    let reply = ask(world, Method::POST, "/v1/destinations", body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.body
}

/// A webhook at a receiver, with these members besides.
async fn hook(world: &World, receiver: &Receiver, name: &str, more: &Value) -> String {
    let mut body = json!({ "name": name, "kind": "webhook", "url": receiver.url("/hook") });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    destination(world, &body).await["id"].as_str().unwrap().to_owned()
}

/// A visit that ends with an outcome.
async fn visit(world: &World, who: &str, code: u32) -> String {
    let at = "2026-01-05T10:00:00Z";
    world
        .signals(json!([
            {
                "id": format!("{who}-1"), "type": "page_viewed", "channel": "web", "session_id": who,
                "occurred_at": at, "identities": [{ "type": "email", "value": "ada@example.com" }],
                "page": { "url": "https://shop.example/p" },
            },
            {
                "id": format!("{who}-2"), "type": "disposition_posted", "channel": "web",
                "session_id": who, "occurred_at": at,
                "disposition": { "code": code, "author": "business", "notes": "call her back" },
            },
        ]))
        .await
}

fn all_ok() -> Receiver {
    Receiver::scripted(vec![Answer::status(200)])
}

/// Waits until a listing of parcels has so many.
pub(crate) async fn parcels(world: &World, query: &str, count: usize) -> Vec<Value> {
    for _ in 0..500 {
        let listed = world.get(&format!("/v1/parcels?{query}")).await;
        let entities = listed["entities"].as_array().unwrap().clone();
        if entities.len() == count {
            return entities;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{query}: {}", world.get(&format!("/v1/parcels?{query}")).await);
}

fn told(request: &Request) -> Value {
    request.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_revision_arrives_once_and_stays_readable() {
    let (world, receiver) = (World::quick().await, all_ok());
    let id = hook(&world, &receiver, "crm", &json!({})).await;
    let session = visit(&world, "v1", 10).await;
    world.once(&session, "final").await;
    let first = parcels(&world, "status=sent", 1).await;
    world
        .signals(json!({
            "id": "late", "type": "rating_given", "channel": "web", "session_id": "v1",
            "occurred_at": "2026-01-05T10:00:01Z", "csat": { "score": 4 },
        }))
        .await;
    let both = parcels(&world, "status=sent", 2).await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2, "each once");
    for (request, revision) in requests.iter().zip([1, 2]) {
        let body = told(request);
        assert_eq!(body["type"], "session.final");
        assert_eq!(body["data"]["id"], *session);
        assert_eq!(body["data"]["revision"], revision);
        assert_eq!(body["data"]["disposition"]["notes"], Value::Null, "free text is withheld");
        assert_eq!(request.header("sessionary-hops"), Some("1"));
    }
    assert_eq!(first[0]["id"], requests[0].header("webhook-id").unwrap());
    assert_eq!(both[0]["revision"], 2, "the latest first");
    let sent = world.get(&format!("/v1/parcels/{}/body", first[0]["id"].as_str().unwrap())).await;
    assert_eq!(sent, told(&requests[0])["data"], "what was sent is kept");
    let session = world.get(&format!("/v1/sessions/{session}")).await;
    assert_eq!(session["deliveries"].as_array().unwrap().len(), 2);
    assert_eq!(session["deliveries"][0]["destination"], *id);
    assert_eq!(session["deliveries"][0]["status"], "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_gets_what_passes_its_filter_in_its_format_and_no_more_than_it_may() {
    let (world, receiver) = (World::quick().await, all_ok());
    let wish = json!({
        "format": "handshake", "filter": { "disposition_class": "conversion", "channel": ["web"] },
        "withhold": ["free", "direct", "link"],
    });
    hook(&world, &receiver, "sales", &wish).await;
    let nobody = json!({ "filter": { "channel": "kiosk" } });
    hook(&world, &receiver, "kiosks", &nobody).await;
    let bounced = visit(&world, "v1", 2).await;
    let converted = visit(&world, "v2", 10).await;
    world.once(&bounced, "final").await;
    let sent = parcels(&world, "status=sent", 1).await;
    assert_eq!(sent[0]["session_id"], *converted);
    let body = told(&receiver.wait_for(1)[0])["data"].clone();
    assert_eq!(body["session_disposition_code"], 10);
    let text = body.to_string();
    for hidden in ["ada@example.com", "call her back", "shop.example"] {
        assert!(!text.contains(hidden), "{hidden} is in {text}");
    }
    assert_eq!(parcels(&world, "destination=kiosks", 0).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn beginnings_and_changes_of_state_are_told_to_who_wants_them() {
    let (world, receiver) = (World::quick().await, all_ok());
    hook(&world, &receiver, "begin", &json!({ "when": "begin" })).await;
    hook(&world, &receiver, "status", &json!({ "when": "status" })).await;
    let session = visit(&world, "v1", 10).await;
    world.once(&session, "final").await;
    let all = parcels(&world, "status=sent", 3).await;
    let mut told: Vec<(String, Value)> = all
        .iter()
        .map(|one| (one["trigger"].as_str().unwrap().to_owned(), one["became"].clone()))
        .collect();
    told.sort_by_key(|(trigger, became)| (trigger.clone(), became.to_string()));
    let status = |word: &str| ("status".to_owned(), json!(word));
    assert_eq!(told, [("begin".to_owned(), Value::Null), status("final"), status("settling")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_try_is_made_again_and_in_the_end_parked() {
    let world = World::quick().await;
    let replies = [503, 302, 500].map(Answer::status);
    let flaky =
        Receiver::scripted([replies.to_vec(), vec![Answer::Reset, Answer::status(204)]].concat());
    let broken = Receiver::scripted(vec![Answer::status(500)]);
    let patient = json!({});
    hook(&world, &broken, "broken", &patient).await;
    let session = visit(&world, "v1", 10).await;
    world.once(&session, "final").await;
    let parked = parcels(&world, "status=parked", 1).await;
    assert_eq!(parked[0]["attempts"], 4);
    assert_eq!((&parked[0]["reason"], &parked[0]["answer"]), (&json!("http_5xx"), &json!(500)));
    let ids: Vec<_> =
        broken.requests().iter().map(|one| one.header("webhook-id").map(str::to_owned)).collect();
    assert_eq!(ids, vec![parked[0]["id"].as_str().map(str::to_owned); 4], "all under one id");

    // Somebody mends it: the destination moves, and what was parked goes there.
    let wish = json!({ "url": flaky.url("/new") });
    let id = parked[0]["destination"].as_str().unwrap();
    let changed = ask(&world, Method::PATCH, &format!("/v1/destinations/{id}"), &wish).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let again = json!({ "destination": "broken", "filter": { "status": "parked" } });
    let ordered = ask(&world, Method::POST, "/v1/parcels/redeliver", &again).await;
    assert_eq!((ordered.status.as_u16(), &ordered.body["ordered"]), (202, &json!(1)));
    let parked = parcels(&world, "status=parked", 2).await;
    assert_eq!(parked[0]["send"], 1, "a redelivery has an id of its own");
    let ordered = ask(&world, Method::POST, "/v1/parcels/redeliver", &again).await;
    assert_eq!(ordered.body["ordered"], 1, "one session, however often it was parked");
    let sent = parcels(&world, "status=sent", 1).await;
    assert_eq!((&sent[0]["send"], &sent[0]["attempts"]), (&json!(2), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_gone_is_disabled_and_taken_up_again_when_told() {
    let world = World::quick().await;
    let receiver = Receiver::scripted(vec![Answer::status(410), Answer::status(200)]);
    let id = hook(&world, &receiver, "gone", &json!({})).await;
    let session = visit(&world, "v1", 10).await;
    world.once(&session, "final").await;
    assert_eq!(parcels(&world, "status=parked", 1).await[0]["reason"], "gone");
    let path = format!("/v1/destinations/{id}");
    let shown = loop {
        let shown = world.get(&path).await;
        if shown["enabled"] == false {
            break shown;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(shown["disabled_because"].as_str().unwrap().contains("410"), "{shown}");
    let session = visit(&world, "v2", 10).await;
    world.once(&session, "final").await;
    let enabled = ask(&world, Method::PATCH, &path, &json!({ "enabled": true })).await;
    assert_eq!(
        (&enabled.body["enabled"], &enabled.body["disabled_because"]),
        (&json!(true), &Value::Null)
    );
    // Nothing was raised meanwhile; the time in question is delivered again.
    let again = json!({ "destination": id, "from": "2026-01-01T00:00:00Z" });
    let ordered = ask(&world, Method::POST, "/v1/parcels/redeliver", &again).await;
    assert_eq!(ordered.body["ordered"], 2);
    assert_eq!(parcels(&world, "status=sent", 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_goes_to_a_new_destination() {
    let (world, receiver) = (World::quick().await, all_ok());
    for who in ["v1", "v2", "v3"] {
        let session = visit(&world, who, if who == "v3" { 2 } else { 10 }).await;
        world.once(&session, "final").await;
    }
    let id = hook(&world, &receiver, "late", &json!({ "format": "ccai" })).await;
    let wish = json!({ "to_destination": id, "filter": { "disposition_class": "conversion" } });
    let ordered = ask(&world, Method::POST, "/v1/parcels/redeliver", &wish).await;
    assert_eq!(ordered.body["ordered"], 2, "{}", ordered.body);
    parcels(&world, "status=sent", 2).await;
    assert_eq!(receiver.wait_for(2).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_destination_holds_no_other() {
    let world = World::quick().await;
    let (slow, quick) = (Receiver::scripted(vec![Answer::Hang]), all_ok());
    hook(&world, &slow, "slow", &json!({})).await;
    hook(&world, &quick, "quick", &json!({})).await;
    for number in 0..12 {
        visit(&world, &format!("v{number}"), 10).await;
    }
    assert_eq!(quick.wait_for(12).len(), 12);
    assert_eq!(parcels(&world, "status=sent", 12).await.len(), 12);
    assert!(slow.connections() <= 4, "only so many are under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_told_once_and_kept_encrypted() {
    let (world, receiver) = (World::quick().await, all_ok());
    let made = destination(
        &world,
        &json!({ "name": "a", "kind": "webhook", "url": receiver.url("/hook") }),
    )
    .await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let path = format!("/v1/destinations/{}", made["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await["secret"], Value::Null);
    assert_eq!(world.get(&path).await["has_secret"], true);
    let rotated = ask(&world, Method::POST, &format!("{path}/rotate"), &json!({})).await;
    let newer = rotated.body["secret"].as_str().unwrap().to_owned();
    assert_ne!(newer, secret);
    let session = visit(&world, "v1", 10).await;
    world.once(&session, "final").await;
    let signatures = receiver.wait_for(1)[0].header("webhook-signature").unwrap().to_owned();
    assert_eq!(signatures.split(' ').count(), 2, "signed with both: {signatures}");
    // Everything of the journal and the tables is asked for; neither secret is anywhere.
    let listed = world.get("/v1/destinations").await.to_string();
    assert!(!listed.contains(&secret) && !listed.contains(&newer));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_destination_is_refused_by_name() {
    let world = World::start().await;
    let good = json!({ "name": "a", "kind": "webhook", "url": "https://example.com/h" });
    destination(&world, &good).await;
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body["name"] = json!("b");
        body[name] = value;
        body
    };
    let wrong = [
        (good.clone(), 409, ""),
        (json!({ "kind": "webhook", "url": "https://example.com" }), 422, "/name"),
        (with("kind", json!("pigeon")), 422, "/kind"),
        (with("url", json!("ftp://example.com")), 422, "/url"),
        (with("url", json!("http://user:word@example.com/")), 422, "/url"),
        (with("format", json!("yaml")), 422, "/format"),
        (with("when", json!("never")), 422, "/when"),
        (with("after_ms", json!(-1)), 422, "/after_ms"),
        (with("filter", json!({ "chanel": "web" })), 422, "/filter"),
        (with("withhold", json!(["secrets"])), 422, "/withhold"),
        (with("secret", json!("whsec_short")), 422, "/secret"),
        (with("name", json!("")), 422, "/name"),
        (with("colour", json!("red")), 422, ""),
    ];
    for (body, status, pointer) in wrong {
        let reply = ask(&world, Method::POST, "/v1/destinations", &body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.body);
        let found = reply.body["errors"][0]["pointer"].as_str().unwrap_or("");
        assert_eq!(found, pointer, "{body}: {}", reply.body);
    }
    assert_eq!(world.get("/v1/destinations").await["entities"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_or_moves_what_is_anothers() {
    let (world, receiver) = (World::quick().await, all_ok());
    let id = hook(&world, &receiver, "mine", &json!({})).await;
    let session = visit(&world, "v1", 10).await;
    world.once(&session, "final").await;
    let parcel = parcels(&world, "status=sent", 1).await[0]["id"].as_str().unwrap().to_owned();
    let other = world.key(NewKey::new(KeyKind::Secret, "other"));
    for path in [
        format!("/v1/destinations/{id}"),
        format!("/v1/parcels/{parcel}"),
        format!("/v1/parcels/{parcel}/body"),
        format!("/v1/sessions/{session}/parcels"),
    ] {
        let reply = world.ask(Method::GET, &path, &other, &[], "").await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
    }
    let listed = world.ask(Method::GET, "/v1/parcels", &other, &[], "").await;
    assert_eq!(listed.body["entities"], json!([]));
    let wish = json!({ "destination": id, "filter": {} }).to_string();
    let reply = world.ask(Method::POST, "/v1/parcels/redeliver", &other, &[], wish).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    let scopes = vec![Scope::SessionsRead];
    let reader = world.key(NewKey { scopes, ..NewKey::new(KeyKind::Secret, "default") });
    let path = format!("/v1/destinations/{id}");
    assert_eq!(world.ask(Method::DELETE, &path, &reader, &[], "").await.status, 403);
    assert_eq!(world.ask(Method::DELETE, &path, &world.secret, &[], "").await.status, 204);
    assert_eq!(world.ask(Method::GET, &path, &world.secret, &[], "").await.status, 404);
    // What was sent there is still told of its session.
    let of_session = world.get(&format!("/v1/sessions/{session}/parcels")).await;
    assert_eq!(of_session["entities"][0]["status"], "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_counted_and_a_circle_is_broken() {
    let (world, receiver) = (World::quick().await, all_ok());
    hook(&world, &receiver, "echo", &json!({})).await;
    let session = visit(&world, "v1", 10).await;
    world.once(&session, "final").await;
    let post = |hops: &'static str, id: &str| {
        let body = json!({
            "session_id": session, "session_disposition_code": 11, "api_trackingid": id,
            "echo_context": "campaign 7",
        });
        let headers = [("content-type", "application/json"), ("sessionary-hops", hops)];
        let (world, body) = (&world, body.to_string());
        async move { world.ask(Method::POST, "/v1/dispositions", &world.secret, &headers, body).await }
    };
    assert_eq!(post("2", "t1").await.status, 200);
    let requests = receiver.wait_for(2);
    assert_eq!(requests[1].header("sessionary-hops"), Some("3"));
    assert_eq!(told(&requests[1])["data"]["echo"]["context"], "campaign 7", "returned unchanged");
    let refused = post("5", "t2").await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (422, &json!("loop_detected")));
    let aside = world.get("/v1/quarantine").await;
    assert_eq!(aside["entities"][0]["reason"], "loop_detected", "{aside}");
    let again = json!({ "id": "x", "type": "note_added", "channel": "web", "session_id": session });
    let headers = [("content-type", "application/json"), ("sessionary-hops", "9")];
    let reply =
        world.ask(Method::POST, "/v1/signals", &world.secret, &headers, again.to_string()).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_says_what_would_come_of_it() {
    let world = World::start().await;
    let receiver = Receiver::scripted(vec![Answer::status(204), Answer::status(500)]);
    let id = hook(&world, &receiver, "trial", &json!({ "format": "ccai" })).await;
    let path = format!("/v1/destinations/{id}/test");
    let first = ask(&world, Method::POST, &path, &json!({})).await;
    assert_eq!((&first.body["status"], &first.body["answer"]), (&json!("sent"), &json!(204)));
    let second = ask(&world, Method::POST, &path, &json!({})).await;
    assert_eq!(
        (&second.body["status"], &second.body["reason"]),
        (&json!("failed"), &json!("http_5xx"))
    );
    assert_eq!(told(&receiver.wait_for(1)[0])["type"], "destination.test");
    assert_eq!(world.get("/v1/parcels").await["entities"], json!([]), "a sample is no parcel");
}
