//! Which rows hold: of each id the one with the highest revision, in the files or beside them.
//!
//! All rows of an id lie in the folder of its day, and a file has one row an id. So a folder with one
//! file and no session of its day beside it is taken as it is; of any other the ids and revisions are
//! read, and the rows that do not hold are remembered by their places.
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    fs::{self, File},
    path::{Path, PathBuf},
};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::Int64Type,
};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
};
use sessionary_core::id::SessionId;

use super::{LiveSession, Source};
use crate::{LakeError, export::folder};

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
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Rows of the file and places that do not hold, in order; `None`: all hold.
    pub(crate) without: Option<(usize, Vec<usize>)>,
}

impl Chosen {
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
    find_in(&source.root, &source.tenant, source.tables.live()?)
}

/// The same of a tenant's folder and the sessions that were found beside it before.
pub(crate) fn find_in(
    root: &Path,
    tenant: &str,
    beside: Vec<LiveSession>,
) -> Result<Standing, LakeError> {
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    for session in beside {
        let day = folder(tenant, session.id);
        days.entry(day).or_default().live.push(session);
    }
    for (day, files) in listed(root, tenant)? {
        days.entry(day).or_default().files = files;
    }
    let mut standing = Standing { files: Vec::new(), live: Vec::new() };
    for day in days.into_values() {
        day.settle(&mut standing)?;
    }
    Ok(standing)
}

/// The files of each day, by folder, in the order of their names.
fn listed(root: &Path, tenant: &str) -> Result<BTreeMap<String, Vec<Chosen>>, LakeError> {
    let root = root.join("sessions");
    let tenant = folder(tenant, SessionId::default());
    let tenant = tenant.split('/').next().unwrap_or_default().to_owned();
    let mut days = BTreeMap::new();
    for (day, path) in entries(&root.join(&tenant))? {
        if !day.starts_with("dt=") {
            continue;
        }
        let mut files = Vec::new();
        for (name, path) in entries(&path)? {
            if Path::new(&name).extension().is_some_and(|kind| kind == "parquet") {
                let bytes = fs::metadata(&path).map_err(at(&path))?.len();
                files.push(Chosen { path, bytes, without: None });
            }
        }
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        days.insert(format!("{tenant}/{day}"), files);
    }
    Ok(days)
}

/// What is in a folder; nothing, where there is none.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, LakeError> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(folder)(error)),
    };
    let one = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.map_err(at(folder))?;
        Ok((entry.file_name().to_string_lossy().into_owned(), entry.path()))
    };
    found.map(one).collect()
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> LakeError {
    let path = path.to_owned();
    move |source| LakeError::File { path: path.clone(), source }
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
    fn settle(mut self, standing: &mut Standing) -> Result<(), LakeError> {
        if self.files.len() + usize::from(!self.live.is_empty()) > 1 {
            let best = self.best()?;
            self.live
                .retain(|session| matches!(best.get(&session.id), Some((_, _, Place::Beside))));
        }
        standing.live.extend(self.live.iter().map(|session| session.id));
        standing.files.append(&mut self.files);
        Ok(())
    }

    /// The rows that hold; the others are put down at their files.
    fn best(&mut self) -> Result<HashMap<SessionId, Best>, LakeError> {
        let mut best: HashMap<SessionId, Best> = HashMap::new();
        for LiveSession { id, revision, is_cut } in &self.live {
            let rank = if *is_cut { Rank::AsCut } else { Rank::Ahead };
            best.insert(*id, (i64::from(*revision), rank, Place::Beside));
        }
        let mut without = vec![Vec::new(); self.files.len()];
        let mut rows = Vec::with_capacity(self.files.len());
        for (file, chosen) in self.files.iter().enumerate() {
            rows.push(each_row(&chosen.path, |row, id, revision| {
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
fn each_row(path: &Path, mut take: impl FnMut(usize, SessionId, i64)) -> Result<usize, LakeError> {
    let damaged = |source| LakeError::Parquet { path: path.to_owned(), source };
    let file = File::open(path).map_err(at(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    let wanted = ProjectionMask::columns(builder.parquet_schema(), ["id", "revision"]);
    let reader = builder.with_projection(wanted).build().map_err(damaged)?;
    let mut row = 0;
    for batch in reader {
        for (id, revision) in ids(path, &batch?)? {
            take(row, id, revision);
            row += 1;
        }
    }
    Ok(row)
}

fn ids(path: &Path, batch: &RecordBatch) -> Result<Vec<(SessionId, i64)>, LakeError> {
    let ids = batch.column_by_name("id").and_then(|column| column.as_string_opt::<i32>());
    let revisions = batch.column_by_name("revision");
    let revisions = revisions.and_then(|column| column.as_primitive_opt::<Int64Type>());
    let strange = || {
        let path = path.display();
        LakeError::Parameter(format!("{path} is no file of sessions: move it out of the lake"))
    };
    let (ids, revisions) = ids.zip(revisions).ok_or_else(strange)?;
    ids.iter()
        .zip(revisions)
        .map(|(id, revision)| id.and_then(SessionId::parse).zip(revision).ok_or_else(strange))
        .collect()
}
