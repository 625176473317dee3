//! What the file and the variables gave, and what is wrong with it.
use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    VARIABLE_PREFIX,
    kind::{Kind, Raw},
    settings::{Row, rows},
};

/// A file and variables, and the faults found so far.
pub(super) struct Given<'a> {
    file: Option<(&'a str, &'a str)>,
    table: DeTable<'a>,
    /// By name, upper case as it was given.
    variables: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl<'a> Given<'a> {
    pub(super) fn new(
        file: Option<(&'a str, &'a str)>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Given<'a> {
        // SESSIONARY_DATA_DIR and the like are flags, not settings: a setting has two underlines.
        let variables = variables.filter(|(name, _)| {
            name.strip_prefix(VARIABLE_PREFIX).is_some_and(|name| name.contains("__"))
        });
        let mut given = Given {
            file,
            table: DeTable::default(),
            variables: variables.collect(),
            faults: Vec::new(),
        };
        match file.map(|(_, text)| DeTable::parse(text)).transpose() {
            Ok(table) => given.table = table.map(Spanned::into_inner).unwrap_or_default(),
            Err(error) => {
                let name = file.map_or("", |(name, _)| name);
                given.faults.push(format!("{name}: {}", error.to_string().trim_end()));
            }
        }
        given.refuse_unknown();
        given
    }

    pub(super) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    pub(super) fn into_faults(self) -> Vec<String> {
        self.faults
    }

    /// The value of a setting: of its variable, else of the file, else the default. A value that
    /// cannot be read is a fault, and the default stands in so that all faults are found.
    pub(super) fn take<T: Kind>(&mut self, row: &Row, default: T, within: &T::Within) -> T {
        let variable = row.variable();
        let in_file = self
            .table
            .get(row.section)
            .and_then(|section| section.get_ref().as_table()?.get(row.key));
        let (at, got, value) = match (self.variables.get(&variable), in_file) {
            (Some(text), _) => {
                (variable, format!("{text:?}"), T::read(Raw::Variable(text), within))
            }
            (None, Some(value)) => {
                let at = format!("{}: [{}] {}", self.place(value), row.section, row.key);
                (at, self.spelt(value), T::read(Raw::File(value.get_ref()), within))
            }
            (None, None) => return default,
        };
        value.unwrap_or_else(|| {
            let fault = format!("{at} is {got}; send {} (default {})", row.takes, row.default);
            self.faults.push(fault);
            default
        })
    }

    /// `name:line` of something in the file.
    fn place<T>(&self, spanned: &Spanned<T>) -> String {
        let (name, text) = self.file.unwrap_or_default();
        let before = text.get(..spanned.span().start).unwrap_or_default();
        format!("{name}:{}", before.matches('\n').count() + 1)
    }

    /// The value as it is spelt in the file.
    fn spelt(&self, value: &Spanned<DeValue<'_>>) -> String {
        let text = self.file.unwrap_or_default().1.get(value.span()).unwrap_or_default();
        text.chars().take(64).collect()
    }

    fn refuse_unknown(&mut self) {
        let rows = rows();
        let mut faults = Vec::new();
        for (name, value) in &self.table {
            let section: &str = name.get_ref();
            let keys: Vec<_> = rows.iter().filter(|row| row.section == section).collect();
            if keys.is_empty() {
                let sections = rows.iter().map(|row| row.section);
                let near = nearest(section, sections).map(|near| format!("[{near}]"));
                faults.push(format!(
                    "{}: {}",
                    self.place(name),
                    unknown(&format!("[{section}]"), near)
                ));
                continue;
            }
            let Some(table) = value.get_ref().as_table() else {
                faults.push(format!(
                    "{}: `{section}` is a section; write [{section}]",
                    self.place(name)
                ));
                continue;
            };
            for key in table.keys() {
                let word: &str = key.get_ref();
                if !keys.iter().any(|row| row.key == word) {
                    let near = nearest(word, keys.iter().map(|row| row.key)).map(str::to_owned);
                    let fault = unknown(&format!("[{section}] {word}"), near);
                    faults.push(format!("{}: {fault}", self.place(key)));
                }
            }
        }
        let variables: Vec<String> = rows.iter().map(Row::variable).collect();
        for name in self.variables.keys().filter(|name| !variables.contains(name)) {
            let near = nearest(name, variables.iter().map(String::as_str)).map(str::to_owned);
            faults.push(unknown(name, near));
        }
        self.faults.extend(faults);
    }
}

fn unknown(what: &str, near: Option<String>) -> String {
    let hint = near.map(|near| format!("did you mean {near}?"));
    let hint = hint.unwrap_or_else(|| "`sessionary config` prints all there are".into());
    format!("{what} is not a setting; {hint}")
}

/// The word that is nearest to `word`, if it is near: a third of its letters may be wrong.
fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let near = words.map(|known| (distance(word, known), known)).min()?;
    (near.0 <= word.len() / 3 + 1).then_some(near.1)
}

/// Letters to insert, leave out or replace to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (above, letter) in from.chars().enumerate() {
        let (mut diagonal, mut left) = (above, above + 1);
        let mut next = vec![left];
        for (wanted, over) in to.chars().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(letter != wanted)).min(left + 1).min(over + 1);
            diagonal = *over;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
