//! What a destination asks to know before it takes anything.
use std::fmt;

/// The decrypted secret of a destination. Never shown.
///
/// A webhook has one or more keys, `whsec_…` or `whsk_…`, the newest first, between them blanks or
/// commas. The other kinds have JSON, as `docs/destinations.md` says.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it was given.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Some(Secret::new("whsec_abc"))), "Some(Secret(…))");
    }
}
