//! `sessionary bench delivery`: how fast parcels that are all due at once leave, beside a bare client
//! that posts the same bodies to the same receiver, and what that does to signals that come in.
//!
//! The destination is disabled while its parcels are ordered, so that all are due at one instant; it
//! is enabled for a round of the drain and disabled again for a round of the others. The drain alone
//! goes as fast as it can; beside signals it goes at the pace that is usual.
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sessionary_engine::clock::monotonic;

use super::{
    child::Server,
    counters::{process_cpu_us, real},
    flags::Delivery,
    load::Sender,
    machine::{self, Machine},
    plan::{Plan, Refusals},
    report::{Figure, Goal, Report, Section},
    round::{Waits, median},
    stream::{Order, Stream},
};
use crate::client::{Client, Method};

mod bare;
pub(super) mod receiver;

use bare::Bare;
use receiver::Receiver;

/// Visitors of the signals that come in beside the drain.
const VISITORS: u64 = 20_000;
/// Signals of a request, and connections, of what fills the server.
const FILLING: (u64, u32) = (500, 16);
/// The same of what comes in beside the drain.
const BESIDE: (u64, u32) = (100, 16);
/// Parcels under way to the destination at a time, and requests of the bare client.
const UNDER_WAY: usize = 16;
/// Sessions end after ten seconds without a signal, and are final at once.
const SETTINGS: [(&str, &str); 4] = [
    ("BOUNDARY__WEB_GAP_MS", "10000"),
    ("LIFECYCLE__SETTLE_MS", "1"),
    ("DELIVERY__ALLOW_PRIVATE", "true"),
    ("DELIVERY__UNDER_WAY_MAX", "16"),
];
/// Parcels leave as fast as they can.
const NO_PACE: (&str, &str) = ("DELIVERY__PER_SECOND", "0");
/// How often the server is asked whether it is done with something.
const LOOK: Duration = Duration::from_millis(100);
/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_hours(2);

/// Measures the delivery of parcels that are due at once.
#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
pub(super) fn run(arguments: &Delivery) -> anyhow::Result<()> {
    let base = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    if !arguments.allow_tmpfs {
        machine::must_be_a_disk(&base)?;
    }
    let temporary = tempfile::Builder::new().prefix("sessionary-bench-").tempdir_in(&base);
    let temporary = temporary.with_context(|| format!("{} takes no folder", base.display()))?;
    let machine = Machine::look(temporary.path())?;
    let section = Draining::start(arguments, temporary.path())?.measured()?;
    let report = Report { machine, sections: vec![section] };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    Ok(())
}

/// A server with parcels that are due, and what receives them.
struct Draining<'a> {
    arguments: &'a Delivery,
    last: Duration,
    receiver: Receiver,
    server: Server,
    api: Client,
    destination: String,
    beside: Sender,
    measured: Measured,
}

/// What the rounds gave.
#[derive(Debug, Default)]
struct Measured {
    drain_rates: Vec<f64>,
    drain_cpu_us: Vec<f64>,
    bare_rates: Vec<f64>,
    bare_cpu_us: Vec<f64>,
    quiet: Vec<u32>,
    beside: Vec<u32>,
    beside_rates: Vec<f64>,
    refused: u64,
    first_after_ms: Vec<f64>,
}

impl<'a> Draining<'a> {
    fn start(arguments: &'a Delivery, dir: &std::path::Path) -> anyhow::Result<Draining<'a>> {
        let receiver = Receiver::start()?;
        let server = Server::start(dir.join("data"), &without_pace())?;
        let api = client_of(&server)?;
        let wish = json!({
            "name": "bench", "kind": "webhook", "url": receiver.url(), "format": "canonical",
            "when": "final", "enabled": false,
        });
        let made = api.json(Method::Post, "/v1/destinations", Some(&wish))?;
        let destination = made.get("id").and_then(Value::as_str).context("no destination")?;
        Ok(Draining {
            destination: destination.to_owned(),
            arguments,
            last: Duration::from_secs_f64(arguments.seconds),
            receiver,
            server,
            api,
            beside: Sender::new(Stream::new(Order::Hot(VISITORS), 1)?)?,
            measured: Measured::default(),
        })
    }

    fn measured(mut self) -> anyhow::Result<Section> {
        let filling = self.fill()?;
        let mut peaks = vec![("storing the sessions", self.server.peak_rss_since()?)];
        let (ordered, ordering) = self.order()?;
        peaks.push(("ordering the parcels", self.server.peak_rss_since()?));
        for round in 1..=self.arguments.rounds {
            self.progress(&format!("round {round} of {}: the drain alone", self.arguments.rounds));
            self.drain_alone()?;
        }
        peaks.push(("the drain alone", self.server.peak_rss_since()?));
        self.start_again(&SETTINGS)?;
        self.progress("what the server can take in while nothing is delivered");
        let plan = Plan::closed(BESIDE.1, BESIDE.0, self.last);
        let outcome = self.beside.run(&self.server, plan)?;
        let capacity = real(outcome.accepted) / outcome.seconds;
        peaks.push(("taking signals in alone", self.server.peak_rss_since()?));
        for round in 1..=self.arguments.rounds {
            self.progress(&format!("round {round} of {}: signals", self.arguments.rounds));
            self.take_in(capacity / 2.0)?;
        }
        peaks.push(("the drain with signals coming in", self.server.peak_rss_since()?));
        self.start_again(&without_pace())?;
        let (drained, seconds) = self.drain_to_the_end()?;
        peaks.push(("the last stretch of the drain", self.server.peak_rss_since()?));
        let mut figures = vec![
            plain("sessions stored and ended in", filling.as_secs_f64(), "s"),
            plain("parcels ordered a second", real(ordered) / ordering.as_secs_f64(), "/s"),
        ];
        figures.extend(self.measured.figures(capacity));
        figures.extend([
            plain("parcels of the last stretch", real(drained), ""),
            plain("parcels a second of the last stretch", real(drained) / seconds, "/s"),
        ]);
        figures.extend(peaks.into_iter().map(|(what, bytes)| {
            let name = format!("peak memory of the server, {what}");
            Figure::new(&name, Some(real(bytes >> 20)), "MiB", Goal::AtMost(512.0))
        }));
        let about = format!(
            "{ordered} parcels due at once to a webhook, {UNDER_WAY} under way; the bare client posts \
             the same bodies with the same concurrency; beside signals at the usual pace"
        );
        Ok(Section { scenario: "delivery".to_owned(), about, lines: Vec::new(), figures })
    }

    fn start_again(&mut self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        self.server.start_with(settings)?;
        self.api = client_of(&self.server)?;
        Ok(())
    }

    /// Stores sessions of one signal each, and waits until all have ended.
    fn fill(&mut self) -> anyhow::Result<Duration> {
        let parcels = self.arguments.parcels;
        self.progress(&format!("storing {parcels} sessions"));
        let began = monotonic();
        let mut filler = Sender::new(Stream::new(Order::Once, 0)?)?;
        let all = Duration::from_hours(24);
        let plan = Plan::closed(FILLING.1, FILLING.0, all);
        filler.run(&self.server, Plan { signals_max: parcels, ..plan })?;
        self.progress("waiting until they have ended");
        // Each block fires as many timers as it may, so a few signals help time along.
        let mut trickle = Sender::new(Stream::new(Order::Hot(5_000), 2)?)?;
        loop {
            ensure!(began.elapsed() < PATIENCE, "the sessions do not end");
            match self.timers()? {
                0 => break,
                1..=5_000 => std::thread::sleep(LOOK),
                _ => {
                    let plan = Plan::closed(1, 1, LOOK * 5);
                    trickle.run(&self.server, Plan { signals_max: 50, ..plan })?;
                }
            }
        }
        Ok(began.elapsed())
    }

    fn timers(&self) -> anyhow::Result<u64> {
        let health = self.api.json(Method::Get, "/v1/health", None)?;
        health.get("timers").and_then(Value::as_u64).context("the health tells no timers")
    }

    /// Makes a parcel of each session due.
    fn order(&self) -> anyhow::Result<(u64, Duration)> {
        self.progress("ordering their parcels");
        let began = monotonic();
        let wish = json!({ "destination": self.destination, "filter": {} });
        let done = self.api.json(Method::Post, "/v1/parcels/redeliver", Some(&wish))?;
        let ordered = done.get("ordered").and_then(Value::as_u64).unwrap_or(0);
        ensure!(ordered >= self.arguments.parcels, "{ordered} parcels were ordered: {done}");
        Ok((ordered, began.elapsed()))
    }

    /// A round of the drain alone, and one of the bare client.
    fn drain_alone(&mut self) -> anyhow::Result<()> {
        let before = self.server.counters()?;
        let (count, seconds) = self.while_draining(|draining| {
            std::thread::sleep(draining.last);
            Ok(())
        })?;
        let cpu_us = self.server.counters()?.cpu_us - before.cpu_us;
        self.measured.drain_rates.push(real(count) / seconds);
        self.measured.drain_cpu_us.push(cpu_us / real(count.max(1)));

        let cpu_us = process_cpu_us();
        let bare = Bare::new(self.receiver.address(), self.receiver.kept()?)?;
        let (count, seconds) = bare.post(UNDER_WAY, self.last)?;
        self.measured.bare_rates.push(real(count) / seconds);
        self.measured.bare_cpu_us.push((process_cpu_us() - cpu_us) / real(count.max(1)));
        Ok(())
    }

    /// Signals that come in without and with the drain.
    fn take_in(&mut self, per_second: f64) -> anyhow::Result<()> {
        let waits = self.open(per_second)?;
        self.measured.quiet.extend(waits);
        let mut waits = Vec::new();
        let (count, seconds) = self.while_draining(|draining| {
            waits = draining.open(per_second)?;
            Ok(())
        })?;
        self.measured.beside.extend(waits);
        self.measured.beside_rates.push(real(count) / seconds);
        Ok(())
    }

    fn open(&mut self, per_second: f64) -> anyhow::Result<Vec<u32>> {
        let plan = Plan::closed(BESIDE.1, BESIDE.0, self.last).open(per_second, self.last);
        let plan = Plan { refusals: Refusals::Count, ..plan };
        let outcome = self.beside.run(&self.server, plan)?;
        self.measured.refused += outcome.refused + outcome.cut;
        Ok(outcome.waits)
    }

    /// What arrived while something was done with the destination enabled, and in how many seconds
    /// from the first arrival on.
    fn while_draining(
        &mut self,
        act: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<(u64, f64)> {
        let before = self.receiver.count()?;
        let enabled = monotonic();
        self.change(&json!({ "enabled": true }))?;
        while self.receiver.count()? == before {
            ensure!(enabled.elapsed() < Duration::from_mins(2), "nothing is delivered");
            std::thread::sleep(Duration::from_millis(2));
        }
        self.measured.first_after_ms.push(enabled.elapsed().as_secs_f64() * 1e3);
        let began = monotonic();
        act(self)?;
        let (count, seconds) = (self.receiver.count()? - before, began.elapsed().as_secs_f64());
        self.change(&json!({ "enabled": false }))?;
        // What is under way still arrives.
        std::thread::sleep(LOOK * 5);
        Ok((count, seconds))
    }

    fn change(&self, wish: &Value) -> anyhow::Result<()> {
        let path = format!("/v1/destinations/{}", self.destination);
        self.api.json(Method::Patch, &path, Some(wish)).map(drop)
    }

    /// Delivers what is left; gives the parcels and the seconds.
    fn drain_to_the_end(&mut self) -> anyhow::Result<(u64, f64)> {
        self.progress("delivering what is left");
        let (before, began) = (self.receiver.count()?, monotonic());
        self.change(&json!({ "enabled": true }))?;
        let path = format!("/v1/parcels?status=due&limit=1&destination={}", self.destination);
        loop {
            let count = self.receiver.count()?;
            std::thread::sleep(LOOK * 2);
            let is_still = self.receiver.count()? == count;
            let seconds = began.elapsed().as_secs_f64();
            if is_still {
                let due = self.api.json(Method::Get, &path, None)?;
                let none = due.get("entities").and_then(Value::as_array).is_some_and(Vec::is_empty);
                if none {
                    return Ok((self.receiver.count()? - before, seconds));
                }
            }
            ensure!(began.elapsed() < PATIENCE, "the parcels do not arrive");
        }
    }

    #[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
    fn progress(&self, text: &str) {
        if !self.arguments.json {
            eprintln!("delivery: {text}");
        }
    }
}

fn without_pace() -> Vec<(&'static str, &'static str)> {
    SETTINGS.into_iter().chain([NO_PACE]).collect()
}

fn client_of(server: &Server) -> anyhow::Result<Client> {
    Client::new(&format!("http://{}", server.address), Some(&server.key))
}

fn plain(name: &str, value: f64, unit: &'static str) -> Figure {
    Figure::new(name, Some(value), unit, Goal::None)
}

impl Measured {
    fn figures(&mut self, capacity: f64) -> Vec<Figure> {
        let figure = |name: &str, value, unit| Figure::new(name, value, unit, Goal::None);
        let over = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
        let of = |values: &mut Vec<f64>| median(std::mem::take(values));
        let (drain, bare) = (of(&mut self.drain_rates), of(&mut self.bare_rates));
        let (drain_cpu, bare_cpu) = (of(&mut self.drain_cpu_us), of(&mut self.bare_cpu_us));
        let p99 = |waits: &mut Vec<u32>| Waits::of(std::mem::take(waits)).map(|waits| waits.p99_ms);
        let (quiet, beside) = (p99(&mut self.quiet), p99(&mut self.beside));
        vec![
            figure("parcels delivered a second", drain, "/s"),
            figure("posts of the bare client a second", bare, "/s"),
            figure("delivery / bare client, rate", over(drain, bare), "x"),
            figure("server CPU per parcel", drain_cpu, "us"),
            figure("CPU per post of the bare client", bare_cpu, "us"),
            figure("bare client / delivery, CPU", over(bare_cpu, drain_cpu), "x"),
            figure("from enabling to the first parcel", of(&mut self.first_after_ms), "ms"),
            figure("signals taken in a second, nothing delivered", Some(capacity), "/s"),
            figure("p99 of an answer at half of that, nothing delivered", quiet, "ms"),
            figure("p99 of an answer at half of that, during the drain", beside, "ms"),
            figure("parcels delivered a second beside them", of(&mut self.beside_rates), "/s"),
            Figure::new("during / without, p99", over(beside, quiet), "x", Goal::AtMost(2.0)),
            figure("requests refused during the drain", Some(real(self.refused)), ""),
        ]
    }
}
