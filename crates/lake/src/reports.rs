//! The named reports: each reads rows of the table of sessions and answers one question of the people
//! who run sites and lines.
//!
//! A report is a function of what was asked and of the *set* of rows; it reads no clock and no file.
//! Rows come from a [`SessionBatches`], whatever it reads them from. What can be answered by an
//! operator of [`crate::operators`] is answered by it: a report makes the columns that the operator
//! asks for, and a table of what it answers. Every answer carries its [`Frame`]: what was looked at,
//! what was left out and why it may be empty.
mod asked;
mod breakdown;
mod clock;
mod clip;
mod report;
mod source;
mod files;
mod columns;
mod sift;
mod labels;
mod money;
mod persons;
mod journeys;
mod tally;
mod dispositions;
mod performance;
mod attribution;
mod funnel;
mod paths;
mod retention;
mod health;

pub use asked::{Asked, Bots, Kind, Parameter, Refusal};
pub use attribution::{Solve, Solved};
pub use breakdown::Breakdown;
pub use clip::parse as length;
pub use clock::Clock;
pub use files::FileRows;
pub use health::Beside;
pub use report::{Cell, Column, Frame, LeftOut, Report};
pub use source::{Cuts, SessionBatches, Wanted};

use crate::LakeError;

/// What a report needs that rows do not tell.
pub struct Means<'a> {
    /// Solves for the effects of channels; statistics are none of this crate's business.
    pub solve: Solve<'a>,
    /// Counters of the engine, for the report of health.
    pub beside: Beside,
}

/// Answers.
///
/// # Errors
/// What the source says; what Arrow says of a column.
pub fn answer(
    asked: &Asked,
    source: &dyn SessionBatches,
    means: &Means<'_>,
) -> Result<Report, LakeError> {
    match asked.kind {
        Kind::Dispositions => dispositions::answer(asked, source),
        Kind::Performance => performance::answer(asked, source),
        Kind::Attribution => attribution::answer(asked, source, &means.solve),
        Kind::Funnel => funnel::answer(asked, source),
        Kind::Paths => paths::answer(asked, source),
        Kind::Retention => retention::answer(asked, source),
        Kind::Health => health::answer(asked, source, &means.beside),
    }
}

#[cfg(test)]
mod tests;
