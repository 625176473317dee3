//! Why the answer to a message ends before its end.
use std::io;

use sessionary_lake::sql::QueryError;

use super::failure::Failure;

/// What ended it.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something to tell the client.
    Failed(Failure),
    /// There is no client to tell.
    Gone,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure)
    }
}

impl From<QueryError> for Stop {
    fn from(error: QueryError) -> Stop {
        Stop::Failed(error.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        tracing::debug!(%error, "a connection to the SQL port ended early");
        Stop::Gone
    }
}
