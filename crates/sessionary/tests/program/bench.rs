//! The benchmark runs, every line of it comes, and what it prints can be read by a program. No figure
//! is looked at: a figure belongs to a machine.
use std::collections::BTreeSet;

use serde_json::Value;

use crate::program::said;

#[test]
fn a_short_benchmark_prints_every_line() {
    let dir = tempfile::tempdir().unwrap();
    let flags = "bench ingest --seconds 0.1 --rounds 1 --json --allow-tmpfs --dir {}";
    let report: Value = serde_json::from_str(&said(flags, dir.path())).unwrap();
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0);
    let section = &report["sections"][0];
    assert_eq!(section["scenario"], "hot");
    let lines = section["lines"].as_array().unwrap();
    let names: BTreeSet<&str> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    let all = "floor floor-pre parse+fold sqlite-row sqlite-blocks postgres store engine \
               http-500 http-100 http-1";
    assert_eq!(names, all.split_whitespace().collect());
    for line in lines {
        let measured = line["signals_per_second"].as_f64().is_some_and(|rate| rate > 0.0);
        assert!(measured != line["missing"].is_string(), "{line}");
        let is_peer =
            ["sqlite-row", "sqlite-blocks", "postgres"].contains(&line["name"].as_str().unwrap());
        assert!(measured || is_peer, "{line}");
    }
    for name in ["http-500", "http-100", "http-1"] {
        let line = lines.iter().find(|line| line["name"] == name).unwrap();
        assert!(line["waits_at_half"]["count"].as_u64().unwrap() > 0, "{line}");
    }
    let figures = section["figures"].as_array().unwrap();
    assert!(figures.iter().all(|figure| figure["name"].is_string()) && figures.len() > 10);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it leaves nothing behind");
}

#[test]
fn a_short_delivery_prints_every_figure() {
    let dir = tempfile::tempdir().unwrap();
    let flags =
        "bench delivery --parcels 3k --seconds 0.1 --rounds 1 --json --allow-tmpfs --dir {}";
    let report: Value = serde_json::from_str(&said(flags, dir.path())).unwrap();
    let section = &report["sections"][0];
    assert_eq!(section["scenario"], "delivery");
    let figures = section["figures"].as_array().unwrap();
    assert!(figures.len() >= 14);
    for figure in figures {
        assert!(figure["value"].as_f64().is_some_and(|value| value >= 0.0), "{figure}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it leaves nothing behind");
}
