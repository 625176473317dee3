//! Objects in a folder, and in S3 as moto plays it.
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
};

use expect_test::expect;
use serde_json::{Value, json};
use sessionary_deliver::{Guard, Kind, Outcome, Target};
use sessionary_peers::{Peer, Receiver, Reply};

use crate::sample::{Parcel, SESSION, note, open, record, told, try_open};

const SECRET: &str = r#"{"access_key_id": "an-id", "secret_access_key": "a-key"}"#;

fn folder(path: &Path, options: Value) -> Target {
    let url = url::Url::from_directory_path(path).unwrap();
    open(Kind::ObjectStore, url.as_str(), options, None)
}

/// Every file below, by its path.
fn files(root: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap());
            }
        }
    }
    found
}

/// Path and revision of every file below.
fn revisions(root: &Path) -> Vec<String> {
    let told =
        files(root).into_iter().map(|(name, record)| format!("{name}: {}", record["revision"]));
    told.collect()
}

#[tokio::test]
async fn a_folder_has_every_revision_and_the_latest() {
    let root = tempfile::tempdir().unwrap();
    let target = folder(&root.path().join("deep/er folder"), json!({}));
    let first = Parcel::revision(1).send(&target).await;
    let previous = Some((1, note(&first)));
    let second = Parcel { previous, ..Parcel::revision(2) };
    assert_eq!(told(&second.send(&target).await), "sent");
    expect![[r"
        deep/er folder/7/2025-06-30/0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.json: 2
        deep/er folder/7/2025-06-30/0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r1.json: 1
        deep/er folder/7/2025-06-30/0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r2.json: 2"]]
    .assert_eq(&revisions(root.path()).join("\n"));
    // Again, as after a crash: nothing changes, and it is sent.
    assert_eq!(told(&second.send(&target).await), "sent");
    assert_eq!(
        told(&Parcel { superseded: true, ..Parcel::revision(1) }.send(&target).await),
        "sent"
    );
    assert_eq!(
        files(root.path())[&format!("deep/er folder/7/2025-06-30/{SESSION}.json")],
        record(2)
    );
}

#[tokio::test]
async fn a_revision_is_never_written_over() {
    let root = tempfile::tempdir().unwrap();
    let target = folder(root.path(), json!({"key": "{session_id}.r{revision}.json"}));
    Parcel::revision(1).send(&target).await;
    let other = Parcel { record: json!({"revision": 1, "other": true}), ..Parcel::revision(1) };
    assert_eq!(told(&other.send(&target).await), "give up conflict");
    assert_eq!(files(root.path())[&format!("{SESSION}.r1.json")], record(1));
}

#[tokio::test]
async fn a_stable_name_never_goes_back() {
    let root = tempfile::tempdir().unwrap();
    let target = folder(root.path(), json!({"key": "{session_id}.json"}));
    Parcel::revision(2).send(&target).await;
    // Even if nobody said that it is superseded.
    assert_eq!(told(&Parcel::revision(1).send(&target).await), "sent");
    assert_eq!(revisions(root.path()), [format!("{SESSION}.json: 2")]);
    assert_eq!(told(&Parcel::revision(3).send(&target).await), "sent");
    assert_eq!(revisions(root.path()), [format!("{SESSION}.json: 3")]);
}

#[tokio::test]
async fn racing_writers_in_a_folder_leave_the_latest() {
    let root = tempfile::tempdir().unwrap();
    let target = Arc::new(folder(root.path(), json!({"key": "{session_id}.json"})));
    let mut writers = tokio::task::JoinSet::new();
    for revision in [3, 1, 2, 3, 2, 1, 3, 2, 1] {
        let target = Arc::clone(&target);
        writers.spawn(async move { told(&Parcel::revision(revision).send(&target).await) });
    }
    assert_eq!(writers.join_all().await, ["sent"; 9]);
    assert_eq!(revisions(root.path()), [format!("{SESSION}.json: 3")]);
}

#[tokio::test]
async fn no_value_leads_out_of_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let inner = root.path().join("inner");
    let target = folder(&inner, json!({"key": "{a.b}/{record.c}/{session_id}.json"}));
    for value in ["../../up", "..", "/etc/x", "a\\..\\b", "%2e%2e", "C:", "\u{0}", "a\nb", "."] {
        let record = json!({"a": {"b": value}, "c": value});
        let outcome = Parcel { record, ..Parcel::new() }.send(&target).await;
        assert_eq!(told(&outcome), "sent", "{value:?} {outcome:?}");
    }
    let outside = files(root.path()).into_keys().find(|name| !name.starts_with("inner/"));
    assert_eq!(outside, None);
    assert!(files(&inner).into_keys().all(|name| name.split('/').count() == 3));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_tried_again() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "not a folder").unwrap();
    let outcome = Parcel::new().send(&folder(&root.path().join("file/below"), json!({}))).await;
    assert_eq!(told(&outcome), "retry io");
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_place() {
    let refused = |url: &str, options, secret| {
        try_open(Kind::ObjectStore, url, options, secret, &Guard::new(false))
            .unwrap_err()
            .to_string()
    };
    expect!["`/url`: it is no URL: relative URL without a base"].assert_eq(&refused(
        "folder",
        json!({}),
        None,
    ));
    expect![[r#"`/url`: "file://host/folder" is no folder; write file:///folder"#]]
        .assert_eq(&refused("file://host/folder", json!({}), None));
    expect!["`/url`: `https` is no store; use file, s3, gs, az or abfss"].assert_eq(&refused(
        "https://bucket/",
        json!({}),
        None,
    ));
    expect!["`/url`: write s3://bucket/folder, and credentials into the secret"]
        .assert_eq(&refused("s3:///", json!({}), None));
    expect!["`/url`: write s3://bucket/folder, and credentials into the secret"]
        .assert_eq(&refused("s3://key:secret@bucket/", json!({}), None));
    expect![[r#"`/secret`: send it as JSON: {"access_key_id", "secret_access_key"}, with "session_token" where there is one"#]].assert_eq(&refused("s3://bucket/", json!({}), Some("a-key")));
    expect![[r#"`/options/endpoint`: "http://minio:9000/": http is not https; private destinations need --allow-private-destinations"#]].assert_eq(&refused("s3://bucket/", json!({"endpoint": "http://minio:9000"}), None));
    expect![[r#"`/options/key/0`: "a.json" would be the same for every session; use {session_id} or {id}"#]].assert_eq(&refused("s3://bucket/", json!({"key": ["a.json"]}), None));
    expect![
        "`/options`: unknown field `keys`, expected one of `endpoint`, `region`, `account`, `key`"
    ]
    .assert_eq(&refused("s3://bucket/", json!({"keys": ["a.json"]}), None));
    expect!["`/secret`: it cannot be used; send the JSON key of a service account"]
        .assert_eq(&refused("gs://bucket/", json!({}), Some("{}")));
    expect![
        "`/options/account`: name it here, or write abfss://container@account.dfs.core.windows.net/"
    ]
    .assert_eq(&refused("az://container/", json!({}), None));
    expect!["`/options`: a folder has only `key`"].assert_eq(&refused(
        "file:///folder",
        json!({"region": "a"}),
        None,
    ));
}

/// A bucket of moto.
struct Bucket {
    peer: Peer,
}

impl Bucket {
    fn new() -> Bucket {
        let bucket = Bucket { peer: Peer::s3() };
        assert_eq!(bucket.ask("PUT", "/bucket").0, 200);
        bucket
    }

    fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.peer.port())).unwrap();
        let who = "AWS4-HMAC-SHA256 Credential=an-id/20260105/us-east-1/s3/aws4_request, \
                   SignedHeaders=host, Signature=unchecked";
        let head = "host: localhost\r\nconnection: close\r\ncontent-length: 0";
        write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\nauthorization: {who}\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        (status, text)
    }

    /// The revision of an object, and what its head says of it.
    fn object(&self, key: &str) -> Option<(u64, String)> {
        let (status, text) = self.ask("GET", &format!("/bucket/{key}"));
        let (head, body) = text.split_once("\r\n\r\n")?;
        let record: Value = serde_json::from_str(body).ok()?;
        (status == 200).then(|| (record["revision"].as_u64().unwrap(), head.to_ascii_lowercase()))
    }

    fn target(&self, options: Value) -> Target {
        let mut options = options;
        options["endpoint"] = json!(format!("http://127.0.0.1:{}", self.peer.port()));
        open(Kind::ObjectStore, "s3://bucket/some/prefix", options, Some(SECRET))
    }
}

#[tokio::test]
async fn a_bucket_has_every_revision_and_the_latest() {
    let bucket = Bucket::new();
    let target = bucket.target(json!({}));
    let day = format!("some/prefix/7/2025-06-30/{SESSION}");
    let first = Parcel::revision(1).send(&target).await;
    assert_eq!(told(&first), "sent");
    let second = Parcel { previous: Some((1, note(&first))), ..Parcel::revision(2) };
    let second_sent = second.send(&target).await;
    assert_ne!(note(&first), note(&second_sent));
    let (revision, head) = bucket.object(&format!("{day}.json")).unwrap();
    assert_eq!(revision, 2);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(head.contains("x-amz-meta-sessionaryparcel: prc_02"), "{head}");
    assert_eq!(bucket.object(&format!("{day}.r1.json")).unwrap().0, 1);
    assert_eq!(bucket.object(&format!("{day}.r2.json")).unwrap().0, 2);
    // A crash fell between the write and the note: the same parcel again, without it or with it.
    for previous in [None, second.previous.clone()] {
        let again = Parcel { previous, ..second.clone() }.send(&target).await;
        assert_eq!((told(&again), note(&again)), ("sent".to_owned(), note(&second_sent)));
    }
    // The next revision by a note that is one write old: what stands there is looked at.
    let third = Parcel { previous: second.previous.clone(), ..Parcel::revision(3) };
    assert_eq!(told(&third.send(&target).await), "sent");
    assert_eq!(bucket.object(&format!("{day}.json")).unwrap().0, 3);
}

#[tokio::test]
async fn a_lower_revision_never_replaces_a_higher_one() {
    let bucket = Bucket::new();
    // A format that does not tell its revision: the object itself does.
    let target = bucket.target(json!({"key": "{session_id}.json"}));
    let plain = |revision: u32| Parcel {
        record: json!({"revision": 10 * (4 - revision)}),
        ..Parcel::revision(revision)
    };
    let key = format!("some/prefix/{SESSION}.json");
    plain(2).send(&target).await;
    assert_eq!(told(&plain(1).send(&target).await), "sent");
    assert_eq!(bucket.object(&key).unwrap().0, 20);
    assert_eq!(told(&Parcel { superseded: true, ..plain(3) }.send(&target).await), "sent");
    assert_eq!(bucket.object(&key).unwrap().0, 20);
    assert_eq!(told(&plain(3).send(&target).await), "sent");
    assert_eq!(bucket.object(&key).unwrap().0, 10);
}

#[tokio::test]
async fn racing_writers_leave_one_revision_and_the_latest_name() {
    let bucket = Bucket::new();
    let target = Arc::new(bucket.target(json!({})));
    let mut writers = tokio::task::JoinSet::new();
    for revision in [3, 1, 2, 3, 2, 1, 3] {
        let target = Arc::clone(&target);
        writers.spawn(async move { told(&Parcel::revision(revision).send(&target).await) });
    }
    for outcome in writers.join_all().await {
        assert!(outcome == "sent" || outcome == "retry conflict", "{outcome}");
    }
    let key = format!("some/prefix/7/2025-06-30/{SESSION}.json");
    assert_eq!(bucket.object(&key).unwrap().0, 3);
}

#[tokio::test]
async fn the_same_parcel_in_other_bytes_is_still_the_same() {
    let bucket = Bucket::new();
    let target = bucket.target(json!({"key": "{session_id}.r{revision}.json"}));
    Parcel::revision(1).send(&target).await;
    let newer =
        Parcel { record: json!({"revision": 1, "program": "newer"}), ..Parcel::revision(1) };
    assert_eq!(told(&newer.send(&target).await), "sent");
    let other = Parcel { id: "prc_other", ..newer };
    assert_eq!(told(&other.send(&target).await), "give up conflict");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_tried_again() {
    let bucket = Bucket::new();
    let endpoint = format!("http://127.0.0.1:{}", bucket.peer.port());
    let target = open(Kind::ObjectStore, "s3://other", json!({"endpoint": endpoint}), Some(SECRET));
    let outcome = Parcel::new().send(&target).await;
    assert_eq!(told(&outcome), "retry http_4xx 404");
    let shown = format!("{target:?} {outcome:?}");
    assert!(!shown.contains("a-key"), "{shown}");
}

#[tokio::test]
async fn what_a_store_answers_on_a_bad_day() {
    let check = async |reply: Reply, expected: &str| {
        let receiver = Receiver::scripted(vec![reply]);
        for url in ["s3://bucket", "gs://bucket", "az://container"] {
            let mut options = json!({"endpoint": receiver.url("")});
            if url.starts_with("az") {
                options["account"] = json!("account");
            }
            let outcome = Parcel::new().send(&open(Kind::ObjectStore, url, options, None)).await;
            assert_eq!(told(&outcome), expected, "{url} {outcome:?}");
            assert!(matches!(outcome, Outcome::Retry { .. }));
        }
    };
    check(Reply::status(503), "retry http_5xx 503").await;
    check(Reply::status(403), "retry credentials 403").await;
    check(Reply::Reset, "retry reset").await;
    let other = Receiver::scripted(vec![Reply::status(200)]);
    check(Reply::status(307).with("location", &other.url("/")), "retry redirect 307").await;
    assert_eq!(other.connections(), 0);
}
