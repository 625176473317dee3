//! What must never be connected to, in every spelling that somebody thought of.
use std::{
    io,
    net::{IpAddr, Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use sessionary_deliver::{Guard, Kind, Reach, Resolve, Resolved};
use sessionary_peers::{Receiver, Reply};

use crate::sample::{Parcel, told, try_open};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Gives one list of addresses after the other, and the last again and again; keeps the names.
struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: Asked,
}

type Asked = Arc<Mutex<Vec<String>>>;

impl Resolve for Scripted {
    fn resolve(&self, host: &str) -> Resolved {
        let mut asked = self.asked.lock().unwrap();
        let number = asked.len();
        asked.push(host.to_owned());
        let answer = self.answers.get(number).or(self.answers.last()).cloned();
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// A guard for which every name is 127.0.0.1, and that is allowed.
pub(crate) fn to_loopback(authorities: Option<&str>) -> Guard {
    let answers = vec![vec![Ipv4Addr::LOCALHOST.into()]];
    Guard::with(Reach::Anywhere, Scripted { answers, asked: Arc::default() }, authorities)
}

/// A guard that allows nothing private, and what its resolver answers.
fn guard(answers: &[&[&str]]) -> (Guard, Asked) {
    let parse = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
    let asked = Asked::default();
    let scripted =
        Scripted { answers: answers.iter().map(parse).collect(), asked: Arc::clone(&asked) };
    (Guard::with(Reach::OpenInternet, scripted, None), asked)
}

/// Hosts that are this machine, a private network, or nothing one should send to. `PORT` is the
/// listener's, so that a guard that lets one through is seen.
const HOSTILE: &[&str] = &[
    // Plain.
    "http://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1.2.3/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    // Other spellings of IPv4.
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0x0/",
    "https://127.0.0.1./",
    "https://2852039166/",
    "https://0xA9FEA9FE/",
    "https://0251.0376.0251.0376/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://127.0.0.1%2f@example.com/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.0.0.1/",
    // IPv6, and IPv4 inside it.
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:53aa:64c:0:0:80ff:fffe]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    // Names.
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://localhost.localdomain/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    // Users, ports and schemes.
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1@example.com/",
    "https://user:pass@example.com/",
    "http://example.com/",
    "https://example.com:22/",
    "https://example.com:PORT/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/",
    "unix:///run/x.sock",
    "//127.0.0.1/",
    "127.0.0.1",
    "https://",
    "https://:443/",
    "javascript:alert(1)",
    "data:text/plain,x",
];

#[test]
fn hostile_urls_are_refused_before_anything_is_connected() {
    let receiver = Receiver::scripted(vec![Reply::status(200)]);
    let (guard, asked) = guard(&[&["127.0.0.1"]]);
    assert!(HOSTILE.len() >= 60);
    let port = receiver.address().port().to_string();
    for url in HOSTILE {
        let url = url.replace("PORT", &port);
        for (kind, secret) in
            [(Kind::Webhook, Some(SECRET)), (Kind::Tropo, None), (Kind::Crm, None)]
        {
            let options = match kind {
                Kind::Crm => json!({"recipe": "zendesk"}),
                _ => json!({}),
            };
            let opened = try_open(kind, &url, options, secret, &guard);
            assert!(opened.is_err_and(|error| error.pointer == "/url"), "{kind:?} {url}");
        }
        let options = json!({"endpoint": url});
        let opened = try_open(Kind::ObjectStore, "s3://bucket", options, None, &guard);
        assert!(opened.is_err_and(|error| error.pointer == "/options/endpoint"), "s3 {url}");
        if url == "http://example.com/" {
            continue; // Mail begins in clear, by rights.
        }
        let mail = url.replacen("https://", "smtps://", 1).replacen("http://", "smtp://", 1);
        let options = json!({"from": "a@example.com", "to": "b@example.com"});
        let opened = try_open(Kind::Email, &mail, options, None, &guard);
        assert!(opened.is_err_and(|error| error.pointer == "/url"), "{mail}");
    }
    assert_eq!(receiver.connections(), 0);
    assert_eq!(*asked.lock().unwrap(), [""; 0], "no name was looked up either");
}

/// Every kind with its settings, for a host that is looked up only when something is sent.
fn kinds() -> Vec<(Kind, &'static str, Value, Option<&'static str>)> {
    let mail = json!({"from": "a@example.com", "to": "b@example.com"});
    let google = r#"{"private_key": "private_key", "private_key_id": "private_key_id", "client_email": "client_email", "disable_oauth": true}"#;
    let amazon = r#"{"access_key_id": "a", "secret_access_key": "b"}"#;
    let endpoint = json!({"endpoint": "https://evil.example/"});
    let azure = json!({"endpoint": "https://evil.example/", "account": "a"});
    let client = r#"{"client_id": "a", "client_secret": "b"}"#;
    vec![
        (Kind::Webhook, "https://evil.example/", json!({}), Some(SECRET)),
        (Kind::Tropo, "https://evil.example:8443/", json!({}), None),
        (Kind::Crm, "https://evil.example/", json!({"recipe": "hubspot"}), None),
        (Kind::Crm, "https://evil.example/", json!({"recipe": "salesforce"}), Some(client)),
        (Kind::Email, "smtp://evil.example/", mail.clone(), None),
        (Kind::Email, "smtps://evil.example/", mail, None),
        (Kind::ObjectStore, "s3://bucket/", endpoint.clone(), Some(amazon)),
        (Kind::ObjectStore, "gs://bucket/", endpoint.clone(), None),
        (Kind::ObjectStore, "gs://bucket/", endpoint, Some(google)),
        (Kind::ObjectStore, "az://container/", azure, None),
    ]
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_at_every_attempt() {
    // One private address among public ones refuses them all.
    let inside: &[&[&str]] = &[
        &["127.0.0.1"],
        &["93.184.216.34", "127.0.0.1"],
        &["::1"],
        &["2606:2800:220:1::1", "::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["169.254.169.254"],
    ];
    for (kind, url, options, secret) in kinds() {
        for answer in inside {
            let (guard, asked) = guard(&[answer]);
            let opened = try_open(kind, url, options.clone(), secret, &guard);
            let target = opened.unwrap_or_else(|error| panic!("{kind:?} {url}: {error}"));
            for attempt in 1..=2 {
                let outcome = Parcel::new().send(&target).await;
                assert_eq!(told(&outcome), "retry refused_by_guard", "{kind:?} {url} {outcome:?}");
                // Once an attempt, and nobody's metadata service.
                assert_eq!(*asked.lock().unwrap(), vec!["evil.example"; attempt], "{kind:?} {url}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    // On all the ports that a guard would allow, in case one is free to us.
    let watched: Vec<TcpListener> = [443, 8443, 587, 465]
        .into_iter()
        .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .collect();
    for listener in &watched {
        listener.set_nonblocking(true).unwrap();
    }
    for (kind, url, options, secret) in kinds() {
        let (guard, asked) = guard(&[&["127.0.0.1"], &["10.0.0.1"], &["::1"], &["127.0.0.1"]]);
        let target = try_open(kind, url, options, secret, &guard).unwrap();
        for _ in 0..4 {
            assert_eq!(told(&Parcel::new().send(&target).await), "retry refused_by_guard");
        }
        assert_eq!(asked.lock().unwrap().len(), 4, "{kind:?} {url}");
    }
    for listener in &watched {
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn what_is_connected_to_is_what_was_looked_up_once() {
    let receiver = Receiver::scripted(vec![Reply::status(200)]);
    let asked = Asked::default();
    // A second look-up would lead elsewhere.
    let answers = vec![vec![Ipv4Addr::LOCALHOST.into()], vec!["127.0.0.9".parse().unwrap()]];
    let guard = Guard::with(Reach::Anywhere, Scripted { answers, asked: Arc::clone(&asked) }, None);
    let url = format!("http://hooks.example.test:{}/", receiver.address().port());
    let target = try_open(Kind::Webhook, &url, json!({}), Some(SECRET), &guard).unwrap();
    assert_eq!(told(&Parcel::new().send(&target).await), "sent 200");
    assert_eq!(asked.lock().unwrap().len(), 1);
    let [request] = receiver.requests().try_into().unwrap();
    let host = format!("hooks.example.test:{}", receiver.address().port());
    assert_eq!(request.header("host"), Some(host.as_str()));
}

#[tokio::test]
async fn a_name_without_an_address_is_tried_again() {
    let (guard, _) = guard(&[]);
    let target =
        try_open(Kind::Webhook, "https://a.example/", json!({}), Some(SECRET), &guard).unwrap();
    assert_eq!(told(&Parcel::new().send(&target).await), "retry dns");
}
