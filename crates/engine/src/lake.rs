//! The lake: every record that is cut becomes a row of a Parquet file, a little later and once.
//!
//! The fold notes each cut in a queue of the store ([`state::queued`]). A thread of its own takes what
//! has gathered, a plan at a time: the plan is durable first, then its files are written under names
//! that only it has, then its end is durable. A crash in between has the same plan carried out again,
//! which writes the same files over those that are there. So a reader finds every revision of every
//! session at least once, and two rows of one revision are the same; compaction leaves one row a
//! session (docs/decisions/0021).
use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use sessionary_core::{id::SessionId, signal::TenantId};
use sessionary_lake::{
    LakeError,
    files::{LakeFiles, Place},
};
use sessionary_store::{
    Read,
    keys::{parse_lake_queue_key, parse_record_key},
};

use crate::{Engine, EngineError, healing::describe, registry::Registry};

mod bucket;
mod beginning;
mod folders;
mod mark;
mod state;
mod writer;

pub use bucket::{Bucket, BucketError, BucketSettings};
use folders::Quiet;
pub(crate) use mark::Mark;
pub use state::{begin_again, forget};
pub use writer::{LakeWriter, Progress};

/// When the lake is written.
#[derive(Clone, Copy, Debug)]
pub struct LakeSettings {
    /// What has gathered is written this often.
    pub append_every: Duration,
    /// A day's files become one after so long without another one.
    pub compact_after: Duration,
    /// What of a session is written.
    pub contents: Contents,
}

/// What of a session is written to the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Its row, and its signals.
    WithSignals,
    /// Its row.
    SessionsAlone,
}

/// Why the lake was not written.
#[derive(Debug, thiserror::Error)]
pub enum LakeFault {
    /// The engine or its store.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The files.
    #[error(transparent)]
    Files(#[from] LakeError),
    /// A record that was cut is no JSON.
    #[error(
        "the record of session {session} is damaged: run `sessionary check` on the data directory"
    )]
    Record {
        /// Whose.
        session: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The files are of another data directory.
    #[error(
        "{root} is the lake of another data directory; name another folder or prefix with lake.path, \
         or remove all that is below it"
    )]
    NotOurs {
        /// Where.
        root: String,
    },
    /// What is free is kept for signals.
    #[error(
        "the disk has no room: {free} bytes are free, and {needed} are kept for signals \
         ([store] min_free_bytes); the lake goes on when there is room"
    )]
    NoRoom {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        needed: u64,
    },
    /// It was told to stop.
    #[error("it was told to stop")]
    Stopped,
}

impl LakeFault {
    /// The exit code that a program ends with on this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            LakeFault::Engine(error) => error.exit_code(),
            LakeFault::Files(_) | LakeFault::NoRoom { .. } => 74,
            LakeFault::Record { .. } => 65,
            LakeFault::NotOurs { .. } => 78,
            LakeFault::Stopped => 70,
        }
    }
}

/// The lake of a server: where it is, and who reads its files.
#[derive(Debug)]
pub struct Lake {
    files: Arc<LakeFiles>,
    readers: Arc<Mutex<u32>>,
}

/// No file of the lake goes away while this is kept: for whoever lists files and reads them
/// afterwards. New ones may come.
#[derive(Debug)]
pub struct Reading(Arc<Mutex<u32>>);

impl Lake {
    /// The lake in this folder.
    pub fn new(root: &Path) -> Lake {
        Lake::of(LakeFiles::folder(root))
    }

    /// The lake of this place.
    pub fn at(place: Arc<dyn Place>) -> Lake {
        Lake::of(LakeFiles::new(place))
    }

    fn of(files: LakeFiles) -> Lake {
        Lake { files: Arc::new(files), readers: Arc::default() }
    }

    /// Its files.
    pub fn files(&self) -> &Arc<LakeFiles> {
        &self.files
    }

    /// Where they are, as a person knows it.
    pub fn root(&self) -> &str {
        self.place().root()
    }

    fn place(&self) -> &Arc<dyn Place> {
        self.files.place()
    }

    /// Keeps all files that are there now.
    pub fn reading(&self) -> Reading {
        *self.readers() += 1;
        Reading(Arc::clone(&self.readers))
    }

    /// Lets nobody begin to read while this is kept; `None` while somebody reads.
    fn deleting(&self) -> Option<MutexGuard<'_, u32>> {
        Some(self.readers()).filter(|readers| **readers == 0)
    }

    fn readers(&self) -> MutexGuard<'_, u32> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *readers = readers.saturating_sub(1);
    }
}

/// The sessions of a tenant with a record that is not in the lake yet; `None` when that is not known:
/// there is no lake, not all of its history is there, or these files are not what was written.
///
/// # Errors
/// Damage of the store.
pub(crate) fn waiting(
    store: &impl Read,
    tenant: TenantId,
    mark: Option<&Mark>,
) -> Result<Option<Vec<SessionId>>, EngineError> {
    let is_there = |state: &state::State| {
        state.history.is_none() && mark.is_some_and(|mark| mark.generation == state.generation)
    };
    let Some(state) = state::State::read(store)?.filter(is_there) else {
        return Ok(None);
    };
    let keys = state::queued(store, &state.done, usize::MAX)?;
    let records = keys.iter().filter_map(|key| parse_lake_queue_key(key));
    let sessions = records.filter_map(|(_, record)| parse_record_key(&record));
    let own = sessions.filter(|(owner, ..)| TenantId(*owner) == tenant);
    Ok(Some(own.map(|(_, session, _)| SessionId(session)).collect()))
}

/// The thread that writes the lake.
pub struct Writing {
    stop: Arc<Stop>,
    lake: Arc<Lake>,
    thread: Option<JoinHandle<()>>,
}

/// A request to stop, which also ends a wait.
#[derive(Default)]
struct Stop {
    is_set: AtomicBool,
    lock: Mutex<()>,
    told: Condvar,
}

impl Stop {
    fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.told.notify_all();
    }

    /// Waits so long, or until it is set; gives whether it is.
    fn wait(&self, most: Duration) -> bool {
        let held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(held, most, |()| !self.is_set());
        drop(waited);
        self.is_set()
    }
}

impl Writing {
    /// Starts writing.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        engine: &Engine,
        registry: &Arc<Registry>,
        lake: &Arc<Lake>,
        settings: LakeSettings,
    ) -> std::io::Result<Writing> {
        let stop = Arc::new(Stop::default());
        let (engine, registry, written) = (engine.clone(), Arc::clone(registry), Arc::clone(lake));
        let heard = Arc::clone(&stop);
        let work = move || write_until(&engine, &registry, &written, &settings, &heard);
        let thread = std::thread::Builder::new().name("lake".to_owned()).spawn(work)?;
        Ok(Writing { stop, lake: Arc::clone(lake), thread: Some(thread) })
    }

    /// Stops after the file that is being written, or in the midst of one for a bucket; the rest
    /// follows after the next start.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.set();
        self.lake.place().close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.end();
    }
}

fn write_until(
    engine: &Engine,
    registry: &Registry,
    lake: &Lake,
    settings: &LakeSettings,
    stop: &Stop,
) {
    let (mut trouble, mut quiet) = (false, Quiet::default());
    while !stop.wait(settings.append_every) {
        let mut go_on = |_: Progress| !stop.is_set();
        let written = LakeWriter::open(engine, registry, lake, settings.contents, &mut go_on)
            .and_then(|mut writer| write_what_there_is(&mut writer, settings, &mut quiet));
        match written {
            Ok(()) if trouble => {
                tracing::info!("the lake is written again");
                trouble = false;
            }
            Ok(()) | Err(LakeFault::Stopped) => {}
            Err(_) if stop.is_set() => {}
            Err(error) if !trouble => {
                let cause = describe(&error);
                let root = lake.root();
                tracing::error!(cause, root, "the lake cannot be written; it is tried again");
                trouble = true;
            }
            Err(_) => {}
        }
    }
}

fn write_what_there_is(
    writer: &mut LakeWriter<'_>,
    settings: &LakeSettings,
    quiet: &mut Quiet,
) -> Result<(), LakeFault> {
    while writer.append()? > 0 {}
    writer.empty_trash()?;
    writer.compact(quiet, |quiet, folder| quiet.is_due(folder, settings.compact_after))?;
    Ok(())
}

#[cfg(test)]
mod tests;
