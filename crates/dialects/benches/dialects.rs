//! How fast strangers' payloads are decoded on one core, as a ratio to `serde_json` parsing the same
//! bytes into a `Value`: 1 is as fast, the goal is 0.4 or more.
//! `cargo bench -p sessionary-dialects --bench dialects --profile ci`; with a name behind `--` that
//! row alone.
//!
//! Both take turns, so that whatever else the machine does falls on both; the least of the rounds
//! counts.
#![expect(clippy::unwrap_used, reason = "a bench stops by panic")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]
use std::hint::black_box;

use sessionary_dialects::{Context, tropo};

const ROUNDS: usize = 15;
const REPEATS: usize = 3_000;

/// A payload and its decoder, which gives the number of signals.
type Row = (&'static str, &'static str, fn(&[u8]) -> usize);

/// One row a payload.
const ROWS: &[Row] = &[
    ("tropo voice session", include_str!("../../../data/golden/tropo/voice.json"), read_tropo),
    ("tropo text session", include_str!("../../../data/golden/tropo/text.json"), read_tropo),
    ("tropo result", TROPO_RESULT, read_tropo),
];

const TROPO_RESULT: &str = r#"{"result":{"sessionId":"1aa06515183223ec0894039c2af433f2","callId":"3ba9b6dbb7f1c6c8eb0ea8c4e9f7e8f1","state":"ANSWERED","sessionDuration":20,"sequence":1,"complete":true,"error":null,"calledid":"9991427645","userType":"HUMAN","actions":{"name":"zip","attempts":1,"disposition":"SUCCESS","confidence":100,"interpretation":"92101","utterance":"9 2 1 0 1","value":"92101","concept":"92101","xml":"<?xml version=\"1.0\"?>\r\n<result grammar=\"0@7bc8d6b5.vxmlgrammar\"/>"}}}"#;

fn read_tropo(body: &[u8]) -> usize {
    let posted = tropo::read(&tropo::text_of(body), &Context::default()).unwrap();
    black_box(posted).signals.len()
}

fn main() {
    println!("{:>24} {:>6} {:>12} {:>12} {:>6}", "", "bytes", "value µs", "decode µs", "ratio");
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.starts_with(wanted));
    for (name, body, decode) in ROWS.iter().filter(|(name, ..)| is_wanted(name)) {
        let bytes = body.as_bytes();
        let parse = || drop(black_box(serde_json::from_slice::<serde_json::Value>(bytes).unwrap()));
        let (mut value, mut decoded) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            value = value.min(us(parse));
            decoded = decoded.min(us(|| assert!(decode(bytes) > 0)));
        }
        let ratio = value / decoded;
        println!("{name:>24} {:>6} {value:>12.2} {decoded:>12.2} {ratio:>6.2}", bytes.len());
    }
}

/// Microseconds of CPU that one run takes.
fn us(run: impl Fn()) -> f64 {
    let before = cpu_ns();
    for _ in 0..REPEATS {
        run();
    }
    (cpu_ns() - before) / (1e3 * REPEATS as f64)
}

/// The CPU time of this thread in nanoseconds; no number where the system does not say.
fn cpu_ns() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    spent.unwrap_or(f64::NAN)
}
