//! What `PostgreSQL` takes and the engine does not, said in other words before it is planned.
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{
        ArrayElemTypeDef, CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArg,
        FunctionArgExpr, FunctionArguments, LimitClause, Statement, Value, ValueWithSpan,
        visit_expressions, visit_expressions_mut,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};
use pgwire::api::Type;

use super::{looking, naming};

/// Parameters of which a type is noted.
const NOTED_MAX: usize = 1_000;

/// Rewrites a query; `declared` are the types of its parameters, and gain those that its words say.
pub(super) fn rewrite(statement: &mut Statement, declared: &mut Vec<Option<Type>>) {
    let is_of_catalog = looking::is_of_catalog(statement);
    let _: ControlFlow<()> = visit_expressions(statement, |expr| {
        if let Some((number, kind)) = said_of_parameter(expr) {
            note(declared, number, kind);
        }
        ControlFlow::Continue(())
    });
    for number in limits(statement) {
        note(declared, number, Type::INT8);
    }
    let _: ControlFlow<()> = visit_expressions_mut(statement, |expr| {
        let looked = if is_of_catalog { looking::in_other_words(expr) } else { None };
        if let Some(other) = looked.or_else(|| in_other_words(expr, declared)) {
            *expr = other;
        }
        ControlFlow::Continue(())
    });
    if let Statement::Query(query) = statement {
        naming::name_columns(&mut query.body);
    }
}

/// The parameters that say how many rows, and from which on.
fn limits(statement: &Statement) -> Vec<usize> {
    let Statement::Query(query) = statement else { return Vec::new() };
    let Some(LimitClause::LimitOffset { limit, offset, .. }) = &query.limit_clause else {
        return Vec::new();
    };
    let offset = offset.as_ref().map(|offset| &offset.value);
    limit.iter().chain(offset).filter_map(parameter).collect()
}

fn note(declared: &mut Vec<Option<Type>>, number: usize, kind: Type) {
    if !(1..=NOTED_MAX).contains(&number) {
        return;
    }
    if declared.len() < number {
        declared.resize(number, None);
    }
    if let Some(known) = declared.get_mut(number - 1)
        && known.as_ref().is_none_or(|known| *known == Type::UNKNOWN)
    {
        *known = Some(kind);
    }
}

/// The type of a parameter, where it is cast to one or stands where a list is meant.
fn said_of_parameter(expr: &Expr) -> Option<(usize, Type)> {
    match expr {
        Expr::Cast { expr: inner, data_type, .. } => Some((parameter(inner)?, wire_of(data_type)?)),
        Expr::Function(function) if is_named(function, "array_contains") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            match list.args.first()? {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(first)) => {
                    Some((parameter(first)?, Type::TEXT_ARRAY))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The number of a parameter.
fn parameter(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => {
            name.strip_prefix('$')?.parse().ok()
        }
        _ => None,
    }
}

fn wire_of(data_type: &DataType) -> Option<Type> {
    let word = data_type.to_string().to_uppercase();
    Some(match word.split(['(', ' ']).next()? {
        "BIGINT" | "INT8" => Type::INT8,
        "INT" | "INTEGER" | "INT4" => Type::INT4,
        "SMALLINT" | "INT2" => Type::INT2,
        "DOUBLE" | "FLOAT8" => Type::FLOAT8,
        "REAL" | "FLOAT4" => Type::FLOAT4,
        "BOOL" | "BOOLEAN" => Type::BOOL,
        "NUMERIC" | "DECIMAL" => Type::NUMERIC,
        "DATE" => Type::DATE,
        "TIMESTAMPTZ" => Type::TIMESTAMPTZ,
        "TIMESTAMP" if word.contains("WITH TIME ZONE") => Type::TIMESTAMPTZ,
        "TIMESTAMP" => Type::TIMESTAMP,
        "TEXT" | "VARCHAR" if !word.ends_with(']') => Type::TEXT,
        _ => return None,
    })
}

fn in_other_words(expr: &Expr, declared: &[Option<Type>]) -> Option<Expr> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }) => {
            let place = parameter(expr)?.checked_sub(1)?;
            let item = item_of(declared.get(place)?.as_ref()?)?;
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
        // Its own letter that takes the meaning from others.
        Expr::Like {
            negated: false,
            expr: text,
            pattern,
            escape_char: Some(letter),
            any: false,
        } => escaped(&format!("({text}) LIKE"), pattern, letter),
        Expr::Like {
            negated: true,
            expr: text,
            pattern,
            escape_char: Some(letter),
            any: false,
        } => escaped(&format!("({text}) NOT LIKE"), pattern, letter),
        Expr::ILike {
            negated: false,
            expr: text,
            pattern,
            escape_char: Some(letter),
            any: false,
        } => escaped(&format!("({text}) ILIKE"), pattern, letter),
        _ => None,
    }
}

pub(super) fn is_named(function: &Function, name: &str) -> bool {
    function.name.to_string().eq_ignore_ascii_case(name)
}

/// The engine knows the backslash only.
fn escaped(before: &str, pattern: &Expr, letter: &ValueWithSpan) -> Option<Expr> {
    let Value::SingleQuotedString(letter) = &letter.value else { return None };
    if letter == "\\" || letter.chars().count() != 1 || letter == "'" {
        return None;
    }
    said(&format!("{before} replace({pattern}, '{letter}', '\\')"))
}

/// The expression of a text.
pub(super) fn said(text: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

/// What a declared list is of.
fn item_of(declared: &Type) -> Option<DataType> {
    Some(match *declared {
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => DataType::Text,
        Type::INT2_ARRAY | Type::INT4_ARRAY | Type::INT8_ARRAY => DataType::BigInt(None),
        Type::FLOAT8_ARRAY => DataType::Double(ExactNumberInfo::None),
        _ => return None,
    })
}

pub(super) fn list(item: DataType) -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), None))
}

pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    let kind = CastKind::DoubleColon;
    Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap();
        rewrite(&mut statements[0], &mut vec![Some(Type::TEXT_ARRAY), Some(Type::INT4)]);
        assert_eq!(statements[0].to_string().replace(naming::MARK, "#"), expected);
    }

    #[test]
    fn columns_have_the_names_that_clients_look_for_and_each_its_own() {
        check("SELECT id, x.id AS y FROM x", "SELECT id, x.id AS y FROM x");
        check("SELECT count(*), 1 + 1", "SELECT count(*) AS \"count\", 1 + 1 AS \"?column?\"");
        check("SELECT id, id FROM x", "SELECT id, id AS \"id#1\" FROM x");
        check(
            "SELECT 1.5, 1.5::numeric",
            "SELECT 1.5 AS \"?column?\", 1.5::NUMERIC AS \"numeric\"",
        );
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
    fn words_say_of_which_type_a_parameter_is() {
        let text =
            "SELECT $1::bigint, CAST($2 AS timestamptz), array_contains($4, 'x') FROM x LIMIT $5";
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap();
        let mut declared = vec![Some(Type::UNKNOWN), Some(Type::TEXT)];
        rewrite(&mut statements[0], &mut declared);
        let [number, text] = [Type::INT8, Type::TEXT].map(Some);
        let list = Some(Type::TEXT_ARRAY);
        assert_eq!(declared, [number.clone(), text, None, list, number]);
    }

    #[test]
    fn a_letter_of_ones_own_is_the_backslash() {
        check(
            "SELECT id FROM x WHERE id NOT LIKE 'pg/_%' ESCAPE '/'",
            "SELECT id FROM x WHERE (id) NOT LIKE replace('pg/_%', '/', '\\')",
        );
    }
}
