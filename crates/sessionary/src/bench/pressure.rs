//! Scenarios `checkpoint`, `overload` and `lanes`: a server that has more to do than the hot work.
use std::time::Duration;

use anyhow::Context;

use super::{
    Setup,
    counters::real,
    http::Http,
    load::Sender,
    plan::{Plan, Refusals},
    report::{Figure, Goal, Section},
    round::Waits,
    stream::{Order, Stream},
};

/// Probes a second: one every 5 ms.
const PROBES: f64 = 200.0;
/// Load beyond what the server can take.
const OVERLOAD: f64 = 10.0;
/// More connections than a server by default takes requests at one time.
const CROWD: u32 = 2_500;

/// A probe with one signal during full load.
pub(super) fn checkpoint(setup: &Setup) -> anyhow::Result<Section> {
    setup.progress("checkpoint: full load and a probe every 5 ms");
    let order = Order::Hot(setup.arguments.sessions);
    let mut http = Http::start(&setup.folder("checkpoint")?, order, (500, 16), &[])?;
    let mut probe = Sender::new(Stream::new(Order::Once, 1)?)?;
    let last = setup.round * setup.arguments.rounds;
    let plan = Plan::closed(64, 1, last).open(PROBES, last);
    let mut load = Sender::new(Stream::new(order, 0)?)?;
    let full = http.plan(last);
    let server = &http.server;
    let waits = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.run(server, full));
        let probed = probe.run(server, plan);
        loading.join().ok().context("the load failed")??;
        Ok::<_, anyhow::Error>(Waits::of(probed?.waits))
    })?;
    http.begin_anew()?;
    let of = |pick: fn(&Waits) -> f64| waits.as_ref().map(pick);
    let figures = vec![
        Figure::new("probe p50", of(|waits| waits.p50_ms), "ms", Goal::None),
        Figure::new("probe p99", of(|waits| waits.p99_ms), "ms", Goal::None),
        Figure::new("probe max", of(|waits| waits.max_ms), "ms", Goal::None),
        Figure::new(
            "longest stop: probe max less its p50",
            of(|waits| waits.max_ms - waits.p50_ms),
            "ms",
            Goal::AtMost(50.0),
        ),
    ];
    let about = "single signals by schedule beside batches of 500 in a closed loop".to_owned();
    Ok(Section { scenario: "checkpoint".to_owned(), about, lines: Vec::new(), figures })
}

/// Ten times what the server can take, in batches of 100.
pub(super) fn overload(setup: &Setup) -> anyhow::Result<Section> {
    super::allow_many_files();
    let order = Order::Hot(setup.arguments.sessions);
    let crowd = [("SERVER__CONNECTIONS_PER_ADDRESS_MAX", "10000")];
    let mut http = Http::start(&setup.folder("overload")?, order, (100, 16), &crowd)?;
    setup.progress("overload: what the server can take");
    let mut capacity = 0.0_f64;
    for _ in 0..setup.arguments.rounds {
        capacity = capacity.max(http.closed(setup.round)?);
    }
    let line = http.line("capacity")?;
    let last = setup.round * setup.arguments.rounds;
    setup.progress(&format!("overload: {OVERLOAD} times {capacity:.0} signals/s"));
    let plan = Plan { refusals: Refusals::Count, ..Plan::closed(CROWD, 100, last) };
    let outcome = http.sender.run(&http.server, plan.open(capacity * OVERLOAD, last))?;
    if let Some(error) = &outcome.first_cut {
        setup.progress(&format!("overload: connections were cut, the first so: {error}"));
    }
    let requests = real(outcome.requests.max(1));
    let median = line.signals_per_second.unwrap_or(capacity);
    let refusals = Waits::of(outcome.refusals);
    let rss = http.server.counters()?.peak_rss;
    let figures = vec![
        Figure::new(
            "offered / capacity",
            Some(requests * 100.0 / last.as_secs_f64() / median),
            "x",
            Goal::None,
        ),
        Figure::new("due and never sent", Some(real(outcome.unsent)), "requests", Goal::None),
        Figure::new(
            "refused with Retry-After",
            Some(real(outcome.refused) / requests),
            "x",
            Goal::None,
        ),
        Figure::new(
            "cut without an answer",
            Some(real(outcome.cut)),
            "requests",
            Goal::AtMost(0.0),
        ),
        Figure::new(
            "p99 of a refusal, from when it was sent",
            refusals.map(|waits| waits.p99_ms),
            "ms",
            Goal::AtMost(50.0),
        ),
        Figure::new(
            "goodput / capacity",
            Some(real(outcome.accepted) / outcome.seconds / median),
            "x",
            Goal::AtLeast(0.9),
        ),
        Figure::new("peak memory of the server", Some(real(rss >> 20)), "MiB", Goal::AtMost(512.0)),
    ];
    let about = format!("{OVERLOAD} times the capacity, by schedule, over {CROWD} connections");
    Ok(Section { scenario: "overload".to_owned(), about, lines: vec![line], figures })
}

/// The hot work with every stretch of journal rewritten in lane order as soon as it is folded.
pub(super) fn lanes(setup: &Setup) -> anyhow::Result<Section> {
    let order = Order::Hot(setup.arguments.sessions);
    let settings = [("STORE__REWRITE_AFTER_MS", "0")];
    let mut http = Http::start(&setup.folder("lanes")?, order, (500, 16), &settings)?;
    for round in 1..=setup.arguments.rounds {
        setup.progress(&format!("lanes: round {round} of {}", setup.arguments.rounds));
        http.closed(setup.round.max(Duration::from_secs(1)))?;
    }
    let line = http.line("lanes")?;
    let (cpu, written) = (line.cpu_us_per_signal, line.written_per_received);
    let figures = vec![
        Figure::new("server CPU per signal with lane rows", cpu, "us", Goal::AtMost(7.0)),
        Figure::new("bytes written per byte received", written, "x", Goal::AtMost(2.0)),
    ];
    let about = "the hot work with the journal rewritten in lane order at once".to_owned();
    Ok(Section { scenario: "lanes".to_owned(), about, lines: vec![line], figures })
}
