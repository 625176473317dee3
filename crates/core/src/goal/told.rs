//! What a session has reached, as its record tells it.
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::{GoalKind, Reached, Standing};
use crate::{
    content::Content,
    dictionary::field,
    disposition::{self, code},
    outcome::Outcome,
    time::UnixMillis,
    value::Value,
};

/// A goal that a session has reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The definition's id; `disposition.9` or `disposition.10` for the outcome that a disposition
    /// is.
    pub id: String,
    /// Its name when it was reached.
    pub name: String,
    /// When, in event time.
    pub at: UnixMillis,
    /// With which signal.
    pub signal: Option<String>,
    /// Of an outcome, what it is worth.
    pub value: Option<Decimal>,
    /// Of a segment, when the assignment lapses.
    pub expires_at: Option<UnixMillis>,
}

/// The outcomes that the session has reached under its tenant's definitions, and the conversion
/// that its disposition is, in order of time. What came as data is not among them.
pub fn outcomes(content: &Content, outcome: &Outcome) -> Vec<Told> {
    let mut told = of_kind(content, GoalKind::Outcome);
    if matches!(outcome.code, code::SUBSCRIBE | code::CONVERT) {
        told.push(conversion(outcome));
    }
    sorted(told)
}

/// The segments that the session was put into under its tenant's definitions, in order of time.
pub fn segments(content: &Content) -> Vec<Told> {
    sorted(of_kind(content, GoalKind::Segment))
}

/// The names of outcomes that were wished for and reached.
pub(crate) fn achieved_names(content: &Content) -> impl Iterator<Item = &str> {
    let reached = reached(content).map(|(_, reached)| reached);
    let wished = reached.filter(|one| one.kind == GoalKind::Outcome && !one.feared);
    wished.map(|one| &*one.name)
}

/// Puts both lists into the record, behind what came as data; empty lists are left out.
pub(crate) fn add_to(record: &mut Map<String, Json>, content: &Content, outcome: &Outcome) {
    let outcomes = outcomes(content, outcome).into_iter().map(|told| {
        let mut json = shown(&told);
        if let Some(value) = told.value {
            json.insert("value".to_owned(), json!(value.to_string()));
        }
        Json::Object(json)
    });
    let segments = segments(content).into_iter().map(|told| {
        let mut json = shown(&told);
        json.insert("scope".to_owned(), json!("session"));
        if let Some(at) = told.expires_at {
            json.insert("expires_at".to_owned(), json!(at.to_string()));
        }
        Json::Object(json)
    });
    for (name, number, computed) in [
        ("outcomes", field::OUTCOMES, outcomes.collect::<Vec<_>>()),
        ("segments", field::SEGMENTS, segments.collect::<Vec<_>>()),
    ] {
        if computed.is_empty() {
            continue;
        }
        let mut all = came_as_data(content.fields.get(&number));
        all.extend(computed);
        record.insert(name.to_owned(), Json::Array(all));
    }
}

fn came_as_data(value: Option<&Value>) -> Vec<Json> {
    match value.map(Value::to_json) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(list)) => list,
        Some(one) => vec![one],
    }
}

fn shown(told: &Told) -> Map<String, Json> {
    let pairs = [
        ("id", json!(told.id)),
        ("name", json!(told.name)),
        ("at", json!(told.at.to_string())),
        ("signal", json!(told.signal)),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn reached(content: &Content) -> impl Iterator<Item = (&str, &Reached)> {
    content.goals.iter().filter_map(|(id, standing)| match standing {
        Standing::Reached(reached) => Some((&**id, &**reached)),
        Standing::OnTheWay(_) => None,
    })
}

fn of_kind(content: &Content, kind: GoalKind) -> Vec<Told> {
    let of_kind = reached(content).filter(|(_, reached)| reached.kind == kind);
    let told = of_kind.map(|(id, reached)| Told {
        id: id.to_owned(),
        name: reached.name.to_string(),
        at: reached.at,
        signal: Some(reached.signal.to_string()),
        value: reached.value,
        expires_at: reached.expires_at(),
    });
    told.collect()
}

fn conversion(outcome: &Outcome) -> Told {
    Told {
        id: format!("disposition.{}", outcome.code),
        name: disposition::name_of(outcome.code),
        at: outcome.at,
        signal: outcome.evidence.first().cloned(),
        value: None,
        expires_at: None,
    }
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    told.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    told
}
