//! One session by its id, without finding out which rows hold of all the others.
use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Int64Type, SchemaRef},
};
use sessionary_core::id::SessionId;

use super::Source;
use crate::{LakeError, evolve::with_columns, export::folder, layout::LakeTable, lookup::Lookup};

/// Where the row of a session is that holds.
#[derive(Debug)]
pub(super) enum One {
    /// In a file: the row.
    InFile(RecordBatch),
    /// Beside the files.
    Beside,
    /// There is no such session.
    Nowhere,
}

/// Finds the row of a session that holds now, in these columns: by the rule of
/// [`standing`](super::standing), out of the files of its day.
pub(super) fn find(source: &Source, id: SessionId, schema: &SchemaRef) -> Result<One, LakeError> {
    let (table, id_text) = (LakeTable::Sessions, id.to_string());
    // Beside first: what moves into a file meanwhile is then in both.
    let beside = source.tables.live_session(id)?;
    let mut best: Option<(i64, RecordBatch)> = None;
    let day = format!("{}/{}", table.name(), folder(&source.tenant, id));
    for file in source.files.place().list(&day)? {
        let rows = Lookup::open(&source.files, &file, table.id_column())?.find(&id_text)?;
        for row in (0..rows.num_rows()).map(|row| rows.slice(row, 1)) {
            let row = with_columns(&row, schema)?;
            let revision = revision(&row, table).unwrap_or(0);
            if best.as_ref().is_none_or(|(highest, _)| *highest < revision) {
                best = Some((revision, row));
            }
        }
    }
    Ok(match (best, beside) {
        (None, None) => One::Nowhere,
        (None, Some(_)) => One::Beside,
        (Some((highest, row)), beside) => {
            let is_beside = beside.is_some_and(|session| {
                let revision = i64::from(session.revision);
                revision > highest || revision == highest && !session.is_cut
            });
            if is_beside { One::Beside } else { One::InFile(row) }
        }
    })
}

fn revision(row: &RecordBatch, table: LakeTable) -> Option<i64> {
    let revisions = row.column_by_name(table.revision_column())?;
    revisions.as_primitive_opt::<Int64Type>()?.iter().next()?
}
