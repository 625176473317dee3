//! One call, told by CCAI Platform, to every kind of destination at once: S3 as moto plays it, a mail
//! server, a CRM, a webhook that its makers' library checks, and a folder.
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use sessionary_peers::{Peer, Receiver, Reply as Answer, verified_by_python};

use crate::{
    delivery::{ask, destination, parcels},
    world::World,
};

/// What moto wants to see, and does not check.
const WHO: &str = "AWS4-HMAC-SHA256 Credential=id/20260105/us-east-1/s3/aws4_request, \
                   SignedHeaders=host, Signature=unchecked";

/// A CRM of our own recipe: finds a person by phone, writes a note with the record.
fn recipe() -> Value {
    json!({
        "steps": [
            {
                "name": "find the person", "method": "GET",
                "path": "/people", "query": { "phone": "{person.phone}" }, "extract": { "person": "/id" },
            },
            {
                "name": "write a note", "method": "POST", "path": "/people/{person}/notes",
                "json": { "key": "{id}", "file": "{file_name}", "text": "{body}" },
                "extract": { "note": "/id" },
            },
        ],
        "note": "{note}",
    })
}

fn crm() -> Receiver {
    Receiver::start(|_, request| match request.method.as_str() {
        "GET" => Answer::json(&json!({ "id": "p7" })),
        _ => Answer::json_with(201, &json!({ "id": "n1" })),
    })
}

/// The record that a mail has attached.
fn attached(mail: &Value) -> Value {
    let bytes = BASE64_STANDARD.decode(mail["content"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    let (_, part) = text.split_once("Content-Disposition: attachment").unwrap();
    let (_, body) = part.split_once("\n\n").unwrap();
    let body: String = body.split("\n--").next().unwrap().split_whitespace().collect();
    serde_json::from_slice(&BASE64_STANDARD.decode(body).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_arrives_everywhere_once_and_its_revision_again() {
    let world = World::quick().await;
    let (s3, smtp, crm) = (Peer::s3(), Peer::smtp(None), crm());
    let hook = Receiver::scripted(vec![Answer::status(200)]);
    let folder = tempfile::tempdir().unwrap();
    let bucket = format!("http://127.0.0.1:{}/records", s3.port());
    let made = world.client.put(&bucket).header("authorization", WHO).send().await.unwrap();
    assert!(made.status().is_success());

    let secret = json!({ "access_key_id": "id", "secret_access_key": "key" }).to_string();
    let endpoint = format!("http://127.0.0.1:{}", s3.port());
    let all = [
        json!({ "name": "s3", "kind": "object_store", "url": "s3://records/calls",
            "secret": secret, "options": { "endpoint": endpoint, "region": "us-east-1" } }),
        json!({ "name": "mail", "kind": "email", "url": format!("smtp://127.0.0.1:{}", smtp.port()),
            "options": { "tls": "none", "from": "calls@example.com", "to": "crm@example.com" } }),
        json!({ "name": "crm", "kind": "crm", "url": crm.url("/"),
            "secret": json!({ "token": "t" }).to_string(), "options": { "recipe": recipe() } }),
        json!({ "name": "folder", "kind": "object_store",
            "url": url::Url::from_directory_path(folder.path()).unwrap().as_str() }),
    ];
    for mut body in all {
        body["format"] = json!("ccai");
        destination(&world, &body).await;
    }
    let body = json!({
        "name": "hook", "kind": "webhook", "url": hook.url("/calls"), "format": "ccai",
    });
    let signing = destination(&world, &body).await["secret"].as_str().unwrap().to_owned();

    let call = |status: &str, at: &str, more: Value| {
        let mut event = json!({
            "id": 12345, "session_type": "Voice Inbound (IVR)", "status": status,
            "occurred_at": at, "customer_phone_number": "+15555550100",
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let events = json!([
        call("queued", "2026-01-05T10:00:00Z", json!({})),
        call("connected", "2026-01-05T10:00:20Z", json!({})),
        call("finished", "2026-01-05T10:03:00Z", json!({ "ends_at": "2026-01-05T10:03:00Z" })),
    ]);
    let reply = ask(&world, Method::POST, "/ccai/events", &events).await;
    let session = reply.body["results"][0]["session_id"].as_str().unwrap().to_owned();
    parcels(&world, "status=sent", 5).await;

    let file = format!("{session}.r1.json");
    let stored = stored(&world, &bucket, &session).await;
    assert_eq!(stored.len(), 2, "each revision, and the latest: {stored:?}");
    let in_s3 = &stored.iter().find(|(name, _)| name.ends_with(&file)).unwrap().1;
    assert_eq!(in_s3["id"], 12345);
    assert_eq!(attached(&smtp.told()), *in_s3);
    let noted = crm.requests();
    assert_eq!(noted.len(), 2);
    assert!(noted[0].target.contains("%2B15555550100"), "{}", noted[0].target);
    let text = noted[1].json()["text"].as_str().unwrap().to_owned();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *in_s3);
    let request = &hook.requests()[0];
    assert_eq!(request.json()["data"], *in_s3);
    let body = String::from_utf8(request.body.clone()).unwrap();
    verified_by_python(&signing, &request.headers, &body).unwrap();

    let late = call("finished", "2026-01-05T10:04:00Z", json!({ "event_id": "late", "rating": 5 }));
    ask(&world, Method::POST, "/ccai/events", &json!([late])).await;
    let all = parcels(&world, "status=sent", 10).await;
    let second = all.iter().filter(|one| one["revision"] == 2).count();
    assert_eq!(second, 5, "revision 2 arrives everywhere");
    assert_eq!(hook.requests().len(), 2, "each once");
    assert_eq!(hook.requests()[1].json()["data"]["id"], 12345);
    assert_eq!(attached(&smtp.told()), hook.requests()[1].json()["data"]);
    assert!(smtp.told_already().is_empty());
    assert_eq!(crm.requests().len(), 4);
}

/// The objects of a session in the bucket.
async fn stored(world: &World, bucket: &str, session: &str) -> Vec<(String, Value)> {
    let listed = world.client.get(format!("{bucket}?list-type=2"));
    let listed = listed.header("authorization", WHO).send().await.unwrap();
    let listed = listed.text().await.unwrap();
    let keys = listed.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
    let mut found = Vec::new();
    for (key, _) in keys.filter(|(key, _)| key.contains(session)) {
        let object = world.client.get(format!("{bucket}/{key}"));
        let object = object.header("authorization", WHO).send().await.unwrap();
        let text = object.text().await.unwrap();
        found.push((key.to_owned(), serde_json::from_str(&text).unwrap()));
    }
    found
}
