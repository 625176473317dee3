//! A running server: from an opened directory to answered requests, and back to a closed one.
//!
//! It listens before the journal is replayed: `/livez` answers from the start, everything else is
//! told to come again until the engine stands.
use std::{
    io::ErrorKind,
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use axum::{Router, extract::Request, response::IntoResponse};
use sessionary_dialects::enrich;
use sessionary_engine::{
    Engine, clock::ServerClock, kept, keys::KeyRing, lake::Writing, registry::Registry,
};
use sessionary_lake::sql::Desk;
use sessionary_server::{
    accept::{self, Drained},
    api,
    auth::{Clock, Gate},
    face,
    health::{Readiness, State},
    problem::Code,
    seats::Seats,
    settings::Settings,
};
use sessionary_store::Store;
use tokio::{net::TcpListener, runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    config::Config,
    delivery::{self, Pumping},
    directory,
    exit::Exit,
    lake,
    postgres::Wire,
};

/// A server that listens.
pub(crate) struct Serving {
    runtime: Runtime,
    address: SocketAddr,
    stop: CancellationToken,
    readiness: Readiness,
    accepting: JoinHandle<Drained>,
    /// The whole router, once the engine stands.
    router: Arc<OnceLock<Router>>,
    settings: Settings,
}

/// What stands behind a server that takes requests.
pub(crate) struct Behind {
    pub(crate) engine: Engine,
    pub(crate) registry: Arc<Registry>,
    pub(crate) gate: Gate,
    /// Set once requests are taken.
    pumping: Option<Pumping>,
    writing: Option<Writing>,
    /// The wire of `PostgreSQL`, where it is on.
    pub(crate) postgres: Option<Wire>,
}

impl Serving {
    /// Listens and answers `/livez`; everything else is refused until [`Serving::open`].
    pub(crate) fn listen(address: SocketAddr, config: &Config) -> anyhow::Result<Serving> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the threads of the server cannot be started")?;
        let listener = runtime
            .block_on(async { accept::bind(address) })
            .map_err(|error| cannot_listen(address, &error))?;
        let address = listener.local_addr().context("the port cannot be asked for")?;
        let settings = config.server_settings();
        let readiness = Readiness::new(State::Busy("the journal is being replayed".to_owned()));
        let router = Arc::new(OnceLock::new());
        let early = early(&readiness, &settings, Arc::clone(&router));
        let stop = CancellationToken::new();
        let accepting =
            runtime.spawn(accept_until(listener, early, settings.clone(), stop.clone()));
        Ok(Serving { runtime, address, stop, readiness, accepting, router, settings })
    }

    /// Opens the directory, replays its journal and takes requests.
    pub(crate) fn open(&self, dir: &Path, config: &Config) -> anyhow::Result<Behind> {
        let (store, registry) = directory::open(dir, config)?;
        let mut behind = self.start_engine(store, registry, config)?;
        let gate = behind.gate.clone();
        let delivery = Arc::new(delivery::settings(config, &behind.registry)?);
        if config.delivery.allow_private {
            tracing::warn!("destinations may be on private addresses");
        }
        let app = api::App::new(
            behind.engine.clone(),
            Arc::clone(&behind.registry),
            &self.settings,
            Arc::clone(&delivery),
            self.stop.clone(),
        );
        let lake = Arc::new(lake::of(config, dir)?);
        let queries = api::Queries {
            desk: Arc::new(Desk::new(config.query_budget())?),
            lake: Arc::clone(&lake),
        };
        let app = app.with_queries(queries.clone());
        self.runtime.block_on(delivery::set_up(&app, config, behind.engine.now()))?;
        let _context = self.runtime.enter();
        behind.postgres = Wire::open(&self.runtime, &behind, queries, config, &self.stop)?;
        let routes = api::table(gate, self.readiness.clone(), &self.settings);
        let _ = self.router.set(face::router(routes, app, &self.settings));
        self.readiness.set(State::Ready);
        self.tell_of_trouble(&behind.engine);
        behind.pumping = Some(Pumping::start(&self.runtime, &behind.engine, &delivery));
        behind.writing = lake::write(&behind.engine, &behind.registry, &lake, config)?;
        tell_what_is_missing();
        tracing::info!(address = %self.address, data_dir = %dir.display(), "ready");
        Ok(behind)
    }

    /// While the disk fails and is opened again, the server is not ready, and says why.
    fn tell_of_trouble(&self, engine: &Engine) {
        let (mut trouble, readiness) = (engine.watch_trouble(), self.readiness.clone());
        self.runtime.spawn(async move {
            while trouble.changed().await.is_ok() {
                let now = trouble.borrow_and_update().clone();
                if readiness.get() != State::Stopping {
                    readiness.set(now.map_or(State::Ready, State::Healing));
                }
            }
        });
    }

    fn start_engine(
        &self,
        store: Store,
        registry: Registry,
        config: &Config,
    ) -> anyhow::Result<Behind> {
        let registry = Arc::new(registry);
        let next = kept(&store)?.map_or(1, |kept| kept.next);
        let entries = store.next_position(0).saturating_sub(next);
        tracing::info!(entries, "replaying the journal beyond the last checkpoint");
        let engine = directory::start(store, &registry, config, config.rules())?;
        directory::set_clocks(&engine, &registry, config)?;
        let folded = self.runtime.block_on(engine.folded())?;
        tracing::info!(entries, timers = folded.timers, "the journal is replayed");
        let of_engine = engine.clone();
        let clock: Clock = Arc::new(move || of_engine.now());
        let gate = Gate::new(registry.keys(), clock, config.rates());
        Ok(Behind { engine, registry, gate, pumping: None, writing: None, postgres: None })
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Set when the server is to stop.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Stops at the first signal of the system and ends the process at the second.
    pub(crate) fn heed_signals(&self) -> anyhow::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let _context = self.runtime.enter();
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
        let (stop, readiness) = (self.stop.clone(), self.readiness.clone());
        self.runtime.spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if stop.is_cancelled() {
                    std::process::exit(1);
                }
                tracing::info!("stopping: what was accepted is finished first");
                readiness.set(State::Stopping);
                stop.cancel();
            }
        });
        Ok(())
    }

    /// Serves until it is stopped or the engine fails; then finishes what was accepted, writes
    /// everything and lets go of the directory.
    pub(crate) fn run(self, behind: Behind) -> anyhow::Result<()> {
        let Behind { engine, registry, gate, pumping, writing, postgres } = behind;
        let failure = self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => None,
                failure = engine.failed() => Some(failure),
            }
        });
        self.readiness.set(State::Stopping);
        self.stop.cancel();
        if let Ok(Drained::Cut { connections }) = self.runtime.block_on(self.accepting) {
            tracing::warn!(connections, "cut connections that still had work");
        }
        if let Some(wire) = postgres {
            wire.finish(&self.runtime);
        }
        if let Some(pumping) = pumping {
            pumping.finish(&self.runtime);
        }
        if let Some(writing) = writing {
            writing.finish();
        }
        engine.shutdown();
        drop((registry, gate));
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        match failure {
            None => {
                tracing::info!("stopped");
                Ok(())
            }
            Some(failure) => Err(Exit { code: failure.exit_code, message: failure.message }.into()),
        }
    }
}

async fn accept_until(
    listener: TcpListener,
    router: Router,
    settings: Settings,
    stop: CancellationToken,
) -> Drained {
    let seats = Seats::new(settings.connections_max, settings.connections_per_address_max);
    accept::serve(listener, router, settings, Arc::new(seats), stop).await
}

/// What answers until the engine stands, and hands on to `late` from then on.
fn early(readiness: &Readiness, settings: &Settings, late: Arc<OnceLock<Router>>) -> Router {
    // No key is looked at yet: these routes have none.
    let nobody = Arc::new(KeyRing::new([0; 32], []));
    let clock = ServerClock::start(None);
    let gate = Gate::new(
        nobody,
        Arc::new(move || clock.now()),
        sessionary_server::limits::Rates::default(),
    );
    let health = face::router(face::table(gate, readiness.clone(), settings), (), settings);
    Router::new().fallback(move |request: Request| {
        let router = late.get().or_else(|| is_health(&request).then_some(&health)).cloned();
        async move {
            match router {
                Some(router) => router.oneshot(request).await.into_response(),
                None => Code::NotReady
                    .because("the journal is being replayed")
                    .retry_after(1)
                    .into_response(),
            }
        }
    })
}

fn is_health(request: &Request) -> bool {
    matches!(request.uri().path(), "/livez" | "/readyz")
}

/// A program whose build went without rules works, and must not be taken for a whole one.
fn tell_what_is_missing() {
    let missing = enrich::missing();
    if !missing.is_empty() {
        tracing::warn!(
            ?missing,
            "built without rules for user agents (docs/operate/enrichment.md)"
        );
    }
}

pub(crate) fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Exit {
    let what_next = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there; choose another with --listen",
        ErrorKind::PermissionDenied => "ports below 1024 need permission; choose a higher one",
        ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "choose another with --listen",
    };
    Exit { code: 1, message: format!("cannot listen on {address}: {error}; {what_next}") }
}
