//! Queries in steps: prepared, bound to values, described, answered.
use std::sync::Arc;

use pgwire::{
    api::{Type, results::FieldInfo},
    messages::{
        PgWireBackendMessage, PgWireFrontendMessage,
        data::ParameterDescription,
        extendedquery::{
            Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete,
            TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
        },
        response::EmptyQueryResponse,
    },
};
use sessionary_lake::sql::postgres::{Prepared, Said};

use super::{
    failure::Failure,
    portal::{Portal, fields_of_talk},
    session::Session,
    stop::Stop,
    talk::{Columns, Reply, no_cursor},
};

/// Statements that one connection keeps.
const STATEMENTS_MAX: usize = 512;

/// What a client prepared.
#[derive(Clone)]
pub(super) enum Statement {
    Query(Arc<Prepared>),
    Talk(Box<Said>),
    Nothing,
}

impl Session {
    pub(super) async fn extended(&mut self, message: PgWireFrontendMessage) -> Result<(), Stop> {
        match message {
            PgWireFrontendMessage::Parse(parse) => self.parse(parse).await,
            PgWireFrontendMessage::Bind(bind) => self.bind(bind).await,
            PgWireFrontendMessage::Describe(describe) => self.describe_named(describe).await,
            PgWireFrontendMessage::Execute(execute) => self.execute(execute).await,
            PgWireFrontendMessage::Close(close) => self.close(close).await,
            PgWireFrontendMessage::Flush(_) => Ok(self.outgoing.flush().await?),
            // What is left of a COPY that was refused.
            PgWireFrontendMessage::CopyData(_)
            | PgWireFrontendMessage::CopyDone(_)
            | PgWireFrontendMessage::CopyFail(_) => Ok(()),
            _ => Err(Failure::protocol("a message came that does not belong here").into()),
        }
    }

    async fn parse(&mut self, parse: Parse) -> Result<(), Stop> {
        let name = parse.name.unwrap_or_default();
        if !name.is_empty() && self.statements.contains_key(&name) {
            let says = format!("there is a statement {name:?} already");
            return Err(Failure::error("42P05", says).into());
        }
        if self.statements.len() >= STATEMENTS_MAX {
            let says = format!("{STATEMENTS_MAX} statements are prepared; deallocate some");
            return Err(Failure::error("53000", says).into());
        }
        // The one without a name goes even if the next one fails.
        self.statements.remove(&name);
        let desk = Arc::clone(&self.front.queries.desk);
        let said = self.unless_ended(async move { desk.read(parse.query).await }).await?;
        let mut said = said.into_iter();
        let statement = match (said.next(), said.next()) {
            (_, Some(_)) => {
                let says = "several statements came; prepare them one by one";
                return Err(Failure::error("42601", says).into());
            }
            (None, None) => Statement::Nothing,
            (Some(said), None) => {
                self.may_go_on(&said)?;
                let declared = parse.type_oids.iter().map(|oid| Type::from_oid(*oid)).collect();
                match said {
                    Said::Query(query) => {
                        Statement::Query(Arc::new(self.prepare(query, declared).await?))
                    }
                    said => Statement::Talk(Box::new(said)),
                }
            }
        };
        self.statements.insert(name, statement);
        self.tell(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await
    }

    async fn bind(&mut self, bind: Bind) -> Result<(), Stop> {
        let name = bind.portal_name.clone().unwrap_or_default();
        let portal = match self.statement(bind.statement_name.as_deref())? {
            Statement::Query(prepared) => {
                let bound = prepared.bind(bind)?;
                Portal::of(prepared, bound)
            }
            _ if !bind.parameters.is_empty() => {
                return Err(Failure::protocol("values came for no parameters").into());
            }
            Statement::Talk(said) => Portal::talk(*said),
            Statement::Nothing => Portal::nothing(),
        };
        self.keep_portal(name, portal)?;
        self.tell(PgWireBackendMessage::BindComplete(BindComplete::new())).await
    }

    fn statement(&self, name: Option<&str>) -> Result<Statement, Stop> {
        let name = name.unwrap_or_default();
        let none = || Failure::error("26000", format!("there is no statement {name:?}"));
        Ok(self.statements.get(name).cloned().ok_or_else(none)?)
    }

    async fn describe_named(&mut self, describe: Describe) -> Result<(), Stop> {
        let name = describe.name.unwrap_or_default();
        if describe.target_type == TARGET_TYPE_BYTE_PORTAL {
            let portal = self.portals.get(&name).ok_or_else(|| no_cursor(&name))?;
            let fields = self.fields_of(portal.said().as_ref(), portal.fields());
            return self.describe(&fields).await;
        }
        let (types, fields) = match self.statement(Some(&name))? {
            Statement::Query(prepared) => {
                (prepared.parameter_types(), prepared.fields(&Session::unsaid()))
            }
            Statement::Talk(said) => {
                (Vec::new(), self.fields_of(Some(&said), fields_of_talk(&said)))
            }
            Statement::Nothing => (Vec::new(), Vec::new()),
        };
        let types = types.iter().map(Type::oid).collect();
        let parameters = ParameterDescription::new(types);
        self.tell(PgWireBackendMessage::ParameterDescription(parameters)).await?;
        self.describe(&fields).await
    }

    /// Rows of a cursor have the columns of the cursor.
    fn fields_of(&self, said: Option<&Said>, own: Vec<FieldInfo>) -> Vec<FieldInfo> {
        match said {
            Some(Said::Fetch { name, .. }) => {
                self.portals.get(name).map(Portal::fields).unwrap_or_default()
            }
            _ => own,
        }
    }

    async fn execute(&mut self, execute: Execute) -> Result<(), Stop> {
        let name = execute.name.unwrap_or_default();
        let most = usize::try_from(execute.max_rows).ok().filter(|most| *most > 0);
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_cursor(&name))?;
        if portal.is_nothing() {
            self.portals.insert(name, portal);
            return self
                .tell(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))
                .await;
        }
        let Some(said) = portal.said() else {
            if self.is_failed() {
                return Err(
                    Failure::error("25P02", "the transaction has failed; send ROLLBACK").into()
                );
            }
            let done = self.run_portal(&mut portal, most).await;
            self.portals.insert(name, portal);
            return done;
        };
        self.may_go_on(&said)?;
        let reply: Reply = self.talk(said).await?;
        self.tell_reply(reply, Columns::Known).await
    }

    fn is_failed(&self) -> bool {
        self.transaction == pgwire::messages::response::TransactionStatus::Error
    }

    async fn close(&mut self, close: Close) -> Result<(), Stop> {
        let name = close.name.unwrap_or_default();
        match close.target_type {
            TARGET_TYPE_BYTE_STATEMENT => drop(self.statements.remove(&name)),
            _ => drop(self.portals.remove(&name)),
        }
        self.tell(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await
    }
}
