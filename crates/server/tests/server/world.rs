//! A whole server over a data directory of its own, and a client in a word.
use std::sync::Arc;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use sessionary_core::{
    lane::HashSecret,
    parcel::RetryRule,
    rules::Rules,
    time::{Millis, UnixMillis},
};
use sessionary_deliver::Guard;
use sessionary_engine::{
    Engine, ShardConfig,
    keys::KeyKind,
    lake::Lake,
    pump::{self, PumpSettings},
    registry::{NewKey, Registry},
    sealing::Sealer,
};
use sessionary_lake::sql::{Budget, Desk};
use sessionary_server::{
    accept,
    api::{self, App, Queries},
    auth::Gate,
    face,
    health::{Readiness, State},
    limits::Rates,
    routes::Route,
    seats::Seats,
    settings::Settings,
};
use sessionary_store::{Options, Store};
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) secret: String,
    pub(crate) publishable: String,
    pub(crate) registry: Arc<Registry>,
    pub(crate) client: Client,
    pub(crate) engine: Engine,
    pub(crate) rows: Vec<&'static Route>,
    pub(crate) readiness: Readiness,
    settings: Settings,
    stop: CancellationToken,
    dir: Option<tempfile::TempDir>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

/// Delivery to this machine, with tries that follow each other quickly.
fn delivery(registry: &Registry) -> Arc<PumpSettings> {
    Arc::new(PumpSettings {
        guard: Guard::new(true),
        sealer: Sealer::new(&registry.secrets().sealing),
        retry: RetryRule { first: Millis(50), attempts: 4 },
        under_way_max: 4,
        per_second: 0,
    })
}

/// Serves on a port of its own until it is stopped.
fn serve(
    engine: &Engine,
    registry: &Arc<Registry>,
    settings: &Settings,
    rates: Rates,
    readiness: &Readiness,
    stop: &CancellationToken,
) -> (String, Vec<&'static Route>) {
    let clock = engine.clone();
    let clock = Arc::new(move || clock.now());
    let gate = Gate::new(registry.keys(), clock, rates);
    let delivery = delivery(registry);
    let app = App::new(engine.clone(), registry.clone(), settings, delivery.clone(), stop.clone());
    // No lake, and one seat, so that a test can have it.
    let desk = Desk::new(Budget { concurrent: 1, ..Budget::default() }).unwrap();
    let app = app.with_queries(Queries {
        desk: Arc::new(desk),
        lake: Arc::new(Lake::new(std::path::Path::new("no-lake"))),
    });
    let (pump_stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(pump::run(engine.clone(), delivery, stopped));
    let until = stop.clone();
    tokio::spawn(async move {
        until.cancelled().await;
        pump_stop.send_replace(true);
    });
    let table = api::table(gate, readiness.clone(), settings);
    let rows = table.rows().to_vec();
    let router = face::router(table, app, settings);
    let listener = accept::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seats = Arc::new(Seats::new(1_000, 1_000));
    tokio::spawn(accept::serve(listener, router, settings.clone(), seats, stop.clone()));
    (base, rows)
}

impl World {
    pub(crate) async fn start() -> World {
        World::with_rules(Rules::default()).await
    }

    /// A world whose sessions end and settle while a test waits.
    pub(crate) async fn quick() -> World {
        let mut rules = Rules::default();
        rules.boundary.web_gap_ms = Millis(50);
        rules.boundary.voice_deadman_ms = Millis(50);
        rules.boundary.other_gap_ms = Millis(50);
        rules.lifecycle.settle_ms = Millis(50);
        World::with_rules(rules).await
    }

    pub(crate) async fn with_rules(rules: Rules) -> World {
        World::with(rules, Settings::default()).await
    }

    pub(crate) async fn with(rules: Rules, settings: Settings) -> World {
        World::within(rules, settings, Rates::default()).await
    }

    /// A world whose keys may send so much.
    #[expect(clippy::unused_async, reason = "it spawns, and so needs a runtime")]
    pub(crate) async fn within(rules: Rules, settings: Settings, rates: Rates) -> World {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            cache_bytes: 16 << 20,
            max_journaling_bytes: 64 << 20,
            min_free_bytes: Some(0),
        };
        let store = Store::open(dir.path(), &options).unwrap();
        let registry = Arc::new(Registry::open(store.clone()).unwrap());
        let secret = HashSecret(registry.secrets().identity_hash);
        let config = ShardConfig {
            rules,
            hot_bytes: 64 << 20,
            checkpoint_bytes: 64 << 20,
            checkpoint_signals: 200_000,
            checkpoint_lanes: 40_000,
            rewrite_after_ms: Millis::from_hours(12).0,
            rewrite_beyond_bytes: 256 << 20,
            lake: true,
        };
        let engine = Engine::start(store, secret, config).unwrap();
        let stop = CancellationToken::new();
        let readiness = Readiness::new(State::Ready);
        let (base, rows) = serve(&engine, &registry, &settings, rates, &readiness, &stop);
        let mut world = World {
            base,
            secret: String::new(),
            publishable: String::new(),
            registry,
            client: Client::new(),
            engine,
            rows,
            readiness,
            settings,
            stop,
            dir: Some(dir),
        };
        world.secret = world.key(NewKey::new(KeyKind::Secret, "default"));
        world.publishable = world.key(NewKey::new(KeyKind::Publishable, "default"));
        world
    }

    /// Another server over the same data, which remembers nothing of what it did in memory.
    #[expect(clippy::unused_async, reason = "it spawns, and so needs a runtime")]
    pub(crate) async fn again(&self) -> World {
        let stop = self.stop.child_token();
        let (settings, readiness) = (&self.settings, &self.readiness);
        let (base, rows) =
            serve(&self.engine, &self.registry, settings, Rates::default(), readiness, &stop);
        World {
            base,
            rows,
            secret: self.secret.clone(),
            publishable: self.publishable.clone(),
            registry: self.registry.clone(),
            client: Client::new(),
            engine: self.engine.clone(),
            readiness: self.readiness.clone(),
            settings: self.settings.clone(),
            stop,
            dir: None,
        }
    }

    pub(crate) fn key(&self, new: NewKey) -> String {
        let (text, _) = self.registry.issue(new, UnixMillis(0)).unwrap();
        text.reveal().to_owned()
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).body(body.into());
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, body, headers }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.ask(Method::GET, path, &self.secret, &[], "").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        self.ask(Method::POST, path, &self.secret, &[], body).await
    }

    /// Posts signals and gives the session of the first.
    pub(crate) async fn signals(&self, body: Value) -> String {
        let reply = self.post("/v1/signals", body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.body["quarantined"], 0, "{}", reply.body);
        reply.body["results"][0]["session_id"].as_str().unwrap().to_owned()
    }

    /// The session once it has a status.
    pub(crate) async fn once(&self, session: &str, status: &str) -> Value {
        for _ in 0..400 {
            let found = self.get(&format!("/v1/sessions/{session}")).await;
            if found["status"] == status {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("session {session} never became {status}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        if self.dir.is_some() {
            self.engine.shutdown();
        }
    }
}
