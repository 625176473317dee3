//! Where a listing of signals stands: in the journal, or in the rows that were made of it.

/// How far a listing of signals has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalCursor {
    /// In the journal, at this position.
    Journal {
        /// The next position.
        next: u64,
    },
    /// In the lane rows.
    Rows(RowCursor),
}

/// A place in the lane rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCursor {
    /// Only positions from here on.
    pub(crate) from: u64,
    /// And below this.
    pub(crate) until: u64,
    /// The row to go on with; empty at the beginning.
    pub(crate) after: Vec<u8>,
    /// How much of that row was given.
    pub(crate) taken: usize,
}

impl std::fmt::Display for SignalCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SignalCursor::Journal { next } => write!(f, "j{next}"),
            SignalCursor::Rows(RowCursor { from, until, after, taken }) => {
                write!(f, "r{from}.{until}.{taken}.")?;
                after.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl SignalCursor {
    /// Reads what `Display` wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<SignalCursor> {
        if let Some(next) = text.strip_prefix('j') {
            return Some(SignalCursor::Journal { next: next.parse().ok()? });
        }
        let mut parts = text.strip_prefix('r')?.splitn(4, '.');
        let from = parts.next()?.parse().ok()?;
        let until = parts.next()?.parse().ok()?;
        let taken = parts.next()?.parse().ok()?;
        let digits = parts.next()?.as_bytes();
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
        let after = digits
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            })
            .collect::<Option<Vec<u8>>>()?;
        Some(SignalCursor::Rows(RowCursor { from, until, after, taken }))
    }
}
