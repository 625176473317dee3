//! Kills: SIGKILL at random moments under load, and again while the server recovers.
use std::{path::Path, time::Duration};

use super::{Outcome, Report, progress};
use crate::{
    checks::Checks,
    dice::Dice,
    interrupt,
    load::Load,
    plan::Plan,
    program::{Program, Server},
    traffic::Traffic,
};

/// After so many rounds everything is checked.
const LEG: u64 = 20;

/// Runs 20 rounds, or as many as were asked for, on one directory.
///
/// # Errors
/// The program cannot be run, or the run was interrupted.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = plan.folder()?;
    let program = plan.program(folder.path())?;
    let dir = folder.path().join("data");
    let key = program.key(&dir)?;
    let load = Load::new(Traffic { seed: plan.seed, padding: 64 }, key, plan.clients);
    let mut dice = Dice::of(&[plan.seed, 1]);
    let mut report = Report::default();
    let mut recoveries = 0;
    let mut rounds = plan.rounds(20).peekable();
    while rounds.peek().is_some() {
        let leg = rounds.by_ref().take(usize::try_from(LEG)?);
        let (killed, within) = kills(&program, &dir, &load, &mut dice, leg)?;
        report.rounds += killed;
        recoveries += within;
        let verdict = Checks { program: &program, dir: &dir, load: &load }.restarted()?;
        report.verdict.acknowledged = verdict.acknowledged;
        report.verdict.add(&verdict, &format!("after {} kills", report.rounds));
        progress(&format!("kill: {} kills, {verdict}", report.rounds));
        if !report.verdict.is_good() {
            break;
        }
    }
    report.figures.push(format!("killed_in_recovery={recoveries}"));
    Ok(Outcome::Ran(report))
}

/// Kills under load, once a round and in half of them again during the recovery; gives the rounds
/// and the kills during recovery.
fn kills(
    program: &Program,
    dir: &Path,
    load: &Load,
    dice: &mut Dice,
    rounds: impl Iterator<Item = u64>,
) -> anyhow::Result<(u64, u64)> {
    let mut server = program.serve(dir)?;
    load.turn_to(&server.url());
    load.during(|| {
        let (mut killed, mut recoveries) = (0, 0);
        for _ in rounds {
            interrupt::check()?;
            std::thread::sleep(Duration::from_millis(dice.between(20, 300)));
            load.turn_to("");
            server.kill();
            killed += 1;
            while dice.one_in(2) {
                kill_in_recovery(program, dir, dice)?;
                recoveries += 1;
            }
            server = program.serve(dir)?;
            load.turn_to(&server.url());
        }
        std::thread::sleep(Duration::from_millis(200));
        server.kill();
        Ok((killed, recoveries))
    })
}

fn kill_in_recovery(program: &Program, dir: &Path, dice: &mut Dice) -> anyhow::Result<()> {
    let mut starting: Server = program.spawn(dir)?;
    std::thread::sleep(Duration::from_millis(dice.below(300)));
    starting.kill();
    Ok(())
}
