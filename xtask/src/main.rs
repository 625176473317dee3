//! Project chores: rules that a machine remembers, and pages that are written from tables.
//!
//! ```text
//! cargo xtask rules          check every rule, and say what to do where one is broken
//! cargo xtask docs           write docs/reference/ anew
//! cargo xtask openapi        write openapi.json anew
//! cargo xtask readme FILE    run the commands of README.md against this program
//! cargo xtask fuzz [TARGET] [SECONDS]   decoders under libFuzzer, a minute each if not said
//! ```
//!
//! The tests of this crate check the same rules, that the written pages are current, and, when
//! `SESSIONARY_BIN` names the program, that the README tells the truth.
use std::{path::Path, process::ExitCode};

mod fields;
mod formats;
mod fuzz;
mod generated;
mod layers;
mod licences;
mod links;
mod machine_paths;
mod modules;
mod readme;
mod repository;
mod workspace;

const USAGE: &str = "usage: cargo xtask rules | docs | openapi | readme PROGRAM | \
                     fuzz [TARGET] [SECONDS]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match *words {
        ["rules"] => rules(),
        [command @ ("docs" | "openapi")] => generated::write(command),
        ["readme", program] => readme::walk(Path::new(program)),
        ["fuzz", ref rest @ ..] => {
            let seconds = rest.last().and_then(|last| last.parse().ok());
            let target = rest.first().filter(|first| first.parse::<u32>().is_err());
            fuzz::run(target.copied(), seconds.unwrap_or(60))
        }
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn rules() -> anyhow::Result<()> {
    let packages = workspace::packages()?;
    let sources = repository::text_files()?;
    let mut faults = layers::faults(&packages);
    faults.extend(modules::faults(&sources));
    faults.extend(machine_paths::faults(&sources));
    faults.extend(links::faults(&sources));
    faults.extend(generated::faults());
    faults.extend(licences::faults()?);
    match faults.len() {
        0 => Ok(()),
        count => anyhow::bail!("{count} rules are broken:\n{}", faults.join("\n")),
    }
}
