//! The lake as engines of others read it, against the records as the server tells them.
use std::{thread::sleep, time::Duration};

use serde_json::{Value, json};
use sessionary_core::time::parse_instant;
use sessionary_peers::{Engine, Question};

use crate::program::{Server, key, said};

/// Visits of three days, some with an order, some arriving by a campaign.
fn visits() -> Vec<Value> {
    let visit = |n: u32| {
        let (day, hour) = (5 + n % 3, n / 3);
        let mut visit = json!({
            "id": format!("v{n}"), "type": "page_viewed", "source": "shop", "channel": "web",
            "occurred_at": format!("2026-01-{day:02}T{hour:02}:00:00.{n:03}Z"),
            "anonymous_id": format!("a{n}"),
            "page": { "url": "https://example.com/" },
        });
        if n.is_multiple_of(4) {
            visit["page"]["url"] =
                json!("https://example.com/?utm_source=newsletter&utm_medium=email");
        }
        if n.is_multiple_of(5) {
            visit["type"] = json!("order_completed");
            visit["commerce"] =
                json!({ "order_id": format!("O{n}"), "total": "24.60", "currency": "EUR" });
        }
        visit
    };
    (0..60).map(visit).collect()
}

/// What of the records `readers.py` tells, in the order of the ids.
fn expected(server: &Server, key: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = server.all(key, "/v1/sessions").iter().map(row).collect();
    rows.sort_by_key(|row| row[2].as_str().map(str::to_owned));
    rows
}

fn row(record: &Value) -> Value {
    let began = record["started_at"].as_str().unwrap();
    let (day, _) = began.split_once('T').unwrap();
    let milliseconds = parse_instant(began).unwrap().at.0;
    let count = |list: &Value| list.as_array().map_or(0, Vec::len);
    let orders = &record["orders"];
    let total = orders[0]["total"].as_str().map(|total| {
        let digits = total.split_once('.').map_or(0, |(_, digits)| digits.len());
        let point = if digits == 0 { "." } else { "" };
        format!("{total}{point}{}", "0".repeat(9 - digits))
    });
    json!([
        "default",
        day,
        record["id"],
        record["revision"],
        record["channel"],
        milliseconds,
        record["event_count"],
        record["disposition"]["name"],
        count(&record["touches"]),
        record["touches"][0]["source"],
        count(orders),
        total,
        count(&record["identities"]),
    ])
}

#[test]
fn other_engines_read_the_lake_and_agree_to_the_row() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let variables = [
        ("SESSIONARY_LAKE__APPEND_EVERY_MS", "100"),
        ("SESSIONARY_LAKE__COMPACT_AFTER_MS", "86400000"),
        ("SESSIONARY_LIFECYCLE__SETTLE_MS", "0"),
        ("SESSIONARY_SOURCES__CLOCKS", "shop=mark"),
    ];
    let server = Server::with(dir.path(), &variables);
    let client = reqwest::blocking::Client::new();
    let post = |path: &str, body: &Value| {
        let sent = client.post(format!("{}{path}", server.url)).bearer_auth(&key).json(body);
        let answer = sent.send().unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().unwrap());
    };
    let sessions = dir.path().join("lake/sessions");
    // When a record is revised, its row follows.
    let wait = |revised: usize| {
        for _ in 0..600 {
            let there = expected(&server, &key);
            let is_cut = |row: &&Value| row[3].as_i64() == Some(2);
            if there.len() == 60 && there.iter().filter(is_cut).count() == revised {
                let read = || Engine::DuckDb.sessions(&sessions, Question::Highest);
                if sessions.exists() && read() == there {
                    return there;
                }
            }
            sleep(Duration::from_millis(100));
        }
        panic!("the lake never came to say {revised} revisions");
    };
    let visits = visits();
    post("/v1/signals", &json!(visits));
    post("/v1/sources/shop/complete", &json!({}));
    wait(0);
    // Late truth for a third of them.
    let late = visits.iter().step_by(3).map(|visit| {
        let mut late = visit.clone();
        late["id"] = json!(format!("late {}", visit["id"]));
        late["type"] = json!("page_viewed");
        late
    });
    post("/v1/signals", &json!(late.collect::<Vec<_>>()));
    post("/v1/sources/shop/complete", &json!({}));
    let there = wait(20);

    let engines = Engine::ALL.into_iter().filter(|engine| {
        let missing = engine.missing();
        if let Some(missing) = missing {
            println!("{engine:?} is not asked: there is no {missing} on this machine");
        }
        missing.is_none()
    });
    let engines: Vec<Engine> = engines.collect();
    for engine in &engines {
        let rows = engine.sessions(&sessions, Question::Highest);
        assert_eq!(rows, there, "{engine:?} by revisions");
        assert_eq!(
            engine.sessions(&sessions, Question::Plain).len(),
            80,
            "every revision is there"
        );
    }
    assert_eq!(server.stop(), Some(0));
    said("lake compact --data-dir {}", dir.path());
    for engine in engines {
        assert_eq!(
            engine.sessions(&sessions, Question::Plain),
            there,
            "{engine:?} after compaction"
        );
    }
}
