//! What enrichment costs: a user agent that is known, one that is not, one made to be slow, and the
//! place of an address. `cargo bench -p sessionary-dialects --profile ci --bench enrich`, with a file
//! of user agents, one a line, behind `--` for agents of your own; with `--database FILE` before it
//! for a database of your own.
#![expect(clippy::unwrap_used, reason = "a bench stops by panic")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]
#![expect(clippy::print_stdout, reason = "the figures are the point")]
use std::{hint::black_box, net::IpAddr};

use sessionary_dialects::enrich::{Places, agent, place::Database};

const PHONE: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.71 Mobile Safari/537.36";
const CITY: &[u8] = include_bytes!("../../../data/golden/places/city.mmdb");

fn main() {
    let mut arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let city = match arguments.iter().position(|word| word == "--database") {
        Some(at) => {
            let path = arguments.drain(at..at + 2).nth(1).unwrap();
            std::fs::read(path).unwrap()
        }
        None => CITY.to_vec(),
    };
    let agents = match arguments.first() {
        Some(file) => std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect(),
        None => (0..2_000).map(|build| PHONE.replace("6478", &format!("{build}"))).collect(),
    };
    agents_of(&agents);
    hostile();
    places(city);
}

fn agents_of(agents: &Vec<String>) {
    let before = resident_kib();
    let (first, ()) = timed(|| drop(black_box(agent(PHONE))));
    println!("first agent, with the reading of the rules: {:.1} ms", first / 1e3);
    println!("memory after it: +{} KiB", resident_kib() - before);
    let (mut sum, mut worst) = (0.0, 0.0_f64);
    for text in agents {
        let (us, ()) = timed(|| drop(black_box(agent(text))));
        sum += us;
        worst = worst.max(us);
    }
    let mean = sum / agents.len() as f64;
    println!("{} agents not seen before: {mean:.1} us each, {worst:.0} us at worst", agents.len());
    println!("memory after them: +{} KiB", resident_kib() - before);
    let (us, ()) = timed(|| (0..100_000).for_each(|_| drop(black_box(agent(PHONE)))));
    println!("a known agent: {:.3} us", us / 1e5);
}

fn hostile() {
    let pieces = [
        "Mozilla/5.0 (",
        "; Android ",
        "iPhone ",
        "Windows Phone ",
        "; Build/",
        "Mobile Safari/",
        "SM-",
        "; LG-",
        "HTC_",
        "(KHTML, like Gecko) ",
        "bot ",
        "Nokia",
        "; en-us; ",
        "CFNetwork/",
    ];
    let mut worst = (0.0_f64, String::new());
    for first in pieces {
        for second in pieces {
            let mut text = format!("Mozilla/5.0 (Linux; Android 9; {first}");
            while text.len() < 1_024 {
                text.push_str(second);
                text.push_str(first);
            }
            let (us, ()) = timed(|| drop(black_box(agent(&text))));
            // Again, without the compiling, as a text that differs in its last byte before the limit.
            text.insert(900, 'x');
            let (us_again, ()) = timed(|| drop(black_box(agent(&text))));
            if us.max(us_again) > worst.0 {
                worst = (us.max(us_again), format!("{second}{first}"));
            }
        }
    }
    println!("the slowest of texts made to be slow: {:.0} us, repeating {:?}", worst.0, worst.1);
}

fn places(bytes: Vec<u8>) {
    let size = bytes.len();
    let (us, database) = timed(|| Database::open(bytes).unwrap());
    println!("opening and walking a database of {size} bytes: {:.1} ms", us / 1e3);
    let places = Places::new(Some(database), None);
    let address = |at: u32| IpAddr::from((at.wrapping_mul(2_654_435_761)).to_be_bytes());
    let (us, found) = timed(|| {
        let found = (0..200_000).filter(|at| black_box(places.place(address(*at))).is_some());
        found.count()
    });
    println!("an address: {:.2} us ({found} of 200,000 have a place)", us / 2e5);
    let places = Places::new(Some(Database::open(CITY.to_vec()).unwrap()), None);
    let known: IpAddr = "203.0.113.7".parse().unwrap();
    let (us, ()) = timed(|| (0..200_000).for_each(|_| _ = black_box(places.place(known))));
    println!("an address whose place is known in full: {:.2} us", us / 2e5);
}

/// Microseconds of this thread's CPU, and what was made.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let before = cpu_ns();
    let made = work();
    ((cpu_ns() - before) / 1e3, made)
}

fn cpu_ns() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    spent.unwrap_or(f64::NAN)
}

/// Memory of this process, in KiB.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
