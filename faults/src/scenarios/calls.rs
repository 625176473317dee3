//! Failing calls: each storage call of a short story fails in turn, in each way it can.
use std::{path::Path, sync::atomic::Ordering, time::Duration};

use anyhow::Context;

use super::{Outcome, Report, progress};
use crate::{
    checks::Checks,
    interrupt,
    load::Load,
    mount::copy,
    plan::Plan,
    program::{Program, Server, Start, last_words},
    shim::{self, Kind, SWEPT, Shim},
    stopwatch::Stopwatch,
    traffic::{GAP_MS, SETTLE_MS, Traffic},
    verdict::{Finding, Verdict},
};

/// So many accepted requests make the story.
const REQUESTS: u64 = 24;
/// Clients of the story: one, so that the calls come in much the same order each time.
const CLIENTS: u32 = 1;
/// Until then writes go on, or the server has ended.
const HEALS_MAX: Duration = Duration::from_secs(10);
/// The exit code that asks the supervisor for a restart.
const RESTART_ME: i32 = 70;
/// What a start may end with besides: the directory cannot be used or read just now.
const CANNOT_START: [i32; 2] = [73, 74];

/// One failing call.
#[derive(Clone, Debug)]
struct Fault {
    kind: Kind,
    at: u64,
    call: String,
}

/// Where a story runs.
struct Stage<'a> {
    plan: &'a Plan,
    program: Program,
    shim: Shim,
    folder: &'a Path,
    key: String,
}

/// How a server under a fault went on.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    healed: u64,
    restarted: u64,
    unreached: u64,
}

/// Runs 60 faults, or as many as were asked for, spread evenly over all there are.
///
/// # Errors
/// The program cannot be run, or the run was interrupted.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = plan.folder()?;
    let program = plan.program(folder.path())?;
    let shim = match Shim::compile(folder.path()) {
        Ok(shim) => shim,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let key = program.key(&folder.path().join("template"))?;
    let stage = Stage { plan, program, shim, folder: folder.path(), key };
    let mut report = Report::default();
    let mut tally = Tally::default();
    let none = Fault { kind: Kind::Eio, at: 0, call: "nothing fails".to_owned() };
    let (verdict, calls) = stage.story(&none, &mut tally)?;
    report.verdict.add(&verdict, "without a fault");
    let all = faults(&calls);
    let total = all.len() as u64;
    progress(&format!("calls: {} calls, {total} faults", calls.len()));
    tally = Tally::default();
    let faults = match &plan.only {
        Some(only) => vec![asked(only, &calls)?],
        None => chosen(&all, plan),
    };
    for fault in faults {
        interrupt::check()?;
        let (verdict, _) = stage.story(&fault, &mut tally)?;
        report.rounds += 1;
        report.verdict.acknowledged += verdict.acknowledged;
        let place = format!("--only {}:{} ({})", fault.kind.word(), fault.at, fault.call);
        report.verdict.add(&verdict, &place);
        if report.rounds % 25 == 0 || !verdict.is_good() {
            progress(&format!("calls: {} faults, {place}: {verdict}", report.rounds));
        }
    }
    let Tally { healed, restarted, unreached } = tally;
    report.figures = vec![
        format!("calls={}", calls.len()),
        format!("faults={total}"),
        format!("went_on={healed}"),
        format!("ended_and_restarted={restarted}"),
        format!("unreached={unreached}"),
    ];
    Ok(Outcome::Ran(report))
}

/// Every way in which each call can fail.
fn faults(calls: &[String]) -> Vec<Fault> {
    let fails = |kind: Kind, call: &str| {
        let writes = call.contains("write");
        let syncs_or_removes = call.contains("sync") || call.starts_with("unlink");
        match kind {
            Kind::Short | Kind::Torn => writes,
            Kind::Enospc | Kind::Full => !syncs_or_removes,
            Kind::Eio | Kind::Kill => true,
            Kind::Lie => false,
        }
    };
    let each =
        SWEPT.iter().flat_map(|kind| (1..).zip(calls).map(move |(at, call)| (*kind, at, call)));
    let each = each.filter(|(kind, _, call)| fails(*kind, call));
    each.map(|(kind, at, call)| Fault { kind, at, call: call.clone() }).collect()
}

/// The fault that was asked for, as `eio:37`.
fn asked(only: &str, calls: &[String]) -> anyhow::Result<Fault> {
    let (word, at) = only.split_once(':').context("send --only as KIND:NUMBER, such as eio:37")?;
    let kind = SWEPT.into_iter().find(|kind| kind.word() == word);
    let kind =
        kind.with_context(|| format!("{word:?} is none of the ways in which a call fails"))?;
    let at: u64 = at.parse().context("the number of a call")?;
    let call = usize::try_from(at)?.checked_sub(1).and_then(|at| calls.get(at));
    Ok(Fault { kind, at, call: call.cloned().unwrap_or_default() })
}

/// So many of them, evenly spread.
fn chosen(all: &[Fault], plan: &Plan) -> Vec<Fault> {
    let total = all.len() as u64;
    let rounds: Vec<u64> = plan.rounds(60).take_while(|round| *round <= total).collect();
    let count = (rounds.len() as u64).max(1);
    let offset = plan.seed % (total / count).max(1);
    let places = rounds.iter().map(|round| (round - 1) * total / count + offset);
    places.filter_map(|place| all.get(usize::try_from(place).ok()?).cloned()).collect()
}

impl Stage<'_> {
    /// The story under one fault: start, load, the ends of the sessions, a stop; then the same
    /// directory without the fault, and all checks. Gives the calls that were made.
    fn story(&self, fault: &Fault, tally: &mut Tally) -> anyhow::Result<(Verdict, Vec<String>)> {
        let (dir, log) = (self.folder.join("data"), self.folder.join("calls.log"));
        let _ = std::fs::remove_dir_all(&dir);
        let _ = std::fs::remove_file(&log);
        copy(&self.folder.join("template"), &dir)?;
        let traffic = Traffic { seed: self.plan.seed, padding: 64 };
        let load = Load::new(traffic, self.key.clone(), CLIENTS).pausing(1);
        let failing = self.shim.under(&self.program, &dir, fault.kind, fault.at, &log)?;
        let mut early = Verdict::default();
        let went_on = under_fault(&failing, &dir, &load, &mut early)?;
        let calls = shim::calls(&log);
        match went_on {
            _ if (calls.len() as u64) < fault.at => tally.unreached += 1,
            true => tally.healed += 1,
            false => tally.restarted += 1,
        }
        let checks = Checks { program: &self.program, dir: &dir, load: &load };
        let mut verdict = match self.program.start(&dir)? {
            Start::Ready(mut server) => {
                load.turn_to(&server.url());
                load.during(|| accepts(&mut server, &load, REQUESTS + 4, &mut early))?;
                checks.running(server)?
            }
            Start::Ended(..) | Start::Hung(_) => checks.restarted()?,
        };
        verdict.add(&early, "under the fault");
        Ok((verdict, calls))
    }
}

/// Runs the story until it is told or the server has ended; gives whether it went on to the end.
fn under_fault(
    failing: &Program,
    dir: &Path,
    load: &Load,
    verdict: &mut Verdict,
) -> anyhow::Result<bool> {
    let mut server = match failing.start(dir)? {
        Start::Ready(server) => server,
        Start::Ended(status, said) => {
            if !status.code().is_some_and(|code| CANNOT_START.contains(&code)) {
                look_at_exit(status, &said, verdict);
            }
            return Ok(false);
        }
        Start::Hung(said) => {
            verdict.find(Finding::Other, format!("the start hangs: {}", last_words(&said)));
            return Ok(false);
        }
    };
    load.turn_to(&server.url());
    let told = load.during(|| accepts(&mut server, load, REQUESTS, verdict))?;
    if told {
        // The timers fire under the fault, too.
        server.ends_within(Duration::from_millis(GAP_MS + SETTLE_MS + 150));
    }
    let alive = server.ended().is_none();
    if alive {
        server.signal("TERM")?;
    }
    load.turn_to("");
    let status = server.ends_within(Duration::from_secs(15));
    let status = status.context("a server under a fault did not end within 15 s of SIGTERM")?;
    look_at_exit(status, &server.said(), verdict);
    Ok(told && alive)
}

/// Waits until so many requests were accepted; false when the server ended before.
fn accepts(
    server: &mut Server,
    load: &Load,
    requests: u64,
    verdict: &mut Verdict,
) -> anyhow::Result<bool> {
    let (mut watch, mut before) = (Stopwatch::start(), load.accepted());
    while load.accepted() < requests {
        interrupt::check()?;
        if server.ended().is_some() {
            return Ok(false);
        }
        if load.accepted() > before {
            (watch, before) = (Stopwatch::start(), load.accepted());
        }
        if watch.is_past(HEALS_MAX) {
            let unavailable = load.answers.unavailable.load(Ordering::Relaxed);
            let what = format!("no write was taken for 10 s, {unavailable} times 503");
            verdict.find(Finding::Other, what);
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// 0, the code that asks for a restart, or the kill that was ordered.
fn look_at_exit(status: std::process::ExitStatus, said: &str, verdict: &mut Verdict) {
    let killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
    if !killed && !matches!(status.code(), Some(0 | RESTART_ME)) {
        verdict.find(Finding::Other, format!("{status}: {}", last_words(said)));
    }
    if let Some(panic) = said.lines().find(|line| line.contains("panicked at")) {
        verdict.find(Finding::Other, format!("a panic: {panic}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_fails_in_the_ways_it_can() {
        let count = |call: &str| faults(&[call.to_owned()]).len();
        assert_eq!((count("write /a"), count("fsync /a"), count("unlink /a")), (6, 2, 2));
        assert_eq!((count("rename /a"), count("open64 /a")), (4, 4));
    }
}
