//! One destination's carrier: asks what is due, and has a bounded number of parcels under way.
use std::{collections::HashSet, sync::Arc, time::Duration};

use sessionary_core::{
    destination::Destination,
    id::SessionId,
    parcel::{Parcel, ParcelName},
    signal::TenantId,
    time::UnixMillis,
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{PAUSE, PumpSettings, carrying::Carrying, pace::Pace};
use crate::{
    Engine, EngineError,
    clock::monotonic,
    parcels::{DueAsk, DuePage},
    read::Views,
};

/// Parcels that are asked for at once.
const PAGE: usize = 128;
/// Parcels that were sent and whose note is not durable yet, at most.
const UNNOTED_MAX: usize = 512;
/// What nobody rang for is looked for this often.
const LOOK: Duration = Duration::from_secs(30);

/// Whose parcel is done with, and how long what came of it took to be durable.
type Done = (SessionId, Duration);

/// Carries the parcels of one destination.
pub(super) struct Carrier {
    engine: Engine,
    tenant: TenantId,
    destination: Arc<Destination>,
    carrying: Arc<Carrying>,
    bell: Arc<Notify>,
    stop: watch::Receiver<bool>,
    pace: Pace,
    /// Up to where its queue has been taken.
    behind: Option<(UnixMillis, ParcelName)>,
    /// The sessions that are under way: of one session one parcel at a time.
    sessions: HashSet<SessionId>,
    /// Those that have been since the queue was last asked.
    moved: HashSet<SessionId>,
    under_way: JoinSet<Done>,
    slots: Arc<Semaphore>,
    unnoted: Arc<Semaphore>,
}

impl Carrier {
    pub(super) fn new(
        engine: &Engine,
        settings: &Arc<PumpSettings>,
        tenant: TenantId,
        destination: Arc<Destination>,
        stop: watch::Receiver<bool>,
    ) -> Carrier {
        let carrying = Carrying::new(engine, settings, tenant, &destination);
        Carrier {
            bell: engine.bell(destination.id),
            engine: engine.clone(),
            tenant,
            carrying: Arc::new(carrying),
            stop,
            pace: Pace::new(settings.per_second, Instant::from_std(monotonic())),
            behind: None,
            sessions: HashSet::new(),
            moved: HashSet::new(),
            under_way: JoinSet::new(),
            slots: Arc::new(Semaphore::new(settings.under_way_max.max(1))),
            unnoted: Arc::new(Semaphore::new(UNNOTED_MAX)),
            destination,
        }
    }

    /// Carries until it is stopped, and waits for what is under way then.
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.carry() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        while self.under_way.join_next().await.is_some() {}
    }

    /// Ends when the engine has stopped.
    async fn carry(&mut self) {
        loop {
            self.moved.clone_from(&self.sessions);
            let page = match self.ask().await {
                Ok(page) => page,
                Err(EngineError::Stopped) => return,
                Err(_) => {
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let DuePage { parcels, views, next } = page;
            let is_empty = parcels.is_empty();
            for (name, parcel) in parcels {
                let at = parcel.at;
                self.start(name, parcel, &views).await;
                self.behind = Some((at, name));
            }
            if is_empty {
                self.rest(next).await;
            }
        }
    }

    async fn ask(&self) -> Result<DuePage, EngineError> {
        let ask = DueAsk {
            tenant: self.tenant,
            destination: self.destination.id,
            behind: self.behind,
            now: self.engine.now(),
            limit: PAGE,
        };
        self.engine.due(ask).await
    }

    /// Waits until there may be something to do.
    async fn rest(&self, next: Option<UnixMillis>) {
        let wait = next.map_or(LOOK, |next| {
            let wait = next.since(self.engine.now()).0.saturating_add(1);
            Duration::from_millis(u64::try_from(wait).unwrap_or(0)).min(LOOK)
        });
        tokio::select! {
            () = self.bell.notified() => {}
            () = sleep(wait) => {}
        }
    }

    /// Sets a parcel on its way, as soon as there is room and nothing of its session is.
    async fn start(&mut self, name: ParcelName, parcel: Parcel, views: &Views) {
        while self.sessions.contains(&name.session) {
            self.one_done().await;
        }
        let now = Instant::from_std(monotonic());
        let start = self.pace.take(now);
        if start > now {
            sleep_until(start).await;
        }
        let (slots, unnoted) = (Arc::clone(&self.slots), Arc::clone(&self.unnoted));
        // They are closed by nobody.
        let (Ok(slot), Ok(note)) = (slots.acquire_owned().await, unnoted.acquire_owned().await)
        else {
            return;
        };
        while let Some(done) = self.under_way.try_join_next() {
            self.forget(done);
        }
        self.sessions.insert(name.session);
        let views = self.moved.insert(name.session).then(|| views.clone());
        let carrying = Arc::clone(&self.carrying);
        self.under_way.spawn(async move {
            let tried = carrying.attempt(name, parcel, views).await;
            drop(slot);
            let sent = monotonic();
            carrying.note(tried).await;
            drop(note);
            (name.session, sent.elapsed())
        });
    }

    async fn one_done(&mut self) {
        match self.under_way.join_next().await {
            Some(done) => self.forget(done),
            None => self.sessions.clear(),
        }
    }

    fn forget(&mut self, done: Result<Done, tokio::task::JoinError>) {
        match done {
            Ok((session, noting)) => {
                self.sessions.remove(&session);
                self.pace.noted(noting);
            }
            Err(error) => tracing::error!(
                destination = %self.destination.id, %error, "a parcel was dropped on its way"
            ),
        }
    }
}
