//! One try of one parcel: what is to be sent is made, sent, and what came of it noted.
use std::{sync::Arc, time::Duration};

use sessionary_core::{
    destination::Destination,
    parcel::{Failed, Parcel, ParcelName, ParcelStatus, Trigger},
    signal::TenantId,
    time::{Millis, UnixMillis},
};
use sessionary_deliver::{Failure, Outcome, Outgoing, Previous, Sent, SettingsError, Target};
use sessionary_dialects::Format;
use sessionary_store::{Rows, Table, keys::sent_key};
use tokio::time::sleep;

use super::{
    PAUSE, PumpSettings,
    rendering::{Rendered, Unrendered, render},
};
use crate::{
    Engine, EngineError, Named,
    entry::{AttemptEntry, DestinationEntry, Entry},
    read::Views,
    staging,
};

/// A session that has changed no more often is rendered where it is: waking another thread costs more
/// than that.
const SMALL_VERSION: u64 = 64;

/// What the tries of one destination's parcels have in common.
pub(super) struct Carrying {
    engine: Engine,
    settings: Arc<PumpSettings>,
    tenant: TenantId,
    destination: Arc<Destination>,
    target: Result<Target, SettingsError>,
}

/// Something to send, and the parcels of its session.
struct Letter {
    rendered: Rendered,
    of_session: Vec<Named>,
}

/// A try that was made.
pub(super) struct Tried {
    entry: AttemptEntry,
    /// The body, if it was taken.
    sent: Rows,
    /// The destination wants nothing any more.
    gone: Option<String>,
}

impl Carrying {
    pub(super) fn new(
        engine: &Engine,
        settings: &Arc<PumpSettings>,
        tenant: TenantId,
        destination: &Arc<Destination>,
    ) -> Carrying {
        let target = settings.target(tenant, destination);
        if let Err(error) = &target {
            tracing::warn!(destination = %destination.id, %error, "cannot be delivered to");
        }
        Carrying {
            engine: engine.clone(),
            settings: Arc::clone(settings),
            tenant,
            destination: Arc::clone(destination),
            target,
        }
    }

    /// Sends a parcel once. `views` show what came of the parcels of its session before; `None`: the
    /// engine is asked for some.
    pub(super) async fn attempt(
        self: &Arc<Self>,
        name: ParcelName,
        parcel: Parcel,
        views: Option<Views>,
    ) -> Tried {
        let (this, sent) = (Arc::clone(self), parcel.clone());
        let made = contained(async move { this.send(name, &sent, views).await }).await;
        self.tried(name, parcel, made)
    }

    async fn send(
        &self,
        name: ParcelName,
        parcel: &Parcel,
        views: Option<Views>,
    ) -> Result<(Outcome, Rendered), Unsent> {
        let target = self.target.as_ref().map_err(Unsent::settings)?;
        let Letter { rendered, of_session } = self.letter(name, views).await?;
        let previous = previous(&of_session, name);
        let outgoing = Outgoing {
            id: &name.to_string(),
            event: event(name.trigger),
            tenant: self.tenant.0,
            session_id: &name.session.to_string(),
            revision: if name.trigger == Trigger::Final { name.n } else { rendered.revision },
            attempt: parcel.attempts.saturating_add(1),
            hops: rendered.hops.saturating_add(1),
            at: parcel.created_at,
            now: self.engine.now(),
            body: &rendered.body,
            record: &rendered.record,
            format: &self.destination.format,
            previous: previous
                .map(|(name, parcel)| Previous { revision: name.n, note: parcel.note.as_deref() }),
            superseded: is_superseded(&of_session, name),
        };
        let outcome = target.send(&outgoing).await;
        Ok((outcome, rendered))
    }

    /// Makes what is to be sent.
    async fn letter(&self, name: ParcelName, views: Option<Views>) -> Result<Letter, Unsent> {
        let reader = match views {
            Some(views) => views.reader(self.engine.now()),
            None => self.engine.tables().await?,
        };
        let (tenant, id) = (self.tenant, name.session);
        let of_session = reader.parcels_of(tenant, id)?;
        let session = match name.trigger {
            Trigger::Final => reader.session_at(tenant, id, name.n)?,
            Trigger::Begin | Trigger::Status => {
                self.engine.session(tenant, id).await?.map(|view| view.session)
            }
        };
        let session = session.ok_or_else(Unsent::session_is_gone)?;
        let format = Format::from_word(&self.destination.format);
        let reads = format.is_some_and(Format::needs_signals);
        if !reads && session.envelope.version <= SMALL_VERSION {
            let rendered = render(&reader, &self.destination, session)?;
            return Ok(Letter { rendered, of_session });
        }
        let destination = Arc::clone(&self.destination);
        // It reads signals, or its JSON takes a while.
        let rendered =
            tokio::task::spawn_blocking(move || render(&reader, &destination, session)).await;
        Ok(Letter { rendered: rendered.map_err(|_| Unsent::Engine)??, of_session })
    }

    /// The state of the parcel after a try.
    fn tried(
        &self,
        name: ParcelName,
        parcel: Parcel,
        made: Result<(Outcome, Rendered), Unsent>,
    ) -> Tried {
        let now = self.engine.now();
        let was = (parcel.status, parcel.at);
        let attempts = parcel.attempts.saturating_add(1);
        let parcel = Parcel { attempts, attempted_at: Some(now), ..parcel };
        let (mut sent, mut gone) = (Rows::new(), None);
        let parcel = match made {
            Ok((Outcome::Sent(receipt), rendered)) => {
                let digest = rendered.digest();
                if let Ok(kept) = staging::compressed(rendered.body.get().as_bytes()) {
                    let key = sent_key(self.tenant.0, &name.session.0, &digest);
                    sent.put(Table::Sent, key, kept);
                }
                taken(parcel, receipt, digest, now)
            }
            Ok((Outcome::Retry { why, after }, _)) => self.again(name, parcel, why, after, now),
            Ok((Outcome::GiveUp { why }, _)) => parked(parcel, why, now),
            Ok((Outcome::Gone { why }, _)) => {
                gone = Some(why.detail.clone());
                parked(parcel, why, now)
            }
            Err(Unsent::Never(failure)) => parked(parcel, failure, now),
            Err(Unsent::Not(failure)) => self.again(name, parcel, failure, None, now),
            // The engine's own trouble is nobody's attempt.
            Err(Unsent::Engine) => {
                let attempts = parcel.attempts.saturating_sub(1);
                Parcel { at: now.plus(Millis::from_secs(1)), attempts, ..parcel }
            }
        };
        let entry = AttemptEntry { tenant: self.tenant, name, was, parcel };
        Tried { entry, sent, gone }
    }

    fn again(
        &self,
        name: ParcelName,
        parcel: Parcel,
        why: Failure,
        after: Option<Duration>,
        now: UnixMillis,
    ) -> Parcel {
        let asked = after.map(|after| Millis(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)));
        match self.settings.retry.wait(name, parcel.attempts, asked) {
            Some(wait) => {
                let parcel = Parcel { status: ParcelStatus::Due, at: now.plus(wait), ..parcel };
                failed(parcel, why)
            }
            None => parked(parcel, why, now),
        }
    }

    /// Makes what came of a try durable, however long that takes: what was sent must not be sent
    /// again for want of a note.
    pub(super) async fn note(&self, tried: Tried) {
        let Tried { entry, sent, gone } = tried;
        loop {
            match self.engine.note_attempt(entry.clone(), sent.clone()).await {
                Ok(()) => break,
                Err(EngineError::Stopped) => return,
                Err(_) => sleep(PAUSE).await,
            }
        }
        if let Some(why) = gone {
            self.disable(&why).await;
        }
    }

    async fn disable(&self, why: &str) {
        let before = &self.destination;
        let after = Destination {
            enabled: false,
            disabled_because: Some(why.into()),
            modified_at: self.engine.now(),
            ..Destination::clone(before)
        };
        tracing::warn!(destination = %before.id, why, "disabled: it wants nothing any more");
        let entry = DestinationEntry {
            tenant: self.tenant,
            id: before.id,
            was: before.version,
            destination: Some(after),
        };
        // Whoever changed it meanwhile has the last word.
        let _ = self.engine.decide(Entry::Destination(Box::new(entry))).await;
    }
}

/// Runs one try so that a panic in it is a failed try: it is made again later and in the end parked,
/// and nobody else's parcel waits for it.
async fn contained<T: Send + 'static>(
    made: impl Future<Output = Result<T, Unsent>> + Send + 'static,
) -> Result<T, Unsent> {
    match tokio::spawn(made).await {
        Ok(made) => made,
        Err(error) if error.is_panic() => {
            tracing::error!(%error, "a try of a parcel panicked");
            let detail = "the program failed while it made or sent this; see its log".to_owned();
            Err(Unsent::Not(Failure { status: None, reason: "internal", detail }))
        }
        Err(_) => Err(Unsent::Engine),
    }
}

/// Why nothing was sent.
#[derive(Debug)]
enum Unsent {
    /// It counts as a try.
    Not(Failure),
    /// There is nothing to send, and never will be.
    Never(Failure),
    /// The engine could not be asked.
    Engine,
}

impl Unsent {
    fn session_is_gone() -> Unsent {
        let detail = "there is no such session any more".to_owned();
        Unsent::Never(Failure { status: None, reason: "session_gone", detail })
    }

    fn settings(error: &SettingsError) -> Unsent {
        let detail = error.to_string().chars().take(300).collect();
        Unsent::Not(Failure { status: None, reason: "settings", detail })
    }
}

impl From<EngineError> for Unsent {
    fn from(_: EngineError) -> Unsent {
        Unsent::Engine
    }
}

impl From<Unrendered> for Unsent {
    fn from(unrendered: Unrendered) -> Unsent {
        match unrendered {
            Unrendered::Engine(error) => error.into(),
            Unrendered::Format { word } => Unsent::Not(Failure {
                status: None,
                reason: "format",
                detail: format!("this version tells no format {word:?}; change the destination"),
            }),
        }
    }
}

fn event(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Begin => "session.begin",
        Trigger::Status => "session.status",
        Trigger::Final => "session.final",
    }
}

/// Those of the same session, destination and trigger.
fn beside(of_session: &[Named], name: ParcelName) -> impl Iterator<Item = &Named> {
    of_session.iter().filter(move |(other, _)| {
        other.destination == name.destination && other.trigger == name.trigger && *other != name
    })
}

/// The latest that was sent before.
fn previous(of_session: &[Named], name: ParcelName) -> Option<&Named> {
    beside(of_session, name)
        .filter(|(_, parcel)| parcel.status == ParcelStatus::Sent)
        .max_by_key(|(name, parcel)| (name.n, parcel.at))
}

fn is_superseded(of_session: &[Named], name: ParcelName) -> bool {
    name.trigger == Trigger::Final && beside(of_session, name).any(|(other, _)| other.n > name.n)
}

fn taken(parcel: Parcel, receipt: Sent, digest: [u8; 16], now: UnixMillis) -> Parcel {
    Parcel {
        status: ParcelStatus::Sent,
        at: now,
        answer: receipt.status,
        failed: None,
        digest: Some(digest),
        note: receipt.note.map(Into::into),
        ..parcel
    }
}

fn failed(parcel: Parcel, why: Failure) -> Parcel {
    let failed = Failed { reason: why.reason.into(), detail: why.detail.into() };
    Parcel { answer: why.status, failed: Some(failed), ..parcel }
}

fn parked(parcel: Parcel, why: Failure, now: UnixMillis) -> Parcel {
    failed(Parcel { status: ParcelStatus::Parked, at: now, ..parcel }, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_try_that_panics_has_failed() {
        let made = contained::<()>(async { panic!("as a try must not") }).await;
        assert!(matches!(made, Err(Unsent::Not(Failure { reason: "internal", .. }))), "{made:?}");
    }
}
