//! Salesforce: REST API, SOQL queries, OAuth client credentials.
use base64::{Engine, prelude::BASE64_STANDARD};
use expect_test::expect;
use serde_json::{Value, json};
use sessionary_core::time::UnixMillis;
use sessionary_peers::{Reply, Request};

use super::{Double, Rows, a_lost_answer_does_no_harm, is_signed, refused};
use crate::sample::{NOW, Parcel, SESSION, note, query, record, told};

const CLIENT: &str = r#"{"client_id": "an id", "client_secret": "a&secret"}"#;
const DATA: &str = "/services/data/v62.0";

fn salesforce(rows: &Rows, request: &Request) -> Reply {
    if request.path() == "/services/oauth2/token" {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let expected = "grant_type=client_credentials&client_id=an+id&client_secret=a%26secret";
        let token = json!({"access_token": "t0ken", "token_type": "Bearer"});
        return if form == expected { Reply::json(&token) } else { refused("invalid_client") };
    }
    if !is_signed(request, "Bearer t0ken") {
        return Reply::status(401);
    }
    let path = request.path().strip_prefix(DATA).unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "/query") => find(rows, &query(&request.target)["q"]),
        ("POST", "/sobjects/Contact") => create(rows, "Contact", request, &["LastName"]),
        ("POST", "/sobjects/Task") => create(rows, "Task", request, &["Subject", "Status"]),
        ("POST", "/sobjects/ContentVersion") => {
            create(rows, "ContentVersion", request, &["PathOnClient", "VersionData"])
        }
        ("PATCH", path) if path.starts_with("/sobjects/Task/") => {
            let id = path.rsplit('/').next().unwrap_or_default().trim_start_matches("id");
            let Value::Object(changes) = request.json() else { return refused("MALFORMED_JSON") };
            let found = rows.change(id, |row| {
                for (name, value) in &changes {
                    row[name] = value.clone();
                }
            });
            Reply::status(if found { 204 } else { 404 })
        }
        _ => Reply::status(404),
    }
}

fn create(rows: &Rows, kind: &'static str, request: &Request, required: &[&str]) -> Reply {
    let row = request.json();
    if request.header("content-type") != Some("application/json")
        || required.iter().any(|name| row[name].as_str().is_none_or(str::is_empty))
    {
        return refused("REQUIRED_FIELD_MISSING");
    }
    let id = rows.add(kind, row);
    Reply::json_with(201, &json!({"id": format!("id{id}"), "success": true, "errors": []}))
}

/// As much SOQL as the recipe speaks: `FIELD = 'VALUE'`, joined by `OR`.
fn find(rows: &Rows, soql: &str) -> Reply {
    let Some((from, conditions)) = soql.split_once(" WHERE ") else {
        return refused("MALFORMED_QUERY");
    };
    let kind = from.rsplit(' ').next().unwrap_or_default();
    let conditions = conditions.split(" ORDER BY ").next().unwrap_or_default();
    let conditions: Vec<(String, String)> = conditions
        .trim_end_matches(" LIMIT 1")
        .split(" OR ")
        .filter_map(|condition| condition.split_once(" = "))
        .map(|(field, value)| (field.to_owned(), value.trim_matches('\'').replace("\\'", "'")))
        .collect();
    let fits = |row: &Value| conditions.iter().any(|(field, value)| row[field] == **value);
    let found = rows.find(kind, fits).map(|id| json!({"Id": format!("id{id}")}));
    let records: Vec<Value> = found.into_iter().collect();
    Reply::json(&json!({"totalSize": records.len(), "done": true, "records": records}))
}

#[tokio::test]
async fn a_session_becomes_a_task_of_a_contact_with_a_file() {
    let double = Double::new(salesforce);
    let target = double.target("salesforce", CLIENT);
    let outcome = Parcel::new().send(&target).await;
    assert_eq!((told(&outcome), note(&outcome).as_deref()), ("sent 201".to_owned(), Some("id2")));
    expect![[r"
        POST /services/oauth2/token
        GET /services/data/v62.0/query
        GET /services/data/v62.0/query
        POST /services/data/v62.0/sobjects/Contact
        GET /services/data/v62.0/query
        POST /services/data/v62.0/sobjects/Task
        GET /services/data/v62.0/query
        POST /services/data/v62.0/sobjects/ContentVersion"]]
    .assert_eq(&double.asked());
    expect![[
        r#"{"Email":"ada@example.com","FirstName":"Ada","LastName":"O'Neil","Phone":"+15550100"}"#
    ]]
    .assert_eq(&double.rows.all("Contact")[0].to_string());
    expect![[r#"{"ActivityDate":"2025-06-30","CallObject":"0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67","Description":"Who: Ada O'Neil\nPhone: +15550100\nE-mail: ada@example.com\nType: call\nChannel: voice\nStarted: 2026-01-05T10:02:30.000Z\nOutcome: Convert\nNotes: said \"yes\"\nand bought\nTicket: S-1\nSession: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67, revision 1","Status":"Completed","Subject":"call: Convert","WhoId":"id1"}"#]].assert_eq(&double.rows.all("Task")[0].to_string());
    let file = &double.rows.all("ContentVersion")[0];
    assert_eq!(file["Title"], format!("{SESSION}.r1.json"));
    assert_eq!(file["FirstPublishLocationId"], "id2");
    let bytes = BASE64_STANDARD.decode(file["VersionData"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), record(1));
}

#[tokio::test]
async fn a_later_revision_updates_the_task_and_an_older_one_does_not() {
    let double = Double::new(salesforce);
    let target = double.target("salesforce", CLIENT);
    Parcel::revision(1).send(&target).await;
    let mut second = Parcel::revision(2);
    second.record["disposition"]["notes"] = json!("called back");
    second.send(&target).await;
    let late = Parcel { superseded: true, ..Parcel::revision(1) };
    assert_eq!(told(&late.send(&target).await), "sent 200");
    let [task] = double.rows.all("Task").try_into().unwrap();
    assert!(task["Description"].as_str().unwrap().contains("called back"));
    assert_eq!(double.rows.all("Contact").len(), 1);
    let titles: Vec<_> =
        double.rows.all("ContentVersion").iter().map(|file| file["Title"].clone()).collect();
    assert_eq!(titles, [format!("{SESSION}.r1.json"), format!("{SESSION}.r2.json")]);
}

#[tokio::test]
async fn a_value_cannot_become_a_part_of_a_query() {
    let double = Double::new(salesforce);
    double.rows.add("Contact", json!({"Email": "boss@example.com"}));
    let mut parcel = Parcel::new();
    parcel.record["person"]["email"] = json!("x' OR Email = 'boss@example.com");
    parcel.send(&double.target("salesforce", CLIENT)).await;
    let asked = query(&double.receiver.requests()[1].target)["q"].clone();
    expect![[r"SELECT Id FROM Contact WHERE Email = 'x\' OR Email = \'boss@example.com' ORDER BY CreatedDate LIMIT 1"]].assert_eq(&asked);
}

#[tokio::test]
async fn one_token_serves_until_it_ends_or_is_refused() {
    let double = Double::new(salesforce);
    let target = double.target("salesforce", CLIENT);
    let tokens = || double.asked().matches("/oauth2/token").count();
    Parcel::new().send(&target).await;
    Parcel::new().send(&target).await;
    assert_eq!(tokens(), 1);
    let later = Parcel { now: UnixMillis(NOW.0 + 15 * 60_000), ..Parcel::new() };
    later.send(&target).await;
    assert_eq!(tokens(), 2);
    let wrong = r#"{"client_id": "an id", "client_secret": "wr0ng"}"#;
    let outcome = Parcel::new().send(&double.target("salesforce", wrong)).await;
    assert_eq!(told(&outcome), "retry credentials 400");
    assert!(!format!("{outcome:?}").contains("wr0ng"));
}

#[tokio::test]
async fn a_refused_token_is_asked_for_again_once() {
    let double = Double::new(|rows, request| {
        // The first token is refused, as one that was withdrawn.
        let known = rows.find("seen", |_| true).is_some();
        if !known && request.path() != "/services/oauth2/token" {
            rows.add("seen", Value::Null);
            return Reply::status(401);
        }
        salesforce(rows, request)
    });
    let outcome = Parcel::new().send(&double.target("salesforce", CLIENT)).await;
    assert_eq!(told(&outcome), "sent 201");
    assert_eq!(double.asked().matches("/oauth2/token").count(), 2);
}

#[tokio::test]
async fn nothing_is_written_twice() {
    let kinds = ["Contact", "Task", "ContentVersion"];
    a_lost_answer_does_no_harm(salesforce, "salesforce", CLIENT, &kinds).await;
}
