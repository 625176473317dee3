//! Pending table writes: a map, so that one key never stands twice in one batch.
//!
//! Two writes of one key in one fjall batch share a sequence number, and which of them wins is
//! chance. Here the later one replaces the earlier before the batch exists.
use std::collections::BTreeMap;

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident = $name:literal,)*) => {
        /// The tables beside the journal, each a key space of its own. Keys: [`crate::keys`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table { $($(#[$doc])* $table,)* }

        impl Table {
            /// Every table.
            pub const ALL: &[Table] = &[$(Table::$table,)*];

            /// The name on disk and in reports. It never changes.
            pub fn name(self) -> &'static str {
                match self { $(Table::$table => $name,)* }
            }
        }
    };
}

tables! {
    /// Signals of one lane, rewritten from the journal: [`crate::lane_rows`].
    Signals = "signals",
    /// Sessions by checkpoint.
    Sessions = "sessions",
    /// Which signals belong to a session.
    Members = "members",
    /// Lanes: what is known about one visitor or line.
    Lanes = "lanes",
    /// Records as they were cut, one row a revision.
    Records = "records",
    /// Ways to find a session or lane by a hash.
    Index = "index",
    /// Timers that are not in memory.
    Timers = "timers",
    /// Sorted runs of signal ids already seen: [`crate::signal_ids`].
    SignalIds = "signal_ids",
    /// Links between identities.
    Edges = "edges",
    /// API keys and encryption keys.
    Keys = "keys",
    /// Settings, and checkpoints' positions.
    Config = "config",
    /// Who did what.
    Audit = "audit",
    /// What came in and could not be understood.
    Quarantine = "quarantine",
    /// What waits for a person's decision.
    Review = "review",
    /// Answers to requests that carried an idempotency key.
    Answers = "answers",
    /// What a checkpoint has to write and has not written yet.
    Checkpoint = "checkpoint",
    /// Outgoing work: what is due, what was sent, what was given up.
    Parcels = "parcels",
    /// Bodies as they were sent.
    Sent = "sent",
    /// What is yet to be written to the lake, and what is being written.
    Lake = "lake",
}

/// Pending writes of many tables; applied by one atomic batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    len: usize,
    bytes: u64,
}

impl Rows {
    /// No writes.
    pub fn new() -> Rows {
        Rows::default()
    }

    /// Writes `value` under `key`, whatever was pending for it.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.set(table, key.into(), Some(value.into()));
    }

    /// Deletes `key`, whatever was pending for it. Deleting a key that is not there is no error.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.set(table, key.into(), None);
    }

    /// What is pending for `key`: `None` nothing, `Some(None)` its deletion. Ask here before the
    /// store, else a read overtakes the write that is still pending.
    pub fn pending(&self, table: Table, key: &[u8]) -> Option<Option<&[u8]>> {
        Some(self.tables.get(&table)?.get(key)?.as_deref())
    }

    /// Adds the writes of `later`; of one key its write wins.
    pub fn merge(&mut self, later: Rows) {
        if self.is_empty() {
            *self = later;
            return;
        }
        for (table, rows) in later.tables {
            for (key, value) in rows {
                self.set(table, key, value);
            }
        }
    }

    /// How many keys will be written or deleted.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing will be written or deleted.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Each pending write, by table and key; `None` is a deletion.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        self.tables.iter().flat_map(|(table, rows)| {
            rows.iter().map(|(key, value)| (*table, key.as_slice(), value.as_deref()))
        })
    }

    pub(crate) fn into_writes(self) -> impl Iterator<Item = (Table, Vec<u8>, Option<Vec<u8>>)> {
        self.tables
            .into_iter()
            .flat_map(|(table, rows)| rows.into_iter().map(move |(key, value)| (table, key, value)))
    }

    fn set(&mut self, table: Table, key: Vec<u8>, value: Option<Vec<u8>>) {
        let key_bytes = key.len() as u64;
        let value_bytes = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len) as u64;
        self.bytes += key_bytes + value_bytes(&value);
        match self.tables.entry(table).or_default().insert(key, value) {
            None => self.len += 1,
            Some(replaced) => self.bytes -= key_bytes + value_bytes(&replaced),
        }
    }
}

impl Extend<(Table, Vec<u8>, Option<Vec<u8>>)> for Rows {
    fn extend<I: IntoIterator<Item = (Table, Vec<u8>, Option<Vec<u8>>)>>(&mut self, writes: I) {
        for (table, key, value) in writes {
            self.set(table, key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_write_of_a_key_replaces_the_earlier() {
        let mut rows = Rows::new();
        rows.put(Table::Sessions, *b"a", *b"first");
        rows.put(Table::Sessions, *b"a", *b"2nd");
        rows.put(Table::Lanes, *b"a", *b"x");
        assert_eq!((rows.len(), rows.bytes()), (2, 1 + 3 + 1 + 1));
        let mut later = Rows::new();
        later.delete(Table::Sessions, *b"a");
        rows.merge(later);
        assert_eq!((rows.len(), rows.bytes()), (2, 1 + 1 + 1));
        assert_eq!(rows.pending(Table::Sessions, b"a"), Some(None));
        assert_eq!(rows.pending(Table::Lanes, b"a"), Some(Some(&b"x"[..])));
        assert_eq!(rows.pending(Table::Lanes, b"b"), None);
    }

    #[test]
    fn no_two_tables_share_a_name() {
        let names: std::collections::BTreeSet<_> = Table::ALL.iter().map(|t| t.name()).collect();
        assert_eq!(names.len(), Table::ALL.len());
    }
}
