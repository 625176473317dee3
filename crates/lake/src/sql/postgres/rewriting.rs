//! What `PostgreSQL` takes and the engine does not, said in other words before it is planned.
use std::{collections::HashSet, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Function, FunctionArguments, Ident, ObjectName,
    SelectItem, SetExpr, Statement, Value, ValueWithSpan, visit_expressions_mut, visit_relations,
};
use datafusion::sql::sqlparser::{dialect::PostgreSqlDialect, parser::Parser};
use pgwire::api::Type;

/// Between a name and the number that tells it from others; the client does not see it.
const MARK: char = '\u{1}';
/// What the reader of texts puts before names that are told twice.
const TOLD_TWICE: &str = "__alias_";

/// Rewrites a query; `declared` are the types of its parameters.
pub(super) fn rewrite(statement: &mut Statement, declared: &[Option<Type>]) {
    let is_of_catalog = is_of_catalog(statement);
    let _: ControlFlow<()> = visit_expressions_mut(statement, |expr| {
        if let Some(other) = in_other_words(expr, declared, is_of_catalog) {
            *expr = other;
        }
        ControlFlow::Continue(())
    });
    if let Statement::Query(query) = statement {
        name_columns(&mut query.body);
    }
}

/// The name of a column as the client sees it.
pub(super) fn seen(name: &str) -> &str {
    let name = name.split(MARK).next().unwrap_or(name);
    name.strip_prefix(TOLD_TWICE).unwrap_or(name)
}

fn is_of_catalog(statement: &Statement) -> bool {
    let found = visit_relations(statement, |name: &ObjectName| {
        let last = name.0.last().and_then(|part| part.as_ident());
        match last.is_some_and(|name| name.value.starts_with("pg_")) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    found.is_break()
}

fn in_other_words(expr: &Expr, declared: &[Option<Type>], is_of_catalog: bool) -> Option<Expr> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => {
            let number: usize = name.strip_prefix('$')?.parse().ok()?;
            let item = item_of(declared.get(number.checked_sub(1)?)?.as_ref()?)?;
            Some(cast(expr.clone(), list(item)))
        }
        // JSON and ids are texts.
        Expr::Cast {
            expr: inner,
            data_type: DataType::JSON | DataType::JSONB | DataType::Uuid,
            ..
        } => Some(cast(Expr::clone(inner), DataType::Text)),
        Expr::Function(function) if is_named(function, "generate_subscripts") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            said(&format!("unnest(ordinals({}))", list.args.first()?))
        }
        Expr::Function(function) if is_named(function, "array_contains") => lists_first(function)
            .then(|| {
            let (before, after) = split(expr)?;
            said(&format!("array_contains({before}::TEXT[], {after})"))
        })?,
        // Its own letter that takes the meaning from others.
        Expr::Like { negated, expr: text, pattern, escape_char: Some(letter), any: false } => {
            escaped(*negated, text, pattern, "LIKE", letter)
        }
        Expr::ILike { negated, expr: text, pattern, escape_char: Some(letter), any: false } => {
            escaped(*negated, text, pattern, "ILIKE", letter)
        }
        // Lists made of the catalog's rows, of which there are none here that a client asks for.
        Expr::Function(function)
            if is_of_catalog
                && matches!(function.args, FunctionArguments::Subquery(_))
                && is_named(function, "array") =>
        {
            let nothing = Expr::Value(Value::Null.with_empty_span());
            Some(cast(nothing, list(DataType::Text)))
        }
        _ => None,
    }
}

fn is_named(function: &Function, name: &str) -> bool {
    function.name.to_string().eq_ignore_ascii_case(name)
}

/// Whether a parameter of no type stands where a list is meant.
fn lists_first(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    list.args.first().is_some_and(|first| {
        let text = first.to_string();
        text.strip_prefix('$').is_some_and(|number| number.parse::<u16>().is_ok())
    })
}

/// The two values that a function is given.
fn split(expr: &Expr) -> Option<(String, String)> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [first, second] => Some((first.to_string(), second.to_string())),
        _ => None,
    }
}

/// The engine knows the backslash only.
fn escaped(
    negated: bool,
    text: &Expr,
    pattern: &Expr,
    word: &str,
    letter: &ValueWithSpan,
) -> Option<Expr> {
    let Value::SingleQuotedString(letter) = &letter.value else { return None };
    if letter == "\\" || letter.chars().count() != 1 || letter == "'" {
        return None;
    }
    let not = if negated { "NOT " } else { "" };
    said(&format!("({text}) {not}{word} replace({pattern}, '{letter}', '\\')"))
}

/// The expression of a text.
fn said(text: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

/// What a declared list is of.
fn item_of(declared: &Type) -> Option<DataType> {
    Some(match *declared {
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => DataType::Text,
        Type::INT2_ARRAY | Type::INT4_ARRAY | Type::INT8_ARRAY => DataType::BigInt(None),
        Type::FLOAT8_ARRAY => {
            DataType::Double(datafusion::sql::sqlparser::ast::ExactNumberInfo::None)
        }
        _ => return None,
    })
}

fn list(item: DataType) -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), None))
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    let kind = CastKind::DoubleColon;
    Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }
}

/// Gives columns the names that clients look for, and each a name of its own.
fn name_columns(body: &mut SetExpr) {
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { left, .. } => return name_columns(left),
        SetExpr::Query(query) => return name_columns(&mut query.body),
        _ => return,
    };
    let mut taken = HashSet::new();
    for item in &mut select.projection {
        let (name, expr) = match &*item {
            SelectItem::UnnamedExpr(expr) => (name_of(expr), expr),
            SelectItem::ExprWithAlias { expr, alias } => (alias.value.clone(), expr),
            _ => continue,
        };
        let is_plain = matches!(item, SelectItem::ExprWithAlias { .. })
            || matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        let is_first = taken.insert(name.clone());
        if is_plain && is_first {
            continue;
        }
        let alias = if is_first { name } else { format!("{name}{MARK}{}", taken.len()) };
        taken.insert(alias.clone());
        let alias = Ident::with_quote('"', alias);
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

fn name_of(expr: &Expr) -> String {
    let named = match expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()),
        Expr::Function(function) => {
            let last = function.name.0.last().and_then(|part| part.as_ident());
            last.map(|name| name.value.to_lowercase())
        }
        Expr::Nested(inner) => Some(name_of(inner)),
        Expr::Cast { expr: inner, data_type, .. } => match name_of(inner) {
            name if name == NAMELESS => Some(data_type.to_string().to_lowercase()),
            name => Some(name),
        },
        Expr::Case { .. } => Some("case".to_owned()),
        Expr::Exists { .. } => Some("exists".to_owned()),
        Expr::Array(_) => Some("array".to_owned()),
        Expr::Extract { .. } => Some("extract".to_owned()),
        Expr::Interval(_) => Some("interval".to_owned()),
        Expr::Trim { .. } => Some("btrim".to_owned()),
        Expr::Substring { .. } => Some("substring".to_owned()),
        Expr::Position { .. } => Some("position".to_owned()),
        Expr::Ceil { .. } => Some("ceil".to_owned()),
        Expr::Floor { .. } => Some("floor".to_owned()),
        _ => None,
    };
    named.unwrap_or_else(|| NAMELESS.to_owned())
}

/// What a column is called that has no name.
const NAMELESS: &str = "?column?";

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str, declared: &[Option<Type>]) -> String {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap();
        rewrite(&mut statements[0], declared);
        statements[0].to_string().replace(MARK, "#")
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(rewritten(text, &[Some(Type::TEXT_ARRAY), Some(Type::INT4)]), expected);
    }

    #[test]
    fn columns_have_the_names_that_clients_look_for_and_each_its_own() {
        check("SELECT id, x.id AS y FROM x", "SELECT id, x.id AS y FROM x");
        check("SELECT count(*), 1 + 1", "SELECT count(*) AS \"count\", 1 + 1 AS \"?column?\"");
        check(
            "SELECT 1.5, 1.5::numeric",
            "SELECT 1.5 AS \"?column?\", 1.5::NUMERIC AS \"numeric\"",
        );
        check("SELECT id, id FROM x", "SELECT id, id AS \"id#1\" FROM x");
        check(
            "SELECT a AS b, b FROM x UNION SELECT 1, 2",
            "SELECT a AS b, b AS \"b#1\" FROM x UNION SELECT 1, 2",
        );
    }

    #[test]
    fn lists_that_are_declared_are_lists_to_the_planner() {
        check("SELECT id FROM x WHERE f($1, $2)", "SELECT id FROM x WHERE f($1::TEXT[], $2)");
    }

    #[test]
    fn a_letter_of_ones_own_is_the_backslash() {
        check(
            "SELECT id FROM x WHERE id NOT LIKE 'pg/_%' ESCAPE '/'",
            "SELECT id FROM x WHERE (id) NOT LIKE replace('pg/_%', '/', '\\')",
        );
        check(
            "SELECT id FROM x WHERE array_contains($2, id)",
            "SELECT id FROM x WHERE array_contains($2::TEXT[], id)",
        );
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
    fn the_client_does_not_see_what_tells_names_apart() {
        assert_eq!(seen("id\u{1}2"), "id");
        assert_eq!(seen("__alias_id"), "id");
        assert_eq!(seen("?column?"), "?column?");
    }
}
