//! `sessionary-faults`: runs a scenario, or all of them, against a built program.
//!
//! Exit code 0: everything held, or was skipped; 1: something did not; 2: the harness failed.
use std::process::ExitCode;

use clap::Parser;
use sessionary_faults::{
    interrupt,
    plan::Plan,
    scenarios::{SCENARIOS, Scenario},
};

/// Faults for the built program: kills, power cuts, failing calls, full disks, damage, clocks.
#[derive(Debug, Parser)]
#[command(after_help = about_all())]
struct Arguments {
    /// The scenario, or `all`
    #[arg(value_parser = scenarios)]
    scenario: std::vec::Vec<Scenario>,
    #[command(flatten)]
    plan: Plan,
}

fn about_all() -> String {
    let rows =
        SCENARIOS.iter().map(|scenario| format!("  {:8}{}\n", scenario.name, scenario.about));
    format!("Scenarios:\n{}", rows.collect::<String>())
}

fn scenarios(name: &str) -> Result<Vec<Scenario>, String> {
    match Scenario::named(name) {
        Some(scenario) => Ok(vec![scenario]),
        None if name == "all" => Ok(SCENARIOS.to_vec()),
        None => Err("send one of the scenarios, or `all`".to_owned()),
    }
}

#[expect(clippy::print_stderr, reason = "a failure of the harness is told to whoever runs it")]
fn main() -> ExitCode {
    let Arguments { scenario, plan } = Arguments::parse();
    interrupt::heed();
    let mut held = true;
    for scenario in scenario {
        match scenario.run(&plan) {
            Ok(well) => held &= well,
            Err(error) => {
                eprintln!("{}: {error:#}", scenario.name);
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::from(u8::from(!held))
}
