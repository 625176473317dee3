//! The checks after a fault: signals one by one, sessions by two folds, timers, and a clean stop.
use std::path::Path;

use anyhow::Context;

use crate::{
    load::{Load, lock},
    program::{Program, Server, Start, last_words},
    reader::Reader,
    traffic::SignalName,
    verdict::{Finding, Verdict},
};

pub mod parcels;
mod sessions;
mod signals;

pub use parcels::Listed;
pub use sessions::{are_final, settled};
pub use signals::Found;

/// What a server must show, whatever happened to it before.
#[derive(Clone, Copy, Debug)]
pub struct Checks<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its data directory.
    pub dir: &'a Path,
    /// What it was sent.
    pub load: &'a Load,
}

impl Checks<'_> {
    /// Starts a server on the directory and checks everything, then stops it.
    ///
    /// # Errors
    /// The program cannot be run, or the run was interrupted.
    pub fn restarted(&self) -> anyhow::Result<Verdict> {
        let refusal = match self.program.start(self.dir)? {
            Start::Ready(server) => return self.running(server),
            Start::Ended(status, said) => format!("{status}: {}", last_words(&said)),
            Start::Hung(said) => format!("hung: {}", last_words(&said)),
        };
        let mut verdict = Verdict { acknowledged: self.acknowledged(), ..Verdict::default() };
        // What is not served is not there, for those who were promised it.
        verdict.find(Finding::Other, format!("the server does not start again: {refusal}"));
        verdict.lost = verdict.acknowledged;
        self.look_at_answers(&mut verdict);
        Ok(verdict)
    }

    /// Checks everything on a running server, then stops it.
    ///
    /// # Errors
    /// The run was interrupted.
    pub fn running(&self, mut server: Server) -> anyhow::Result<Verdict> {
        let mut verdict = Verdict { acknowledged: self.acknowledged(), ..Verdict::default() };
        let reader = Reader::new(&server.url(), &self.load.key)?;
        if let Err(error) = self.read(&reader, &mut verdict) {
            crate::interrupt::check()?;
            verdict.find(Finding::Other, format!("{error:#}"));
        }
        if let Err(error) = server.stop() {
            verdict.find(Finding::Other, format!("{error:#}"));
        }
        if let Some(panic) = server.said().lines().find(|line| line.contains("panicked at")) {
            verdict.find(Finding::Other, format!("a panic: {panic}"));
        }
        drop(server);
        self.look_at_answers(&mut verdict);
        self.fold_again(&mut verdict)?;
        Ok(verdict)
    }

    fn read(&self, reader: &Reader, verdict: &mut Verdict) -> anyhow::Result<()> {
        let sessions = settled(reader, verdict)?;
        let found = Found::walk(reader, self.load, verdict)?;
        found.compare(self.load, verdict);
        found.look_up(reader, self.load, verdict)?;
        sessions::compare(&sessions, &found, self.load, verdict);
        Ok(())
    }

    /// The number of signals that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        signals::acknowledged(self.load).count() as u64
    }

    fn look_at_answers(&self, verdict: &mut Verdict) {
        let answers = &self.load.answers;
        let hung = answers.hung.swap(0, std::sync::atomic::Ordering::Relaxed);
        if hung > 0 {
            verdict.find(Finding::Other, format!("{hung} requests had no answer within 10 s"));
        }
        for (what, times) in std::mem::take(&mut *lock(&answers.faults)) {
            verdict.find(Finding::Other, format!("{what} ({times} times)"));
        }
    }

    /// The program's own check folds every session again.
    fn fold_again(&self, verdict: &mut Verdict) -> anyhow::Result<()> {
        let dir = self.dir.to_str().context("the directory's name is no text")?;
        let output = self.program.run(&["check", "--data-dir", dir])?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            let findings: Vec<&str> =
                said.lines().filter(|line| line.starts_with("FINDING")).take(3).collect();
            let error = String::from_utf8_lossy(&output.stderr);
            let what =
                format!("`check`: {}: {} {}", output.status, findings.join("; "), error.trim());
            verdict.find(Finding::Session, what);
        }
        Ok(())
    }
}

/// How a signal is named in a finding.
fn named(name: SignalName) -> String {
    format!("signal {}", name.id())
}
