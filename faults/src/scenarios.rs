//! The scenarios: one kind of fault each, with what must hold afterwards.
use std::fmt;

use crate::{plan::Plan, stopwatch::Stopwatch, verdict::Verdict};

pub mod kill;
pub mod power;
pub mod calls;
pub mod full;
pub mod damage;
pub mod clock;
pub mod parcels;

/// What became of a scenario.
#[derive(Debug)]
pub enum Outcome {
    /// It ran.
    Ran(Report),
    /// This machine cannot run it, and why.
    Skipped(String),
}

/// What a scenario that ran has to say.
#[derive(Debug, Default)]
pub struct Report {
    /// Rounds that were run.
    pub rounds: u64,
    /// What was found.
    pub verdict: Verdict,
    /// Figures of its own, `name=value`.
    pub figures: Vec<String>,
}

/// A scenario: its name, what it proves, and how it is run.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// As it is asked for.
    pub name: &'static str,
    /// In one line.
    pub about: &'static str,
    run: fn(&Plan) -> anyhow::Result<Outcome>,
}

/// All of them, in the order of `all`.
#[rustfmt::skip]
pub const SCENARIOS: [Scenario; 7] = [
    Scenario { name: "kill", about: "kill -9 under load and during recovery", run: kill::run },
    Scenario { name: "power", about: "power cuts: what was not synced is gone", run: power::run },
    Scenario { name: "calls", about: "each storage call fails in turn", run: calls::run },
    Scenario { name: "full", about: "a full disk, and room again", run: full::run },
    Scenario { name: "damage", about: "damaged, cut, missing and swapped files", run: damage::run },
    Scenario { name: "clock", about: "clocks that jump, stand still and run", run: clock::run },
    Scenario { name: "parcels", about: "kill -9 while parcels are under way to receivers that fail", run: parcels::run },
];

impl fmt::Debug for Scenario {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name)
    }
}

impl Scenario {
    /// The scenario of a name.
    pub fn named(name: &str) -> Option<Scenario> {
        SCENARIOS.into_iter().find(|scenario| scenario.name == name)
    }

    /// Runs it and prints its summary line; gives whether everything held.
    ///
    /// # Errors
    /// The harness itself failed, or the run was interrupted.
    #[expect(clippy::print_stdout, reason = "the summary is what the harness is for")]
    pub fn run(self, plan: &Plan) -> anyhow::Result<bool> {
        let (name, seed) = (self.name, plan.seed);
        let watch = Stopwatch::start();
        let report = match (self.run)(plan)? {
            Outcome::Ran(report) => report,
            Outcome::Skipped(why) => {
                println!("{name} skipped: {why}");
                return Ok(true);
            }
        };
        let Report { rounds, verdict, figures } = report;
        for (finding, told) in &verdict.told {
            println!("{name}   {finding:?}: {told}");
        }
        let figures = figures.join(" ");
        let seconds = watch.elapsed().as_secs();
        let word = if verdict.is_good() { "held" } else { "FAILED" };
        println!("{name} seed={seed} rounds={rounds} {verdict} {figures} seconds={seconds} {word}");
        Ok(verdict.is_good())
    }
}

/// A line about what goes on.
#[expect(clippy::print_stderr, reason = "long runs say where they are")]
pub fn progress(line: &str) {
    eprintln!("{line}");
}
