//! Genesys Cloud Journey over HTTP: what the vendor's SDKs do, and what pages may.
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_core::time::UnixMillis;
use sessionary_engine::{keys::KeyKind, registry::NewKey};

use crate::world::{Reply, World};

const WHOLE: &str = include_str!("../../../../data/golden/genesys/session.json");

impl World {
    async fn event(&self, path: &str, event: &Value) -> Reply {
        let path = format!("/api/v2/journey/deployments/{}/{path}", self.publishable);
        self.ask(Method::POST, &path, "", &[], event.to_string()).await
    }

    /// A token for a client's credentials, or the refusal.
    async fn token(&self, id: &str, secret: &str) -> Reply {
        let request = self.client.post(format!("{}/oauth/token", self.base));
        let request = request.basic_auth(id, Some(secret)).body("grant_type=client_credentials");
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Reply { status, headers, body: response.json().await.unwrap() }
    }
}

fn page(minute: u32, name: &str) -> Value {
    json!({
        "customerCookieId": "ck-1", "eventName": name,
        "createdDate": format!("2026-01-05T09:{minute:02}:00.123456"),
        "page": {"url": format!("https://shop.example/{minute}?utm_source=google"), "title": "T"},
    })
}

#[tokio::test]
async fn events_fall_into_one_session_that_the_answer_names() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for minute in 0..7 {
        let name = if minute < 2 { "page_viewed" } else { "product_added" };
        let reply = world.event("webevents", &page(minute, name)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.body["session"]["eventCount"], minute + 1);
        ids.push(reply.body["session"]["id"].as_str().unwrap().to_owned());
    }
    // A lost reply makes a client send the same again.
    let again = world.event("webevents", &page(6, "product_added")).await;
    assert_eq!(again.body["session"]["eventCount"], 7);
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let session = world.get(&format!("/api/v2/journey/sessions/{}", ids[0])).await;
    assert_eq!(session["selfUri"], format!("/api/v2/journey/sessions/{}", ids[0]));
    assert_eq!((&session["eventCount"], &session["pageviewCount"]), (&json!(7), &json!(2)));
    assert_eq!(session["durationInSeconds"], 360);
    assert_eq!(session["mktCampaign"]["source"], "google");
    assert_eq!(session["customerId"], "ck-1");
    let found = world.get("/v1/sessions?customer_id=ck-1").await;
    assert_eq!(found["entities"][0]["id"], ids[0]);
    let told = world.get(&format!("/v1/sessions/{}?format=genesys", ids[0])).await;
    assert_eq!(told, session);
}

#[tokio::test]
async fn an_app_event_without_a_time_is_one_of_now() {
    let world = World::start().await;
    let event = json!({"customerCookieId": "ck-2", "eventName": "screen_viewed", "screenName": "Home",
                       "app": {"name": "Shop"}, "sdkLibrary": {}, "networkConnectivity": {}});
    let reply = world.event("appevents", &event).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let id = reply.body["session"]["id"].as_str().unwrap();
    let session = world.get(&format!("/api/v2/journey/sessions/{id}")).await;
    assert_eq!((&session["type"], &session["eventCount"]), (&json!("app"), &json!(1)));
    assert_eq!((&session["screenviewCount"], &session["lastScreen"]), (&json!(1), &json!("Home")));
    // The same from a page is another session: its family is another.
    let page = world.event("webevents", &event).await;
    assert_ne!(page.body["session"]["id"], id);
}

#[tokio::test]
async fn events_are_listed_page_by_page_and_none_twice() {
    let world = World::start().await;
    for minute in 0..7 {
        world.event("webevents", &page(minute, "page_viewed")).await;
    }
    let session = world.get("/v1/sessions?customer_id=ck-1").await["entities"][0]["id"].clone();
    let session = session.as_str().unwrap();
    let mut uri = format!("/api/v2/journey/sessions/{session}/events?pageSize=3");
    let (mut dates, mut pages, mut before) = (Vec::new(), 0, None);
    loop {
        let listing = world.get(&uri).await;
        for event in listing["entities"].as_array().unwrap() {
            assert_eq!(event["eventType"], "com.genesys.journey.WebEvent");
            assert_eq!(event["session"]["id"], session);
            assert_eq!(event["webEvent"]["totalEventCount"], dates.len() + 1);
            dates.push(event["createdDate"].as_str().unwrap().to_owned());
        }
        pages += 1;
        if pages > 1 {
            let previous = world.get(listing["previousUri"].as_str().unwrap()).await;
            assert_eq!(Some(&previous["entities"]), before.as_ref());
        }
        before = Some(listing["entities"].clone());
        match listing["nextUri"].as_str() {
            Some(next) => next.clone_into(&mut uri),
            None => break,
        }
    }
    assert_eq!((dates.len(), pages), (7, 3));
    assert!(dates.is_sorted());
    let path = format!("/api/v2/journey/sessions/{session}/events");
    let count = async |query: &str| {
        world.get(&format!("{path}?{query}")).await["entities"].as_array().unwrap().len()
    };
    let web = "com.genesys.journey.WebEvent";
    assert_eq!(count(&format!("eventType=com.genesys.journey.AppEvent,{web}")).await, 7);
    assert_eq!(count("eventType=com.genesys.journey.AppEvent").await, 0);
    for wrong in ["pageSize=0", "pageSize=201", "pageSize=x", "after=x"] {
        let reply =
            world.ask(Method::GET, &format!("{path}?{wrong}"), &world.secret, &[], "").await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (400, &json!("bad.request")));
    }
    let scores = world.get(&format!("/api/v2/journey/sessions/{session}/outcomescores")).await;
    assert_eq!(scores, json!({"outcomeScores": []}));
}

#[tokio::test]
async fn a_token_stands_for_the_secret_key_and_dies_with_it() {
    let world = World::start().await;
    let reply = world.token(&world.publishable, &world.secret).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        (&reply.body["token_type"], &reply.body["expires_in"]),
        (&json!("bearer"), &json!(86_399))
    );
    let token = reply.body["access_token"].as_str().unwrap();
    let path = "/v1/sessions";
    assert_eq!(world.ask(Method::GET, path, token, &[], "").await.status, 200);
    let json = json!({"grant_type": "client_credentials", "client_id": world.publishable,
                      "client_secret": world.secret});
    let by_json = world.ask(Method::POST, "/oauth/token", "", &[], json.to_string()).await;
    assert_eq!(by_json.status, 200, "{}", by_json.body);
    let secret = world.registry.keys().list().into_iter().find(|key| key.kind == KeyKind::Secret);
    let secret = secret.unwrap();
    world.registry.revoke(secret.tenant, secret.number, UnixMillis(0)).unwrap();
    let dead = world.ask(Method::GET, path, token, &[], "").await;
    assert_eq!((dead.status.as_u16(), &dead.body["code"]), (401, &json!("key_revoked")));
    assert_eq!(world.token(&world.publishable, &world.secret).await.status, 401);
}

#[tokio::test]
async fn whoever_is_no_client_gets_no_token() {
    let world = World::start().await;
    let foreign = world.key(NewKey::new(KeyKind::Secret, "other"));
    let (id, secret) = (world.publishable.as_str(), world.secret.as_str());
    for (id, secret) in
        [(id, "wrong"), (id, foreign.as_str()), (secret, secret), (id, id), ("", "")]
    {
        let reply = world.token(id, secret).await;
        assert_eq!((reply.status.as_u16(), &reply.body["error"]), (401, &json!("invalid_client")));
        assert!(
            reply.body["error_description"].is_string() && reply.body["description"].is_string()
        );
    }
    let ask =
        async |body: &str| world.ask(Method::POST, "/oauth/token", "", &[], body.to_owned()).await;
    for (body, status, error) in [
        ("", 401, "invalid_client"),
        ("{", 400, "invalid_request"),
        ("client_id=a&client_secret=b", 400, "invalid_request"),
        ("grant_type=password&client_id=a&client_secret=b", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&client_id=a&client_secret=b", 401, "invalid_client"),
    ] {
        let reply = ask(body).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["error"]),
            (status, &json!(error)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_deployment_is_the_credential_and_a_header_is_not_looked_at() {
    let world = World::start().await;
    let path = |key: &str, what: &str| format!("/api/v2/journey/deployments/{key}/{what}");
    let event = page(1, "page_viewed").to_string();
    for header in ["Bearer nonsense", "Basic ###", "Digest x", &format!("Bearer {}", world.secret)]
    {
        let headers = [("authorization", header)];
        let reply = world
            .ask(Method::POST, &path(&world.publishable, "webevents"), "", &headers, event.clone())
            .await;
        assert_eq!(reply.status, 200, "{header}: {}", reply.body);
    }
    for (key, status) in [("nobody", 401), (world.secret.as_str(), 403)] {
        let reply = world.ask(Method::POST, &path(key, "webevents"), "", &[], event.clone()).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        assert_eq!(reply.body["status"], status);
    }
    let page_key = NewKey {
        origins: vec!["https://shop.example".to_owned()],
        ..NewKey::new(KeyKind::Publishable, "default")
    };
    let page_key = world.key(page_key);
    let from = async |origin: &str| {
        let headers = [("origin", origin), ("authorization", "Bearer x")];
        world.ask(Method::POST, &path(&page_key, "webevents"), "", &headers, event.clone()).await
    };
    let listed = from("https://shop.example").await;
    assert_eq!(listed.status, 200);
    assert_eq!(listed.headers["access-control-allow-origin"], "https://shop.example");
    assert_eq!(from("https://evil.example").await.status, 403);
    let preflight = world
        .client
        .request(Method::OPTIONS, format!("{}{}", world.base, path(&page_key, "webevents")))
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-headers"], "authorization,content-type");
}

#[tokio::test]
async fn what_is_refused_is_put_aside_and_can_be_replayed() {
    let world = World::start().await;
    let bad = world.event("webevents", &json!({"customerCookieId": "ck-9"})).await;
    assert_eq!(bad.status, 400, "{}", bad.body);
    assert_eq!((&bad.body["code"], &bad.body["status"]), (&json!("bad.request"), &json!(400)));
    assert_eq!(bad.body["details"][0]["fieldName"], "eventName");
    assert_eq!(bad.body["contextId"], bad.headers["x-request-id"].to_str().unwrap());
    assert_eq!(world.event("webevents", &json!({})).await.status, 400);
    let aside = world.get("/v1/quarantine").await;
    let item = &aside["entities"][0];
    assert_eq!(
        (&item["dialect"], &item["reason"]),
        (&json!("genesys.web"), &json!("missing_member"))
    );
    let path = format!("/v1/quarantine/{}/replay", item["id"].as_str().unwrap());
    let corrected = json!({"customerCookieId": "ck-9", "eventName": "page_viewed"});
    let replayed = world.post(&path, corrected.to_string()).await;
    assert_eq!(replayed.status, 200, "{}", replayed.body);
    assert_eq!(
        world.get("/v1/sessions?customer_id=ck-9").await["entities"][0]["pageview_count"],
        1
    );
}

#[tokio::test]
async fn refusals_of_reading_are_in_the_vendors_words() {
    let world = World::start().await;
    let path = "/api/v2/journey/sessions/00000000-0000-4000-8000-000000000000";
    let missing = world.ask(Method::GET, path, &world.secret, &[], "").await;
    assert_eq!((missing.status.as_u16(), &missing.body["code"]), (404, &json!("not.found")));
    for member in ["message", "contextId", "details", "errors"] {
        assert!(!missing.body[member].is_null(), "{member}");
    }
    let nonsense = world.ask(Method::GET, path, "nonsense", &[], "").await;
    assert_eq!(nonsense.status, 401);
    assert_eq!(world.ask(Method::GET, path, &world.publishable, &[], "").await.status, 403);
}

#[tokio::test]
async fn an_imported_session_is_found_by_its_own_id_and_by_its_contact() {
    let world = World::start().await;
    let sent: Value = serde_json::from_str(WHOLE).unwrap();
    let reply = world.post("/genesys/sessions", format!("[{WHOLE},{{}}]")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let results = reply.body["entities"].as_array().unwrap();
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&json!("accepted"), &json!("quarantined"))
    );
    let again = world.post("/genesys/sessions", WHOLE).await;
    assert_eq!(again.body["entities"][0]["status"], "duplicate");
    assert_eq!(again.body["entities"][0]["id"], results[0]["id"]);
    let own =
        world.get(&format!("/api/v2/journey/sessions/{}", sent["id"].as_str().unwrap())).await;
    assert_eq!(own["id"], results[0]["id"]);
    for (name, value) in sent.as_object().unwrap() {
        assert!(own[name] == *value || name == "id" || name == "selfUri", "{name}: {}", own[name]);
    }
    let events = world.get(&format!("{}/events", own["selfUri"].as_str().unwrap())).await;
    let kinds: Vec<&str> = events["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["eventType"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["com.genesys.journey.SegmentAssignmentEvent", "com.genesys.journey.OutcomeAchievedEvent"]
    );
    let contact =
        "/api/v2/externalcontacts/contacts/c-77/journey/sessions?pageSize=25&includeMerged=false";
    let listing = world.get(contact).await;
    assert_eq!(listing["entities"], json!([own]));
    assert_eq!(listing.get("nextUri"), None);
    let none = world.post("/genesys/sessions", "[{},7]").await;
    assert_eq!((none.status.as_u16(), &none.body["code"]), (400, &json!("bad.request")));
    assert_eq!(world.post("/genesys/sessions", "[]").await.status, 400);
    let page = world.ask(Method::POST, "/genesys/sessions", &world.publishable, &[], WHOLE).await;
    assert_eq!(page.status, 403, "a key of a page states no outcomes");
}

#[tokio::test]
async fn the_sessions_of_a_contact_come_in_pages() {
    let world = World::start().await;
    for day in 1..=3 {
        let session = json!({"id": format!("S{day}"), "createdDate": format!("2026-01-0{day}T08:00:00Z"),
                             "externalContact": {"id": "c-1"}});
        assert_eq!(world.post("/genesys/sessions", session.to_string()).await.status, 200);
    }
    let mut uri = "/api/v2/externalcontacts/contacts/c-1/journey/sessions?pageSize=2".to_owned();
    let mut days = Vec::new();
    for _ in 0..2 {
        let listing = world.get(&uri).await;
        let entities = listing["entities"].as_array().unwrap();
        days.extend(
            entities.iter().map(|session| session["externalId"].as_str().unwrap().to_owned()),
        );
        listing["nextUri"].as_str().unwrap_or_default().clone_into(&mut uri);
    }
    assert_eq!((days, uri), (vec!["S3".into(), "S2".into(), "S1".into()], String::new()));
}

#[tokio::test]
async fn a_ping_keeps_the_session_and_a_step_of_an_action_joins_it() {
    let world = World::start().await;
    let event = json!({"customerCookieId": "ck-1", "eventName": "page_viewed",
                       "page": {"url": "https://shop.example/"}});
    let session = world.event("webevents", &event).await.body["session"]["id"].clone();
    let session = session.as_str().unwrap();
    let ping = format!(
        "/api/v2/journey/deployments/{}/customers/ck-1/ping?dl=https%3A%2F%2Fshop.example%2F&dt=T&\
         sessionId={session}&sinceLastBeaconMilliseconds=15000",
        world.publishable,
    );
    for _ in 0..2 {
        let reply = world.ask(Method::GET, &ping, "", &[], "").await;
        assert_eq!((reply.status.as_u16(), &reply.body["actions"]), (200, &json!([])));
    }
    let step = json!({"sessionId": session, "actionId": "A", "actionState": "offered"});
    for _ in 0..2 {
        assert_eq!(world.event("actionevent", &step).await.status, 202);
    }
    let told = world.get(&format!("/api/v2/journey/sessions/{session}")).await;
    assert_eq!(told["eventCount"], 2, "the page and the step; pings are no events");
    assert_eq!(world.get(&format!("/v1/sessions/{session}")).await["engaged_ms"], 30_000);
    let events = world.get(&format!("/api/v2/journey/sessions/{session}/events")).await;
    assert_eq!(events["entities"].as_array().unwrap().len(), 2);
    let bad = ping.replace("15000", "soon");
    assert_eq!(world.ask(Method::GET, &bad, "", &[], "").await.status, 400);
}
