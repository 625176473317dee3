//! Recipes of one's own, and CRMs on their bad days.
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use sessionary_deliver::{Guard, Kind, Outcome};
use sessionary_peers::{Receiver, Reply};

use super::TOKEN;
use crate::sample::{Parcel, SESSION, note, open, told, try_open};

fn recipe(steps: &Value) -> Value {
    json!({"recipe": {"values": {"phone": "{person.phone}"}, "steps": steps, "note": "{id}"}})
}

fn step() -> Value {
    json!({
        "name": "write a note", "method": "POST", "path": "/people/{phone}/notes",
        "query": {"by": "{channel}"}, "headers": {"x-key": "{id}"},
        "form": {"text": "{summary}"},
    })
}

#[tokio::test]
async fn values_are_written_for_where_they_stand() {
    let receiver = Receiver::scripted(vec![Reply::status(200)]);
    let mut step = step();
    step["query"] = json!({"by": "{disposition.notes}"});
    step["headers"] = json!({"x-notes": "{disposition.notes}"});
    step["path"] = json!("/people/{person.name.full}/notes");
    step["form"] = json!({"text": "{disposition.notes}", "who": "{person.name.full}"});
    let base = receiver.url("/base/");
    let target = open(Kind::Crm, &base, recipe(&json!([step])), Some(TOKEN));
    let outcome = Parcel::new().send(&target).await;
    assert_eq!(
        (told(&outcome), note(&outcome).as_deref()),
        ("sent 200".to_owned(), Some("prc_01"))
    );
    let [request] = receiver.requests().try_into().unwrap();
    expect!["/base/people/Ada%20O%27Neil/notes?by=said+%22yes%22%0Aand+bought"]
        .assert_eq(&request.target);
    expect![[r#"said "yes"and bought"#]].assert_eq(request.header("x-notes").unwrap());
    expect!["text=said+%22yes%22%0Aand+bought&who=Ada+O%27Neil"]
        .assert_eq(std::str::from_utf8(&request.body).unwrap());
}

#[tokio::test]
async fn a_path_without_its_value_is_not_asked() {
    let receiver = Receiver::scripted(vec![Reply::status(200)]);
    for value in ["", "..", "."] {
        let mut step = step();
        step["query"] = json!({});
        let target = open(Kind::Crm, &receiver.url(""), recipe(&json!([step])), None);
        let mut parcel = Parcel::new();
        parcel.record["person"]["phone"] = json!(value);
        assert_eq!(told(&parcel.send(&target).await), "retry bad_answer");
    }
    assert_eq!(receiver.connections(), 0);
}

/// What becomes of a parcel whose CRM does this.
async fn check(reply: Reply, expected: &Expect) {
    let receiver = Receiver::scripted(vec![reply]);
    let step = json!({
        "name": "find it", "method": "GET", "path": "/{session_id}", "accept": [404],
        "extract": {"it": "/id"},
    });
    let options = json!({"recipe": {"steps": [step], "note": "{it|nothing}"}});
    let outcome = Parcel::new().send(&open(Kind::Crm, &receiver.url(""), options, None)).await;
    let found = match &outcome {
        Outcome::Sent(sent) => format!("{}, {}", told(&outcome), sent.note.as_deref().unwrap()),
        Outcome::Retry { why, .. } => format!("{}: {}", told(&outcome), why.detail),
        _ => told(&outcome),
    };
    expected.assert_eq(&found);
}

#[tokio::test]
async fn what_an_answer_means() {
    check(Reply::json(&json!({"id": 7})), &expect!["sent 200, 7"]).await;
    check(Reply::json(&json!({})), &expect!["sent 200, nothing"]).await;
    check(Reply::status(404), &expect!["sent 404, nothing"]).await;
    check(Reply::status(400), &expect!["retry http_4xx 400: find it: answered 400 Bad Request"])
        .await;
    check(Reply::status(410), &expect!["retry gone 410: find it: answered 410 Gone"]).await;
    check(
        Reply::status(429).with("retry-after", "9"),
        &expect!["retry http_4xx 429 after 9 s: find it: answered 429 Too Many Requests"],
    )
    .await;
    check(Reply::status(200), &expect!["retry bad_answer: find it: its answer is no JSON"]).await;
    check(
        Reply::EndlessBody,
        &expect!["retry bad_answer: find it: its answer broke off or is too long"],
    )
    .await;
    check(
        Reply::Reset,
        &expect!["retry reset: find it: no answer: connection closed before message completed"],
    )
    .await;
    check(
        Reply::status(302).with("location", "/"),
        &expect![
            "retry redirect 302: find it: 302 Found: redirects are not followed; name the final URL"
        ],
    )
    .await;
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_place() {
    let refused = |url: &str, options, secret| {
        try_open(Kind::Crm, url, options, secret, &Guard::new(false)).unwrap_err().to_string()
    };
    let url = "https://example.com";
    expect!["`/options`: missing field `recipe`"].assert_eq(&refused(url, json!({}), None));
    expect![[r#"`/options/recipe`: "siebel" is no ready recipe; there are hubspot, salesforce, servicenow, zendesk, or write your own"#]].assert_eq(&refused(url, json!({"recipe": "siebel"}), None));
    expect!["`/options/values/phon`: the recipe has no such value; it has email, name, phone, subject, ticket_id"].assert_eq(&refused(
        url,
        json!({"recipe": "zendesk", "values": {"phon": ""}}),
        None,
    ));
    expect![[r#"`/secret`: send it as JSON: {"token"}, {"username", "password"} or {"client_id", "client_secret"}"#]].assert_eq(&refused(url, json!({"recipe": "zendesk"}), Some("password")));
    expect!["`/secret`: name `token_url`; the recipe has none"].assert_eq(&refused(
        url,
        json!({"recipe": "zendesk"}),
        Some(r#"{"client_id": "a", "client_secret": "b"}"#),
    ));
    let inside = r#"{"client_id": "a", "client_secret": "b", "token_url": "https://10.0.0.1/"}"#;
    expect![[r#"`/secret`: "https://10.0.0.1/": 10.0.0.1 is private; private destinations need --allow-private-destinations"#]].assert_eq(&refused(url, json!({"recipe": "zendesk"}), Some(inside)));
    expect!["`/url`: a recipe adds paths and queries to it; send the URL without `?` and `#`"]
        .assert_eq(&refused("https://example.com/?a=b", json!({"recipe": "zendesk"}), None));
}

#[tokio::test]
async fn a_recipe_finds_what_it_wrote() {
    // The same session, told twice: the second time it is found and changed.
    let receiver = Receiver::start(|number, _| match number {
        0 => Reply::status(404),
        _ => Reply::json(&json!({"id": "a/b"})),
    });
    let steps = json!([
        {"name": "find", "method": "GET", "path": "/by/{session_id}", "accept": [404], "extract": {"it": "/id"}},
        {"name": "change", "when": [{"given": "it"}, "latest"], "method": "PUT", "path": "/{it}", "file": true},
        {"name": "create", "when": [{"missing": "it"}], "method": "POST", "path": "/", "file": true},
    ]);
    let options = json!({"recipe": {"steps": steps}});
    let target = open(Kind::Crm, &receiver.url(""), options, None);
    Parcel::revision(1).send(&target).await;
    Parcel::revision(2).send(&target).await;
    let asked: Vec<String> = receiver
        .requests()
        .iter()
        .map(|asked| format!("{} {}", asked.method, asked.target))
        .collect();
    let find = format!("GET /by/{SESSION}");
    assert_eq!(asked, [find.as_str(), "POST /", find.as_str(), "PUT /a%2Fb"]);
}
