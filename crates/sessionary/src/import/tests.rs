use std::path::PathBuf;

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Command};

fn bundled(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(path)
}

fn asked(flags: &str, file: &Path) -> Import {
    let words = format!("sessionary import {flags} {}", file.display());
    match Arguments::try_parse_from(words.split_whitespace()).unwrap().command {
        Command::Import(import) => import,
        other => panic!("{other:?}"),
    }
}

fn batches(import: &Import, from: Option<&Cursor>) -> (Vec<Batch>, Tally) {
    let mut batches = Vec::new();
    let tally = read(import, from, |batch| {
        batches.push(batch);
        Ok(())
    });
    (batches, tally.unwrap())
}

fn keys(batches: &[Batch]) -> Vec<&str> {
    batches.iter().flat_map(|batch| &batch.signals).map(|signal| &*signal.key).collect()
}

#[test]
fn the_bundled_log_is_read_in_batches() {
    let import = asked("--format access-log", &bundled("access-log/access.log.gz"));
    let (batches, tally) = batches(&import, None);
    assert_eq!(tally, Tally { signals: 10_000, unreadable: 0 });
    assert_eq!(
        (batches.len(), batches.iter().map(|batch| batch.signals.len()).max()),
        (20, Some(500))
    );
    assert_eq!(batches.last().unwrap().through.row, 10_000);
}

#[test]
fn an_import_goes_on_where_it_stopped() {
    let flags = format!("--format csv --mapping {}", bundled("bank-calls/mapping.toml").display());
    let import = asked(&flags, &bundled("bank-calls/bank-additional-full.csv.gz"));
    let (whole, tally) = batches(&import, None);
    assert_eq!((tally.unreadable, whole.last().unwrap().through.row), (0, 41_188));

    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("cursor.json");
    assert_eq!(Cursor::load(&kept).unwrap(), None);
    whole[99].through.save(&kept).unwrap();
    let from = Cursor::load(&kept).unwrap().unwrap();
    let (rest, _) = batches(&import, Some(&from));
    assert_eq!(keys(&rest), keys(&whole[100..]));
    assert_eq!(rest[0].signals, whole[100].signals);

    let other = Cursor { file: "00".into(), ..from };
    let refused = read(&import, Some(&other), |_| Ok(())).unwrap_err().to_string();
    assert!(refused.starts_with("the file is not the one that was begun with"), "{refused}");
}

#[test]
fn humans_and_pages_alone_can_be_asked_for() {
    let log = bundled("access-log/access.log.gz");
    let count = |flags: &str| {
        batches(&asked(&format!("--format access-log {flags}"), &log), None).1.signals
    };
    assert_eq!(count("--only humans,pages"), 2_493);
    assert_eq!(count("--only humans,pages --page-status any"), 2_748);
}

#[test]
fn lines_of_our_own_form_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signals.ndjson");
    let line = r#"{"type":"page_viewed","occurred_at":"2026-01-05T10:00:00Z","session_id":"s"}"#;
    std::fs::write(&file, format!("{line}\n\n{line}\nnot a line\n")).unwrap();
    let (batches, tally) = batches(&asked("--format ndjson --source mine", &file), None);
    assert_eq!(tally, Tally { signals: 2, unreadable: 1 });
    let signals = &batches[0].signals;
    assert_eq!(*signals[1].key, *format!("{}#2", signals[0].key));
    assert_eq!(&*signals[0].source, "mine");
}
