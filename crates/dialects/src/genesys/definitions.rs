//! Outcomes and segments as Genesys Cloud spells their definitions.
//!
//! [`Wish::read`] reads the body of a request; [`Wish::create`] and [`Wish::change`] make a definition of
//! it; [`tell`] tells a definition, and [`page`] a page of a list. Null, absent and `""` are the
//! same; members that are not known are ignored, as the platform's own clients do.
mod listing;
mod tell;
mod wish;
#[cfg(test)]
mod tests;

use sessionary_core::goal::GoalKind;

pub use listing::{Selection, page};
pub use tell::tell;
pub use wish::Wish;

/// Where definitions of a kind are found.
pub fn path_of(kind: GoalKind) -> &'static str {
    match kind {
        GoalKind::Outcome => "/api/v2/journey/outcomes",
        GoalKind::Segment => "/api/v2/journey/segments",
    }
}
