//! Scenario `hot`: every line in turn, round after round, and what they say of one another.
use anyhow::ensure;

use super::{
    Setup,
    http::{self, Http},
    lines,
    report::{Figure, Goal, Section},
    round::{Line, Round, Totals},
    stream::Order,
    worker::Worker,
};

/// What makes the rounds of a line.
enum Runner {
    Here(Worker, Vec<Round>),
    Http(Box<Http>),
    Missing(&'static str),
}

/// Runs the lines that are asked for.
pub(super) fn run(setup: &Setup) -> anyhow::Result<Section> {
    let mut runners = Vec::new();
    for name in names(setup)? {
        setup.progress(&format!("starting {name}"));
        runners.push((name, start(setup, name)?));
    }
    for round in 1..=setup.arguments.rounds {
        for (name, runner) in &mut runners {
            setup.progress(&format!("round {round} of {}: {name}", setup.arguments.rounds));
            runner.round(setup)?;
        }
    }
    let line = |(name, runner): &mut (&str, Runner)| runner.line(name);
    let lines = runners.iter_mut().map(line).collect::<anyhow::Result<Vec<_>>>()?;
    let mut figures = figures(&lines);
    if !setup.arguments.lines.is_empty() {
        figures.retain(|figure| figure.value.is_some());
    }
    figures.extend(allocations(setup)?);
    let about = format!(
        "{} visitors in turn, 10 signals a session, groups of {}; times at half of capacity, by schedule",
        setup.arguments.sessions,
        lines::GROUP
    );
    Ok(Section { scenario: "hot".to_owned(), about, lines, figures })
}

#[cfg(feature = "count-allocations")]
fn allocations(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    super::allocations::figures(setup.arguments.sessions)
}

#[cfg(not(feature = "count-allocations"))]
#[expect(clippy::unnecessary_wraps, reason = "the same form as where they are counted")]
fn allocations(_: &Setup) -> anyhow::Result<Vec<Figure>> {
    Ok(Vec::new())
}

fn names(setup: &Setup) -> anyhow::Result<Vec<&'static str>> {
    let all: Vec<_> =
        lines::LINES.iter().copied().chain(http::LINES.map(|(name, ..)| name)).collect();
    let asked = &setup.arguments.lines;
    for name in asked {
        ensure!(all.contains(&name.as_str()), "there is no line {name:?}; use {}", all.join(", "));
    }
    let is_asked = |name: &&str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    Ok(all.into_iter().filter(is_asked).collect())
}

fn start(setup: &Setup, name: &'static str) -> anyhow::Result<Runner> {
    let dir = setup.folder(name)?;
    let order = Order::Hot(setup.arguments.sessions);
    if let Some((_, batch, connections)) = http::LINES.iter().find(|(known, ..)| *known == name) {
        let http = Http::start(&dir, order, (*batch, *connections), &[])?;
        return Ok(Runner::Http(Box::new(http)));
    }
    if lines::PEERS.contains(&name) && cfg!(not(feature = "bench-peers")) {
        return Ok(Runner::Missing("not in this build; build with --features bench-peers"));
    }
    let postgres = setup.postgres();
    if name == "postgres" && postgres.is_none() {
        return Ok(Runner::Missing("not there: give --postgres URL"));
    }
    let worker = Worker::start(name, &dir, setup.arguments.sessions, postgres.as_deref())?;
    Ok(Runner::Here(worker, Vec::new()))
}

impl Runner {
    fn round(&mut self, setup: &Setup) -> anyhow::Result<()> {
        match self {
            Runner::Here(worker, rounds) => rounds.push(worker.round(setup.round)?),
            Runner::Http(http) => {
                let capacity = http.closed(setup.round)?;
                http.open(capacity / 2.0, setup.round)?;
            }
            Runner::Missing(_) => {}
        }
        Ok(())
    }

    fn line(&mut self, name: &str) -> anyhow::Result<Line> {
        match self {
            Runner::Here(worker, rounds) => {
                let totals: Totals = worker.totals()?;
                let line = Line::of(name, rounds, &totals, Vec::new());
                if name == "postgres" {
                    // Another process writes, to a folder that is not ours to look at.
                    let (written_per_received, disk_bytes_per_signal) = (None, None);
                    return Ok(Line { written_per_received, disk_bytes_per_signal, ..line });
                }
                Ok(line)
            }
            Runner::Http(http) => http.line(name),
            Runner::Missing(why) => Ok(Line::missing(name, why)),
        }
    }
}

#[rustfmt::skip]
fn figures(lines: &[Line]) -> Vec<Figure> {
    let line = |name: &str| lines.iter().find(|line| line.name == name);
    let cpu = |name| line(name)?.cpu_us_per_signal;
    let rate = |name| line(name)?.signals_per_second;
    let over = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
    let bare = cpu("parse+fold").zip(cpu("floor")).map(|(fold, floor)| fold + floor);
    let written = |name| line(name)?.written_per_received;
    let p99 = |name| Some(line(name)?.waits_at_half.as_ref()?.p99_ms);
    let maker = |name| line(name)?.generator_cpu_us_per_signal;
    vec![
        Figure::new("http-500: server CPU per signal", cpu("http-500"), "us", Goal::AtMost(5.0)),
        Figure::new("http-500: durable signals per second", rate("http-500"), "/s", Goal::AtLeast(250_000.0)),
        Figure::new("http-500: bytes written per byte received", written("http-500"), "x", Goal::AtMost(1.2)),
        Figure::new("http-100: server CPU per signal", cpu("http-100"), "us", Goal::None),
        Figure::new("http-1: server CPU per signal", cpu("http-1"), "us", Goal::AtMost(30.0)),
        Figure::new("http-1: p99 at half of capacity", p99("http-1"), "ms", Goal::AtMost(30.0)),
        Figure::new("engine: CPU per signal in process", cpu("engine"), "us", Goal::AtMost(4.5)),
        Figure::new("(parse+fold + floor) / engine, CPU", over(bare, cpu("engine")), "x", Goal::AtLeast(0.45)),
        Figure::new("(parse+fold + floor) / http-500, CPU", over(bare, cpu("http-500")), "x", Goal::None),
        Figure::new("store / floor, signals per second", over(rate("store"), rate("floor")), "x", Goal::AtLeast(0.7)),
        Figure::new("store / floor-pre, signals per second", over(rate("store"), rate("floor-pre")), "x", Goal::None),
        Figure::new("sqlite-row / engine, CPU", over(cpu("sqlite-row"), cpu("engine")), "x", Goal::AtLeast(5.0)),
        Figure::new("engine / sqlite-row, signals per second", over(rate("engine"), rate("sqlite-row")), "x", Goal::AtLeast(7.0)),
        Figure::new("sqlite-row / http-500, CPU", over(cpu("sqlite-row"), cpu("http-500")), "x", Goal::None),
        Figure::new("http-500 / sqlite-row, signals per second", over(rate("http-500"), rate("sqlite-row")), "x", Goal::None),
        Figure::new("sqlite-blocks / engine, CPU", over(cpu("sqlite-blocks"), cpu("engine")), "x", Goal::None),
        Figure::new("engine / sqlite-blocks, signals per second", over(rate("engine"), rate("sqlite-blocks")), "x", Goal::None),
        Figure::new("postgres (client and backend) / engine, CPU", over(cpu("postgres"), cpu("engine")), "x", Goal::None),
        Figure::new("engine / postgres, signals per second", over(rate("engine"), rate("postgres")), "x", Goal::None),
        Figure::new("making a signal, CPU", maker("parse+fold"), "us", Goal::AtMost(1.5)),
        Figure::new("making and sending one in batches of 500, CPU", maker("http-500"), "us", Goal::AtMost(1.5)),
    ]
}
