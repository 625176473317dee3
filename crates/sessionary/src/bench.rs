//! `sessionary bench`: how fast signals come in, beside the disk alone, the fold alone and the
//! databases that others would use, how fast parcels leave, and how fast the common questions over
//! files are answered; for anyone to run.
//!
//! Figures are ratios and CPU per signal, taken in one run in turn: what the machine does besides
//! falls on every line alike. A goal that is not met is said and is no failure; a signal that is not
//! accepted is one.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;

mod flags;

mod stream;
mod counters;
mod machine;
mod round;

mod lines;
mod worker;

mod wire;
mod child;
mod plan;
mod load;
mod http;

#[cfg(feature = "count-allocations")]
mod allocations;
mod hot;
mod tables;
mod volume;
mod pressure;
mod report;
mod delivery;
mod questions;

pub(crate) use flags::Bench;
use flags::{Ingest, Scenario};
use machine::Machine;
use report::Report;

/// Measures what was asked.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Ingest(arguments) => ingest(arguments),
        Bench::Delivery(arguments) => delivery::run(arguments),
        Bench::Questions(arguments) => questions::run(arguments),
        Bench::Line(arguments) => worker::run(arguments),
        Bench::Receiver => delivery::receiver::run(),
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn ingest(arguments: &Ingest) -> anyhow::Result<()> {
    let base = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    if !arguments.allow_tmpfs {
        machine::must_be_a_disk(&base)?;
    }
    let temporary = tempfile::Builder::new().prefix("sessionary-bench-").tempdir_in(&base);
    let temporary = temporary.with_context(|| format!("{} takes no folder", base.display()))?;
    let setup = Setup {
        arguments: arguments.clone(),
        dir: temporary.path().to_owned(),
        round: Duration::from_secs_f64(arguments.seconds),
    };
    let machine = Machine::look(&setup.dir)?;
    let scenarios = if arguments.all { &Scenario::ALL[..] } else { &arguments.scenarios };
    let mut sections = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        sections.push(scenario.run(&setup)?);
        setup.clear()?;
    }
    let report = Report { machine, sections };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    Ok(())
}

impl Scenario {
    fn run(self, setup: &Setup) -> anyhow::Result<report::Section> {
        match self {
            Scenario::Hot => hot::run(setup),
            Scenario::Cold => volume::cold(setup),
            Scenario::Growth => volume::growth(setup),
            Scenario::Tables => tables::run(setup),
            Scenario::Restart => volume::restart(setup),
            Scenario::Checkpoint => pressure::checkpoint(setup),
            Scenario::Overload => pressure::overload(setup),
            Scenario::Lanes => pressure::lanes(setup),
        }
    }
}

/// What every scenario is given.
struct Setup {
    arguments: Ingest,
    dir: PathBuf,
    round: Duration,
}

impl Setup {
    /// A fresh folder.
    fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.dir.join(name);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }

    /// Empties the folder between two scenarios.
    fn clear(&self) -> anyhow::Result<()> {
        let remove = |path: &Path| std::fs::remove_dir_all(path);
        for entry in std::fs::read_dir(&self.dir)? {
            remove(&entry?.path())?;
        }
        Ok(())
    }

    /// The PostgreSQL to compare with: of the flag, else of the variables that its own tools read.
    fn postgres(&self) -> Option<String> {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        self.arguments.postgres.clone().or_else(|| {
            let words = [("host", "PGHOST"), ("port", "PGPORT"), ("user", "PGUSER")];
            let more = [("password", "PGPASSWORD"), ("dbname", "PGDATABASE")];
            variable("PGHOST")?;
            let words = words.into_iter().chain(more);
            let given =
                words.filter_map(|(word, name)| Some(format!("{word}={}", variable(name)?)));
            Some(given.collect::<Vec<_>>().join(" "))
        })
    }

    #[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
    fn progress(&self, text: &str) {
        if !self.arguments.json {
            eprintln!("{text}");
        }
    }
}

/// A crowd of connections needs more open files than most shells allow.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
