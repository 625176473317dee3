//! Hosts, sizes, keys, unknown paths, panics, health and documents.
use sessionary_server::{
    face,
    health::State,
    limits::{Rate, Rates},
    problem::Code,
    settings::Settings,
};

use crate::client::{Server, impatient};

#[tokio::test]
async fn one_good_host_or_none_at_all() {
    let server = Server::start(Settings::default()).await;
    for (hosts, expected) in [
        ("Host: t\r\n", "200"),
        ("Host: [::1]:8080\r\n", "200"),
        ("", "400 bad_host"),
        ("Host: a\r\nHost: b\r\n", "400 bad_host"),
        ("Host: a\r\nHost: a\r\n", "400 bad_host"),
        ("Host: \r\n", "400 bad_host"),
        ("Host: a b\r\n", "400 bad_host"),
        ("Host: http://a/\r\n", "400 bad_host"),
        ("Host: a:port\r\n", "400 bad_host"),
    ] {
        let reply =
            server.ask(format!("GET /livez HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")).await;
        assert_eq!(reply.told(), expected, "{hosts}");
    }
    assert_eq!(server.ask("GET /livez HTTP/1.0\r\n\r\n").await.told(), "200");
}

#[tokio::test]
async fn urls_and_headers_of_bearable_size() {
    let server = Server::start(Settings::default()).await;
    let long = "x".repeat(9 * 1024);
    assert_eq!(server.with_key(&format!("GET /{long}"), "", b"").await.told(), "414 url_too_long");
    let query = format!("GET /livez?{long}");
    assert_eq!(server.with_key(&query, "", b"").await.told(), "414 url_too_long");
    let header = format!("X-Long: {}\r\n", "x".repeat(17 * 1024));
    assert_eq!(server.with_key("GET /livez", &header, b"").await.told(), "431 headers_too_large");
    let header = format!("X-Long: {}\r\n", "x".repeat(200 * 1024));
    assert_eq!(server.with_key("GET /livez", &header, b"").await.told(), "431");
    let many = "X-Many: 1\r\n".repeat(150);
    assert_eq!(server.with_key("GET /livez", &many, b"").await.told(), "431");
}

#[tokio::test]
async fn keys_in_header_query_and_path() {
    let server = Server::start(Settings::default()).await;
    let ask = async |line: String, header: String| {
        let request = format!("{line} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{header}\r\n");
        server.ask(request).await
    };
    let (secret, publishable) = (&server.secret, &server.publishable);
    let none = String::new;
    let reply = server.with_key("GET /test/read", "", b"").await;
    assert_eq!(reply.body(), "tenant 1");
    let reply = ask("GET /test/read".into(), none()).await;
    assert_eq!(reply.told(), "401 key_missing");
    assert!(reply.header("www-authenticate").is_some());
    let reply = ask(format!("GET /test/read?key={secret}"), none()).await;
    assert_eq!(reply.told(), "403 secret_in_url");
    let reply = ask(format!("GET /test/read?key={publishable}"), none()).await;
    assert_eq!(reply.told(), "403 scope_missing");
    let reply = ask(format!("POST /test/echo?write_key={publishable}"), none()).await;
    assert_eq!(reply.told(), "200");
    let reply = ask(format!("POST /test/action/{secret}/?TSC=google"), none()).await;
    assert_eq!(reply.told(), "404 not_found", "a wildcard has at least one character");
    let reply = ask(format!("POST /test/action/{secret}/x?TSC=google"), none()).await;
    assert_eq!(reply.body(), "key 1");
    let bearer = format!("Authorization: Bearer {secret}\r\n");
    let reply = ask("POST /test/action/anything/x".into(), bearer.clone()).await;
    assert_eq!(reply.body(), "key 1");
    let reply = ask(format!("POST /test/action/{publishable}/x"), none()).await;
    assert_eq!(reply.told(), "403 scope_missing");
    let reply = ask("POST /test/action/mistyped/x".into(), none()).await;
    assert_eq!(reply.told(), "401 key_malformed");
    let mut revoked = (*server.ring.get(1).unwrap()).clone();
    revoked.revoked_at = Some(sessionary_core::time::UnixMillis(0));
    server.ring.put(revoked);
    assert_eq!(ask("GET /test/read".into(), bearer).await.told(), "401 key_revoked");
}

#[tokio::test]
async fn a_key_that_sends_too_much_is_told_when_to_come_back() {
    let number = |number| std::num::NonZeroU32::new(number).unwrap();
    let rate = Rate { signals_per_second: number(1), burst: number(1000) };
    let rates = Rates { per_key: Some(rate), per_address: None };
    let server = Server::start_with(Settings::default(), rates).await;
    let headers = "Content-Length: 900\r\n";
    let body = [b'x'; 900];
    assert_eq!(server.with_key("POST /test/echo", headers, &body).await.status(), 200);
    let refused = server.with_key("POST /test/echo", headers, &body).await;
    assert_eq!(refused.told(), "429 rate_limited");
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((700..=801).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let server = Server::start(Settings::default()).await;
    assert_eq!(server.with_key("GET /nothing", "", b"").await.told(), "404 not_found");
    let reply = server.with_key("DELETE /test/read", "", b"").await;
    assert_eq!(reply.told(), "405 method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    let reply = server.with_key("BREW /test/echo", "", b"").await;
    assert_eq!(
        (reply.told().as_str(), reply.header("allow")),
        ("405 method_not_allowed", Some("POST"))
    );
    let reply = server.with_key("OPTIONS /test/read", "", b"").await;
    assert_eq!(reply.told(), "405 method_not_allowed");
}

#[tokio::test]
async fn a_panic_is_answered_and_the_connection_lives_on() {
    let server = Server::start(impatient()).await;
    let mut client = server.connect().await;
    let head = format!("HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {}\r\n\r\n", server.secret);
    client.send(format!("GET /test/panic {head}")).await;
    let reply = client.one().await;
    assert_eq!(reply.told(), "500 internal_error");
    assert!(!reply.0.contains("planted"));
    client.send(format!("GET /test/read {head}")).await;
    assert_eq!(client.one().await.status(), 200);
}

#[tokio::test]
async fn every_answer_has_an_id_and_no_server_name() {
    let server = Server::start(Settings::default()).await;
    let reply = server.with_key("GET /livez", "X-Request-Id: abc-1\r\n", b"").await;
    assert_eq!(reply.header("x-request-id"), Some("abc-1"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("server"), None);
    let reply = server.with_key("GET /nothing", "X-Request-Id: a b\"\r\n", b"").await;
    assert_eq!(reply.header("x-request-id").map(str::len), Some(24));
}

#[tokio::test]
async fn readiness_follows_its_handle() {
    let server = Server::start(Settings::default()).await;
    assert_eq!(server.with_key("GET /readyz", "", b"").await.body(), r#"{"status":"ready"}"#);
    server.readiness.set(State::Busy("reading the journal, 40 %".into()));
    let reply = server.with_key("GET /readyz", "", b"").await;
    assert_eq!(reply.told(), "503 not_ready");
    assert!(reply.body().contains("40 %"));
    assert_eq!(server.with_key("GET /livez", "", b"").await.status(), 200);
    assert_eq!(server.with_key("GET /test/read", "", b"").await.told(), "503 not_ready");
}

#[tokio::test]
async fn the_documents_are_read_from_the_tables() {
    let server = Server::start(Settings::default()).await;
    let openapi = server.with_key("GET /openapi.json", "", b"").await;
    let document: serde_json::Value = serde_json::from_str(openapi.body()).unwrap();
    let action = &document["paths"]["/test/action/{api_key}/{rest}"]["post"];
    assert_eq!(action["parameters"][1]["name"], "rest");
    assert_eq!(action["x-scope"], "dispositions:write");
    assert!(action["responses"]["401"]["description"].as_str().unwrap().contains("key_revoked"));
    let docs = server.with_key("GET /docs", "", b"").await;
    assert!(docs.body().contains("/test/action/{api_key}/{*rest}"));
    let all = server.with_key("GET /docs/problems", "", b"").await;
    for code in Code::ALL {
        let path = format!("/docs/problems/{}", code.word());
        assert!(all.body().contains(&path));
        let page = server.with_key(&format!("GET {path}"), "", b"").await;
        assert!(page.status() == 200 && page.body().contains("What to do"), "{path}");
    }
    assert_eq!(server.with_key("GET /docs/problems/x", "", b"").await.told(), "404 not_found");
}

#[test]
fn the_file_openapi_json_is_up_to_date() {
    expect_test::expect_file!["../../../../openapi.json"].assert_eq(&face::openapi_text());
}
