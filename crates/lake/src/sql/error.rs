//! Why a query has no answer, for the person who wrote it.
use std::error::Error;

use arrow::error::ArrowError;
use datafusion::{
    common::{Column, SchemaError, utils::datafusion_strsim::levenshtein},
    error::DataFusionError,
};

use crate::LakeError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It is no query, or not only one.
    #[error("{0}")]
    Refused(String),
    /// It would change something.
    #[error("{0}")]
    Changes(String),
    /// It is written as no SQL is.
    #[error("{0}")]
    NoSql(String),
    /// It names a table that there is not.
    #[error("{0}")]
    NoTable(String),
    /// It names a column that there is not.
    #[error("{0}")]
    NoColumn(String),
    /// It calls a function that there is not.
    #[error("{0}")]
    NoFunction(String),
    /// A value is none of its type.
    #[error("{0}")]
    BadValue(String),
    /// It divides by zero.
    #[error("{0}")]
    NoNumber(String),
    /// It computes what cannot be computed, or asks for what there is not.
    #[error("{0}")]
    Wrong(String),
    /// It takes more than it may: its text, or rows of its answer.
    #[error("{0}")]
    TooMuch(String),
    /// It takes more memory than there is for queries.
    #[error("{0}")]
    TooLarge(String),
    /// It was not answered in time.
    #[error("{0}")]
    TooLate(String),
    /// As many queries are being answered as may be.
    #[error(
        "{concurrent} queries are being answered, which is as many as may be ([query] concurrent)"
    )]
    Busy {
        /// How many may be.
        concurrent: usize,
    },
    /// A file was replaced while it was being read.
    #[error("a file of the lake was replaced while the query read it; ask again")]
    Moved,
    /// A file of the lake is damaged. Names it.
    #[error("{0}")]
    Damaged(String),
    /// The files of the lake cannot be read now. Names one.
    #[error("{0}")]
    Away(String),
    /// A defect of ours, or of the engine.
    #[error("the query met a defect: {0}")]
    Defect(String),
    /// The rows cannot be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl QueryError {
    /// What the engine says, in words for the person who asked; `tables`: the names there are.
    pub(super) fn of(error: &DataFusionError, tables: &[String]) -> QueryError {
        let place = place(error);
        if let Some(lake) = lake_error(error) {
            return of_lake(lake);
        }
        match error.find_root() {
            DataFusionError::SQL(parser, _) => {
                QueryError::NoSql(format!("this is no SQL: {}", parser_says(&parser.to_string())))
            }
            DataFusionError::SchemaError(schema, _) => match &**schema {
                SchemaError::FieldNotFound { field, valid_fields } => {
                    QueryError::NoColumn(unknown_column(field, valid_fields, &place))
                }
                other => QueryError::Wrong(format!("{other}{place}")),
            },
            DataFusionError::Plan(says) => match unknown_table(says) {
                Some(name) => QueryError::NoTable(no_table(name, tables, &place)),
                None if says.starts_with("Invalid function") => {
                    QueryError::NoFunction(format!("{}{place}", first_line(says)))
                }
                None => QueryError::Wrong(format!("{}{place}", first_line(says))),
            },
            DataFusionError::ResourcesExhausted(_) => QueryError::TooLarge(
                "the query needs more memory than there is for queries ([query] memory_bytes); \
                 narrow it with WHERE, select fewer columns, or sort less"
                    .to_owned(),
            ),
            DataFusionError::NotImplemented(says) => {
                QueryError::Wrong(format!("not supported: {}", first_line(says)))
            }
            DataFusionError::Internal(says) => QueryError::Defect(first_line(says).to_owned()),
            DataFusionError::ArrowError(arrow, _)
                if matches!(**arrow, ArrowError::CastError(_) | ArrowError::ParseError(_)) =>
            {
                QueryError::BadValue(format!("{}{place}", first_line(&arrow.to_string())))
            }
            DataFusionError::ArrowError(arrow, _)
                if matches!(**arrow, ArrowError::DivideByZero) =>
            {
                QueryError::NoNumber(format!("{arrow}{place}"))
            }
            DataFusionError::External(beside) => QueryError::Defect(beside.to_string()),
            DataFusionError::ParquetError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_) => QueryError::Damaged(format!(
                "a file of the lake cannot be read: {}; `sessionary lake check` names it",
                first_line(&error.message())
            )),
            DataFusionError::ExecutionJoin(_) => QueryError::Defect("it ended early".to_owned()),
            other => QueryError::Wrong(format!("{}{place}", first_line(&other.message()))),
        }
    }
}

/// What the lake itself says, below what the engine makes of it.
fn lake_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a LakeError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(lake) = error.downcast_ref::<LakeError>() {
            return Some(lake);
        }
        next = error.source();
    }
    None
}

/// A file that is gone was there when the query was planned.
fn of_lake(error: &LakeError) -> QueryError {
    let is_gone = |source: &std::io::Error| source.kind() == std::io::ErrorKind::NotFound;
    match error {
        LakeError::File { source, .. } if is_gone(source) => QueryError::Moved,
        LakeError::Damaged { .. } => QueryError::Damaged(error.to_string()),
        LakeError::Parquet { .. } => QueryError::Damaged(with_source(error)),
        LakeError::File { .. } => {
            QueryError::Away(format!("the lake cannot be read now: {}", with_source(error)))
        }
        error => QueryError::Defect(with_source(error)),
    }
}

/// An error with its cause.
fn with_source(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Where in the text it is wrong, as ` (line 1, column 8)`; empty: nobody knows.
fn place(error: &DataFusionError) -> String {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    span.map(|span| format!(" (line {}, column {})", span.start.line, span.start.column))
        .unwrap_or_default()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

/// `sql parser error: Expected: …, found: … at Line: 1, Column: 9` without its beginning.
fn parser_says(text: &str) -> &str {
    text.trim_start_matches("sql parser error: ")
}

fn unknown_column(field: &Column, valid: &[Column], place: &str) -> String {
    let name = &field.name;
    let near = nearest(name, valid.iter().map(Column::name));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "information_schema.columns lists those there are".to_owned(),
    };
    format!("there is no column `{name}`{place}; {hint}")
}

/// The name in `table 'datafusion.public.name' not found`.
fn unknown_table(says: &str) -> Option<&str> {
    says.strip_prefix("table '")?.split('\'').next()
}

fn no_table(name: &str, tables: &[String], place: &str) -> String {
    let own = format!("{}.{}.", super::context::CATALOG, super::context::SCHEMA);
    let name = name.strip_prefix(&own).unwrap_or(name);
    match nearest(name, tables.iter().map(String::as_str)) {
        Some(near) => format!("there is no table `{name}`{place}; did you mean `{near}`?"),
        None => {
            format!("there is no table `{name}`{place}; there are: {}", tables.join(", "))
        }
    }
}

/// The name that is most like another, if one is.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let far = |other: &str| levenshtein(&name, &other.to_lowercase());
    let near = names.map(|other| (far(other), other)).min_by_key(|(far, _)| *far);
    near.filter(|(far, _)| *far <= (name.chars().count() / 3).max(2)).map(|(_, other)| other)
}
