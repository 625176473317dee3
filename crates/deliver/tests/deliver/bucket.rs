//! A bucket that the operator names, in S3 as moto plays it.
use std::{fs, io::ErrorKind, time::Duration};

use serde_json::json;
use sessionary_deliver::{Bucket, BucketSettings, Secret};
use sessionary_peers::{Peer, Receiver, Reply};

const SECRET: &str = r#"{"access_key_id": "an-id", "secret_access_key": "a-key"}"#;

fn bucket(port: u16, url: &str) -> Bucket {
    let settings = BucketSettings {
        url: url.to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        secret: Some(Secret::new(SECRET)),
        ..BucketSettings::default()
    };
    Bucket::open(&settings).unwrap()
}

#[tokio::test]
async fn files_go_up_whole_and_come_down_by_ranges() {
    let (peer, dir) = (Peer::s3(), tempfile::tempdir().unwrap());
    peer.make_bucket("lake");
    let bucket = bucket(peer.port(), "s3://lake/some/prefix/");
    // One of a single call, and one of three parts; a name as a tenant may have it.
    let small = b"small".to_vec();
    let large: Vec<u8> = (0..20_u32 << 18).flat_map(u32::to_be_bytes).collect();
    let names = ["sessions/tenant=a%3Db/1.parquet", "sessions/tenant=bücher/2.parquet"];
    for (name, bytes) in names.into_iter().zip([&small, &large]) {
        let from = dir.path().join("from");
        fs::write(&from, bytes).unwrap();
        bucket.put(name, &from).await.unwrap();
    }
    bucket.set("lake.json", "{}".into()).await.unwrap();
    let listed = bucket.list("sessions").await.unwrap();
    let expected = [(names[0].to_owned(), 5), (names[1].to_owned(), 20 << 20)];
    assert_eq!(listed, expected);
    assert_eq!(bucket.list("sessions/tenant=a").await.unwrap(), []);

    let ranges = [0..4, 4..4, 10 << 20..(10 << 20) + 9, (20 << 20) - 1..20 << 20];
    let read = bucket.read(names[1], &ranges).await.unwrap();
    for (range, read) in ranges.into_iter().zip(read) {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert_eq!(read, large[range]);
    }
    let to = dir.path().join("to");
    bucket.download(names[1], 20 << 20, &to).await.unwrap();
    assert!(fs::read(&to).unwrap() == large, "it came down as it went up");

    assert_eq!(bucket.get("lake.json").await.unwrap().unwrap(), "{}");
    assert_eq!(bucket.get("none.json").await.unwrap(), None);
    let gone = bucket.read("none", &[0..1, 5..6]).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let short = bucket.read(names[0], &[0..1, 0..9]).await.unwrap_err();
    assert_eq!(short.kind(), ErrorKind::UnexpectedEof, "{short}");
    bucket.delete(names[0]).await.unwrap();
    bucket.delete(names[0]).await.unwrap();
    assert_eq!(bucket.list("sessions").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_call_that_fails_is_repeated() {
    let receiver = Receiver::start(|seen, _| match seen {
        0 | 1 => Reply::status(503),
        _ => Reply::json(&json!({})).with("last-modified", "Mon, 05 Jan 2026 10:00:00 GMT"),
    });
    let bucket = bucket(receiver.address().port(), "s3://lake/prod");
    assert_eq!(bucket.get("lake.json").await.unwrap().unwrap(), "{}");
    let paths: Vec<String> =
        receiver.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(paths, ["/lake/prod/lake.json"; 3]);
}

#[tokio::test]
async fn a_store_that_is_away_is_told_without_its_secrets() {
    let bucket = bucket(sessionary_peers::refusing_port(), "s3://lake/prod");
    let began = tokio::time::timeout(Duration::from_mins(2), bucket.get("lake.json"));
    let away = began.await.expect("it gives up").unwrap_err().to_string();
    assert!(away.contains("no connection"), "{away}");
    assert!(!away.contains("a-key") && !away.contains("an-id"), "{away}");
}

/// What is sent to Azure, where no peer plays it.
#[tokio::test]
async fn azure_is_asked_for_ranges_by_a_signed_request() {
    let receiver = Receiver::start(|_, _| {
        Reply::json(&json!({}))
            .with("last-modified", "Mon, 05 Jan 2026 10:00:00 GMT")
            .with("etag", "an-etag")
    });
    let settings = BucketSettings {
        url: "az://lake/prod".to_owned(),
        endpoint: Some(receiver.url("/ours").trim_end_matches('/').to_owned()),
        account: Some("ours".to_owned()),
        secret: Some(Secret::new(r#"{"account_key": "c2VjcmV0"}"#)),
        ..BucketSettings::default()
    };
    let bucket = Bucket::open(&settings).unwrap();
    assert_eq!(bucket.get("lake.json").await.unwrap().unwrap(), "{}");
    bucket.set("lake.json", "[]".into()).await.unwrap();
    let asked = receiver.requests();
    let told: Vec<String> =
        asked.iter().map(|request| format!("{} {}", request.method, request.path())).collect();
    assert_eq!(told, ["GET /ours/lake/prod/lake.json", "PUT /ours/lake/prod/lake.json"]);
    for request in &asked {
        let signed = request.header("authorization").unwrap();
        assert!(signed.starts_with("SharedKey ours:"), "{signed}");
    }
    assert_eq!(asked[1].header("x-ms-blob-type"), Some("BlockBlob"));
}
