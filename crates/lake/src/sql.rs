//! SQL over the sessions of one tenant: the files of the lake and what is not in them yet.
//!
//! A [`Desk`] answers [`Question`]s on threads of its own. Each is asked of one [`Source`]: a tenant's
//! folder and its [`Tables`], which the caller has; the lake does not learn that a store exists.
//! Only the tables of that source have names, so no text reaches another tenant's rows, a file or the
//! network.
//!
//! # Which row of a session holds
//!
//! Of all rows of an id that with the highest revision, wherever it lies. Rows that do not hold are
//! found before anything else is read and are left out of the scan by their places in the file, so
//! that columns and conditions are handed down to the scan as if they had never been there.
mod answer;
mod budget;
mod cells;
mod check;
mod context;
mod desk;
mod error;
mod functions;
mod one;
mod paged;
pub mod postgres;
mod ranges;
mod sessions;
mod shape;
mod source;
pub(crate) mod standing;
mod stream;
mod table_functions;
mod views;
mod yielding;

pub use answer::Answer;
pub use budget::Budget;
pub use desk::{Desk, Question};
pub use error::QueryError;
pub use shape::Shape;
pub use source::{LiveSession, Page, Source, Tables};
pub use table_functions::{Told as TableFunction, told as table_functions};
pub use views::{Described, described};

#[cfg(test)]
mod tests;
