//! One connection that asks: message after message, until it ends.
use std::{collections::HashMap, sync::Arc};

use pgwire::messages::{
    PgWireBackendMessage, PgWireFrontendMessage,
    response::{EmptyQueryResponse, ReadyForQuery, TransactionStatus},
    startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey},
};
use sessionary_engine::keys::{KeyRecord, Scope};
use sessionary_lake::sql::{
    Source,
    postgres::{Said, Who},
};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Front,
    cancel::Known,
    extended::Statement,
    failure::{Failure, Severity},
    portal::Portal,
    socket::{Message, Outgoing},
    startup::{self, Caller},
    stop::Stop,
    talk::Reply,
    variables::Variables,
};

/// A connection.
pub(super) struct Session {
    pub(super) front: Arc<Front>,
    pub(super) key: Arc<KeyRecord>,
    pub(super) tenant: String,
    pub(super) variables: Variables,
    pub(super) outgoing: Outgoing,
    pub(super) known: Known,
    /// The client has left.
    gone: CancellationToken,
    pub(super) transaction: TransactionStatus,
    pub(super) statements: HashMap<String, Statement>,
    /// Portals, and cursors, which are the same by another way.
    pub(super) portals: HashMap<String, Portal>,
    /// After a failure, everything up to the next `Sync` is passed over.
    is_skipping: bool,
}

impl Session {
    pub(super) fn new(
        front: Arc<Front>,
        caller: Caller,
        outgoing: Outgoing,
        known: Known,
        gone: CancellationToken,
    ) -> Session {
        let Caller { key, tenant, variables } = caller;
        Session {
            front,
            key,
            tenant,
            variables,
            outgoing,
            known,
            gone,
            transaction: TransactionStatus::Idle,
            statements: HashMap::new(),
            portals: HashMap::new(),
            is_skipping: false,
        }
    }

    /// Greets, and heeds what comes until it is over.
    pub(super) async fn run(
        mut self,
        mut messages: mpsc::Receiver<Message>,
        stop: CancellationToken,
    ) {
        let ended = match self.greet().await {
            Ok(()) => self.heed_all(&mut messages, &stop).await,
            Err(stop) => Err(stop),
        };
        if let Err(Stop::Failed(failure)) = ended {
            let message = PgWireBackendMessage::ErrorResponse(failure.message());
            let _ = self.outgoing.feed(message).await;
        }
        self.outgoing.end().await;
    }

    async fn greet(&mut self) -> Result<(), Stop> {
        self.tell(PgWireBackendMessage::Authentication(Authentication::Ok)).await?;
        for (name, value) in self.variables.told() {
            self.told(name, value).await?;
        }
        let connection = Arc::clone(&self.known.connection);
        let data = BackendKeyData::new(connection.number, SecretKey::I32(connection.secret));
        self.tell(PgWireBackendMessage::BackendKeyData(data)).await?;
        self.ready().await
    }

    /// Ends with what the client is still to be told.
    async fn heed_all(
        &mut self,
        messages: &mut mpsc::Receiver<Message>,
        stop: &CancellationToken,
    ) -> Result<(), Stop> {
        loop {
            let message = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Failure::stopping().into()),
                message = messages.recv() => message,
                () = sleep(self.front.settings.idle) => {
                    let says = "nothing was asked for too long ([postgres] idle_ms)";
                    return Err(Failure::fatal("57P05", says).into());
                }
            };
            match message {
                None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return Ok(()),
                Some(Err(failure)) => return Err(failure.into()),
                Some(Ok(message)) => self.heed(message).await?,
            }
        }
    }

    /// Heeds one message. An error ends the connection.
    async fn heed(&mut self, message: PgWireFrontendMessage) -> Result<(), Stop> {
        match message {
            PgWireFrontendMessage::Query(query) => {
                self.is_skipping = false;
                let done = self.simple(query.query).await;
                self.tell_failure(done).await?;
                self.settle().await
            }
            PgWireFrontendMessage::Sync(_) => {
                self.is_skipping = false;
                self.settle().await
            }
            _ if self.is_skipping => Ok(()),
            message => {
                let done = self.extended(message).await;
                self.is_skipping = done.is_err();
                self.tell_failure(done).await
            }
        }
    }

    /// Tells a failure after which the connection goes on.
    async fn tell_failure(&mut self, done: Result<(), Stop>) -> Result<(), Stop> {
        match done {
            Err(Stop::Failed(failure)) if failure.severity == Severity::Error => {
                self.transaction = self.transaction.to_error_state();
                self.tell(PgWireBackendMessage::ErrorResponse(failure.message())).await
            }
            other => other,
        }
    }

    /// The end of a query, or of messages up to a `Sync`: outside a transaction nothing stays open.
    async fn settle(&mut self) -> Result<(), Stop> {
        if self.transaction == TransactionStatus::Idle {
            self.portals.clear();
        }
        self.ready().await
    }

    async fn simple(&mut self, text: String) -> Result<(), Stop> {
        let desk = Arc::clone(&self.front.queries.desk);
        let said = self.unless_ended(async move { desk.read(text).await }).await?;
        if said.is_empty() {
            return self
                .tell(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))
                .await;
        }
        for said in said {
            self.may_go_on(&said)?;
            match said {
                Said::Query(query) => {
                    let prepared = self.prepare(query, Vec::new()).await?;
                    let mut portal = Portal::plain(prepared);
                    self.tell_columns(&portal.fields()).await?;
                    self.run_portal(&mut portal, None).await?;
                }
                said => {
                    let reply = self.talk(said).await?;
                    self.tell_reply(reply, super::talk::Columns::Told).await?;
                }
            }
        }
        Ok(())
    }

    /// In a transaction that failed there is only one way on.
    pub(super) fn may_go_on(&self, said: &Said) -> Result<(), Stop> {
        let is_end = matches!(said, Said::Commit | Said::Rollback | Said::Noted("ROLLBACK"));
        if self.transaction == TransactionStatus::Error && !is_end {
            let says = "the transaction has failed; send ROLLBACK";
            return Err(Failure::error("25P02", says).into());
        }
        Ok(())
    }

    /// The rows of the caller's tenant, as long as the key is good.
    pub(super) fn source(&self) -> Result<Source, Stop> {
        let good = self.front.gate.still_good(self.key.number, Scope::Export);
        good.map_err(|problem| startup::failure(&problem, &self.tenant))?;
        let (engine, lake) = (&self.front.engine, &self.front.queries.lake);
        Ok(engine.source(lake, self.key.tenant, &self.tenant))
    }

    pub(super) fn who(&self) -> Arc<Who> {
        Arc::new(Who {
            user: self.tenant.clone(),
            settings: self.variables.all(),
            process: self.known.connection.number,
        })
    }

    /// What work gives, unless it is cancelled or the client leaves before.
    pub(super) async fn unless_ended<T, E: Into<Stop>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Stop> {
        let cancelled = self.known.connection.begin();
        let done = tokio::select! {
            biased;
            () = self.gone.cancelled() => Err(Stop::Gone),
            () = cancelled.cancelled() => Err(Failure::cancelled().into()),
            done = work => done.map_err(Into::into),
        };
        self.known.connection.end();
        done
    }

    /// Answers `ReadyForQuery`.
    async fn ready(&mut self) -> Result<(), Stop> {
        let message = ReadyForQuery::new(self.transaction);
        self.tell(PgWireBackendMessage::ReadyForQuery(message)).await?;
        Ok(self.outgoing.flush().await?)
    }

    pub(super) async fn told(&mut self, name: &str, value: String) -> Result<(), Stop> {
        let message = ParameterStatus::new(name.to_owned(), value);
        self.tell(PgWireBackendMessage::ParameterStatus(message)).await
    }

    pub(super) async fn tell(&mut self, message: PgWireBackendMessage) -> Result<(), Stop> {
        Ok(self.outgoing.feed(message).await?)
    }

    /// What small talk is answered by.
    pub(super) async fn tell_reply(
        &mut self,
        reply: Reply,
        columns: super::talk::Columns,
    ) -> Result<(), Stop> {
        match reply {
            Reply::Done(tag) => self.complete(tag).await,
            Reply::Shown(name, value) => self.tell_shown(name, &value, columns).await,
            Reply::Rows { name, mut portal, rows } => {
                if columns == super::talk::Columns::Told {
                    self.tell_columns(&portal.fields()).await?;
                }
                let done = self.fetch(&mut portal, rows).await;
                self.portals.insert(name, portal);
                done
            }
        }
    }
}
