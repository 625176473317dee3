//! Whose lake the files of a place are, and since when.
//!
//! A file in the root bears a name of the data directory and a number, the generation, that the state
//! in the store has as well. Where they differ, or there is no such file, the files are not those that
//! the state tells of: the place was named anew, emptied, or is of long ago. Then everything is written
//! once more, under a generation of its own.
use serde::{Deserialize, Serialize};
use sessionary_core::lane::HashSecret;
use sessionary_lake::{LakeError, files::Place};

use super::LakeFault;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// A name of the data directory, of which nothing can be learned.
    pub(crate) lake: String,
    /// How often the lake was begun.
    pub(crate) generation: u64,
}

impl Mark {
    /// That of the data directory with this secret.
    pub(crate) fn of(secret: &HashSecret, generation: u64) -> Mark {
        let mut hasher = blake3::Hasher::new_derive_key("Sessionary 2026 name of a lake");
        hasher.update(&secret.0);
        let lake = hasher.finalize().to_hex().chars().take(32).collect();
        Mark { lake, generation }
    }

    /// What is there; `None`: nothing, or nothing that can be read.
    fn read(place: &dyn Place) -> Result<Option<Mark>, LakeError> {
        Ok(place.mark()?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Makes it durable.
    pub(crate) fn write(&self, place: &dyn Place) -> Result<(), LakeError> {
        place.set_mark(&serde_json::json!(self).to_string())
    }

    /// As [`Mark::of_ours`], for whoever reads the files.
    pub(crate) fn read_by(
        place: &dyn Place,
        secret: &HashSecret,
    ) -> Result<Option<Mark>, LakeError> {
        Mark::of_ours(place, secret).map_err(|fault| match fault {
            LakeFault::Files(error) => error,
            fault => LakeError::Source(Box::new(fault)),
        })
    }

    /// What is there, unless it is of another data directory.
    pub(crate) fn of_ours(
        place: &dyn Place,
        secret: &HashSecret,
    ) -> Result<Option<Mark>, LakeFault> {
        let mark = Mark::read(place)?;
        match mark {
            Some(mark) if mark.lake != Mark::of(secret, 0).lake => {
                Err(LakeFault::NotOurs { root: place.root().to_owned() })
            }
            mark => Ok(mark),
        }
    }
}
