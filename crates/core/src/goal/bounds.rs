//! How much a definition may hold.
use super::{Condition, Definition};

/// Definitions that one tenant may have, outcomes and segments together.
pub const DEFINITIONS_MAX: usize = 1_000;
/// Bytes of one definition as the journal keeps it.
pub const DEFINITION_BYTES_MAX: usize = 32 << 10;

const NAME_CHARS_MAX: usize = 256;
const DESCRIPTION_CHARS_MAX: usize = 4_096;
const KEY_CHARS_MAX: usize = 256;
const VALUE_CHARS_MAX: usize = 1_024;
const PATTERNS_MAX: usize = 32;
const CRITERIA_MAX: usize = 32;
const VALUES_MAX: usize = 100;
const COUNT_MAX: u32 = 10_000;
const DAYS_MAX: u32 = 36_500;

/// A definition that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct WrongDefinition {
    /// Which member, as a JSON pointer with the member names of Genesys Cloud.
    pub pointer: String,
    /// What to send.
    pub detail: String,
}

/// Something that must hold: whether it does, which member it is of, what to send.
type Demand<'a> = (bool, &'a str, &'a str);

fn demand((good, pointer, detail): Demand<'_>) -> Result<(), WrongDefinition> {
    let wrong = || WrongDefinition { pointer: pointer.to_owned(), detail: detail.to_owned() };
    good.then_some(()).ok_or_else(wrong)
}

fn has(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most
}

impl Definition {
    /// Whether it is within its bounds.
    ///
    /// # Errors
    /// The first member that is not.
    pub fn check(&self) -> Result<(), WrongDefinition> {
        demand((has(&self.name, NAME_CHARS_MAX), "/displayName", "send 1 to 256 characters"))?;
        let description = self.description.as_deref().unwrap_or_default();
        let short = description.chars().count() <= DESCRIPTION_CHARS_MAX;
        demand((short, "/description", "send at most 4,096 characters"))?;
        let days = self.expires_after_days.is_none_or(|days| days <= DAYS_MAX);
        demand((days, "/assignmentExpirationDays", "send 0 to 36500"))?;
        if let Some(field) = &self.value {
            let pointer = "/associatedValueField/name";
            demand((has(&field.key, KEY_CHARS_MAX), pointer, "send 1 to 256 characters"))?;
        }
        self.check_conditions()
    }

    fn check_conditions(&self) -> Result<(), WrongDefinition> {
        let (journey, context) = (&self.conditions.journey, &self.conditions.context);
        let few = |count| count <= PATTERNS_MAX;
        demand((few(journey.len()), "/journey/patterns", "send at most 32"))?;
        demand((few(context.len()), "/context/patterns", "send at most 32"))?;
        for (at, pattern) in journey.iter().enumerate() {
            let place = format!("/journey/patterns/{at}");
            let counted = (1..=COUNT_MAX).contains(&pattern.count);
            demand((counted, &format!("{place}/count"), "send 1 to 10000"))?;
            let named = pattern.event_name.as_deref().is_none_or(|name| has(name, KEY_CHARS_MAX));
            demand((named, &format!("{place}/eventName"), "send 1 to 256 characters, or none"))?;
            let typed = pattern.session_type.chars().count() <= KEY_CHARS_MAX;
            demand((typed, &format!("{place}/sessionType"), "send at most 256 characters"))?;
            check_criteria(&pattern.criteria, &place)?;
        }
        for (at, pattern) in context.iter().enumerate() {
            let place = format!("/context/patterns/{at}");
            let some = !pattern.criteria.is_empty();
            demand((some, &format!("{place}/criteria"), "send 1 to 32 of them"))?;
            check_criteria(&pattern.criteria, &place)?;
        }
        Ok(())
    }
}

fn check_criteria(criteria: &[Condition], place: &str) -> Result<(), WrongDefinition> {
    let few = criteria.len() <= CRITERIA_MAX;
    demand((few, &format!("{place}/criteria"), "send 1 to 32 of them"))?;
    for (at, Condition { key, values, .. }) in criteria.iter().enumerate() {
        let place = format!("{place}/criteria/{at}");
        demand((has(key, KEY_CHARS_MAX), &format!("{place}/key"), "send 1 to 256 characters"))?;
        let some = (1..=VALUES_MAX).contains(&values.len());
        let short = values.iter().all(|value| value.chars().count() <= VALUE_CHARS_MAX);
        let send = "send 1 to 100 texts of at most 1,024 characters";
        demand((some && short, &format!("{place}/values"), send))?;
    }
    Ok(())
}
