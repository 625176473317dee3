//! From a job to a destination: decoding on one thread, handing on on another, and a cursor that is
//! never ahead of what was taken.
use std::{
    collections::HashSet,
    path::Path,
    sync::mpsc::{SyncSender, sync_channel},
    time::Duration,
};

use anyhow::{anyhow, bail};
use indicatif::ProgressBar;
use sessionary_engine::clock::monotonic;

use super::{Batch, Batches, Cursor, Decoder, Destination, Input, Job, Summary, summary::rate};
use crate::table::counted;

/// Batches that are decoded ahead.
const AHEAD: usize = 4;
/// The cursor is kept at most this often: what is sent again after a crash is a duplicate.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// Faults that are printed one by one; of further ones only the number is told.
const FAULTS_SHOWN: u64 = 10;

/// Where and how the cursor of an import is kept.
pub(crate) struct Place<'a> {
    /// The file; `None`: nothing is kept.
    pub(crate) path: Option<&'a Path>,
    /// The name of this import.
    pub(crate) import: String,
    /// Whether a finished import is done again.
    pub(crate) again: bool,
}

/// Imports a job. `is_stopped` is asked between batches.
#[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
pub(crate) fn transfer(
    job: Job,
    to: &mut dyn Destination,
    place: &Place<'_>,
    is_stopped: &dyn Fn() -> bool,
) -> anyhow::Result<Summary> {
    let Job { input, decoder, .. } = job;
    let mut summary = Summary { file: input.name(), ..Summary::default() };
    let mut cursor = begin(place)?;
    if cursor.finished {
        summary.already_imported = true;
        summary.sources = cursor.sources.into_iter().collect();
        return Ok(summary);
    }
    if cursor.row > 0 {
        eprintln!("{}: goes on after row {}", summary.file, counted(cursor.row));
    }
    cursor.sources.iter().try_for_each(|source| to.hold(source))?;
    let (began, mut kept) = (monotonic(), monotonic());
    let (mut sessions, mut faults) = (HashSet::new(), 0);
    let bar = input.bar()?;
    let (behind, batch_max) = (cursor.row, to.batch_max());
    std::thread::scope(|threads| {
        let (batches, received) = sync_channel(AHEAD);
        let shown = bar.clone();
        threads.spawn(move || decode(&input, decoder, (behind, batch_max), &shown, &batches));
        for batch in received {
            let batch = batch?;
            if is_stopped() {
                bail!("stopped after row {}; the same command goes on from there", cursor.row);
            }
            for signal in &batch.signals {
                if !cursor.sources.contains(&signal.source) {
                    to.hold(&signal.source)?;
                    cursor.sources.insert(signal.source.clone());
                }
            }
            for fault in &batch.unreadable {
                faults += 1;
                if faults <= FAULTS_SHOWN {
                    bar.suspend(|| eprintln!("{}: {}", summary.file, fault.why));
                }
            }
            let through = batch.through;
            summary.signals += batch.signals.len() as u64;
            let taken = to.take(batch)?;
            summary.add(&taken);
            sessions.extend(taken.sessions);
            cursor.row = through;
            let rate = rate(summary.signals, began.elapsed().as_secs_f64());
            bar.set_message(format!("{} signals/s", counted(rate)));
            if let Some(path) = place.path.filter(|_| kept.elapsed() >= KEEP_EVERY) {
                cursor.save(path)?;
                kept = monotonic();
            }
        }
        anyhow::Ok(())
    })?;
    cursor.sources.iter().try_for_each(|source| to.complete(source))?;
    summary.took(began.elapsed().as_secs_f64());
    cursor.finished = true;
    if let Some(path) = place.path {
        cursor.save(path)?;
    }
    bar.finish_and_clear();
    summary.sessions = to.sessions(&sessions)?;
    summary.sources = cursor.sources.into_iter().collect();
    Ok(summary)
}

/// The cursor to go on from: the kept one if it is of this import and is not to be done again.
fn begin(place: &Place<'_>) -> anyhow::Result<Cursor> {
    let fresh = Cursor { import: place.import.clone(), ..Cursor::default() };
    let Some(path) = place.path else { return Ok(fresh) };
    let kept = Cursor::load(path)?.filter(|kept| kept.import == place.import);
    Ok(kept.filter(|kept| !(kept.finished && place.again)).unwrap_or(fresh))
}

/// Decoding always begins at the first row, since keys of identical lines and assumed months depend
/// on what stood before; what is behind is decoded and left out.
fn decode(
    input: &Input,
    decoder: Decoder,
    (behind, batch_max): (u64, usize),
    bar: &ProgressBar,
    to: &SyncSender<anyhow::Result<Batch>>,
) {
    let items = input.open(bar).and_then(|reader| decoder.items(reader));
    let items = match items {
        Ok(items) => items,
        Err(error) => {
            let _ = to.send(Err(error));
            return;
        }
    };
    for batch in Batches::new(items, behind, batch_max) {
        let batch = batch.map_err(|why| anyhow!("{}: {why}", input.name()));
        // Nobody takes it: the other side has failed and says why.
        if to.send(batch).is_err() {
            return;
        }
    }
}
