//! A line in a process of its own: the parent says `round SECONDS`, the child measures itself and
//! answers with a line of JSON.
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use sessionary_engine::clock::{ServerClock, monotonic};

use super::{
    child::program,
    counters::{Counters, disk_bytes, process_cpu_us, thread_cpu_us},
    flags::LineArguments,
    lines::{self, Work},
    round::{Round, Totals},
    stream::{Group, Order, Stream},
};

/// The parent's end.
pub(super) struct Worker {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a line in a folder of its own.
    pub(super) fn start(
        name: &str,
        dir: &Path,
        sessions: u64,
        postgres: Option<&str>,
    ) -> anyhow::Result<Worker> {
        let mut command = program(&[])?;
        command.args(["bench", "line", name, "--sessions", &sessions.to_string(), "--dir"]);
        command.arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(url) = postgres {
            command.args(["--postgres", url]);
        }
        let mut child = command.spawn().context("a line cannot be started")?;
        let asks = child.stdin.take().context("a line has no input")?;
        let answers = BufReader::new(child.stdout.take().context("a line has no output")?);
        Ok(Worker { child, asks, answers })
    }

    /// One round.
    pub(super) fn round(&mut self, last: Duration) -> anyhow::Result<Round> {
        self.ask(&format!("round {}", last.as_secs_f64()))
    }

    /// What was counted over all rounds.
    pub(super) fn totals(&mut self) -> anyhow::Result<Totals> {
        self.ask("totals")
    }

    fn ask<T: DeserializeOwned>(&mut self, words: &str) -> anyhow::Result<T> {
        let asked = writeln!(self.asks, "{words}").and_then(|()| self.asks.flush());
        let mut answer = String::new();
        let read = asked.and_then(|()| self.answers.read_line(&mut answer));
        match read {
            Ok(1..) => Ok(serde_json::from_str(&answer).context(answer)?),
            _ => bail!("a line ended early: {}", self.child.wait()?),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's end: does what standard input asks until it ends.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(super) fn run(arguments: &LineArguments) -> anyhow::Result<()> {
    let stream = Stream::new(Order::Hot(arguments.sessions), 0)?;
    let mut bench = Bench {
        work: lines::open(&arguments.name, &arguments.dir, arguments.postgres.as_deref())?,
        stream,
        count: lines::group_of(&arguments.name),
        clock: ServerClock::start(None),
        totals: Totals::default(),
        written_before: Counters::own()?.written,
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("round", seconds)) => {
                let round = bench.round(Duration::from_secs_f64(seconds.parse()?))?;
                println!("{}", serde_json::to_string(&round)?);
            }
            _ => println!("{}", serde_json::to_string(&bench.totals(&arguments.dir)?)?),
        }
    }
    Ok(())
}

struct Bench {
    work: Box<dyn Work>,
    stream: Stream,
    count: u64,
    clock: ServerClock,
    totals: Totals,
    /// Before the first round: what setting up wrote is not counted.
    written_before: u64,
}

impl Bench {
    fn round(&mut self, last: Duration) -> anyhow::Result<Round> {
        let mut group = Group::default();
        let mut round = Round::default();
        let cpu = process_cpu_us() + self.work.cpu_elsewhere_us();
        let began = monotonic();
        while began.elapsed() < last {
            let thread_cpu = thread_cpu_us();
            let at = self.clock.now().to_string();
            self.stream.render(&mut group, self.totals.signals, self.count, &at);
            round.generator_cpu_us += thread_cpu_us() - thread_cpu;
            self.work.take(&group)?;
            round.signals += self.count;
            self.totals.signals += self.count;
            self.totals.received += group.body.len() as u64;
        }
        self.work.settle()?;
        round.seconds = began.elapsed().as_secs_f64();
        let cpu_after = process_cpu_us() + self.work.cpu_elsewhere_us();
        round.cpu_us = cpu_after - cpu - round.generator_cpu_us;
        Ok(round)
    }

    fn totals(&self, dir: &Path) -> anyhow::Result<Totals> {
        let counters = Counters::own()?;
        let written = counters.written.saturating_sub(self.written_before);
        let on_disk = disk_bytes(dir);
        Ok(Totals { written, on_disk, peak_rss: counters.peak_rss, ..self.totals })
    }
}
