//! The bundled access log against answers that were computed without our code, under every rule and
//! in every order of its lines.
use std::{
    collections::{BTreeMap, HashSet},
    io::Read,
    path::Path,
};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sessionary_core::{lane::HashSecret, rules::Rules, session::Session, signal::TenantId};
use sessionary_engine::{Engine, SessionFilter, ShardConfig, registry::Registry};
use sessionary_store::{Options, Store};

use crate::program::{Server, bundled, command, key};

/// A rule of the answers: its name, the gap in seconds, what the boundaries are set to, the flags.
const RULES: [(&str, u64, bool, &str); 10] = [
    ("ip_ua_1800", 1_800, false, ""),
    ("ip_1800", 1_800, false, "--identity address"),
    ("ip_ua_1800_cut_at_utc_midnight", 1_800, true, ""),
    ("ip_ua_900", 900, false, ""),
    ("ip_ua_3600", 3_600, false, ""),
    ("ip_ua_3599", 3_599, false, ""),
    ("ip_ua_7200", 7_200, false, ""),
    ("ip_ua_7200_cut_at_utc_midnight", 7_200, true, ""),
    ("ip_ua_86400", 86_400, false, ""),
    ("ip_ua_1800_humans_pages_only", 1_800, false, "--only humans,pages"),
];

fn expected() -> Value {
    let text = std::fs::read_to_string(bundled("access-log/expected.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["sessions"].take()
}

fn lines() -> Vec<String> {
    let packed = std::fs::read(bundled("access-log/access.log.gz")).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::to_owned).collect()
}

/// In an order of its own, the same at every run.
fn shuffled(mut lines: Vec<String>) -> Vec<String> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for at in (1..lines.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let other = usize::try_from(state >> 33).unwrap() % (at + 1);
        lines.swap(at, other);
    }
    lines
}

/// Every session of a directory that nobody has open.
fn sessions(dir: &Path) -> Vec<Session> {
    let options =
        Options { cache_bytes: 32 << 20, max_journaling_bytes: 64 << 20, min_free_bytes: Some(0) };
    let store = Store::open(dir, &options).unwrap();
    let secret = HashSecret(Registry::open(store.clone()).unwrap().secrets().identity_hash);
    let rules = sessionary_engine::kept(&store).unwrap().unwrap().rules;
    let config = ShardConfig {
        rules,
        hot_bytes: 64 << 20,
        checkpoint_bytes: 64 << 20,
        checkpoint_signals: 200_000,
        checkpoint_lanes: 40_000,
        rewrite_after_ms: 12 * 3_600_000,
        rewrite_beyond_bytes: 256 << 20,
        lake: true,
    };
    let engine = Engine::start(store, secret, config).unwrap();
    let reader = engine.reader_blocking().unwrap();
    let all = reader.sessions(TenantId(1), &SessionFilter::default(), usize::MAX, None).unwrap();
    engine.shutdown();
    all.entities
}

/// The sums that the answers give.
fn sums(sessions: &[Session]) -> Value {
    let rules = Rules::default();
    let mut days: BTreeMap<String, u64> = BTreeMap::new();
    let (mut visitors, mut events, mut single, mut most, mut duration) =
        (HashSet::new(), 0, 0, 0, 0);
    for session in sessions {
        let (started, ended) = (session.content.started_at(&rules), session.content.ended_at());
        let count = session.content.counts.events;
        visitors.insert(session.envelope.lane);
        events += count;
        single += u32::from(count == 1);
        most = most.max(count);
        duration += ended.since(started).0;
        *days.entry(started.to_string()[..10].to_owned()).or_default() += 1;
    }
    json!({
        "visitors": visitors.len(),
        "sessions": sessions.len(),
        "events": events,
        "single_event_sessions": single,
        "max_events": most,
        "total_duration_s": duration / 1_000,
        "sessions_per_utc_day": days,
    })
}

fn answer(rule: &str) -> Value {
    let mut answer = expected()[rule].take();
    let members = answer.as_object_mut().unwrap();
    members.retain(|name, _| !name.starts_with("mean") && !name.starts_with("median"));
    answer
}

fn import(rule: &(&str, u64, bool, &str), log: &Path, dir: &Path) {
    let (_, gap, midnight, flags) = rule;
    let flags = format!("import --data-dir {{}} --format access-log {flags} {}", log.display());
    let output = command(&flags, dir)
        .env("SESSIONARY_BOUNDARY__WEB_GAP_MS", (gap * 1_000).to_string())
        .env("SESSIONARY_BOUNDARY__SPLIT_MIDNIGHT", midnight.to_string())
        .env("SESSIONARY_BOUNDARY__MAX_AGE_MS", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn every_rule(order: &str, lines: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    std::fs::write(&log, lines.join("\n") + "\n").unwrap();
    for rule in &RULES {
        let dir = folder.path().join(rule.0);
        import(rule, &log, &dir);
        let store = Store::open_read_only(
            &dir,
            &Options {
                cache_bytes: 32 << 20,
                max_journaling_bytes: 64 << 20,
                min_free_bytes: None,
            },
        );
        let report = sessionary_engine::check::check(&store.unwrap().0).unwrap();
        assert!(report.is_whole(), "{} {order}: {:?}", rule.0, report.findings);
        let sessions = sessions(&dir);
        assert_eq!(sums(&sessions), answer(rule.0), "{} {order}", rule.0);
        for session in &sessions {
            let envelope = &session.envelope;
            assert_eq!((envelope.status.word(), envelope.revision), ("final", 1), "{envelope:?}");
        }
    }
}

#[test]
fn the_log_as_it_is() {
    every_rule("as it is", &lines());
}

#[test]
fn the_log_reversed() {
    every_rule("reversed", &lines().into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn the_log_shuffled() {
    every_rule("shuffled", &shuffled(lines()));
}

/// What of a session does not depend on where it was folded.
fn content(record: &Value) -> Value {
    let member = |name: &str| record[name].clone();
    json!([
        member("started_at"),
        member("ended_at"),
        member("event_count"),
        member("pageview_count"),
        member("split_cause"),
        member("identities"),
        member("touches"),
        member("disposition")["code"],
        member("status"),
        member("revision"),
    ])
}

#[test]
fn through_the_door_and_into_the_directory_give_the_same_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    std::fs::write(&log, shuffled(lines()).join("\n") + "\n").unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let own = format!("import --data-dir {{}} --format access-log {}", log.display());
    crate::program::said(&own, &here);
    let (own_key, other_key) = (key(&here), key(&there));
    let server = Server::start(&there);
    let online = format!(
        "import --url {} --key {other_key} --format access-log {}",
        server.url,
        log.display()
    );
    crate::program::said(&online, &there);
    let contents = |server: &Server, key: &str| {
        let records = server.all(key, "/v1/sessions");
        let mut contents: Vec<String> =
            records.iter().map(|record| content(record).to_string()).collect();
        contents.sort_unstable();
        contents
    };
    let through_the_door = contents(&server, &other_key);
    assert_eq!(server.stop(), Some(0));
    let into_the_directory = contents(&Server::start(&here), &own_key);
    assert_eq!(through_the_door.len(), 3_224);
    let differs =
        through_the_door.iter().zip(&into_the_directory).find(|(there, here)| there != here);
    assert_eq!(differs, None, "(through the door, into the directory)");
    assert_eq!(through_the_door.len(), into_the_directory.len());
}
