//! What a signal costs between the body and the journal: CPU and allocations of each stage, beside
//! two floors. `cargo bench -p sessionary-dialects --profile ci`; with the name of a stage behind
//! `--` that stage alone, as for a profiler.
//!
//! The stages take turns, so that whatever else the machine does falls on all of them. Judge by
//! the ratios to the first floor; the least of the rounds is printed.
#![expect(clippy::unwrap_used, reason = "a bench stops by panic")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]
use std::{borrow::Cow, hint::black_box};

use allocation_counter::measure;
use serde::Deserialize;
use sessionary_core::{
    signal::{Arrival, Signal, TenantId},
    time::UnixMillis,
};
use sessionary_dialects::{Context, Limits, canonical::decode};

const BATCH: usize = 500;
const ROUNDS: usize = 7;
const REPEATS: usize = 100;

const CONTEXT: Context<'_> = Context {
    source: "shop",
    country: Some("US"),
    currency: Some("EUR"),
    zone: None,
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

/// Kinds of signals, each of 400 to 450 bytes; `#` stands for a number that differs.
const KINDS: [(&str, &str); 4] = [
    (
        "page view",
        r#"{"id":"01JH8Z4K2Q-#","type":"page_viewed","occurred_at":"2026-01-05T10:00:07.#Z","sent_at":"2026-01-05T10:00:08.#Z","channel":"web","session_id":"s-4410#","identities":[{"type":"cookie","value":"c-88271#"}],"page":{"url":"https://shop.example.com/catalog/shoes/#","referrer":"https://www.example.org/search?q=running","title":"Running shoes"},"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0"}"#,
    ),
    (
        "product",
        r#"{"id":"01JH8Z4K2R-#","type":"product_viewed","occurred_at":"2026-01-05T10:00:07Z","channel":"web","identities":[{"type":"cookie","value":"c-88271#"},{"type":"user_id","value":"u-1#"}],"page":{"url":"https://shop.example.com/p/#?utm_source=newsletter&utm_medium=email&utm_campaign=january"},"commerce":{"currency":"EUR","items":[{"sku":"SKU-#","name":"Trail shoe","quantity":1,"unit_price":"89.90"}]},"language":"en-GB","variant":"B"}"#,
    ),
    (
        "order",
        r#"{"id":"01JH8Z4K2S-#","type":"order_completed","occurred_at":"2026-01-05T10:07:31.#Z","channel":"web","session_id":"s-4410#","identities":[{"type":"cookie","value":"c-88271#"}],"person":{"email":"person#@example.com","address":{"city":"Leeds","country":"GB"}},"commerce":{"order_id":"O-77#","total":179.80,"currency":"EUR","items":[{"sku":"SKU-1","quantity":1},{"sku":"SKU-2","quantity":1}]},"plan":{"name":"gold","since":2019}}"#,
    ),
    (
        "call",
        r#"{"id":"01JH8Z4K2T-#","type":"call_started","occurred_at":"2026-01-05T10:00:07.#Z","sent_at":"2026-01-05T10:00:08.#Z","channel":"voice","session_type":"phone_call","source":"pbx","session_id":"call-99172#","sequence":3,"identities":[{"type":"customer_id","value":"k-#"},{"type":"device_id","value":"sip:4410@pbx.example.com"}],"menu_path":["Main menu","Orders"],"queue":{"name":"orders-en"},"language":"en-GB","trunk":"t4","direction":"inbound","extra":{"codec":"opus","mos":4.2}}"#,
    ),
];

/// The least that reads the same members: borrowed texts, nothing judged or kept.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read by the parser only")]
struct Floor<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
    sent_at: Option<&'a str>,
    channel: Option<&'a str>,
    session_type: Option<&'a str>,
    source: Option<&'a str>,
    session_id: Option<&'a str>,
    sequence: Option<u64>,
    identities: Vec<FloorIdentity<'a>>,
    #[serde(borrow)]
    page: Option<FloorPage<'a>>,
    user_agent: Option<&'a str>,
    language: Option<&'a str>,
    #[serde(borrow)]
    commerce: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    person: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read by the parser only")]
struct FloorIdentity<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    value: &'a str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read by the parser only")]
struct FloorPage<'a> {
    url: &'a str,
    referrer: Option<&'a str>,
    title: Option<&'a str>,
}

fn main() {
    println!(
        "{:>10} {:>6}  stage: µs of CPU a signal (allocations; ratio to the floor)",
        "", "bytes"
    );
    let everything: Vec<String> =
        KINDS.iter().cycle().take(BATCH).zip(0..).map(|((_, kind), at)| item(kind, at)).collect();
    for (name, pattern) in KINDS {
        report(name, &(0..BATCH).map(|at| item(pattern, at)).collect::<Vec<_>>());
    }
    report("mixed", &everything);
}

fn item(pattern: &str, at: usize) -> String {
    pattern.replace('#', &format!("{:03}", at % 1000))
}

type Stage<'a> = (&'a str, Box<dyn Fn() + 'a>);

fn report(name: &str, items: &[String]) {
    let body = format!("[{}]", items.join(","));
    let arrivals = arrivals(&body);
    let entries: Vec<Vec<u8>> = arrivals.iter().map(Signal::to_bytes).collect();
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    let stages: Vec<Stage<'_>> = vec![
        (
            "floor",
            Box::new(|| drop(black_box(serde_json::from_str::<Vec<Floor<'_>>>(&body).unwrap()))),
        ),
        (
            "value",
            Box::new(|| drop(black_box(serde_json::from_str::<serde_json::Value>(&body).unwrap()))),
        ),
        ("decode", Box::new(|| drop(black_box(decode(body.as_bytes(), &CONTEXT).unwrap())))),
        (
            "to journal",
            Box::new(|| {
                for arrival in &arrivals {
                    drop(black_box(Signal::to_bytes(arrival)));
                }
            }),
        ),
        (
            "from journal",
            Box::new(|| {
                for entry in &entries {
                    drop(black_box(Signal::from_bytes(entry).unwrap()));
                }
            }),
        ),
    ];
    let is_wanted = |stage: &Stage<'_>| wanted.as_ref().is_none_or(|wanted| *wanted == stage.0);
    let stages: Vec<Stage<'_>> = stages.into_iter().filter(is_wanted).collect();
    let mut least = vec![f64::INFINITY; stages.len()];
    for _ in 0..ROUNDS {
        for ((_, run), least) in stages.iter().zip(&mut least) {
            let before = cpu_ns();
            for _ in 0..REPEATS {
                run();
            }
            *least = least.min((cpu_ns() - before) / (1e3 * (REPEATS * BATCH) as f64));
        }
    }
    let floor = least.first().copied().unwrap_or(f64::NAN);
    let shown: Vec<String> = stages
        .iter()
        .zip(&least)
        .map(|((stage, run), us)| {
            let allocations = measure(run).count_total as f64 / BATCH as f64;
            format!("{stage} {us:.2} ({allocations:.1}; {:.2})", us / floor)
        })
        .collect();
    let entry_bytes = entries.iter().map(Vec::len).sum::<usize>() / BATCH;
    println!("{name:>10} {:>6}  {}  [entry {entry_bytes} B]", body.len() / BATCH, shown.join("  "));
}

fn arrivals(body: &str) -> Vec<Arrival> {
    let signals = decode(body.as_bytes(), &CONTEXT).unwrap().into_iter().map(Result::unwrap);
    let arrival = |signal: Signal| Arrival {
        tenant: TenantId(1),
        received_at: UnixMillis(1_767_607_200_000),
        batch: 7,
        signal: Box::new(signal),
    };
    signals.map(arrival).collect()
}

/// The CPU time of this thread in nanoseconds; no number where the system does not say.
fn cpu_ns() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    spent.unwrap_or(f64::NAN)
}
