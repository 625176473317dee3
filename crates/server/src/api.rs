//! The routes that need the engine, one file per resource, and the state that their handlers share.
use std::sync::Arc;

use axum::extract::FromRef;
use sessionary_dialects::Limits;
use sessionary_engine::{Engine, pump::PumpSettings, registry::Registry};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Gate,
    health::Readiness,
    live::{self, Live},
    routes::Routes,
    settings::Settings,
};

mod answers;
mod ccai;
mod destinations;
mod dispositions;
mod explain;
mod failures;
mod genesys;
mod idempotency;
mod key_routes;
mod paging;
mod parcels;
mod people;
mod query;
mod quarantine;
mod reports;
mod reviews;
mod schemas;
mod segment;
mod sessions;
mod signals;
mod single;
mod sources;
mod status;
mod tropo;

pub use destinations::put as put_destination;
pub use query::Queries;

/// What handlers share.
#[derive(Clone)]
pub struct App {
    /// The engine.
    pub engine: Engine,
    /// Tenants, keys and secrets.
    pub registry: Arc<Registry>,
    /// The live streams.
    pub live: Live,
    /// What a body of signals may hold.
    pub limits: Limits,
    /// How finished sessions are delivered.
    pub delivery: Arc<PumpSettings>,
    /// Where queries are answered; none: they are not.
    pub queries: Option<Queries>,
    /// Reports that are worked on at once.
    reports: Arc<Semaphore>,
}

/// A report keeps a thread busy; more of them would keep signals waiting.
const REPORTS_MAX: usize = 2;

impl FromRef<App> for Live {
    fn from_ref(app: &App) -> Live {
        app.live.clone()
    }
}

impl App {
    /// The state over an engine.
    pub fn new(
        engine: Engine,
        registry: Arc<Registry>,
        settings: &Settings,
        delivery: Arc<PumpSettings>,
        stop: CancellationToken,
    ) -> App {
        let events = engine.live().clone();
        let live = Live::new(Arc::new(move || events.listen()), settings.live_streams_max, stop);
        let reports = Arc::new(Semaphore::new(REPORTS_MAX));
        App { engine, registry, live, limits: settings.items, delivery, queries: None, reports }
    }

    /// The same, answering queries.
    #[must_use]
    pub fn with_queries(self, queries: Queries) -> App {
        App { queries: Some(queries), ..self }
    }
}

/// The whole table of routes.
pub fn table(gate: Gate, readiness: Readiness, settings: &Settings) -> Routes<App> {
    let tropo = tropo::Tropo::new(gate.clone(), settings);
    let routes = crate::face::table(gate, readiness, settings);
    let routes = schemas::name(routes).at(&live::STREAM, live::stream);
    let routes = signals::add(routes);
    let routes = sessions::add(routes);
    let routes = explain::add(routes);
    let routes = dispositions::add(routes);
    let routes = segment::add(routes);
    let routes = ccai::add(routes);
    let routes = sources::add(routes);
    let routes = reviews::add(routes);
    let routes = people::add(routes);
    let routes = query::add(routes);
    let routes = key_routes::add(routes);
    let routes = quarantine::add(routes);
    let routes = reports::add(routes);
    let routes = destinations::add(routes);
    let routes = parcels::add(routes);
    let routes = genesys::add(routes);
    let routes = tropo::add(routes, &tropo);
    status::add(routes)
}
