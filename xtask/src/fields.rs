//! The reference page of the dictionary: every field that Sessionary knows.
use sessionary_core::dictionary::{
    FIELDS, Field, FieldType, Group, Keep, PiiClass, Required, Source, Unit,
};

const HEAD: &str = "\
# Fields

Written by `cargo xtask docs` from the dictionary (`crates/core/src/dictionary/table.rs`); change it there.

A value can be sent in four ways: under its **member** in a signal of our own form, under its **name** or its **number**
in a disposition of the Handshake, and under its short parameter in a query string. It is shown under **record** in the
record of its session. A number that is not here is kept and given back by its number.

* **class**: how personal it is. *direct* and *quasi* identify a person; *network*, *link*, *free* (text) and *worker*
  may; *special* is consent and the like; *business* and *technical* do not.
* **keeps**: which value the session has when several signals bring one, in event order.
* *required* by the Handshake: without it a disposition is refused. *expected*: missing is a warning, and a strict key
  refuses. *the server's*: ignored on the way in, always in the reply.
";

/// The page.
pub(crate) fn page() -> String {
    let mut groups: Vec<Group> = Vec::new();
    for row in FIELDS {
        if !groups.contains(&row.group) {
            groups.push(row.group);
        }
    }
    let mut parts = vec![HEAD.to_owned()];
    for group in groups {
        parts.push(format!(
            "\n## {group:?}\n\n\
             | number | name | label | type | unit | class | keeps | member | record | sources | about |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n"
        ));
        parts.extend(FIELDS.iter().filter(|row| row.group == group).map(line));
    }
    parts.concat()
}

fn line(row: &Field) -> String {
    let cells = [
        row.number.to_string(),
        names(row),
        cell(row.label),
        kind(row.kind).to_owned(),
        unit(row.unit).to_owned(),
        class(row.class).to_owned(),
        keeps(row.keep).to_owned(),
        code(row.member),
        code(row.record),
        sources(row),
        about(row),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The name, then the other spellings that are accepted.
fn names(row: &Field) -> String {
    let signal_name = (!row.signal_name.is_empty()).then_some(row.signal_name);
    let others = row.parameter.into_iter().chain(signal_name).chain(row.aliases.iter().copied());
    std::iter::once(row.name).chain(others).map(code).collect::<Vec<_>>().join(" ")
}

fn sources(row: &Field) -> String {
    let one = |(source, path): &(Source, &str)| format!("{}: {}", source_name(*source), code(path));
    row.sources.iter().map(one).collect::<Vec<_>>().join("<br>")
}

fn about(row: &Field) -> String {
    let required = match row.required {
        Required::No => "",
        Required::Hard => " *Required.*",
        Required::Soft => " *Expected.*",
        Required::Server => " *The server's.*",
    };
    format!("{}{required}", cell(row.about))
}

pub(crate) fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) }
}

/// A text that does not end its cell.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn kind(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "text",
        FieldType::Number => "unsigned integer",
        FieldType::Decimal => "exact decimal",
        FieldType::Instant => "moment",
        FieldType::Flag => "true or false",
        FieldType::Texts => "list of texts",
        FieldType::Json => "any JSON",
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::None => "",
        Unit::Millis => "ms",
        Unit::Money => "money",
        Unit::Count => "count",
    }
}

fn class(class: PiiClass) -> &'static str {
    match class {
        PiiClass::Direct => "direct",
        PiiClass::Quasi => "quasi",
        PiiClass::Network => "network",
        PiiClass::Link => "link",
        PiiClass::Free => "free",
        PiiClass::Worker => "worker",
        PiiClass::Special => "special",
        PiiClass::Business => "business",
        PiiClass::Technical => "technical",
    }
}

fn keeps(keep: Keep) -> &'static str {
    match keep {
        Keep::First => "first",
        Keep::Last => "last",
        Keep::Greatest => "greatest",
        Keep::Sum => "sum",
        Keep::All => "all",
        Keep::Signal => "none",
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Genesys => "Genesys",
        Source::Ccai => "CCAI",
        Source::Tropo => "Tropo",
        Source::Segment => "Segment",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_line() {
        let page = page();
        for row in FIELDS {
            assert!(page.contains(&format!("| {} | `{}`", row.number, row.name)), "{}", row.name);
        }
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let lines = page.lines().filter(|line| line.starts_with("| "));
        assert!(lines.clone().all(|line| columns(line) == 12));
    }
}
