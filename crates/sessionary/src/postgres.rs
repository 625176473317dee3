//! The wire of `PostgreSQL` beside the API: where it listens, and how to connect.
use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use sessionary_server::{
    accept::{self, Drained},
    api::Queries,
    postgres::{Front, serve},
};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    exit::Exit,
    serving::{Behind, cannot_listen},
};

/// The wire, listening.
pub(crate) struct Wire {
    address: SocketAddr,
    user: String,
    serving: JoinHandle<Drained>,
}

/// Refuses to send keys over a network as they are, unless the operator says so.
pub(crate) fn may_listen(config: &Config) -> anyhow::Result<()> {
    let Some(address) = config.postgres.listen.0 else { return Ok(()) };
    if address.ip().to_canonical().is_loopback() || config.postgres.beyond_this_machine {
        return Ok(());
    }
    let message = format!(
        "{address} is beyond this machine, and keys would cross the network as they are; listen on \
         127.0.0.1 behind a tunnel or a proxy with TLS, or say `beyond_this_machine = true` in \
         [postgres]"
    );
    Err(Exit { code: 1, message }.into())
}

impl Wire {
    /// Listens, where that was asked for.
    pub(crate) fn open(
        runtime: &Runtime,
        behind: &Behind,
        queries: Queries,
        config: &Config,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<Wire>> {
        let Some(address) = config.postgres.listen.0 else { return Ok(None) };
        let listener = runtime
            .block_on(async { accept::bind(address) })
            .map_err(|error| cannot_listen(address, &error))?;
        let address = listener.local_addr().context("the port cannot be asked for")?;
        let tenants = behind.registry.tenants();
        let user =
            tenants.first().map_or_else(|| "TENANT".to_owned(), |tenant| tenant.name.clone());
        let front = Front::new(
            behind.engine.clone(),
            Arc::clone(&behind.registry),
            behind.gate.clone(),
            queries,
            config.postgres_settings(),
        );
        let serving = runtime.spawn(serve(listener, front, stop.clone()));
        tracing::info!(%address, "clients of PostgreSQL may connect");
        Ok(Some(Wire { address, user, serving }))
    }

    /// A command that connects.
    pub(crate) fn command(&self) -> String {
        let (host, port, user) = (self.address.ip(), self.address.port(), &self.user);
        format!(
            "psql 'host={host} port={port} user={user} dbname=sessionary'   # the password is a key"
        )
    }

    /// Waits for what still runs.
    pub(crate) fn finish(self, runtime: &Runtime) {
        if let Ok(Drained::Cut { connections }) = runtime.block_on(self.serving) {
            tracing::warn!(connections, "cut SQL connections that still had work");
        }
    }
}
