//! Parcels: sessions on their way to five destinations while the server is killed, and killed again
//! while it recovers.
//!
//! Four destinations are webhooks at receivers that a seed makes unreliable, the fifth is a folder.
//! First a control: without a kill nothing may come twice.
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use super::{Outcome, Report, progress};
use crate::{
    checks::{
        Listed, are_final,
        parcels::{Delivered, Figures},
    },
    dice::Dice,
    interrupt,
    json::at,
    load::lock,
    plan::Plan,
    program::{Program, Server},
    reader::Reader,
    receiver::{Receiver, key_of},
    stopwatch::Stopwatch,
    traffic::instant,
    verdict::{Finding, Verdict},
};

/// Sessions, if nothing else is said.
pub const SESSIONS: u64 = 2_000;
/// Receivers; one more destination is a folder.
const RECEIVERS: usize = 4;
/// Signals of one request.
const BATCH: u64 = 50;
/// One session in so many hears of something late, and gets a second revision.
const LATE_ONE_IN: u64 = 10;
/// So long after the last session.
const LATE_AFTER: Duration = Duration::from_secs(4);
/// The first wait of a failed parcel; each one after it is five times as long.
const FIRST_RETRY_MS: u64 = 40;
/// When no server is killed any more, all is delivered within this.
const DELIVERED_MAX: Duration = Duration::from_mins(5);
/// Longer than a session settles here, also when its timer is late.
const QUIET: Duration = Duration::from_secs(4);
/// 2025-01-05T10:00:00Z: when the sessions say they happened.
const EPOCH_MS: u64 = 1_736_071_200_000;

/// Kills the server 20 times, or as often as was asked for, while 10,000 parcels are under way.
///
/// # Errors
/// The program cannot be run, or the run was interrupted.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    run_with(plan, SESSIONS)
}

/// The same with so many sessions.
///
/// # Errors
/// As [`run`].
pub fn run_with(plan: &Plan, sessions: u64) -> anyhow::Result<Outcome> {
    let mut report = Report::default();
    let control = Round::prepare(plan, sessions.div_ceil(4), "control")?.run(0..0)?;
    report.take("control", &control);
    let killed = Round::prepare(plan, sessions, "kills")?.run(plan.rounds(20))?;
    report.take("kills", &killed);
    report.rounds = killed.rounds;
    Ok(Outcome::Ran(report))
}

/// What came of a round.
struct Ended {
    verdict: Verdict,
    figures: Figures,
    rounds: u64,
    kills: u64,
    arrivals: u64,
    refused: Duration,
}

impl Report {
    fn take(&mut self, name: &str, ended: &Ended) {
        let Ended { verdict, figures, kills, arrivals, refused, .. } = ended;
        self.verdict.acknowledged += verdict.acknowledged;
        self.verdict.add(verdict, name);
        progress(&format!("parcels: {name}: {kills} kills, {figures:?}, {verdict}"));
        let Figures { parcels, duplicates, duplicates_of_a_kill_max, unnoted_max } = figures;
        let (unnoted, refused) = (unnoted_max.as_millis(), refused.as_millis());
        self.figures.push(format!(
            "{name}: parcels={parcels} arrivals={arrivals} kills={kills} duplicates={duplicates} \
             duplicates_of_a_kill_max={duplicates_of_a_kill_max} unnoted_ms_max={unnoted} \
             refused_ms={refused}"
        ));
    }
}

/// A directory, its destinations, and what goes on there.
struct Round {
    _folder: tempfile::TempDir,
    dir: PathBuf,
    files: PathBuf,
    program: Program,
    key: String,
    seed: u64,
    sessions: u64,
    receivers: Vec<Receiver>,
    /// The ids of the destinations; the receivers first, then the folder.
    destinations: Vec<String>,
    watch: Stopwatch,
    /// Where the server listens; empty while there is none.
    url: Mutex<String>,
    /// Sessions that may be posted by now.
    allowed: Mutex<u64>,
    over: AtomicBool,
}

impl Round {
    fn prepare(plan: &Plan, sessions: u64, name: &str) -> anyhow::Result<Round> {
        let folder = plan.folder()?;
        let program = plan
            .program(folder.path())?
            .with("SESSIONARY_DELIVERY__ALLOW_PRIVATE", "true")
            .with("SESSIONARY_DELIVERY__FIRST_RETRY_MS", &FIRST_RETRY_MS.to_string())
            .with("SESSIONARY_DELIVERY__ATTEMPTS", "100");
        let dir = folder.path().join(name);
        let key = program.key(&dir)?;
        let seed = plan.seed.wrapping_add(u64::from(name == "control"));
        let watch = Stopwatch::start();
        let receivers = (0..RECEIVERS).map(|number| Receiver::start(seed, number, watch));
        let receivers = receivers.collect::<anyhow::Result<Vec<_>>>()?;
        let files = folder.path().join("files");
        std::fs::create_dir_all(&files)?;
        let mut round = Round {
            _folder: folder,
            dir,
            files,
            program,
            key,
            seed,
            sessions,
            receivers,
            destinations: Vec::new(),
            watch,
            url: Mutex::default(),
            allowed: Mutex::default(),
            over: AtomicBool::new(false),
        };
        round.set_up()?;
        Ok(round)
    }

    /// Makes the destinations.
    fn set_up(&mut self) -> anyhow::Result<()> {
        let mut server = self.program.serve(&self.dir)?;
        let http = client()?;
        let mut set_up = |wish: Value| -> anyhow::Result<Value> {
            let url = format!("{}/v1/destinations", server.url());
            let answer = http.post(url).bearer_auth(&self.key).json(&wish).send()?;
            let (status, body) = (answer.status(), answer.json::<Value>()?);
            anyhow::ensure!(status == 201, "POST /v1/destinations was answered {status}: {body}");
            Ok(body)
        };
        let mut destinations = Vec::new();
        let id = |made: &Value| at(made, "/id").as_str().unwrap_or_default().to_owned();
        for (number, receiver) in self.receivers.iter().enumerate() {
            let name = format!("receiver-{number}");
            let made = set_up(json!({
                "name": name, "kind": "webhook", "url": receiver.url(), "format": "canonical",
                "when": "final", "after_ms": 0,
            }))?;
            let key = at(&made, "/secret").as_str().and_then(key_of);
            receiver.know_key(key.context("a webhook was made without a secret")?);
            destinations.push(id(&made));
        }
        let made = set_up(json!({
            "name": "folder", "kind": "object_store", "format": "canonical", "when": "final",
            "url": format!("file://{}", self.files.display()), "after_ms": 0,
        }))?;
        destinations.push(id(&made));
        server.stop()?;
        self.destinations = destinations;
        Ok(())
    }

    /// Posts the sessions and kills the server meanwhile, once a round and in half of them again
    /// during the recovery; then lets all arrive, and looks.
    fn run(self, rounds: impl Iterator<Item = u64>) -> anyhow::Result<Ended> {
        let rounds: Vec<u64> = rounds.collect();
        let mut kills = Vec::new();
        let mut verdict = Verdict::default();
        let server = std::thread::scope(|threads| {
            let poster = threads.spawn(|| self.post());
            let _over = EndsPosting(&self.over);
            let mut server = self.kill(&rounds, &mut kills)?;
            *lock(&self.allowed) = self.sessions;
            while !poster.is_finished() {
                interrupt::check()?;
                std::thread::sleep(Duration::from_millis(20));
            }
            let count = poster.join().map_err(|_| anyhow::anyhow!("the poster panicked"))?;
            verdict.acknowledged = count?;
            let url = server.url();
            anyhow::ensure!(!url.is_empty(), "the server has no address");
            Ok::<Server, anyhow::Error>(server)
        })?;
        let (arrivals, figures) = self.settle_and_look(server, kills.clone(), &mut verdict)?;
        let refused = self.receivers.iter().map(Receiver::refused).sum();
        let (rounds, kills) = (rounds.len() as u64, kills.len() as u64);
        Ok(Ended { verdict, figures, rounds, kills, arrivals, refused })
    }

    fn kill(&self, rounds: &[u64], kills: &mut Vec<Duration>) -> anyhow::Result<Server> {
        let mut dice = Dice::of(&[self.seed, 5]);
        let mut server = self.program.serve(&self.dir)?;
        for round in (1..).take(rounds.len()) {
            interrupt::check()?;
            *lock(&self.allowed) = self.sessions * round / rounds.len() as u64;
            server.url().clone_into(&mut lock(&self.url));
            std::thread::sleep(Duration::from_millis(dice.between(20, 2_500)));
            lock(&self.url).clear();
            self.end(&mut server, kills);
            while dice.one_in(2) {
                let mut starting = self.program.spawn(&self.dir)?;
                std::thread::sleep(Duration::from_millis(dice.below(600)));
                self.end(&mut starting, kills);
            }
            server = self.program.serve(&self.dir)?;
        }
        server.url().clone_into(&mut lock(&self.url));
        Ok(server)
    }

    fn end(&self, server: &mut Server, kills: &mut Vec<Duration>) {
        server.kill();
        kills.push(self.watch.elapsed());
        self.receivers.iter().for_each(Receiver::hang_up);
    }

    /// Posts a signal for each session, and late ones for some; gives how many were acknowledged.
    fn post(&self) -> anyhow::Result<u64> {
        let http = client()?;
        let (mut posted, mut count) = (0, 0);
        while posted < self.sessions {
            let allowed = *lock(&self.allowed);
            let until = (posted + BATCH).min(allowed);
            if until <= posted {
                self.pause()?;
                continue;
            }
            let batch: Vec<Value> = (posted..until).map(|number| signal(number, 0)).collect();
            self.post_batch(&http, &batch)?;
            count += batch.len() as u64;
            posted = until;
        }
        // By then the first revisions are cut.
        let watch = Stopwatch::start();
        while !watch.is_past(LATE_AFTER) {
            self.pause()?;
        }
        let late = (0..self.sessions).filter(|number| number % LATE_ONE_IN == 0);
        let late: Vec<Value> = late.map(|number| signal(number, 1)).collect();
        for batch in late.chunks(usize::try_from(BATCH)?) {
            self.post_batch(&http, batch)?;
            count += batch.len() as u64;
        }
        Ok(count)
    }

    /// Sends a batch until it is acknowledged.
    fn post_batch(&self, http: &Client, batch: &[Value]) -> anyhow::Result<()> {
        loop {
            let url = lock(&self.url).clone();
            if !url.is_empty() {
                let post = http.post(format!("{url}/v1/signals")).bearer_auth(&self.key);
                let answer = post.json(batch).send().and_then(Response::error_for_status);
                if answer.and_then(Response::bytes).is_ok() {
                    return Ok(());
                }
            }
            self.pause()?;
        }
    }

    fn pause(&self) -> anyhow::Result<()> {
        interrupt::check()?;
        anyhow::ensure!(!self.over.load(Ordering::Relaxed), "the round ended");
        std::thread::sleep(Duration::from_millis(10));
        Ok(())
    }

    /// Waits until nothing is due any more, and compares what is there with what must be.
    fn settle_and_look(
        &self,
        mut server: Server,
        kills: Vec<Duration>,
        verdict: &mut Verdict,
    ) -> anyhow::Result<(u64, Figures)> {
        let reader = Reader::new(&server.url(), &self.key)?;
        let sessions = settled(&reader, verdict)?;
        let listed = self.listed(&reader)?;
        if let Err(error) = server.stop() {
            verdict.find(Finding::Other, format!("{error:#}"));
        }
        let all = std::fs::read_to_string(self.program.log()).unwrap_or_default();
        for panic in all.lines().filter(|line| line.contains("panicked at")) {
            verdict.find(Finding::Other, format!("a panic: {panic}"));
        }
        if sessions.len() as u64 != self.sessions {
            let what = format!("{} sessions of {}", sessions.len(), self.sessions);
            verdict.find(Finding::Session, what);
        }
        let arrivals: Vec<_> = self.receivers.iter().flat_map(Receiver::arrivals).collect();
        let delivered = Delivered {
            sessions,
            destinations: self.destinations.len(),
            receivers: self.receivers.len(),
            listed,
            files: self.files(verdict)?,
            kills,
            arrivals,
        };
        let figures = delivered.compare(verdict);
        self.fold_again(verdict)?;
        Ok((delivered.arrivals.len() as u64, figures))
    }

    fn listed(&self, reader: &Reader) -> anyhow::Result<Vec<Listed>> {
        let listed = |parcel: &Value| {
            let text = |name| at(parcel, name).as_str().unwrap_or_default().to_owned();
            let id = text("/destination");
            let known = self.destinations.iter().position(|one| *one == id);
            Listed {
                id: text("/id"),
                session: text("/session_id"),
                revision: at(parcel, "/revision").as_u64().unwrap_or(0),
                destination: known.unwrap_or(usize::MAX),
                status: text("/status"),
            }
        };
        Ok(reader.all("/v1/parcels")?.iter().map(listed).collect())
    }

    /// Session and revision of every file that is written once; the others hold what is latest.
    fn files(&self, verdict: &mut Verdict) -> anyhow::Result<BTreeSet<(String, u64)>> {
        let mut once = BTreeSet::new();
        let mut latest = BTreeMap::new();
        for path in below(&self.files)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(name) = name.strip_suffix(".json") else { continue };
            let file: Value = serde_json::from_slice(&std::fs::read(&path)?).unwrap_or_default();
            let session = at(&file, "/id").as_str().unwrap_or_default().to_owned();
            let revision = at(&file, "/revision").as_u64().unwrap_or(0);
            if name == session {
                latest.insert(session, revision);
            } else if name == format!("{session}.r{revision}") {
                once.insert((session, revision));
            } else {
                let what = format!("the file {name} holds {session:?} r{revision}");
                verdict.find(Finding::Wrong, what);
            }
        }
        for (session, revision) in &once {
            if latest.get(session).is_none_or(|latest| latest < revision) {
                let what = format!("the file of {session} is older than its r{revision}");
                verdict.find(Finding::Wrong, what);
            }
        }
        Ok(once)
    }

    fn fold_again(&self, verdict: &mut Verdict) -> anyhow::Result<()> {
        let dir = self.dir.display().to_string();
        let output = self.program.run(&["check", "--data-dir", &dir])?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            verdict.find(Finding::Session, format!("`check`: {}: {said}", output.status));
        }
        Ok(())
    }
}

/// Ends the poster however its watcher ends.
struct EndsPosting<'a>(&'a AtomicBool);

impl Drop for EndsPosting<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The revision of each session, once all are final, nothing is due, and a while later no session has
/// another one: a late signal changes a final session for as long as it settles before it is told.
fn settled(reader: &Reader, verdict: &mut Verdict) -> anyhow::Result<BTreeMap<String, u64>> {
    let watch = Stopwatch::start();
    let mut quiet: Option<(Stopwatch, BTreeMap<String, u64>)> = None;
    loop {
        let sessions = reader.all("/v1/sessions")?;
        let (status, due) = reader.get("/v1/parcels?status=due&limit=1")?;
        anyhow::ensure!(status == 200, "GET /v1/parcels was answered {status}: {due}");
        let none_due = at(&due, "/entities").as_array().is_some_and(Vec::is_empty);
        let is_late = watch.is_past(DELIVERED_MAX);
        if is_late {
            let what = format!("after {} s there is still {due}", DELIVERED_MAX.as_secs());
            verdict.find(Finding::Timer, what);
        }
        let revisions = sessions.iter().map(|session| {
            let id = at(session, "/id").as_str().unwrap_or_default().to_owned();
            (id, at(session, "/revision").as_u64().unwrap_or(0))
        });
        let revisions: BTreeMap<String, u64> = revisions.collect();
        let at_rest = are_final(&sessions) && none_due;
        quiet = match quiet {
            Some((since, before)) if at_rest && before == revisions => {
                if since.is_past(QUIET) {
                    return Ok(revisions);
                }
                Some((since, before))
            }
            _ if is_late => return Ok(revisions),
            _ => at_rest.then(|| (Stopwatch::start(), revisions)),
        };
        interrupt::check()?;
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?)
}

/// The first or a later signal of a session of its own.
fn signal(number: u64, later: u64) -> Value {
    json!({
        "id": format!("p{number}-{later}"),
        "type": "page_viewed",
        "occurred_at": instant(EPOCH_MS + number + 50 * later),
        "identities": [{"type": "cookie", "value": format!("parcel-{number}")}],
        "url": format!("https://shop.example/p/{number}"),
    })
}

/// Every file below a folder.
fn below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}
