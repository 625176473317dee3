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

use super::{PAUSE, PumpSettings, carrying::Carrying, walk::Walk};
use crate::{
    Engine, EngineError, Named,
    clock::monotonic,
    parcels::{DueAsk, DuePage},
};

/// Parcels that are asked for at once.
const PAGE: usize = 128;
/// Parcels that were sent and whose note is not durable yet, at most.
const UNNOTED_MAX: usize = 512;
/// What nobody rang for is looked for this often.
const LOOK: Duration = Duration::from_secs(30);

/// Carries the parcels of one destination.
pub(super) struct Carrier {
    engine: Engine,
    tenant: TenantId,
    destination: Arc<Destination>,
    carrying: Arc<Carrying>,
    bell: Arc<Notify>,
    stop: watch::Receiver<bool>,
    per_second: u32,
    /// Up to where its queue has been read.
    walk: Walk,
    /// The sessions that are under way: of one session nothing overtakes anything.
    sessions: HashSet<SessionId>,
    under_way: JoinSet<Done>,
    slots: Arc<Semaphore>,
    unnoted: Arc<Semaphore>,
    /// When the next parcel may leave.
    next_start: Instant,
}

/// A try that was made and noted: the session that is free again, and the parcel if it is due again.
type Done = (SessionId, Option<Named>);

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
            per_second: settings.per_second,
            walk: Walk::default(),
            sessions: HashSet::new(),
            under_way: JoinSet::new(),
            slots: Arc::new(Semaphore::new(settings.under_way_max.max(1))),
            unnoted: Arc::new(Semaphore::new(UNNOTED_MAX)),
            next_start: Instant::from_std(monotonic()),
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
            let page = match self.ask().await {
                Ok(page) => page,
                Err(EngineError::Stopped) => return,
                Err(_) => {
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let DuePage { parcels, next } = page;
            self.walk.read(&parcels);
            let is_empty = parcels.is_empty();
            for (name, parcel) in parcels {
                self.start(name, parcel).await;
            }
            let none_overtaken = !self.start_overtaken().await;
            if is_empty && none_overtaken {
                self.rest(next).await;
            }
        }
    }

    /// Sets on their way those that are to be tried again and that no page will hold; gives whether
    /// there were any.
    async fn start_overtaken(&mut self) -> bool {
        let now = self.engine.now();
        let mut any = false;
        while let Some((name, parcel)) = self.walk.next_overtaken(now) {
            self.start(name, parcel).await;
            any = true;
        }
        any
    }

    async fn ask(&self) -> Result<DuePage, EngineError> {
        let ask = DueAsk {
            tenant: self.tenant,
            destination: self.destination.id,
            behind: self.walk.behind(),
            now: self.engine.now(),
            limit: PAGE,
        };
        self.engine.due(ask).await
    }

    /// Waits until there may be something to do.
    async fn rest(&mut self, next: Option<UnixMillis>) {
        let next = next.into_iter().chain(self.walk.first_overtaken()).min();
        let wait = next.map_or(LOOK, |next| {
            let wait = next.since(self.engine.now()).0.saturating_add(1);
            Duration::from_millis(u64::try_from(wait).unwrap_or(0)).min(LOOK)
        });
        let bell = Arc::clone(&self.bell);
        let until = sleep(wait);
        tokio::pin!(until);
        loop {
            let done = tokio::select! {
                () = bell.notified() => return,
                () = &mut until => return,
                Some(done) = self.under_way.join_next() => done,
            };
            // What is due again may be due before anything that was waited for.
            if self.forget(done) {
                return;
            }
        }
    }

    /// Sets a parcel on its way, as soon as there is room and nothing of its session is.
    async fn start(&mut self, name: ParcelName, parcel: Parcel) {
        while self.sessions.contains(&name.session) {
            self.one_done().await;
        }
        self.keep_pace().await;
        let (slots, unnoted) = (Arc::clone(&self.slots), Arc::clone(&self.unnoted));
        // They are closed by nobody.
        let (Ok(slot), Ok(note)) = (slots.acquire_owned().await, unnoted.acquire_owned().await)
        else {
            return;
        };
        while let Some(done) = self.under_way.try_join_next() {
            let _ = self.forget(done);
        }
        self.sessions.insert(name.session);
        let carrying = Arc::clone(&self.carrying);
        self.under_way.spawn(async move {
            let tried = carrying.attempt(name, parcel).await;
            drop(slot);
            let again = tried.again();
            carrying.note(tried).await;
            drop(note);
            (name.session, again)
        });
    }

    async fn one_done(&mut self) {
        match self.under_way.join_next().await {
            Some(done) => drop(self.forget(done)),
            None => self.sessions.clear(),
        }
    }

    /// Gives whether the parcel is due again.
    fn forget(&mut self, done: Result<Done, tokio::task::JoinError>) -> bool {
        let again = match done {
            Ok((session, again)) => {
                self.sessions.remove(&session);
                again
            }
            Err(error) => {
                let destination = self.destination.id;
                tracing::error!(%destination, %error, "a parcel was dropped on its way");
                None
            }
        };
        let Some(parcel) = again else { return false };
        self.walk.due_again(parcel);
        true
    }

    /// Waits so that no more parcels leave in a second than there may.
    async fn keep_pace(&mut self) {
        if self.per_second == 0 {
            return;
        }
        let now = Instant::from_std(monotonic());
        let start = self.next_start.max(now);
        sleep_until(start).await;
        self.next_start = start + Duration::from_secs(1) / self.per_second;
    }
}
