//! Mail, taken by a real server.
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use expect_test::expect;
use serde_json::{Value, json};
use sessionary_deliver::{Guard, Kind, Target};
use sessionary_peers::{Certificates, Peer, Receiver, Reply, refusing_port};

use crate::sample::{Parcel, SESSION, note, record, told, try_open};

const LOGIN: &str = "sessionary:pass word";
const SECRET: &str = r#"{"username": "sessionary", "password": "pass word"}"#;

fn options(more: &Value) -> Value {
    let mut options =
        json!({"from": "Sessionary <sessionary@example.com>", "to": "crm@example.com"});
    for (name, value) in more.as_object().unwrap() {
        options[name] = value.clone();
    }
    options
}

fn in_clear(peer: &Peer, more: &Value, secret: Option<&str>) -> Target {
    let mut options = options(more);
    options["tls"] = json!("none");
    let url = format!("smtp://127.0.0.1:{}", peer.port());
    try_open(Kind::Email, &url, options, secret, &Guard::new(true)).unwrap()
}

fn content(mail: &Value) -> String {
    let bytes = BASE64_STANDARD.decode(mail["content"].as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// The attached record.
fn attached(mail: &str) -> Value {
    let (_, part) = mail.split_once("Content-Disposition: attachment").unwrap();
    let (_, body) = part.split_once("\n\n").unwrap();
    let body: String = body.split("\n--").next().unwrap().split_whitespace().collect();
    serde_json::from_slice(&BASE64_STANDARD.decode(body).unwrap()).unwrap()
}

#[tokio::test]
async fn a_mail_arrives_with_the_record_attached() {
    let peer = Peer::smtp(Some(LOGIN));
    let target =
        in_clear(&peer, &json!({"to": ["crm@example.com", "{person.email}"]}), Some(SECRET));
    let parcel = Parcel::new();
    let outcome = parcel.send(&target).await;
    assert_eq!(told(&outcome), "sent 250");
    assert_eq!(note(&outcome).as_deref(), Some("<prc_01@example.com>"));
    let mail = peer.told();
    assert_eq!(mail["sender"], "sessionary@example.com");
    assert_eq!(mail["recipients"], json!(["crm@example.com", "ada@example.com"]));
    assert_eq!(mail["login"], "sessionary");
    assert_eq!(mail["hello"], "example.com");
    let text = content(&mail);
    assert!(text.contains("\nMessage-ID: <prc_01@example.com>\n"), "{text}");
    assert!(text.contains("Outcome: Convert\nNotes: said \"yes\"\nand bought\n"), "{text}");
    assert!(text.contains(&format!("{SESSION}.r1.json")), "{text}");
    assert_eq!(attached(&text), record(1));
    // A repetition can be told by its id.
    parcel.send(&target).await;
    assert!(content(&peer.told()).contains("\nMessage-ID: <prc_01@example.com>\n"));
}

#[tokio::test]
async fn what_the_server_says_decides() {
    let peer = Peer::smtp(None);
    let check = async |to: &str| {
        told(&Parcel::new().send(&in_clear(&peer, &json!({"to": to}), None)).await)
    };
    assert_eq!(check("450-crm@example.com").await, "retry smtp_4xx 450");
    assert_eq!(check("550-crm@example.com").await, "give up smtp_5xx 550");
    assert_eq!(check("530-crm@example.com").await, "retry credentials 530");
    assert_eq!(check("{person.fax}").await, "give up template");
    assert_eq!(peer.told_already(), [] as [Value; 0]);
    let peer = Peer::smtp(Some(LOGIN));
    let wrong = r#"{"username": "sessionary", "password": "wrong"}"#;
    let outcome = Parcel::new().send(&in_clear(&peer, &json!({}), Some(wrong))).await;
    assert_eq!(told(&outcome), "retry credentials 535");
    assert!(!format!("{outcome:?}").contains("wrong"));
}

#[tokio::test]
async fn a_connection_is_encrypted_before_anything_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path(), &["mail.example.test"]);
    let guard = crate::guard::to_loopback(Some(&certificates.authority()));
    let strangers = crate::guard::to_loopback(None);
    let starttls = Peer::smtp_starttls(Some(LOGIN), &certificates);
    let smtps = Peer::smtps(Some(LOGIN), &certificates);
    for (scheme, peer) in [("smtp", &starttls), ("smtps", &smtps)] {
        let send = async |host: &str, guard: &Guard| {
            let url = format!("{scheme}://{host}:{}", peer.port());
            let target = try_open(Kind::Email, &url, options(&json!({})), Some(SECRET), guard);
            told(&Parcel::new().send(&target.unwrap()).await)
        };
        assert_eq!(send("mail.example.test", &guard).await, "sent 250", "{scheme}");
        assert_eq!(peer.told()["tls"], true);
        assert_eq!(send("other.example.test", &guard).await, "retry tls", "{scheme}");
        assert_eq!(send("mail.example.test", &strangers).await, "retry tls", "{scheme}");
        assert_eq!(peer.told_already(), [] as [Value; 0]);
    }
    // A server without STARTTLS hears nothing but that.
    let plain = Peer::smtp(None);
    let url = format!("smtp://mail.example.test:{}", plain.port());
    let target = try_open(Kind::Email, &url, options(&json!({})), None, &guard).unwrap();
    assert_eq!(told(&Parcel::new().send(&target).await), "retry tls");
    assert_eq!(plain.told_already(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_tried_again() {
    let open = |port: u16, guard: &Guard| {
        let url = format!("smtp://127.0.0.1:{port}");
        let more = json!({"tls": "none"});
        try_open(Kind::Email, &url, options(&more), None, guard).unwrap()
    };
    let target = open(refusing_port(), &Guard::new(true));
    assert_eq!(told(&Parcel::new().send(&target).await), "retry connect");
    // Somebody who speaks another language.
    let web = Receiver::scripted(vec![Reply::Garbage]);
    let hasty = Guard::new(true).with_patience(Duration::from_millis(200));
    let target = open(web.address().port(), &hasty);
    assert_eq!(told(&Parcel::new().send(&target).await), "retry timeout");
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_place() {
    let refused = |url: &str, more, secret| {
        let opened = try_open(Kind::Email, url, options(&more), secret, &Guard::new(false));
        opened.unwrap_err().to_string()
    };
    let url = "smtp://mail.example.com";
    expect![[r#"`/url`: "https://mail.example.com/": `https` does not fit this kind"#]]
        .assert_eq(&refused("https://mail.example.com", json!({}), None));
    expect![[r#"`/url`: "smtp://mail.example.com:80": port 80 is none of 25, 465, 587, 2525; private destinations need --allow-private-destinations"#]].assert_eq(&refused("smtp://mail.example.com:80", json!({}), None));
    expect![[r#"`/url`: "smtp://mail.example.com": it holds a user or a password; put credentials into the secret"#]].assert_eq(&refused("smtp://a:b@mail.example.com", json!({}), None));
    expect!["`/options/tls`: mail in clear needs --allow-private-destinations; leave `tls` out"]
        .assert_eq(&refused(url, json!({"tls": "none"}), None));
    expect!["`/options`: unknown variant `maybe`, expected `starttls` or `none`"]
        .assert_eq(&refused(url, json!({"tls": "maybe"}), None));
    expect!["`/options/to`: 0 recipients; give 1 to 20"].assert_eq(&refused(
        url,
        json!({"to": []}),
        None,
    ));
    expect!["`/options/subject`: `{nobody}` is no name; a path of the record has dots, such as `record.channel`; known are id, event, tenant, session_id, revision, attempt, hops, at, now, date, format, file_name, summary, body"].assert_eq(&refused(url, json!({"subject": "{nobody}"}), None));
    expect![[r#"`/secret`: send it as JSON: {"username", "password"}"#]].assert_eq(&refused(
        url,
        json!({}),
        Some("password"),
    ));
}
