//! What is a query, and what is refused: everything that could change, read or reveal more than the
//! tables.
use datafusion::{
    common::tree_node::TreeNodeRecursion,
    error::DataFusionError,
    execution::session_state::SessionState,
    logical_expr::LogicalPlan,
    prelude::SQLOptions,
    sql::{
        parser::{DFParser, Statement as Parsed},
        sqlparser::{
            ast::Statement,
            dialect::GenericDialect,
            keywords::Keyword,
            tokenizer::{Token, Tokenizer},
        },
    },
};

use super::QueryError;

/// Bytes of a query.
const TEXT_MAX: usize = 64 * 1024;
/// Operators and key words of a query. The engine walks plans by functions that call themselves, so
/// this bounds the stack that it needs and the time in which it plans; a list of values may be longer.
const STEPS_MAX: usize = 1_000;
/// Tells of paths and settings of the machine.
const SETTINGS: &str = "df_settings";

/// The plan of a text that is one query.
pub(super) async fn plan(
    state: &SessionState,
    sql: &str,
    tables: &[String],
) -> Result<LogicalPlan, QueryError> {
    let told = |error: DataFusionError| QueryError::of(&error, tables);
    bounded(sql)?;
    let mut statements = DFParser::parse_sql(sql).map_err(told)?;
    let (Some(statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return Err(QueryError::Refused("send one query, and nothing else".to_owned()));
    };
    plan_of(state, statement, tables).await
}

/// The plan of a statement that is a query.
pub(super) async fn plan_of(
    state: &SessionState,
    statement: Parsed,
    tables: &[String],
) -> Result<LogicalPlan, QueryError> {
    let told = |error: DataFusionError| QueryError::of(&error, tables);
    must_be_query(&statement)?;
    let plan = state.statement_to_plan(statement).await.map_err(told)?;
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false);
    let refused = |error: DataFusionError| QueryError::Changes(error.strip_backtrace());
    reading.with_allow_statements(false).verify_plan(&plan).map_err(refused)?;
    must_only_read(&plan)?;
    Ok(plan)
}

pub(super) fn bounded(sql: &str) -> Result<(), QueryError> {
    if sql.len() > TEXT_MAX {
        let message = format!("a query may have {TEXT_MAX} bytes; this has {}", sql.len());
        return Err(QueryError::TooMuch(message));
    }
    // What cannot be cut into words is refused by the parser, with the place.
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap_or_default();
    let count = tokens.iter().filter(|token| is_step(token)).count();
    if count > STEPS_MAX {
        let message = format!(
            "a query may have {STEPS_MAX} operators and key words; this has {count}. For a long list \
             of values, use IN"
        );
        return Err(QueryError::TooMuch(message));
    }
    Ok(())
}

/// Whether a plan may be deeper for it.
fn is_step(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::Comma
        | Token::Whitespace(_)
        | Token::Period
        | Token::RParen
        | Token::SemiColon => false,
        _ => true,
    }
}

/// What changes nothing, and is not answered all the same.
const READS: [&str; 7] = ["EXPLAIN", "SHOW", "SET", "RESET", "PREPARE", "EXECUTE", "DESCRIBE"];

fn must_be_query(statement: &Parsed) -> Result<(), QueryError> {
    if let Parsed::Statement(statement) = statement
        && let Statement::Query(_)
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ExplainTable { .. } = **statement
    {
        return Ok(());
    }
    let text = statement.to_string();
    let word = text.split_whitespace().next().unwrap_or_default().to_uppercase();
    let told = if READS.contains(&&*word) { QueryError::Refused } else { QueryError::Changes };
    Err(told(format!(
        "{word} is not answered here: send a query (SELECT, WITH, VALUES), DESCRIBE, SHOW TABLES or \
         SHOW COLUMNS; nothing can be changed by SQL"
    )))
}

/// The steps that are known to read and no more; what a later engine adds is refused until it is
/// looked at.
fn must_only_read(plan: &LogicalPlan) -> Result<(), QueryError> {
    let mut refused = None;
    let walked = plan.apply_with_subqueries(|step| {
        refused = refused_step(step);
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(|error| QueryError::Defect(error.strip_backtrace()))?;
    refused.map_or(Ok(()), |what| {
        Err(QueryError::Refused(format!("{what} is not answered here; send a query that reads")))
    })
}

fn refused_step(step: &LogicalPlan) -> Option<String> {
    match step {
        LogicalPlan::TableScan(scan) if scan.table_name.table() == SETTINGS => {
            Some(format!("information_schema.{SETTINGS}"))
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => None,
        other => {
            let text = other.display().to_string();
            Some(text.split([':', ' ']).next().unwrap_or_default().to_owned())
        }
    }
}
