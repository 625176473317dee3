//! Twenty kills under load: every acknowledged signal is there afterwards, and exactly once.
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use crate::program::{Server, key, said};

const KILLS: u64 = 20;
const CLIENTS: u64 = 4;

/// What the clients share.
struct Load {
    url: Mutex<String>,
    key: String,
    acknowledged: Mutex<BTreeSet<String>>,
    next: AtomicU64,
    ended: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the load however the test ends, or its clients would go on for ever.
struct EndsLoad<'a>(&'a Load);

impl Drop for EndsLoad<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

/// Numbers without a pattern, the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        (self.0 >> 33) % most
    }
}

/// Posts batches of new ids, one in ten repeated, until the end; repeats what was not answered.
fn client(load: &Load, seed: u64) {
    let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let mut dice = Dice(seed);
    let mut unanswered: Vec<String> = Vec::new();
    while !load.ended.load(Ordering::Relaxed) {
        let mut ids = std::mem::take(&mut unanswered);
        if ids.is_empty() {
            let count = 1 + dice.below(20);
            let first = load.next.fetch_add(count, Ordering::Relaxed);
            ids = (first..first + count).map(|number| format!("id-{number}")).collect();
            if dice.below(10) == 0 {
                ids.push(ids[0].clone());
            }
        }
        let body: Vec<Value> = ids.iter().map(|id| signal(id)).collect();
        let url = format!("{}/v1/signals", lock(&load.url));
        let answer = http.post(url).bearer_auth(&load.key).json(&body).send();
        let answer = answer.and_then(|answer| answer.error_for_status()?.json::<Value>());
        match answer {
            Ok(answer) => {
                let results = answer["results"].as_array().unwrap();
                assert_eq!(results.len(), ids.len());
                for result in results {
                    let status = result["status"].as_str().unwrap();
                    assert!(matches!(status, "accepted" | "duplicate"), "{result}");
                    lock(&load.acknowledged).insert(result["id"].as_str().unwrap().to_owned());
                }
            }
            Err(_) => {
                unanswered = ids;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn signal(id: &str) -> Value {
    let number: u64 = id.trim_start_matches("id-").parse().unwrap();
    json!({
        "id": id,
        "type": "page_viewed",
        "occurred_at": format!("2026-01-05T10:{:02}:{:02}Z", number / 60 % 20, number % 60),
        "identities": [{"type": "cookie", "value": format!("c{}", number % 50)}],
    })
}

fn check(dir: &Path, load: &Load) {
    let server = Server::start(dir);
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for signal in server.all(&load.key, "/v1/signals") {
        *found.entry(signal["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let acknowledged = lock(&load.acknowledged);
    let lost: Vec<_> = acknowledged.iter().filter(|id| !found.contains_key(*id)).collect();
    let doubled: Vec<_> = found.iter().filter(|(_, times)| **times > 1).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    assert!(acknowledged.len() > 500, "there was load: {}", acknowledged.len());
    let sessions = server.all(&load.key, "/v1/sessions");
    let events: u64 = sessions.iter().map(|s| s["event_count"].as_u64().unwrap()).sum();
    assert_eq!(events, found.len() as u64, "each signal counts in one session");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kills() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let mut server = Server::start(dir.path());
    let load = Load {
        url: Mutex::new(server.url.clone()),
        key,
        acknowledged: Mutex::default(),
        next: AtomicU64::new(0),
        ended: AtomicBool::new(false),
    };
    let mut dice = Dice(42);
    std::thread::scope(|threads| {
        let _ends = EndsLoad(&load);
        for number in 0..CLIENTS {
            let load = &load;
            threads.spawn(move || client(load, number + 1));
        }
        for _ in 0..KILLS {
            std::thread::sleep(Duration::from_millis(20 + dice.below(300)));
            server.child.kill().unwrap();
            server.child.wait().unwrap();
            server = Server::start(dir.path());
            server.url.clone_into(&mut lock(&load.url));
        }
        std::thread::sleep(Duration::from_millis(200));
    });
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    drop(server);
    check(dir.path(), &load);
    said("check --data-dir {}", dir.path());
}
