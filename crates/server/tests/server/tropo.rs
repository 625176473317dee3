//! The Tropo platform as a sender, with and without an application behind us.
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use sessionary_core::rules::Rules;
use sessionary_server::settings::{Settings, TropoSettings};

use crate::{
    application::{Application, Says},
    world::{Reply, World},
};

const VOICE: &str = include_str!("../../../../data/golden/tropo/voice.json");
const TEXT: &str = include_str!("../../../../data/golden/tropo/text.json");
const ID: &str = "1aa06515183223ec0894039c2af433f2";

pub(crate) async fn world_with(url: &str, timeout: Duration) -> World {
    let tropo = TropoSettings {
        relay_url: Some(url.parse().unwrap()),
        relay_timeout: timeout,
        document_timeout: timeout,
    };
    World::with(Rules::default(), Settings { tropo, ..Settings::default() }).await
}

const PATIENT: Duration = Duration::from_mins(1);

impl World {
    async fn tropo(&self, body: impl Into<reqwest::Body>) -> Reply {
        let path = format!("/tropo?write_key={}", self.publishable);
        self.ask(Method::POST, &path, "", &[], body).await
    }

    async fn without_key(&self, path: &str, body: String) -> Reply {
        self.ask(Method::POST, path, "", &[], body).await
    }

    async fn found(&self, id: &str) -> Value {
        let found = self.get(&format!("/v1/sessions?external_id={id}")).await;
        assert_eq!(found["entities"].as_array().unwrap().len(), 1, "{found}");
        found["entities"][0].clone()
    }

    async fn signals_of(&self, session: &Value) -> Vec<Value> {
        let path = format!("/v1/sessions/{}/signals", session["id"].as_str().unwrap());
        self.get(&path).await["entities"].as_array().unwrap().clone()
    }
}

pub(crate) fn types(signals: &[Value]) -> Vec<&str> {
    signals.iter().map(|signal| signal["type"].as_str().unwrap()).collect()
}

fn result(id: &str, sequence: u32, state: &str, seconds: u32) -> String {
    json!({ "result": {
        "sessionId": id, "callId": "c1", "state": state, "sessionDuration": seconds, "sequence": sequence,
        "complete": true, "error": null, "calledid": "9991427645", "userType": "HUMAN",
        "actions": { "name": "zip", "disposition": "SUCCESS", "value": "92101" },
    }})
    .to_string()
}

#[tokio::test]
async fn a_call_from_its_beginning_to_its_end() {
    let world = World::start().await;
    let begun = world.tropo(VOICE).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    assert_eq!(begun.headers["content-type"], "application/json");
    let next = format!("/tropo?write_key={}", world.publishable);
    assert_eq!(begun.body, json!({"tropo": [{"on": {"event": "hangup", "next": next}}]}));
    let session = world.found(ID).await;
    assert_eq!((&session["channel"], &session["status"]), (&json!("voice"), &json!("open")));
    assert_eq!(session["started_at"], "2010-02-18T19:07:36.375Z");
    assert_eq!((&session["source"], &session["event_count"]), (&json!("tropo"), &json!(1)));
    assert_eq!(
        world.get("/v1/sessions?customer_id=jsgoecke").await["entities"][0]["id"],
        session["id"]
    );
    // The same again changes nothing.
    assert_eq!(world.tropo(VOICE).await.status, 200);
    assert_eq!(world.found(ID).await["version"], session["version"]);
    let answered = world.tropo(result(ID, 1, "ANSWERED", 20)).await;
    assert_eq!((answered.status.as_u16(), &answered.body), (200, &json!({"tropo": []})));
    assert_eq!(world.tropo(result(ID, 2, "DISCONNECTED", 65)).await.status, 200);
    assert_eq!(world.tropo(result(ID, 2, "DISCONNECTED", 65)).await.status, 200);
    let ended = world.found(ID).await;
    assert_eq!((&ended["status"], &ended["end_rule"]), (&json!("settling"), &json!("hung_up")));
    assert_eq!((&ended["duration_ms"], &ended["event_count"]), (&json!(65_000), &json!(3)));
    assert_eq!(ended["answered_by"], "virtual");
    let signals = world.signals_of(&ended).await;
    assert_eq!(types(&signals), ["call_started", "call_answered", "call_ended"]);
}

#[tokio::test]
async fn the_payload_comes_back_as_it_was_sent_and_its_results_with_it() {
    let world = World::start().await;
    world.tropo(VOICE).await;
    world.tropo(result(ID, 1, "DISCONNECTED", 65)).await;
    let id = world.found(ID).await["id"].as_str().unwrap().to_owned();
    let path = format!("{}/v1/sessions/{id}?format=tropo", world.base);
    let text = world.client.get(path).bearer_auth(&world.secret).send().await.unwrap();
    let text = text.text().await.unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let sent: Value = serde_json::from_str(VOICE).unwrap();
    assert_eq!(told["session"], sent["session"]);
    let sent: Value = serde_json::from_str(&result(ID, 1, "DISCONNECTED", 65)).unwrap();
    assert_eq!(told["results"], json!([sent["result"]]));
    let place = |name: &str| text.find(&format!("\"{name}\":")).unwrap();
    let order = [
        "id",
        "timestamp",
        "to",
        "from",
        "headers",
        "x-sbc-from",
        "Content-Length",
        "Call-ID",
        "From",
    ];
    assert!(order.is_sorted_by_key(|name| place(name)), "members and headers keep their order");
}

#[tokio::test]
async fn a_session_of_another_dialect_is_told_in_full() {
    let world = World::start().await;
    let id = world
        .signals(json!({ "id": "1", "type": "call_started", "session_id": "pbx-1", "source": "pbx",
            "occurred_at": "2026-01-05T10:00:00Z", "identities": [{"type": "phone", "value": "+16195550108"}],
            "call": {"line": "+18005550199"}, "person": {"name": {"full": "Penny"}} }))
        .await;
    let told = world.get(&format!("/v1/sessions/{id}?format=tropo")).await;
    assert_eq!(
        told,
        json!({"session": {
            "id": id.replace('-', ""), "accountId": "", "timestamp": "2026-01-05T10:00:00.000Z", "userType": "",
            "initialText": null,
            "to": {"id": "+18005550199", "name": "unknown", "channel": "VOICE", "network": ""},
            "from": {"id": "+16195550108", "name": "Penny", "channel": "VOICE", "network": ""},
            "headers": {},
        }})
    );
}

#[tokio::test]
async fn a_text_session_has_its_first_message_once() {
    let world = World::start().await;
    world.tropo(TEXT).await;
    world.tropo(TEXT).await;
    let session = world.found(ID).await;
    assert_eq!((&session["channel"], &session["message_count"]), (&json!("messaging"), &json!(1)));
    assert_eq!(session["text"]["initial"], "94070");
    assert_eq!(types(&world.signals_of(&session).await), ["session_started", "message_received"]);
    world.tropo(result(ID, 1, "DISCONNECTED", 5)).await;
    assert_eq!(world.found(ID).await["end_rule"], "session_ended");
}

#[tokio::test]
async fn only_the_id_is_needed_and_not_even_that() {
    let world = World::start().await;
    for body in [
        r#"{"session":{"id":"only"}}"#,
        r#"{"session":{}}"#,
        r#"{"session":{"from":{"id":"a","channel":"TEXT"},"initialText":"x"}}"#,
    ] {
        assert_eq!(world.tropo(body).await.status, 200, "{body}");
    }
    assert_eq!(world.found("only").await["external_id"], "only");
}

#[tokio::test]
async fn what_cannot_be_read_is_put_aside_and_can_be_read_again() {
    let world = World::start().await;
    world.tropo(VOICE).await;
    for (body, status) in [
        ("{", 400),
        ("[1]", 400),
        ("{}", 422),
        (r#"{"result":{"state":"x"}}"#, 422),
        ("\u{0}", 400),
    ] {
        let refused = world.tropo(body).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.body);
        let id = refused.body["quarantine_id"].as_str().unwrap().to_owned();
        assert_eq!(world.get(&format!("/v1/quarantine/{id}")).await["dialect"], "tropo");
        if body == "{" {
            let corrected = result(ID, 9, "DISCONNECTED", 65);
            let replayed = world.post(&format!("/v1/quarantine/{id}/replay"), corrected).await;
            assert_eq!(replayed.status, 200, "{}", replayed.body);
        }
    }
    assert_eq!(world.found(ID).await["duration_ms"], 65_000, "a replayed result knows its session");
    assert_eq!(world.tropo("").await.status, 400);
}

#[tokio::test]
async fn who_may_post() {
    let world = World::start().await;
    let at = |path: String| {
        let world = &world;
        async move { world.without_key(&path, VOICE.to_owned()).await }
    };
    let told = |reply: &Reply| {
        (reply.status.as_u16(), reply.body["code"].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(told(&at("/tropo".into()).await), (401, "key_missing".into()));
    assert_eq!(told(&at("/tropo?write_key=x".into()).await), (401, "key_malformed".into()));
    assert_eq!(
        told(&at(format!("/tropo?write_key={}", world.secret)).await),
        (403, "secret_in_url".into())
    );
    assert_eq!(
        told(&at(format!("/tropo/k/{}", world.secret)).await),
        (403, "secret_in_url".into())
    );
    assert_eq!(told(&at("/tropo/k/x/y".into()).await), (401, "key_malformed".into()));
    assert_eq!(told(&at("/elsewhere".into()).await), (404, "not_found".into()));
    assert_eq!(told(&at("/tropo/below".into()).await), (401, "key_missing".into()));
    let by_path = at(format!("/tropo/k/{}", world.publishable)).await;
    assert_eq!(by_path.body["tropo"][0]["on"]["next"], format!("/tropo/k/{}", world.publishable));
    let by_header = world.post("/tropo", VOICE).await;
    assert_eq!(by_header.body["tropo"][0]["on"]["next"], "/tropo");
    // A session that came with a key admits its own posts; another does not.
    assert_eq!(world.without_key("/tropo", result(ID, 1, "ANSWERED", 1)).await.status, 200);
    assert_eq!(world.without_key("/tropo", result("other", 1, "ANSWERED", 1)).await.status, 401);
}

// ---- with an application behind us

const ANSWER: &str = "{ \"tropo\" : [ {\"say\":{\"value\":\"Hello\"}},{\"on\":{\"event\":\"continue\",\"next\":\"/next\"}},\n {\"on\":{\"event\":\"hangup\",\"next\":\"end.php?x=1\"}} ] }";

#[tokio::test]
async fn posts_and_answers_pass_through_unchanged_and_both_are_kept() {
    let media = "application/json; charset=ISO-8859-1";
    let application =
        Application::that_says(Says { status: 200, media, body: ANSWER.into() }).await;
    let world = world_with(&application.url, PATIENT).await;
    let headers =
        [("content-type", "text/json; charset=UTF-8"), ("x-secret", "s"), ("cookie", "c=1")];
    let path = format!("/tropo?write_key={}", world.publishable);
    let reply = world.client.post(format!("{}{path}", world.base)).body(VOICE);
    let reply = headers.iter().fold(reply, |reply, (name, value)| reply.header(*name, *value));
    let reply = reply.send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["content-type"]),
        (200, &media.parse().unwrap())
    );
    assert_eq!(reply.text().await.unwrap(), ANSWER);
    let sent = application.sent().remove(0);
    assert_eq!((&*sent.uri, &sent.raw[..]), ("/ivr/start", VOICE.as_bytes()));
    assert_eq!(sent.headers["content-type"], headers[0].1);
    let mut names: Vec<_> = sent.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "host"]);
    let session = world.found(ID).await;
    assert_eq!((&session["event_count"], &session["note_count"]), (&json!(1), &json!(1)));
    assert_eq!(session["warnings"], json!([]));
    let signals = world.signals_of(&session).await;
    let note = signals.iter().find(|signal| signal["type"] == "application_answered").unwrap();
    let kept: Value = serde_json::from_str(ANSWER).unwrap();
    assert_eq!(note["answer.body"], kept);
    // The same again is passed on again, as the platform needs its document, and kept once.
    assert_eq!(world.tropo(VOICE).await.status, 200);
    assert_eq!((application.sent().len(), &world.found(ID).await["note_count"]), (2, &json!(1)));
}

#[tokio::test]
async fn relative_references_lead_to_the_application() {
    let application = Application::that_says(Says::json(ANSWER)).await;
    let world = world_with(&application.url, PATIENT).await;
    world.tropo(VOICE).await;
    // `/next` and `end.php?x=1`, resolved against `/tropo?write_key=…`, as a platform does.
    assert_eq!(world.without_key("/next", result(ID, 1, "ANSWERED", 1)).await.status, 200);
    assert_eq!(
        world.without_key("/end.php?x=1", result(ID, 2, "DISCONNECTED", 65)).await.status,
        200
    );
    // The answer to the end was lost: the same again is admitted for a while.
    assert_eq!(
        world.without_key("/end.php?x=1", result(ID, 2, "DISCONNECTED", 65)).await.status,
        200
    );
    let expected = ["/ivr/start", "/next", "/end.php?x=1", "/end.php?x=1"];
    assert_eq!(application.uris(), expected);
    let ended = world.found(ID).await;
    assert_eq!((&ended["status"], &ended["duration_ms"]), (&json!("settling"), &json!(65_000)));
    // By a key in the path, references keep it, and are below it.
    let begun = VOICE.replace(ID, "second");
    let base = format!("/tropo/k/{}", world.publishable);
    assert_eq!(world.without_key(&format!("{base}/"), begun).await.status, 200);
    for (path, sequence) in [("/end.php?x=1", 1), ("/a/b?c=d", 2)] {
        let path = format!("{base}{path}");
        let reply = world.without_key(&path, result("second", sequence, "ANSWERED", 1)).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    let strangers = ["/next", "/end.php?x=1"];
    for path in strangers {
        let reply = world.without_key(path, result("unknown", 1, "ANSWERED", 1)).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (404, &json!("not_found")));
    }
    assert_eq!(world.ask(Method::GET, "/next", "", &[], "").await.status, 404);
    let expected = ["/ivr/start", "/ivr/end.php?x=1", "/ivr/a/b?c=d"];
    assert_eq!(application.uris()[4..], expected);
}

#[tokio::test]
async fn a_key_that_was_revoked_admits_no_more_posts() {
    let application = Application::that_says(Says::json(ANSWER)).await;
    let world = world_with(&application.url, PATIENT).await;
    world.tropo(VOICE).await;
    let keys = world.get("/v1/keys").await;
    let keys = keys["entities"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kind"] == "publishable").unwrap();
    let path = format!("/v1/keys/{}", key["number"]);
    let revoked = world.ask(Method::DELETE, &path, &world.secret, &[], "").await;
    assert!(revoked.status.is_success(), "{}", revoked.body);
    assert_eq!(world.without_key("/next", result(ID, 1, "ANSWERED", 1)).await.status, 404);
}

/// What an application that fails leaves: our own answer, a flag, and a session that is whole.
async fn check_failure(world: &World, code: &str) {
    let begun = world.tropo(VOICE).await;
    assert_eq!(begun.status, 200, "{code}: {}", begun.body);
    assert_eq!(begun.body["tropo"][0]["on"]["event"], "hangup", "{code}");
    let session = world.found(ID).await;
    assert_eq!(session["warnings"], json!([code]));
    assert_eq!((&session["channel"], &session["status"]), (&json!("voice"), &json!("open")));
    let ended = world.tropo(result(ID, 1, "DISCONNECTED", 65)).await;
    assert_eq!(ended.body, json!({"tropo": []}), "{code}");
    let session = world.found(ID).await;
    assert_eq!(
        (&session["end_rule"], &session["duration_ms"]),
        (&json!("hung_up"), &json!(65_000)),
        "{code}"
    );
    let signals = world.signals_of(&session).await;
    assert_eq!(types(&signals), ["call_started", "relay_failed", "relay_failed", "call_ended"]);
}

#[tokio::test]
async fn an_application_that_cannot_be_reached() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    check_failure(&world_with(&url, PATIENT).await, "relay_unreachable").await;
    let tls = url.replace("http:", "https:");
    check_failure(&world_with(&tls, PATIENT).await, "relay_unreachable").await;
    // One that hangs up without a word.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    check_failure(&world_with(&url, PATIENT).await, "relay_unreachable").await;
}

#[tokio::test]
async fn an_application_that_answers_what_no_platform_can_use() {
    let large = format!("[{}0]", "0,".repeat(600_000));
    for (status, media, body) in [
        (500, "application/json", ANSWER),
        (503, "", ""),
        (302, "application/json", ANSWER),
        (404, "application/json", ANSWER),
        (200, "text/html", "<html>It works!</html>"),
        (200, "application/json", "{\"tropo\":["),
        (200, "application/json", &*large),
    ] {
        let application = Application::that_says(Says { status, media, body: body.into() }).await;
        check_failure(&world_with(&application.url, PATIENT).await, "relay_bad_answer").await;
        assert!(!application.uris().contains(&"/elsewhere".to_owned()), "no redirect is followed");
    }
}

#[tokio::test]
async fn an_application_that_is_too_slow() {
    let application = Application::start(|_| std::future::pending()).await;
    let world = world_with(&application.url, Duration::from_millis(100)).await;
    check_failure(&world, "relay_timeout").await;
}

#[tokio::test]
async fn a_result_may_be_answered_with_nothing_and_a_session_may_not() {
    let application =
        Application::that_says(Says { status: 200, media: "", body: String::new() }).await;
    let world = world_with(&application.url, PATIENT).await;
    let begun = world.tropo(VOICE).await;
    assert_eq!(begun.body["tropo"][0]["on"]["event"], "hangup");
    assert_eq!(world.found(ID).await["warnings"], json!(["relay_bad_answer"]));
    let ended = world.tropo(result(ID, 1, "DISCONNECTED", 65)).await;
    assert_eq!((ended.status.as_u16(), ended.body), (200, json!("")));
    assert_eq!(world.found(ID).await["warnings"], json!(["relay_bad_answer"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_one_session_go_one_by_one_and_sessions_do_not_wait_for_each_other() {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let counts = (Arc::clone(&inside), Arc::clone(&most));
    let application = Application::start(move |sent| {
        let (inside, most, both) =
            (Arc::clone(&counts.0), Arc::clone(&counts.1), Arc::clone(&both));
        let is_result = sent.body["result"].is_object();
        async move {
            if is_result {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                inside.fetch_sub(1, Ordering::SeqCst);
            } else {
                // Neither of two sessions is answered before both have come.
                both.wait().await;
            }
            Says::json(ANSWER)
        }
    })
    .await;
    let world = world_with(&application.url, PATIENT).await;
    let (one, other) = tokio::join!(world.tropo(VOICE), world.tropo(VOICE.replace(ID, "other")));
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200));
    let (first, second) =
        (world.tropo(result(ID, 1, "ANSWERED", 1)), world.tropo(result(ID, 2, "ANSWERED", 2)));
    let (third, fourth) =
        (world.tropo(result(ID, 3, "ANSWERED", 3)), world.tropo(result(ID, 4, "ANSWERED", 4)));
    tokio::join!(first, second, third, fourth);
    let came = application.sent();
    let sequence = |sent: &crate::application::Sent| sent.body["result"]["sequence"].as_u64();
    let mut came: Vec<u64> = came.iter().filter_map(sequence).collect();
    came.sort_unstable();
    assert_eq!(came, [1, 2, 3, 4]);
    assert_eq!(most.load(Ordering::SeqCst), 1, "one post of a session at a time");
}
