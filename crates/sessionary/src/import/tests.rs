use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

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

fn batches(import: &Import, behind: u64) -> Vec<Batch> {
    let job = Job::of(import).unwrap();
    let reader = job.input.open(&job.input.bar().unwrap()).unwrap();
    let items = job.decoder.items(reader).unwrap();
    Batches::new(items, behind, BATCH_SIGNALS_MAX).map(Result::unwrap).collect()
}

fn keys(batches: &[Batch]) -> Vec<&str> {
    batches.iter().flat_map(|batch| &batch.signals).map(|signal| &*signal.key).collect()
}

fn count(batches: &[Batch]) -> usize {
    batches.iter().map(|batch| batch.signals.len()).sum()
}

/// Takes what comes, up to a number of batches, and remembers it.
#[derive(Default)]
struct Remembering {
    batches: Vec<Batch>,
    fails_after: Option<usize>,
    /// What was said of each source, in order.
    said: BTreeMap<String, Vec<&'static str>>,
}

impl Destination for Remembering {
    fn batch_max(&self) -> usize {
        BATCH_SIGNALS_MAX
    }

    fn hold(&mut self, source: &str) -> anyhow::Result<()> {
        self.said.entry(source.to_owned()).or_default().push("hold");
        Ok(())
    }

    fn take(&mut self, batch: Batch) -> anyhow::Result<Taken> {
        if self.fails_after == Some(self.batches.len()) {
            bail!("the other side is away");
        }
        let accepted = batch.signals.len() as u64;
        let quarantined = batch.unreadable.len() as u64;
        self.batches.push(batch);
        Ok(Taken { accepted, quarantined, ..Taken::default() })
    }

    fn complete(&mut self, source: &str) -> anyhow::Result<()> {
        self.said.entry(source.to_owned()).or_default().push("complete");
        Ok(())
    }

    fn sessions(
        &mut self,
        _: &std::collections::HashSet<sessionary_core::id::SessionId>,
    ) -> anyhow::Result<u64> {
        Ok(0)
    }
}

#[test]
fn the_bundled_log_is_read_in_batches() {
    let import = asked("--format access-log", &bundled("access-log/access.log.gz"));
    let batches = batches(&import, 0);
    assert_eq!((count(&batches), batches.len()), (10_000, 20));
    assert_eq!(batches.last().unwrap().through, 10_000);
    assert!(batches.iter().all(|batch| batch.signals.len() <= 500 && batch.unreadable.is_empty()));
    assert_eq!(&*batches[0].signals[0].source, "access", "the file's name without ending");
}

#[test]
fn an_import_goes_on_where_it_stopped() {
    let flags = format!("--format csv --mapping {}", bundled("bank-calls/mapping.toml").display());
    let import = asked(&flags, &bundled("bank-calls/bank-additional-full.csv.gz"));
    let whole = batches(&import, 0);
    assert_eq!(whole.last().unwrap().through, 41_188);
    let rest = batches(&import, whole[99].through);
    assert_eq!(keys(&rest), keys(&whole[100..]));
    assert_eq!(rest[0].signals, whole[100].signals);
}

#[test]
fn a_finished_import_is_done_again_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("cursor.json");
    let import = asked("--format access-log", &bundled("access-log/access.log.gz"));
    let run = |to: &mut Remembering, again| {
        let job = Job::of(&import).unwrap();
        let name = job.name("there").unwrap();
        let place = Place { path: Some(&kept), import: name, again };
        transfer(job, to, &place, &|| false)
    };
    let mut broken = Remembering { fails_after: Some(3), ..Remembering::default() };
    assert_eq!(run(&mut broken, false).unwrap_err().to_string(), "the other side is away");
    assert_eq!(broken.said["access"], ["hold"]);

    let mut first = Remembering::default();
    let summary = run(&mut first, false).unwrap();
    assert_eq!((summary.signals, summary.already_imported), (10_000, false));
    assert_eq!(first.said["access"], ["hold", "complete"]);
    let summary = run(&mut Remembering::default(), false).unwrap();
    assert_eq!((summary.signals, summary.already_imported), (0, true));
    assert_eq!(run(&mut Remembering::default(), true).unwrap().signals, 10_000);
}

#[test]
fn another_way_of_reading_is_another_import() {
    let log = bundled("access-log/access.log.gz");
    let name = |flags: &str, to: &str| Job::of(&asked(flags, &log)).unwrap().name(to).unwrap();
    let plain = name("--format access-log", "a");
    assert_eq!(plain, name("--format access-log", "a"));
    assert_ne!(plain, name("--format access-log --identity address", "a"));
    assert_ne!(plain, name("--format access-log", "b"));
}

#[test]
fn humans_and_pages_alone_can_be_asked_for() {
    let log = bundled("access-log/access.log.gz");
    let counted =
        |flags: &str| count(&batches(&asked(&format!("--format access-log {flags}"), &log), 0));
    assert_eq!(counted("--only humans,pages --page-status shown"), 2_493);
    assert_eq!(counted("--only humans,pages"), 2_748);
}

#[test]
fn lines_of_our_own_form_are_told_apart_and_bad_ones_kept_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signals.ndjson");
    let line = r#"{"type":"page_viewed","occurred_at":"2026-01-05T10:00:00Z","session_id":"s"}"#;
    std::fs::write(&file, format!("{line}\n\n{line}\nnot a line\n")).unwrap();
    let batches = batches(&asked("--format ndjson --source mine", &file), 0);
    let signals = &batches[0].signals;
    assert_eq!((batches.len(), signals.len()), (1, 2));
    assert_eq!(*signals[1].key, *format!("{}#2", signals[0].key));
    assert_eq!(&*signals[0].source, "mine");
    let bad = &batches[0].unreadable;
    assert_eq!((bad.len(), bad[0].row, &*bad[0].raw), (1, 4, &b"not a line\n"[..]));
}

#[test]
fn a_file_that_breaks_off_ends_the_import_without_completing_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(bundled("access-log/access.log.gz")).unwrap();
    let file = folder.path().join("half.log.gz");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let job = Job::of(&asked("--format access-log", &file)).unwrap();
    let place = Place { path: None, import: String::new(), again: false };
    let mut to = Remembering::default();
    let error = transfer(job, &mut to, &place, &|| false).unwrap_err().to_string();
    assert!(error.starts_with("half.log.gz: after line "), "{error}");
    assert_eq!(to.said["half"], ["hold"]);
    assert!(count(&to.batches) > 1_000, "what could be read is in");
}
