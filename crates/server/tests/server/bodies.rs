//! Bodies: large, slow, chunked, compressed, damaged.
use std::{io::Write, time::Duration};

use flate2::{Compression, write::GzEncoder};
use sessionary_server::settings::Settings;

use crate::client::{Server, impatient};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const MIB: usize = 1 << 20;

async fn check(server: &Server, line: &str, headers: &str, body: &[u8], expected: &str) {
    let headers = format!("{headers}Content-Length: {}\r\n", body.len());
    let reply = server.with_key(line, &headers, body).await;
    assert_eq!(reply.told(), expected, "{line} {headers}");
}

#[tokio::test]
async fn a_body_is_read_whatever_its_label() {
    let server = Server::start(Settings::default()).await;
    let packed = gzip(b"{\"a\":1}");
    for label in [
        "Content-Encoding: gzip\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        "Content-Encoding: x-gzip\r\n",
        "Content-Type: application/json\r\n",
    ] {
        let headers = format!("{label}Content-Length: {}\r\n", packed.len());
        let reply = server.with_key("POST /test/echo", &headers, &packed).await;
        assert_eq!((reply.status(), reply.body()), (200, "{\"a\":1}"), "{label}");
    }
    let packed = zstd::encode_all(b"zstd".as_slice(), 1).unwrap();
    let headers = format!("Content-Encoding: zstd\r\nContent-Length: {}\r\n", packed.len());
    assert_eq!(server.with_key("POST /test/echo", &headers, &packed).await.body(), "zstd");
    let chunks = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    let reply = server.with_key("POST /test/echo", "Transfer-Encoding: chunked\r\n", chunks).await;
    assert_eq!(reply.body(), "abcde");
}

#[tokio::test]
async fn damaged_and_unknown_encodings() {
    let server = Server::start(Settings::default()).await;
    let packed = gzip(b"{\"a\":1}");
    let cut = &packed[..packed.len() - 4];
    let echo = "POST /test/echo";
    check(&server, echo, "Content-Encoding: gzip\r\n", cut, "400 corrupt_encoding").await;
    check(&server, echo, "", cut, "400 corrupt_encoding").await;
    check(&server, echo, "Content-Encoding: gzip\r\n", b"{\"a\":1}", "400 corrupt_encoding").await;
    check(&server, echo, "Content-Encoding: zstd\r\n", b"{\"a\":1}", "400 corrupt_encoding").await;
    check(&server, echo, "Content-Encoding: br\r\n", b"x", "415 encoding_not_supported").await;
    let twice = "Content-Encoding: gzip, gzip\r\n";
    check(&server, echo, twice, &packed, "415 encoding_not_supported").await;
    let twice = "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n";
    check(&server, echo, twice, &packed, "415 encoding_not_supported").await;
    check(&server, echo, "Content-Encoding: gzip\r\n", b"", "200").await;
}

#[tokio::test]
async fn bombs_and_large_bodies_are_refused_and_the_refusal_arrives() {
    let server = Server::start(Settings::default()).await;
    let bomb = gzip(&vec![0; 64 * MIB]);
    let labelled = "Content-Encoding: gzip\r\n";
    check(&server, "POST /test/echo", labelled, &bomb, "413 body_too_large").await;
    check(&server, "POST /test/echo", "", &bomb, "413 body_too_large").await;
    check(&server, "POST /test/one", labelled, &gzip(&vec![7; 2 * MIB]), "413 body_too_large")
        .await;
    let large = vec![b'x'; 5 * MIB];
    check(&server, "POST /test/echo", "", &large, "413 body_too_large").await;
    check(&server, "POST /test/one", "", &large[..2 * MIB], "413 body_too_large").await;
    check(&server, "POST /test/echo", "", &large[..3 * MIB], "200").await;
    let chunk = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    let chunked =
        server.with_key("POST /test/echo", "Transfer-Encoding: chunked\r\n", &chunk).await;
    assert_eq!(chunked.told(), "413 body_too_large");
}

#[tokio::test]
async fn a_refused_body_costs_no_connection() {
    let server = Server::start(Settings::default()).await;
    let large = vec![b'x'; 3 * MIB];
    let post = |key: &str, body: &[u8]| {
        let head = format!(
            "POST /test/echo HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let mut client = server.connect().await;
    client.send(post("sk_unknown", &large)).await;
    assert_eq!(client.one().await.status(), 401);
    client.send(post(&server.secret, b"after it")).await;
    assert_eq!(client.one().await.body(), "after it");
}

#[tokio::test]
async fn no_more_bodies_are_held_than_there_is_room() {
    let settings = Settings { body_bytes_max: MIB, ..Settings::default() };
    let server = Server::start(settings).await;
    let body = vec![b'x'; 2 * MIB];
    check(&server, "POST /test/echo", "", &body, "503 overloaded").await;
    let varied: Vec<u8> = (0..500_000_u32).flat_map(|n| (n / 16).to_be_bytes()).collect();
    let packed = gzip(&varied);
    assert!(packed.len() < MIB, "only the unpacked bytes have no room");
    check(&server, "POST /test/echo", "Content-Encoding: gzip\r\n", &packed, "503 overloaded")
        .await;
    for _ in 0..3 {
        check(&server, "POST /test/echo", "", &body[..MIB], "200").await;
    }
}

#[tokio::test]
async fn slow_bodies_are_given_up() {
    let server = Server::start(impatient()).await;
    let stops = server.with_key("POST /test/echo", "Content-Length: 100\r\n", b"part").await;
    assert_eq!(stops.told(), "408 body_timeout");
    let mut client = server.connect().await;
    let secret = &server.secret;
    client.send(format!(
        "POST /test/echo HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {secret}\r\nContent-Length: 1000\r\n\r\n"
    )).await;
    for _ in 0..40 {
        client.send("x").await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(client.rest().await.told(), "408 body_timeout");
}

#[tokio::test]
async fn broken_framing_never_hangs_and_never_is_a_5xx() {
    let server = Server::start(impatient()).await;
    for (headers, body) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"),
        ("Content-Length: -1\r\n", ""),
        ("Content-Length: 99999999999999999999999\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n"),
        ("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\nabc\r\n"),
        ("Transfer-Encoding: gzip\r\n", "abc"),
        ("Expect: 100-continue\r\nContent-Length: 3\r\n", ""),
    ] {
        let reply = server.with_key("POST /test/echo", headers, body.as_bytes()).await;
        assert!(!(500..600).contains(&reply.status()), "{headers} {reply:?}");
    }
}
