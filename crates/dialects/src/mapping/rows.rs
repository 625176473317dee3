//! Reading a file row by row.
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader, Read},
    sync::Arc,
};

use serde_json::value::RawValue;
use sessionary_core::{signal::Signal, value::RawJson};

use super::{
    Mapping, MappingError, MappingFormat,
    moment::Calendar,
    row::{Row, RowError, RowProblem, json_of},
};

/// The values of one row.
pub(super) enum Record {
    Csv { columns: Arc<HashMap<Box<str>, usize>>, values: csv::StringRecord },
    Ndjson(BTreeMap<String, Box<RawValue>>),
}

impl Record {
    pub(super) fn text(&self, column: &str) -> Cow<'_, str> {
        match self {
            Record::Csv { columns, values } => {
                let place = columns.get(column);
                Cow::Borrowed(place.and_then(|place| values.get(*place)).unwrap_or(""))
            }
            Record::Ndjson(members) => match members.get(column).map(|raw| raw.get()) {
                None | Some("null") => Cow::Borrowed(""),
                Some(json) => match serde_json::from_str::<String>(json) {
                    Ok(text) => Cow::Owned(text),
                    Err(_) => Cow::Borrowed(json),
                },
            },
        }
    }

    /// The row as text again, for a person who looks at what could not be read.
    fn raw(&self, delimiter: char) -> String {
        match self {
            Record::Csv { values, .. } => {
                values.iter().collect::<Vec<_>>().join(&delimiter.to_string())
            }
            Record::Ndjson(members) => {
                // A dotted path is a part of a member that stands here as well.
                let own = members.iter().filter(|(name, _)| !name.contains('.'));
                let own: BTreeMap<&String, &Box<RawValue>> = own.collect();
                serde_json::to_string(&own).unwrap_or_default()
            }
        }
    }

    pub(super) fn json(&self, column: &str) -> Option<RawJson> {
        match self {
            Record::Csv { .. } => json_of(&self.text(column)),
            Record::Ndjson(members) => {
                let raw = members.get(column).filter(|raw| raw.get() != "null")?;
                Some(RawJson::from_parsed(&**raw))
            }
        }
    }
}

/// A row and what it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedRow {
    /// Number of the row, from 1, the names of columns not counted.
    pub row: u64,
    /// Its signals, in the order of the mapping.
    pub signals: Vec<Signal>,
}

/// The rows of a file. A row that cannot be read is an error and the next is tried; after an error
/// of the file itself there is no next.
pub struct Rows<R> {
    mapping: Mapping,
    calendar: Calendar,
    row: u64,
    reader: Reader<R>,
}

enum Reader<R> {
    Csv(csv::Reader<R>, Arc<HashMap<Box<str>, usize>>),
    Ndjson(BufReader<R>),
    Ended,
}

impl Mapping {
    /// Begins to read a file.
    ///
    /// # Errors
    /// A table that lacks a column the mapping speaks of.
    pub fn read<R: Read>(self, input: R) -> Result<Rows<R>, MappingError> {
        let reader = match self.format {
            MappingFormat::Ndjson => Reader::Ndjson(BufReader::new(input)),
            MappingFormat::Csv { delimiter } => {
                let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(input);
                let header =
                    reader.headers().map_err(|error| MappingError::Header(error.to_string()))?;
                let columns: HashMap<Box<str>, usize> =
                    (0..).zip(header).map(|(place, name)| (name.into(), place)).collect();
                if let Some(column) = self.columns().find(|column| !columns.contains_key(*column)) {
                    let has = header.iter().collect::<Vec<_>>().join(", ");
                    return Err(MappingError::NoColumn { column: column.into(), has });
                }
                Reader::Csv(reader, Arc::new(columns))
            }
        };
        Ok(Rows { mapping: self, calendar: Calendar::default(), row: 0, reader })
    }
}

impl<R> Rows<R> {
    fn delimiter(&self) -> char {
        match self.mapping.format {
            MappingFormat::Csv { delimiter } => char::from(delimiter),
            MappingFormat::Ndjson => ',',
        }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<MappedRow, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.reader.next()?;
        self.row += 1;
        let row = self.row;
        let record = match record {
            Ok(record) => record,
            Err(problem) => return Some(Err(RowError { row, problem, raw: "".into() })),
        };
        Some(match Row::new(row, &record).signals(&self.mapping, &mut self.calendar) {
            Ok(signals) => Ok(MappedRow { row, signals }),
            Err(problem) => {
                Err(RowError { row, problem, raw: record.raw(self.delimiter()).into() })
            }
        })
    }
}

impl<R: Read> Reader<R> {
    fn next(&mut self) -> Option<Result<Record, RowProblem>> {
        match self {
            Reader::Ended => None,
            Reader::Csv(reader, columns) => {
                let mut values = csv::StringRecord::new();
                match reader.read_record(&mut values) {
                    Ok(false) => None,
                    Ok(true) => Some(Ok(Record::Csv { columns: Arc::clone(columns), values })),
                    Err(error) => {
                        if error.is_io_error() {
                            *self = Reader::Ended;
                            return Some(Err(RowProblem::Broken(error.to_string().into())));
                        }
                        Some(Err(RowProblem::Unreadable(error.to_string().into())))
                    }
                }
            }
            Reader::Ndjson(reader) => match next_line(reader) {
                Ok(line) => line.map(|line| object(&line)),
                Err(error) => {
                    *self = Reader::Ended;
                    Some(Err(RowProblem::Broken(error.to_string().into())))
                }
            },
        }
    }
}

fn next_line(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            return Ok(Some(line));
        }
        line.clear();
    }
    Ok(None)
}

fn object(line: &[u8]) -> Result<Record, RowProblem> {
    let mut members = BTreeMap::new();
    let object: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(line)
        .map_err(|error| RowProblem::Unreadable(format!("no JSON object: {error}").into()))?;
    flatten("", object, &mut members);
    Ok(Record::Ndjson(members))
}

/// Gives members of objects in objects their dotted paths; the objects stay as well.
fn flatten(
    prefix: &str,
    object: BTreeMap<String, Box<RawValue>>,
    members: &mut BTreeMap<String, Box<RawValue>>,
) {
    for (name, value) in object {
        let path = format!("{prefix}{name}");
        if let Ok(inner) = serde_json::from_str(value.get()) {
            flatten(&format!("{path}."), inner, members);
        }
        members.insert(path, value);
    }
}
