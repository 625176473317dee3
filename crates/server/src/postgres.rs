//! The wire of `PostgreSQL`, for clients that speak it: queries over the tables of one tenant, and
//! nothing that changes anything.
//!
//! The user is the tenant, the password one of its keys with the scope `export`. Connections, what one
//! of them holds, and every wait are bounded; a panic ends one connection. What a query may be and take
//! is the desk's to say, as over HTTP.
mod attempts;
mod cancel;
mod extended;
mod failure;
mod message;
mod portal;
mod session;
mod socket;
mod startup;
mod stop;
mod talk;
mod variables;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pgwire::messages::PgWireBackendMessage;
use sessionary_engine::{Engine, keys::KeyRecord, registry::Registry};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    attempts::Attempts,
    cancel::Connections,
    failure::Failure,
    session::Session,
    socket::{Incoming, Outgoing},
    startup::Wish,
    stop::Stop,
};
use crate::{
    accept::{Drained, pause_after},
    api::Queries,
    auth::Gate,
    seats::Seats,
};

/// Bounds on connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections open at once. Default 64.
    pub connections_max: usize,
    /// A connection on which nothing is asked is closed after this time. Default 1 h.
    pub idle: Duration,
    /// From the first byte to a known caller. Default 30 s.
    pub startup: Duration,
    /// A client that reads nothing of its answer is dropped after this time. Default 30 s.
    pub write_stall: Duration,
    /// After a stop signal, how long queries may still take. Default 10 s.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            connections_max: 64,
            idle: Duration::from_hours(1),
            startup: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// What stands behind the wire.
pub struct Front {
    engine: Engine,
    registry: Arc<Registry>,
    gate: Gate,
    queries: Queries,
    settings: Settings,
    attempts: Attempts,
    connections: Arc<Connections>,
}

impl Front {
    /// No connection yet.
    pub fn new(
        engine: Engine,
        registry: Arc<Registry>,
        gate: Gate,
        queries: Queries,
        settings: Settings,
    ) -> Front {
        let (attempts, connections) = (Attempts::new(), Arc::default());
        Front { engine, registry, gate, queries, settings, attempts, connections }
    }

    /// The name of the tenant of a key.
    fn tenant_of(&self, key: &KeyRecord) -> Option<String> {
        let tenants = self.registry.tenants();
        tenants.into_iter().find(|tenant| tenant.number == key.tenant).map(|tenant| tenant.name)
    }
}

/// Serves until `stop`; then what runs is finished, within the drain time.
pub async fn serve(listener: TcpListener, front: Front, stop: CancellationToken) -> Drained {
    let front = Arc::new(front);
    let settings = front.settings.clone();
    let seats = Arc::new(Seats::new(settings.connections_max, settings.connections_max));
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let seat = seats.take(peer.ip());
        let (front, stop, cut) = (Arc::clone(&front), stop.clone(), cut.clone());
        connections.spawn(async move {
            let connection = async {
                match &seat {
                    Some(_) => answer(stream, peer, front, stop).await,
                    None => turn_away(stream, &front.settings).await,
                }
            };
            tokio::select! {
                () = connection => {}
                () = cut.cancelled() => {}
            }
        });
    }
    drop(listener);
    connections.close();
    if timeout(settings.drain, connections.wait()).await.is_ok() {
        return Drained::Clean;
    }
    let left = connections.len();
    cut.cancel();
    connections.wait().await;
    Drained::Cut { connections: left }
}

async fn turn_away(stream: TcpStream, settings: &Settings) {
    let (_, half) = stream.into_split();
    let says = format!(
        "{} connections are open, which is as many as may be ([postgres] connections_max)",
        settings.connections_max
    );
    let mut outgoing = Outgoing::new(half, Duration::from_secs(1));
    let message = Failure::fatal("53300", says).message();
    let _ = outgoing.feed(PgWireBackendMessage::ErrorResponse(message)).await;
    outgoing.end().await;
}

async fn answer(stream: TcpStream, peer: SocketAddr, front: Arc<Front>, stop: CancellationToken) {
    // Answers are gathered before they go out; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let (half, out) = stream.into_split();
    let mut incoming = Incoming::new(half);
    let mut outgoing = Outgoing::new(out, front.settings.write_stall);
    let wish = startup::wish(&mut incoming, &mut outgoing, &front, peer);
    let wish = tokio::select! {
        () = stop.cancelled() => Err(Failure::stopping().into()),
        wish = timeout(front.settings.startup, wish) => wish.unwrap_or(Ok(None)),
    };
    match wish {
        Ok(None) | Err(Stop::Gone) => {}
        Ok(Some(Wish::Cancel { number, secret })) => front.connections.cancel(number, secret),
        Err(Stop::Failed(failure)) => {
            let message = PgWireBackendMessage::ErrorResponse(failure.message());
            let _ = outgoing.feed(message).await;
            outgoing.end().await;
        }
        Ok(Some(Wish::Ask(caller))) => {
            let mut secret = [0; 4];
            if getrandom::fill(&mut secret).is_err() {
                return;
            }
            let known = front.connections.add(i32::from_be_bytes(secret));
            let (sender, messages) = socket::room();
            let gone = CancellationToken::new();
            let reading = tokio::spawn(incoming.hand_on(sender, gone.clone()));
            Session::new(front, *caller, outgoing, known, gone).run(messages, stop).await;
            reading.abort();
        }
    }
}
