//! The reference page of what survives from any shape to any other.
use sessionary_core::dictionary::{FIELDS, Field, Keep};
use sessionary_dialects::{
    Format,
    format::pairs::{FOREIGN, LOST, Lost, fields, why_lost},
};

use crate::fields::{cell, code};

const HEAD: &str = "\
# Any to any

Written by `cargo xtask docs` from the dictionary (`crates/core/src/dictionary/table.rs`) and the list of losses
(`crates/dialects/src/format/pairs.rs`); change it there. `crates/dialects/tests/dialects/pairs.rs` proves it: a session with
a value in every field that a shape knows is written in that shape and read; written in the other shape and read again; and
compared, field by field.

`GET /v1/sessions/{id}?format=` tells any session in any shape, wherever it came from. A shape tells the fields that it has
a place for. What it has no place for stays in the record, and `?format=canonical` tells everything.

* The **Handshake** writes times to the second. **Genesys**, **CCAI** and **Tropo** write lengths in whole seconds.
* **Segment** carries what it has no place for in `context.sessionary`, under the name here, so that everything comes back
  that Sessionary reads again. Other readers of its calls see the fields with a path.
* An object such as a device may come back with more members than it had: those that the other shape requires.
* Only Segment carries attributes, which no field knows; the others give back their own.
";

const PAIRS: &str = "
## How much survives

Fields that survive, of those that both know; for Segment of all that the first knows. From the shape on the left to the
one above.

";

const LOSSES: &str = "
## What does not, and why

| from | to | fields | why |
|---|---|---|---|
";

const PLACES: &str = "
## Which shape knows which field

Every field that a session keeps, with the place that each shape has for it; *carried*: see above; nothing: the shape does
not tell it.

";

/// The page.
pub(crate) fn page() -> String {
    let mut parts = vec![HEAD.to_owned(), PAIRS.to_owned(), head("from \\ to", "")];
    parts.extend(FOREIGN.map(pairs_from));
    parts.push(LOSSES.to_owned());
    parts.extend(LOST.iter().map(loss));
    parts.push(PLACES.to_owned());
    parts.push(head("number", " name |"));
    parts.extend(FIELDS.iter().filter(|row| row.keep != Keep::Signal).map(places));
    parts.concat()
}

/// The head of a table with a column for each shape.
fn head(first: &str, more: &str) -> String {
    let names = FOREIGN.map(name).join(" | ");
    let columns = 1 + more.matches('|').count() + FOREIGN.len();
    format!("| {first} |{more} {names} |\n|{}\n", "---|".repeat(columns))
}

fn pairs_from(from: Format) -> String {
    let cells = FOREIGN.map(|to| {
        let lost = |row: &&Field| why_lost(from, to, row.number()).is_some();
        let (all, lost) = (fields(from, to).count(), fields(from, to).filter(lost).count());
        format!("{} of {all}", all - lost)
    });
    format!("| **{}** | {} |\n", name(from), cells.join(" | "))
}

fn loss(lost: &Lost) -> String {
    let from: Vec<&str> = lost.from.iter().map(|from| name(*from)).collect();
    let rows = FIELDS.iter().filter(|row| lost.fields.contains(&row.number()));
    let fields: Vec<String> = rows.map(|row| code(row.name)).collect();
    let (from, fields) = (from.join(", "), fields.join(" "));
    format!("| {from} | {} | {fields} | {} |\n", name(lost.to), cell(lost.reason))
}

fn places(row: &'static Field) -> String {
    let cells = FOREIGN.map(|format| match format.places(row) {
        places if !places.is_empty() => places.into_iter().map(code).collect::<Vec<_>>().join(" "),
        _ if format.carries() => "*carried*".to_owned(),
        _ => String::new(),
    });
    format!("| {} | {} | {} |\n", row.number, code(row.name), cells.join(" | "))
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Canonical => "Sessionary",
        Format::Handshake => "Handshake",
        Format::Genesys => "Genesys",
        Format::Ccai => "CCAI",
        Format::Tropo => "Tropo",
        Format::Segment => "Segment",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_every_loss_and_every_field_has_its_place() {
        let page = page();
        for lost in LOST {
            assert!(page.contains(lost.reason), "{}", lost.reason);
        }
        for row in FIELDS.iter().filter(|row| row.keep != Keep::Signal) {
            assert!(page.contains(&format!("| {} | `{}` |", row.number, row.name)), "{}", row.name);
        }
        for from in FOREIGN {
            assert!(page.contains(&format!("| **{}** |", name(from))));
        }
        let columns = |line: &str| line.matches('|').count();
        let tables = page.lines().filter(|line| line.starts_with('|'));
        assert!(tables.clone().all(|line| [5, 7, 8].contains(&columns(line))));
    }
}
