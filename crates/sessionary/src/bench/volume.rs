//! Scenarios `cold`, `growth` and `restart`: what much data does to memory, CPU and the next start.
use std::time::Duration;

use super::{
    Setup,
    counters::real,
    http::Http,
    report::{Figure, Goal, Section},
    round::Line,
    stream::{Order, PER_SESSION, Stream},
};

/// Batches and connections of all of them.
const LOAD: (u64, u32) = (500, 16);
/// The server has so long to do what a long load left behind.
const REST_AT_MOST: Duration = Duration::from_mins(10);
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

/// The hot work over ever more stored sessions.
pub(super) fn growth(setup: &Setup) -> anyhow::Result<Section> {
    let (dir, hot) = (setup.folder("growth")?, Order::Hot(setup.arguments.sessions));
    let mut http = Http::start(&dir, hot, LOAD, &[])?;
    let mut filler = super::load::Sender::new(Stream::new(Order::Once, 1)?)?;
    let (mut stored, mut lines, mut figures) = (0, Vec::<Line>::new(), Vec::new());
    for target in &setup.arguments.stored {
        let target = target.next_multiple_of(LOAD.0);
        let missing = target.saturating_sub(stored);
        std::mem::swap(&mut http.sender, &mut filler);
        let began = sessionary_engine::clock::monotonic();
        fill(setup, &format!("growth: {target} sessions"), &mut http, missing)?;
        let took = began.elapsed().as_secs_f64();
        std::mem::swap(&mut http.sender, &mut filler);
        stored = stored.max(target);
        // What filling left to be merged is the cost of filling, not of the work that comes.
        setup.progress(&format!("growth: {target} sessions: waiting until the server is at rest"));
        http.rest(REST_AT_MOST)?;
        http.begin_anew();
        for _ in 0..setup.arguments.rounds {
            http.closed(setup.round)?;
        }
        let line = http.line(&format!("{target} stored"))?;
        let name = format!("filling up to {target} stored sessions");
        figures.push(Figure::new(&name, Some(took), "s", Goal::None));
        let name = format!("CPU per signal at {target} stored sessions");
        figures.push(Figure::new(&name, line.cpu_us_per_signal, "us", Goal::None));
        lines.push(line);
    }
    let cpu = |line: Option<&Line>| line.and_then(|line| line.cpu_us_per_signal);
    let ratio = cpu(lines.last()).zip(cpu(lines.first())).map(|(last, first)| last / first);
    figures.push(Figure::new("last / first, CPU", ratio, "x", Goal::AtMost(1.5)));
    let about = "the hot work over sessions of one signal each".to_owned();
    Ok(Section { scenario: "growth".to_owned(), about, lines, figures })
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
