//! The API of `ServiceNow`: tables and attachments, with Basic or a token.
use expect_test::expect;
use serde_json::{Value, json};
use sessionary_peers::{Reply, Request};

use super::{Double, Rows, a_lost_answer_does_no_harm, is_signed, refused};
use crate::sample::{Parcel, SESSION, note, query, record, told};

const BASIC: &str = r#"{"username": "sessionary", "password": "t0ken"}"#;

fn servicenow(rows: &Rows, request: &Request) -> Reply {
    if !is_signed(request, "Basic c2Vzc2lvbmFyeTp0MGtlbg==") {
        return Reply::status(401);
    }
    let path = request.path().strip_prefix("/api/now/").unwrap_or_default();
    let asked = query(&request.target);
    match (request.method.as_str(), path) {
        ("GET", "table/incident") => find(rows, "incident", &asked["sysparm_query"]),
        ("GET", "table/sys_user") => find(rows, "user", &asked["sysparm_query"]),
        ("GET", "table/sys_journal_field") => find(rows, "journal", &asked["sysparm_query"]),
        ("GET", "attachment") => find(rows, "attachment", &asked["sysparm_query"]),
        ("POST", "table/incident") => {
            let row = request.json();
            if !row["short_description"].is_string() {
                return refused("short_description");
            }
            let id = rows.add("incident", row);
            Reply::json_with(201, &json!({"result": {"sys_id": id.to_string(), "number": "INC1"}}))
        }
        ("PATCH", path) if path.starts_with("table/incident/") => {
            let id = path.rsplit('/').next().unwrap_or_default();
            let note = request.json()["work_notes"].clone();
            if !note.is_string() || !rows.change(id, |_| ()) {
                return Reply::status(404);
            }
            let entry = json!({"element_id": id, "element": "work_notes", "value": note});
            rows.add("journal", entry);
            Reply::json(&json!({"result": {"sys_id": id}}))
        }
        ("POST", "attachment/file") => {
            if asked["table_name"] != "incident" || request.header("content-type").is_none() {
                return refused("table_name and a type are asked for");
            }
            let row = json!({
                "table_sys_id": asked["table_sys_id"], "file_name": asked["file_name"],
                "file": request.json(),
            });
            let id = rows.add("attachment", row);
            Reply::json_with(201, &json!({"result": {"sys_id": id.to_string()}}))
        }
        _ => Reply::status(404),
    }
}

/// As much of encoded queries as the recipe speaks: `a=b`, `aLIKEb`, joined by `^` and `^OR`.
fn find(rows: &Rows, kind: &str, encoded: &str) -> Reply {
    let holds = |row: &Value, condition: &str| match condition.split_once("LIKE") {
        Some((field, part)) => row[field].as_str().is_some_and(|text| text.contains(part)),
        None => condition.split_once('=').is_some_and(|(field, value)| row[field] == value),
    };
    let fits = |row: &Value| match encoded.split_once("^OR") {
        Some((one, other)) => holds(row, one) || holds(row, other),
        None => encoded.split('^').all(|condition| holds(row, condition)),
    };
    let found = rows.find(kind, fits).map(|id| json!({"sys_id": id.to_string()}));
    Reply::json(&json!({"result": found.into_iter().collect::<Vec<_>>()}))
}

#[tokio::test]
async fn a_session_becomes_an_incident_with_work_notes_and_files() {
    let double = Double::new(servicenow);
    let caller = double.rows.add("user", json!({"mobile_phone": "+15550100"}));
    let target = double.target("servicenow", BASIC);
    let outcome = Parcel::revision(1).send(&target).await;
    assert_eq!((told(&outcome), note(&outcome).as_deref()), ("sent 201".to_owned(), Some("2")));
    expect![[r"
        GET /api/now/table/incident
        GET /api/now/table/sys_user
        GET /api/now/table/sys_user
        POST /api/now/table/incident
        GET /api/now/table/sys_journal_field
        PATCH /api/now/table/incident/2
        GET /api/now/attachment
        POST /api/now/attachment/file"]]
    .assert_eq(&double.asked());
    let incident = &double.rows.all("incident")[0];
    expect![[r#"{"caller_id":"1","correlation_display":"Sessionary","correlation_id":"0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67","description":"Who: Ada O'Neil\nPhone: +15550100\nE-mail: ada@example.com\nType: call\nChannel: voice\nStarted: 2026-01-05T10:02:30.000Z\nOutcome: Convert\nNotes: said \"yes\"\nand bought\nTicket: S-1\nSession: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67, revision 1","short_description":"call: Convert"}"#]].assert_eq(&incident.to_string());
    assert_eq!(incident["caller_id"], caller.to_string());
    let file = &double.rows.all("attachment")[0];
    assert_eq!((&file["file"], &file["table_sys_id"]), (&record(1), &json!("2")));
    assert_eq!(file["file_name"], format!("{SESSION}.r1.json"));
    Parcel::revision(2).send(&target).await;
    Parcel::revision(2).send(&target).await;
    let count = |kind: &str| double.rows.all(kind).len();
    assert_eq!((count("incident"), count("journal"), count("attachment")), (1, 2, 2));
}

#[tokio::test]
async fn an_incident_that_the_record_names_is_used() {
    let double = Double::new(servicenow);
    double.rows.add("incident", json!({"number": "INC0010001"}));
    let mut parcel = Parcel::new();
    parcel.record["attributes"] = json!({"ticket_id": "INC0010001"});
    parcel.send(&double.target("servicenow", BASIC)).await;
    assert_eq!((double.rows.all("incident").len(), double.rows.all("journal").len()), (1, 1));
}

#[tokio::test]
async fn nothing_is_written_twice() {
    let kinds = ["incident", "journal", "attachment"];
    a_lost_answer_does_no_harm(servicenow, "servicenow", BASIC, &kinds).await;
}
