//! `sessionary replay`: the bundled log by other rules, against answers that were computed without
//! our code.
use std::path::Path;

use serde_json::Value;

use crate::program::{bundled, command, run, said};

fn import(dir: &Path, web_gap_ms: &str) {
    let log = bundled("access-log/access.log.gz").display().to_string();
    let mut import =
        command(&format!("import --format access-log --data-dir {{}}/data {log}"), dir);
    import.env("SESSIONARY_BOUNDARY__WEB_GAP_MS", web_gap_ms);
    // The answers know no longest session; the log has nothing that would reach it by 30 minutes.
    let age = if web_gap_ms == "1800000" { "86400000" } else { "0" };
    let output = import.env("SESSIONARY_BOUNDARY__MAX_AGE_MS", age).output().unwrap();
    assert!(output.status.success());
}

fn expected(rule: &str) -> u64 {
    let text = std::fs::read_to_string(bundled("access-log/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    expected["sessions"][rule]["sessions"].as_u64().unwrap()
}

/// The differences, and the totals.
fn replay(dir: &Path, profile: &str) -> (Vec<Value>, Value) {
    let flags = format!("replay --profile {profile} --data-dir {{}}/data --json");
    let lines = said(&flags, dir);
    let mut lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let totals = lines.pop().unwrap()["totals"].clone();
    (lines, totals)
}

#[test]
fn a_log_by_a_shorter_gap_and_back() {
    let dir = tempfile::tempdir().unwrap();
    import(dir.path(), "7200000");
    let (differences, totals) = replay(dir.path(), "ga4");
    let (before, after) = (expected("ip_ua_7200"), expected("ip_ua_1800"));
    assert_eq!(totals["before"]["sessions"], before);
    assert_eq!(totals["after"]["sessions"], after);
    // A shorter gap only ever splits, and each part begins after silence.
    let split = totals["split"].as_u64().unwrap();
    assert_eq!(totals["same"].as_u64().unwrap() + split, before);
    assert_eq!(differences.len() as u64, split);
    let mut more = 0;
    for difference in &differences {
        let parts = difference["after"].as_array().unwrap();
        assert_eq!(
            (&difference["kind"], difference["before"].as_array().unwrap().len()),
            (&"split".into(), 1)
        );
        assert!(parts[1..].iter().all(|part| part["split_cause"] == "inactivity"), "{difference}");
        let facts = parts.iter().map(|part| part["event_count"].as_u64().unwrap()).sum::<u64>();
        assert_eq!(difference["before"][0]["event_count"], facts, "{difference}");
        more += parts.len() as u64 - 1;
    }
    assert_eq!(before + more, after);
    // Nothing was changed by looking.
    let (_, again) = replay(dir.path(), "ga4");
    assert_eq!(again, totals);
}

#[test]
fn by_the_rules_in_force_nothing_is_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    import(dir.path(), "1800000");
    let (differences, totals) = replay(dir.path(), "default");
    assert_eq!((differences.len(), &totals["same"]), (0, &expected("ip_ua_1800").into()));
    assert_eq!(totals["before"], totals["after"]);
    let text =
        said("replay --profile default --data-dir {}/data --from 2030-01-01T00:00:00Z", dir.path());
    assert!(text.contains("No session lies in that range"), "{text}");
    let refused = run("replay --profile Matomo --data-dir {}/data", dir.path());
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("universal-analytics, matomo, genesys"), "{error}");
}
