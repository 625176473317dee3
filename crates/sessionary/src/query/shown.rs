//! Answers and tables for a person at a terminal.
use std::fmt::Write;

use serde_json::Value;
use sessionary_lake::sql::{Described, table_functions};

use crate::table::{counted, written};

/// A column is never cut below this.
const LEAST: usize = 8;

/// Queries to begin with.
pub(super) const EXAMPLES: [(&str, &str); 3] = [
    (
        "What came of the sessions of each channel",
        "SELECT channel, disposition_name, count(*) AS sessions FROM sessions GROUP BY ALL ORDER BY sessions DESC",
    ),
    (
        "Sessions of each day, and how long they took",
        "SELECT date_trunc('day', started_at) AS day, count(*) AS sessions, avg(duration_ms) / 1000 AS seconds \
         FROM sessions GROUP BY day ORDER BY day",
    ),
    (
        "Where visitors came from first, and how many of them converted",
        "SELECT t.source, count(*) AS sessions, sum(CASE WHEN s.disposition_class = 'conversion' THEN 1 ELSE 0 END) AS converted \
         FROM touches t JOIN sessions s ON s.id = t.session_id WHERE t.ordinal = 1 GROUP BY t.source ORDER BY sessions DESC LIMIT 20",
    ),
];

/// What can be asked.
pub(super) fn tables(tables: &[Described]) -> String {
    let rows: Vec<Vec<String>> = tables
        .iter()
        .map(|table| {
            vec![table.name.clone(), counted(count(table.columns.len())), table.about.clone()]
        })
        .collect();
    let mut text = written(&["table", "columns", "holds"], &rows);
    text.push_str("\nDESCRIBE a table to see its columns: sessionary query \"DESCRIBE touches\"\n");
    text.push_str("\nFunctions that answer with a table, over the rows of the query in their first argument:\n");
    for function in table_functions() {
        let _ = write!(text, "\n  {}\n    {}\n", function.form(), function.about);
    }
    text.push_str("\nTo begin with:\n");
    for (about, sql) in EXAMPLES {
        let _ = write!(text, "\n  {about}:\n  sessionary query \"{sql}\"\n");
    }
    text
}

/// An answer in JSON as a table, in lines of at most `width` letters.
pub(super) fn answer(answer: &Value, width: Option<usize>) -> String {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let columns = list("columns").unwrap_or_default();
    let rows = list("rows").unwrap_or_default();
    let text = |column: &Value, member: &str| {
        column.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let heads: Vec<String> = columns.iter().map(|column| text(column, "name")).collect();
    if rows.is_empty() {
        let told = columns.iter().map(|it| format!("{} ({})", text(it, "name"), text(it, "type")));
        let told: Vec<String> = told.collect();
        return format!("no rows; the columns would be: {}\n{}", told.join(", "), foot(answer, 0));
    }
    let cells = |row: &Value| heads.iter().map(|head| cell(row.get(head))).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let body = match width {
        Some(width) if heads.len() * (LEAST + 2) > width => records(&heads, &rows),
        Some(width) => fitted(&heads, &rows, width),
        None => table(&heads, &rows),
    };
    format!("{body}{}", foot(answer, rows.len()))
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.replace(['\n', '\r', '\t'], " "),
        Some(other) => other.to_string(),
    }
}

fn table(heads: &[String], rows: &[Vec<String>]) -> String {
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    written(&heads, rows)
}

/// A table whose widest columns are cut until it fits.
fn fitted(heads: &[String], rows: &[Vec<String>], width: usize) -> String {
    let letters = |text: &String| text.chars().count();
    let mut widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| {
            rows.iter().filter_map(|row| row.get(at)).chain([head]).map(letters).max().unwrap_or(0)
        })
        .collect();
    // A space before the line, and one on each side of a cell.
    while widths.iter().sum::<usize>() + 2 * widths.len() > width {
        match widths.iter_mut().max() {
            Some(widest) if *widest > LEAST => *widest -= 1,
            _ => break,
        }
    }
    let cut = |cells: &[String]| -> Vec<String> {
        cells.iter().zip(&widths).map(|(cell, width)| shortened(cell, *width)).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| cut(row)).collect();
    table(&cut(heads), &rows)
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// One line a cell, for rows that are too wide for a table; what is nothing is left out.
fn records(heads: &[String], rows: &[Vec<String>]) -> String {
    let widest = heads.iter().map(|head| head.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (number, row) in (1..).zip(rows) {
        let _ = writeln!(text, "row {number}");
        for (head, cell) in heads.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            let _ = writeln!(text, "  {head:<widest$}  {cell}");
        }
    }
    text
}

/// How many rows, how long it took, how fresh they are.
fn foot(answer: &Value, rows: usize) -> String {
    let elapsed = answer.get("elapsed_ms").and_then(Value::as_u64).unwrap_or(0);
    let mut text = match rows {
        1 => format!("\n1 row, {elapsed} ms"),
        rows => format!("\n{} rows, {elapsed} ms", counted(count(rows))),
    };
    let through = answer.pointer("/freshness/through").and_then(Value::as_str);
    if let Some(through) = through {
        let _ = write!(text, "; sessions up to {through}");
    }
    text.push('\n');
    text
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn told(rows: &Value) -> Value {
        json!({
            "columns": [
                { "name": "channel", "type": "text" }, { "name": "sessions", "type": "number" },
                { "name": "note", "type": "text" },
            ],
            "rows": rows, "elapsed_ms": 7,
            "freshness": { "through": "2026-01-05T10:00:00.000Z", "files": 1, "live_rows": 2 },
        })
    }

    #[test]
    fn rows_stand_in_a_table_that_fits() {
        let rows = json!([
            { "channel": "web", "sessions": 12, "note": "a text that is far too long for a narrow line" },
            { "channel": null, "sessions": 3, "note": "short\nbroken" },
        ]);
        let narrow = answer(&told(&rows), Some(40));
        assert!(narrow.lines().take(3).all(|line| line.chars().count() <= 40), "{narrow}");
        expect![[r"
              channel  sessions  note
              web            12  a text that is far…
                              3  short broken

            2 rows, 7 ms; sessions up to 2026-01-05T10:00:00.000Z
        "]]
        .assert_eq(&narrow);
        let wide = answer(&told(&rows), None);
        assert!(wide.contains("far too long for a narrow line"), "{wide}");
        let records = answer(&told(&rows), Some(20));
        assert!(records.starts_with("row 1\n  channel   web\n  sessions  12\n"), "{records}");
    }

    #[test]
    fn no_rows_are_said_with_their_columns() {
        expect![[r"
            no rows; the columns would be: channel (text), sessions (number), note (text)

            0 rows, 7 ms; sessions up to 2026-01-05T10:00:00.000Z
        "]]
        .assert_eq(&answer(&told(&json!([])), Some(80)));
    }
}
