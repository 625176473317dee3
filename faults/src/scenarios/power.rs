//! Power cuts: the data directory on ext4 in a file, and a copy of that file made under load.
//!
//! What was not synced is not in the file yet, so it is not in the copy. The server stands still
//! while the file is copied, or the copy would mix several moments, which no power cut does; it
//! is killed without running on.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Outcome, Report, progress};
use crate::{
    checks::Checks,
    dice::Dice,
    interrupt,
    ledger::Ledger,
    load::{Load, lock},
    mount::{Mount, copy, make_image},
    plan::Plan,
    program::{Program, Server},
    shim::{Kind, Shim},
    traffic::Traffic,
    verdict::Verdict,
};

const IMAGE_BYTES: u64 = 768 << 20;
/// After so many cuts everything is checked; it takes longer than a cut.
const CHECK_EVERY: u64 = 4;

/// A machine that can lose its power: the image of its disk, and where that is mounted.
struct Machine {
    image: PathBuf,
    next: PathBuf,
    at: PathBuf,
    mount: Option<Mount>,
}

impl Machine {
    fn new(folder: &Path, name: &str) -> anyhow::Result<Machine> {
        let image = folder.join(format!("{name}.ext4"));
        let (next, at) = (folder.join(format!("{name}.copy")), folder.join(name));
        make_image(&image, IMAGE_BYTES)?;
        let mount = Some(Mount::image(&image, &at)?);
        Ok(Machine { image, next, at, mount })
    }

    /// The power goes: whatever is not in the image now is lost.
    fn cut(&mut self, server: &mut Server, load: &Load) -> anyhow::Result<Ledger> {
        let acknowledged = lock(&load.ledger).clone();
        server.signal("STOP")?;
        copy(&self.image, &self.next)?;
        load.turn_to("");
        server.kill();
        Ok(acknowledged)
    }

    /// The power comes back: the copy is mounted in place of the image.
    fn on(&mut self) -> anyhow::Result<()> {
        if let Some(mount) = self.mount.take() {
            mount.unmount()?;
        }
        std::fs::rename(&self.next, &self.image)?;
        self.mount = Some(Mount::image(&self.image, &self.at)?);
        Ok(())
    }
}

/// Runs 20 rounds, or as many as were asked for, on one directory; before that one round in which
/// no sync is done, which must lose something.
///
/// # Errors
/// The program cannot be run, or the run was interrupted.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = plan.folder()?;
    let program = plan.program(folder.path())?;
    let mut machine = match Machine::new(folder.path(), "disk") {
        Ok(machine) => machine,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let mut report = Report::default();
    report.figures.push(control(plan, &program, folder.path())?);
    let dir = machine.at.join("data");
    let load = load(plan, program.key(&dir)?);
    let mut dice = Dice::of(&[plan.seed, 2]);
    let mut rounds = plan.rounds(20).peekable();
    while rounds.next().is_some() {
        let server = program.serve(&dir)?;
        round(&mut machine, server, &load, Duration::from_millis(dice.between(200, 1_500)))?;
        report.rounds += 1;
        if report.rounds % CHECK_EVERY != 0 && rounds.peek().is_some() {
            continue;
        }
        let verdict = Checks { program: &program, dir: &dir, load: &load }.restarted()?;
        report.verdict.acknowledged = verdict.acknowledged;
        report.verdict.add(&verdict, &format!("after {} cuts", report.rounds));
        progress(&format!("power: {} cuts, {verdict}", report.rounds));
        if !report.verdict.is_good() {
            break;
        }
    }
    Ok(Outcome::Ran(report))
}

fn load(plan: &Plan, key: String) -> Load {
    Load::new(Traffic { seed: plan.seed, padding: 64 }, key, plan.clients)
}

fn round(
    machine: &mut Machine,
    mut server: Server,
    load: &Load,
    under_load: Duration,
) -> anyhow::Result<()> {
    interrupt::check()?;
    load.turn_to(&server.url());
    let kept = load.during(|| {
        std::thread::sleep(under_load);
        machine.cut(&mut server, load)
    })?;
    lock(&load.ledger).forget_since(&kept);
    machine.on()
}

/// One cut of a server whose syncs do nothing: the harness must see that something is lost.
fn control(plan: &Plan, program: &Program, folder: &Path) -> anyhow::Result<String> {
    let shim = match Shim::compile(folder) {
        Ok(shim) => shim,
        Err(error) => return Ok(format!("control=skipped ({error:#})")),
    };
    let mut machine = Machine::new(folder, "control")?;
    let dir = machine.at.join("data");
    let load = load(plan, program.key(&dir)?);
    // The directory itself is on the disk: only what the load brings is at stake.
    program.serve(&dir)?.stop()?;
    crate::mount::run(std::process::Command::new("sync").arg("-f").arg(&machine.at))?;
    let lying = shim.under(program, &dir, Kind::Lie, 0, &folder.join("control.log"))?;
    round(&mut machine, lying.serve(&dir)?, &load, Duration::from_secs(1))?;
    let verdict = Checks { program, dir: &dir, load: &load }.restarted()?;
    let Verdict { acknowledged, lost, .. } = verdict;
    anyhow::ensure!(
        acknowledged > 0 && lost > 0,
        "the control lost {lost} of {acknowledged} without syncs: this harness cannot see a missing one"
    );
    progress(&format!("power: without syncs {lost} of {acknowledged} are lost, as they must be"));
    Ok(format!("control_lost={lost}/{acknowledged}"))
}
