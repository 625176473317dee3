//! Damage: one place of a stopped server's directory is changed, and the server started on it.
//!
//! Either it refuses with the exit code 65 and names what is damaged, or everything it serves is
//! right.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use serde_json::Value;

use super::{Outcome, Report, progress};
use crate::{
    checks::{Checks, Found, settled},
    dice::Dice,
    interrupt,
    json::at,
    load::Load,
    mount::copy,
    plan::Plan,
    program::{Program, Server, Start, last_words},
    reader::Reader,
    traffic::Traffic,
    verdict::{Finding, Verdict},
};

mod wound;
use wound::Wound;

/// The exit code of a directory that is not whole.
const NOT_WHOLE: &str = "exit status: 65";
/// A start on a small directory takes no longer.
const START_MAX: Duration = Duration::from_secs(15);

/// Every so many rounds, a directory is damaged whose engine has written tables; it is slow to make
/// and to read, so the first rounds do without.
const LARGE_EVERY: u64 = 8;
const LARGE_AFTER: u64 = 100;
/// So much text in each signal makes the engine write tables, in bytes.
const LARGE_PADDING: u64 = 30_000;

/// A directory that is whole, and what it holds.
struct Whole {
    dir: PathBuf,
    files: Vec<PathBuf>,
    load: Load,
    sessions: Vec<Value>,
}

impl Whole {
    fn acknowledged(&self, program: &Program) -> u64 {
        Checks { program, dir: &self.dir, load: &self.load }.acknowledged()
    }
}

/// How the starts went.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    refused: u64,
    served_right: u64,
    /// Damage of a table file, which shows where it is read.
    reads_refused: u64,
    served_wrong: u64,
    failed_to_read: u64,
}

/// Damages 1,000 places, or as many as were asked for, one at a time.
///
/// # Errors
/// The program cannot be run, or the run was interrupted.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = plan.folder()?;
    let program = plan.program(folder.path())?;
    let small = prepare(plan, &program, &folder.path().join("small"), 64)?;
    // Made at the first round that needs it.
    let mut large: Option<Whole> = None;
    let mut report = Report::default();
    let mut tally = Tally::default();
    let damaged = folder.path().join("damaged");
    for round in plan.rounds(1_000) {
        interrupt::check()?;
        let _ = std::fs::remove_dir_all(&damaged);
        let is_large = round > LARGE_AFTER && round % LARGE_EVERY == 0;
        let whole = match &large {
            _ if !is_large => &small,
            Some(large) => large,
            None => {
                let made = prepare(plan, &program, &folder.path().join("large"), LARGE_PADDING)?;
                large.insert(made)
            }
        };
        copy(&whole.dir, &damaged)?;
        let mut dice = Dice::of(&[plan.seed, 5, round]);
        let turn = if is_large { round / LARGE_EVERY } else { round };
        let wound = Wound::deal(&damaged, &whole.files, turn, &mut dice)?;
        let mut verdict = Verdict::default();
        start(&program, &damaged, whole, &wound, &mut tally, &mut verdict)?;
        report.rounds += 1;
        report.verdict.add(&verdict, &format!("--only {round} ({wound})"));
        if let Some((finding, told)) = verdict.told.first() {
            progress(&format!("damage: --only {round} ({wound}): {finding:?}: {told}"));
        }
        if report.rounds % 100 == 0 {
            progress(&format!("damage: {} damages, {tally:?}", report.rounds));
        }
    }
    let wholes = [Some(&small), large.as_ref()].into_iter().flatten();
    report.verdict.acknowledged = wholes.clone().map(|whole| whole.acknowledged(&program)).sum();
    let files: usize = wholes.map(|whole| whole.files.len()).sum();
    let Tally { refused, served_right, reads_refused, served_wrong, failed_to_read } = tally;
    report.figures = vec![
        format!("files={files}"),
        format!("refused={refused}"),
        format!("served_right={served_right}"),
        format!("reads_refused={reads_refused}"),
        format!("served_wrong={served_wrong}"),
        format!("failed_to_read={failed_to_read}"),
    ];
    Ok(Outcome::Ran(report))
}

/// A directory with a past: two loads with a clean stop between, and a kill at the end.
fn prepare(plan: &Plan, program: &Program, folder: &Path, padding: u64) -> anyhow::Result<Whole> {
    std::fs::create_dir(folder)?;
    let dir = folder.join("whole");
    let traffic = Traffic { seed: plan.seed, padding };
    let load = Load::new(traffic, program.key(&dir)?, plan.clients);
    for part in 1..=2 {
        let mut server = program.serve(&dir)?;
        load.turn_to(&server.url());
        load.during(|| {
            while load.accepted() < part * 40 {
                interrupt::check()?;
                anyhow::ensure!(server.ended().is_none(), "the server ended under load");
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        })?;
        let mut verdict = Verdict::default();
        settled(&Reader::new(&server.url(), &load.key)?, &mut verdict)?;
        anyhow::ensure!(
            verdict.is_good(),
            "the whole directory is not at rest: {:?}",
            verdict.told
        );
        if part == 1 { server.stop()? } else { server.kill() }
    }
    // What it shows after that kill is what every other copy must show.
    let shown = folder.join("shown");
    copy(&dir, &shown)?;
    let mut server = program.serve(&shown)?;
    let reader = Reader::new(&server.url(), &load.key)?;
    let mut verdict = Verdict::default();
    Found::walk(&reader, &load, &mut verdict)?.compare(&load, &mut verdict);
    anyhow::ensure!(verdict.is_good(), "the whole directory is not right: {:?}", verdict.told);
    let sessions = reader.all("/v1/sessions")?;
    let files = wound::files(&dir)?;
    progress(&format!("damage: a directory of {} files, {} sessions", files.len(), sessions.len()));
    Ok(Whole { dir, files, load, sessions })
}

fn start(
    program: &Program,
    damaged: &Path,
    whole: &Whole,
    wound: &Wound,
    tally: &mut Tally,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let (status, said) = match program.start_within(damaged, START_MAX)? {
        Start::Ready(server) => return compare(server, whole, tally, verdict),
        Start::Ended(status, said) => (status.to_string(), said),
        Start::Hung(said) => ("a start that hangs".to_owned(), said),
    };
    let words = last_words(&said);
    let panics = said.contains("panicked at");
    if status != NOT_WHOLE || panics {
        verdict.find(Finding::Other, format!("{status}: {words}"));
    } else {
        tally.refused += 1;
        if !names_a_place(&words, wound) {
            verdict.find(Finding::Other, format!("the refusal names no place: {words}"));
        }
    }
    Ok(())
}

/// A refusal is for a person: it names a file of the directory or a range of what it holds.
fn names_a_place(words: &str, wound: &Wound) -> bool {
    let ranges = ["position", "commit", "table", "manifest", "watermark", "key", "secret"];
    let files = wound.names();
    files.iter().any(|name| words.contains(name.as_str()))
        || ranges.iter().any(|range| words.contains(range))
}

/// A table file is not read as a whole at a start; a read that meets damage says so and which
/// table has it.
fn names_damage(error: &anyhow::Error) -> bool {
    let words = format!("{error:#}");
    words.contains("answered 503") && words.contains("a table file of `")
}

/// What it serves is what the whole directory served.
fn compare(
    mut server: Server,
    whole: &Whole,
    tally: &mut Tally,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let reader = Reader::new(&server.url(), &whole.load.key)?;
    let mut shown = Verdict::default();
    let looked = match reader.get("/v1/signals?limit=1") {
        // A key that was issued and is unknown now is a wrong answer, not a failed read.
        Ok((status @ (401 | 403), _)) => {
            shown.find(Finding::Wrong, format!("the key is answered {status}"));
            Ok(())
        }
        _ => look(&reader, whole, &mut shown),
    };
    match looked {
        Ok(()) if shown.is_good() => tally.served_right += 1,
        Ok(()) => tally.served_wrong += 1,
        Err(error) if shown.is_good() && names_damage(&error) => tally.reads_refused += 1,
        Err(error) => {
            // Nothing wrong was told, but the start should have found it.
            tally.failed_to_read += 1;
            let code = server.ends_within(Duration::from_millis(200));
            verdict.find(Finding::Other, format!("ready, then {error:#} (ended: {code:?})"));
        }
    }
    if let Some(panic) = server.said().lines().find(|line| line.contains("panicked at")) {
        shown.find(Finding::Other, format!("a panic: {panic}"));
    }
    verdict.add(&shown, "served");
    Ok(())
}

fn look(reader: &Reader, whole: &Whole, shown: &mut Verdict) -> anyhow::Result<()> {
    let found = Found::walk(reader, &whole.load, shown)?;
    found.compare(&whole.load, shown);
    let sessions = reader.all("/v1/sessions").context("the sessions")?;
    if sessions != whole.sessions {
        let (got, expected) = (sessions.len(), whole.sessions.len());
        let other = sessions.iter().zip(&whole.sessions).find(|(got, expected)| got != expected);
        let other = other.map(|(got, _)| at(got, "/id").clone());
        let what = format!("{got} sessions for {expected}, first other: {other:?}");
        shown.find(Finding::Session, what);
    }
    Ok(())
}
