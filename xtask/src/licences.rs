//! The licences of everything that is linked are ones that `deny.toml` allows.
//!
//! `cargo deny check` says the same and more; this needs nothing that a build does not have.
use anyhow::Context;
use serde_json::Value;

use crate::{repository::root, workspace};

/// Each package whose licence is not allowed.
pub(crate) fn faults() -> anyhow::Result<Vec<String>> {
    let allowed = allowed(&std::fs::read_to_string(root().join("deny.toml"))?)?;
    // Only what is built here: the packages of other systems need not be on this machine.
    let metadata = workspace::metadata(&["--locked", "--filter-platform", HERE])?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let packages = packages.context("cargo metadata names no packages")?;
    let text = |package: &Value, member: &str| {
        package.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let refused =
        packages.iter().filter(|package| !is_allowed(&text(package, "license"), &allowed));
    let fault = |package: &Value| {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        format!(
            "`{name}` is licensed {licence:?}, which deny.toml does not allow; do without it, or say there why it fits"
        )
    };
    Ok(refused.map(fault).collect())
}

/// The system whose packages are looked at.
const HERE: &str = "x86_64-unknown-linux-gnu";

fn allowed(deny: &str) -> anyhow::Result<Vec<String>> {
    let deny: toml::Table = deny.parse().context("deny.toml")?;
    let list = deny.get("licenses").and_then(|licenses| licenses.get("allow"));
    let list = list.and_then(toml::Value::as_array).context("deny.toml has no [licenses] allow")?;
    Ok(list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

/// Whether an expression such as `(MIT OR Apache-2.0) AND Unicode-3.0` is met by what is allowed.
/// An exception to a licence is a licence of its own; what has no expression is not allowed.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    let met = any(&mut words, allowed);
    met && words.is_empty()
}

fn any(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = all(words, allowed);
    while take(words, "OR") {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = one(words, allowed);
    while take(words, "AND") {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut &[&str], allowed: &[String]) -> bool {
    if take(words, "(") {
        let met = any(words, allowed);
        return take(words, ")") && met;
    }
    let Some((licence, rest)) = words.split_first() else { return false };
    *words = rest;
    let mut licence = (*licence).to_owned();
    if take(words, "WITH")
        && let Some((exception, rest)) = words.split_first()
    {
        *words = rest;
        licence = format!("{licence} WITH {exception}");
    }
    allowed.contains(&licence)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_or_not() {
        let allowed = ["MIT", "Unicode-3.0"].map(str::to_owned);
        for met in [
            "MIT",
            "GPL-2.0 OR MIT",
            "Apache-2.0/MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        ] {
            assert!(is_allowed(met, &allowed), "{met}");
        }
        for not in ["", "GPL-2.0", "MIT AND GPL-2.0", "MIT WITH X", "MIT OR", "(MIT"] {
            assert!(!is_allowed(not, &allowed), "{not}");
        }
    }

    #[test]
    fn every_licence_of_the_locked_tree_is_allowed() {
        let faults = faults().unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
