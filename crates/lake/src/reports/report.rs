//! An answer: its columns with their units, its rows, and the frame that says what it is an answer to.
use std::collections::BTreeMap;

use rust_decimal::{Decimal, prelude::FromPrimitive};
use serde_json::{Map, Value, json};
use sessionary_core::time::UnixMillis;

use super::Clock;
use crate::{LakeError, Word};

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its numbers count: `sessions`, `ms`, `share` (0 to 1), a currency, and so on; empty where
    /// it holds words.
    pub unit: String,
}

/// A cell of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing is known, or there is nothing to divide by.
    Nothing,
    /// A word.
    Text(String),
    /// A number of things.
    Count(u64),
    /// A measure.
    Number(f64),
    /// An amount of money, exact or rounded to six digits; told as text.
    Amount(Decimal),
}

/// Rows that were looked at and are not in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Made by machines.
    pub bots: u64,
    /// Of another channel, source and so on than was asked for.
    pub filtered: u64,
    /// Began at another time.
    pub outside: u64,
    /// Became part of another session.
    pub merged: u64,
}

/// What an answer is an answer to.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Began at or after; `None`: since ever.
    pub from: Option<UnixMillis>,
    /// Began before; `None`: until now.
    pub to: Option<UnixMillis>,
    /// The clock by which days and hours are told.
    pub clock: Clock,
    /// Breakdown and the value it must have.
    pub filters: Vec<(&'static str, String)>,
    /// Parameters of the report, with the values that held.
    pub options: Vec<(&'static str, String)>,
    /// Whether sessions of machines are in the answer.
    pub bots_included: bool,
    /// Sessions that were read.
    pub looked_at: u64,
    /// Those that the answer is about.
    pub counted: u64,
    /// Those that it is not, and why.
    pub left_out: LeftOut,
    /// When the earliest session that was read began.
    pub earliest: Option<UnixMillis>,
    /// When the latest did.
    pub latest: Option<UnixMillis>,
    /// As of when rows were read.
    pub read_at: UnixMillis,
    /// When the latest record that was read was cut.
    pub latest_cut: Option<UnixMillis>,
    /// What a reader must know, in sentences.
    pub notes: Vec<String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The report's word.
    pub name: &'static str,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// What all rows come to; nothing where that makes no sense.
    pub totals: Option<Vec<Cell>>,
    /// The column that a chart would show.
    pub bar: Option<&'static str>,
    /// What it is an answer to.
    pub frame: Frame,
}

impl Column {
    /// A column of words.
    pub(super) fn words(name: &str) -> Column {
        Column { name: name.to_owned(), unit: String::new() }
    }

    /// A column of numbers.
    pub(super) fn of(name: &str, unit: &str) -> Column {
        Column { name: name.to_owned(), unit: unit.to_owned() }
    }
}

/// What stands where a session has no value.
pub(super) const NONE: &str = "(none)";

impl Cell {
    pub(super) fn word(word: &Word) -> Cell {
        match word {
            Word::Null => Cell::Text(NONE.to_owned()),
            word => Cell::Text(word.to_string()),
        }
    }

    pub(super) fn number(number: Option<f64>) -> Cell {
        number.map_or(Cell::Nothing, Cell::Number)
    }

    /// A part of a whole; nothing of nothing.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub(super) fn share(part: u64, whole: u64) -> Cell {
        Cell::number((whole > 0).then(|| part as f64 / whole as f64))
    }

    /// An amount that was shared out, to six digits behind the point.
    pub(super) fn shared(amount: f64) -> Cell {
        let amount = Decimal::from_f64(amount).map(|amount| amount.round_dp(6).normalize());
        amount.map_or(Cell::Nothing, Cell::Amount)
    }

    /// The cell as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Cell::Nothing => Value::Null,
            Cell::Text(text) => json!(text),
            Cell::Count(count) => json!(count),
            Cell::Number(number) => json!(number),
            Cell::Amount(amount) => json!(amount.to_string()),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Cell::Nothing => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Amount(amount) => amount.to_string(),
        }
    }
}

impl Frame {
    /// The frame as JSON.
    pub fn to_json(&self) -> Value {
        let told = |at: UnixMillis| self.clock.told(at);
        let pairs = |pairs: &[(&'static str, String)]| {
            let pairs: BTreeMap<&str, &String> = pairs.iter().map(|(n, v)| (*n, v)).collect();
            json!(pairs)
        };
        let LeftOut { bots, filtered, outside, merged } = self.left_out;
        json!({
            "from": self.from.map(told),
            "to": self.to.map(told),
            "zone": self.clock.name(),
            "filters": pairs(&self.filters),
            "options": pairs(&self.options),
            "bots": if self.bots_included { "include" } else { "leave_out" },
            "sessions_looked_at": self.looked_at,
            "sessions_counted": self.counted,
            "left_out": {
                "bots": bots, "filtered": filtered, "outside": outside, "merged": merged,
            },
            "earliest": self.earliest.map(told),
            "latest": self.latest.map(told),
            "read_at": told(self.read_at),
            "latest_cut": self.latest_cut.map(told),
            "notes": self.notes,
        })
    }
}

impl Report {
    /// The answer as JSON; `columns` has the order of the members of each row.
    pub fn to_json(&self) -> Value {
        let row = |cells: &Vec<Cell>| -> Value {
            let cells = self.columns.iter().zip(cells);
            let cells = cells.map(|(column, cell)| (column.name.clone(), cell.to_json()));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        let columns = self.columns.iter();
        let columns = columns.map(|column| json!({ "name": column.name, "unit": column.unit }));
        json!({
            "report": self.name,
            "columns": columns.collect::<Value>(),
            "rows": self.rows.iter().map(row).collect::<Value>(),
            "totals": self.totals.as_ref().map(row),
            "bar": self.bar,
            "frame": self.frame.to_json(),
        })
    }

    /// The rows as CSV under their names, with a line feed after each.
    ///
    /// # Errors
    /// Never, as it is written to memory.
    pub fn to_csv(&self) -> Result<String, LakeError> {
        let wrong = |error: csv::Error| LakeError::Source(Box::new(error));
        let mut to = csv::Writer::from_writer(Vec::new());
        to.write_record(self.columns.iter().map(|column| &column.name)).map_err(wrong)?;
        for row in &self.rows {
            to.write_record(row.iter().map(Cell::to_text)).map_err(wrong)?;
        }
        let bytes = to.into_inner().map_err(|error| LakeError::Source(Box::new(error)))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
