//! `sessionary serve`: the server over a data directory, until it is told to stop.
use crate::{arguments::Serve, config, logging, postgres, serving::Serving};

/// Serves.
#[expect(clippy::print_stdout, reason = "whoever asked for port 0 reads the address there")]
pub(crate) fn run(arguments: &Serve) -> anyhow::Result<()> {
    logging::start("info");
    let mut config = config::load(arguments.config.as_deref())?;
    config.delivery.allow_private |= arguments.allow_private_destinations;
    config.postgres.listen.0 = arguments.postgres.or(config.postgres.listen.0);
    postgres::may_listen(&config)?;
    let address = arguments.listen.unwrap_or(config.server.listen);
    let serving = Serving::listen(address, &config)?;
    serving.heed_signals()?;
    tracing::info!(address = %serving.address(), "listening");
    println!("listening on http://{}", serving.address());
    let behind = serving.open(&arguments.data_dir.data_dir, &config)?;
    behind.postgres.iter().for_each(|wire| println!("{}", wire.command()));
    serving.run(behind)
}
