//! A full disk: writes are refused and reads go on; with room again, writes go on by themselves.
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Duration,
};

use super::{Outcome, Report, progress};
use crate::{
    checks::Checks,
    interrupt,
    json::at,
    load::Load,
    mount::Mount,
    plan::Plan,
    program::{Program, Server},
    reader::Reader,
    stopwatch::Stopwatch,
    traffic::Traffic,
    verdict::{Finding, Verdict},
};

const MIB: u64 = 1 << 20;
/// Below this much free space writes are refused.
const MIN_FREE: u64 = 4 * MIB;
/// What another program leaves of the disk, and takes away again.
const BALLAST: u64 = 24 * MIB;
/// With room again, writes go on within this.
const HEALS_MAX: Duration = Duration::from_secs(10);
/// Within this, a disk of this size is full.
const FILLS_MAX: Duration = Duration::from_secs(90);

/// How the disk becomes full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filling {
    /// By the signals, down to the watermark.
    Signals,
    /// By another program, to the last byte and at once.
    Others,
}

/// Sizes and fillings, taken in turn.
const CASES: [(u64, Filling); 4] = [
    (64 * MIB, Filling::Signals),
    (64 * MIB, Filling::Others),
    (128 * MIB, Filling::Signals),
    (128 * MIB, Filling::Others),
];

/// Runs each size and filling once, or as many rounds as were asked for.
///
/// # Errors
/// The program cannot be run, or the run was interrupted.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = plan.folder()?;
    let program = plan.program(folder.path())?;
    let program = program.with("SESSIONARY_STORE__MIN_FREE_BYTES", &MIN_FREE.to_string());
    let mut report = Report::default();
    let mut slowest = Duration::ZERO;
    for round in plan.rounds(4) {
        interrupt::check()?;
        let Some((bytes, filling)) = CASES.into_iter().cycle().nth(usize::try_from(round - 1)?)
        else {
            break;
        };
        let disk = match Mount::memory(&folder.path().join("disk"), bytes) {
            Ok(disk) => disk,
            Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
        };
        let place = format!("--only {round} ({} MiB filled by {filling:?})", bytes / MIB);
        let traffic = Traffic { seed: plan.seed.wrapping_add(round), padding: 1_200 };
        let disk_at = folder.path().join("disk");
        let (verdict, healed) = fill(&program, &disk_at, traffic, plan.clients, filling)?;
        disk.unmount()?;
        report.rounds += 1;
        report.verdict.acknowledged += verdict.acknowledged;
        report.verdict.add(&verdict, &place);
        slowest = slowest.max(healed.unwrap_or_default());
        let healed =
            healed.map_or("never".to_owned(), |healed| format!("{} ms", healed.as_millis()));
        progress(&format!("full: {place}: writes went on after {healed}, {verdict}"));
    }
    report.figures.push(format!("heal_ms_max={}", slowest.as_millis()));
    Ok(Outcome::Ran(report))
}

/// One disk, filled and freed; gives how long writes took to go on.
fn fill(
    program: &Program,
    disk: &Path,
    traffic: Traffic,
    clients: u32,
    filling: Filling,
) -> anyhow::Result<(Verdict, Option<Duration>)> {
    let dir = disk.join("data");
    let load = Load::new(traffic, program.key(&dir)?, clients);
    let mut server = program.serve(&dir)?;
    load.turn_to(&server.url());
    let mut early = Verdict::default();
    let healed = load.during(|| {
        let healed = fill_and_free(&mut server, &load, disk, filling, &mut early);
        if server.ended().is_some() {
            load.turn_to("");
        }
        healed
    })?;
    let checks = Checks { program, dir: &dir, load: &load };
    let mut verdict = match server.ended() {
        None => checks.running(server)?,
        Some(status) => {
            early.find(Finding::Other, format!("the server ended with {status} on a full disk"));
            checks.restarted()?
        }
    };
    verdict.add(&early, "on the full disk");
    Ok((verdict, healed))
}

fn fill_and_free(
    server: &mut Server,
    load: &Load,
    disk: &Path,
    filling: Filling,
    verdict: &mut Verdict,
) -> anyhow::Result<Option<Duration>> {
    let mut ballast = vec![write_ballast(&disk.join("ballast"), BALLAST)];
    if filling == Filling::Others {
        std::thread::sleep(Duration::from_millis(700));
        ballast.push(write_ballast(&disk.join("more-ballast"), u64::MAX));
    }
    if refuses(server, load)? {
        std::thread::sleep(Duration::from_secs(1));
        read(server, load, verdict);
    } else {
        verdict.find(Finding::Other, "no write was answered 507 or 503 when the disk was full");
    }
    for ballast in ballast {
        std::fs::remove_file(ballast)?;
    }
    let (watch, before) = (Stopwatch::start(), load.accepted());
    while load.accepted() == before {
        interrupt::check()?;
        if watch.is_past(HEALS_MAX) || server.ended().is_some() {
            verdict.find(Finding::Other, "no write was taken within 10 s of there being room");
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let healed = watch.elapsed();
    std::thread::sleep(Duration::from_millis(500));
    Ok(Some(healed))
}

/// Waits until writes are refused; false when the server ended first or the disk took too long.
fn refuses(server: &mut Server, load: &Load) -> anyhow::Result<bool> {
    let refusals = || {
        let answers = &load.answers;
        answers.disk_full.load(Ordering::Relaxed) + answers.unavailable.load(Ordering::Relaxed)
    };
    let watch = Stopwatch::start();
    while refusals() < 2 * u64::from(load.clients) {
        interrupt::check()?;
        if watch.is_past(FILLS_MAX) || server.ended().is_some() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// On a full disk everything can still be read.
fn read(server: &mut Server, load: &Load, verdict: &mut Verdict) {
    let Ok(reader) = Reader::new(&server.url(), &load.key) else { return };
    for path in ["/v1/signals?limit=100", "/v1/sessions?limit=100"] {
        match reader.get(path) {
            Ok((200, page))
                if at(&page, "/entities").as_array().is_some_and(|page| page.len() == 100) => {}
            Ok((status, said)) => {
                verdict.find(Finding::Other, format!("GET {path} was answered {status}: {said}"));
            }
            Err(error) => verdict.find(Finding::Other, format!("{error:#}")),
        }
    }
}

/// Writes a file of so many bytes, or as many as fit.
fn write_ballast(path: &Path, bytes: u64) -> PathBuf {
    let block = vec![0_u8; 64 << 10];
    if let Ok(mut file) = File::create(path) {
        let mut written = 0;
        while written < bytes && file.write_all(&block).is_ok() {
            written += block.len() as u64;
        }
        // What is left is less than a block; fill it by pages.
        while written < bytes && block.get(..4096).is_some_and(|page| file.write_all(page).is_ok())
        {
            written += 4096;
        }
    }
    path.to_owned()
}
