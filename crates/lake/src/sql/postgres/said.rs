//! What a text of a client says: queries, and the small talk of sessions around them.
use std::sync::LazyLock;

use datafusion::{
    error::DataFusionError,
    sql::sqlparser::{
        ast::{
            CloseCursor, Declare, Expr, FetchDirection, Ident, ObjectName, Reset, Set, Statement,
            Value, ValueWithSpan,
        },
        parser::ParserError,
    },
};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use crate::sql::{QueryError, check};

/// Knows what clients say that the engine has no words for. Made once: it reads a page of texts.
static PARSER: LazyLock<PostgresCompatibilityParser> =
    LazyLock::new(PostgresCompatibilityParser::new);

/// One statement.
#[derive(Clone, Debug)]
pub enum Said {
    /// Something to answer.
    Query(Query),
    /// `SET name = value`; `None` stands for the default.
    Set {
        /// What is set, in small letters.
        name: String,
        /// To what.
        value: Option<String>,
    },
    /// `RESET ALL`.
    ResetAll,
    /// `SHOW name`.
    Show {
        /// What is shown, in small letters.
        name: String,
    },
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// What means nothing where nothing changes, with the word it is answered by.
    Noted(&'static str),
    /// `DISCARD`.
    Discard,
    /// `DEALLOCATE name`; `None` stands for all.
    Deallocate(Option<String>),
    /// `DECLARE name CURSOR FOR query`.
    Declare {
        /// The cursor.
        name: String,
        /// What it walks over.
        query: Query,
    },
    /// `FETCH rows FROM name`; `None` stands for all that are left.
    Fetch {
        /// The cursor.
        name: String,
        /// How many.
        rows: Option<usize>,
    },
    /// `CLOSE name`; `None` stands for all.
    Close(Option<String>),
}

/// A query that was read.
#[derive(Clone, Debug)]
pub struct Query(pub(super) Box<Statement>);

/// The statements of a text.
pub(super) fn read(text: &str) -> Result<Vec<Said>, QueryError> {
    check::bounded(text)?;
    let no_sql =
        |error: ParserError| QueryError::of(&DataFusionError::SQL(Box::new(error), None), &[]);
    PARSER.parse(text).map_err(no_sql)?.into_iter().map(said).collect()
}

fn said(statement: Statement) -> Result<Said, QueryError> {
    Ok(match statement {
        Statement::Set(set) => set_of(set)?,
        Statement::Reset(reset) => match reset.reset {
            Reset::ALL => Said::ResetAll,
            Reset::ConfigurationParameter(name) => Said::Set { name: small(&name), value: None },
        },
        Statement::ShowVariable { variable } => Said::Show { name: shown(&variable) },
        Statement::StartTransaction { .. } => Said::Begin,
        Statement::Commit { .. } => Said::Commit,
        Statement::Rollback { savepoint: Some(_), .. } => Said::Noted("ROLLBACK"),
        Statement::Rollback { .. } => Said::Rollback,
        Statement::Savepoint { .. } => Said::Noted("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => Said::Noted("RELEASE"),
        Statement::LISTEN { .. } => Said::Noted("LISTEN"),
        Statement::UNLISTEN { .. } => Said::Noted("UNLISTEN"),
        Statement::Discard { .. } => Said::Discard,
        Statement::Deallocate { name, .. } => Said::Deallocate(unless_all(name)),
        Statement::Close { cursor: CloseCursor::All } => Said::Close(None),
        Statement::Close { cursor: CloseCursor::Specific { name } } => {
            Said::Close(Some(name.value))
        }
        Statement::Fetch { name, direction, .. } => {
            Said::Fetch { name: name.value, rows: rows_of(&direction)? }
        }
        Statement::Declare { stmts } => cursor(stmts)?,
        other => Said::Query(Query(Box::new(other))),
    })
}

fn set_of(set: Set) -> Result<Said, QueryError> {
    Ok(match set {
        Set::SingleAssignment { variable, values, .. } => {
            let value = values.iter().map(text_of).collect::<Vec<_>>().join(", ");
            let is_default = value.eq_ignore_ascii_case("default");
            Said::Set { name: small(&variable), value: (!is_default).then_some(value) }
        }
        Set::SetTimeZone { value, .. } => {
            Said::Set { name: "timezone".to_owned(), value: Some(text_of(&value)) }
        }
        Set::SetNames { charset_name, .. } => {
            Said::Set { name: "client_encoding".to_owned(), value: Some(charset_name.value) }
        }
        Set::SetTransaction { .. } | Set::SetNamesDefault {} => Said::Noted("SET"),
        other => {
            return Err(QueryError::Refused(format!("{other} is not answered here")));
        }
    })
}

fn small(name: &ObjectName) -> String {
    name.to_string().replace('"', "").to_lowercase()
}

/// `TRANSACTION ISOLATION LEVEL` and `TIME ZONE` are settings of other names.
fn shown(words: &[Ident]) -> String {
    let name = words.iter().map(|word| word.value.to_lowercase()).collect::<Vec<_>>().join(" ");
    match name.as_str() {
        "transaction isolation level" => "transaction_isolation".to_owned(),
        "time zone" => "timezone".to_owned(),
        _ => name.replace(' ', "."),
    }
}

fn text_of(value: &Expr) -> String {
    match value {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => text.clone(),
        Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

fn unless_all(name: Ident) -> Option<String> {
    let is_all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
    (!is_all).then_some(name.value)
}

fn rows_of(direction: &FetchDirection) -> Result<Option<usize>, QueryError> {
    let forward =
        || QueryError::Refused("a cursor goes forward only: FETCH n, FETCH ALL".to_owned());
    let number = |limit: &ValueWithSpan| match &limit.value {
        Value::Number(number, _) => number.parse().map(Some).map_err(|_| forward()),
        _ => Err(forward()),
    };
    match direction {
        FetchDirection::Next | FetchDirection::Forward { limit: None } => Ok(Some(1)),
        FetchDirection::Count { limit } | FetchDirection::Forward { limit: Some(limit) } => {
            number(limit)
        }
        FetchDirection::All | FetchDirection::ForwardAll => Ok(None),
        _ => Err(forward()),
    }
}

fn cursor(stmts: Vec<Declare>) -> Result<Said, QueryError> {
    let one = stmts.into_iter().next();
    let parts = one.and_then(|one| Some((one.names.into_iter().next()?, one.for_query?)));
    let (name, query) = parts.ok_or_else(|| {
        QueryError::Refused("DECLARE is for cursors: DECLARE name CURSOR FOR SELECT …".to_owned())
    })?;
    Ok(Said::Declare { name: name.value, query: Query(Box::new(Statement::Query(query))) })
}
