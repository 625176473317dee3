//! Scenarios `cold`, `growth` and `restart`: what much data does to memory, CPU and the next start.
use std::time::Duration;

use super::{
    Setup,
    counters::real,
    http::Http,
    load::Sender,
    report::{Figure, Goal, Section},
    round::Line,
    stream::{Order, PER_SESSION, Stream},
};

/// Batches and connections of all of them.
const LOAD: (u64, u32) = (500, 16);
/// The server has so long to do what a long load left behind.
const REST_AT_MOST: Duration = Duration::from_mins(10);
/// Signals of a round of `growth`: a checkpoint and a half.
const GROWTH_ROUND: u64 = 500_000;
/// Parts of a long load between which progress is told.
const PARTS: u64 = 20;

/// Every signal of a random session of all.
pub(super) fn cold(setup: &Setup) -> anyhow::Result<Section> {
    let hot = compared(setup)?;
    let (signals, sessions) = (setup.arguments.signals, (setup.arguments.signals / 5).max(1));
    let mut cold = Http::start(&setup.folder("cold")?, Order::Uniform(sessions), LOAD, &[])?;
    fill(setup, "cold", &mut cold, signals)?;
    let line = cold.line("cold")?;
    setup.progress("cold: kill and start again");
    let start = cold.server.kill_and_start()?;
    let rss_after = cold.server.counters()?.peak_rss;
    let mib = |bytes: Option<u64>| bytes.map(|bytes| real(bytes >> 20));
    let ratio = line.cpu_us_per_signal.zip(hot.cpu_us_per_signal).map(|(cold, hot)| cold / hot);
    let figures = vec![
        Figure::new(
            "peak memory of the server",
            mib(line.peak_rss_bytes),
            "MiB",
            Goal::AtMost(512.0),
        ),
        Figure::new("CPU per signal, cold", line.cpu_us_per_signal, "us", Goal::None),
        Figure::new("CPU per signal, hot", hot.cpu_us_per_signal, "us", Goal::None),
        Figure::new("cold / hot, CPU", ratio, "x", Goal::None),
        Figure::new("bytes on disk per signal", line.disk_bytes_per_signal, "B", Goal::None),
        Figure::new("from a kill to ready", Some(start.as_secs_f64()), "s", Goal::AtMost(3.0)),
        Figure::new("peak memory of that start", mib(Some(rss_after)), "MiB", Goal::AtMost(512.0)),
    ];
    let about = format!("{signals} signals, each of a random one of {sessions} sessions");
    Ok(Section { scenario: "cold".to_owned(), about, lines: vec![hot, line], figures })
}

/// The hot work, to compare with; its server is gone before the cold one starts.
fn compared(setup: &Setup) -> anyhow::Result<Line> {
    setup.progress("cold: the hot work for comparison");
    let order = Order::Hot(setup.arguments.sessions);
    let mut http = Http::start(&setup.folder("cold-hot")?, order, LOAD, &[])?;
    for _ in 0..setup.arguments.rounds {
        http.closed(setup.round)?;
    }
    http.line("hot")
}

/// How the hot work is measured over stored sessions, with the settings for it. A signal is rewritten
/// once in its life, whatever else is stored; so it is either none of them or all, at each size.
const WAYS: [(&str, &str, (&str, &str)); 2] = [
    ("", "", ("STORE__REWRITE_BEYOND_BYTES", "18446744073709551615")),
    (", rewriting", ", with rewriting of journal", ("STORE__REWRITE_AFTER_MS", "0")),
];

/// The hot work over ever more stored sessions. Each time the same number of signals, so that it
/// meets as many checkpoints, and with what it left to be merged when the last was answered.
pub(super) fn growth(setup: &Setup) -> anyhow::Result<Section> {
    let mut growth = Growth::start(setup)?;
    for target in &setup.arguments.stored {
        growth.fill(setup, *target)?;
        for way in 0..WAYS.len() {
            growth.measure(setup, *target, way)?;
        }
    }
    let Growth { lines, mut figures, costs, .. } = growth;
    let ratio = |costs: &Vec<f64>| Some(costs.last()? / costs.first()?);
    for ((_, about, _), costs) in WAYS.iter().zip(&costs) {
        let name = format!("last / first, CPU{about}");
        figures.push(Figure::new(&name, ratio(costs), "x", Goal::AtMost(1.5)));
    }
    let about = "the hot work over sessions of one signal each".to_owned();
    Ok(Section { scenario: "growth".to_owned(), about, lines, figures })
}

/// A server that stores more and more.
struct Growth {
    http: Http,
    /// Sends what is to be stored; `http` sends the hot work.
    filler: Sender,
    stored: u64,
    lines: Vec<Line>,
    figures: Vec<Figure>,
    /// CPU for each signal at each size, in each of the ways.
    costs: [Vec<f64>; WAYS.len()],
}

impl Growth {
    fn start(setup: &Setup) -> anyhow::Result<Growth> {
        let (dir, hot) = (setup.folder("growth")?, Order::Hot(setup.arguments.sessions));
        let [(_, _, setting), _] = WAYS;
        Ok(Growth {
            http: Http::start(&dir, hot, LOAD, &[setting])?,
            filler: Sender::new(Stream::new(Order::Once, 1)?)?,
            stored: 0,
            lines: Vec::new(),
            figures: Vec::new(),
            costs: [Vec::new(), Vec::new()],
        })
    }

    fn note(&mut self, name: &str, value: Option<f64>, unit: &'static str) {
        self.figures.push(Figure::new(name, value, unit, Goal::None));
    }

    /// Stores sessions until there are so many.
    fn fill(&mut self, setup: &Setup, target: u64) -> anyhow::Result<()> {
        let target = target.next_multiple_of(LOAD.0);
        let [(_, _, setting), _] = WAYS;
        self.http.server.start_with(&[setting])?;
        let began = sessionary_engine::clock::monotonic();
        std::mem::swap(&mut self.http.sender, &mut self.filler);
        let missing = target.saturating_sub(self.stored);
        let filled = fill(setup, &format!("growth: {target} sessions"), &mut self.http, missing);
        std::mem::swap(&mut self.http.sender, &mut self.filler);
        filled?;
        self.stored = self.stored.max(target);
        let took = began.elapsed().as_secs_f64();
        self.note(&format!("{target} stored: filling"), Some(took), "s");
        Ok(())
    }

    /// Measures the hot work in one of the ways.
    fn measure(&mut self, setup: &Setup, target: u64, way: usize) -> anyhow::Result<()> {
        let Some((suffix, _, setting)) = WAYS.get(way) else { return Ok(()) };
        if way > 0 {
            self.http.server.start_with(&[*setting])?;
        }
        let name = format!("{target} stored{suffix}");
        // What filling left to be merged is the cost of filling, not of the work that comes.
        setup.progress(&format!("growth: {name}: waiting until the server is at rest"));
        self.http.rest(REST_AT_MOST)?;
        self.http.begin_anew()?;
        for round in 1..=setup.arguments.rounds {
            setup.progress(&format!("growth: {name}: round {round}"));
            self.http.fill(GROWTH_ROUND)?;
        }
        let line = self.http.line(&name)?;
        // And what the hot work left is its own.
        self.http.rest(REST_AT_MOST)?;
        let spent = self.http.spent()?;
        let cost: f64 = spent.values().sum();
        setup.progress(&format!("growth: {name}: {cost:.1} us of CPU a signal"));
        self.note(&format!("{name}: CPU per signal with what it left"), Some(cost), "us");
        for (duty, cpu) in spent {
            self.note(&format!("{name}:   of that {duty}"), Some(cpu), "us");
        }
        self.lines.push(line);
        if let Some(costs) = self.costs.get_mut(way) {
            costs.push(cost);
        }
        Ok(())
    }
}

/// A kill in the middle of the hot work.
pub(super) fn restart(setup: &Setup) -> anyhow::Result<Section> {
    let order = Order::Hot(setup.arguments.sessions);
    let mut http = Http::start(&setup.folder("restart")?, order, LOAD, &[])?;
    let mut starts = Vec::<Duration>::new();
    for round in 1..=setup.arguments.rounds {
        setup.progress(&format!("restart: round {round} of {}", setup.arguments.rounds));
        http.closed(setup.round)?;
        starts.push(http.server.kill_and_start()?);
    }
    let longest = starts.iter().max().map(Duration::as_secs_f64);
    let figures =
        vec![Figure::new("from a kill to ready, the longest", longest, "s", Goal::AtMost(3.0))];
    let about = "killed after each round of the hot work".to_owned();
    Ok(Section { scenario: "restart".to_owned(), about, lines: Vec::new(), figures })
}

/// A long load, told of on the way.
fn fill(setup: &Setup, what: &str, http: &mut Http, signals: u64) -> anyhow::Result<()> {
    let batches = signals.div_ceil(LOAD.0);
    let part = batches.div_ceil(PARTS).max(1) * LOAD.0;
    let mut left = batches * LOAD.0;
    while left > 0 {
        let now = left.min(part);
        let rate = http.fill(now)?;
        left -= now;
        setup.progress(&format!("{what}: {left} signals left, {rate:.0} signals/s"));
    }
    Ok(())
}

/// Sessions of the hot work are of this many signals; `cold` has half of it a session, on average.
const _: () = assert!(PER_SESSION == 10, "the scenarios are described by it");
