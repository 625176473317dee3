//! Names of columns as `PostgreSQL` gives them, and each of its own while the engine looks.
use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem, SetExpr};

/// Between a name and the number that tells it from others; the client does not see it.
pub(super) const MARK: char = '\u{1}';
/// What the reader of texts puts before names that are told twice.
const TOLD_TWICE: &str = "__alias_";

/// The name of a column as the client sees it.
pub(super) fn seen(name: &str) -> &str {
    let name = name.split(MARK).next().unwrap_or(name);
    name.strip_prefix(TOLD_TWICE).unwrap_or(name)
}

/// Gives columns the names that clients look for, and each a name of its own.
pub(super) fn name_columns(body: &mut SetExpr) {
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

    #[test]
    fn the_client_does_not_see_what_tells_names_apart() {
        assert_eq!(seen("id\u{1}2"), "id");
        assert_eq!(seen("__alias_id"), "id");
        assert_eq!(seen("?column?"), "?column?");
    }
}
