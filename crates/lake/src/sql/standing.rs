//! Which rows hold: of each id the one with the highest revision, in the files or beside them.
//!
//! All rows of an id lie in the folder of its day, and a file has one row an id. So a folder with one
//! file and no session of its day beside it is taken as it is; of any other the ids and revisions are
//! read, and the rows that do not hold are remembered by their places.
use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use arrow::{
    array::{AsArray, BooleanArray, RecordBatch},
    datatypes::Int64Type,
};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use sessionary_core::id::SessionId;

use super::{LiveSession, Source};
use crate::{
    LakeError,
    export::{SESSIONS, folder},
    files::{LakeFiles, Listed, Opened},
};

/// The rows that hold.
#[derive(Debug)]
pub(crate) struct Standing {
    /// Files, and which of their rows.
    pub(crate) files: Vec<Chosen>,
    /// Sessions whose rows stand beside the files.
    pub(crate) live: Vec<SessionId>,
}

/// A file and the rows of it that do not hold.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) file: Listed,
    /// Rows of the file and places that do not hold, in order; `None`: all hold.
    pub(crate) without: Option<(usize, Vec<usize>)>,
}

impl Chosen {
    /// Which of so many rows from a place on hold; `None`: all.
    pub(crate) fn held(&self, begin: usize, rows: usize) -> Option<BooleanArray> {
        let (_, without) = self.without.as_ref()?;
        let first = without.partition_point(|place| *place < begin);
        let mut without = without.get(first..)?.iter().peekable();
        let held = |row| without.next_if(|place| **place == begin + row).is_none();
        Some((0..rows).map(held).collect::<Vec<bool>>().into())
    }

    /// The rows to read; `None`: all.
    pub(crate) fn selection(&self) -> Option<RowSelection> {
        let (rows, without) = self.without.as_ref()?;
        let mut selectors = Vec::with_capacity(2 * without.len() + 1);
        let mut next = 0;
        for place in without {
            selectors.push(RowSelector::select(place - next));
            selectors.push(RowSelector::skip(1));
            next = place + 1;
        }
        selectors.push(RowSelector::select(rows - next));
        // Of no length they mean nothing, and neighbours of one kind become one.
        Some(RowSelection::from(selectors))
    }
}

/// Finds the rows of a source that hold now.
pub(crate) fn find(source: &Source) -> Result<Standing, LakeError> {
    // Beside first: what moves into a file meanwhile is then in both, and never in none.
    find_in(&source.files, &source.tenant, source.tables.live()?)
}

/// The same of the files of a tenant and the sessions that were found beside it before.
pub(crate) fn find_in(
    files: &LakeFiles,
    tenant: &str,
    beside: Vec<LiveSession>,
) -> Result<Standing, LakeError> {
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    for session in beside {
        let day = folder(tenant, session.id);
        days.entry(day).or_default().live.push(session);
    }
    for (day, chosen) in listed(files, tenant)? {
        days.entry(day).or_default().files = chosen;
    }
    let mut standing = Standing { files: Vec::new(), live: Vec::new() };
    for day in days.into_values() {
        day.settle(files, &mut standing)?;
    }
    Ok(standing)
}

/// The files of each day, by folder, in the order of their names.
fn listed(files: &LakeFiles, tenant: &str) -> Result<BTreeMap<String, Vec<Chosen>>, LakeError> {
    let tenant = folder(tenant, SessionId::default());
    let tenant = tenant.split('/').next().unwrap_or_default();
    let mut days: BTreeMap<String, Vec<Chosen>> = BTreeMap::new();
    for file in files.place().list(&format!("{SESSIONS}/{tenant}"))? {
        let parts: Vec<&str> = file.name.split('/').collect();
        // Whatever lies elsewhere is not ours.
        let [_, tenant, day, _] = parts[..] else { continue };
        if day.starts_with("dt=") {
            let day = format!("{tenant}/{day}");
            days.entry(day).or_default().push(Chosen { file, without: None });
        }
    }
    Ok(days)
}

/// One day of a tenant.
#[derive(Default)]
struct Day {
    files: Vec<Chosen>,
    live: Vec<LiveSession>,
}

/// The best row of an id so far: its revision, its rank among rows of that revision, and its place.
type Best = (i64, Rank, Place);

/// Of two rows of one revision the greater holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It says no more than a file of its revision.
    AsCut,
    /// It is in a file.
    InFile,
    /// It is ahead of a file of its revision.
    Ahead,
}

#[derive(Clone, Copy)]
enum Place {
    Beside,
    File { file: usize, row: usize },
}

impl Day {
    fn settle(mut self, files: &LakeFiles, standing: &mut Standing) -> Result<(), LakeError> {
        if self.files.len() + usize::from(!self.live.is_empty()) > 1 {
            let best = self.best(files)?;
            self.live
                .retain(|session| matches!(best.get(&session.id), Some((_, _, Place::Beside))));
        }
        standing.live.extend(self.live.iter().map(|session| session.id));
        standing.files.append(&mut self.files);
        Ok(())
    }

    /// The rows that hold; the others are put down at their files.
    fn best(&mut self, files: &LakeFiles) -> Result<HashMap<SessionId, Best>, LakeError> {
        let mut best: HashMap<SessionId, Best> = HashMap::new();
        for LiveSession { id, revision, is_cut } in &self.live {
            let rank = if *is_cut { Rank::AsCut } else { Rank::Ahead };
            best.insert(*id, (i64::from(*revision), rank, Place::Beside));
        }
        let mut without = vec![Vec::new(); self.files.len()];
        let mut rows = Vec::with_capacity(self.files.len());
        for (file, chosen) in self.files.iter().enumerate() {
            let opened = files.open(&chosen.file.name, chosen.file.bytes)?;
            rows.push(each_row(&opened, |row, id, revision| {
                let loser =
                    compare(&mut best, id, (revision, Rank::InFile, Place::File { file, row }));
                if let Some(Place::File { file, row }) = loser
                    && let Some(rows) = without.get_mut(file)
                {
                    rows.push(row);
                }
            })?);
        }
        for ((chosen, rows), mut without) in self.files.iter_mut().zip(rows).zip(without) {
            without.sort_unstable();
            chosen.without = (!without.is_empty()).then_some((rows, without));
        }
        Ok(best)
    }
}

/// Keeps the better of two rows; gives the other's place.
fn compare(best: &mut HashMap<SessionId, Best>, id: SessionId, new: Best) -> Option<Place> {
    match best.entry(id) {
        Entry::Vacant(vacant) => {
            vacant.insert(new);
            None
        }
        Entry::Occupied(mut known) => {
            let (revision, rank, place) = *known.get();
            if (new.0, new.1) > (revision, rank) {
                known.insert(new);
                return Some(place);
            }
            Some(new.2)
        }
    }
}

/// Hands on the place, id and revision of every row; gives how many there are.
fn each_row(
    opened: &Opened,
    mut take: impl FnMut(usize, SessionId, i64),
) -> Result<usize, LakeError> {
    let mut row = 0;
    for group in 0..opened.metadata().num_row_groups() {
        for batch in opened.rows(group, &["id", "revision"])? {
            let batch = batch.map_err(|error| opened.damaged(error.to_string()))?;
            for (id, revision) in ids(opened, &batch)? {
                take(row, id, revision);
                row += 1;
            }
        }
    }
    Ok(row)
}

fn ids(opened: &Opened, batch: &RecordBatch) -> Result<Vec<(SessionId, i64)>, LakeError> {
    let ids = batch.column_by_name("id").and_then(|column| column.as_string_opt::<i32>());
    let revisions = batch.column_by_name("revision");
    let revisions = revisions.and_then(|column| column.as_primitive_opt::<Int64Type>());
    let strange = || opened.damaged("it is no file of sessions");
    let (ids, revisions) = ids.zip(revisions).ok_or_else(strange)?;
    ids.iter()
        .zip(revisions)
        .map(|(id, revision)| id.and_then(SessionId::parse).zip(revision).ok_or_else(strange))
        .collect()
}
