//! What is asked of a report: parameters by name, read once and refused by name.
use std::collections::BTreeMap;

use sessionary_core::time::UnixMillis;

use super::{Breakdown, Clock, clip};
use crate::operators::{Model, Order};

mod kind;
mod options;

pub use kind::{Kind, Parameter};
pub(super) use options::{ModelName, Options, Who};

/// Whether sessions of machines are in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bots {
    /// They are not, unless asked for.
    LeaveOut,
    /// They are.
    Include,
}

/// A question, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Which report.
    pub kind: Kind,
    /// Sessions that began at or after; `None`: since ever.
    pub from: Option<UnixMillis>,
    /// Sessions that began before; `None`: until now.
    pub to: Option<UnixMillis>,
    /// The clock by which days are told.
    pub clock: Clock,
    /// What sessions are told apart by, at most three.
    pub by: Vec<Breakdown>,
    /// Whether sessions of machines count.
    pub bots: Bots,
    /// Values that sessions must have.
    pub filters: Vec<(Breakdown, String)>,
    pub(super) options: Options,
}

/// A parameter that makes no sense, and what to send instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{parameter}`: {detail}")]
pub struct Refusal {
    /// The parameter.
    pub parameter: String,
    /// What is wrong with it.
    pub detail: String,
}

/// The most breakdowns at a time.
const BY_MAX: usize = 3;

impl Asked {
    /// Reads parameters; an empty value is none.
    ///
    /// # Errors
    /// A parameter is not known to this report, or its value is none of its kind.
    pub fn parse(kind: Kind, given: &BTreeMap<String, String>) -> Result<Asked, Refusal> {
        let parameters = kind.parameters();
        for name in given.keys() {
            if !parameters.iter().any(|known| known.name == *name) {
                let names: Vec<&str> = parameters.iter().map(|known| known.name).collect();
                let names = names.join(", ");
                let detail = format!("`{}` has no such parameter; it has: {names}", kind.word());
                return Err(refusal(name, detail));
            }
        }
        let given = Given(given);
        let clock = given.parsed("zone", Clock::of_zone, "an IANA name such as Europe/Berlin")?;
        let clock = clock.or_else(|| Clock::of_zone("UTC"));
        let clock = clock.ok_or_else(|| refusal("zone", "UTC is not known".to_owned()))?;
        let moment = |name: &str| {
            let send = "a day such as 2026-01-05, or a time such as 2026-01-05T10:00:00Z";
            given.parsed(name, |text| clock.moment(text), send)
        };
        let (from, to) = (moment("from")?, moment("to")?);
        if let (Some(from), Some(to)) = (from, to)
            && to <= from
        {
            return Err(refusal(
                "to",
                "it is not after `from`; `to` itself is left out".to_owned(),
            ));
        }
        let bots = given.parsed("bots", bots, "`leave_out` or `include`")?;
        let filters = Breakdown::filters().filter_map(|breakdown| {
            given.text(breakdown.word()).map(|value| (breakdown, value.to_owned()))
        });
        let options = Options::parse(kind, &given)?;
        Ok(Asked {
            kind,
            from,
            to,
            by: given.breakdowns(kind)?,
            bots: bots.unwrap_or(Bots::LeaveOut),
            filters: filters.collect(),
            options,
            clock,
        })
    }

    /// The parameters of this report with the values that hold, for the frame.
    pub(super) fn told(&self) -> Vec<(&'static str, String)> {
        let by: Vec<&str> = self.by.iter().map(|breakdown| breakdown.word()).collect();
        let by = (!by.is_empty()).then(|| ("by", by.join(",")));
        by.into_iter().chain(self.options.told(self.kind)).collect()
    }
}

fn bots(word: &str) -> Option<Bots> {
    match word {
        "include" => Some(Bots::Include),
        "leave_out" => Some(Bots::LeaveOut),
        _ => None,
    }
}

fn refusal(parameter: &str, detail: String) -> Refusal {
    Refusal { parameter: parameter.to_owned(), detail }
}

/// Parameters as they were sent.
pub(super) struct Given<'a>(&'a BTreeMap<String, String>);

impl Given<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        send: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let shown: String = text.chars().take(64).collect();
        let wrong = || refusal(name, format!("{shown:?} came; send {send}"));
        parse(text).map(Some).ok_or_else(wrong)
    }

    /// A length of time of at least a millisecond.
    fn length(&self, name: &str, otherwise: u64) -> Result<u64, Refusal> {
        let parse = |text: &str| clip::parse(text).filter(|length| *length > 0);
        let length = self.parsed(name, parse, "a length of time such as 30d, 12h, 20s or 500ms")?;
        Ok(length.unwrap_or(otherwise))
    }

    /// A whole number within bounds.
    fn number(
        &self,
        name: &str,
        (least, most): (usize, usize),
        or: usize,
    ) -> Result<usize, Refusal> {
        let parse = |text: &str| text.parse().ok().filter(|number| (least..=most).contains(number));
        Ok(self.parsed(name, parse, &format!("a number from {least} to {most}"))?.unwrap_or(or))
    }

    fn breakdowns(&self, kind: Kind) -> Result<Vec<Breakdown>, Refusal> {
        let Some(text) = self.text("by") else { return Ok(kind.by_otherwise()) };
        let possible = kind.breakdowns();
        let mut by = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let known = Breakdown::from_word(word).filter(|known| possible.contains(known));
            let Some(known) = known else {
                let words: Vec<&str> = possible.iter().map(|known| known.word()).collect();
                let word: String = word.chars().take(64).collect();
                let detail = format!(
                    "{word:?} is no breakdown of this report; send one of: {}",
                    words.join(", ")
                );
                return Err(refusal("by", detail));
            };
            if !by.contains(&known) {
                by.push(known);
            }
        }
        if by.len() > kind.by_max() {
            let detail = format!("at most {} at a time; {} came", kind.by_max(), by.len());
            return Err(refusal("by", detail));
        }
        Ok(by)
    }
}

/// The milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests;
