//! How fast each dialect is read, beside plain parsing of the same bytes:
//! `cargo bench -p sessionary-dialects --bench dialects --profile ci`; with a name behind `--` that
//! row alone. A ratio of 1 is as fast, the goal is 0.4 or more.
//!
//! Both take turns, so that whatever else the machine does falls on both; the least of the rounds
//! counts.
#![expect(clippy::unwrap_used, reason = "a bench stops by panic")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]
use std::hint::black_box;

use sessionary_dialects::{Context, Limits, segment};

const ROUNDS: usize = 15;
/// So many bytes are read in one round.
const BYTES_A_ROUND: usize = 3_000_000;

const CONTEXT: Context<'_> = Context {
    source: "shop",
    country: Some("US"),
    currency: Some("EUR"),
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

/// What reads a body; gives how many signals it found.
type Decoder = fn(&[u8]) -> usize;

/// Every dialect: its name, a body as its senders make it, what reads it.
fn table() -> Vec<(&'static str, String, Decoder)> {
    vec![("segment batch of 100", segment_batch(), segment_decode)]
}

fn segment_decode(body: &[u8]) -> usize {
    segment::read(body, &CONTEXT.limits).unwrap().decode(None, &CONTEXT).len()
}

/// Calls as the library for browsers sends them; `#` stands for a number that differs.
const SEGMENT: [&str; 4] = [
    r##"{"timestamp":"2026-11-20T23:07:32.#Z","integrations":{},"type":"page","properties":{"path":"/catalog/shoes/#","referrer":"https://www.example.org/search","search":"?utm_source=newsletter&utm_medium=email&utm_campaign=january","title":"Running shoes","url":"https://shop.example.com/catalog/shoes/#?utm_source=newsletter&utm_medium=email&utm_campaign=january","name":"Catalog","category":"Shoes"},"name":"Catalog","category":"Shoes","context":{"page":{"path":"/catalog/shoes/#","referrer":"https://www.example.org/search","search":"?utm_source=newsletter&utm_medium=email&utm_campaign=january","title":"Running shoes","url":"https://shop.example.com/catalog/shoes/#?utm_source=newsletter&utm_medium=email&utm_campaign=january"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0","locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"campaign":{"source":"newsletter","medium":"email","name":"january"},"timezone":"Europe/Berlin"},"messageId":"ajs-next-1767607200#-4a2a6f3e-1c1d-4c57-9b44","anonymousId":"5173eb91-c199-4f52-b122-#","userId":null}"##,
    r##"{"timestamp":"2026-11-20T23:07:33.#Z","integrations":{},"event":"Product Viewed","type":"track","properties":{"product_id":"507f1f77bcf8#","sku":"G-32#","category":"Games","name":"Monopoly: 3rd Edition","brand":"Hasbro","variant":"200 pieces","price":18.99,"quantity":1,"coupon":"MAYDEALS","currency":"USD","position":3,"value":18.99,"url":"https://shop.example.com/p/#","image_url":"https://shop.example.com/p/#.jpg"},"context":{"page":{"path":"/p/#","referrer":"","search":"","title":"Monopoly","url":"https://shop.example.com/p/#"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0","locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"timezone":"Europe/Berlin"},"messageId":"ajs-next-1767607201#-4a2a6f3e-1c1d-4c57-9b44","anonymousId":"5173eb91-c199-4f52-b122-#","userId":null}"##,
    r##"{"type":"identify","userId":"u-#","anonymousId":"5173eb91-c199-4f52-b122-#","messageId":"node-next-1767607202#-4a2a6f3e","timestamp":"2026-11-20T23:07:34.#Z","traits":{"email":"person#@example.com","firstName":"Penny","lastName":"Cache","plan":"gold","logins":5,"address":{"city":"Leeds","country":"GB"}},"context":{"ip":"203.0.113.9","library":{"name":"@segment/analytics-node","version":"3.1.0"}},"integrations":{}}"##,
    r##"{"type":"track","event":"Order Completed","userId":"u-#","anonymousId":"5173eb91-c199-4f52-b122-#","messageId":"node-next-1767607203#-4a2a6f3e","timestamp":"2026-11-20T23:07:35.#Z","properties":{"order_id":"O-77#","total":30.00,"subtotal":22.50,"revenue":25.00,"shipping":3,"tax":2,"discount":2.5,"coupon":"hasbros","currency":"USD","products":[{"product_id":"507f1f77bcf8","sku":"45790-32","name":"Monopoly: 3rd Edition","price":19,"quantity":1,"category":"Games"},{"product_id":"505bd76785eb","sku":"46493-32","name":"Uno Card Game","price":3,"quantity":2,"category":"Games"}]},"context":{"ip":"203.0.113.9","library":{"name":"@segment/analytics-node","version":"3.1.0"}},"integrations":{}}"##,
];

/// A batch of 100 calls.
fn segment_batch() -> String {
    let calls = SEGMENT.iter().cycle().take(100).zip(100..);
    let calls: Vec<String> =
        calls.map(|(call, number)| call.replace('#', &number.to_string())).collect();
    format!(r#"{{"batch":[{}],"sentAt":"2026-11-20T23:07:36.000Z"}}"#, calls.join(","))
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
