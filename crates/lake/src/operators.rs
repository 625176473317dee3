//! The product's own questions: each is a value with parameters, takes batches, and gives an answer.
//!
//! An answer is a function of the *set* of rows: not of their order, nor of batches or threads. Sums
//! are kept as whole numbers to that end, and divided last.
use std::num::NonZeroUsize;

use arrow::record_batch::RecordBatch;

use crate::LakeError;

mod sessionize;
mod funnel;
mod paths;
mod retention;
mod touches;
mod attribution;
mod markov;
mod group_by;

pub use attribution::{Attributed, Attribution, Credit, Credited, Model};
pub use funnel::{Funnel, FunnelParameters, Order, Reached, Timed, TimedFunnel};
pub use group_by::{Dimension, Group, GroupBy, GroupByParameters};
pub use markov::{Chains, State, Transition};
pub use paths::{Path, Paths, PathsParameters};
pub use retention::{Retained, Retention, RetentionParameters};
pub use sessionize::{Session, Sessionize, SessionizeParameters};
pub use touches::{TouchColumns, TouchTable, Touches};

/// A question over rows that come in batches.
///
/// Clones of a fresh operator may take batches on threads of their own; [`Operator::together`] then
/// answers for all of them.
pub trait Operator: Clone + Send {
    /// What is answered.
    type Answer;

    /// Takes the rows of a batch.
    ///
    /// # Errors
    /// A column is missing, or of a type that cannot be read for its purpose. Batches may differ in
    /// how they hold a column: text, text by dictionary, views.
    fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError>;

    /// Answers for the rows of several clones, on so many threads.
    ///
    /// # Errors
    /// A parameter does not fit what the rows hold.
    fn together(clones: Vec<Self>, threads: NonZeroUsize) -> Result<Self::Answer, LakeError>;

    /// Answers on the calling thread.
    ///
    /// # Errors
    /// A parameter does not fit what the rows hold.
    fn finish(self) -> Result<Self::Answer, LakeError> {
        Self::together(vec![self], NonZeroUsize::MIN)
    }
}
