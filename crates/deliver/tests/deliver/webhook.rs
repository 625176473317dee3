//! Webhooks, verified by what receivers verify them with, and on their bad days.
use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

use expect_test::{Expect, expect};
use serde_json::json;
use sessionary_core::time::UnixMillis;
use sessionary_deliver::{Guard, Kind, Outcome, Target, new_webhook_secret};
use sessionary_peers::{
    Certificates, Peer, Receiver, Reply, Request, refusing_port, verified_by_node,
    verified_by_python,
};

use crate::sample::{NOW, Parcel, open, told, try_open};

/// Of RFC 8032, section 7.1, the first.
const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn webhook(url: &str, secret: &str) -> Target {
    open(Kind::Webhook, url, json!({}), Some(secret))
}

/// What becomes of a parcel whose receiver does this.
async fn check(reply: Reply, expected: &Expect) {
    let receiver = Receiver::scripted(vec![reply]);
    let outcome = Parcel::new().send(&webhook(&receiver.url("/"), &new_webhook_secret())).await;
    expected.assert_eq(&told(&outcome));
}

#[expect(clippy::disallowed_methods, reason = "receivers compare the signature's time with theirs")]
fn real_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixMillis(i64::try_from(since.as_millis()).unwrap())
}

#[tokio::test]
async fn a_webhook_is_an_envelope_with_the_headers_of_the_standard() {
    let receiver = Receiver::scripted(vec![Reply::status(204)]);
    let target = webhook(&receiver.url("/hooks?x=1"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let outcome = Parcel::new().send(&target).await;
    assert_eq!(told(&outcome), "sent 204");
    let [request] = receiver.requests().try_into().unwrap();
    let mut shown = format!("{} {}\n", request.method, request.target);
    for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
        let _ = writeln!(shown, "{name}: {value}");
    }
    shown.push_str(std::str::from_utf8(&request.body).unwrap());
    expect![[r#"
        POST /hooks?x=1
        content-type: application/json
        webhook-id: prc_01
        webhook-timestamp: 1767607656
        webhook-signature: v1,JHtnNDpy9hHYtEFA9wCjJsNbD+ov/WjrYEBMWBsLdsA=
        sessionary-hops: 2
        user-agent: Sessionary/0.1.0
        content-length: 415
        {"type":"session.final","timestamp":"2026-01-05T10:07:35.000Z","data":{"channel":"voice","disposition":{"code":10,"name":"Convert","notes":"said \"yes\"\nand bought"},"external_id":"S-1","id":"0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67","person":{"email":"ada@example.com","name":{"first":"Ada","full":"Ada O'Neil","last":"O'Neil"},"phone":"+15550100"},"revision":1,"started_at":"2026-01-05T10:02:30.000Z","type":"call"}}"#]].assert_eq(&shown);
    // The receipt knows the bytes that went out.
    let Outcome::Sent(sent) = outcome else { unreachable!() };
    assert_eq!(sent.digest, blake3::hash(&request.body).as_bytes()[..16]);
}

#[tokio::test]
async fn the_libraries_of_receivers_take_it_during_a_rotation() {
    let receiver = Receiver::scripted(vec![Reply::status(200)]);
    let (new, old) = (new_webhook_secret(), new_webhook_secret());
    let target = webhook(&receiver.url("/"), &format!("{new} {old} {PRIVATE}"));
    let parcel = Parcel { now: real_now(), ..Parcel::new() };
    parcel.send(&target).await;
    let [request] = receiver.requests().try_into().unwrap();
    let body = std::str::from_utf8(&request.body).unwrap();
    for secret in [&new, &old] {
        assert_eq!(verified_by_python(secret, &request.headers, body), Ok(()));
        assert_eq!(verified_by_node(secret, &request.headers, body), Ok(()));
    }
    assert_eq!(verified_by_node(PUBLIC, &request.headers, body), Ok(()));
    // What was changed on the way, or signed by somebody else, is not taken.
    let other = new_webhook_secret();
    let changed = body.replace("ada@", "eve@");
    assert!(verified_by_python(&other, &request.headers, body).is_err());
    assert!(verified_by_python(&new, &request.headers, &changed).is_err());
    assert!(verified_by_node(&other, &request.headers, body).is_err());
    assert!(verified_by_node(PUBLIC, &request.headers, &changed).is_err());
}

#[tokio::test]
async fn every_attempt_is_signed_anew_and_says_the_same() {
    let receiver = Receiver::scripted(vec![Reply::status(500), Reply::status(200)]);
    let target = webhook(&receiver.url("/"), &new_webhook_secret());
    Parcel::new().send(&target).await;
    let later = Parcel { now: UnixMillis(NOW.0 + 60_000), ..Parcel::new() };
    later.send(&target).await;
    let [first, second] = receiver.requests().try_into().unwrap();
    let header = |request: &Request, name: &str| request.header(name).unwrap().to_owned();
    assert_eq!(first.body, second.body);
    assert_eq!(header(&first, "webhook-id"), header(&second, "webhook-id"));
    assert_ne!(header(&first, "webhook-timestamp"), header(&second, "webhook-timestamp"));
    assert_ne!(header(&first, "webhook-signature"), header(&second, "webhook-signature"));
    assert_eq!(receiver.connections(), 1, "the connection is used again");
}

#[tokio::test]
async fn what_a_status_means() {
    check(Reply::status(200), &expect!["sent 200"]).await;
    check(Reply::status(202), &expect!["sent 202"]).await;
    check(Reply::status(400), &expect!["retry http_4xx 400"]).await;
    check(Reply::status(401), &expect!["retry http_4xx 401"]).await;
    check(Reply::status(404), &expect!["retry http_4xx 404"]).await;
    check(Reply::status(408), &expect!["retry http_4xx 408"]).await;
    check(Reply::status(410), &expect!["gone gone 410"]).await;
    check(Reply::status(429).with("retry-after", "7"), &expect!["retry http_4xx 429 after 7 s"])
        .await;
    check(Reply::status(500), &expect!["retry http_5xx 500"]).await;
    let date = "Mon, 05 Jan 2026 10:09:36 GMT";
    check(Reply::status(503).with("retry-after", date), &expect!["retry http_5xx 503 after 120 s"])
        .await;
    check(
        Reply::status(503).with("retry-after", "99999999"),
        &expect!["retry http_5xx 503 after 86400 s"],
    )
    .await;
}

#[tokio::test]
async fn what_a_broken_connection_means() {
    check(Reply::Reset, &expect!["retry reset"]).await;
    check(Reply::Garbage, &expect!["retry bad_answer"]).await;
    // The status was success: the receiver has it, whatever becomes of the rest.
    check(Reply::EndlessBody, &expect!["sent 200"]).await;
    check(Reply::SlowBody(Duration::from_millis(20)), &expect!["sent 200"]).await;
    let refused = format!("http://127.0.0.1:{}/", refusing_port());
    let outcome = Parcel::new().send(&webhook(&refused, &new_webhook_secret())).await;
    expect!["retry connect"].assert_eq(&told(&outcome));
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left() {
    let receiver = Receiver::scripted(vec![Reply::Hang]);
    let open = |receiver: &Receiver, patience: u64| {
        let guard = Guard::new(true).with_patience(Duration::from_millis(patience));
        try_open(Kind::Webhook, &receiver.url("/"), json!({}), Some(PRIVATE), &guard).unwrap()
    };
    let target = open(&receiver, 200);
    assert_eq!(told(&Parcel::new().send(&target).await), "retry timeout");
    // One that hangs in the middle of its answer has answered.
    let receiver = Receiver::scripted(vec![Reply::SlowBody(Duration::from_mins(1))]);
    let target = open(&receiver, 3_000);
    assert_eq!(told(&Parcel::new().send(&target).await), "sent 200");
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let other = Receiver::scripted(vec![Reply::status(200)]);
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::status(status).with("location", &other.url("/"));
        let receiver = Receiver::scripted(vec![reply]);
        let outcome = Parcel::new().send(&webhook(&receiver.url("/"), PRIVATE)).await;
        assert_eq!(told(&outcome), format!("retry redirect {status}"));
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_place() {
    let refused = |url: &str, options, secret| {
        let opened = try_open(Kind::Webhook, url, options, secret, &Guard::new(false));
        opened.unwrap_err().to_string()
    };
    let url = "https://example.com/";
    expect!["`/secret`: a webhook is signed; send a key, whsec_ and 24 to 64 bytes in Base64"]
        .assert_eq(&refused(url, json!({}), None));
    expect!["`/secret`: a key begins with whsec_ or whsk_"].assert_eq(&refused(
        url,
        json!({}),
        Some("password"),
    ));
    expect!["`/options`: unknown field `headers`, there are no fields"].assert_eq(&refused(
        url,
        json!({"headers": {}}),
        Some(PRIVATE),
    ));
    expect![[r#"`/url`: "example.com": it is no URL: relative URL without a base"#]]
        .assert_eq(&refused("example.com", json!({}), Some(PRIVATE)));
    expect![[r#"`/url`: "https://example.com/": it holds a user or a password; put credentials into the secret"#]].assert_eq(&refused("https://a:b@example.com/?token=c", json!({}), Some(PRIVATE)));
    expect![[r#"`/url`: "http://example.com/": http is not https; private destinations need --allow-private-destinations"#]].assert_eq(&refused("http://example.com/", json!({}), Some(PRIVATE)));
    expect![[r#"`/url`: "smtp://example.com/": `smtp` does not fit this kind"#]]
        .assert_eq(&refused("smtp://example.com/", json!({}), Some(PRIVATE)));
}

#[tokio::test]
async fn an_error_names_no_secret() {
    let secret = new_webhook_secret();
    let target =
        webhook(&format!("http://127.0.0.1:{}/?token=t0ps3cret", refusing_port()), &secret);
    let outcome = Parcel::new().send(&target).await;
    let shown = format!("{target:?} {outcome:?}");
    assert!(!shown.contains(&secret) && !shown.contains("t0ps3cret"), "{shown}");
}

#[tokio::test]
async fn the_name_is_kept_for_tls_and_host_and_the_certificate_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path(), &["hooks.example.test"]);
    let peer = Peer::https(&certificates);
    let guard = crate::guard::to_loopback(Some(&certificates.authority()));
    let url = |host: &str| format!("https://{host}:{}/in", peer.port());
    let send = async |host: &str, guard: &Guard| {
        let target = try_open(Kind::Webhook, &url(host), json!({}), Some(PRIVATE), guard).unwrap();
        told(&Parcel::new().send(&target).await)
    };
    assert_eq!(send("hooks.example.test", &guard).await, "sent 204");
    let request = peer.told();
    assert_eq!(request["sni"], "hooks.example.test");
    assert_eq!(request["host"], format!("hooks.example.test:{}", peer.port()));
    // Another name than the certificate's, and an authority that nobody trusts.
    assert_eq!(send("other.example.test", &guard).await, "retry tls");
    assert_eq!(send("hooks.example.test", &crate::guard::to_loopback(None)).await, "retry tls");
    assert!(peer.told_already().is_empty());
}
