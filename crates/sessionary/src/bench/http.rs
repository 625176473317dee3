//! A line over HTTP: a server as another process, a closed loop for what it can take, then arrivals
//! by schedule at half of that.
use std::{collections::BTreeMap, path::Path, time::Duration};

use sessionary_engine::clock::monotonic;

use super::{
    child::Server,
    counters::{cpu_by_duty, disk_bytes, real},
    load::Sender,
    plan::{Outcome, Plan},
    round::{Line, Round, Totals},
    stream::{Order, Stream},
};

/// A server under load, and what was measured of it.
pub(super) struct Http {
    pub(super) server: Server,
    pub(super) sender: Sender,
    batch: u64,
    connections: u32,
    rounds: Vec<Round>,
    waits: Vec<u32>,
    totals: Totals,
    written_before: u64,
    spent_before: BTreeMap<&'static str, f64>,
}

/// Signals of a request and connections of each line.
pub(super) const LINES: [(&str, u64, u32); 3] =
    [("http-500", 500, 16), ("http-100", 100, 16), ("http-1", 1, 64)];

/// How often a server at rest is looked at, and how many looks in a row must find it so.
const LOOK: Duration = Duration::from_secs(1);
const IDLE_LOOKS: u32 = 3;
/// A server that uses less CPU than this between two looks is at rest, microseconds.
const IDLE_CPU_US: f64 = 50_000.0;

impl Http {
    /// A fresh server in a folder.
    pub(super) fn start(
        dir: &Path,
        order: Order,
        (batch, connections): (u64, u32),
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Http> {
        let server = Server::start(dir.to_owned(), settings)?;
        let written_before = server.counters()?.written;
        let sender = Sender::new(Stream::new(order, 0)?)?;
        Ok(Http {
            server,
            sender,
            batch,
            connections,
            rounds: Vec::new(),
            waits: Vec::new(),
            totals: Totals::default(),
            written_before,
            spent_before: BTreeMap::new(),
        })
    }

    /// A closed loop of so long; gives the signals a second.
    pub(super) fn closed(&mut self, last: Duration) -> anyhow::Result<f64> {
        let plan = self.plan(last);
        self.measure(plan)
    }

    /// A closed loop of so many signals.
    pub(super) fn fill(&mut self, signals: u64) -> anyhow::Result<f64> {
        let plan = Plan { signals_max: signals, ..self.plan(Duration::from_hours(24)) };
        self.measure(plan)
    }

    /// Arrivals by schedule.
    pub(super) fn open(&mut self, signals_per_second: f64, last: Duration) -> anyhow::Result<()> {
        let plan = self.plan(last).open(signals_per_second, last);
        let outcome = self.sender.run(&self.server, plan)?;
        self.note(&outcome);
        self.waits.extend(outcome.waits);
        Ok(())
    }

    /// A plan for its batches and connections.
    pub(super) fn plan(&self, last: Duration) -> Plan {
        Plan::closed(self.connections, self.batch, last)
    }

    /// The rounds so far as a line.
    pub(super) fn line(&self, name: &str) -> anyhow::Result<Line> {
        let counters = self.server.counters()?;
        let totals = Totals {
            written: counters.written.saturating_sub(self.written_before),
            on_disk: disk_bytes(&self.server.dir),
            peak_rss: counters.peak_rss,
            ..self.totals
        };
        Ok(Line::of(name, &self.rounds, &totals, self.waits.clone()))
    }

    /// Waits until the server has nothing left to do of what it took in: flushes and merges of the
    /// storage engine go on behind the answers.
    pub(super) fn rest(&mut self, most: Duration) -> anyhow::Result<()> {
        let until = monotonic() + most;
        let mut idle = 0;
        while idle < IDLE_LOOKS && monotonic() < until {
            let before = self.server.counters()?.cpu_us;
            std::thread::sleep(LOOK);
            let busy = self.server.counters()?.cpu_us - before;
            idle = if busy < IDLE_CPU_US { idle + 1 } else { 0 };
        }
        Ok(())
    }

    /// Forgets the rounds so far, but not what the files hold.
    pub(super) fn begin_anew(&mut self) -> anyhow::Result<()> {
        self.rounds.clear();
        self.waits.clear();
        self.totals.received = 0;
        self.written_before = self.server.counters()?.written;
        self.spent_before = cpu_by_duty(self.server.pid())?;
        Ok(())
    }

    /// CPU for each signal of the rounds so far by what it was spent on, microseconds; with what was
    /// spent since, which is what the rounds left to be done.
    pub(super) fn spent(&self) -> anyhow::Result<BTreeMap<&'static str, f64>> {
        let signals = real(self.rounds.iter().map(|round| round.signals).sum::<u64>().max(1));
        let mut spent = cpu_by_duty(self.server.pid())?;
        for (duty, cpu) in &mut spent {
            *cpu = (*cpu - self.spent_before.get(duty).unwrap_or(&0.0)) / signals;
        }
        Ok(spent)
    }

    fn measure(&mut self, plan: Plan) -> anyhow::Result<f64> {
        let before = self.server.counters()?;
        let outcome = self.sender.run(&self.server, plan)?;
        let after = self.server.counters()?;
        self.note(&outcome);
        self.rounds.push(Round {
            signals: outcome.accepted,
            seconds: outcome.seconds,
            cpu_us: after.cpu_us - before.cpu_us,
            generator_cpu_us: outcome.generator_cpu_us,
        });
        Ok(real(outcome.accepted) / outcome.seconds)
    }

    fn note(&mut self, outcome: &Outcome) {
        self.totals.signals += outcome.accepted;
        self.totals.received += outcome.bytes;
    }
}
