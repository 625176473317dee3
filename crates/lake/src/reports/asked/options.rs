//! The parameters that only some reports have.
use super::{DAY_MS, Given, Kind, Model, Order, Refusal, clip};
use crate::reports::funnel::Step;

/// Whose steps a funnel counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reports) enum Who {
    Person,
    Session,
}

/// A model of attribution by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reports) enum ModelName {
    First,
    Last,
    LastNonDirect,
    Linear,
    Position,
    TimeDecay,
    Markov,
}

const MODELS: [(ModelName, &str); 7] = [
    (ModelName::First, "first"),
    (ModelName::Last, "last"),
    (ModelName::LastNonDirect, "last_non_direct"),
    (ModelName::Linear, "linear"),
    (ModelName::Position, "position"),
    (ModelName::TimeDecay, "time_decay"),
    (ModelName::Markov, "markov"),
];

impl ModelName {
    pub(in crate::reports) fn word(self) -> &'static str {
        MODELS.iter().find(|(model, _)| *model == self).map_or("", |(_, word)| word)
    }

    /// The operator's model; Markov chains have none.
    pub(in crate::reports) fn model(self, half_life_ms: u64) -> Option<Model> {
        Some(match self {
            ModelName::First => Model::First,
            ModelName::Last => Model::Last,
            ModelName::LastNonDirect => Model::LastNonDirect,
            ModelName::Linear => Model::Linear,
            ModelName::Position => Model::Position { first_percent: 40, last_percent: 40 },
            ModelName::TimeDecay => Model::TimeDecay { half_life_ms },
            ModelName::Markov => return None,
        })
    }

    fn read(text: &str) -> Option<Vec<ModelName>> {
        if text == "all" {
            return Some(MODELS.iter().map(|(model, _)| *model).collect());
        }
        let known = |word: &str| MODELS.iter().find(|(_, known)| *known == word.trim());
        let models = text.split(',').map(|word| known(word).map(|(model, _)| *model));
        let mut models: Vec<ModelName> = models.collect::<Option<_>>()?;
        let mut met = Vec::new();
        models.retain(|model| {
            !met.contains(model) && {
                met.push(*model);
                true
            }
        });
        Some(models)
    }
}

/// Those of every report; a report looks at its own.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::reports) struct Options {
    pub(in crate::reports) threshold_ms: u64,
    pub(in crate::reports) models: Vec<ModelName>,
    pub(in crate::reports) lookback_ms: u64,
    pub(in crate::reports) half_life_ms: u64,
    pub(in crate::reports) steps: Vec<Step>,
    pub(in crate::reports) window_ms: u64,
    pub(in crate::reports) order: Order,
    pub(in crate::reports) who: Who,
    pub(in crate::reports) length: usize,
    pub(in crate::reports) most: usize,
    pub(in crate::reports) node: Option<String>,
}

impl Options {
    pub(super) fn parse(kind: Kind, given: &Given<'_>) -> Result<Options, Refusal> {
        let models = "some of first, last, last_non_direct, linear, position, time_decay, markov, \
                      with commas between, or all";
        let models = given.parsed("model", ModelName::read, models)?;
        let steps = match given.text("steps").filter(|_| kind == Kind::Funnel) {
            Some(text) => Step::list(text).map_err(|detail| super::refusal("steps", detail))?,
            None => Step::usual(),
        };
        let order = |word: &str| match word {
            "gaps" => Some(Order::GapsAllowed),
            "adjacent" => Some(Order::Adjacent),
            _ => None,
        };
        let who = |word: &str| match word {
            "person" => Some(Who::Person),
            "session" => Some(Who::Session),
            _ => None,
        };
        let order = given.parsed("order", order, "`gaps` or `adjacent`")?;
        let who = given.parsed("per", who, "`person` or `session`")?;
        Ok(Options {
            threshold_ms: given.length("threshold", 20_000)?,
            models: models.unwrap_or_else(|| vec![ModelName::LastNonDirect]),
            lookback_ms: given.length("lookback", 30 * DAY_MS)?,
            half_life_ms: given.length("half_life", 7 * DAY_MS)?,
            steps,
            window_ms: given.length("window", 7 * DAY_MS)?,
            order: order.unwrap_or(Order::GapsAllowed),
            who: who.unwrap_or(Who::Person),
            length: given.number("length", (1, 8), 3)?,
            most: given.number("most", (1, 1_000), 20)?,
            node: given.text("node").map(str::to_owned),
        })
    }

    pub(super) fn told(&self, kind: Kind) -> Vec<(&'static str, String)> {
        let words = |words: &mut dyn Iterator<Item = String>| words.collect::<Vec<_>>().join(",");
        match kind {
            Kind::Performance => vec![("threshold", clip::told(self.threshold_ms))],
            Kind::Attribution => {
                let models = &mut self.models.iter().map(|model| model.word().to_owned());
                let mut told =
                    vec![("model", words(models)), ("lookback", clip::told(self.lookback_ms))];
                if self.models.contains(&ModelName::TimeDecay) {
                    told.push(("half_life", clip::told(self.half_life_ms)));
                }
                told
            }
            Kind::Funnel => {
                let order = if self.order == Order::Adjacent { "adjacent" } else { "gaps" };
                let who = if self.who == Who::Person { "person" } else { "session" };
                vec![
                    ("steps", words(&mut self.steps.iter().map(|step| step.word().to_owned()))),
                    ("window", clip::told(self.window_ms)),
                    ("order", order.to_owned()),
                    ("per", who.to_owned()),
                ]
            }
            Kind::Paths => {
                let sequences =
                    || vec![("length", self.length.to_string()), ("most", self.most.to_string())];
                self.node.clone().map_or_else(sequences, |node| vec![("node", node)])
            }
            Kind::Dispositions | Kind::Retention | Kind::Health => Vec::new(),
        }
    }
}
