//! What clients say around their queries: transactions, settings, cursors.
//!
//! A transaction changes nothing and holds nothing: each query sees what is there when it begins.
use pgwire::{
    api::{
        Type,
        results::{FieldFormat, FieldInfo},
    },
    messages::{PgWireBackendMessage, data::DataRow, response::TransactionStatus},
};
use sessionary_lake::sql::postgres::Said;

use super::{failure::Failure, portal::Portal, session::Session, stop::Stop};

/// What is answered.
pub(super) enum Reply {
    /// It is done; the word for it.
    Done(&'static str),
    /// A setting.
    Shown(&'static str, String),
    /// Rows of a cursor, which is put back afterwards.
    Rows {
        /// The cursor.
        name: String,
        /// What it walks over.
        portal: Portal,
        /// How many; `None`: all that are left.
        rows: Option<usize>,
    },
}

/// Whether the columns of rows are told before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// They are.
    Told,
    /// The client asked for them already.
    Known,
}

/// The one column of a setting.
pub(super) fn column(name: &str) -> FieldInfo {
    FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text).with_type_size(-1)
}

impl Session {
    /// Does what is said, if it is no query.
    pub(super) async fn talk(&mut self, said: Said) -> Result<Reply, Stop> {
        Ok(match said {
            Said::Begin => {
                self.transaction = TransactionStatus::Transaction;
                Reply::Done("BEGIN")
            }
            Said::Commit => Reply::Done(self.end_transaction("COMMIT")),
            Said::Rollback => Reply::Done(self.end_transaction("ROLLBACK")),
            Said::Noted(word) => {
                if word == "ROLLBACK" {
                    self.transaction = TransactionStatus::Transaction;
                }
                Reply::Done(word)
            }
            Said::Set { name, value } => {
                if let Some((name, value)) = self.variables.set(&name, value.as_deref())? {
                    self.told(name, value).await?;
                }
                Reply::Done("SET")
            }
            Said::ResetAll => {
                self.variables.reset();
                Reply::Done("RESET")
            }
            Said::Show { name } => {
                let (name, value) = self.variables.show(&name)?;
                Reply::Shown(name, value)
            }
            Said::Discard => {
                self.forget_all();
                self.variables.reset();
                Reply::Done("DISCARD ALL")
            }
            Said::Deallocate(name) => {
                self.deallocate(name)?;
                Reply::Done("DEALLOCATE")
            }
            Said::Declare { name, query } => {
                self.must_be_in_transaction()?;
                let prepared = self.prepare(query, Vec::new()).await?;
                self.keep_portal(name, Portal::plain(prepared))?;
                Reply::Done("DECLARE CURSOR")
            }
            Said::Fetch { name, rows } => {
                let portal = self.portals.remove(&name).ok_or_else(|| no_cursor(&name))?;
                Reply::Rows { name, portal, rows }
            }
            Said::Close(name) => {
                self.close_cursor(name)?;
                Reply::Done("CLOSE CURSOR")
            }
            Said::Query(_) => return Err(Failure::protocol("a query is no small talk").into()),
        })
    }

    /// The word that it ends with: what has failed is never committed.
    fn end_transaction(&mut self, word: &'static str) -> &'static str {
        let failed = self.transaction == TransactionStatus::Error;
        self.transaction = TransactionStatus::Idle;
        self.portals.clear();
        if failed { "ROLLBACK" } else { word }
    }

    fn must_be_in_transaction(&self) -> Result<(), Stop> {
        if self.transaction == TransactionStatus::Idle {
            let says = "a cursor lives in a transaction; send BEGIN before DECLARE";
            return Err(Failure::error("25P01", says).into());
        }
        Ok(())
    }

    fn forget_all(&mut self) {
        self.statements.clear();
        self.portals.clear();
    }

    fn deallocate(&mut self, name: Option<String>) -> Result<(), Stop> {
        match name {
            None => self.statements.clear(),
            Some(name) => {
                let none = || Failure::error("26000", format!("there is no statement {name:?}"));
                self.statements.remove(&name).ok_or_else(none)?;
            }
        }
        Ok(())
    }

    fn close_cursor(&mut self, name: Option<String>) -> Result<(), Stop> {
        match name {
            None => self.portals.clear(),
            Some(name) => {
                self.portals.remove(&name).ok_or_else(|| no_cursor(&name))?;
            }
        }
        Ok(())
    }

    pub(super) async fn tell_shown(
        &mut self,
        name: &str,
        value: &str,
        columns: Columns,
    ) -> Result<(), Stop> {
        if columns == Columns::Told {
            self.tell_columns(&[column(name)]).await?;
        }
        let mut row = bytes::BytesMut::with_capacity(value.len() + 4);
        row.extend_from_slice(&u32::try_from(value.len()).unwrap_or(0).to_be_bytes());
        row.extend_from_slice(value.as_bytes());
        self.tell(PgWireBackendMessage::DataRow(DataRow::new(row, 1))).await?;
        self.complete("SHOW").await
    }
}

pub(super) fn no_cursor(name: &str) -> Stop {
    Failure::error("34000", format!("there is no cursor {name:?}")).into()
}
