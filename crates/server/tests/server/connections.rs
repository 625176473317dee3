//! Silent, dripping, many and interrupted clients.
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sessionary_core::signal::TenantId;
use sessionary_engine::LiveEvent;
use sessionary_server::{accept::Drained, settings::Settings};

use crate::client::{Client, Server, impatient};

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n";

#[tokio::test]
async fn a_client_that_sends_nothing_is_dropped() {
    let server = Server::start(impatient()).await;
    let mut client = server.connect().await;
    assert_eq!(client.rest().await.0, "");
}

#[tokio::test]
async fn a_client_that_drips_headers_is_dropped() {
    let server = Server::start(impatient()).await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\n").await;
    for _ in 0..40 {
        client.send("X-Drip: 1\r\n").await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    // A second has passed, five times the bound: the connection is gone, whatever still drips.
    assert_eq!(client.rest().await.0, "");
    assert_eq!(server.seats.taken(), 0);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_after_a_while() {
    let server = Server::start(impatient()).await;
    let mut client = server.connect().await;
    client.send(LIVEZ).await;
    assert_eq!(client.one().await.status(), 200);
    client.send(LIVEZ).await;
    assert_eq!(client.one().await.status(), 200);
    assert_eq!(client.rest().await.0, "");
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_in_order() {
    let server = Server::start(impatient()).await;
    let mut client = server.connect().await;
    client.send(LIVEZ.repeat(3)).await;
    assert_eq!(client.rest().await.0.matches("200 OK").count(), 3);
}

#[tokio::test]
async fn one_address_does_not_take_all_seats() {
    let settings = Settings { connections_per_address_max: 2, ..impatient() };
    let settings = Settings { first_byte: Duration::from_secs(10), ..settings };
    let server = Server::start(settings).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.send(LIVEZ).await;
    second.send(LIVEZ).await;
    assert_eq!((first.one().await.status(), second.one().await.status()), (200, 200));
    assert_eq!(server.ask(LIVEZ).await.0, "");
    assert_eq!(server.seats.turned_away(), 1);
    drop(first);
    while server.seats.taken() > 1 {
        tokio::task::yield_now().await;
    }
    let mut third = server.connect().await;
    third.send(LIVEZ).await;
    assert_eq!(third.one().await.status(), 200);
}

/// A client whose request is in flight until the probe lets it go on.
async fn waiting(server: &Server) -> Client {
    let mut client = server.connect().await;
    let secret = &server.secret;
    client
        .send(format!(
            "GET /test/wait HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {secret}\r\n\r\n"
        ))
        .await;
    while server.probe.waiting.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    client
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let server = Server::start(Settings::default()).await;
    let mut idle = server.connect().await;
    idle.send(LIVEZ).await;
    idle.one().await;
    let mut silent = server.connect().await;
    let mut busy = waiting(&server).await;
    server.stop.cancel();
    assert_eq!((idle.rest().await.0, silent.rest().await.0), (String::new(), String::new()));
    server.probe.go.add_permits(1);
    let answer = busy.rest().await;
    assert_eq!((answer.status(), answer.body()), (200, "went on\n"));
    assert_eq!(server.stopped().await, Drained::Clean);
}

#[tokio::test]
async fn a_drain_ends_also_when_a_request_does_not() {
    let settings = Settings { drain: Duration::from_millis(200), ..Settings::default() };
    let server = Server::start(settings).await;
    let mut busy = waiting(&server).await;
    server.stop.cancel();
    assert_eq!(busy.rest().await.0, "");
    assert_eq!(server.stopped().await, Drained::Cut { connections: 1 });
}

#[tokio::test]
async fn a_drain_ends_live_streams() {
    let server = Server::start(Settings::default()).await;
    let mut reader = server.connect().await;
    let secret = &server.secret;
    reader
        .send(format!("GET /v1/live HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {secret}\r\n\r\n"))
        .await;
    while server.probe.events.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    let tenant = TenantId(1);
    let data = Arc::default();
    let event = LiveEvent { tenant, name: LiveEvent::SESSION_ENDED, data };
    server.probe.events.send(event).unwrap();
    server.stop.cancel();
    let stream = reader.rest().await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(server.stopped().await, Drained::Clean);
}

#[tokio::test]
async fn more_requests_than_seats_are_told_to_come_back() {
    let server = Server::start(Settings { requests_max: 1, ..Settings::default() }).await;
    let _in_flight = waiting(&server).await;
    let refused = server.with_key("GET /test/read", "", b"").await;
    assert_eq!(
        (refused.told().as_str(), refused.header("retry-after")),
        ("503 overloaded", Some("1"))
    );
    let livez = server.ask("GET /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").await;
    assert_eq!(livez.status(), 200, "health is answered under load");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_dropped() {
    let settings = Settings { write_stall: Duration::from_millis(200), ..Settings::default() };
    let server = Server::start(settings).await;
    let mut client = server.connect().await;
    let secret = &server.secret;
    client
        .send(format!(
            "GET /test/large HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {secret}\r\n\r\n"
        ))
        .await;
    while server.seats.taken() == 0 {
        tokio::task::yield_now().await;
    }
    while server.seats.taken() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(client.rest().await.0.len() < 64 << 20);
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_understood() {
    let server = Server::start(impatient()).await;
    let mut client = server.connect().await;
    let settings_frame = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    client.send([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings_frame].concat()).await;
    let frames = client.rest().await.0;
    // The server's own settings frame comes first: type 4 on stream 0.
    assert_eq!(frames.as_bytes().get(3), Some(&4));
}
