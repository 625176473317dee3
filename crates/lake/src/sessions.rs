//! The table of sessions: one row a cut record, with the columns that the dictionary gives it.
//!
//! A row is made of the record as it was cut, so that the lake says what every other destination was
//! told. Columns are named by places in the record. What identifies a person stands there as a keyed
//! hash, and fields of the classes direct, quasi, network and free are left out (docs/lake.md).
use std::{collections::BTreeSet, sync::Arc};

use arrow::{
    array::{ArrayRef, ListArray, RecordBatch, StructArray},
    buffer::{NullBuffer, OffsetBuffer},
    datatypes::{DataType, Field, Fields, Schema, SchemaRef},
};
use serde_json::Value;
use sessionary_core::{
    dictionary::{FIELDS, Field as DictionaryField, FieldType, PiiClass},
    lane::HashSecret,
    signal::TenantId,
};

use crate::LakeError;

pub(crate) mod cell;
pub(crate) mod own;
pub(crate) mod row;

use cell::{Cell, Cells, Kind};
use own::{ALWAYS, HASH, LISTS, List, OWN, Own};

/// A column as the reference page tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its place in the record.
    pub record: &'static str,
    /// What its cells are, for a person.
    pub kind: String,
    /// What they mean.
    pub about: &'static str,
}

/// Every column, in its order.
pub fn columns() -> Vec<Column> {
    let one = |(record, kind, about): Own| {
        let (name, kind) = (name_of(record), kind.word().to_owned());
        Column { name, record, kind, about }
    };
    let list = |list: &List| {
        let members: Vec<String> =
            list.members.iter().map(|(name, kind, _)| format!("{name} {}", kind.word())).collect();
        let kind = format!("list of ({})", members.join(", "));
        Column { name: name_of(list.record), record: list.record, kind, about: list.about }
    };
    let scalars = scalars().into_iter().map(one);
    scalars.chain(LISTS.iter().map(list)).collect()
}

/// The columns that are no lists of objects.
fn scalars() -> Vec<Own> {
    let own: Vec<Own> = ALWAYS.into_iter().chain(OWN).collect();
    let told: BTreeSet<&str> = own.iter().map(|(record, ..)| *record).collect();
    let is_new = |row: &&DictionaryField| !row.record.is_empty() && !told.contains(row.record);
    let of_dictionary = FIELDS.iter().filter(|row| may_lie_open(row.class)).filter(is_new);
    let mut met = BTreeSet::new();
    let of_dictionary = of_dictionary.filter(|row| met.insert(row.record));
    own.iter()
        .copied()
        .chain(of_dictionary.map(|row| (row.record, kind_of(row), row.about)))
        .collect()
}

/// Whether values of a class may lie in files that are kept for long and read by many.
pub(crate) fn may_lie_open(class: PiiClass) -> bool {
    !matches!(class, PiiClass::Direct | PiiClass::Quasi | PiiClass::Network | PiiClass::Free)
}

pub(crate) fn kind_of(row: &DictionaryField) -> Kind {
    match row.kind {
        FieldType::Text | FieldType::Json => Kind::Text,
        FieldType::Number => Kind::Number,
        FieldType::Decimal => Kind::Decimal,
        FieldType::Instant => Kind::Instant,
        FieldType::Flag => Kind::Flag,
        FieldType::Texts => Kind::Texts,
    }
}

pub(crate) fn name_of(record: &str) -> String {
    record.replace('.', "_")
}

/// Rows that grow record by record.
pub struct SessionRows {
    schema: SchemaRef,
    scalars: Vec<(Own, Cells)>,
    lists: Vec<Objects>,
    len: usize,
}

impl Default for SessionRows {
    fn default() -> SessionRows {
        SessionRows::new()
    }
}

impl SessionRows {
    /// None yet, with every column.
    pub fn new() -> SessionRows {
        SessionRows::having(|_| true)
    }

    /// None yet, with the columns of these names and no others.
    pub fn of_columns(names: &[&str]) -> SessionRows {
        SessionRows::having(|name| names.contains(&name))
    }

    fn having(wanted: impl Fn(&str) -> bool) -> SessionRows {
        let scalars = scalars().into_iter().filter(|(record, ..)| wanted(&name_of(record)));
        let scalars: Vec<_> = scalars.map(|own| (own, Cells::new(own.1))).collect();
        let lists = LISTS.iter().filter(|list| wanted(&name_of(list.record)));
        let lists: Vec<Objects> = lists.map(Objects::new).collect();
        let one = |((record, kind, _), _): &(Own, Cells)| {
            let required = ALWAYS.iter().any(|(always, ..)| always == record);
            Field::new(name_of(record), kind.data_type(), !required)
        };
        let fields = scalars.iter().map(one).chain(lists.iter().map(Objects::field));
        let schema = Arc::new(Schema::new(fields.collect::<Fields>()));
        SessionRows { schema, scalars, lists, len: 0 }
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

    /// Adds the row of a cut record; identities are hashed for their tenant under `secret`.
    ///
    /// # Errors
    /// None that a record gives cause for; what Arrow says of a column.
    pub fn push(
        &mut self,
        record: &Value,
        tenant: TenantId,
        secret: &HashSecret,
    ) -> Result<(), LakeError> {
        for ((path, kind, _), cells) in &mut self.scalars {
            cells.push(row::cell(row::at(record, path), *kind))?;
        }
        let hash = |value: &str| secret.identity(tenant, value);
        self.lists.iter_mut().try_for_each(|list| list.push(record, &hash))?;
        self.len += 1;
        Ok(())
    }

    /// The rows so far; the next batch begins empty.
    ///
    /// # Errors
    /// What Arrow says of the columns.
    pub fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        self.len = 0;
        let scalars = self.scalars.iter_mut().map(|(_, cells)| Ok(cells.finish()));
        let lists = self.lists.iter_mut().map(Objects::finish);
        let columns: Vec<ArrayRef> = scalars.chain(lists).collect::<Result<_, LakeError>>()?;
        Ok(RecordBatch::try_new(self.schema(), columns)?)
    }
}

/// A column of lists of objects, as it grows.
struct Objects {
    list: &'static List,
    members: Vec<(Own, Cells)>,
    lengths: Vec<usize>,
    told: Vec<bool>,
}

impl Objects {
    fn new(list: &'static List) -> Objects {
        let members = list.members.iter().map(|own| (*own, Cells::new(own.1))).collect();
        Objects { list, members, lengths: Vec::new(), told: Vec::new() }
    }

    fn fields(&self) -> Fields {
        let fields = self.members.iter();
        fields.map(|((name, kind, _), _)| Field::new(*name, kind.data_type(), true)).collect()
    }

    fn item(&self) -> Arc<Field> {
        Arc::new(Field::new("element", DataType::Struct(self.fields()), true))
    }

    fn field(&self) -> Field {
        Field::new(name_of(self.list.record), DataType::List(self.item()), true)
    }

    /// Adds the objects of a record; a redirect has no such list.
    fn push(&mut self, record: &Value, hash: &impl Fn(&str) -> [u8; 16]) -> Result<(), LakeError> {
        let objects = row::at(record, self.list.record).and_then(Value::as_array);
        self.told.push(objects.is_some());
        let objects = objects.map(Vec::as_slice).unwrap_or_default();
        self.lengths.push(objects.len());
        for object in objects {
            for ((name, kind, _), cells) in &mut self.members {
                let cell = match *name {
                    HASH => object.get("value").and_then(Value::as_str).map(hash).map(Cell::Hash),
                    name => Some(row::cell(row::at(object, name), *kind)),
                };
                cells.push(cell.unwrap_or(Cell::Null))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, LakeError> {
        let (fields, item) = (self.fields(), self.item());
        let columns = self.members.iter_mut().map(|(_, cells)| cells.finish()).collect();
        let objects = StructArray::try_new(fields, columns, None)?;
        let offsets = OffsetBuffer::from_lengths(self.lengths.drain(..));
        let told = NullBuffer::from(std::mem::take(&mut self.told));
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(objects), Some(told))?))
    }
}

#[cfg(test)]
mod tests;
