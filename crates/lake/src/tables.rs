//! The tables beside the sessions: what the store knows of them, one row a thing.
//!
//! Like the sessions, they show nothing that identifies a person but as a keyed hash, and no field of
//! the classes direct, quasi, network and free.
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{Field, Fields, Schema, SchemaRef},
};
use serde_json::{Map, Value};
use sessionary_core::dictionary::{FIELDS, Field as DictionaryField};

use crate::{
    LakeError,
    sessions::{
        Column,
        cell::{
            Cells,
            Kind::{Flag, Hash, Instant, Number, Text, Texts},
        },
        kind_of, may_lie_open, name_of,
        own::Own,
        row,
    },
};

/// A table beside the sessions. Its rows are told session by session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// What was sent.
    Signals,
    /// Who claimed which outcome.
    Claims,
    /// What destinations were, or will be, told.
    Parcels,
    /// Identities, and whose they are.
    People,
}

#[rustfmt::skip]
const SIGNALS: [Own; 15] = [
    ("session_id", Text, "The session that it is in."),
    (
        "session_revision",
        Number,
        "The revision of the session when the row was written: of the rows of a session in the lake, those of the highest hold.",
    ),
    ("key", Text, "The sender's id of it, or a digest of its body."),
    ("at", Instant, "When it happened; when it came, where the sender did not say."),
    ("received_at", Instant, "When it came."),
    ("type", Text, "What happened, such as `page_viewed`."),
    ("source", Text, "Which integration it came by."),
    ("channel", Text, "The channel, where it says or implies one."),
    ("session_type", Text, "The type of session, where it says one."),
    ("sequence", Number, "The device's own counter."),
    ("claim_code", Number, "The outcome that it claims."),
    ("claim_author", Text, "Who claims it."),
    ("note", Flag, "Whether it is a note: a receipt, score or exposure, which changes no content."),
    ("orphan", Flag, "Whether it names what there is not."),
    ("warnings", Texts, "Repairs made on its way in, by code."),
];

#[rustfmt::skip]
const CLAIMS: [Own; 10] = [
    ("session_id", Text, "The session that it is about."),
    ("ordinal", Number, "Its place in the ledger, from 1."),
    ("code", Number, "The outcome."),
    ("name", Text, "Its name."),
    ("class", Text, "failure, abandon, conversion, service, junk, custom or unmapped."),
    ("author", Text, "Who says so."),
    ("at", Instant, "When it was stated."),
    ("signal", Text, "The signal that states it, by its key."),
    ("first_wins", Flag, "Whether of several claims of its author the first holds."),
    ("agent", Text, "The agent who states it."),
];

#[rustfmt::skip]
const PARCELS: [Own; 11] = [
    ("id", Text, "Its name."),
    ("session_id", Text, "The session that it tells of."),
    ("destination", Number, "The number of the destination."),
    ("status", Text, "Where it stands."),
    ("created_at", Instant, "When it was raised."),
    ("at", Instant, "When it is due, was sent, or was parked."),
    ("became", Text, "What the session's state had become, of a parcel raised by that."),
    ("attempts", Number, "Tries so far."),
    ("attempted_at", Instant, "The last of them."),
    ("answer", Number, "The HTTP status of the last answer."),
    ("failed", Text, "Why the last try failed."),
];

#[rustfmt::skip]
const PEOPLE: [Own; 6] = [
    ("identity_type", Text, "user_id, email, anonymous_id and so on."),
    ("identity_hash", Hash, "The identity, as in `identities`."),
    ("person", Hash, "The person: the same for all identities that belong together."),
    ("session_count", Number, "Sessions that show the identity; of a shared one at most 1000 are counted."),
    ("first_session_id", Text, "The earliest of them."),
    ("last_session_id", Text, "The latest of them."),
];

impl Table {
    /// All of them.
    pub const ALL: [Table; 4] = [Table::Signals, Table::Claims, Table::Parcels, Table::People];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Signals => "signals",
            Table::Claims => "claims",
            Table::Parcels => "parcels",
            Table::People => "people",
        }
    }

    /// What a row is.
    pub fn about(self) -> &'static str {
        match self {
            Table::Signals => "one row a signal: what was sent",
            Table::Claims => "one row a claim: who says what came of a session",
            Table::Parcels => "one row a parcel: what a destination was, or will be, told",
            Table::People => "one row an identity: how it was seen, and whose it is",
        }
    }

    /// Its columns, in their order.
    pub fn columns(self) -> Vec<Column> {
        let column = |(record, kind, about): Own| Column {
            name: name_of(record),
            record,
            kind: kind.word().to_owned(),
            about,
        };
        self.own().into_iter().map(column).collect()
    }

    fn own(self) -> Vec<Own> {
        match self {
            Table::Signals => SIGNALS.into_iter().chain(of_dictionary()).collect(),
            Table::Claims => CLAIMS.to_vec(),
            Table::Parcels => PARCELS.to_vec(),
            Table::People => PEOPLE.to_vec(),
        }
    }
}

/// The fields of signals that may lie open, by their places in a signal.
fn of_dictionary() -> Vec<Own> {
    let mut met: BTreeSet<String> = SIGNALS.iter().map(|(name, ..)| name_of(name)).collect();
    let is_new = |row: &&DictionaryField| is_told(row) && met.insert(name_of(row.member));
    FIELDS.iter().filter(is_new).map(|row| (row.member, kind_of(row), row.about)).collect()
}

/// Whether the table of signals tells a field.
pub fn is_told(row: &DictionaryField) -> bool {
    !row.member.is_empty() && may_lie_open(row.class)
}

/// Rows of a table that grow one by one.
pub struct TableRows {
    schema: SchemaRef,
    columns: Vec<(Own, Cells)>,
    /// The columns by their places in a row: of many a row has few.
    places: HashMap<&'static str, usize>,
    len: usize,
}

impl TableRows {
    /// None yet.
    pub fn new(table: Table) -> TableRows {
        let columns: Vec<_> = table.own().into_iter().map(|own| (own, Cells::new(own.1))).collect();
        let field =
            |((name, kind, _), _): &(Own, Cells)| Field::new(name_of(name), kind.data_type(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()));
        let names = columns.iter().map(|((name, ..), _)| *name);
        let places = names.enumerate().map(|(place, name)| (name, place)).collect();
        TableRows { schema, columns, places, len: 0 }
    }

    /// The columns of the rows.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a row: the values by their columns' places, dots and all. A hash is 32 hex digits. What
    /// no column is for is left out.
    ///
    /// # Errors
    /// What Arrow says of a column.
    pub fn push(&mut self, row: &Map<String, Value>) -> Result<(), LakeError> {
        for (name, value) in row.iter().filter(|(_, value)| !says_nothing(value)) {
            let column = self.places.get(name.as_str()).and_then(|at| self.columns.get_mut(*at));
            let Some(((_, kind, _), cells)) = column else { continue };
            cells.fill(self.len);
            cells.push(row::cell(Some(value), *kind))?;
        }
        self.len += 1;
        Ok(())
    }

    /// The rows so far; the next batch begins empty.
    ///
    /// # Errors
    /// What Arrow says of the columns.
    pub fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        let rows = std::mem::take(&mut self.len);
        let column = |(_, cells): &mut (Own, Cells)| {
            cells.fill(rows);
            cells.finish()
        };
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(column).collect();
        Ok(RecordBatch::try_new(self.schema(), columns)?)
    }
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use serde_json::json;

    use super::*;

    #[test]
    fn no_two_columns_of_a_table_have_one_name() {
        for table in Table::ALL {
            let names: BTreeSet<String> = table.columns().into_iter().map(|it| it.name).collect();
            assert_eq!(names.len(), table.columns().len(), "{}", table.name());
            let schema = TableRows::new(table).schema();
            assert!(schema.fields().iter().all(|field| names.contains(field.name())));
        }
    }

    /// A row in which every field of the dictionary says its own number.
    #[test]
    fn what_identifies_a_person_is_in_no_signal() {
        let mut rows = TableRows::new(Table::Signals);
        let mark = |row: &DictionaryField| format!("mark-{}.", row.number);
        // What every signal has goes before a field of its name.
        let is_own = |row: &DictionaryField| SIGNALS.iter().any(|(own, ..)| *own == row.member);
        let fields = FIELDS.iter().filter(|row| !is_own(row));
        let all: Map<String, Value> =
            fields.map(|row| (row.member.to_owned(), json!(mark(row)))).collect();
        rows.push(&all).unwrap();
        let told = format!("{:?}", rows.finish().unwrap());
        let closed = FIELDS.iter().filter(|row| !row.member.is_empty() && !is_told(row));
        let open_too = |row: &DictionaryField| {
            FIELDS.iter().any(|other| other.member == row.member && is_told(other))
        };
        for row in closed.filter(|row| !open_too(row)) {
            assert!(!told.contains(&mark(row)), "{} is of class {:?}", row.name, row.class);
        }
        assert!(told.contains("mark-"), "{told}");
    }

    #[test]
    fn a_hash_is_read_from_its_digits() {
        let mut rows = TableRows::new(Table::People);
        let row =
            json!({ "identity_type": "email", "identity_hash": "00".repeat(16), "person": "no" });
        rows.push(row.as_object().unwrap()).unwrap();
        assert_eq!(rows.len(), 1);
        let batch = rows.finish().unwrap();
        assert!(batch.column(1).is_valid(0) && batch.column(2).is_null(0) && rows.is_empty());
    }
}
