//! One executable example for each type of session, and for each of the fourteen outcomes.
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::world::World;

fn of(channel: &str, kind: &str, who: (&str, &str), id: &str, more: &Value) -> Value {
    let mut signal = json!({
        "id": id, "type": kind, "channel": channel, "occurred_at": "2026-01-05T10:00:00Z",
        "identities": [{ "type": who.0, "value": who.1 }],
    });
    signal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    signal
}

#[tokio::test]
async fn each_action_type_is_a_type_of_session() {
    let world = World::start().await;
    let none = json!({});
    let examples = [
        ("phone_call", of("voice", "call_started", ("phone", "+16195550108"), "a1", &none)),
        ("web_visit", of("web", "page_viewed", ("cookie", "c1"), "a2", &none)),
        (
            "mobile_message",
            of("messaging", "message_received", ("phone", "+16195550109"), "a4", &none),
        ),
        ("app_visit", of("app", "screen_viewed", ("device_id", "d1"), "a5", &none)),
        ("kiosk_visit", of("kiosk", "screen_viewed", ("kiosk_id", "k1"), "a6", &none)),
        (
            "pos",
            of(
                "point_of_sale",
                "order_completed",
                ("till_id", "t1"),
                "a7",
                &json!({ "commerce": { "order_id": "o7", "total": "9.99", "currency": "USD" } }),
            ),
        ),
        (
            "ecommerce",
            of(
                "web",
                "checkout_started",
                ("cookie", "c8"),
                "a8",
                &json!({ "session_type": "ecommerce" }),
            ),
        ),
        ("chat", of("chat", "message_received", ("cookie", "c9"), "a9", &none)),
        ("other", of("other", "something", ("device_id", "d9"), "a10", &none)),
    ];
    for (expected, signal) in examples {
        let session = world.signals(signal).await;
        let found = world.get(&format!("/v1/sessions/{session}")).await;
        assert_eq!(found["type"], expected);
    }
    // The eighth, Disposition, says nothing of the channel: the session it ends keeps its own type.
    let session =
        world.signals(of("voice", "call_started", ("phone", "+16195550110"), "a3", &none)).await;
    let reply = world
        .post(
            "/v1/dispositions",
            json!({ "session_disposition_code": 11, "session_id": session }).to_string(),
        )
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["session"]["id"], session);
    let found = world.get(&format!("/v1/sessions/{session}")).await;
    assert_eq!((&found["type"], &found["disposition"]["code"]), (&json!("phone_call"), &json!(11)));
}

/// Signals of one session, in order, as `type` or `type reason`; what it derives.
async fn check(world: &World, channel: &str, story: &str, expected: &Expect) {
    let who = format!("{channel}-{story}");
    let kind = if channel == "voice" { "phone" } else { "cookie" };
    let signals: Vec<Value> = story
        .split(", ")
        .enumerate()
        .map(|(n, step)| {
            let mut words = step.split(' ');
            let mut signal = json!({
                "id": format!("{who}-{n}"),
                "type": words.next().unwrap(),
                "channel": channel,
                "occurred_at": format!("2026-01-05T10:00:{n:02}Z"),
                "identities": [{ "type": kind, "value": who }],
            });
            for word in words {
                let (name, value) = word.split_once('=').unwrap();
                signal["call"][name] = json!(value);
            }
            signal
        })
        .collect();
    let session = world.signals(json!(signals)).await;
    let explained = world.get(&format!("/v1/sessions/{session}/explain")).await;
    let found = world.get(&format!("/v1/sessions/{session}")).await;
    let (because, axis) = (&explained["disposition"], &found["ended_how"]);
    let line = format!(
        "{} [{}] {axis}",
        because["sentence"].as_str().unwrap(),
        because["rule"].as_str().unwrap()
    );
    expected.assert_eq(&line);
}

#[tokio::test]
async fn every_code_is_reached_by_derivation() {
    let world = World::start().await;
    let web = async |story: &str, expected: Expect| check(&world, "web", story, &expected).await;
    let voice =
        async |story: &str, expected: Expect| check(&world, "voice", story, &expected).await;
    voice(
        "call_started, call_ended",
        expect![[
            r#"Session Failure (1): the call was not answered [rule:call_not_answered] "failed""#
        ]],
    )
    .await;
    voice(
        "call_started, call_answered, call_ended reason=failed",
        expect![[r#"Session Failure (1): the interaction failed [rule:failed] "failed""#]],
    )
    .await;
    web(
        "page_viewed",
        expect![[r#"Bounce (2): the session was not engaged [rule:not_engaged] "timeout""#]],
    )
    .await;
    web("page_viewed, page_viewed", expect![[r#"Visit Abandon (3): it was engaged and reached no stage [rule:deepest_stage] "timeout""#]]).await;
    web(
        "page_viewed, search_performed",
        expect![[
            r#"Search Abandon (4): a search was the deepest stage [rule:deepest_stage] "timeout""#
        ]],
    )
    .await;
    web("page_viewed, category_viewed", expect![[r#"Category Abandon (5): a category was the deepest stage [rule:deepest_stage] "timeout""#]]).await;
    web(
        "page_viewed, category_viewed, product_viewed",
        expect![[
            r#"Product Abandon (6): a product was the deepest stage [rule:deepest_stage] "timeout""#
        ]],
    )
    .await;
    web(
        "product_added, product_viewed",
        expect![[
            r#"Cart Abandon (7): a cart was the deepest stage [rule:deepest_stage] "timeout""#
        ]],
    )
    .await;
    web("page_viewed, product_added, checkout_started, page_viewed", expect![[r#"Checkout Abandon (8): the checkout was the deepest stage [rule:deepest_stage] "timeout""#]]).await;
    web(
        "page_viewed, subscribed",
        expect![[r#"Subscribe (9): the person subscribed [rule:subscription] "completed""#]],
    )
    .await;
    web(
        "checkout_started, order_completed, page_viewed",
        expect![[r#"Convert (10): an order was completed [rule:order] "completed""#]],
    )
    .await;
    voice("call_started, call_answered, call_ended", expect![[r#"Customer Service (11): an inbound call was answered [rule:inbound_call_answered] "completed""#]]).await;
    voice("call_started direction=outbound, call_answered, call_ended", expect![[r#"Visit Abandon (3): an outbound or campaign call was answered and nothing came of it [rule:outbound_call_answered] "completed""#]]).await;
    voice(
        "call_started, call_answered, call_ended reason=dead_air",
        expect![[r#"Dead Air (12): nobody spoke [rule:dead_air] "completed""#]],
    )
    .await;
    voice(
        "call_started, call_answered, call_ended reason=wrong_number",
        expect![[r#"Wrong Number (13): it was a wrong number [rule:wrong_number] "completed""#]],
    )
    .await;
    voice(
        "call_started, call_answered, call_ended reason=spam",
        expect![[r#"Spam (14): it was spam [rule:spam] "completed""#]],
    )
    .await;
}

#[tokio::test]
async fn every_code_is_reached_by_claim() {
    let world = World::start().await;
    for code in (1..=14).chain([77, 1_001]) {
        let posted = json!({
            "session_disposition_code": code,
            "session_id": format!("claimed-{code}"),
            "session_start_timestamp": "20260105T100000Z",
            "session_duration": 65_000,
        });
        let reply = world.post("/v1/dispositions", posted.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let page = world.get(&format!("/v1/sessions?external_id=claimed-{code}")).await;
        let found = &page["entities"][0];
        assert_eq!(found["disposition"]["code"], code);
        assert_eq!(found["disposition"]["author"], "business");
        assert_eq!(found["disposition"]["derived"], false);
        assert_eq!(found["started_at"], "2026-01-05T10:00:00.000Z");
        assert_eq!(found["duration_ms"], 65_000);
        assert_eq!(found["status"], "settling", "a business outcome ends the session");
        let class = match code {
            1 => "failure",
            2..=8 => "abandon",
            9 | 10 => "conversion",
            11 => "service",
            12..=14 => "junk",
            77 => "unmapped",
            _ => "custom",
        };
        assert_eq!(found["disposition"]["class"], class);
        let id = found["id"].as_str().unwrap();
        let explained = world.get(&format!("/v1/sessions/{id}/explain")).await;
        assert_eq!(explained["ends"]["rule"], "disposition");
        assert_eq!(explained["ledger"][0]["wins"], true);
    }
}

#[tokio::test]
async fn precedence_decides_and_the_ledger_keeps_all() {
    let world = World::start().await;
    let claim = |id: &str, second: u32, author: &str, code: u32| {
        json!({
            "id": id, "type": "disposition_posted", "session_id": "call-1", "channel": "voice",
            "occurred_at": format!("2026-01-05T10:00:{second:02}Z"),
            "disposition": { "code": code, "author": author },
        })
    };
    // In any order: the business's last word holds, however late the model speaks.
    let session = world
        .signals(json!([
            claim("c5", 50, "model", 2),
            claim("c2", 20, "business", 7),
            claim("c3", 30, "business", 10),
            claim("c1", 10, "agent", 11),
            claim("c4", 40, "timeout", 3),
        ]))
        .await;
    let ledger = world.get(&format!("/v1/sessions/{session}/claims")).await;
    assert_eq!(ledger["disposition"]["code"], 10);
    let lines: Vec<String> = ledger["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| {
            format!("{} {} {}", claim["author"].as_str().unwrap(), claim["code"], claim["wins"])
        })
        .collect();
    assert_eq!(
        lines,
        [
            "agent 11 false",
            "business 7 false",
            "business 10 true",
            "timeout 3 false",
            "model 2 false"
        ]
    );
}

#[tokio::test]
async fn a_session_becomes_final_by_itself_and_late_truth_is_a_revision() {
    let world = World::quick().await;
    let session = world.signals(of("web", "page_viewed", ("cookie", "c1"), "s1", &json!({}))).await;
    let done = world.once(&session, "final").await;
    assert_eq!((&done["revision"], &done["disposition"]["code"]), (&json!(1), &json!(2)));
    let late = json!({ "session_disposition_code": 10, "session_id": session });
    world.post("/v1/dispositions", late.to_string()).await;
    let amended = world.once(&session, "amended").await;
    assert_eq!((&amended["revision"], &amended["disposition"]["code"]), (&json!(2), &json!(10)));
    let first = world.get(&format!("/v1/sessions/{session}?revision=1")).await;
    assert_eq!(first["disposition"]["code"], 2, "what was said then is kept");
}
