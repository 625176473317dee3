//! How fast each dialect is read, beside plain parsing of the same bytes:
//! `cargo bench -p sessionary-dialects --bench dialects --profile ci`; with a name behind `--` that
//! row alone. A ratio of 1 is as fast, the goal is 0.4 or more.
//!
//! Both take turns, so that whatever else the machine does falls on both; the least of the rounds
//! counts.
#![expect(clippy::unwrap_used, reason = "a bench stops by panic")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]
use std::hint::black_box;

use sessionary_dialects::{Context, Limits, ccai};

const ROUNDS: usize = 15;
/// So many bytes are read in one round.
const BYTES_A_ROUND: usize = 3_000_000;

const CONTEXT: Context<'_> = Context {
    source: "",
    country: Some("US"),
    currency: Some("EUR"),
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

/// What reads a body; gives how many signals it found.
type Decoder = fn(&[u8]) -> usize;

/// Every dialect: its name, a body as its senders make it, what reads it.
fn table() -> Vec<(&'static str, String, Decoder)> {
    vec![
        ("ccai 100 events", ccai_events(), ccai_decode_events),
        ("ccai metadata file", CCAI_FILE.to_owned(), ccai_decode_metadata),
    ]
}

fn ccai_decode_events(body: &[u8]) -> usize {
    ccai::decode_events(body, &CONTEXT).unwrap().into_iter().map(Result::unwrap).count()
}

fn ccai_decode_metadata(body: &[u8]) -> usize {
    ccai::decode_metadata(body, &CONTEXT).unwrap().into_iter().flat_map(Result::unwrap).count()
}

const CCAI_FILE: &str = include_str!("../../../data/golden/ccai/call.json");

/// Events as a contact centre sends them; `#` stands for a number that differs.
const CCAI_EVENTS: [&str; 4] = [
    r#"{"id":90#,"event_id":"6f1d0c51-#-1","session_type":"Voice Inbound","session_type_v2":"Voice Inbound (IVR)","status":"queued","occurred_at":"2026-01-05T11:00:30.000+01:00","lang":"en","support_number":"+12223334444","menu_path":{"name":"Main/Billing/Refunds","materialized_path":"2420/4563/6205","items_count":3},"queue_priority_level":3,"end_user":{"id":87,"identifier":"user_1#","out_contact_id":"381630957514"}}"#,
    r#"{"id":90#,"event_id":"6f1d0c51-#-2","session_type":"Voice Inbound","status":2,"occurred_at":"2026-01-05T11:01:05.000+01:00","agent_info":{"id":17,"name":"Noam B","email":"noam@example.com","agent_number":9}}"#,
    r#"{"id":90#,"event_id":"6f1d0c51-#-3","session_type":"Voice Inbound","status":"connected","occurred_at":"2026-01-05T11:01:10.000+01:00","agent_info":{"id":17,"name":"Noam B","email":"noam@example.com","agent_number":9},"answer_type":"manual","wait_duration":40,"recording_permission":"granted"}"#,
    r#"{"id":90#,"event_id":"6f1d0c51-#-4","session_type":"Voice Inbound","status":8,"occurred_at":"2026-01-05T11:09:00.000+01:00","call_duration":540,"hold_duration":23,"disconnected_by":"disconnected_by_end_user","fail_reason":"nothing","disposition_codes":[{"code":"Resolved"}],"disposition_notes":"Customer needed to know our hours of operation."}"#,
];

/// A list of 100 events.
fn ccai_events() -> String {
    let events = CCAI_EVENTS.iter().cycle().take(100).zip(100..);
    let events: Vec<String> =
        events.map(|(event, number)| event.replace('#', &number.to_string())).collect();
    format!("[{}]", events.join(","))
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
