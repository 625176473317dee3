//! The wire of `PostgreSQL` of the running program, as psql, psycopg and `SQLAlchemy` use it.
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use sessionary_peers::SqlClient;

use crate::program::{command, key, run};

/// A server with the wire. Dropping it kills it.
struct Wired {
    child: Child,
    url: String,
    port: u16,
    key: String,
}

impl Wired {
    fn start(dir: &Path) -> Wired {
        let key = key(dir);
        let flags = "serve --data-dir {} --listen 127.0.0.1:0 --postgres 127.0.0.1:0";
        let mut command = command(flags, dir);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().expect("it says where it listens").unwrap();
        let url = line().strip_prefix("listening on ").unwrap().to_owned();
        let psql = line();
        let (_, port) = psql.split_once("port=").unwrap();
        let port = port.split(' ').next().unwrap().parse().unwrap();
        let wired = Wired { child, url, port, key };
        wired.fill();
        wired
    }

    /// Visits of a few days, some with an order.
    fn fill(&self) {
        let visit = |n: u32| {
            let mut visit = json!({
                "id": format!("v{n}"), "type": "page_viewed", "channel": "web",
                "occurred_at": format!("2026-01-{:02}T10:00:00Z", 5 + n % 3),
                "anonymous_id": format!("a{n}"),
                "page": { "url": "https://example.com/?utm_source=newsletter&utm_medium=email" },
            });
            if n.is_multiple_of(5) {
                visit["type"] = json!("order_completed");
                visit["commerce"] =
                    json!({ "order_id": format!("O{n}"), "total": "24.60", "currency": "EUR" });
            }
            visit
        };
        let visits: Vec<Value> = (0..50).map(visit).collect();
        let client = reqwest::blocking::Client::new();
        let sent = client.post(format!("{}/v1/signals", self.url)).bearer_auth(&self.key);
        let answer = sent.json(&visits).send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap());
    }

    fn psql(&self, text: &str) -> String {
        let at = format!("host=127.0.0.1 port={} user=default dbname=sessionary", self.port);
        let output = Command::new("psql")
            .args([
                "--no-psqlrc",
                "--no-align",
                "--tuples-only",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                text,
            ])
            .arg(at)
            .env("PGPASSWORD", &self.key)
            .output()
            .unwrap();
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Wired {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn psql_asks_and_looks_around() {
    if Command::new("psql").arg("--version").output().is_err() {
        println!("psql is not asked: it is not on this machine");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let wired = Wired::start(dir.path());
    assert_eq!(wired.psql("SELECT channel, count(*) FROM sessions GROUP BY 1"), "web|50\n");
    assert_eq!(wired.psql("SELECT sum(total) FROM orders"), "246.000000000\n");
    for list in ["\\dt", "\\d"] {
        let tables = wired.psql(list);
        for table in ["sessions", "touches", "signals", "people"] {
            assert!(tables.contains(&format!("public|{table}|table|")), "{list}: {tables}");
        }
        assert!(!tables.contains("key_column_usage"), "{list}: {tables}");
    }
    let columns = wired.psql("\\d sessions");
    for column in
        ["id|text", "started_at|timestamp with time zone", "touches|jsonb", "event_count|bigint"]
    {
        assert!(columns.contains(column), "{columns}");
    }
    assert!(wired.psql("\\l").contains("sessionary|"));
    assert!(wired.psql("\\dn").contains("public|"));
    for look in
        ["\\d+ touches", "\\dt+", "\\dv", "\\di", "\\df", "\\du", "\\conninfo", "\\encoding"]
    {
        wired.psql(look);
    }
}

#[test]
fn psycopg_asks_in_text_and_in_binary() {
    let dir = tempfile::tempdir().unwrap();
    let wired = Wired::start(dir.path());
    let said = SqlClient::Psycopg.uses(wired.port, "default", &wired.key);
    assert_eq!(said["parameters"], json!({ "server_version": "16.6", "TimeZone": "UTC" }));
    let expected = json!({
        "values": [[1, "x", 1.5, null, true]],
        "channels": [["web", 50]],
        "since": [[50]],
        "listed": [[50]],
        "began": [["2026-01-05 10:00:00+00:00"]],
        "totals": [["246.000000000"]],
        "touches": "newsletter",
    });
    assert_eq!(said["text"], expected);
    assert_eq!(said["binary"], expected);
    assert_eq!(said["prepared"], json!([1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(said["cursor"], 50);
    let codes = json!({
        "INSERT INTO sessions VALUES (1)": "25006", "SELECT * FROM nothing": "42P01",
        "SELECT nothing FROM sessions": "42703", "SELEC": "42601",
    });
    assert_eq!(said["codes"], codes);
}

#[test]
fn sqlalchemy_inspects_and_pandas_reads() {
    let dir = tempfile::tempdir().unwrap();
    let wired = Wired::start(dir.path());
    let said = SqlClient::SqlAlchemy.uses(wired.port, "default", &wired.key);
    let tables = json!([
        "claims",
        "identities",
        "legs",
        "orders",
        "parcels",
        "people",
        "sessions",
        "sessions_all",
        "signals",
        "touches",
    ]);
    assert_eq!((&said["tables"], &said["views"]), (&tables, &json!([])));
    assert!(said["schemas"].as_array().unwrap().contains(&json!("public")), "{said}");
    assert_eq!(said["has"], json!([true, false]));
    let columns = json!({
        "id": "TEXT", "started_at": "TIMESTAMP", "event_count": "BIGINT", "touches": "JSONB",
        "merged_ids": "TEXT[]",
    });
    let told = &said["columns"];
    for (name, kind) in columns.as_object().unwrap() {
        // Its name for an instant is one word, with the zone beside it.
        let told = told[name].as_str().unwrap();
        assert!(told == kind || kind == "TEXT[]" && told == "ARRAY", "{name}: {told}");
    }
    assert_eq!(said["reflected"], true);
    assert_eq!(said["primary_key"], json!([]));
    assert_eq!(said["others"], json!([[], [], [], []]));
    let frame = json!([{ "channel": "web", "sessions": 50, "first": "2026-01-05 10:00:00+00:00" }]);
    assert_eq!(said["frame"], frame);
    assert!(said["types"][2].as_str().unwrap().contains("UTC"), "{}", said["types"]);
    assert_eq!((&said["orders"], &said["chunks"]), (&json!(10), &json!(50)));
}

#[test]
fn keys_are_not_sent_over_a_network_unless_the_operator_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = run("serve --data-dir {} --listen 127.0.0.1:0 --postgres 0.0.0.0:0", dir.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("beyond_this_machine"), "{said}");
}
