//! The pump: carries due parcels to their destinations and notes what came of it.
//!
//! One carrier a destination, so that a slow one never holds another. What is due is asked of the
//! folding thread, so only what is durable and folded is ever sent; what came of a try is an entry of
//! the journal, and until that is durable the parcel counts as under way. A crash between the sending
//! and the note sends it again, under the same id.
use std::{collections::HashMap, sync::Arc, time::Duration};

use sessionary_core::{
    destination::Destination,
    parcel::{DestinationId, RetryRule},
    signal::TenantId,
};
use sessionary_deliver::{Guard, Options, Secret, Settings, SettingsError, Target};
use tokio::{sync::watch, task::JoinHandle};

use crate::{Engine, EngineError, sealing::Sealer};

mod carrier;
mod carrying;
mod pace;
mod rendering;
mod sample;

use rendering::Rendered;
pub use sample::{Tested, test};

/// Whether the engine cannot be asked just now, it is asked again after this long.
const PAUSE: Duration = Duration::from_millis(250);

/// How parcels are carried.
#[derive(Debug)]
pub struct PumpSettings {
    /// Through which every connection goes.
    pub guard: Guard,
    /// Decrypts the secrets of destinations.
    pub sealer: Sealer,
    /// When a failed parcel is tried again.
    pub retry: RetryRule,
    /// Parcels under way to one destination at a time.
    pub under_way_max: usize,
    /// Parcels a second to one destination; 0: as many as it takes.
    pub per_second: u32,
}

impl PumpSettings {
    /// The target of a destination.
    ///
    /// # Errors
    /// Its settings do not hold on this server, or its secret does not decrypt here.
    pub fn target(
        &self,
        tenant: TenantId,
        destination: &Destination,
    ) -> Result<Target, SettingsError> {
        let wrong =
            |pointer: &str, message: String| SettingsError { pointer: pointer.to_owned(), message };
        let secret = (!destination.secret.is_empty())
            .then(|| self.sealer.open(tenant, destination.id, &destination.secret))
            .transpose()
            .map_err(|error| wrong("/secret", error.to_string()))?
            .map(Secret::new);
        let kind = serde_json::Value::String(destination.kind.to_string());
        let kind =
            serde_json::from_value(kind).map_err(|error| wrong("/kind", error.to_string()))?;
        let options = if destination.options.is_empty() { "{}" } else { &destination.options };
        let options: Options =
            serde_json::from_str(options).map_err(|error| wrong("/options", error.to_string()))?;
        let settings = Settings { kind, url: destination.url.to_string(), options };
        Target::open(&settings, secret.as_ref(), &self.guard)
    }
}

/// No destination has this version.
const STOPPED: u32 = 0;

/// A carrier that is running, or finishing.
struct Running {
    version: u32,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Carries parcels until `stop` says so, then finishes those that are under way.
pub async fn run(engine: Engine, settings: Arc<PumpSettings>, mut stop: watch::Receiver<bool>) {
    let mut news = engine.watch_destinations();
    let mut running: HashMap<DestinationId, Running> = HashMap::new();
    loop {
        news.mark_unchanged();
        match engine.all_destinations().await {
            Ok(all) => adjust(&engine, &settings, &mut running, all),
            Err(EngineError::Stopped) => break,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                news.mark_changed();
            }
        }
        tokio::select! {
            changed = news.changed() => if changed.is_err() { break },
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    for one in running.values() {
        one.stop.send_replace(true);
    }
    for (_, one) in running {
        // A carrier that panicked has said so in the log.
        let _ = one.task.await;
    }
}

/// Starts carriers for what is new, and anew for what has changed; stops the others.
fn adjust(
    engine: &Engine,
    settings: &Arc<PumpSettings>,
    running: &mut HashMap<DestinationId, Running>,
    all: Vec<(TenantId, Arc<Destination>)>,
) {
    let in_force: HashMap<DestinationId, (TenantId, Arc<Destination>)> = all
        .into_iter()
        .filter(|(_, one)| one.enabled)
        .map(|(of, one)| (one.id, (of, one)))
        .collect();
    // Those that are stopped stay listed: one that is taken up again waits for what they have under
    // way.
    for one in
        running.iter_mut().filter_map(|(id, one)| (!in_force.contains_key(id)).then_some(one))
    {
        one.stop.send_replace(true);
        one.version = STOPPED;
    }
    for (id, (tenant, destination)) in in_force {
        if running.get(&id).is_some_and(|known| known.version == destination.version) {
            continue;
        }
        let before = running.remove(&id);
        if let Some(before) = &before {
            before.stop.send_replace(true);
        }
        let version = destination.version;
        let (stop, heard) = watch::channel(false);
        let carrier = carrier::Carrier::new(engine, settings, tenant, destination, heard);
        let task = tokio::spawn(async move {
            // What the one before has under way must be noted before anything is asked for.
            if let Some(before) = before {
                let _ = before.task.await;
            }
            carrier.run().await;
        });
        running.insert(id, Running { version, stop, task });
    }
}
