//! What the engine offers to whoever carries parcels: what is due, and a place to note what came of
//! it.
use std::sync::Arc;

use sessionary_core::{destination::Destination, parcel::DestinationId, signal::TenantId};
use sessionary_store::Rows;
use tokio::sync::{Notify, oneshot, watch};

use crate::{
    Engine, EngineError, Reader,
    destinations::Destinations,
    entry::AttemptEntry,
    intake::Command,
    parcels::{DueAsk, DuePage},
};

impl Engine {
    /// A tenant's destinations, every acknowledged change included.
    ///
    /// # Errors
    /// `Busy`, `Stopped`, or `Interrupted` while the disk fails.
    pub async fn destinations(&self, tenant: TenantId) -> Result<Destinations, EngineError> {
        let all = self.all_destinations().await?;
        let own = all.into_iter().filter(|(of, _)| *of == tenant);
        Ok(own.map(|(_, destination)| destination).collect())
    }

    /// Everybody's destinations.
    pub(crate) async fn all_destinations(
        &self,
    ) -> Result<Vec<(TenantId, Arc<Destination>)>, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Destinations(answer))?;
        self.within_patience(receiver).await
    }

    /// Tells when destinations have changed.
    pub(crate) fn watch_destinations(&self) -> watch::Receiver<u64> {
        self.inner.destinations.clone()
    }

    /// Tells when there is a new parcel of a destination.
    pub(crate) fn bell(&self, destination: DestinationId) -> Arc<Notify> {
        self.inner.bells.of(destination)
    }

    /// What is due at a destination.
    pub(crate) async fn due(&self, ask: DueAsk) -> Result<DuePage, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Due(ask, answer))?;
        self.within_patience(receiver).await?
    }

    /// Appends what came of a try; with it the body that was sent is kept.
    pub(crate) async fn note_attempt(
        &self,
        entry: AttemptEntry,
        sent: Rows,
    ) -> Result<(), EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Attempt(Box::new(entry), sent, answer))?;
        self.within_patience(receiver).await?
    }

    /// A view of what is in the tables. Unlike [`Engine::reader`] it causes no write, and the last
    /// changes of sessions may be missing in it; what follows from the journal at once, such as cut
    /// records and parcels, is there.
    ///
    /// # Errors
    /// `Busy`, `Stopped`, or `Interrupted` while the disk fails.
    pub async fn tables(&self) -> Result<Reader, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Tables(answer))?;
        self.within_patience(receiver).await
    }

    /// [`Engine::tables`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`Engine::tables`].
    pub fn tables_blocking(&self) -> Result<Reader, EngineError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Command::Tables(answer))?;
        receiver.blocking_recv().map_err(|_| EngineError::Interrupted)
    }
}
