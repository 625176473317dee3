//! Steps by name: what a row of the table of sessions can tell.

/// Something that a session does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reports) struct Step {
    word: String,
    pub(super) kind: StepKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StepKind {
    Arrived,
    /// Stages that a session passes, by their place among them.
    Stage(u8),
    Order,
    Subscription,
    Class(&'static str),
    Channel(String),
    Code(i64),
    Achieved(String),
}

/// Stages, in the order in which a session passes them. From the category on, who reached a later one
/// has passed those before.
const STAGES: [&str; 6] = ["engaged", "searched", "category", "product", "cart", "checkout"];
const CLASSES: [&str; 5] = ["conversion", "service", "abandon", "failure", "junk"];

impl Step {
    /// From an arrival to an order.
    pub(in crate::reports) fn usual() -> Vec<Step> {
        Step::list("arrived,product,cart,checkout,order").unwrap_or_default()
    }

    /// Reads steps with commas between, 2 to 10.
    pub(in crate::reports) fn list(text: &str) -> Result<Vec<Step>, String> {
        let steps = text.split(',').map(|word| Step::read(word.trim()));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        if (2..=10).contains(&steps.len()) {
            return Ok(steps);
        }
        Err(format!("a funnel has 2 to 10 steps; {} came", steps.len()))
    }

    pub(in crate::reports) fn word(&self) -> &str {
        &self.word
    }

    fn read(word: &str) -> Result<Step, String> {
        let kind = Step::kind_of(word).ok_or_else(|| {
            let word: String = word.chars().take(64).collect();
            format!(
                "{word:?} is no step; send arrived, {}, order, subscription, {}, channel:NAME, \
                 code:NUMBER or achieved:NAME",
                STAGES.join(", "),
                CLASSES.join(", ")
            )
        })?;
        Ok(Step { word: word.to_owned(), kind })
    }

    fn kind_of(word: &str) -> Option<StepKind> {
        if let Some((name, value)) = word.split_once(':') {
            return match name {
                _ if value.is_empty() => None,
                "channel" => Some(StepKind::Channel(value.to_owned())),
                "achieved" => Some(StepKind::Achieved(value.to_owned())),
                "code" => value.parse().ok().map(StepKind::Code),
                _ => None,
            };
        }
        let stage = (1..).zip(STAGES).find(|(_, stage)| *stage == word);
        let class = CLASSES.into_iter().find(|class| *class == word);
        match word {
            "arrived" => Some(StepKind::Arrived),
            "order" => Some(StepKind::Order),
            "subscription" => Some(StepKind::Subscription),
            _ => stage.map(|(at, _)| StepKind::Stage(at)).or_else(|| class.map(StepKind::Class)),
        }
    }
}
