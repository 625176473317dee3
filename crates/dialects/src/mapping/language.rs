//! The mapping file as it is written, and everything that can be wrong with it.
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;
use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::{Member, by_member},
    disposition::{Author, ClaimPolicy},
    signal::ClaimBody,
};

use super::{
    Mapping, MappingFormat, SignalRule,
    moment::{MomentRule, Spelling, is_year},
    template::{Condition, Expression, Sum, Template},
};
use crate::month;

/// A mapping that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not TOML, or a key that the language does not have.
    #[error("{0}")]
    Toml(String),
    /// A value that the language does not have.
    #[error("`{key}` is {got:?}; {send}")]
    Value {
        /// Where it stands.
        key: String,
        /// What stands there.
        got: String,
        /// What may stand there.
        send: String,
    },
    /// The file has no such column.
    #[error("the mapping speaks of column `{column}`; the file has {has}")]
    NoColumn {
        /// The column.
        column: String,
        /// The columns of the file.
        has: String,
    },
    /// The first row cannot be read.
    #[error("the names of the columns cannot be read: {0}")]
    Header(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    delimiter: Option<String>,
    source: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    session_type: Option<String>,
    #[serde(default)]
    row: RowTable,
    #[serde(default)]
    occurred_at: MomentTable,
    #[serde(default)]
    signal: Vec<SignalTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowTable {
    session_id: Option<String>,
    key: Option<String>,
    #[serde(default)]
    identities: Vec<IdentityTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityTable {
    r#type: String,
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MomentTable {
    column: Option<String>,
    format: Option<String>,
    precision: Option<String>,
    month_column: Option<String>,
    year: Option<i16>,
    file_order_from: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalTable {
    kind: String,
    when: Option<OneOrMany<ConditionTable>>,
    after_ms: Option<ExpressionTable>,
    claim: Option<ClaimTable>,
    #[serde(default)]
    fields: BTreeMap<String, ExpressionTable>,
    #[serde(default)]
    attributes: Vec<Box<str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionTable {
    column: Option<Box<str>>,
    #[serde(default)]
    columns: Vec<Box<str>>,
    equals: Option<Box<str>>,
    not: Option<Box<str>>,
    #[serde(default)]
    one_of: Vec<Box<str>>,
    above: Option<Number>,
    below: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimTable {
    code: u32,
    author: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ExpressionTable {
    Template(String),
    Sum(SumTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SumTable {
    column: Option<Box<str>>,
    #[serde(default)]
    columns: Vec<Box<str>>,
    times: Option<Number>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Part(f64),
}

impl Number {
    fn decimal(self) -> Option<Decimal> {
        match self {
            Number::Whole(number) => Some(number.into()),
            Number::Part(number) => number.to_string().parse().ok(),
        }
    }
}

type Checked<T> = Result<T, MappingError>;

fn wrong<T>(key: &str, got: &str, send: &str) -> Checked<T> {
    Err(MappingError::Value { key: key.into(), got: got.into(), send: send.into() })
}

pub(super) fn parse(text: &str) -> Checked<Mapping> {
    let file: File = toml::from_str(text)
        .map_err(|error| MappingError::Toml(error.to_string().trim().into()))?;
    let identities = file.row.identities.iter().map(|identity| {
        let value = template("row.identities.value", &identity.value)?;
        Ok((identity.r#type.as_str().into(), value))
    });
    let signals = file.signal.into_iter().enumerate();
    let signals = signals.map(|(at, table)| signal_rule(&format!("signal {}", at + 1), table));
    let mapping = Mapping {
        format: format(file.format.as_deref(), file.delimiter.as_deref())?,
        channel: word("channel", file.channel.as_deref(), Channel::from_word, CHANNEL_WORDS)?,
        session_type: word(
            "session_type",
            file.session_type.as_deref(),
            SessionType::from_word,
            TYPE_WORDS,
        )?,
        session: file.row.session_id.map(|text| template("row.session_id", &text)).transpose()?,
        key: file.row.key.map(|text| template("row.key", &text)).transpose()?,
        identities: identities.collect::<Checked<_>>()?,
        moment: moment(file.occurred_at)?,
        signals: signals.collect::<Checked<_>>()?,
        source: file.source.into(),
    };
    if mapping.signals.is_empty() {
        return wrong("signal", "", "write at least one [[signal]] with a `kind`");
    }
    Ok(mapping)
}

const CHANNEL_WORDS: &str = "use web, app, voice, chat, messaging, kiosk, point_of_sale or other";
const TYPE_WORDS: &str = "use phone_call, web_visit, mobile_message, app_visit, kiosk_visit, pos, ecommerce, chat or other";

fn word<T>(
    key: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
    send: &str,
) -> Checked<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    read(text).map_or_else(|| wrong(key, text, send), |word| Ok(Some(word)))
}

fn format(format: Option<&str>, delimiter: Option<&str>) -> Checked<MappingFormat> {
    match (format.unwrap_or("csv"), delimiter) {
        ("ndjson", None) => Ok(MappingFormat::Ndjson),
        ("ndjson", Some(text)) => wrong("delimiter", text, "leave it out: ndjson has none"),
        ("csv", text) => match text.unwrap_or(",").as_bytes() {
            [delimiter] => Ok(MappingFormat::Csv { delimiter: *delimiter }),
            _ => wrong("delimiter", text.unwrap_or_default(), "use one ASCII character"),
        },
        (other, _) => wrong("format", other, "use csv or ndjson"),
    }
}

fn template(key: &str, text: &str) -> Checked<Template> {
    let read = Template::parse(text);
    read.map_or_else(|| wrong(key, text, "write each column's name in braces, as {Name}"), Ok)
}

fn moment(table: MomentTable) -> Checked<MomentRule> {
    let key = "occurred_at";
    match table {
        MomentTable {
            column: Some(column),
            format,
            precision,
            month_column: None,
            year: None,
            file_order_from: None,
        } => {
            let spelling = match format.as_deref() {
                None | Some("iso") => Spelling::Iso,
                Some("unix_s") => Spelling::UnixSeconds,
                Some("unix_ms") => Spelling::UnixMillis,
                Some(pattern) if pattern.contains('%') => Spelling::Pattern(pattern.into()),
                Some(other) => {
                    return wrong(
                        "occurred_at.format",
                        other,
                        "use iso, unix_s, unix_ms or a pattern such as %d/%m/%Y %H:%M",
                    );
                }
            };
            let words = ["ms", "s", "min", "day", "month"];
            let known = |text: &str| words.into_iter().find(|known| *known == text);
            let precision = word(
                "occurred_at.precision",
                precision.as_deref(),
                known,
                "use ms, s, min, day or month",
            )?;
            Ok(MomentRule::Column { column: column.into(), spelling, precision })
        }
        MomentTable {
            column: None,
            format: None,
            precision: None,
            month_column: Some(column),
            year,
            file_order_from,
        } => match (year, file_order_from) {
            (Some(year), None) if is_year(year) => {
                Ok(MomentRule::Month { column: column.into(), year })
            }
            (None, Some(from)) => match year_and_month(&from) {
                Some((year, month)) => {
                    Ok(MomentRule::MonthInFileOrder { column: column.into(), year, month })
                }
                None => wrong(
                    "occurred_at.file_order_from",
                    &from,
                    "use a year and month such as 2008-05",
                ),
            },
            _ => {
                wrong(key, "month_column", "give either `year`, 1970 to 9998, or `file_order_from`")
            }
        },
        MomentTable {
            column: None,
            format: None,
            precision: None,
            month_column: None,
            year: None,
            file_order_from: None,
        } => Ok(MomentRule::Arrival),
        _ => wrong(
            key,
            "a mixture",
            "give `column` with `format` and `precision`, or `month_column` with `year` or `file_order_from`",
        ),
    }
}

fn year_and_month(text: &str) -> Option<(i16, i8)> {
    let (year, month) = text.split_once('-')?;
    let year = year.parse().ok().filter(|year| is_year(*year))?;
    Some((year, month::number(month)?))
}

fn signal_rule(at: &str, table: SignalTable) -> Checked<SignalRule> {
    if table.kind.is_empty() {
        return wrong(&format!("{at}: kind"), "", "use a word such as page_viewed");
    }
    let conditions = match table.when {
        None => Vec::new(),
        Some(OneOrMany::One(condition)) => vec![condition],
        Some(OneOrMany::Many(conditions)) => conditions,
    };
    let conditions = conditions.into_iter().map(|table| condition(at, table));
    let fields = table.fields.into_iter().map(|(path, table)| match by_member(&path) {
        Some(Member::Field(field)) => Ok((field, expression(&format!("{at}: {path}"), table)?)),
        _ => wrong(&format!("{at}: fields"), &path, "use a member of a signal such as page.url or duration_ms, in quotes where it has a dot; other columns belong into `attributes`"),
    });
    let claim = table.claim.map(|claim| match Author::from_word(&claim.author) {
        Some(author) => Ok(ClaimBody { code: claim.code, author, policy: ClaimPolicy::Last }),
        None => wrong(
            &format!("{at}: claim.author"),
            &claim.author,
            "use business, agent, rule, model or timeout",
        ),
    });
    let after_ms = table.after_ms.map(|table| expression(&format!("{at}: after_ms"), table));
    Ok(SignalRule {
        kind: table.kind.into(),
        conditions: conditions.collect::<Checked<_>>()?,
        after_ms: after_ms.transpose()?,
        claim: claim.transpose()?,
        fields: fields.collect::<Checked<_>>()?,
        attributes: table.attributes,
    })
}

fn expression(key: &str, table: ExpressionTable) -> Checked<Expression> {
    Ok(match table {
        ExpressionTable::Template(text) => Expression::Template(template(key, &text)?),
        ExpressionTable::Sum(SumTable { column, columns, times }) => {
            Expression::Sum(sum(key, column, columns, times)?)
        }
    })
}

fn sum(
    key: &str,
    column: Option<Box<str>>,
    columns: Vec<Box<str>>,
    times: Option<Number>,
) -> Checked<Sum> {
    let columns: Vec<_> = column.into_iter().chain(columns).collect();
    if columns.is_empty() {
        return wrong(key, "", "name a `column`, or several as `columns`");
    }
    let times = times.map_or(Some(Decimal::ONE), Number::decimal);
    times.map_or_else(
        || wrong(key, "times", "use a finite number"),
        |times| Ok(Sum { columns, times }),
    )
}

fn condition(at: &str, table: ConditionTable) -> Checked<Condition> {
    let key = format!("{at}: when");
    let send = "name a `column` and one of `equals`, `not`, `one_of`, or `above` and `below`";
    let has_bounds = table.above.is_some() || table.below.is_some();
    let negated = table.not.is_some();
    let words: Vec<_> = table.equals.into_iter().chain(table.not).chain(table.one_of).collect();
    match (table.column, words.is_empty(), has_bounds) {
        (Some(column), false, false) if table.columns.is_empty() => {
            if negated && words.len() > 1 {
                return wrong(&key, "not", send);
            }
            Ok(Condition::Words { column, words, negated })
        }
        (column, true, true) => {
            let bound = |bound: Option<Number>| match bound.map(Number::decimal) {
                Some(None) => wrong(&key, "a bound", "use a finite number"),
                bound => Ok(bound.flatten()),
            };
            let (above, below) = (bound(table.above)?, bound(table.below)?);
            Ok(Condition::Between { sum: sum(&key, column, table.columns, None)?, above, below })
        }
        _ => wrong(&key, "not a condition", send),
    }
}
