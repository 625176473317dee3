//! The lake in a bucket, as moto plays S3: written, compacted and read as in a folder; and while the
//! bucket is away, everything else goes on.
use std::{path::Path, thread::sleep, time::Duration};

use serde_json::{Value, json};
use sessionary_peers::{Engine, Peer, Question};

use crate::program::{Server, command, key};

const URL: &str = "s3://lake/prod";
const SQL: &str = "SELECT id, revision, channel, event_count FROM sessions ORDER BY id";

struct World {
    dir: tempfile::TempDir,
    key: String,
    client: reqwest::blocking::Client,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let key = key(dir.path());
        std::fs::write(
            dir.path().join("bucket.json"),
            r#"{"access_key_id": "an-id", "secret_access_key": "a-key"}"#,
        )
        .unwrap();
        World { dir, key, client: reqwest::blocking::Client::new() }
    }

    fn variables(&self, port: u16) -> Vec<(&'static str, String)> {
        let secret = self.dir.path().join("bucket.json").display().to_string();
        vec![
            ("SESSIONARY_LAKE__PATH", URL.to_owned()),
            ("SESSIONARY_LAKE__ENDPOINT", format!("http://127.0.0.1:{port}")),
            ("SESSIONARY_LAKE__SECRET", secret),
            ("SESSIONARY_LAKE__APPEND_EVERY_MS", "100".to_owned()),
            ("SESSIONARY_LAKE__COMPACT_AFTER_MS", "86400000".to_owned()),
            ("SESSIONARY_LIFECYCLE__SETTLE_MS", "0".to_owned()),
            ("SESSIONARY_SOURCES__CLOCKS", "shop=mark".to_owned()),
        ]
    }

    fn serve(&self, port: u16) -> Server {
        let variables = self.variables(port);
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Server::with(self.dir.path(), &variables)
    }

    /// A command beside no server, which must succeed.
    fn said(&self, flags: &str, port: Option<u16>) -> String {
        let mut command = command(flags, self.dir.path());
        if let Some(port) = port {
            command.envs(self.variables(port));
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{flags}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn rows_of(&self, port: Option<u16>) -> Vec<Value> {
        let mut command = command("query --data-dir {} --format ndjson", self.dir.path());
        if let Some(port) = port {
            command.envs(self.variables(port));
        }
        let output = command.arg(SQL).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn post(&self, server: &Server, path: &str, body: &Value) -> (u16, Value) {
        let sent = self.client.post(format!("{}{path}", server.url)).bearer_auth(&self.key);
        let answer = sent.json(body).send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap_or_default())
    }

    /// Visits of these visitors, and that they are all.
    fn visit(&self, server: &Server, round: u32, visitors: std::ops::Range<u32>) {
        let visit = |visitor| {
            json!({
                "id": format!("{round}/{visitor}"), "type": "page_viewed", "source": "shop",
                "channel": "web", "occurred_at": format!("2026-01-0{}T10:00:00Z", 5 + visitor % 2),
                "anonymous_id": format!("a{visitor}"),
            })
        };
        let visits = visitors.map(visit).collect::<Vec<_>>();
        assert_eq!(self.post(server, "/v1/signals", &json!(visits)).0 / 100, 2);
        assert_eq!(self.post(server, "/v1/sources/shop/complete", &json!({})).0 / 100, 2);
    }

    fn sql(&self, server: &Server) -> Vec<Value> {
        let (status, body) = self.post(server, "/v1/query", &json!({ "sql": SQL }));
        assert_eq!(status, 200, "{body}");
        body["rows"].as_array().unwrap().clone()
    }
}

/// Id and revision of each row that Polars finds in the bucket.
fn polars(port: u16, question: Question) -> Vec<Value> {
    let rows = Engine::Polars.sessions_in_bucket(&format!("{URL}/sessions"), port, question);
    rows.iter().map(|row| json!([row[2], row[3]])).collect()
}

fn ids(rows: &[Value]) -> Vec<Value> {
    rows.iter().map(|row| json!([row["id"], row["revision"]])).collect()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("{what}: it never came");
}

fn nothing_is_staged(dir: &Path) -> bool {
    std::fs::read_dir(dir.join("lake-staging")).is_ok_and(|staged| staged.count() == 0)
}

#[test]
fn a_bucket_is_written_compacted_and_read_like_a_folder() {
    let (world, peer) = (World::new(), Peer::s3());
    peer.make_bucket("lake");
    let port = peer.port();
    let server = world.serve(port);
    world.visit(&server, 0, 0..20);
    until("twenty rows", || polars(port, Question::Plain).len() == 20);
    // Late truth: further revisions in further files.
    world.visit(&server, 1, 0..7);
    until("seven revisions", || polars(port, Question::Plain).len() == 27);
    let told = world.sql(&server);
    assert_eq!((told.len(), told.iter().filter(|row| row["revision"] == 2).count()), (20, 7));
    assert_eq!(polars(port, Question::Highest), ids(&told));
    assert!(nothing_is_staged(world.dir.path()), "what went up is gone from here");
    assert_eq!(server.stop(), Some(0));

    assert_eq!(world.rows_of(Some(port)), told);
    world.said("lake compact --data-dir {}", Some(port));
    assert_eq!(polars(port, Question::Plain), ids(&told));
    assert_eq!(world.rows_of(Some(port)), told);
    assert!(world.said("lake check --data-dir {}", Some(port)).starts_with("4 files"));
    // The same sessions in a folder: the same rows.
    assert!(!world.dir.path().join("lake").exists());
    world.said("lake compact --data-dir {}", None);
    assert!(world.dir.path().join("lake/sessions").exists());
    assert_eq!(world.rows_of(None), told);
}

#[test]
fn while_the_bucket_is_away_everything_else_goes_on_and_then_it_catches_up() {
    let (world, peer) = (World::new(), Peer::s3());
    peer.make_bucket("lake");
    let port = peer.port();
    let server = world.serve(port);
    world.visit(&server, 0, 0..5);
    until("five rows", || polars(port, Question::Plain).len() == 5);
    drop(peer);
    // Signals are taken, sessions told; only SQL says that it cannot read.
    world.visit(&server, 1, 5..9);
    assert_eq!(server.status("/readyz"), Some(200));
    assert_eq!(server.all(&world.key, "/v1/sessions").len(), 9);
    let (status, problem) = world.post(&server, "/v1/query", &json!({ "sql": SQL }));
    assert_eq!((status, problem["code"].as_str()), (503, Some("overloaded")), "{problem}");
    // This one comes back with nothing: what was written is gone, and is written once more.
    let peer = Peer::s3_at(port);
    peer.make_bucket("lake");
    until("all nine", || polars(port, Question::Plain).len() == 9);
    until("an answer", || world.post(&server, "/v1/query", &json!({ "sql": SQL })).0 == 200);
    assert_eq!(polars(port, Question::Highest), ids(&world.sql(&server)));
    assert_eq!(server.stop(), Some(0));
}
