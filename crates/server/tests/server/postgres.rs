//! The wire of `PostgreSQL` as its clients see it.
use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use sessionary_engine::{
    keys::{KeyKind, Scope},
    lake::Lake,
    registry::NewKey,
};
use sessionary_lake::sql::{Budget, Desk};
use sessionary_server::{
    accept::{self, Drained},
    api::Queries,
    auth::Gate,
    limits::Rates,
    postgres::{Front, Settings, serve},
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

use crate::world::World;

mod connecting;
mod hostile;
mod refusing;
mod talking;
mod telling;
mod walls;

/// Longer than any test.
const ENDLESS: &str = "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a \
                       CROSS JOIN generate_series(1, 1000000) b";

/// The wire beside a world.
struct Wire {
    port: u16,
    gate: Gate,
    stop: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Wire {
    fn beside(world: &World) -> Wire {
        Wire::with(world, Budget { concurrent: 4, ..Budget::default() }, Settings::default())
    }

    fn with(world: &World, budget: Budget, settings: Settings) -> Wire {
        let clock = world.engine.clone();
        let clock = Arc::new(move || clock.now());
        let gate = Gate::new(world.registry.keys(), clock, Rates::default());
        let desk = Arc::new(Desk::new(budget).unwrap());
        let queries = Queries { desk, lake: Arc::new(Lake::new(Path::new("no-lake"))) };
        let (engine, registry) = (world.engine.clone(), Arc::clone(&world.registry));
        let front = Front::new(engine, registry, gate.clone(), queries, settings);
        let listener = accept::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, front, stop.clone()));
        Wire { port, gate, stop, serving }
    }

    fn config(&self, user: &str, key: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(user).password(key).dbname("sessionary");
        config
    }

    async fn try_connect(&self, user: &str, key: &str) -> Result<Client, Error> {
        let (client, connection) = self.config(user, key).connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn connect(&self, world: &World) -> Client {
        self.try_connect("default", &world.secret).await.unwrap()
    }
}

/// The code that an error came with.
fn code(error: &Error) -> String {
    error.code().map_or_else(|| format!("{error:?}"), |code| code.code().to_owned())
}

/// The code of a text that must not be answered, the simple way.
async fn refused(client: &Client, text: &str) -> String {
    match client.simple_query(text).await {
        Ok(_) => format!("{text} is answered"),
        Err(error) => code(&error),
    }
}

/// The rows of a text, each a list of texts.
async fn rows(client: &Client, text: &str) -> Vec<Vec<Option<String>>> {
    let messages =
        client.simple_query(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let row = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
        }
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

/// The first cell of the first row.
async fn cell(client: &Client, text: &str) -> String {
    let rows = rows(client, text).await;
    rows[0][0].clone().unwrap_or_else(|| "nothing".to_owned())
}

/// Signals of every kind that makes rows somewhere.
fn signals() -> Value {
    json!([
        {
            "id": "v1", "type": "page_viewed", "channel": "web", "occurred_at": "2026-01-05T10:00:00.123Z",
            "identities": [{ "type": "cookie", "value": "c1" }],
            "page": { "url": "https://example.com/?utm_source=newsletter&utm_medium=email" },
        },
        {
            "id": "v2", "type": "order_completed", "channel": "web",
            "occurred_at": "2026-01-05T10:01:00Z", "identities": [{ "type": "cookie", "value": "c1" }],
            "commerce": { "order_id": "O1", "total": "24.60", "currency": "EUR" },
        },
    ])
}

async fn world() -> World {
    let world = World::start().await;
    world.signals(signals()).await;
    world
}

fn key_of(world: &World, tenant: &str, scopes: &[Scope]) -> String {
    world.key(NewKey { scopes: scopes.to_vec(), ..NewKey::new(KeyKind::Secret, tenant) })
}

const SECOND: Duration = Duration::from_secs(1);
