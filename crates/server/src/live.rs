//! Live streams: what happens now, as server-sent events, to any number of readers.
//!
//! A reader who cannot follow loses events and is told so (`event: lagged`); nobody slows the
//! sender. A tenant's reader sees that tenant's events only.
use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use sessionary_core::signal::TenantId;
use sessionary_engine::{LiveEvent, keys::Scope};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Caller,
    problem::Code,
    routes::{Access, Answer, Method, Route},
};

/// The row of `GET /v1/live`; its handler is [`stream`].
pub const STREAM: Route = Route {
    method: Method::Get,
    path: "/v1/live",
    tag: "read",
    summary: "What happens now, as server-sent events",
    detail: "Each event has a name and one line of JSON. `lagged` says that events were lost \
             because the reader was too slow. A comment comes every 15 seconds.",
    access: Access::Key(Scope::SessionsRead),
    answers: &[Answer {
        status: 200,
        summary: "A stream without end",
        media: "text/event-stream",
        schema: "",
    }],
    ..Route::PLAIN
};

/// Answers [`STREAM`].
pub async fn stream(State(live): State<Live>, caller: Caller) -> Response {
    live.open(caller.tenant())
}

/// Events on their way into one connection.
const IN_HAND: usize = 16;
/// A comment goes out this often, so that proxies and readers see the stream is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Begins to listen to the engine's events.
pub type Listen = Arc<dyn Fn() -> broadcast::Receiver<LiveEvent> + Send + Sync>;

/// Opens live streams.
#[derive(Clone)]
pub struct Live {
    listen: Listen,
    seats: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Live {
    /// Streams for at most `streams_max` readers at once, which end at `stop`.
    pub fn new(listen: Listen, streams_max: usize, stop: CancellationToken) -> Live {
        Live { listen, seats: Arc::new(Semaphore::new(streams_max)), stop }
    }

    /// A stream of `tenant`'s events.
    pub fn open(&self, tenant: TenantId) -> Response {
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            let problem = Code::Overloaded.because("as many live streams are open as may be");
            return problem.retry_after(30).into_response();
        };
        let (pieces, body) = mpsc::channel(IN_HAND);
        let reader = Reader { tenant, events: (self.listen)(), pieces, stop: self.stop.clone() };
        tokio::spawn(reader.run(seat));
        let mut response = Body::from_stream(ReceiverStream::new(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

struct Reader {
    tenant: TenantId,
    events: broadcast::Receiver<LiveEvent>,
    pieces: mpsc::Sender<Result<Bytes, Infallible>>,
    stop: CancellationToken,
}

impl Reader {
    /// Until the reader leaves or the server stops.
    async fn run(mut self, _seat: OwnedSemaphorePermit) {
        let mut piece = Some(Bytes::from_static(b": open\n\n"));
        let mut alive = tokio::time::interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        loop {
            if let Some(piece) = piece.take() {
                let sent = tokio::select! {
                    sent = self.pieces.send(Ok(piece)) => sent.is_ok(),
                    () = self.stop.cancelled() => false,
                };
                if !sent {
                    return;
                }
            }
            piece = tokio::select! {
                event = self.events.recv() => match event {
                    Ok(event) if event.tenant == self.tenant => Some(written(&event)),
                    Ok(_) => None,
                    Err(RecvError::Lagged(_)) => Some(lagged()),
                    Err(RecvError::Closed) => return,
                },
                _ = alive.tick() => Some(Bytes::from_static(b": alive\n\n")),
                () = self.pieces.closed() => return,
                () = self.stop.cancelled() => return,
            };
        }
    }
}

/// The events missed are of all tenants: how busy the others are is no reader's business, so the
/// number is not told.
fn lagged() -> Bytes {
    Bytes::from_static(
        b"event: lagged\ndata: {\"detail\":\"events were lost; read the list again\"}\n\n",
    )
}

/// JSON has no bare line ends, so the data is one line.
fn written(event: &LiveEvent) -> Bytes {
    let LiveEvent { name, data, .. } = event;
    format!("event: {name}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn next(body: &mut Body) -> String {
        let frame = body.frame().await.expect("a piece").expect("never fails");
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    }

    fn event(tenant: u32, number: u64) -> LiveEvent {
        let data = Arc::new(serde_json::json!({"number": number, "text": "two\nlines"}));
        LiveEvent { tenant: TenantId(tenant), name: LiveEvent::SESSION_OPENED, data }
    }

    fn live(backlog: usize, stop: &CancellationToken) -> (broadcast::Sender<LiveEvent>, Live) {
        let (events, _) = broadcast::channel(backlog);
        let listen = events.clone();
        (events, Live::new(Arc::new(move || listen.subscribe()), 1, stop.clone()))
    }

    #[tokio::test]
    async fn a_reader_sees_its_tenants_events_and_the_end() {
        let stop = CancellationToken::new();
        let (events, live) = live(8, &stop);
        let response = live.open(TenantId(1));
        assert_eq!(live.open(TenantId(1)).status(), 503, "one seat");
        let mut body = response.into_body();
        assert_eq!(next(&mut body).await, ": open\n\n");
        events.send(event(2, 1)).unwrap();
        events.send(event(1, 2)).unwrap();
        let expected = "event: session_opened\ndata: {\"number\":2,\"text\":\"two\\nlines\"}\n\n";
        assert_eq!(next(&mut body).await, expected);
        stop.cancel();
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_that_it_lost_events() {
        let (events, live) = live(8, &CancellationToken::new());
        let mut body = live.open(TenantId(1)).into_body();
        for number in 0..100 {
            events.send(event(1, number)).unwrap();
        }
        let mut all = String::new();
        while !all.contains("lagged") {
            all.push_str(&next(&mut body).await);
        }
    }
}
