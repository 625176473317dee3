//! A report on a terminal: what was asked, the table, a bar for each row, and the frame.
use serde_json::Value;
use sessionary_lake::reports::Kind;

use super::cells::{bar, cell};
use crate::table::counted;

/// Columns of the longest bar.
const BAR: usize = 30;
/// Shorter bars tell nothing.
const BAR_LEAST: usize = 8;
/// Between two columns.
const GAP: &str = "  ";

/// A column with its cells as text.
struct Shown {
    head: String,
    cells: Vec<String>,
    is_number: bool,
    width: usize,
}

/// The report within so many columns.
pub(super) fn report(report: &Value, columns: usize) -> String {
    let name = report.get("report").and_then(Value::as_str).unwrap_or_default();
    let about = Kind::from_word(name).map_or("", Kind::about);
    let mut text = format!("{name}: {about}\n\n");
    let all = shown(report);
    let is_empty = rows(report).is_empty();
    if is_empty {
        text.push_str("No rows.\n");
    } else {
        let (labels, measures) = divided(&all);
        let bars = bars(report);
        for (at, block) in blocks(&labels, &measures, columns).into_iter().enumerate() {
            let bars = if at == 0 { bars.as_deref() } else { None };
            text.push_str(&table(&labels, &block, bars, columns));
            text.push('\n');
        }
    }
    text.push_str(&frame(report.get("frame").unwrap_or(&Value::Null)));
    text
}

fn rows(report: &Value) -> &[Value] {
    report.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The columns, without those in which nothing stands; totals are the last row.
fn shown(report: &Value) -> Vec<Shown> {
    let totals = report.get("totals").filter(|totals| !totals.is_null());
    let columns = report.get("columns").and_then(Value::as_array);
    let columns = columns.map(Vec::as_slice).unwrap_or_default().iter();
    let of = |column: &Value| {
        let text = |name| column.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (head, unit) = (text("name"), text("unit"));
        let value = |row: &Value| row.get(&head).cloned().unwrap_or(Value::Null);
        let values: Vec<Value> = rows(report).iter().map(value).collect();
        if values.iter().all(Value::is_null) {
            return None;
        }
        let mut cells: Vec<String> = values.iter().map(|value| cell(value, &unit)).collect();
        cells.extend(totals.map(|totals| match value(totals) {
            Value::Null => String::new(),
            value => cell(&value, &unit),
        }));
        let widest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        let width = widest.max(head.chars().count());
        Some(Shown { is_number: !unit.is_empty(), head, cells, width })
    };
    let mut columns: Vec<Shown> = columns.filter_map(of).collect();
    if let (Some(_), Some(first)) = (totals, columns.first_mut())
        && let Some(cell) = first.cells.last_mut().filter(|cell| cell.is_empty())
    {
        "all".clone_into(cell);
        first.width = first.width.max(3);
    }
    columns
}

/// The columns at the left, which say what a row is about, and the others.
fn divided(all: &[Shown]) -> (Vec<&Shown>, Vec<&Shown>) {
    let labels = all.iter().take_while(|column| !column.is_number || column.head == "code").count();
    // Words may follow a number, as in an outcome with its code.
    (all.iter().take(labels).collect(), all.iter().skip(labels).collect())
}

/// As many measures side by side as fit; the labels stand before each block.
fn blocks<'s>(labels: &[&Shown], measures: &[&'s Shown], columns: usize) -> Vec<Vec<&'s Shown>> {
    let room = columns.saturating_sub(labels.iter().map(|label| label.width + GAP.len()).sum());
    let mut blocks: Vec<Vec<&Shown>> = vec![Vec::new()];
    let mut used = 0;
    for measure in measures {
        let width = measure.width + GAP.len();
        if used + width > room && blocks.last().is_some_and(|block| !block.is_empty()) {
            blocks.push(Vec::new());
            used = 0;
        }
        used += width;
        if let Some(block) = blocks.last_mut() {
            block.push(measure);
        }
    }
    blocks
}

/// What each row's bar would show.
fn bars(report: &Value) -> Option<Vec<f64>> {
    let name = report.get("bar").and_then(Value::as_str)?;
    let of = |row: &Value| row.get(name).and_then(Value::as_f64).unwrap_or_default();
    Some(rows(report).iter().map(of).collect())
}

fn table(labels: &[&Shown], block: &[&Shown], bars: Option<&[f64]>, columns: usize) -> String {
    let all: Vec<&Shown> = labels.iter().chain(block).copied().collect();
    let width: usize = all.iter().map(|column| column.width + GAP.len()).sum();
    let room = columns.saturating_sub(width).min(BAR);
    let bars = bars.filter(|_| room >= BAR_LEAST);
    let whole = bars.unwrap_or_default().iter().copied().fold(0.0, f64::max);
    let line = |of: &dyn Fn(&Shown) -> String, bar: String| {
        let cells = all.iter().map(|column| {
            let (text, width) = (of(column), column.width);
            if column.is_number { format!("{text:>width$}") } else { format!("{text:<width$}") }
        });
        let mut line = cells.collect::<Vec<_>>().join(GAP);
        line.push_str(GAP);
        line.push_str(&bar);
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&|column| column.head.clone(), String::new());
    let rows = all.first().map_or(0, |column| column.cells.len());
    for row in 0..rows {
        let part = bars.and_then(|bars| bars.get(row).copied()).unwrap_or_default();
        let cell = |column: &Shown| column.cells.get(row).cloned().unwrap_or_default();
        text.push_str(&line(&cell, bar(part, whole, room)));
    }
    text
}

/// What it is an answer to, a line each: the range, the options, what was looked at, notes, and how
/// fresh it is.
fn frame(frame: &Value) -> String {
    let text = |name: &str| frame.get(name).and_then(Value::as_str);
    let count = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or_default();
    let (from, to) = (text("from").unwrap_or("the beginning"), text("to").unwrap_or("now"));
    let mut lines = vec![format!(
        "From {from} to {to}, {}.{}{}",
        text("zone").unwrap_or("UTC"),
        pairs(" Only", frame.get("filters")),
        pairs(" With", frame.get("options")),
    )];
    let left_out = frame.get("left_out");
    let reasons = ["bots", "filtered", "outside", "merged"].map(|name| {
        let number = count(left_out.and_then(|left_out| left_out.get(name)));
        (number > 0).then(|| format!("{} {name}", counted(number)))
    });
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    let without = if reasons.is_empty() {
        String::new()
    } else {
        format!("; left out: {}", reasons.join(", "))
    };
    let bots = if text("bots") == Some("include") { ", bots included" } else { "" };
    lines.push(format!(
        "{} sessions of {} that are final{bots}{without}.",
        counted(count(frame.get("sessions_counted"))),
        counted(count(frame.get("sessions_looked_at"))),
    ));
    let notes = frame.get("notes").and_then(Value::as_array).map(Vec::as_slice);
    let notes = notes.unwrap_or_default().iter().filter_map(Value::as_str);
    lines.extend(notes.map(str::to_owned));
    let cut = text("latest_cut").map(|at| format!("; the latest record was cut at {at}"));
    lines.push(format!(
        "As of {}{}.",
        text("read_at").unwrap_or_default(),
        cut.unwrap_or_default()
    ));
    lines.join("\n") + "\n"
}

fn pairs(word: &str, pairs: Option<&Value>) -> String {
    let Some(pairs) = pairs.and_then(Value::as_object).filter(|pairs| !pairs.is_empty()) else {
        return String::new();
    };
    let told = pairs.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("")));
    format!("{word} {}.", told.collect::<Vec<_>>().join(" "))
}

/// The reports there are, with their parameters.
pub(super) fn list() -> String {
    let report = |kind: Kind| {
        let parameters = kind.parameters().into_iter();
        let parameters = parameters.map(|one| format!("    {:<12} {}\n", one.name, one.about));
        format!("{}: {}\n{}\n", kind.word(), kind.about(), parameters.collect::<String>())
    };
    Kind::all().map(report).collect()
}
