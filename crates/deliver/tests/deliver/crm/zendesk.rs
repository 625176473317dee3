//! Zendesk: tickets, comments, users and uploads, with an API token as Basic.
use expect_test::expect;
use serde_json::{Value, json};
use sessionary_peers::{Reply, Request};

use super::{Double, Rows, a_lost_answer_does_no_harm, is_signed, refused};
use crate::sample::{Parcel, SESSION, note, query, told};

const BASIC: &str = r#"{"username": "ada@example.com/token", "password": "t0ken"}"#;

fn zendesk(rows: &Rows, request: &Request) -> Reply {
    if !is_signed(request, "Basic YWRhQGV4YW1wbGUuY29tL3Rva2VuOnQwa2Vu") {
        return Reply::status(401);
    }
    let path = request.path().strip_prefix("/api/v2/").unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "users/search.json") => {
            let asked = query(&request.target)["query"].clone();
            let Some((field, value)) = asked.split_once(':') else { return refused("query") };
            let value = value.trim_matches('"').to_owned();
            let found = rows.find("user", |user| user[field] == value);
            let users: Vec<Value> = found.map(|id| json!({"id": id})).into_iter().collect();
            Reply::json(&json!({"users": users, "count": users.len()}))
        }
        ("POST", "users/create_or_update.json") => {
            let user = request.json()["user"].clone();
            if !user["name"].is_string() {
                return refused("name is asked for");
            }
            Reply::json_with(201, &json!({"user": {"id": rows.add("user", user)}}))
        }
        ("POST", "uploads.json") => {
            let name = query(&request.target)["filename"].clone();
            let token = rows.add("upload", json!({"name": name, "file": request.json()}));
            Reply::json_with(201, &json!({"upload": {"token": format!("up{token}")}}))
        }
        ("GET", "tickets.json") => {
            let id = query(&request.target)["external_id"].clone();
            let found = rows.find("ticket", |ticket| ticket["external_id"] == id);
            let tickets: Vec<Value> = found.map(|id| json!({"id": id})).into_iter().collect();
            Reply::json(&json!({"tickets": tickets, "count": tickets.len()}))
        }
        ("POST", "tickets.json") => {
            let mut ticket = request.json()["ticket"].clone();
            let comment = ticket["comment"].clone();
            if !comment["body"].is_string()
                || !ticket["requester_id"].is_u64()
                || request.header("idempotency-key").is_none()
            {
                return refused("comment, requester_id and a key are asked for");
            }
            // Uploads belong to comments; their tokens are not compared.
            ticket["comment"] = Value::Null;
            let id = rows.add("ticket", ticket);
            comment_on(rows, id, &comment);
            Reply::json_with(201, &json!({"ticket": {"id": id}}))
        }
        (method, path) => ticket(rows, method, path, request),
    }
}

/// `tickets/7.json` and `tickets/7/comments.json`.
fn ticket(rows: &Rows, method: &str, path: &str, request: &Request) -> Reply {
    let path = path.strip_prefix("tickets/").and_then(|path| path.strip_suffix(".json"));
    let (number, rest) =
        path.unwrap_or_default().split_once('/').unwrap_or((path.unwrap_or_default(), ""));
    let Ok(id) = number.parse::<usize>() else { return Reply::status(404) };
    match (method, rest) {
        _ if !rows.change(number, |_| ()) => Reply::status(404),
        ("GET", "") => Reply::json(&json!({"ticket": {"id": id}})),
        ("GET", "comments") => {
            let all = rows.all("comment");
            let of_it: Vec<&Value> = all.iter().filter(|comment| comment["ticket"] == id).collect();
            Reply::json(&json!({"comments": of_it}))
        }
        ("PUT", "") => {
            comment_on(rows, id, &request.json()["ticket"]["comment"]);
            Reply::json(&json!({"ticket": {"id": id}}))
        }
        _ => refused("no such resource"),
    }
}

fn comment_on(rows: &Rows, ticket: usize, comment: &Value) {
    let uploads = comment["uploads"].as_array().map_or(0, Vec::len);
    let body = comment["body"].clone();
    let public = comment["public"].clone();
    let id = 1_000 + rows.all("comment").len();
    let row = json!({"id": id, "ticket": ticket, "plain_body": body, "public": public, "uploads": uploads});
    rows.add("comment", row);
}

#[tokio::test]
async fn a_session_becomes_a_ticket_and_each_revision_a_comment() {
    let double = Double::new(zendesk);
    let target = double.target("zendesk", BASIC);
    let outcome = Parcel::revision(1).send(&target).await;
    assert_eq!((told(&outcome), note(&outcome).as_deref()), ("sent 201".to_owned(), Some("3")));
    expect![[r"
        GET /api/v2/tickets.json
        GET /api/v2/users/search.json
        GET /api/v2/users/search.json
        POST /api/v2/users/create_or_update.json
        POST /api/v2/uploads.json
        POST /api/v2/tickets.json"]]
    .assert_eq(&double.asked());
    expect![[r#"{"email":"ada@example.com","external_id":"+15550100ada@example.com","name":"Ada O'Neil","phone":"+15550100","role":"end-user"}"#]].assert_eq(&double.rows.all("user")[0].to_string());
    expect![[r#"{"comment":null,"external_id":"0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67","requester_id":1,"subject":"call: Convert","tags":["sessionary"]}"#]].assert_eq(&double.rows.all("ticket")[0].to_string());
    expect![[r#"{"id":1000,"plain_body":"Who: Ada O'Neil\nPhone: +15550100\nE-mail: ada@example.com\nType: call\nChannel: voice\nStarted: 2026-01-05T10:02:30.000Z\nOutcome: Convert\nNotes: said \"yes\"\nand bought\nTicket: S-1\nSession: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67, revision 1\n\n0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r1.json","public":false,"ticket":3,"uploads":1}"#]].assert_eq(&double.rows.all("comment")[0].to_string());
    assert_eq!(double.rows.all("upload")[0]["file"], crate::sample::record(1));
    Parcel::revision(2).send(&target).await;
    Parcel::revision(1).send(&target).await;
    let comments = double.rows.all("comment");
    assert_eq!((double.rows.all("ticket").len(), comments.len()), (1, 2));
    assert!(comments[1]["plain_body"].as_str().unwrap().contains(&format!("{SESSION}.r2.json")));
}

#[tokio::test]
async fn a_ticket_that_the_record_names_is_used() {
    let double = Double::new(zendesk);
    let known = double.rows.add("ticket", json!({"external_id": "theirs"}));
    let mut parcel = Parcel::new();
    parcel.record["attributes"] = json!({"ticket_id": known});
    let outcome = parcel.send(&double.target("zendesk", BASIC)).await;
    assert_eq!(note(&outcome), Some(known.to_string()));
    assert_eq!(double.rows.all("ticket").len(), 1);
    assert_eq!(double.rows.all("comment")[0]["ticket"], known);
    // One that is not there is as if none were named.
    parcel.record["attributes"] = json!({"ticket_id": "999"});
    parcel.id = "prc_02";
    assert_eq!(told(&parcel.send(&double.target("zendesk", BASIC)).await), "sent 201");
    assert_eq!(double.rows.all("ticket").len(), 2);
}

#[tokio::test]
async fn nothing_is_written_twice() {
    // An upload that no comment names is deleted by Zendesk after three days. Numbers of rows count
    // uploads, so the texts alone are compared.
    a_lost_answer_does_no_harm(with_fixed_ids, "zendesk", BASIC, &["user", "said"]).await;
}

/// Keeps what was said without the numbers.
fn with_fixed_ids(rows: &Rows, request: &Request) -> Reply {
    let before = rows.all("comment").len();
    let reply = zendesk(rows, request);
    if let Some(comment) = rows.all("comment").get(before) {
        rows.add("said", comment["plain_body"].clone());
    }
    reply
}
