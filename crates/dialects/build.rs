//! Brings the rules by which user agents are read into the build.
//!
//! The rules are uap-core's, as its own project publishes them in a package; they are no part of
//! this repository. They are looked for in a named file, among what an earlier build kept beside
//! the registry of cargo, and at last in the registry of Python packages, through pip. Whatever is
//! found counts only if it has the digest below, so every build that has rules has the same.
//!
//! A build that finds none goes on without them, says so, and tells no browsers and devices.
use std::path::{Path, PathBuf};

#[path = "build/fetched.rs"]
mod fetched;
#[path = "build/read.rs"]
mod read;

/// Names the file `regexes.py` of the package, for a build that reaches no registry.
const VARIABLE: &str = "SESSIONARY_USER_AGENT_RULES";
/// The file of the package that holds the rules.
const DIGEST: &str = "e0d2fdd43de9f467f8689177a6f0e8eb54bc0ba0e98008e8a7a350fa53b09f09";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let folder = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let rules = rules(&folder).unwrap_or_else(|why| {
        println!(
            "cargo::warning=no rules for user agents: {why}; browsers and devices will not be \
             told. Build where pip reaches its registry, or name the file in {VARIABLE} \
             (docs/operate/enrichment.md)"
        );
        String::new()
    });
    let written = std::fs::write(folder.join("user_agent_rules.txt"), rules);
    written.expect("the folder that cargo gives can be written");
}

/// The rules as the program reads them.
fn rules(folder: &Path) -> Result<String, String> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let named = PathBuf::from(named);
        println!("cargo::rerun-if-changed={}", named.display());
        return read::rules(&fetched::verified(&named, DIGEST)?);
    }
    let kept = fetched::keeping_place(DIGEST);
    println!("cargo::rerun-if-changed={}", kept.display());
    if let Ok(text) = fetched::verified(&kept, DIGEST) {
        return read::rules(&text);
    }
    let text = fetched::verified(&fetched::by_pip(folder)?, DIGEST)?;
    // What cannot be kept is fetched again: a build must not fail for it.
    let _ = fetched::keep(&kept, &text);
    read::rules(&text)
}
