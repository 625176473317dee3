//! The API of `HubSpot`: objects, search and files, version 3, with the token of a private app.
use expect_test::expect;
use serde_json::{Value, json};
use sessionary_peers::{Reply, Request};

use super::{Double, Rows, TOKEN, a_lost_answer_does_no_harm, is_signed, refused};
use crate::sample::{Parcel, SESSION, note, told};

fn hubspot(rows: &Rows, request: &Request) -> Reply {
    if !is_signed(request, "Bearer t0ken") || request.method != "POST" {
        return Reply::status(401);
    }
    match request.path() {
        "/crm/v3/objects/contacts/search" => search(rows, "contact", &request.json()),
        "/crm/v3/objects/notes/search" => search(rows, "note", &request.json()),
        "/crm/v3/objects/contacts" => create(rows, "contact", request),
        "/crm/v3/objects/notes" if is_note(&request.json()) => create(rows, "note", request),
        "/files/v3/files" => upload(rows, request),
        _ => refused("no such resource or shape"),
    }
}

fn is_note(note: &Value) -> bool {
    let associated = match &note["associations"] {
        Value::Null => true,
        list => {
            let kind = &list[0]["types"][0];
            list[0]["to"]["id"].is_string()
                && kind["associationCategory"] == "HUBSPOT_DEFINED"
                && kind["associationTypeId"] == 202
        }
    };
    note["properties"]["hs_timestamp"].is_string() && associated
}

fn create(rows: &Rows, kind: &'static str, request: &Request) -> Reply {
    let row = request.json();
    let taken = row["properties"]["email"].as_str().is_some_and(|email| {
        rows.find("contact", |known| known["properties"]["email"] == email).is_some()
    });
    if taken {
        return Reply::json_with(409, &json!({"category": "CONFLICT"}));
    }
    let id = rows.add(kind, row.clone());
    Reply::json_with(201, &json!({"id": id.to_string(), "properties": row["properties"]}))
}

/// Any of the groups, each by its first filter.
fn search(rows: &Rows, kind: &str, search: &Value) -> Reply {
    let Some(groups) = search["filterGroups"].as_array() else { return refused("filterGroups") };
    let fits = |row: &Value| {
        groups.iter().any(|group| {
            let filter = &group["filters"][0];
            let value = filter["value"].as_str().unwrap_or_default();
            let name = filter["propertyName"].as_str().unwrap_or_default();
            let has = row["properties"][name].as_str().unwrap_or_default();
            match filter["operator"].as_str() {
                Some("EQ") => has == value,
                Some("CONTAINS_TOKEN") => has.split(['<', '>', ' ']).any(|token| token == value),
                _ => false,
            }
        })
    };
    let results: Vec<Value> =
        rows.find(kind, fits).map(|id| json!({"id": id.to_string()})).into_iter().collect();
    Reply::json(&json!({"total": results.len(), "results": results}))
}

fn upload(rows: &Rows, request: &Request) -> Reply {
    let media = request.header("content-type").unwrap_or_default();
    let Some(boundary) = media.strip_prefix("multipart/form-data; boundary=") else {
        return refused("multipart/form-data is asked for");
    };
    let text = String::from_utf8_lossy(&request.body).into_owned();
    let mut parts = json!({});
    for part in text.split(&format!("--{boundary}")).filter(|part| part.contains("name=\"")) {
        let (head, body) = part.split_once("\r\n\r\n").unwrap_or_default();
        let name = head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next());
        parts[name.unwrap_or_default()] = json!(body.trim_end_matches("\r\n"));
    }
    let options: Value =
        serde_json::from_str(parts["options"].as_str().unwrap_or_default()).unwrap_or_default();
    if options["access"] != "PRIVATE"
        || !parts["file"].is_string()
        || !parts["folderPath"].is_string()
    {
        return refused("file, folderPath and options are asked for");
    }
    let id = rows.add("file", parts);
    Reply::json_with(201, &json!({"id": id.to_string()}))
}

#[tokio::test]
async fn a_revision_becomes_a_note_at_a_contact_with_a_file() {
    let double = Double::new(hubspot);
    let target = double.target("hubspot", TOKEN);
    let outcome = Parcel::revision(1).send(&target).await;
    assert_eq!((told(&outcome), note(&outcome).as_deref()), ("sent 201".to_owned(), Some("3")));
    expect![[r"
        POST /crm/v3/objects/notes/search
        POST /crm/v3/objects/contacts/search
        POST /crm/v3/objects/contacts/search
        POST /crm/v3/objects/contacts
        POST /files/v3/files
        POST /crm/v3/objects/notes"]]
    .assert_eq(&double.asked());
    expect![[r#"{"properties":{"email":"ada@example.com","firstname":"Ada","lastname":"O'Neil","phone":"+15550100"}}"#]].assert_eq(&double.rows.all("contact")[0].to_string());
    expect![[r#"{"associations":[{"to":{"id":"1"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":202}]}],"properties":{"hs_attachment_ids":"2","hs_note_body":"Who: Ada O&#39;Neil<br>Phone: +15550100<br>E-mail: ada@example.com<br>Type: call<br>Channel: voice<br>Started: 2026-01-05T10:02:30.000Z<br>Outcome: Convert<br>Notes: said &quot;yes&quot;<br>and bought<br>Ticket: S-1<br>Session: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67, revision 1<br>prc_01","hs_timestamp":"2026-01-05T10:07:35.000Z"}}"#]].assert_eq(&double.rows.all("note")[0].to_string());
    let file = &double.rows.all("file")[0];
    assert_eq!(file["fileName"], format!("{SESSION}.r1.json"));
    assert_eq!(file["folderPath"], "/sessionary");
    assert_eq!(file["file"], crate::sample::record(1).to_string());
    // The next revision is one note more, at the same contact; a repetition is none.
    Parcel::revision(2).send(&target).await;
    Parcel::revision(2).send(&target).await;
    assert_eq!((double.rows.all("contact").len(), double.rows.all("note").len()), (1, 2));
}

#[tokio::test]
async fn a_session_of_nobody_is_a_note_without_a_contact() {
    let double = Double::new(hubspot);
    let parcel = Parcel { record: json!({"type": "web"}), ..Parcel::new() };
    assert_eq!(told(&parcel.send(&double.target("hubspot", TOKEN)).await), "sent 201");
    assert_eq!(double.rows.all("contact").len(), 0);
    assert_eq!(double.rows.all("note")[0]["associations"], Value::Null);
}

#[tokio::test]
async fn no_note_and_no_contact_is_written_twice() {
    // A file whose upload was not answered stays in the files, at no note.
    a_lost_answer_does_no_harm(hubspot_without_ids, "hubspot", TOKEN, &["contact", "note"]).await;
}

/// Ids that do not count files, which a lost answer may double.
fn hubspot_without_ids(rows: &Rows, request: &Request) -> Reply {
    let reply = hubspot(rows, request);
    match request.path() {
        "/files/v3/files" => Reply::json_with(201, &json!({"id": "a file"})),
        _ => reply,
    }
}
