//! A data directory opened for work: its store, its registry and its engine.
use std::path::{Path, PathBuf};

use anyhow::Context;
use sessionary_core::{
    lane::HashSecret,
    rules::{Rules, SourceClock},
    signal::TenantId,
};
use sessionary_engine::{
    Engine,
    entry::{ClockEntry, Entry},
    kept,
    registry::Registry,
};
use sessionary_store::{Store, StoreError};

use crate::{config::Config, exit::Exit, places};

/// Opens the store of a directory, which is made where it is missing, and its registry.
pub(crate) fn open(dir: &Path, config: &Config) -> anyhow::Result<(Store, Registry)> {
    let store = Store::open(dir, &config.store_options())
        .with_context(|| format!("the data directory {} cannot be opened", dir.display()))?;
    let registry = Registry::open(store.clone())?;
    Ok((store, registry))
}

/// The same for a command that a running server can be asked for instead: `how` says by which flags.
pub(crate) fn open_unserved(
    dir: &Path,
    config: &Config,
    how: &str,
) -> anyhow::Result<(Store, Registry)> {
    let opened = open(dir, config);
    let is_locked = |error: &anyhow::Error| {
        matches!(error.downcast_ref::<StoreError>(), Some(StoreError::Locked { .. }))
    };
    match opened {
        Err(error) if is_locked(&error) => Err(error.context(format!(
            "another process, most likely a server, has this data directory open; ask the server \
             instead, {how}"
        ))),
        opened => opened,
    }
}

/// Folds what the journal holds beyond the last checkpoint and starts the engine under `rules`.
pub(crate) fn start(
    store: Store,
    registry: &Registry,
    config: &Config,
    rules: Rules,
) -> anyhow::Result<Engine> {
    let secret = HashSecret(registry.secrets().identity_hash);
    let places = places::open(&config.enrich)?;
    let engine = Engine::start(store, secret, config.shard(rules));
    Ok(engine.context("the engine cannot start")?.with_places(places))
}

/// The rules that the directory was last folded by, for a command that only looks.
pub(crate) fn kept_rules(store: &Store, config: &Config) -> anyhow::Result<Rules> {
    Ok(kept(store)?.map_or_else(|| config.rules(), |kept| kept.rules))
}

/// Sets the clocks that the configuration names, where the directory has others.
pub(crate) fn set_clocks(
    engine: &Engine,
    registry: &Registry,
    config: &Config,
) -> anyhow::Result<()> {
    if config.source_clocks().next().is_none() {
        return Ok(());
    }
    let reader = engine.reader_blocking()?;
    for tenant in registry.tenants() {
        let known = reader.sources(tenant.number)?;
        for (source, clock) in config.source_clocks() {
            let known = known.iter().find(|(name, _)| **name == *source);
            if known.map_or(SourceClock::Wall, |(_, clock)| *clock) != clock {
                set_clock(engine, tenant.number, source, clock)?;
            }
        }
    }
    Ok(())
}

/// Sets the clock of one source.
pub(crate) fn set_clock(
    engine: &Engine,
    tenant: TenantId,
    source: &str,
    clock: SourceClock,
) -> anyhow::Result<()> {
    let entry = ClockEntry { tenant, source: source.into(), clock };
    Ok(engine.decide_blocking(Entry::Clock(entry))?)
}

/// Where the lake of a data directory is.
pub(crate) fn lake(dir: &Path) -> PathBuf {
    dir.join("lake")
}

/// Refuses a directory that is not there, for a command that only looks.
pub(crate) fn must_exist(dir: &Path) -> anyhow::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let message = format!("there is no data directory {}; name one with --data-dir", dir.display());
    Err(Exit { code: 73, message }.into())
}
