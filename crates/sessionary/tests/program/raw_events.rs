//! Sessions out of raw events, as they came: late, out of order, twice. They are those that a plain loop
//! finds in the sorted events, and the lake's files say the same.
use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Value, json};

use crate::program::{command, said};

/// Whatever the event is, it counts; pages are pages, and an outcome is claimed where one is told.
const MAPPING: &str = r#"
format = "ndjson"
source = "events"
channel = "web"

[row]
key = "{message_id}"
identities = [{ type = "anonymous_id", value = "{visitor_id}" }]

[occurred_at]
column = "ts"
format = "unix_ms"

[[signal]]
kind = "page_viewed"
when = { column = "type", equals = "page" }

[[signal]]
kind = "custom"
when = { column = "type", equals = "other" }

[[signal]]
kind = "outcome"
when = { column = "type", equals = "converted" }
claim = { code = 10, author = "business" }

[[signal]]
kind = "outcome"
when = { column = "type", equals = "abandoned" }
claim = { code = 6, author = "business" }
"#;

/// The source says by its own times how far it has come.
const CONFIG: &str = "[sources]\nclocks = { events = \"watermark\" }\n";
const GAP_MS: i64 = 1_800_000;
const HOUR_MS: i64 = 3_600_000;
/// 2026-01-01T00:00:00Z.
const BEGIN_MS: i64 = 1_767_225_600_000;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    /// From 0 up to, but not including, a number.
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn ms(&mut self, below: i64) -> i64 {
        i64::try_from(self.below(below.unsigned_abs())).unwrap()
    }
}

#[derive(Clone, Debug)]
struct Event {
    visitor: u64,
    at: i64,
    kind: &'static str,
    /// When it arrives.
    arrives: i64,
}

/// Events of some visitors over some days.
fn events(dice: &mut Dice) -> Vec<Event> {
    let mut events = Vec::new();
    for visitor in 0..90 {
        let mut at = BEGIN_MS + dice.ms(48 * HOUR_MS);
        for _ in 0..4 + dice.below(24) {
            // Around the gap, so that one millisecond decides.
            at += match dice.below(10) {
                0 => GAP_MS,
                1 => GAP_MS + 1,
                2 => GAP_MS + dice.ms(20 * HOUR_MS),
                _ => 1 + dice.ms(GAP_MS - 1),
            };
            let kind = match dice.below(12) {
                0 => "converted",
                1 => "abandoned",
                2..=4 => "other",
                _ => "page",
            };
            let delay = match dice.below(30) {
                0 => dice.ms(48 * HOUR_MS),
                1..=3 => dice.ms(600_000),
                _ => dice.ms(300),
            };
            events.push(Event { visitor, at, kind, arrives: at + delay });
        }
    }
    events
}

/// As lines in the order of their arrival, some of them twice.
fn lines(events: &[Event], dice: &mut Dice) -> String {
    let mut arriving: Vec<(i64, usize)> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        arriving.push((event.arrives, number));
        if dice.below(25) == 0 {
            arriving.push((event.arrives + dice.ms(5 * HOUR_MS), number));
        }
    }
    arriving.sort_unstable();
    let mut text = String::new();
    for (_, number) in arriving {
        let Event { visitor, at, kind, .. } = &events[number];
        let line = json!({
            "message_id": format!("m{number}"), "visitor_id": format!("v{visitor}"), "ts": at, "type": kind,
        });
        writeln!(text, "{line}").unwrap();
    }
    text
}

/// Sessions; events; milliseconds; pages; squares of events; conversions.
fn plain(events: &[Event]) -> [i64; 6] {
    let mut visitors: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
    for event in events {
        visitors.entry(event.visitor).or_default().push(event);
    }
    let mut sums = [0; 6];
    for mut own in visitors.into_values() {
        own.sort_by_key(|event| event.at);
        for session in own.chunk_by(|a, b| b.at - a.at <= GAP_MS) {
            let count = i64::try_from(session.len()).unwrap();
            let pages = session.iter().filter(|event| event.kind == "page").count();
            let outcome =
                session.iter().rev().find(|event| !["page", "other"].contains(&event.kind));
            let row = [
                1,
                count,
                session[session.len() - 1].at - session[0].at,
                i64::try_from(pages).unwrap(),
                count * count,
                i64::from(outcome.is_some_and(|event| event.kind == "converted")),
            ];
            sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
        }
    }
    sums
}

#[test]
fn raw_events_become_the_sessions_of_a_plain_loop() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let events = events(&mut dice);
    let place = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(place("raw.ndjson"), lines(&events, &mut dice)).unwrap();
    std::fs::write(place("mapping.toml"), MAPPING).unwrap();
    std::fs::write(place("config.toml"), CONFIG).unwrap();
    let flags = "import --format ndjson --mapping {}/mapping.toml --config {}/config.toml --data-dir {}/data {}/raw.ndjson";
    let told = said(flags, dir.path());
    assert!(told.contains("duplicates"), "{told}");

    let sql = "SELECT count(*) AS a, sum(event_count) AS b, sum(duration_ms) AS c, sum(pageview_count) AS d, \
               sum(event_count * event_count) AS e, count(*) FILTER (WHERE disposition_code = 10) AS f FROM sessions";
    let ask = || {
        let mut command = command("query --data-dir {}/data --format json", dir.path());
        let output = command.arg(sql).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        ["a", "b", "c", "d", "e", "f"].map(|name| answer["rows"][0][name].as_i64().unwrap())
    };
    let expected = plain(&events);
    assert!(expected[0] > 300 && expected[5] > 50, "{expected:?}");
    assert_eq!(ask(), expected);
    said("lake compact --data-dir {}/data", dir.path());
    assert_eq!(ask(), expected);
}
