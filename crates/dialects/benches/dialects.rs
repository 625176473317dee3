//! What a body of each dialect costs to decode, as a ratio to plain parsing of the same bytes by
//! `serde_json` into a `Value`: 1.00 is as fast, 2.00 twice as fast. The goal is 0.40 or more.
//! `cargo bench -p sessionary-dialects --bench dialects --profile ci`.
//!
//! To add a dialect, add a row to [`rows`].
#![expect(clippy::unwrap_used, reason = "a bench stops by panic")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]
use std::hint::black_box;

use sessionary_core::time::UnixMillis;
use sessionary_dialects::{
    Context, Limits,
    genesys::{EventContext, decode_sessions, decode_web},
};

const ROUNDS: usize = 9;
const REPEATS: usize = 4_000;

const CONTEXT: Context<'_> = Context {
    source: "shop",
    country: Some("US"),
    currency: Some("EUR"),
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

/// Name, body, decoder.
type Row = (&'static str, &'static str, fn(&[u8]));

fn rows() -> Vec<Row> {
    vec![
        ("genesys web event", WEB_EVENT, |body| drop(black_box(decode_web(body, &EVENT).unwrap()))),
        ("genesys session", SESSION, |body| {
            drop(black_box(decode_sessions(body, &CONTEXT).unwrap()));
        }),
    ]
}

const EVENT: EventContext<'_> =
    EventContext { key: CONTEXT, deployment: 2, received_at: UnixMillis(1_767_607_200_000) };

const WEB_EVENT: &str = r#"{"customerCookieId":"5f2c7f1e-0c8e-4a57-9d0e-2f7b4b0d7a10","eventName":"product_added","createdDate":"2026-01-05T10:00:07.123Z","page":{"url":"https://shop.example.com/p/7?utm_source=newsletter&utm_medium=email","title":"Trail shoe"},"userAgentString":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0","browser":{"family":"Firefox","version":"134.0","lang":"en-GB"},"device":{"category":"desktop","type":"PC","osFamily":"Linux","osVersion":"6"},"referrerUrl":"https://www.example.org/search?q=running","attributes":{"price":{"dataType":"Number","value":"89.90"},"sku":{"dataType":"String","value":"SKU-1"}},"traits":{"givenName":{"dataType":"String","value":"Penny"}}}"#;
const SESSION: &str = include_str!("../../../data/golden/genesys/session.json");

fn main() {
    println!("{:>20} {:>6}  {:>9} {:>9} {:>6}", "body", "bytes", "value µs", "decode µs", "ratio");
    for (name, body, decode) in rows() {
        let (mut value, mut own) = (f64::INFINITY, f64::INFINITY);
        // The two take turns, so that whatever else the machine does falls on both.
        for _ in 0..ROUNDS {
            value = value.min(us(|| {
                drop(black_box(
                    serde_json::from_slice::<serde_json::Value>(body.as_bytes()).unwrap(),
                ));
            }));
            own = own.min(us(|| decode(body.as_bytes())));
        }
        let ratio = value / own;
        println!("{name:>20} {:>6}  {value:>9.2} {own:>9.2} {ratio:>6.2}", body.len());
    }
}

/// Microseconds of this thread's CPU that one run takes.
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
