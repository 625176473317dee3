//! The lake of a data directory: written by a server as sessions become final, and by the command.
use std::{collections::BTreeMap, fs::File, path::Path, time::Duration};

use arrow::{array::AsArray, datatypes::Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::program::{Server, bundled, key, run, said};

/// Of each session: revision and facts.
type Told = BTreeMap<String, (i64, i64)>;

/// Of each row: id, revision and facts; and how many files there are.
fn rows(lake: &Path) -> (Vec<(String, i64, i64)>, usize) {
    let (mut rows, mut files) = (Vec::new(), 0);
    let below = |path: &Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    for path in below(&lake.join("sessions")).iter().flat_map(|t| below(t)).flat_map(|d| below(&d))
    {
        if path.extension().is_none_or(|ending| ending != "parquet") {
            continue;
        }
        files += 1;
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        for batch in reader.build().unwrap().map(Result::unwrap) {
            let number = |name: &str| {
                let column = batch.column_by_name(name).unwrap();
                column.as_primitive::<Int64Type>().values().to_vec()
            };
            let ids = batch.column_by_name("id").unwrap().as_string::<i32>();
            let ids = ids.iter().map(|id| id.unwrap().to_owned());
            let numbers = number("revision").into_iter().zip(number("event_count"));
            rows.extend(ids.zip(numbers).map(|(id, (revision, facts))| (id, revision, facts)));
        }
    }
    (rows, files)
}

#[test]
fn a_log_goes_into_the_lake_once() {
    let dir = tempfile::tempdir().unwrap();
    let log = bundled("access-log/access.log.gz").display().to_string();
    said(&format!("import --format access-log --data-dir {{}}/data {log}"), dir.path());
    let write = "lake write --data-dir {}/data --json";
    let told: Value = serde_json::from_str(&said(write, dir.path())).unwrap();
    let text = std::fs::read_to_string(bundled("access-log/expected.json")).unwrap();
    let expected = &serde_json::from_str::<Value>(&text).unwrap()["sessions"]["ip_ua_1800"];
    assert_eq!(told["rows"], expected["sessions"]);
    let (rows, _) = rows(&dir.path().join("data/lake"));
    assert_eq!(json!(rows.len()), expected["sessions"]);
    assert_eq!(json!(rows.iter().map(|(.., facts)| facts).sum::<i64>()), expected["events"]);
    let again: Value = serde_json::from_str(&said(write, dir.path())).unwrap();
    assert_eq!(again["rows"], 0);
}

#[test]
fn a_server_writes_what_becomes_final_and_makes_a_days_files_one() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let variables = [
        ("SESSIONARY_LAKE__APPEND_EVERY_MS", "100"),
        ("SESSIONARY_LAKE__COMPACT_AFTER_MS", "1000"),
        ("SESSIONARY_LIFECYCLE__SETTLE_MS", "0"),
        ("SESSIONARY_SOURCES__CLOCKS", "till=mark"),
    ];
    let server = Server::with(dir.path(), &variables);
    let client = reqwest::blocking::Client::new();
    let post = |path: &str, body: Value| {
        let sent = client.post(format!("{}{path}", server.url)).bearer_auth(&key).json(&body);
        let answer = sent.send().unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().unwrap());
    };
    let visit = |round: usize, visitor: usize| {
        json!({
            "id": format!("{round}/{visitor}"), "type": "page_viewed", "source": "till", "channel": "web",
            "occurred_at": format!("2026-01-05T0{}:00:00Z", visitor + 1),
            "identities": [{ "type": "cookie", "value": format!("c{visitor}") }],
        })
    };
    let lake = dir.path().join("lake");
    let wait = |what: &str, is_there: &dyn Fn(&Told, usize) -> bool| {
        for _ in 0..600 {
            // While files are exchanged, a row may be there twice, and a file go while it is opened.
            let told = std::panic::catch_unwind(|| rows(&lake));
            if let Ok((rows, files)) = told {
                let mut highest = Told::new();
                for (id, revision, facts) in rows {
                    let row = highest.entry(id).or_insert((revision, facts));
                    *row = (*row).max((revision, facts));
                }
                if is_there(&highest, files) {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{what}: {:?}", rows(&lake));
    };
    for visitor in 0..3 {
        post("/v1/signals", visit(0, visitor));
    }
    post("/v1/sources/till/complete", json!({}));
    wait("three sessions", &|told, _| told.values().copied().eq([(1, 1); 3]));
    // Late truth: another revision, in a file of its own, and then one file and one row a session.
    post("/v1/signals", visit(1, 1));
    post("/v1/sources/till/complete", json!({}));
    wait("a revision", &|told, _| told.values().any(|row| *row == (2, 2)));
    wait("one file", &|told, files| (told.len(), files) == (3, 1));
    assert_eq!(server.stop(), Some(0));
    let (rows, _) = rows(&lake);
    assert_eq!(rows.len(), 3);
}

#[test]
fn a_lake_that_is_switched_off_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    said("keys create --data-dir {}/data --kind secret", dir.path());
    let mut command = crate::program::command("lake write --data-dir {}/data", dir.path());
    let refused = command.env("SESSIONARY_LAKE__ENABLED", "false").output().unwrap();
    assert_eq!(refused.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("lake.enabled"));
    let nowhere = run("lake write --data-dir {}/nowhere", dir.path());
    assert_eq!(nowhere.status.code(), Some(73));
}
