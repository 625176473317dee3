//! Text sessions that are played here.
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    application::{Application, Says, Sent},
    tropo::{types, world_with},
    world::{Reply, World},
};

/// Asks for a zip code, twice at most; thanks or is sorry.
fn zip_code(sent: &Sent) -> std::future::Ready<Says> {
    let document = match (&*sent.uri, sent.body["result"]["actions"]["value"].as_str()) {
        ("/ivr/start", _) => json!([
            {"ask": {"choices": {"value": "[5 DIGITS]"}, "name": "zip", "attempts": 2,
                     "say": [{"value": "Your zip code?"}, {"value": "Five digits, please.", "event": "nomatch"}]}},
            {"on": {"event": "continue", "next": "answer?x=1"}},
            {"on": {"event": "incomplete", "next": "/sorry"}},
        ]),
        ("/ivr/answer?x=1", Some(zip)) => json!([
            {"say": {"value": format!("Thanks for {zip}.")}},
            {"transfer": {"to": "tel:+18005550199"}},
            {"hangup": null},
        ]),
        _ => json!([{"say": {"value": "Sorry."}}]),
    };
    std::future::ready(Says::json(json!({"tropo": document}).to_string()))
}

impl World {
    async fn text(&self, body: Value) -> Reply {
        self.post("/v1/tropo/texts", body.to_string()).await
    }
}

fn said(reply: &Reply) -> Vec<String> {
    let lines = reply.body["transcript"].as_array().unwrap();
    let line = |line: &Value| {
        let text = line["text"].as_str().or(line["verb"].as_str()).unwrap();
        format!("{}: {text}", line["by"].as_str().unwrap())
    };
    lines.iter().map(line).collect()
}

async fn world(application: &Application) -> World {
    world_with(&application.url, Duration::from_mins(1)).await
}

#[tokio::test]
async fn the_first_text_answers_the_first_question() {
    let application = Application::start(zip_code).await;
    let world = world(&application).await;
    let reply = world.text(json!({"from": "15550100", "to": "15550199", "text": "94070"})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let expected = ["person: 94070", "application: Thanks for 94070.", "application: transfer"];
    assert_eq!(said(&reply), expected);
    assert_eq!((&reply.body["goes_on"], &reply.body["over"]), (&json!(false), &json!("hangup")));
    let id = reply.body["session_id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let sent = application.sent();
    assert_eq!(sent[0].body["session"]["initialText"], "94070");
    assert_eq!(sent[1].body["result"]["actions"]["value"], "94070");
    // All of it is one session, which is over.
    let session =
        world.get(&format!("/v1/sessions/{}", reply.body["session"].as_str().unwrap())).await;
    assert_eq!((&session["external_id"], &session["channel"]), (&json!(id), &json!("messaging")));
    assert_eq!((&session["status"], &session["message_count"]), (&json!("settling"), &json!(2)));
    let signals =
        world.get(&format!("/v1/sessions/{}/signals", session["id"].as_str().unwrap())).await;
    let expected = [
        "session_started",
        "message_received",
        "tropo_result",
        "message_sent",
        "application_verb",
        "session_ended",
    ];
    assert_eq!(types(signals["entities"].as_array().unwrap()), expected);
    let told =
        world.get(&format!("/v1/sessions/{}?format=tropo", session["id"].as_str().unwrap())).await;
    assert_eq!(told["session"], sent[0].body["session"]);
    // What is over cannot go on.
    let late = world.text(json!({"session_id": id, "text": "hello?"})).await;
    assert_eq!(
        (late.status.as_u16(), &late.body["errors"][0]["pointer"]),
        (422, &json!("/session_id"))
    );
}

#[tokio::test]
async fn a_later_text_answers_the_question_that_is_open() {
    let application = Application::start(zip_code).await;
    let world = world(&application).await;
    let first = world
        .text(json!({"from": "15550100", "to": "15550199", "text": "hello", "network": "JABBER"}))
        .await;
    assert_eq!(
        said(&first),
        ["person: hello", "application: Five digits, please.", "application: Your zip code?"]
    );
    let asks = json!({"name": "zip", "choices": "[5 DIGITS]", "attempt": 2, "attempts": 2});
    assert_eq!((&first.body["asks"], &first.body["goes_on"]), (&asks, &json!(true)));
    let id = &first.body["session_id"];
    let second = world.text(json!({"session_id": id, "text": "940 70"})).await;
    assert_eq!(
        said(&second),
        ["person: 940 70", "application: Thanks for 94070.", "application: transfer"]
    );
    assert_eq!(second.body["session"], first.body["session"]);
    let session =
        world.get(&format!("/v1/sessions/{}", first.body["session"].as_str().unwrap())).await;
    assert_eq!((&session["medium"], &session["message_count"]), (&json!("im_jabber"), &json!(5)));
    assert_eq!(session["note_count"], 1, "the state of the dialogue");
}

#[tokio::test]
async fn a_dialogue_goes_on_in_another_server_over_the_same_data() {
    let application = Application::start(zip_code).await;
    let world = world(&application).await;
    let first = world.text(json!({"from": "15550100", "to": "15550199", "text": "hello"})).await;
    let other = world.again().await;
    let second = other.text(json!({"session_id": first.body["session_id"], "text": "94070"})).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_eq!(
        said(&second),
        ["person: 94070", "application: Thanks for 94070.", "application: transfer"]
    );
    let third = world
        .again()
        .await
        .text(json!({"session_id": first.body["session_id"], "text": "x"}))
        .await;
    assert_eq!(third.status, 422, "{}", third.body);
}

#[tokio::test]
async fn silence_and_what_fits_nothing_are_incomplete() {
    let application = Application::start(zip_code).await;
    let world = world(&application).await;
    let first = world.text(json!({"from": "15550100", "to": "15550199"})).await;
    assert_eq!(said(&first), ["application: Your zip code?"]);
    let second = world.text(json!({"session_id": first.body["session_id"], "text": null})).await;
    assert_eq!(
        (said(&second), &second.body["over"]),
        (vec!["application: Sorry.".to_owned()], &json!("nothing_more"))
    );
    assert_eq!(
        application.sent().last().unwrap().body["result"]["actions"]["disposition"],
        "TIMEOUT"
    );
}

#[tokio::test]
async fn an_application_that_fails_ends_the_session_with_a_flag() {
    for says in [
        Says { status: 500, media: "", body: String::new() },
        Says::json("<html>"),
        Says::json("[]"),
        Says::json(format!(r#"{{"tropo":[],"x":"{}"}}"#, "x".repeat(70_000))),
        Says::json(r#"{"tropo":[{"on":{"event":"continue","next":"http://169.254.169.254/"}}]}"#),
    ] {
        let application = Application::that_says(says).await;
        let world = world(&application).await;
        let reply = world.text(json!({"from": "a", "to": "b", "text": "x"})).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["over"]),
            (200, &json!("relay_bad_answer")),
            "{}",
            reply.body
        );
        let session =
            world.get(&format!("/v1/sessions/{}", reply.body["session"].as_str().unwrap())).await;
        assert_eq!(
            (&session["warnings"], &session["status"]),
            (&json!(["relay_bad_answer"]), &json!("settling"))
        );
        assert_eq!(session["ended_how"], "failed");
    }
}

#[tokio::test]
async fn texts_that_are_not_to_be_logged_are_not() {
    let document = json!({"tropo": [
        {"generalLogSecurity": "suppress"},
        {"ask": {"choices": "[ANY]", "name": "pin"}},
        {"say": {"value": "Your pin is 4711."}},
        {"on": {"event": "continue", "next": "/ivr/start"}}]});
    let application = Application::that_says(Says::json(document.to_string())).await;
    let world = world(&application).await;
    let first = world.text(json!({"from": "a", "to": "b"})).await;
    let second = world.text(json!({"session_id": first.body["session_id"], "text": "4711"})).await;
    assert_eq!(said(&second), ["person: 4711", "application: Your pin is 4711."]);
    let signals = world
        .get(&format!("/v1/sessions/{}/signals", first.body["session"].as_str().unwrap()))
        .await;
    assert!(!signals.to_string().contains("4711"), "{signals}");
    assert_eq!(application.sent().last().unwrap().body["result"]["actions"]["value"], "4711");
}

#[tokio::test]
async fn what_is_refused() {
    let application = Application::start(zip_code).await;
    let world = world(&application).await;
    for (body, pointer) in [
        (json!({"to": "b", "text": "x"}), "/from"),
        (json!({"from": "a", "text": "x"}), "/to"),
        (json!({"session_id": "unknown", "text": "x"}), "/from"),
        (json!({"session_id": "a\nb", "text": "x"}), "/session_id"),
        (json!({"from": "a", "to": "b", "text": "x".repeat(70_000)}), "/text"),
    ] {
        let reply = world.text(body).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["errors"][0]["pointer"]),
            (422, &json!(pointer))
        );
    }
    assert_eq!(world.post("/v1/tropo/texts", "[").await.status, 400);
    let publishable = world.publishable.clone();
    let reply = world.ask(Method::POST, "/v1/tropo/texts", &publishable, &[], "{}").await;
    assert_eq!(reply.status, 403);
    let without = World::start().await.text(json!({"from": "a", "to": "b", "text": "x"})).await;
    assert_eq!((without.status.as_u16(), application.sent().len()), (422, 0));
}
