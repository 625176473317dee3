//! A server for one test, and a client that writes raw bytes.
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::{FromRef, State};
use bytes::Bytes;
use sessionary_core::{signal::TenantId, time::UnixMillis};
use sessionary_engine::{
    LiveEvent,
    keys::{KeyKind, KeyRecord, KeyRing, KeyText, Scope},
};
use sessionary_server::{
    accept::{self, Drained},
    auth::{Caller, Gate},
    body::{BodySize, Payload},
    face,
    health::{self, Readiness},
    limits::Rates,
    live::{self, Live},
    problem::Problem,
    routes::{Access, Method, Route, Takes},
    seats::Seats,
    settings::Settings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, broadcast},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Far longer than anything here takes; reached only when something hangs.
const FOREVER: Duration = Duration::from_secs(20);

/// Timeouts short enough for a test; the rest as by default.
pub(crate) fn impatient() -> Settings {
    Settings {
        first_byte: Duration::from_millis(200),
        headers: Duration::from_millis(200),
        body_idle: Duration::from_millis(200),
        body_total: Duration::from_millis(600),
        keep_alive: Duration::from_millis(300),
        ..Settings::default()
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seats: Arc<Seats>,
    pub(crate) readiness: Readiness,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) secret: String,
    pub(crate) publishable: String,
    pub(crate) probe: Probe,
    pub(crate) stop: CancellationToken,
    serving: JoinHandle<Drained>,
}

/// What a test sees of `/test/wait` and steers in it.
#[derive(Clone)]
pub(crate) struct Probe {
    pub(crate) waiting: Arc<AtomicUsize>,
    pub(crate) go: Arc<Semaphore>,
    pub(crate) events: broadcast::Sender<LiveEvent>,
    live: Live,
}

impl FromRef<Probe> for Live {
    fn from_ref(probe: &Probe) -> Live {
        probe.live.clone()
    }
}

const ECHO: Route = Route {
    method: Method::Post,
    path: "/test/echo",
    access: Access::Key(Scope::SignalsWrite),
    takes: Some(Takes { size: BodySize::Batch, media: &["text/plain"], schema: "" }),
    ..Route::PLAIN
};
const ONE: Route = Route {
    path: "/test/one",
    takes: Some(Takes { size: BodySize::Single, media: &["text/plain"], schema: "" }),
    ..ECHO
};
const READ: Route =
    Route { path: "/test/read", access: Access::Key(Scope::SessionsRead), ..Route::PLAIN };
const BY_PATH: Route = Route {
    method: Method::Post,
    path: "/test/action/{api_key}/{*rest}",
    access: Access::KeyInPath("api_key", Scope::DispositionsWrite),
    ..Route::PLAIN
};
const LARGE: Route = Route { path: "/test/large", ..READ };
const WAIT: Route = Route { path: "/test/wait", ..READ };
const PANIC: Route = Route { path: "/test/panic", ..READ };

impl Server {
    pub(crate) async fn start(settings: Settings) -> Server {
        Server::start_with(settings, Rates::default()).await
    }

    #[expect(clippy::unused_async, reason = "it spawns, and so needs a runtime")]
    pub(crate) async fn start_with(settings: Settings, rates: Rates) -> Server {
        let ring = Arc::new(KeyRing::new([1; 32], []));
        let secret = add_key(&ring, KeyKind::Secret, &[]);
        let publishable = add_key(&ring, KeyKind::Publishable, &["https://shop.example"]);
        let gate = Gate::new(Arc::clone(&ring), Arc::new(|| UnixMillis(0)), rates);
        let stop = CancellationToken::new();
        let (events, _) = broadcast::channel(8);
        let listen = events.clone();
        let listen: live::Listen = Arc::new(move || listen.subscribe());
        let probe = Probe {
            waiting: Arc::default(),
            go: Arc::new(Semaphore::new(0)),
            live: Live::new(listen, settings.live_streams_max, stop.clone()),
            events,
        };
        let readiness = Readiness::new(health::State::Ready);
        let routes = face::table(gate, readiness.clone(), &settings)
            .at(&live::STREAM, live::stream)
            .at(&ECHO, echo)
            .at(&ONE, async |payload: Payload| payload.bytes)
            .at(&READ, async |caller: Caller| format!("tenant {}", caller.tenant().0))
            .at(&BY_PATH, async |caller: Caller| format!("key {}", caller.key.number))
            .at(&LARGE, async || vec![b'x'; 64 << 20])
            .at(&WAIT, wait)
            .at(&PANIC, panics);
        let service = face::router(routes, probe.clone(), &settings);
        let listener = accept::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let seats =
            Arc::new(Seats::new(settings.connections_max, settings.connections_per_address_max));
        let serving = accept::serve(listener, service, settings, Arc::clone(&seats), stop.clone());
        let serving = tokio::spawn(serving);
        Server { address, seats, readiness, ring, secret, publishable, probe, stop, serving }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// One request on its own connection; the request says `Connection: close` or breaks it.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut client = self.connect().await;
        client.send(request).await;
        client.rest().await
    }

    /// `method path` with these header lines and the secret key.
    pub(crate) async fn with_key(&self, line: &str, headers: &str, body: &[u8]) -> Reply {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             {headers}\r\n",
            self.secret
        );
        self.ask([head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn stopped(self) -> Drained {
        tokio::time::timeout(FOREVER, self.serving).await.expect("it stops").unwrap()
    }
}

async fn wait(State(probe): State<Probe>) -> &'static str {
    probe.waiting.fetch_add(1, Ordering::SeqCst);
    probe.go.acquire().await.unwrap().forget();
    "went on\n"
}

/// Charges a signal a byte.
async fn echo(caller: Caller, payload: Payload) -> Result<Bytes, Problem> {
    caller.charge(payload.bytes.len())?;
    Ok(payload.bytes)
}

async fn panics() -> &'static str {
    panic!("a planted panic")
}

fn add_key(ring: &KeyRing, kind: KeyKind, origins: &[&str]) -> String {
    let text = KeyText::generate(kind);
    ring.put(KeyRecord {
        origins: origins.iter().map(|&origin| origin.into()).collect(),
        ..ring.record(&text, TenantId(1), "shop")
    });
    text.reveal().into()
}

pub(crate) struct Client(TcpStream);

impl Client {
    /// Sends what the server still takes; it may have answered and closed already.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> Reply {
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(FOREVER, self.0.read_to_end(&mut bytes)).await;
        let _ = ended.expect("the server closes");
        Reply(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// One answer with a Content-Length; the connection stays open.
    pub(crate) async fn one(&mut self) -> Reply {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let reply = Reply(text);
            if let Some((head, body)) = reply.0.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() == length.unwrap_or("0").parse::<usize>().unwrap() {
                    return reply;
                }
            }
            let byte = tokio::time::timeout(FOREVER, self.0.read_u8()).await.expect("an answer");
            bytes.push(byte.expect("the server answers before it closes"));
        }
    }
}

/// The bytes of one or more answers.
#[derive(Debug)]
pub(crate) struct Reply(pub(crate) String);

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next()?;
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// `status code` of a problem document, `status` of anything else.
    pub(crate) fn told(&self) -> String {
        let status = self.status();
        if self.header("content-type") != Some("application/problem+json") {
            return status.to_string();
        }
        let problem: serde_json::Value = serde_json::from_str(self.body()).expect("JSON");
        let member = |name: &str| problem.get(name).expect("a member").clone();
        assert_eq!(member("status"), status);
        let code = member("code");
        let code = code.as_str().unwrap();
        assert_eq!(member("type"), format!("/docs/problems/{code}"));
        format!("{status} {code}")
    }
}
