//! What led to conversions: the credit of each source, by models, with revenue by currency.
use std::collections::BTreeMap;

use super::{
    Asked, Cell, Column, Report, SessionBatches,
    asked::ModelName,
    journeys::{Journeys, THREADS, Which},
    labels::DIRECT,
    money,
    sift::Table,
    tally::heads,
};
use crate::{
    LakeError, Word,
    operators::{Attribution, Chains, Transition},
};

/// What a channel does by Markov chains.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// The channel.
    pub channel: Word,
    /// The share of conversions that is lost without it, 0 to 1.
    pub removal: f64,
    /// Conversions times its share of all effects.
    pub conversions: f64,
}

/// Solves for the effects of channels from counted transitions; or says why it cannot.
pub type Solve<'a> = &'a (dyn Fn(&[Transition]) -> Result<Vec<Solved>, String> + Sync);

/// A session may have begun so long before an arrival in it.
const SESSION_MS: u64 = 86_400_000;

/// A line of the answer: one value by one model.
#[derive(Clone, Debug, Default)]
struct Line {
    conversions: f64,
    removal: Option<f64>,
    /// By currency, in millionths.
    revenue: BTreeMap<String, f64>,
}

type Lines = BTreeMap<(usize, Word), Line>;

pub(super) fn answer(
    asked: &Asked,
    source: &dyn SessionBatches,
    solve: &Solve<'_>,
) -> Result<Report, LakeError> {
    let before_ms = asked.options.lookback_ms.saturating_add(SESSION_MS);
    let (journeys, sift) = Journeys::read(asked, source, before_ms)?;
    let revenue = journeys.revenue();
    let mut lines = Lines::new();
    let mut notes: Vec<String> = journeys.note.iter().cloned().collect();
    by_models(asked, &journeys, &revenue, &mut lines)?;
    if let Some(at) = asked.options.models.iter().position(|model| *model == ModelName::Markov) {
        match by_chains(&journeys, *solve, &revenue, at, &mut lines)? {
            Ok(()) => notes.push(CHAINS.to_owned()),
            Err(why) => notes.push(format!("Not solved for by the model markov: {why}.")),
        }
    }
    if journeys.conversions() == 0 {
        notes.push("No session of this range has an outcome of the class conversion.".to_owned());
    }
    let row = |((model, label), line): (&(usize, Word), &Line)| -> Vec<Cell> {
        let model = asked.options.models.get(*model).map_or("", |model| model.word());
        let revenue = revenue.keys().map(|currency| {
            line.revenue.get(currency).map_or(Cell::Nothing, |amount| money::shared(*amount))
        });
        [Cell::Text(model.to_owned()), Cell::word(label), Cell::Number(rounded(line.conversions))]
            .into_iter()
            .chain([Cell::number(line.removal)])
            .chain(revenue)
            .collect()
    };
    let mut lines: Vec<_> = lines.iter().filter(|(_, line)| line.conversions > 0.0).collect();
    lines.sort_by(|((one, _), a), ((other, _), b)| {
        one.cmp(other).then(b.conversions.total_cmp(&a.conversions))
    });
    let mut rows: Vec<Vec<Cell>> = lines.into_iter().map(row).collect();
    let has_effects = asked.options.models.contains(&ModelName::Markov);
    let effects = has_effects.then(|| Column::of("removal_effect", "share"));
    if !has_effects {
        for row in &mut rows {
            row.remove(3);
        }
    }
    let columns = [Column::words("model")].into_iter().chain(heads(asked));
    let columns = columns.chain([Column::of("conversions", "conversions")]).chain(effects);
    let columns = columns.chain(revenue.keys().map(|currency| money::column(currency)));
    let table = Table { columns: columns.collect(), rows, totals: None, bar: Some("conversions") };
    Ok(sift.report(source, table, notes))
}

const CHAINS: &str = "The model markov counts the arrivals of sessions in the range alone, without a \
                      look-back, and shares out all revenue as it does conversions.";

/// Shares are exact to 1e-12; what lies beyond is of no interest.
fn rounded(conversions: f64) -> f64 {
    (conversions * 1e9).round() / 1e9
}

fn by_models(
    asked: &Asked,
    journeys: &Journeys,
    revenue: &BTreeMap<String, i128>,
    lines: &mut Lines,
) -> Result<(), LakeError> {
    let options = &asked.options;
    let named = options.models.iter().enumerate();
    let models = named.filter_map(|(at, name)| Some((at, name.model(options.half_life_ms)?)));
    let (places, models): (Vec<usize>, Vec<_>) = models.unzip();
    if models.is_empty() {
        return Ok(());
    }
    let direct = Some(DIRECT.into());
    let question = Attribution { lookback_ms: options.lookback_ms, direct, models };
    // Revenue of two currencies is never added: each has a table of its own.
    let currencies = revenue.keys().map(Some);
    for currency in [None].into_iter().chain(currencies) {
        let table = journeys.table(Which::All, currency.map(String::as_str))?;
        for credited in question.of(&table, THREADS)?.channels {
            for (place, credit) in places.iter().zip(&credited.credits) {
                let line = lines.entry((*place, credited.channel.clone())).or_default();
                line.conversions = credit.conversions;
                if let Some(currency) = currency {
                    line.revenue.insert(currency.clone(), credit.revenue);
                }
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "an answer has the 15 digits of a float")]
fn by_chains(
    journeys: &Journeys,
    solve: Solve<'_>,
    revenue: &BTreeMap<String, i128>,
    model: usize,
    lines: &mut Lines,
) -> Result<Result<(), String>, LakeError> {
    let chains = Chains::of(&journeys.table(Which::Inside, None)?, THREADS);
    let solved = match solve(&chains.transitions) {
        Ok(solved) => solved,
        Err(why) => return Ok(Err(why)),
    };
    let all: f64 = solved.iter().map(|solved| solved.conversions).sum();
    for Solved { channel, removal, conversions } in solved {
        let share = if all > 0.0 { conversions / all } else { 0.0 };
        let revenue = revenue.iter().map(|(name, sum)| (name.clone(), *sum as f64 * share));
        let line = Line { conversions, removal: Some(removal), revenue: revenue.collect() };
        lines.insert((model, channel), line);
    }
    Ok(Ok(()))
}
