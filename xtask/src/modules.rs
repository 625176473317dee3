//! Each module states one idea: its name is a noun that says something, its first sentence the idea.
use std::path::Path;

use crate::repository::TextFile;

/// Names that say nothing about what a module holds.
const EMPTY_NAMES: &[&str] = &["common", "helpers", "manager", "misc", "types", "util", "utils"];

/// Each module that breaks the rule, with what to do.
pub(crate) fn faults(files: &[TextFile]) -> Vec<String> {
    files.iter().filter(|file| is_module(&file.path)).filter_map(fault_of).collect()
}

fn is_module(path: &str) -> bool {
    let ours =
        path.starts_with("crates/") || path.starts_with("xtask/") || path.starts_with("faults/");
    // A tests.rs belongs to the module beside it, whose sentence it shares.
    let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
    ours && is_rust && path.contains("/src/") && !path.ends_with("/tests.rs")
}

fn fault_of(file: &TextFile) -> Option<String> {
    let path = &file.path;
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    if EMPTY_NAMES.contains(&name) {
        return Some(format!("{path}: `{name}` says nothing; name the one idea that is in it"));
    }
    let header: Vec<&str> = file.text.lines().map_while(|line| line.strip_prefix("//! ")).collect();
    if header.is_empty() {
        return Some(format!("{path}: begin with `//!` and one sentence that says what it is"));
    }
    let sentence = header.join(" ");
    (!sentence.ends_with(['.', ':']))
        .then(|| format!("{path}: its first paragraph is no sentence: {sentence:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &str) {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        let faults = faults(&[file]).join("\n");
        assert!(
            if expected.is_empty() { faults.is_empty() } else { faults.contains(expected) },
            "{faults:?} instead of {expected:?}"
        );
    }

    #[test]
    fn a_module_says_what_it_is() {
        check("crates/a/src/fold.rs", "//! The fold: one\n//! more signal.\nuse x;", "");
        check("crates/a/src/fold.rs", "use x;", "begin with `//!`");
        check("crates/a/src/fold.rs", "//! The fold\n", "no sentence");
        check("crates/a/src/fold/tests.rs", "use super::*;", "");
        check("crates/a/src/util.rs", "//! Things.", "says nothing");
    }

    #[test]
    fn every_module_of_the_workspace_does() {
        let faults = faults(&crate::repository::text_files().unwrap());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
