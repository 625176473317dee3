//! The contract of signals, sessions, keys and quarantine over HTTP.
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_core::rules::Rules;
use sessionary_dialects::Limits;
use sessionary_engine::{keys::KeyKind, registry::NewKey};
use sessionary_server::{body::BodySizes, settings::Settings};

use crate::world::World;

fn minimal(id: &str) -> Value {
    json!({
        "id": id,
        "type": "page_viewed",
        "occurred_at": "2026-01-05T10:00:00Z",
        "channel": "web",
        "identities": [{ "type": "cookie", "value": "c1" }],
        "page": { "url": "https://example.com/" },
    })
}

#[tokio::test]
async fn a_minimal_signal_becomes_a_session_that_explains_itself() {
    let world = World::start().await;
    let reply = world.post("/v1/signals", minimal("s1").to_string()).await;
    assert_eq!(reply.status, 200);
    let session = reply.body["results"][0]["session_id"].as_str().unwrap();
    assert_eq!(
        reply.body,
        json!({
            "accepted": 1, "duplicates": 0, "conflicts": 0, "quarantined": 0,
            "results": [{ "id": "s1", "status": "accepted", "session_id": session }],
        })
    );
    let found = world.get(&format!("/v1/sessions/{session}")).await;
    for (member, expected) in [
        ("id", json!(session)),
        ("external_id", Value::Null),
        ("type", json!("web_visit")),
        ("channel", json!("web")),
        ("status", json!("open")),
        ("revision", json!(0)),
        ("split_cause", json!("first")),
        ("started_at", json!("2026-01-05T10:00:00.000Z")),
        ("ended_at", json!("2026-01-05T10:00:00.000Z")),
        ("duration_ms", json!(0)),
        ("event_count", json!(1)),
        ("pageview_count", json!(1)),
        ("identities", json!([{ "type": "cookie", "value": "c1" }])),
        ("bot_class", Value::Null),
    ] {
        assert_eq!(found[member], expected, "{member}");
    }
    let disposition = &found["disposition"];
    assert_eq!(disposition["code"], 2);
    assert_eq!(disposition["name"], "Bounce");
    assert_eq!(disposition["class"], "abandon");
    assert_eq!(disposition["author"], "rule:not_engaged");
    assert_eq!(disposition["derived"], true);
    for part in ["source", "medium", "campaign_id", "campaign_name", "content", "term"] {
        assert_eq!(found["attribution"][part], Value::Null, "{part}");
    }

    let signal = world.get("/v1/signals/s1").await;
    assert_eq!(signal["page"]["url"], "https://example.com/");
    assert_eq!(signal["in_session"], session);
    let missing = world.ask(Method::GET, "/v1/signals/none", &world.secret, &[], "").await;
    assert_eq!(missing.status, 404);
    for (path, entities) in [
        ("/v1/sessions?customer_id=c1", 1),
        ("/v1/sessions?customer_id=cookie:c1", 1),
        ("/v1/sessions?customer_id=email:c1", 0),
        ("/v1/sessions?customer_id=c2", 0),
        ("/v1/sessions?external_id=c1", 0),
        ("/v1/sessions?status=open", 1),
        ("/v1/sessions?status=final", 0),
        ("/v1/sessions?from=2026-01-05T10:00:00Z&to=2026-01-05T10:00:01Z", 1),
        ("/v1/sessions?to=2026-01-05T10:00:00Z", 0),
        ("/v1/sessions?cursor=&limit=1", 1),
    ] {
        let page = world.get(path).await;
        assert_eq!(page["entities"].as_array().unwrap().len(), entities, "{path}");
        assert_eq!(page["next_cursor"], Value::Null, "{path}");
    }
    let explained = world.get(&format!("/v1/sessions/{session}/explain")).await;
    assert_eq!(explained["begins"]["rule"], "first");
    assert_eq!(explained["ends"]["rule"], "open");
    assert_eq!(explained["source"]["rule"], "direct");
    assert_eq!(explained["disposition"]["rule"], "rule:not_engaged");
    assert_eq!(explained["disposition"]["signals"], json!(["s1"]));
}

#[tokio::test]
async fn a_repeated_signal_a_conflict_and_a_bad_item() {
    let world = World::start().await;
    world.signals(minimal("s1")).await;
    let again = world.post("/v1/signals", minimal("s1").to_string()).await;
    assert_eq!((again.status.as_u16(), &again.body["duplicates"]), (200, &json!(1)));
    let mut other = minimal("s1");
    other["page"]["url"] = json!("https://example.com/other");
    let conflict = world.post("/v1/signals", other.to_string()).await;
    assert_eq!(conflict.status, 409);
    assert_eq!(conflict.body["code"], "signal_conflict");
    // In a batch the same is one item's matter; a line that is no signal, too.
    let lines = format!("{}\n{other}\n{{\"id\":\"bad\"}}\nnonsense\n", minimal("s2"));
    let batch = world.post("/v1/signals", lines).await;
    assert_eq!(batch.status, 200, "{}", batch.body);
    let statuses: Vec<&str> = batch.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["accepted", "conflict", "quarantined", "quarantined"]);
    let kept = world.get("/v1/quarantine").await;
    assert_eq!(kept["entities"].as_array().unwrap().len(), 4, "two conflicts and two bad items");
}

#[tokio::test]
async fn a_body_without_an_acceptable_item_is_refused_and_kept() {
    let world = World::start().await;
    for body in [
        "[]",
        "[null]",
        "{\"id\":\"a\",\"type\":\"page_viewed\"}{\"id\":\"b\",\"type\":\"page_viewed\"}",
        "{\"id\":\"a\"}",
        "{\"id\":\"a\",\"type\":\"page_viewed\",\"occurred_at\":\"yesterday\"}",
        "not json",
    ] {
        let reply = world.post("/v1/signals", body).await;
        assert!(reply.status.is_client_error(), "{body}: {}", reply.status);
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        if body != "[]" {
            let id = reply.body["quarantine_id"].as_str().unwrap_or_else(|| panic!("{body}"));
            let item = world.get(&format!("/v1/quarantine/{id}")).await;
            assert!(body.contains(item["raw"].as_str().unwrap()), "{body}");
        }
    }
    assert_eq!(world.get("/v1/signals").await["entities"], json!([]));
}

#[tokio::test]
async fn quarantine_is_replayed_with_its_first_instant() {
    let world = World::start().await;
    let bad = json!({ "id": "q1", "type": "page_viewed", "channel": "carrier pigeon" });
    let refused = world.post("/v1/signals", bad.to_string()).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let id = refused.body["quarantine_id"].as_str().unwrap();
    let first = world.get(&format!("/v1/quarantine/{id}")).await["received_at"].clone();
    let again = world.post(&format!("/v1/quarantine/{id}/replay"), "").await;
    assert_eq!(again.status, 422, "as it came it is still wrong");
    let mended = json!({ "id": "q1", "type": "page_viewed", "channel": "web" });
    let taken = world.post(&format!("/v1/quarantine/{id}/replay"), mended.to_string()).await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    assert_eq!(world.get("/v1/signals/q1").await["received_at"], first);
    assert_ne!(world.get(&format!("/v1/quarantine/{id}")).await["replayed_at"], Value::Null);
}

#[tokio::test]
async fn a_request_under_an_idempotency_key_is_answered_as_before() {
    let world = World::start().await;
    let headers = [("Idempotency-Key", "k1")];
    let ask = |body: String| {
        let (world, headers) = (&world, &headers);
        async move { world.ask(Method::POST, "/v1/signals", &world.secret, headers, body).await }
    };
    let first = ask(minimal("s1").to_string()).await;
    let again = ask(minimal("s1").to_string()).await;
    assert_eq!(first.body, again.body, "accepted, not duplicate");
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = ask(minimal("s2").to_string()).await;
    assert_eq!((other.status.as_u16(), &other.body["code"]), (409, &json!("idempotency_conflict")));
}

#[tokio::test]
async fn no_tenant_sees_another() {
    let world = World::start().await;
    let session = world.signals(minimal("s1")).await;
    let other = world.key(NewKey::new(KeyKind::Secret, "other"));
    for path in [
        format!("/v1/sessions/{session}"),
        format!("/v1/sessions/{session}/explain"),
        "/v1/signals/s1".to_owned(),
        "/v1/people?identity=cookie:c1".to_owned(),
    ] {
        let reply = world.ask(Method::GET, &path, &other, &[], "").await;
        assert_eq!(reply.status, 404, "{path}");
    }
    let listed = world.ask(Method::GET, "/v1/sessions", &other, &[], "").await;
    assert_eq!(listed.body["entities"], json!([]));
    // The same cookie, id and session id there mean nothing here.
    let mut named = minimal("s1");
    named["session_id"] = json!(session);
    let reply = world.ask(Method::POST, "/v1/signals", &other, &[], named.to_string()).await;
    assert_eq!(reply.body["accepted"], 1);
    assert_ne!(reply.body["results"][0]["session_id"], json!(session));
    assert_eq!(world.get(&format!("/v1/sessions/{session}")).await["event_count"], 1);
}

#[tokio::test]
async fn what_a_publishable_key_may_and_may_not() {
    let world = World::start().await;
    let key = &world.publishable;
    let sent = world.ask(Method::POST, "/v1/signals", key, &[], minimal("s1").to_string()).await;
    assert_eq!(sent.status, 200);
    for (method, path) in [
        (Method::GET, "/v1/signals"),
        (Method::GET, "/v1/sessions"),
        (Method::POST, "/v1/dispositions"),
        (Method::POST, "/v1/keys"),
        (Method::GET, "/v1/quarantine"),
    ] {
        let reply = world.ask(method, path, key, &[], "{}").await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["code"]),
            (403, &json!("scope_missing")),
            "{path}"
        );
    }
    let pixel = format!(
        "/v1/pixel.gif?write_key={key}&URL=[aHR0cHM6Ly9leGFtcGxlLmNvbS8_dXRtX3NvdXJjZT14]&TSC=google&UA=Mozilla%2F5.0"
    );
    for _ in 0..2 {
        let reply = world.ask(Method::GET, &pixel, "", &[], "").await;
        assert_eq!(
            (reply.status.as_u16(), reply.headers["content-type"].as_bytes()),
            (200, &b"image/gif"[..])
        );
    }
    let visits = world.get("/v1/sessions?limit=1000").await;
    let visit = visits["entities"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["attribution"]["source"] == "google")
        .unwrap();
    assert_eq!(visit["page"]["last"]["url"], "https://example.com/?utm_source=x");
    assert_eq!(visit["pageview_count"], 2);
}

#[tokio::test]
async fn keys_are_issued_listed_rotated_and_revoked() {
    let world = World::start().await;
    let wish = json!({ "kind": "secret", "scopes": ["sessions:read"], "label": "reports" });
    let issued = world.post("/v1/keys", wish.to_string()).await;
    assert_eq!(issued.status, 201, "{}", issued.body);
    let (key, number) =
        (issued.body["key"].as_str().unwrap(), issued.body["number"].as_u64().unwrap());
    assert_eq!(world.ask(Method::GET, "/v1/sessions", key, &[], "").await.status, 200);
    assert_eq!(world.ask(Method::POST, "/v1/signals", key, &[], "{}").await.status, 403);
    let listed = world.get("/v1/keys").await;
    assert!(!listed.to_string().contains(key), "the text is nowhere but in the first answer");
    let path = format!("/v1/keys/{number}");
    let gone = world.ask(Method::DELETE, &path, &world.secret, &[], "").await;
    assert_eq!(gone.status, 200);
    let reply = world.ask(Method::GET, "/v1/sessions", key, &[], "").await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (401, &json!("key_revoked")));
}

#[tokio::test]
async fn listing_signals_page_by_page_gives_each_once() {
    let world = World::start().await;
    let batch: Vec<Value> = (0..250).map(|n| minimal(&format!("s{n}"))).collect();
    world.signals(json!(batch)).await;
    world.signals(json!(batch)).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("/v1/signals?limit=33&cursor={cursor}")).await;
        let ids = page["entities"].as_array().unwrap().iter();
        seen.extend(ids.map(|signal| signal["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    seen.sort();
    let mut expected: Vec<String> = (0..250).map(|n| format!("s{n}")).collect();
    expected.sort();
    assert_eq!(seen, expected);
    let garbled = world.ask(Method::GET, "/v1/signals/%ff", &world.secret, &[], "").await;
    assert_eq!(
        (garbled.status.as_u16(), &garbled.body["code"]),
        (400, &json!("invalid_parameter"))
    );
    for wrong in ["limit=0", "limit=1001", "limit=x", "cursor=nonsense"] {
        let path = format!("/v1/signals?{wrong}");
        let reply = world.ask(Method::GET, &path, &world.secret, &[], "").await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["code"]),
            (400, &json!("invalid_parameter"))
        );
    }
}

#[tokio::test]
async fn a_session_that_begins_is_told_of_earlier_outcomes() {
    let world = World::start().await;
    let mut earlier = minimal("s1");
    earlier["identities"] =
        json!([{ "type": "phone", "value": "+16195550108" }, { "type": "cookie", "value": "c9" }]);
    earlier["disposition"] = json!({ "code": 10 });
    world.signals(earlier).await;
    let begun = world
        .post(
            "/v1/sessions",
            json!({ "id": "b1", "channel": "voice", "session_id": "call-7",
                    "identities": [{ "type": "phone", "value": "+16195550108" }] })
            .to_string(),
        )
        .await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    assert_eq!(begun.body["session"]["external_id"], "call-7");
    assert_eq!(begun.body["session"]["type"], "phone_call");
    assert!((100_000..1_000_000).contains(&begun.body["short_id"].as_u64().unwrap()));
    assert_eq!(begun.body["earlier"][0]["disposition"]["code"], 10);
    let person = world.get("/v1/people?identity=phone:%2B16195550108").await;
    assert_eq!(person["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(person["identities"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_source_under_mark_is_final_at_its_mark() {
    let world = World::start().await;
    let clock = json!({ "clock": "mark" }).to_string();
    let set = world.ask(Method::PUT, "/v1/sources/file", &world.secret, &[], clock).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let mut signal = minimal("s1");
    signal["source"] = json!("file");
    let session = world.signals(signal).await;
    assert_eq!(world.get("/v1/sources").await["entities"][0]["clock"], "mark");
    let done = world.post("/v1/sources/file/complete", "").await;
    assert_eq!(done.status, 200, "{}", done.body);
    let found = world.get(&format!("/v1/sessions/{session}")).await;
    assert_eq!((&found["status"], &found["revision"]), (&json!("final"), &json!(1)));
    assert_eq!(found["end_rule"], "mark");
    let cut = world.get(&format!("/v1/sessions/{session}?revision=1")).await;
    assert_eq!(cut["disposition"]["code"], 2);
}

#[tokio::test]
async fn entity_tags_follow_revision_and_version() {
    let world = World::start().await;
    let session = world.signals(minimal("s1")).await;
    let path = format!("/v1/sessions/{session}");
    let first = world.ask(Method::GET, &path, &world.secret, &[], "").await;
    let tag = first.headers["etag"].to_str().unwrap();
    let same = world.ask(Method::GET, &path, &world.secret, &[("If-None-Match", tag)], "").await;
    assert_eq!(same.status, 304);
    world.signals(minimal("s2")).await;
    let changed = world.ask(Method::GET, &path, &world.secret, &[("If-None-Match", tag)], "").await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn the_live_stream_tells_of_sessions() {
    let world = World::start().await;
    let mut stream = world
        .client
        .get(format!("{}/v1/live", world.base))
        .bearer_auth(&world.secret)
        .send()
        .await
        .unwrap();
    let mut told = String::new();
    let session = world.signals(minimal("s1")).await;
    while !told.contains(&session) {
        let chunk = stream.chunk().await.unwrap().expect("the stream does not end");
        told.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(told.contains("event: session_opened"), "{told}");
}

#[tokio::test]
async fn a_key_that_stands_in_a_page_learns_nothing_and_decides_nothing() {
    let world = World::start().await;
    let known = json!({ "id": "s1", "type": "page_viewed", "channel": "web", "user_id": "u1",
                        "identities": [{ "type": "email", "value": "penny@example.com" }] });
    let session = world.signals(known).await;
    let key = &world.publishable;
    let begin = json!({ "channel": "web", "type": "x", "user_id": "u1" }).to_string();
    let told = world.ask(Method::POST, "/v1/sessions", key, &[], begin).await;
    assert_eq!(told.status, 201);
    let members: Vec<&String> = told.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["session_id", "short_id"]);
    let mut claim = minimal("c1");
    claim["session_id"] = json!(session);
    claim["disposition"] = json!({ "code": 10 });
    let alone = world.ask(Method::POST, "/v1/signals", key, &[], claim.to_string()).await;
    assert_eq!(alone.status, 422);
    let mixed = json!([minimal("s2"), claim]).to_string();
    let mixed = world.ask(Method::POST, "/v1/signals", key, &[], mixed).await;
    assert_eq!(
        (&mixed.body["accepted"], &mixed.body["results"][1]["code"]),
        (&json!(1), &json!("scope_missing"))
    );
    assert_eq!(world.get(&format!("/v1/sessions/{session}/claims")).await["entities"], json!([]));
}

#[tokio::test]
async fn a_key_is_not_rotated_by_one_that_may_do_less() {
    let world = World::start().await;
    let wish = json!({ "kind": "secret", "scopes": ["config:write"] }).to_string();
    let small = world.post("/v1/keys", wish).await;
    let small = small.body["key"].as_str().unwrap();
    let reply = world.ask(Method::POST, "/v1/keys/1/rotate", small, &[], "{}").await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (403, &json!("scope_missing")));
    assert_eq!(world.post("/v1/keys/1/rotate", "{}").await.status, 201);
}

#[tokio::test]
async fn a_customer_is_found_however_the_question_is_spelt() {
    let world = World::start().await;
    world
        .signals(json!({ "id": "s1", "type": "page_viewed", "channel": "web", "anonymous_id": "a1",
                         "person": { "email": "Zed@example.com", "phone": "+14155550188" } }))
        .await;
    for asked in
        ["zed@EXAMPLE.com", "email:ZED@example.com", "%2B1%20(415)%20555-0188", "phone:14155550188"]
    {
        let page = world.get(&format!("/v1/sessions?customer_id={asked}")).await;
        assert_eq!(page["entities"].as_array().unwrap().len(), 1, "{asked}");
    }
    assert_eq!(world.get("/v1/people?identity=email:ZED@example.com").await["too_wide"], false);
}

#[tokio::test]
async fn a_conflict_can_be_read_as_it_was_sent() {
    let world = World::start().await;
    world.signals(minimal("s1")).await;
    let mut other = minimal("s1");
    other["page"]["title"] = json!("h\u{e9}llo");
    world.post("/v1/signals", other.to_string()).await;
    let listed = world.get("/v1/quarantine").await;
    let id = listed["entities"][0]["id"].as_str().unwrap();
    let item = world.get(&format!("/v1/quarantine/{id}")).await;
    let raw: Value = serde_json::from_str(item["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw["page"]["title"], "h\u{e9}llo");
}

#[tokio::test]
async fn a_review_names_another_session() {
    let mut rules = sessionary_core::rules::Rules::default();
    rules.lifecycle.settle_ms = sessionary_core::time::Millis(300);
    let world = World::with_rules(rules).await;
    for n in 1..=2 {
        world
            .signals(json!({ "id": format!("w{n}"), "type": "page_viewed", "channel": "web",
                             "anonymous_id": format!("a{n}"), "person": { "phone": "+14155550140" } }))
            .await;
    }
    let posted = json!({ "session_disposition_code": 10, "user_phone": "+14155550140" });
    let reply = world.post("/v1/dispositions", posted.to_string()).await;
    let own = reply.body["session"]["id"].as_str().unwrap();
    world.once(own, "final").await;
    let listed = world.get("/v1/reviews").await;
    assert_eq!(listed["entities"][0]["session_id"], own, "two fit equally: a person decides");
    let path = format!("/v1/reviews/{own}");
    let itself = world.post(&path, json!({ "into": own }).to_string()).await;
    assert_eq!(itself.status, 422, "{}", itself.body);
    let into = listed["entities"][0]["candidates"][0]["session_id"].as_str().unwrap();
    assert_eq!(world.post(&path, json!({ "into": into }).to_string()).await.status, 200);
    assert_eq!(world.get(&format!("/v1/sessions/{own}")).await["id"], into);
    assert_eq!(world.get("/v1/reviews").await["entities"], json!([]));
}

/// What each limit says of a body that it refuses.
#[tokio::test]
async fn limits_are_those_of_the_settings() {
    let settings = Settings {
        body_sizes: BodySizes { single_bytes_max: 400, batch_bytes_max: 2_000 },
        items: Limits { items: 3, item: 600, depth: 3, members: 8, text: 100 },
        ..Settings::default()
    };
    let world = World::with(Rules::default(), settings).await;
    let with = |more: Value| {
        let mut signal = minimal("s1");
        signal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        signal.to_string()
    };
    let four: Vec<Value> = ["a", "b", "c", "d"].map(minimal).to_vec();
    let three: Vec<Value> = four[..3].to_vec();
    let long = |bytes| "x".repeat(bytes);
    for (path, body, expected) in [
        ("/v1/signals", json!(three).to_string(), "200"),
        ("/v1/signals", json!(four).to_string(), "too_many_signals"),
        ("/v1/signals", long(2_001), "body_too_large"),
        ("/v1/dispositions", long(401), "body_too_large"),
        (
            "/v1/signals",
            with(json!({ "attributes": { "a": { "b": { "c": 1 } } } })),
            "nested more than 3 deep",
        ),
        ("/v1/signals", with(json!({ "a": 1, "b": 1, "c": 1 })), "more than 8 members"),
        ("/v1/signals", with(json!({ "attributes": long(101) })), "longer than 100 bytes"),
        ("/v1/signals", with(json!({ "attributes": vec![long(90); 5] })), "send at most 600"),
    ] {
        let reply = world.post(path, body.clone()).await;
        let told = format!("{} {}", reply.status, reply.body);
        assert!(told.contains(expected), "{body}: {told}");
    }
}
