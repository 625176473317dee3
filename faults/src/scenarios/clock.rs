//! Clocks: the wall clock jumps, stands still or runs, at a start and under load.
//!
//! The monotonic clock is left alone, as it is on a machine whose wall clock is set. Whether a
//! timer is early is measured by the clock of the harness, which nobody changes.
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Outcome, Report, progress};
use crate::{
    checks::{Checks, Found, are_final},
    interrupt,
    json::at,
    ledger::{Ledger, State},
    load::{Load, lock},
    plan::Plan,
    program::Program,
    reader::Reader,
    stopwatch::Stopwatch,
    traffic::{GAP_MS, Traffic},
    verdict::{Finding, Verdict},
};

/// The settle time here: long enough to be seen not to have passed.
const SETTLE_MS: u64 = 3_000;

/// What the wall clock does.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    when: When,
    /// As libfaketime reads it; `frozen` stands for the present moment.
    clock: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    AtStart,
    Running,
}

#[rustfmt::skip]
const CASES: [Case; 8] = [
    Case { name: "a day back at start", when: When::AtStart, clock: "-1d" },
    Case { name: "two days on at start", when: When::AtStart, clock: "+2d" },
    Case { name: "a year on at start", when: When::AtStart, clock: "+1y" },
    Case { name: "a day back", when: When::Running, clock: "-1d" },
    Case { name: "a day on", when: When::Running, clock: "+1d" },
    Case { name: "a year on", when: When::Running, clock: "+1y" },
    Case { name: "frozen", when: When::Running, clock: "frozen" },
    Case { name: "ten times as fast", when: When::Running, clock: "+0 x10" },
];

/// Runs each case once, or as many rounds as were asked for, each on a directory of its own.
///
/// # Errors
/// The program cannot be run, or the run was interrupted.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let Some(library) = library() else {
        return Ok(Outcome::Skipped("libfaketime is not installed".to_owned()));
    };
    let folder = plan.folder()?;
    let program = plan.program(folder.path())?;
    let mut report = Report::default();
    for round in plan.rounds(CASES.len() as u64) {
        interrupt::check()?;
        let Some(case) = CASES.iter().cycle().nth(usize::try_from(round - 1)?) else { break };
        let clock = folder.path().join(format!("clock-{round}"));
        let dir = folder.path().join(format!("data-{round}"));
        let program = under(&program, &library, &clock);
        std::fs::write(&clock, "+0\n")?;
        let traffic = Traffic { seed: plan.seed.wrapping_add(round), padding: 64 };
        let load = Load::new(traffic, program.key(&dir)?, plan.clients);
        let verdict = round_of(*case, &program, &dir, &clock, &load)?;
        report.rounds += 1;
        report.verdict.acknowledged += verdict.acknowledged;
        report.verdict.add(&verdict, &format!("--only {round} ({})", case.name));
        progress(&format!("clock: {}: {verdict}", case.name));
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(Outcome::Ran(report))
}

/// The program with a wall clock that a file sets.
fn under(program: &Program, library: &Path, clock: &Path) -> Program {
    program
        .clone()
        .with("SESSIONARY_LIFECYCLE__SETTLE_MS", &SETTLE_MS.to_string())
        .with("LD_PRELOAD", &library.display().to_string())
        .with("FAKETIME_TIMESTAMP_FILE", &clock.display().to_string())
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with("DONT_FAKE_MONOTONIC", "1")
}

fn round_of(
    case: Case,
    program: &Program,
    dir: &Path,
    clock: &Path,
    load: &Load,
) -> anyhow::Result<Verdict> {
    let mut server = program.serve(dir)?;
    load.turn_to(&server.url());
    load.during(|| {
        std::thread::sleep(Duration::from_millis(700));
        Ok(())
    })?;
    let before = lock(&load.ledger).clone();
    if case.when == When::AtStart {
        load.turn_to("");
        server.stop()?;
        set(clock, case.clock)?;
        server = program.serve(dir)?;
        load.turn_to(&server.url());
    }
    load.during(|| {
        std::thread::sleep(Duration::from_millis(300));
        if case.when == When::Running {
            set(clock, case.clock)?;
        }
        std::thread::sleep(Duration::from_millis(500));
        Ok(())
    })?;
    let mut early = Verdict::default();
    look_for_early_timers(&server.url(), load, &mut early)?;
    look_at_order(&server.url(), load, &before, &mut early)?;
    let mut verdict = Checks { program, dir, load }.running(server)?;
    verdict.add(&early, "while the timer runs");
    Ok(verdict)
}

/// What was sent after the first load was answered is not received before it.
fn look_at_order(
    url: &str,
    load: &Load,
    before: &Ledger,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let found = Found::walk(&Reader::new(url, &load.key)?, load, &mut Verdict::default())?;
    let mut first = 0;
    for (name, received) in found.received() {
        if before.state(name.batch) == Some(State::Acknowledged) {
            first = first.max(received);
        }
    }
    let second = found.received().filter(|(name, _)| before.state(name.batch).is_none());
    for (name, received) in second.filter(|(_, received)| *received < first) {
        let back = first - received;
        verdict.find(Finding::Wrong, format!("{} was received {back} ms back", name.id()));
    }
    Ok(())
}

/// A session that has just begun is not final before its time, less what the server may be drawn
/// towards the wall clock.
fn look_for_early_timers(url: &str, load: &Load, verdict: &mut Verdict) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let cookie = load.post_once()?;
    let reader = Reader::new(url, &load.key)?;
    let not_before = Duration::from_millis((GAP_MS + SETTLE_MS) * 85 / 100);
    loop {
        let sessions = reader.all("/v1/sessions")?;
        let elapsed = watch.elapsed();
        if elapsed > not_before {
            return Ok(());
        }
        let ours = sessions.into_iter().filter(|session| {
            let identity = at(session, "/identities/0/value");
            identity.as_str() == Some(&cookie)
        });
        let ours: Vec<_> = ours.collect();
        if ours.is_empty() {
            verdict.find(Finding::Lost, format!("the session of {cookie} is not listed"));
            return Ok(());
        }
        if are_final(&ours) {
            let ms = elapsed.as_millis();
            verdict.find(Finding::Timer, format!("{cookie} is final after {ms} ms"));
            return Ok(());
        }
        interrupt::check()?;
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Sets the wall clock of the program.
fn set(clock: &Path, to: &str) -> anyhow::Result<()> {
    let text = if to == "frozen" {
        // libfaketime reads an instant in local time, and stands still there.
        let date = Command::new("date").arg("+%Y-%m-%d %H:%M:%S").output()?;
        String::from_utf8(date.stdout)?
    } else {
        format!("{to}\n")
    };
    let draft = clock.with_extension("new");
    std::fs::write(&draft, text)?;
    Ok(std::fs::rename(draft, clock)?)
}

/// Where libfaketime lies on this machine.
fn library() -> Option<PathBuf> {
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let inner = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let inner = inner.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found = folders.clone().into_iter().chain(inner).flat_map(|folder| {
        [folder.join("faketime/libfaketimeMT.so.1"), folder.join("libfaketimeMT.so.1")]
    });
    found.find(|library| library.is_file())
}
