//! A query with its values, under way: rows go out as they come, or some at a time.
use std::{collections::VecDeque, sync::Arc};

use pgwire::{
    api::{portal::Format, results::FieldInfo},
    messages::{
        PgWireBackendMessage,
        data::{DataRow, FieldDescription, NoData, RowDescription},
        extendedquery::PortalSuspended,
        response::CommandComplete,
    },
};
use sessionary_lake::sql::{
    Answer,
    postgres::{Bound, Prepared, Query, Said},
};

use super::{failure::Failure, session::Session, stop::Stop, talk::column};

/// Portals of one connection.
const PORTALS_MAX: usize = 64;

/// A query with its values.
pub(super) struct Portal {
    asks: Asks,
    state: State,
}

enum Asks {
    Query { prepared: Arc<Prepared>, bound: Box<Bound> },
    Talk(Box<Said>),
    Nothing,
}

enum State {
    Ready,
    Running(Rows),
    Over,
}

/// Rows on their way.
struct Rows {
    answer: Answer<Vec<DataRow>>,
    left: VecDeque<DataRow>,
}

/// How far a portal went.
enum Went {
    /// There may be more.
    SoFar,
    /// There is no more.
    ToTheEnd,
}

impl Portal {
    /// A query without values, answered in text.
    pub(super) fn plain(prepared: Prepared) -> Portal {
        Portal::of(Arc::new(prepared), Bound::plain())
    }

    pub(super) fn of(prepared: Arc<Prepared>, bound: Bound) -> Portal {
        Portal { asks: Asks::Query { prepared, bound: Box::new(bound) }, state: State::Ready }
    }

    pub(super) fn talk(said: Said) -> Portal {
        Portal { asks: Asks::Talk(Box::new(said)), state: State::Ready }
    }

    pub(super) fn nothing() -> Portal {
        Portal { asks: Asks::Nothing, state: State::Ready }
    }

    /// The small talk that it is, if it is none about rows.
    pub(super) fn said(&self) -> Option<Said> {
        match &self.asks {
            Asks::Talk(said) => Some(Said::clone(said)),
            Asks::Query { .. } | Asks::Nothing => None,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.asks, Asks::Nothing)
    }

    /// The columns of its rows.
    pub(super) fn fields(&self) -> Vec<FieldInfo> {
        match &self.asks {
            Asks::Query { prepared, bound } => prepared.fields(&bound.format),
            Asks::Talk(said) => fields_of_talk(said),
            Asks::Nothing => Vec::new(),
        }
    }
}

pub(super) fn fields_of_talk(said: &Said) -> Vec<FieldInfo> {
    match said {
        Said::Show { name } => vec![column(name)],
        _ => Vec::new(),
    }
}

impl Session {
    pub(super) async fn prepare(
        &mut self,
        query: Query,
        declared: Vec<Option<pgwire::api::Type>>,
    ) -> Result<Prepared, Stop> {
        let (desk, who) = (Arc::clone(&self.front.queries.desk), self.who());
        self.unless_ended(async move { desk.prepare(query, who, declared).await }).await
    }

    pub(super) fn keep_portal(&mut self, name: String, portal: Portal) -> Result<(), Stop> {
        if self.portals.len() >= PORTALS_MAX && !self.portals.contains_key(&name) {
            let says = format!("{PORTALS_MAX} cursors are open; close those that are done");
            return Err(Failure::error("53000", says).into());
        }
        if !name.is_empty() && self.portals.contains_key(&name) {
            return Err(
                Failure::error("42P03", format!("there is a cursor {name:?} already")).into()
            );
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    /// All rows, or at most some; then the word for what was done, or that there may be more.
    pub(super) async fn run_portal(
        &mut self,
        portal: &mut Portal,
        most: Option<usize>,
    ) -> Result<(), Stop> {
        let (count, went) = self.some(portal, most).await?;
        match went {
            Went::ToTheEnd => self.complete(&format!("SELECT {count}")).await,
            Went::SoFar => {
                self.tell(PgWireBackendMessage::PortalSuspended(PortalSuspended::new())).await
            }
        }
    }

    /// Some rows of a cursor.
    pub(super) async fn fetch(
        &mut self,
        portal: &mut Portal,
        most: Option<usize>,
    ) -> Result<(), Stop> {
        let (count, _) = self.some(portal, most).await?;
        self.complete(&format!("FETCH {count}")).await
    }

    async fn some(
        &mut self,
        portal: &mut Portal,
        most: Option<usize>,
    ) -> Result<(usize, Went), Stop> {
        if let (State::Ready, Asks::Query { prepared, bound }) = (&portal.state, &portal.asks) {
            portal.state = State::Running(self.begin(prepared, bound).await?);
        }
        let State::Running(rows) = &mut portal.state else { return Ok((0, Went::ToTheEnd)) };
        let mut count = 0;
        loop {
            while most.is_none_or(|most| count < most)
                && let Some(row) = rows.left.pop_front()
            {
                self.tell(PgWireBackendMessage::DataRow(row)).await?;
                count += 1;
            }
            if most.is_some_and(|most| count >= most) {
                return Ok((count, Went::SoFar));
            }
            let next = self.unless_ended(async { rows.answer.next().await.transpose() }).await;
            match next {
                Ok(Some(some)) => rows.left = some.into(),
                Ok(None) => {
                    portal.state = State::Over;
                    return Ok((count, Went::ToTheEnd));
                }
                Err(stop) => {
                    portal.state = State::Over;
                    return Err(stop);
                }
            }
        }
    }

    async fn begin(&self, prepared: &Prepared, bound: &Bound) -> Result<Rows, Stop> {
        let source = self.source()?;
        let (desk, time) = (&self.front.queries.desk, self.variables.statement_timeout());
        let answer = desk.rows(source, prepared, bound.clone(), time);
        Ok(Rows { answer: self.unless_ended(answer).await?, left: VecDeque::new() })
    }

    pub(super) async fn complete(&mut self, tag: &str) -> Result<(), Stop> {
        let message = CommandComplete::new(tag.to_owned());
        self.tell(PgWireBackendMessage::CommandComplete(message)).await
    }

    pub(super) async fn tell_columns(&mut self, fields: &[FieldInfo]) -> Result<(), Stop> {
        let fields: Vec<FieldDescription> = fields.iter().map(Into::into).collect();
        self.tell(PgWireBackendMessage::RowDescription(RowDescription::new(fields))).await
    }

    /// The columns of what may have none.
    pub(super) async fn describe(&mut self, fields: &[FieldInfo]) -> Result<(), Stop> {
        if fields.is_empty() {
            return self.tell(PgWireBackendMessage::NoData(NoData::new())).await;
        }
        self.tell_columns(fields).await
    }

    /// The format of columns before anybody has said which: text.
    pub(super) fn unsaid() -> Format {
        Format::UnifiedText
    }
}
