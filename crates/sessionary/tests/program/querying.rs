//! `sessionary query` and `POST /v1/query`: SQL says of sessions, open and final, what the API says.
use std::{collections::BTreeMap, fs::File, path::Path};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::program::{Server, bundled, key, run, said};

/// Two visitors whose sessions go on: one with a campaign, an order and a claim.
fn send(server: &Server, key: &str) {
    let signals = json!([
        { "id": "q1", "type": "page_viewed", "identities": [{ "type": "anonymous_id", "value": "v1" }],
          "page": { "url": "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=spring" } },
        { "id": "q2", "type": "order_completed", "identities": [{ "type": "anonymous_id", "value": "v1" }],
          "commerce": { "order_id": "o-1", "total": "24.60", "currency": "EUR" } },
        { "id": "q3", "type": "page_viewed", "identities": [{ "type": "anonymous_id", "value": "v2" }],
          "page": { "url": "https://shop.example/sale" } },
    ]);
    let client = reqwest::blocking::Client::new();
    let sent = client.post(format!("{}/v1/signals", server.url)).bearer_auth(key);
    let sent = sent.header("content-type", "application/json").body(signals.to_string()).send();
    let sent = sent.unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().unwrap());
}

fn asked(server: &Server, key: &str, sql: &str, accept: &str) -> (u16, Vec<u8>) {
    let client = reqwest::blocking::Client::new();
    let asked = client.post(format!("{}/v1/query", server.url)).bearer_auth(key);
    let asked = asked.header("accept", accept).body(json!({ "sql": sql }).to_string());
    let answer = asked.send().unwrap();
    (answer.status().as_u16(), answer.bytes().unwrap().to_vec())
}

fn answered(server: &Server, key: &str, sql: &str) -> Value {
    let (status, body) = asked(server, key, sql, "application/json");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{sql}: {body}");
    body
}

fn rows(server: &Server, key: &str, sql: &str) -> Vec<Value> {
    answered(server, key, sql)["rows"].as_array().unwrap().clone()
}

/// What SQL and the API both say of a session.
const SAME: [&str; 12] = [
    "id",
    "revision",
    "status",
    "version",
    "source",
    "channel",
    "type",
    "started_at",
    "ended_at",
    "duration_ms",
    "event_count",
    "pageview_count",
];

fn agree(server: &Server, key: &str) {
    let by_id = |row: Value| (row["id"].as_str().unwrap().to_owned(), row);
    let told: BTreeMap<String, Value> =
        server.all(key, "/v1/sessions").into_iter().map(by_id).collect();
    let sql = format!("SELECT {}, disposition_code, touches FROM sessions", SAME.join(", "));
    let rows: BTreeMap<String, Value> = rows(server, key, &sql).into_iter().map(by_id).collect();
    assert_eq!(told.len(), rows.len());
    for (id, told) in &told {
        let row = &rows[id];
        for name in SAME {
            // In a table an empty text is nothing.
            let told = if told[name] == "" { &Value::Null } else { &told[name] };
            assert_eq!(told, &row[name], "{name} of {id}");
        }
        assert_eq!(told["disposition"]["code"], row["disposition_code"], "{id}");
        let sources = |of: &Value| -> Vec<Value> {
            of["touches"].as_array().unwrap().iter().map(|touch| touch["source"].clone()).collect()
        };
        assert_eq!(sources(told), sources(row), "{id}");
    }
}

#[test]
fn sql_over_open_and_final_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let log = bundled("access-log/access.log.gz").display().to_string();
    said(&format!("import --format access-log --data-dir {{}} {log}"), dir.path());
    let key = key(dir.path());
    // No file comes while it is asked, however long that takes.
    let server = Server::with(dir.path(), &[("SESSIONARY_LAKE__APPEND_EVERY_MS", "86400000")]);
    send(&server, &key);
    agree(&server, &key);

    let states = rows(
        &server,
        &key,
        "SELECT status, count(*) AS n FROM sessions GROUP BY status ORDER BY status",
    );
    assert_eq!(
        states,
        [json!({ "status": "final", "n": 3_224 }), json!({ "status": "open", "n": 2 })]
    );
    let orders = rows(&server, &key, "SELECT order_id, total, currency FROM orders");
    assert_eq!(orders, [json!({ "order_id": "o-1", "total": "24.600000000", "currency": "EUR" })]);
    let source = "SELECT t.source FROM touches t JOIN sessions s ON s.id = t.session_id WHERE s.status = 'open' AND t.source IS NOT NULL";
    assert_eq!(rows(&server, &key, source), [json!({ "source": "news" })]);
    let signals =
        rows(&server, &key, "SELECT count(*) AS n, count(DISTINCT key) AS keys FROM signals");
    assert_eq!(signals, [json!({ "n": 10_003, "keys": 10_003 })]);
    let own = "SELECT g.key, g.type FROM signals g JOIN sessions s ON s.id = g.session_id WHERE s.status = 'open' ORDER BY g.key";
    let own = rows(&server, &key, own);
    assert_eq!(own[1], json!({ "key": "q2", "type": "order_completed" }));
    let people = "SELECT count(DISTINCT p.person) AS n FROM people p JOIN identities i ON i.hash = p.identity_hash JOIN sessions s ON s.id = i.session_id WHERE s.status = 'open' AND p.identity_type = 'anonymous_id'";
    assert_eq!(rows(&server, &key, people), [json!({ "n": 2 })]);

    shapes(&server, &key, dir.path());
    refusals(&server, &key, dir.path());
    command_line(&server, &key, dir.path());
    assert_eq!(server.stop(), Some(0));
    with_files(dir.path());
}

fn shapes(server: &Server, key: &str, dir: &Path) {
    let sql = "SELECT id, event_count FROM sessions WHERE status = 'final'";
    let (status, text) = asked(server, key, sql, "text/csv");
    let text = String::from_utf8(text).unwrap();
    assert_eq!((status, text.lines().count()), (200, 3_225));
    let events =
        text.lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(events.sum::<u64>(), 10_000);
    let (_, parquet) = asked(server, key, sql, "application/vnd.apache.parquet");
    let path = dir.join("answer.parquet");
    std::fs::write(&path, parquet).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 3_224);
}

fn refusals(server: &Server, key: &str, dir: &Path) {
    let refused = |sql: &str, accept: &str| {
        let (status, body) = asked(server, key, sql, accept);
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (status, problem) = refused("SELECT chanel FROM sessions", "*/*");
    assert_eq!((status, &problem["code"]), (422, &json!("query_invalid")));
    assert!(problem["detail"].as_str().unwrap().contains("did you mean `channel`"), "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/sql");
    let (status, problem) = refused("DROP TABLE sessions", "text/csv");
    assert_eq!((status, &problem["code"]), (422, &json!("query_refused")));
    let (status, problem) = refused("SELECT value FROM generate_series(1, 100001)", "*/*");
    assert_eq!((status, &problem["code"]), (422, &json!("query_too_large")));
    assert_eq!(refused("SELECT 1", "image/png").0, 406);
    let reader =
        format!("keys create --kind secret --scope sessions:read --url {} --key {key}", server.url);
    let reader = said(&reader, dir).trim().to_owned();
    let (status, body) = asked(server, &reader, "SELECT 1", "*/*");
    assert_eq!(status, 403, "{}", String::from_utf8_lossy(&body));
}

fn command_line(server: &Server, key: &str, dir: &Path) {
    let online = |flags: &[&str]| {
        let remote = format!("query --url {} --key {key}", server.url);
        let mut command = crate::program::command(&remote, dir);
        let output = command.args(flags).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (_, table, _) =
        online(&["SELECT status, count(*) AS n FROM sessions GROUP BY status ORDER BY n"]);
    assert!(table.starts_with("  status     n\n  open       2\n  final   3224\n"), "{table}");
    assert!(table.contains("2 rows") && table.contains("sessions up to 2"), "{table}");
    let (_, none, _) = online(&["SELECT id FROM sessions WHERE status = 'settling'"]);
    assert!(none.starts_with("no rows; the columns would be: id (text)"), "{none}");
    let (done, _, error) = online(&["SELECT idd FROM sessions"]);
    assert!(!done && error.contains("did you mean `id`"), "{error}");
    let file = dir.join("answer.csv");
    let path = file.display().to_string();
    online(&["--format", "csv", "--output", &path, "SELECT 7 AS n"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "n\n7\n");
    let (_, listed, _) = online(&[]);
    assert!(listed.contains("signals") && listed.contains("To begin with"), "{listed}");
}

/// The same sessions once they lie in files: final ones are read there, open ones from the store.
fn with_files(dir: &Path) {
    said("lake write --data-dir {}", dir);
    let ask = |sql: &str| -> Value {
        let mut command = crate::program::command("query --data-dir {} --format json", dir);
        let output = command.arg(sql).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let answer = ask(
        "SELECT status, count(*) AS n, sum(event_count) AS events FROM sessions GROUP BY status ORDER BY status",
    );
    let expected = [
        json!({ "status": "final", "n": 3_224, "events": 10_000 }),
        json!({ "status": "open", "n": 2, "events": 3 }),
    ];
    assert_eq!(answer["rows"], json!(expected));
    assert_eq!(answer["freshness"]["live_rows"], 2);
    assert!(answer["freshness"]["files"].as_u64() >= Some(4), "{answer}");
    let other = run("query --data-dir {} --tenant bank SELECT", dir);
    let error = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(error.contains("there is no tenant \"bank\""), "{error}");
}

/// Every example of docs/sql.md and of the command is answered.
#[test]
fn the_examples_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let log = bundled("access-log/access.log.gz").display().to_string();
    said(&format!("import --format access-log --data-dir {{}} {log}"), dir.path());
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sql.md"))
            .unwrap();
    let mut examples: Vec<String> = page
        .split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect();
    assert!(examples.len() >= 5, "{examples:?}");
    let listed = said("query", dir.path());
    let of_command =
        listed.lines().filter_map(|line| line.trim().strip_prefix("sessionary query \""));
    examples.extend(of_command.map(|sql| sql.trim_end_matches('"').to_owned()));
    assert!(examples.len() >= 8, "{examples:?}");
    let key = key(dir.path());
    let server = Server::start(dir.path());
    for sql in examples {
        let (status, body) = asked(&server, &key, &sql, "*/*");
        assert_eq!(status, 200, "{sql}: {}", String::from_utf8_lossy(&body));
    }
    assert_eq!(server.stop(), Some(0));
}
