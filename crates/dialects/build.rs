//! Brings the rules by which user agents are read into the build.
//!
//! They are uap-core's and the list of crawlers, as their own projects publish them in packages;
//! they are no part of this repository. Each is looked for in a named file, among what an earlier
//! build kept beside the registry of cargo, and at last in the registry of Python packages, through
//! pip. Whatever is found counts only if it has its digest, so every build that has rules has the
//! same.
//!
//! A build that finds none fails, so that no program lacks them unnoticed; one that is to go without
//! has to be told so. Only unoptimised builds, which nobody installs, go on by themselves.
use std::path::{Path, PathBuf};

#[path = "build/crawlers.rs"]
mod crawlers;
#[path = "build/fetched.rs"]
mod fetched;
#[path = "build/user_agents.rs"]
mod user_agents;

use fetched::Package;

/// Set to anything, it lets a build go without the rules that it cannot find.
const WITHOUT: &str = "SESSIONARY_WITHOUT_RULES";

/// Rules that a build looks for, and the files that the program carries of them.
struct Wanted {
    package: Package,
    /// Makes the texts of `files`, in their order, of the text of the package.
    made: fn(&str) -> Result<Vec<String>, String>,
    files: &'static [&'static str],
    /// What a program without them does not do.
    lost: &'static str,
}

const WANTED: [Wanted; 2] = [
    Wanted {
        package: user_agents::PACKAGE,
        made: user_agents::rules,
        files: &["user_agent_rules.txt"],
        lost: "browsers and devices will not be told",
    },
    Wanted {
        package: crawlers::PACKAGE,
        made: crawlers::rules,
        files: &["crawlers.txt", "crawler_examples.txt"],
        lost: "crawlers will not be marked",
    },
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed={WITHOUT}");
    let folder = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    for wanted in &WANTED {
        let rules = rules(wanted, &folder).unwrap_or_else(|why| {
            go_without(wanted, &why);
            Vec::new()
        });
        for (at, file) in wanted.files.iter().enumerate() {
            let written =
                std::fs::write(folder.join(file), rules.get(at).map_or("", String::as_str));
            written.expect("the folder that cargo gives can be written");
        }
    }
}

/// Says what is missing and what to do: an error that ends the build, or a warning.
fn go_without(wanted: &Wanted, why: &str) {
    let Wanted { package, lost, .. } = wanted;
    let (what, variable) = (package.what, package.variable);
    let optimised = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    if std::env::var_os(WITHOUT).is_some() || !optimised {
        println!("cargo::warning=no {what}, so {lost}: {why} (docs/operate/enrichment.md)");
    } else {
        println!(
            "cargo::error=no {what}: {why}. Build where pip reaches its registry, or name the \
             file in {variable}; or set {WITHOUT}=1, and {lost} (docs/operate/enrichment.md)"
        );
    }
}

/// The rules as the program reads them.
fn rules(wanted: &Wanted, folder: &Path) -> Result<Vec<String>, String> {
    let package = &wanted.package;
    println!("cargo::rerun-if-env-changed={}", package.variable);
    if let Some(named) = std::env::var_os(package.variable) {
        let named = PathBuf::from(named);
        println!("cargo::rerun-if-changed={}", named.display());
        return (wanted.made)(&package.verified(&named)?);
    }
    let kept = package.keeping_place();
    println!("cargo::rerun-if-changed={}", kept.display());
    if let Ok(text) = package.verified(&kept) {
        return (wanted.made)(&text);
    }
    let text = package.verified(&package.by_pip(folder)?)?;
    // What cannot be kept is fetched again: a build must not fail for it.
    let _ = fetched::keep(&kept, &text);
    (wanted.made)(&text)
}
