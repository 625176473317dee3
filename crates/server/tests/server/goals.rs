//! Outcomes and segments: defined by the bodies of Genesys Cloud, reached by signals, told in records.
use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_engine::{
    keys::{KeyKind, Scope},
    registry::NewKey,
};

use crate::world::{Reply, World};

const OUTCOMES: &str = "/api/v2/journey/outcomes";
const SEGMENTS: &str = "/api/v2/journey/segments";

async fn ask(world: &World, method: Method, path: &str, body: &Value) -> Reply {
    world.ask(method, path, &world.secret, &[], body.to_string()).await
}

async fn make(world: &World, path: &str, body: &Value) -> Value {
    let reply = ask(world, Method::POST, path, body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.body
}

/// A body of the vendor's: two pages of the shop, then something put into the cart.
fn shopping() -> Value {
    json!({
        "displayName": "Shopping",
        "isActive": true,
        "isPositive": true,
        "associatedValueField": { "dataType": "Number", "name": "attributes.price.value" },
        "context": { "patterns": [] },
        "journey": { "patterns": [
            {
                "criteria": [{
                    "key": "page.hostname", "values": ["shop.example"], "operator": "equal",
                    "shouldIgnoreCase": true,
                }],
                "count": 2, "streamType": "Web", "sessionType": "web", "eventName": "page_viewed",
            },
            {
                "criteria": [], "count": 1, "streamType": "Web", "sessionType": "web",
                "eventName": "product_added",
            },
        ] },
    })
}

fn signal(id: &str, kind: &str, second: u32, more: &Value) -> Value {
    let mut signal = json!({
        "id": id, "type": kind, "channel": "web",
        "occurred_at": format!("2026-01-05T10:00:{second:02}Z"),
        "identities": [{ "type": "cookie", "value": "c1" }],
    });
    signal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    signal
}

fn page(id: &str, second: u32) -> Value {
    signal(id, "page_viewed", second, &json!({ "page": { "url": "https://shop.example/p" } }))
}

#[tokio::test]
async fn signals_reach_outcomes_and_put_sessions_into_segments() {
    let world = World::start().await;
    let outcome = make(&world, OUTCOMES, &shopping()).await;
    let from_google = json!({
        "displayName": "From Google", "color": "#00FF00", "assignmentExpirationDays": 7,
        "context": { "patterns": [{ "criteria": [{
            "key": "mktCampaign.source", "values": ["google"], "operator": "equal",
            "shouldIgnoreCase": true, "entityType": "visit",
        }] }] },
    });
    let segment = make(&world, SEGMENTS, &from_google).await;
    let asleep =
        json!({ "displayName": "Asleep", "isActive": false, "journey": shopping()["journey"] });
    make(&world, OUTCOMES, &asleep).await;
    make(&world, OUTCOMES, &json!({ "displayName": "Nothing asked" })).await;

    let price = json!({ "attributes": { "price": { "dataType": "Number", "value": "9.99" } } });
    let arrived = json!({
        "page": { "url": "https://shop.example/" }, "attribution": { "source": "Google" },
    });
    // The cart comes before the second page, which happened before it.
    let session = world.signals(signal("a", "page_viewed", 0, &arrived)).await;
    world.signals(json!([signal("c", "product_added", 2, &price)])).await;
    let record = world.get(&format!("/v1/sessions/{session}")).await;
    assert!(record.get("outcomes").is_none(), "{record:#}");
    world.signals(page("b", 1)).await;
    let record = world.get(&format!("/v1/sessions/{session}")).await;
    assert_eq!(
        record["outcomes"],
        json!([{
            "id": outcome["id"], "name": "Shopping", "at": "2026-01-05T10:00:02.000Z",
            "signal": "c", "value": "9.99",
        }])
    );
    assert_eq!(
        record["segments"],
        json!([{
            "id": segment["id"], "name": "From Google", "at": "2026-01-05T10:00:00.000Z",
            "signal": "a", "scope": "session", "expires_at": "2026-01-12T10:00:00.000Z",
        }])
    );
    assert_eq!(record["achieved"], json!(["Shopping"]));
}

#[tokio::test]
async fn a_definition_is_made_read_changed_listed_and_removed() {
    for path in [OUTCOMES, SEGMENTS] {
        let world = World::start().await;
        let body = json!({ "displayName": "D", "isActive": true });
        let made = make(&world, path, &body).await;
        let own = made["selfUri"].as_str().unwrap();
        assert_eq!(own, format!("{path}/{}", made["id"].as_str().unwrap()));
        assert_eq!(made["version"], 1);
        assert_eq!(world.get(own).await, made);

        let change = json!({ "displayName": "E", "version": 1 });
        let changed = ask(&world, Method::PATCH, own, &change).await;
        assert_eq!((changed.status.as_u16(), &changed.body["version"]), (200, &json!(2)));
        assert_eq!(changed.body["displayName"], "E");
        assert_eq!(ask(&world, Method::PATCH, own, &change).await.status, 409);
        let without = ask(&world, Method::PATCH, own, &json!({ "description": "more" })).await;
        assert_eq!((without.status.as_u16(), &without.body["version"]), (200, &json!(3)));

        let list = world.get(&format!("{path}?pageSize=200")).await;
        assert_eq!((&list["total"], &list["entities"][0]["id"]), (&json!(1), &made["id"]));
        let other = if path == OUTCOMES { SEGMENTS } else { OUTCOMES };
        assert_eq!(world.get(other).await["total"], 0);
        let elsewhere = own.replace(path, other);
        assert_eq!(ask(&world, Method::GET, &elsewhere, &json!({})).await.status, 404);

        let removed = world.ask(Method::DELETE, own, &world.secret, &[], "").await;
        assert_eq!((removed.status.as_u16(), removed.body), (204, json!("")));
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            assert_eq!(ask(&world, method, own, &json!({ "version": 3 })).await.status, 404);
        }
    }
}

#[tokio::test]
async fn refusals_are_in_the_vendors_shape() {
    let world = World::start().await;
    let made = make(&world, OUTCOMES, &json!({ "displayName": "D" })).await;
    let own = made["selfUri"].as_str().unwrap();
    let reader =
        NewKey { scopes: vec![Scope::SessionsRead], ..NewKey::new(KeyKind::Secret, "default") };
    let reader = world.key(reader);
    let mut seen = Vec::new();
    for (method, path, key, body) in [
        (Method::GET, OUTCOMES, "", "{}"),
        (Method::GET, OUTCOMES, "nonsense", "{}"),
        (Method::POST, OUTCOMES, &reader, r#"{"displayName":"D"}"#),
        (Method::GET, OUTCOMES, &world.publishable, ""),
        (Method::GET, "/api/v2/journey/outcomes/unknown", &world.secret, ""),
        (Method::PATCH, own, &world.secret, r#"{"version":7,"displayName":"X"}"#),
        (Method::POST, SEGMENTS, &world.secret, "{"),
        (Method::POST, SEGMENTS, &world.secret, r#"{"color":"red"}"#),
        (Method::POST, SEGMENTS, &world.secret, r#"{"displayName":"S","color":"red"}"#),
        (Method::GET, "/api/v2/journey/outcomes?pageSize=1000", &world.secret, ""),
    ] {
        let reply = world.ask(method, path, key, &[], body.to_owned()).await;
        assert_eq!(reply.body["status"], reply.status.as_u16());
        assert_eq!(reply.headers["content-type"], "application/json");
        let members: Vec<&String> = reply.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["code", "contextId", "details", "errors", "message", "status"]);
        let (code, message) = (&reply.body["code"], &reply.body["message"]);
        let (status, details) = (reply.status.as_u16(), &reply.body["details"]);
        seen.push(format!("{status} {code} {message} {details}\n"));
    }
    expect![[r#"
        401 "authentication.required" "No API key" []
        401 "authentication.required" "an API key begins with `sny_pk_` or `sny_sk_`; this one does not" []
        403 "not.authorized" "key 3 lacks the scope `config:write`" []
        403 "not.authorized" "key 2 lacks the scope `sessions:read`" []
        404 "not.found" "no outcome has this id" []
        409 "conflict" "it has changed since it was read; read it again and change what is there now" []
        400 "bad.request" "EOF while parsing an object at line 1 column 1" []
        400 "bad.request" "/displayName: send 1 to 256 characters" [{"errorCode":"unreadable_body","fieldName":"displayName"}]
        400 "bad.request" "/color: send # and six hexadecimal digits" [{"errorCode":"unreadable_body","fieldName":"color"}]
        400 "bad.request" "pageSize: send a number from 1 to 200" [{"errorCode":"invalid_parameter","fieldName":"pageSize"}]
    "#]].assert_eq(&seen.concat());
    assert_eq!(world.ask(Method::GET, own, &reader, &[], "").await.status, 200);
}

#[tokio::test]
async fn conversions_are_outcomes_without_any_definition() {
    let world = World::start().await;
    let session = world.signals(page("a", 0)).await;
    let claim = json!({
        "session_disposition_code": 9, "session_id": session, "api_trackingid": "t1",
    });
    assert_eq!(world.post("/v1/dispositions", claim.to_string()).await.status, 200);
    let record = world.get(&format!("/v1/sessions/{session}")).await;
    let outcome = &record["outcomes"][0];
    assert_eq!((&outcome["id"], &outcome["name"]), (&json!("disposition.9"), &json!("Subscribe")));
    assert_eq!(record["achieved"], json!(["subscription"]));
}
