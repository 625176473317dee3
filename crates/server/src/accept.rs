//! The accept loop: from a listening socket to answered requests, every wait and every count bounded.
//!
//! Promises: a silent or dripping client is dropped in time; nobody takes all the seats; after a
//! stop signal what was accepted is finished, within the drain time.
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use hyper::{
    Request, Version,
    body::{Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{
    progress::{InFlight, Progress},
    seats::{Seat, Seats},
    settings::Settings,
    timed_body::TimedBody,
    timed_stream::TimedStream,
};

/// Who is at the other end of the connection; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every accepted request was answered.
    Clean,
    /// Some connections still had work when the drain time was over, and were cut.
    Cut {
        /// How many.
        connections: usize,
    },
}

/// A listening socket that may take over an address in `TIME_WAIT`.
///
/// # Errors
/// The address is in use, not ours, or not permitted.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Serves `router` on `listener` until `stop`, then drains.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Settings,
    seats: Arc<Seats>,
    stop: CancellationToken,
) -> Drained {
    let settings = Arc::new(settings);
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Some(seat) = seats.take(address.ip()) else { continue };
        let connection = Arc::new(Connection {
            peer: Peer(address),
            router: router.clone(),
            settings: Arc::clone(&settings),
            stop: stop.clone(),
            _seat: seat,
        });
        let cut = cut.clone();
        connections.spawn(async move {
            tokio::select! {
                () = connection.run(stream) => {}
                () = cut.cancelled() => {}
            }
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(settings.drain, connections.wait()).await.is_ok() {
        return Drained::Clean;
    }
    let left = connections.len();
    cut.cancel();
    connections.wait().await;
    Drained::Cut { connections: left }
}

/// A refused `accept` is the client's doing and passes, or the process has no descriptor left: then
/// trying again at once would only burn the processor.
pub(crate) async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections; raise the limit of open files");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

struct Connection {
    peer: Peer,
    router: Router,
    settings: Arc<Settings>,
    stop: CancellationToken,
    _seat: Seat,
}

impl Connection {
    async fn run(self: Arc<Self>, stream: TcpStream) {
        // Answers are small and complete; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let progress = Arc::new(Progress::default());
        let settings = &self.settings;
        let stream = TimedStream::new(stream, Arc::clone(&progress), Arc::clone(settings));
        let service =
            service_fn(|request| Arc::clone(&self).answer(Arc::clone(&progress), request));
        let builder = protocol(settings);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer(
        self: Arc<Self>,
        progress: Arc<Progress>,
        request: Request<Incoming>,
    ) -> Result<Response<Answer>, Infallible> {
        let in_flight = progress.begin();
        if request.version() == Version::HTTP_2 {
            progress.note_http2();
        }
        let settings = Arc::clone(&self.settings);
        let mut request = request.map(|body| Body::new(TimedBody::new(body, progress, settings)));
        request.extensions_mut().insert(self.peer);
        let response = self.router.clone().oneshot(request).await?;
        Ok(response.map(|body| Answer { body, _in_flight: in_flight }))
    }
}

/// A request line and headers that are too large by up to this much still get a problem document.
const HEAD_SLACK: usize = 8 * 1024;

fn protocol(settings: &Settings) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The stream has the real bounds. With one of its own, hyper looks at the stream again when
        // a request ends, and so sets that bound's clock.
        .header_read_timeout(settings.keep_alive + settings.headers + settings.headers)
        .max_buf_size(settings.header_bytes_max + settings.url_bytes_max + HEAD_SLACK);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(settings.header_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(100)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

/// An answer's body; its request is in flight until it is dropped.
struct Answer {
    body: Body,
    _in_flight: InFlight,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
