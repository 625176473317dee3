//! Tables for a terminal: columns as wide as their longest cell, numbers to the right.
use std::fmt::Write;

/// The table under its heads. A column is set to the right where every cell of it is a number.
pub(crate) fn written(heads: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let columns: Vec<(usize, bool)> = heads
        .iter()
        .enumerate()
        .map(|(column, head)| {
            let widest = cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
            let is_number = rows.iter().all(|row| row.get(column).is_some_and(|cell| number(cell)));
            (widest.max(head.chars().count()), is_number && !rows.is_empty())
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut one = String::from(" ");
        for (cell, (width, right)) in cells.zip(&columns) {
            let _ = if *right {
                write!(one, " {cell:>width$} ")
            } else {
                write!(one, " {cell:<width$} ")
            };
        }
        text.push_str(one.trim_end());
        text.push('\n');
    };
    line(&mut heads.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

fn number(cell: &str) -> bool {
    !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || ".,%".contains(c))
}

/// A number with commas between the thousands.
pub(crate) fn counted(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_words_to_the_left() {
        let row = |word: &str, number: u64| vec![word.to_owned(), counted(number)];
        let rows = [row("bounce", 1_234_567), row("convert", 7)];
        let table = "  outcome   sessions\n  bounce   1,234,567\n  convert          7\n";
        assert_eq!(written(&["outcome", "sessions"], &rows), table);
    }
}
