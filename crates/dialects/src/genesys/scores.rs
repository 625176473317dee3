//! Outcome scores: how likely a session was to reach an outcome, as models noted it.
use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use sessionary_core::{
    session::Member,
    signal::{Arrival, Signal, kind},
    value::RawJson,
};

use super::{outcomes::Goal, told::Told};

/// The latest score of each outcome, with the greatest that the session had; none were noted: none.
///
/// A score is a note `score_given` with the members `outcome` (an id, or an object with one) and
/// `probability` from 0 to 1.
pub fn outcome_scores(signals: &[(Member, Arrival)]) -> Json {
    let mut scores: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let mut modified = None;
    for (member, arrival) in signals {
        let Some((outcome, probability)) = score(&arrival.signal) else { continue };
        let (latest, greatest) = scores.entry(outcome).or_insert((probability, probability));
        *latest = probability;
        *greatest = greatest.max(probability);
        modified = Some(member.at);
    }
    let mut told = Told::default();
    let list = scores.iter().map(|(id, (latest, greatest))| {
        json!({
            "outcome": {"id": id, "selfUri": Goal::Outcome.uri(id)},
            "probability": latest,
            "sessionMaxProbability": greatest,
        })
    });
    told.put("outcomeScores", list.collect::<Vec<Json>>());
    told.date("modifiedDate", modified);
    told.done()
}

fn score(signal: &Signal) -> Option<(String, f64)> {
    if &*signal.kind != kind::SCORE_GIVEN {
        return None;
    }
    let member = |name: &str| signal.attributes.get(name).map(RawJson::to_json);
    let outcome = member("outcome").or_else(|| member("outcome_id"))?;
    let id = outcome.get("id").unwrap_or(&outcome).as_str()?.to_owned();
    let probability = member("probability").or_else(|| member("score"))?.as_f64()?;
    Some((id, probability)).filter(|(_, probability)| (0.0..=1.0).contains(probability))
}
