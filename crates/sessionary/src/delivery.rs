//! Delivery, as the configuration has it: how parcels are carried, and the destinations of its file.
use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use base64::Engine as _;
use serde_json::Value;
use sessionary_core::{
    parcel::RetryRule,
    time::{Millis, UnixMillis},
};
use sessionary_deliver::Guard;
use sessionary_engine::{
    Engine,
    pump::{self, PumpSettings},
    registry::Registry,
    sealing::Sealer,
};
use sessionary_server::api::{self, App};
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle};

use crate::config::Config;

/// Parcels that are under way when the server stops have this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How parcels are carried.
pub(crate) fn settings(config: &Config, registry: &Registry) -> anyhow::Result<PumpSettings> {
    let delivery = &config.delivery;
    let key = match &delivery.sealing_key.0 {
        None => registry.secrets().sealing,
        Some(path) => key_of(path)?,
    };
    Ok(PumpSettings {
        guard: Guard::new(delivery.allow_private),
        sealer: Sealer::new(&key),
        retry: RetryRule {
            first: Millis(i64::try_from(delivery.first_retry_ms).unwrap_or(i64::MAX)),
            attempts: u32::try_from(delivery.attempts).unwrap_or(u32::MAX),
        },
        under_way_max: usize::try_from(delivery.under_way_max).unwrap_or(usize::MAX),
        per_second: u32::try_from(delivery.per_second).unwrap_or(u32::MAX),
    })
}

/// The key in a file: 32 bytes, in base64 or hex.
fn key_of(path: &Path) -> anyhow::Result<[u8; 32]> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("delivery.sealing_key: {shown} cannot be read"))?;
    let text = text.trim();
    let hex = || {
        let pairs = text.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        pairs.map(byte).collect::<Option<Vec<u8>>>()
    };
    let bytes = if text.len() == 64 {
        hex()
    } else {
        base64::engine::general_purpose::STANDARD.decode(text).ok()
    };
    bytes.and_then(|bytes| bytes.try_into().ok()).with_context(|| {
        format!(
            "delivery.sealing_key: {shown} holds no key; put 32 random bytes there in base64, such \
             as `openssl rand -base64 32` prints"
        )
    })
}

/// The pump of a running server.
pub(crate) struct Pumping {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Pumping {
    /// Starts carrying parcels.
    pub(crate) fn start(
        runtime: &Runtime,
        engine: &Engine,
        settings: &Arc<PumpSettings>,
    ) -> Pumping {
        let (stop, stopped) = watch::channel(false);
        let task = runtime.spawn(pump::run(engine.clone(), Arc::clone(settings), stopped));
        Pumping { stop, task }
    }

    /// Lets what is under way arrive, within bounds; what does not is sent again after the next
    /// start.
    pub(crate) fn finish(self, runtime: &Runtime) {
        self.stop.send_replace(true);
        let finished = runtime.block_on(async { tokio::time::timeout(PATIENCE, self.task).await });
        if finished.is_err() {
            tracing::warn!(
                "parcels were still under way; they are sent again after the next start"
            );
        }
    }
}

/// Sets up the destinations of the configured file, or changes them to what it says.
pub(crate) async fn set_up(app: &App, config: &Config, now: UnixMillis) -> anyhow::Result<()> {
    let Some(path) = &config.delivery.destinations.0 else { return Ok(()) };
    let shown = path.display();
    let text = std::fs::read(path)
        .with_context(|| format!("delivery.destinations: {shown} cannot be read"))?;
    let all: Vec<serde_json::Map<String, Value>> = serde_json::from_slice(&text)
        .with_context(|| format!("delivery.destinations: {shown} is no JSON list of objects"))?;
    for (at, mut destination) in all.into_iter().enumerate() {
        let tenant = match destination.remove("tenant") {
            None => "default".to_owned(),
            Some(Value::String(name)) => name,
            Some(_) => bail!("delivery.destinations: {shown}: `/{at}/tenant` is no text"),
        };
        let tenant = app.registry.tenant(&tenant, now)?;
        api::put_destination(app, tenant, destination).await.map_err(|problem| {
            let errors = problem.errors.iter();
            let errors: Vec<String> =
                errors.map(|fault| format!("`/{at}{}`: {}", fault.pointer, fault.detail)).collect();
            let detail = problem.detail.clone().unwrap_or_default();
            anyhow::anyhow!("delivery.destinations: {shown}: {detail}{}", errors.join("; "))
        })?;
    }
    Ok(())
}
