//! The routes that need the engine, one file per resource, and the state that their handlers share.
use std::sync::Arc;

use sessionary_engine::{Engine, registry::Registry};
use tokio_util::sync::CancellationToken;

use crate::{auth::Gate, health::Readiness, live::Live, routes::Routes, settings::Settings};

mod answers;
mod dispositions;
mod explain;
mod failures;
mod idempotency;
mod key_routes;
mod paging;
mod people;
mod quarantine;
mod reviews;
mod schemas;
mod sessions;
mod signals;
mod sources;
mod status;

/// What handlers share.
#[derive(Clone)]
pub struct App {
    /// The engine.
    pub engine: Engine,
    /// Tenants, keys and secrets.
    pub registry: Arc<Registry>,
    /// The live streams.
    pub live: Live,
}

/// Everything that listens and ends with the server.
pub struct Parts {
    /// Who may come in.
    pub gate: Gate,
    /// Whether requests are taken.
    pub readiness: Readiness,
    /// Set when the server stops.
    pub stop: CancellationToken,
}

impl App {
    /// The state over an engine.
    pub fn new(
        engine: Engine,
        registry: Arc<Registry>,
        settings: &Settings,
        stop: CancellationToken,
    ) -> App {
        let live = Live::new(settings.live_streams_max, stop, engine.live().clone());
        App { engine, registry, live }
    }
}

/// The whole table of routes.
pub fn table(gate: Gate, readiness: Readiness, settings: &Settings) -> Routes<App> {
    let routes = crate::face::table(gate, readiness, settings);
    let routes = schemas::name(routes);
    let routes = signals::add(routes);
    let routes = sessions::add(routes);
    let routes = explain::add(routes);
    let routes = dispositions::add(routes);
    let routes = sources::add(routes);
    let routes = reviews::add(routes);
    let routes = people::add(routes);
    let routes = key_routes::add(routes);
    let routes = quarantine::add(routes);
    status::add(routes)
}
