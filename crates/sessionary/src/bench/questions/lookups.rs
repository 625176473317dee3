//! Q9: single sessions with all that is known of them, by their ids.
use std::{num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::{cast, sort_to_indices, take_record_batch},
    datatypes::DataType,
};
use serde_json::{Value, json};
use sessionary_engine::clock::monotonic;
use sessionary_lake::{
    files::{LakeFiles, Listed},
    lookup::Lookup,
    scan::Scan,
};

/// Sessions that are looked up.
const LOOKUPS: usize = 20;

/// What was found, and how long it took in the median.
pub(super) struct Found {
    /// Of each session its id and how many events it has.
    pub(super) rows: Vec<Value>,
    pub(super) median: Duration,
}

/// Looks up sessions that lie evenly over the file, each with its events in the order of time. Footers
/// are read before; what the first one warms is not measured.
pub(super) fn sessions(folder: &Path) -> anyhow::Result<Found> {
    let files = LakeFiles::folder(folder);
    let open = |name: &str| -> anyhow::Result<Lookup> {
        let name = format!("{name}.parquet");
        let bytes = folder.join(&name).metadata().with_context(|| format!("there is no {name}"))?;
        Ok(Lookup::open(&files, &Listed { name, bytes: bytes.len() }, "session_id")?)
    };
    let (sessions, events) = (open("sessions")?, open("events")?);
    let ids = spread(&folder.join("sessions.parquet"))?;
    if let Some(first) = ids.first() {
        one(&sessions, &events, first)?;
    }
    let (mut rows, mut took) = (Vec::new(), Vec::new());
    for id in &ids {
        let began = monotonic();
        let (session, events) = one(&sessions, &events, id)?;
        took.push(monotonic().duration_since(began));
        anyhow::ensure!(session.num_rows() == 1, "{id} is there {} times", session.num_rows());
        rows.push(json!([id, events.num_rows()]));
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    Ok(Found { rows, median })
}

fn one(sessions: &Lookup, events: &Lookup, id: &str) -> anyhow::Result<(RecordBatch, RecordBatch)> {
    let (session, events) = (sessions.find(id)?, events.find(id)?);
    let at = events.column_by_name("ts").context("events have no column `ts`")?;
    let order = sort_to_indices(at, None, None)?;
    Ok((session, take_record_batch(&events, &order)?))
}

/// The ids of so many rows, as far from each other and from the ends as can be.
fn spread(path: &Path) -> anyhow::Result<Vec<String>> {
    let scan = Scan::open(path, &["session_id"])?;
    let rows = usize::try_from(scan.rows())?;
    let mut places =
        (0..LOOKUPS).map(|number| (2 * number + 1) * rows / (2 * LOOKUPS + 1)).peekable();
    let (mut ids, mut begin) = (Vec::new(), 0);
    // On one thread, batches come in their order.
    let mut batches = Vec::new();
    for read in scan.each(NonZeroUsize::MIN, &Vec::new(), |kept: &mut Vec<ArrayRef>, batch| {
        kept.push(Arc::clone(batch.column(0)));
        Ok(())
    })? {
        batches.extend(read);
    }
    for batch in batches {
        while let Some(place) = places.next_if(|place| *place < begin + batch.len()) {
            let id = cast(&batch.slice(place - begin, 1), &DataType::Utf8)?;
            ids.push(id.as_string::<i32>().value(0).to_owned());
        }
        begin += batch.len();
    }
    Ok(ids)
}
