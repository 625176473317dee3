//! What can be told of a visitor beyond what was sent: browser and device from the user agent,
//! place and organisation from the address, medium and search terms from the referrer.
//!
//! Pure: databases come as bytes. What is a function of the text alone is worked out whenever a
//! session is told, and never stored; what may be another thing tomorrow, whose address it is, is
//! looked up once, when a signal comes in (docs/decisions/0012-enrichment.md).
pub mod agent;
pub mod bots;
pub mod place;
pub mod record;
pub mod referrer;

pub use agent::{Agent, agent};
pub use place::Places;
pub use referrer::{Medium, Referrer, referrer};

/// What this program cannot tell because its build went without rules; empty for a whole one.
pub fn missing() -> Vec<&'static str> {
    let parts = [("browsers_and_devices", agent::has_rules()), ("crawlers", bots::has_rules())];
    parts.into_iter().filter(|(_, there)| !there).map(|(part, _)| part).collect()
}
