//! How fast each dialect is read, beside plain parsing of the same bytes:
//! `cargo bench -p sessionary-dialects --bench dialects --profile ci`; with a name behind `--` that
//! row alone. A ratio of 1 is as fast, the goal is 0.4 or more.
//!
//! Both take turns, so that whatever else the machine does falls on both; the least of the rounds
//! counts.
#![expect(clippy::unwrap_used, reason = "a bench stops by panic")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]
use std::hint::black_box;

use sessionary_dialects::{Context, Limits};

mod ccai;
mod genesys;
mod segment;
mod tropo;

const ROUNDS: usize = 15;
/// So many bytes are read in one round.
const BYTES_A_ROUND: usize = 3_000_000;

const CONTEXT: Context<'_> = Context {
    source: "shop",
    country: Some("US"),
    currency: Some("EUR"),
    zone: None,
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

/// What reads a body; gives how many signals it found.
type Decoder = fn(&[u8]) -> usize;

/// A body: its name, its text as senders make it, what reads it.
type Row = (&'static str, String, Decoder);

fn table() -> Vec<Row> {
    [segment::rows(), ccai::rows(), genesys::rows(), tropo::rows()].concat()
}

fn main() {
    println!("{:>24} {:>6} {:>12} {:>12} {:>6}", "", "bytes", "value µs", "decode µs", "ratio");
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    for (name, body, decode) in table() {
        if wanted.as_ref().is_some_and(|wanted| !name.starts_with(wanted)) {
            continue;
        }
        let bytes = body.as_bytes();
        let repeats = BYTES_A_ROUND / bytes.len() + 1;
        let parse = || drop(black_box(serde_json::from_slice::<serde_json::Value>(bytes).unwrap()));
        let (mut value, mut decoded) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            value = value.min(us(repeats, parse));
            decoded = decoded.min(us(repeats, || {
                black_box(decode(bytes));
            }));
        }
        let ratio = value / decoded;
        println!("{name:>24} {:>6} {value:>12.2} {decoded:>12.2} {ratio:>6.2}", bytes.len());
    }
}

/// Microseconds of CPU that one run takes.
fn us(repeats: usize, run: impl Fn()) -> f64 {
    let before = cpu_ns();
    for _ in 0..repeats {
        run();
    }
    (cpu_ns() - before) / (1e3 * repeats as f64)
}

/// The CPU time of this thread in nanoseconds; no number where the system does not say.
fn cpu_ns() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    spent.unwrap_or(f64::NAN)
}
