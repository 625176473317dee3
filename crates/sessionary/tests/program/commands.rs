//! Each command does what its help says.
use std::time::Duration;

use serde_json::Value;
use sessionary_engine::clock::monotonic;

use crate::program::{Server, bundled, command, key, run, said};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn keys_create_prints_the_key_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("not/yet/there");
    let flags =
        "keys create --data-dir {} --kind publishable --origin https://shop.example --currency usd";
    let output = run(flags, &dir);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{err}");
    assert!(out.starts_with("sny_pk_") && out.len() == 57 && out.ends_with('\n'), "{out:?}");
    said("keys create --data-dir {} --kind secret --scope sessions:read --scope export", &dir);
    let listed = said("keys list --data-dir {}", &dir);
    assert!(listed.contains("sessions:read export"), "{listed}");
    assert!(said("keys revoke 2 --data-dir {}", &dir).contains("key 2 is revoked"));
    assert!(said("keys list --data-dir {}", &dir).contains("revoked"));
    let refused = run("keys create --data-dir {} --kind secret --scope all", &dir);
    assert!(text(&refused.stderr).contains("signals:write"), "{}", text(&refused.stderr));
}

#[test]
fn a_server_gets_ready_is_locked_and_stops_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let server = Server::start(dir.path());
    assert_eq!(server.status("/livez"), Some(200));
    assert_eq!(server.status("/v1/sessions"), Some(401));

    let locked = run("keys create --data-dir {} --kind secret", dir.path());
    assert_eq!(locked.status.code(), Some(73));
    assert!(text(&locked.stderr).contains("--url and a --key of scope config:write"));
    let online = format!("--url {} --key {key}", server.url);
    let made =
        said(&format!("keys create --kind secret --scope sessions:read {online}"), dir.path());
    assert!(made.starts_with("sny_sk_"), "{made}");
    assert!(said(&format!("keys list {online}"), dir.path()).contains("sessions:read"));
    assert!(said(&format!("keys revoke 2 {online}"), dir.path()).contains("key 2 is revoked"));

    let began = monotonic();
    assert_eq!(server.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_second_signal_ends_a_server_that_is_still_draining() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let mut server = Server::start(dir.path());
    // A request under way, which the drain waits for.
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut open = std::net::TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /v1/signals HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-length: 9\r\n\r\n{{"
    );
    std::io::Write::write_all(&mut open, head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let began = monotonic();
    server.signal("INT");
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.child.try_wait().unwrap().is_none(), "it waits for the request");
    server.signal("INT");
    server.child.wait().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_file_is_imported_once_and_explained() {
    let dir = tempfile::tempdir().unwrap();
    let log = bundled("access-log/access.log.gz");
    let import = format!("import --data-dir {{}} --format access-log --json {}", log.display());
    let first: Value = serde_json::from_str(&said(&import, dir.path())).unwrap();
    assert_eq!((&first["accepted"], &first["sessions"]), (&10_000.into(), &3_224.into()));
    let second: Value = serde_json::from_str(&said(&import, dir.path())).unwrap();
    assert_eq!((&second["already_imported"], &second["accepted"]), (&true.into(), &0.into()));
    let again: Value =
        serde_json::from_str(&said(&format!("{import} --again"), dir.path())).unwrap();
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &10_000.into()));

    let report: Value =
        serde_json::from_str(&said("check --data-dir {} --json", dir.path())).unwrap();
    assert_eq!(report["fold"]["refolded"], 3_224);

    let key = key(dir.path());
    let server = Server::start(dir.path());
    let page = server.get(&key, "/v1/sessions?limit=1");
    let id = page["entities"][0]["id"].as_str().unwrap().to_owned();
    let online = said(&format!("explain {id} --url {} --key {key}", server.url), dir.path());
    assert_eq!(server.stop(), Some(0));
    let offline = said(&format!("explain {id} --data-dir {{}}"), dir.path());
    assert_eq!(online, offline);
    assert!(offline.contains("begins  ") && offline.contains("(mark)"), "{offline}");
    let unknown = run("explain 01927c3e-7a00-7000-8000-000000000000 --data-dir {}", dir.path());
    assert!(text(&unknown.stderr).contains("has no session"), "{}", text(&unknown.stderr));
}

#[test]
fn bad_lines_are_put_aside_offline_and_online_alike() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("mixed.log");
    let good = |second: u32| {
        format!(
            "198.18.0.1 - - [17/May/2015:10:05:{second:02} +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"a\"\n"
        )
    };
    std::fs::write(&log, format!("{}no line\n{}", good(1), good(2))).unwrap();
    let import = |to: &str| -> Value {
        let flags = format!("import --format access-log --json {} {to}", log.display());
        serde_json::from_str(&said(&flags, &dir.path().join("data"))).unwrap()
    };
    let offline = import("--data-dir {}");
    assert_eq!((&offline["accepted"], &offline["quarantined"]), (&2.into(), &1.into()));

    let other = dir.path().join("other");
    let key = key(&other);
    let server = Server::start(&other);
    let online = import(&format!("--url {} --key {key}", server.url));
    assert_eq!((&online["accepted"], &online["quarantined"]), (&2.into(), &1.into()));
    assert_eq!(server.all(&key, "/v1/quarantine").len(), 1);
    let sessions = server.all(&key, "/v1/sessions");
    assert_eq!(sessions.len(), 1);
    assert_eq!((&sessions[0]["status"], &sessions[0]["revision"]), (&"final".into(), &1.into()));
}

#[test]
fn damage_and_wrong_settings_end_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let full = tempfile::tempdir().unwrap();
    std::fs::write(full.path().join("mine"), "x").unwrap();
    let refused = run("demo --data-dir {}", full.path());
    assert!(text(&refused.stderr).contains("is not empty"), "{}", text(&refused.stderr));
    let missing = run("check --data-dir {}/nowhere", dir.path());
    assert_eq!(missing.status.code(), Some(73));
    assert!(text(&missing.stderr).contains("there is no data directory"));
    let mut serve = command("serve --data-dir {}", dir.path());
    let refused = serve.env("SESSIONARY_BOUNDARY__WEB_GAP_MS", "soon").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("SESSIONARY_BOUNDARY__WEB_GAP_MS is \"soon\""));
}

#[test]
fn destinations_are_set_up_by_a_file_and_by_commands() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let folder = dir.path().join("records");
    let url = format!("file://{}", folder.display());
    let file = dir.path().join("destinations.json");
    let listed = serde_json::json!([{ "name": "records", "kind": "object_store", "url": url }]);
    std::fs::write(&file, listed.to_string()).unwrap();
    let file = file.display().to_string();
    let server = Server::with(dir.path(), &[("SESSIONARY_DELIVERY__DESTINATIONS", &file)]);
    let remote = format!("--url {} --key {key}", server.url);
    let said = |flags: &str| said(&format!("{flags} {remote}"), dir.path());

    assert!(said("destinations list").contains("records"));
    assert!(said("destinations test records").contains("\"sent\""));
    assert!(folder.is_dir(), "the sample is there");
    let made = said("destinations create --name hook --kind webhook --to https://example.com/hook");
    assert!(made.contains("whsec_"), "{made}");
    let refused = run(
        &format!("destinations create --name x --kind webhook --to http://127.0.0.1:9/ {remote}"),
        dir.path(),
    );
    assert!(
        !refused.status.success(),
        "private addresses are refused unless the server allows them"
    );
    let changed = said("destinations change hook --after-ms 60000 --enabled false");
    assert!(changed.contains("60000") && !changed.contains("whsec_"), "{changed}");
    assert!(said("destinations delete hook").contains("hook is removed"));
    assert!(said("parcels list").contains("no such parcels"));
    let ordered = said("parcels redeliver --to-destination records --status sent");
    assert!(ordered.contains("0 parcels are due now"), "{ordered}");
    assert_eq!(server.stop(), Some(0));
}
