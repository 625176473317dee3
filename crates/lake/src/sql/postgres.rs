//! The same tables as clients of `PostgreSQL` ask them: its wording, its catalog, its types.
//!
//! What is here says what a text means, how it is planned, and how values look on the wire; who may
//! ask, and the messages themselves, are the server's. A statement is [`Said`], a query of it is
//! [`Prepared`] once, and answered any number of times by [`Desk::rows`](super::Desk::rows).
mod catalog;
mod encoding;
mod front;
mod functions;
mod information;
mod looking;
mod naming;
mod parameters;
mod prepared;
mod relations;
mod rewriting;
mod said;
mod system;
mod telling;
mod values;

pub use parameters::Bound;
pub use prepared::{Prepared, Who};
pub use said::{Query, Said};

pub(super) use front::Front;

/// The release of `PostgreSQL` whose catalog and wording are spoken.
pub const RELEASE: &str = "16.6";
