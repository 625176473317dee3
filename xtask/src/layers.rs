//! The floors of the house: who may import whom.
//!
//! A crate may import crates of lower floors, never of its own floor or a higher one. What tests
//! import is exempt. There is nothing else to remember, and this table remembers it.
use crate::workspace::Package;

/// Whether a crate may link the query engine, which is most of what there is to compile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QueryEngine {
    May,
    Never,
}

struct Row {
    name: &'static str,
    floor: u8,
    query_engine: QueryEngine,
}

const fn at(floor: u8, name: &'static str, query_engine: QueryEngine) -> Row {
    Row { name, floor, query_engine }
}

/// Every crate of the workspace, and those that the design has room for.
const FLOORS: &[Row] = &[
    at(1, "sessionary-core", QueryEngine::Never),
    at(2, "sessionary-dialects", QueryEngine::Never),
    at(2, "sessionary-store", QueryEngine::Never),
    at(2, "sessionary-lake", QueryEngine::May),
    at(2, "sessionary-learn", QueryEngine::Never),
    at(2, "sessionary-deliver", QueryEngine::Never),
    at(3, "sessionary-engine", QueryEngine::May),
    at(4, "sessionary-server", QueryEngine::May),
    at(5, "sessionary", QueryEngine::May),
    // On the roof and beside the house: nobody imports them.
    at(5, "sessionary-sim", QueryEngine::Never),
    at(5, "sessionary-faults", QueryEngine::Never),
    at(5, "sessionary-peers", QueryEngine::Never),
    at(5, "xtask", QueryEngine::Never),
];

/// What `core` may import: nothing here reads a clock, a file or a socket in the way we use it
/// (`clippy.toml` bans the one door, `jiff`'s `now`).
const CORE_MAY_IMPORT: &[&str] = &[
    "blake3",
    "jiff",
    "rmp-serde",
    "rust_decimal",
    "serde",
    "serde_json",
    "thiserror",
    "xxhash-rust",
];

/// How packages of the query engine are named.
const QUERY_ENGINE: &str = "datafusion";

/// Each broken rule, with what to do.
pub(crate) fn faults(packages: &[Package]) -> Vec<String> {
    packages.iter().flat_map(faults_of).collect()
}

fn faults_of(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some(own) = row(name) else {
        return vec![format!(
            "`{name}` stands on no floor; give it a row in FLOORS of xtask/src/layers.rs"
        )];
    };
    let mut faults: Vec<String> =
        package.imports.iter().filter_map(|import| fault_of_import(own, import)).collect();
    if package.test_binaries.len() > 1 {
        faults.push(format!(
            "`{name}` has {} integration-test binaries ({}), each of which links everything again; \
             make them modules of one",
            package.test_binaries.len(),
            package.test_binaries.join(", ")
        ));
    }
    faults
}

fn fault_of_import(own: &Row, import: &str) -> Option<String> {
    let name = own.name;
    if row(import).is_some_and(|other| other.floor >= own.floor) {
        return Some(format!(
            "`{name}` imports `{import}`, which is not below it; move what both need to a lower \
             floor, or the line that needs it to a higher one"
        ));
    }
    // Through a crate of ours nobody gets the query engine from below who may not have it: those
    // who may not stand on floors 1 and 2, where no import reaches `lake`.
    if import.starts_with(QUERY_ENGINE) && own.query_engine == QueryEngine::Never {
        return Some(format!(
            "`{name}` imports `{import}`; only lake, engine, server and the program may link the \
             query engine: let them hand over plain rows"
        ));
    }
    let core = own.floor == 1;
    if core && row(import).is_none() && !CORE_MAY_IMPORT.contains(&import) {
        return Some(format!(
            "`{name}` imports `{import}`, which is not in CORE_MAY_IMPORT of xtask/src/layers.rs; \
             add it if it can reach neither a clock nor a file nor a socket"
        ));
    }
    None
}

fn row(name: &str) -> Option<&'static Row> {
    FLOORS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, imports: &[&str], expected: &str) {
        let imports = imports.iter().map(|import| (*import).to_owned()).collect();
        let package = Package { name: name.to_owned(), imports, test_binaries: Vec::new() };
        let faults = faults(&[package]).join("\n");
        assert!(
            if expected.is_empty() { faults.is_empty() } else { faults.contains(expected) },
            "{faults:?} instead of {expected:?}"
        );
    }

    #[test]
    fn imports_only_go_down() {
        check("sessionary-store", &["sessionary-core", "fjall"], "");
        check("sessionary-store", &["sessionary-lake"], "which is not below it");
        check("sessionary-core", &["sessionary-dialects"], "which is not below it");
        check("sessionary-server", &["sessionary"], "which is not below it");
        check("sessionary-common", &[], "stands on no floor");
    }

    #[test]
    fn the_core_reaches_no_clock_and_no_socket() {
        check("sessionary-core", &["serde", "jiff"], "");
        check("sessionary-core", &["tokio"], "CORE_MAY_IMPORT");
    }

    #[test]
    fn few_may_link_the_query_engine() {
        check("sessionary-lake", &["datafusion"], "");
        check("sessionary-learn", &["datafusion-common"], "plain rows");
    }

    #[test]
    fn the_workspace_keeps_the_rules() {
        let faults = faults(&crate::workspace::packages().unwrap());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
