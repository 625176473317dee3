//! How much queries may take.
use std::time::Duration;

/// How much queries may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Memory for sorting, grouping and joining, of all queries together, in bytes. Default 512 MiB.
    pub memory_bytes: usize,
    /// How long one query may take, up to its last row. Default 60 s.
    pub time: Duration,
    /// Rows of one answer. Default 100,000.
    pub rows_max: usize,
    /// Queries at one time, at least 1. Default 2.
    pub concurrent: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            memory_bytes: 512 << 20,
            time: Duration::from_mins(1),
            rows_max: 100_000,
            concurrent: 2,
        }
    }
}
