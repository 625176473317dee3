//! What clients ask of the catalog, in words that the engine knows.
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArguments, GroupByExpr, ObjectName, Query, SelectItem, SetExpr,
    Statement, Value, visit_relations,
};

use super::rewriting::{cast, is_named, list, said};

/// Tables of which nothing here has a row that a client looks for.
const NOTHING: [&str; 8] = [
    "pg_attrdef",
    "pg_sequence",
    "pg_collation",
    "pg_inherits",
    "pg_policy",
    "pg_trigger",
    "pg_rewrite",
    "pg_description",
];

/// What gives one value for many rows.
const ONE_OF_MANY: [&str; 12] = [
    "count",
    "min",
    "max",
    "sum",
    "avg",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "first_value",
    "last_value",
    "json_agg",
];

/// Whether a statement asks a table of the system.
pub(super) fn is_of_catalog(statement: &Statement) -> bool {
    asks_one(statement, |name| name.starts_with("pg_"))
}

fn asks_one<T: datafusion::sql::sqlparser::ast::Visit>(
    asks: &T,
    of: impl Fn(&str) -> bool,
) -> bool {
    let found = visit_relations(asks, |name: &ObjectName| {
        let last = name.0.last().and_then(|part| part.as_ident());
        if last.is_some_and(|name| of(&name.value)) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    found.is_break()
}

/// An expression of a question to the catalog in other words.
pub(super) fn in_other_words(expr: &Expr) -> Option<Expr> {
    let nothing = || Expr::Value(Value::Null.with_empty_span());
    match expr {
        // Lists of rows, of which there are none here that a client looks for.
        Expr::Function(function)
            if matches!(function.args, FunctionArguments::Subquery(_))
                && is_named(function, "array") =>
        {
            Some(cast(nothing(), list(DataType::Text)))
        }
        Expr::Subquery(query) if asks_one(&**query, |name| NOTHING.contains(&name)) => {
            Some(cast(nothing(), DataType::Text))
        }
        Expr::Subquery(query) => Some(Expr::Subquery(Box::new(one_of_many(query)?))),
        _ => None,
    }
}

/// A look-up of one value: the engine wants to be told that one is enough.
fn one_of_many(query: &Query) -> Option<Query> {
    let mut query = query.clone();
    let SetExpr::Select(select) = &mut *query.body else { return None };
    let is_plain = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let [item] = select.projection.as_mut_slice() else { return None };
    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = &*item else {
        return None;
    };
    let is_one = match expr {
        Expr::Function(function) => ONE_OF_MANY.iter().any(|name| is_named(function, name)),
        _ => false,
    };
    if is_one || !is_plain || select.from.is_empty() {
        return None;
    }
    *item = SelectItem::UnnamedExpr(said(&format!("first_value({expr})"))?);
    (query.limit_clause, query.order_by) = (None, None);
    Some(query)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::{dialect::PostgreSqlDialect, parser::Parser};

    use super::super::rewriting::rewrite;

    fn check(text: &str, expected: &str) {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap();
        rewrite(&mut statements[0], &mut Vec::new());
        assert_eq!(statements[0].to_string(), expected);
    }

    #[test]
    fn lists_of_rows_are_left_out_of_questions_to_the_catalog_only() {
        check(
            "SELECT array(SELECT 1) AS a FROM pg_catalog.pg_class",
            "SELECT NULL::TEXT[] AS a FROM pg_catalog.pg_class",
        );
        let own = "SELECT array(SELECT 1) AS a FROM x";
        check(own, own);
    }

    #[test]
    fn a_look_up_is_of_one_value_or_of_nothing() {
        check(
            "SELECT (SELECT t.typname FROM pg_type AS t WHERE t.oid = a.atttypid LIMIT 1) AS t \
             FROM pg_attribute AS a",
            "SELECT (SELECT first_value(t.typname) FROM pg_type AS t WHERE t.oid = a.atttypid) AS t \
             FROM pg_attribute AS a",
        );
        check(
            "SELECT (SELECT d.adbin FROM pg_attrdef AS d WHERE d.adrelid = a.attrelid) AS d \
             FROM pg_attribute AS a",
            "SELECT NULL::TEXT AS d FROM pg_attribute AS a",
        );
        let own = "SELECT (SELECT max(id) FROM x) AS m FROM y";
        check(own, own);
    }
}
