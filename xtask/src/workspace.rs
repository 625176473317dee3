//! The crates of the workspace, as cargo describes them.
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::repository::root;

/// A crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// What it imports when it is built; what its tests import besides is not among them.
    pub(crate) imports: Vec<String>,
    /// Its integration-test binaries.
    pub(crate) test_binaries: Vec<String>,
}

/// All crates of the workspace.
pub(crate) fn packages() -> anyhow::Result<Vec<Package>> {
    read(&metadata(&["--no-deps", "--offline"])?)
}

/// What `cargo metadata` says.
pub(crate) fn metadata(flags: &[&str]) -> anyhow::Result<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let told = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .args(flags)
        .current_dir(root())
        .output()
        .context("cargo cannot be started")?;
    ensure!(told.status.success(), "cargo: {}", String::from_utf8_lossy(&told.stderr).trim());
    Ok(serde_json::from_slice(&told.stdout)?)
}

fn read(metadata: &Value) -> anyhow::Result<Vec<Package>> {
    let packages = list(metadata, "packages");
    ensure!(!packages.is_empty(), "cargo metadata names no packages");
    Ok(packages.iter().map(package).collect())
}

fn package(package: &Value) -> Package {
    let is_import = |dependency: &&Value| text(dependency, "kind") != "dev";
    let dependencies = list(package, "dependencies").iter().filter(is_import);
    let is_test = |target: &&Value| list(target, "kind").iter().any(|kind| *kind == "test");
    let tests = list(package, "targets").iter().filter(is_test);
    Package {
        name: text(package, "name"),
        imports: dependencies.map(|dependency| text(dependency, "name")).collect(),
        test_binaries: tests.map(|target| text(target, "name")).collect(),
    }
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_tests_import_is_left_out() {
        let metadata = json!({"packages": [{
            "name": "a",
            "dependencies": [
                {"name": "b", "kind": null}, {"name": "c", "kind": "dev"},
                {"name": "d", "kind": "build"},
            ],
            "targets": [{"name": "a", "kind": ["lib"]}, {"name": "stories", "kind": ["test"]}],
        }]});
        let package = read(&metadata).unwrap().remove(0);
        assert_eq!(
            (package.imports.join(" "), package.test_binaries),
            ("b d".to_owned(), vec!["stories".to_owned()])
        );
        assert!(read(&json!({})).is_err());
    }
}
