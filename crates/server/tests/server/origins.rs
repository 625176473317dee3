//! Pages on other origins: what browsers ask and take.
use sessionary_server::settings::Settings;

use crate::client::{Reply, Server};

async fn preflight(server: &Server, path: &str, extra: &str) -> Reply {
    let request = format!(
        "OPTIONS {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nOrigin: https://shop.example\r\n\
         Access-Control-Request-Method: POST\r\n{extra}\r\n"
    );
    server.ask(request).await
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_key() {
    let server = Server::start(Settings::default()).await;
    let asked = "Access-Control-Request-Headers: authorization,x-retry-count\r\n\
                 Access-Control-Request-Private-Network: true\r\n";
    let reply = preflight(&server, "/test/echo", asked).await;
    assert_eq!(reply.status(), 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://shop.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "authorization,x-retry-count"),
        ("access-control-allow-methods", "GET, POST, OPTIONS"),
        ("access-control-max-age", "7200"),
        ("access-control-allow-private-network", "true"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert!(reply.header("vary").unwrap().starts_with("Origin"));
    let plain = preflight(&server, "/test/echo", "").await;
    let usual = plain.header("access-control-allow-headers").unwrap();
    assert!(["authorization", "content-type", "x-retry-count"].iter().all(|h| usual.contains(h)));
    assert_eq!(plain.header("access-control-allow-private-network"), None);
}

#[tokio::test]
async fn routes_that_are_not_for_pages_answer_no_preflight() {
    let server = Server::start(Settings::default()).await;
    let reply = preflight(&server, "/test/read", "").await;
    assert_eq!(reply.told(), "405 method_not_allowed");
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

async fn post(server: &Server, key: &str, origin: &str) -> Reply {
    let request = format!(
        "POST /test/echo?write_key={key} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{origin}\
         Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    server.ask(request).await
}

#[tokio::test]
async fn the_origin_is_echoed_when_the_key_allows_it() {
    let server = Server::start(Settings::default()).await;
    let key = &server.publishable;
    let reply = post(&server, key, "Origin: https://shop.example\r\n").await;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(reply.header("vary"), Some("Origin"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));

    let reply = post(&server, key, "Origin: https://evil.example\r\n").await;
    assert_eq!(reply.told(), "403 origin_not_allowed");
    assert_eq!(reply.header("access-control-allow-origin"), None);

    let reply = post(&server, key, "").await;
    assert_eq!((reply.status(), reply.header("access-control-allow-origin")), (200, None));

    // A page may read why its key was refused.
    let reply = post(&server, "mistyped", "Origin: https://evil.example\r\n").await;
    assert_eq!(reply.told(), "401 key_malformed");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://evil.example"));
}
