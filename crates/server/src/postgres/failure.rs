//! What goes wrong, as clients of `PostgreSQL` are told: a code of five letters, a sentence, and what to
//! do.
use pgwire::messages::response::ErrorResponse;
use sessionary_lake::sql::QueryError;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The code (SQLSTATE).
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) says: String,
    pub(super) hint: Option<String>,
}

/// Whether the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// It does.
    Error,
    /// It ends.
    Fatal,
}

impl Failure {
    /// One after which the connection goes on. What follows a semicolon is what to do.
    pub(super) fn error(code: &'static str, says: impl Into<String>) -> Failure {
        let says: String = says.into();
        let (says, hint) = match says.split_once("; ") {
            Some((says, hint)) => (says.to_owned(), Some(hint.to_owned())),
            None => (says, None),
        };
        Failure { code, severity: Severity::Error, says, hint }
    }

    /// One that ends the connection.
    pub(super) fn fatal(code: &'static str, says: impl Into<String>) -> Failure {
        Failure { severity: Severity::Fatal, ..Failure::error(code, says) }
    }

    /// The server is being stopped.
    pub(super) fn stopping() -> Failure {
        Failure::fatal("57P01", "the server is being stopped; connect again later")
    }

    /// Somebody asked for it.
    pub(super) fn cancelled() -> Failure {
        Failure::error("57014", "the query was cancelled as was asked")
    }

    pub(super) fn protocol(says: impl Into<String>) -> Failure {
        Failure::error("08P01", says)
    }

    pub(super) fn message(&self) -> ErrorResponse {
        let severity = match self.severity {
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
        };
        let mut fields = vec![
            (b'S', severity.to_owned()),
            (b'V', severity.to_owned()),
            (b'C', self.code.to_owned()),
            (b'M', clean(&self.says)),
        ];
        fields.extend(self.hint.as_deref().map(|hint| (b'H', clean(hint))));
        ErrorResponse::new(fields)
    }
}

/// A text ends at its first zero on this wire.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Failure {
        let code = match &error {
            QueryError::NoSql(_) => "42601",
            QueryError::NoTable(_) => "42P01",
            QueryError::NoColumn(_) => "42703",
            QueryError::NoFunction(_) => "42883",
            QueryError::BadValue(_) => "22P02",
            QueryError::NoNumber(_) => "22012",
            QueryError::Wrong(_) => "42000",
            QueryError::Changes(_) => "25006",
            QueryError::Refused(_) => "0A000",
            QueryError::TooLate(_) => "57014",
            QueryError::TooLarge(_) => "53200",
            QueryError::TooMuch(_) => "54000",
            QueryError::Busy { .. } => "53300",
            QueryError::Moved => "40001",
            // Where the files lie is no business of whoever asks.
            QueryError::Away(_) => {
                tracing::error!(%error, "a query cannot read the lake");
                let why = "the files of the lake cannot be read now; the server's log says why";
                return Failure::error("58030", why);
            }
            QueryError::Damaged(_) => {
                tracing::error!(%error, "a query met a damaged file of the lake");
                let why = "a file of the lake is damaged; the server's log names it";
                return Failure::error("XX001", why);
            }
            QueryError::Defect(_) | QueryError::Lake(_) => {
                tracing::error!(%error, "a query met a defect");
                return Failure::error(
                    "XX000",
                    "the query met a defect; the server's log says more",
                );
            }
        };
        Failure::error(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_a_hint() {
        let failure =
            Failure::from(QueryError::NoTable("there is no table `x`; there are: y".into()));
        assert_eq!((failure.code, &*failure.says), ("42P01", "there is no table `x`"));
        assert_eq!(failure.hint.as_deref(), Some("there are: y"));
    }

    #[test]
    fn a_zero_does_not_end_a_sentence() {
        let message = Failure::error("42601", "a\0b").message();
        assert!(message.fields.iter().all(|(_, text)| !text.contains('\0')));
    }
}
