//! What stands in the log, and what must not.
use std::{
    io,
    sync::{Arc, Mutex},
};

use sessionary_server::settings::Settings;
use tracing_subscriber::fmt::MakeWriter;

use crate::client::Server;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

/// Every test of this program logs into these lines; what is planted here is of this test alone.
#[tokio::test]
async fn a_line_names_route_and_key_number_and_no_secret_or_person() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(lines.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = Server::start(Settings::default()).await;
    let (secret, publishable) = (server.secret.clone(), server.publishable.clone());
    let email = "canary@person.example";
    let ours = format!("POST /test/action/{secret}/{email}?TSC={email}");
    server.with_key(&ours, "X-Request-Id: log-line-1\r\n", b"").await;
    server.with_key(&format!("GET /nothing/{email}?write_key={publishable}"), "", b"").await;
    let body = format!("Content-Length: {}\r\n", email.len());
    server.with_key("POST /test/echo", &body, email.as_bytes()).await;
    server.with_key("GET /test/panic", "", b"").await;

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let own: String = log.lines().filter(|line| line.contains("sessionary")).collect();
    for planted in [secret.as_str(), publishable.as_str(), email] {
        assert!(!own.contains(planted), "{planted} in {own}");
    }
    let line =
        log.lines().find(|line| line.contains("log-line-1")).expect("a line for the request");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let fields = &line["fields"];
    assert_eq!(fields["route"], "/test/action/{api_key}/{*rest}");
    assert_eq!((&fields["status"], &fields["key"]), (&200.into(), &1.into()));
    assert!(fields["ms"].is_u64() && fields["bytes"].is_u64());
    assert!(log.lines().any(|line| line.contains("method") && line.contains("\"none\"")));
    assert!(log.contains("a handler panicked"));
}
