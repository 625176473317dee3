//! Pages that are written from tables of the program and committed, so that a change is reviewed.
use anyhow::{Context, ensure};

use crate::{fields, formats, repository::root};

/// A written page.
struct Page {
    /// The command of `cargo xtask` that writes it.
    command: &'static str,
    /// Where it lies, from the root.
    path: &'static str,
    /// What it says.
    text: fn() -> String,
}

/// Every written page.
const PAGES: &[Page] = &[
    Page { command: "docs", path: "docs/reference/fields.md", text: fields::page },
    Page { command: "docs", path: "docs/reference/formats.md", text: formats::page },
    Page { command: "openapi", path: "openapi.json", text: sessionary_server::face::openapi_text },
];

/// Writes the pages of a command.
pub(crate) fn write(command: &str) -> anyhow::Result<()> {
    let pages: Vec<&Page> = PAGES.iter().filter(|page| page.command == command).collect();
    ensure!(!pages.is_empty(), "no page is written by `{command}`: give it a row in {}", file!());
    for page in pages {
        let path = root().join(page.path);
        let folder = path.parent().context("a page lies in a folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(&path, (page.text)()).with_context(|| page.path.to_owned())?;
        println!("{}", page.path);
    }
    Ok(())
}

/// The pages that are not what their table says.
pub(crate) fn faults() -> Vec<String> {
    let mut faults = Vec::new();
    for Page { command, path, text } in PAGES {
        let known = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        if known != text() {
            faults.push(format!("{path} is out of date; run `cargo xtask {command}`"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_pages_are_current() {
        let faults = super::faults();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
