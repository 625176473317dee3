//! Whose lake the files of a place are, and since when.
//!
//! A file in the root bears a name of the data directory and a number, the generation, that the state
//! in the store has as well. Where they differ, or there is no such file, the files are not those that
//! the state tells of: the place was named anew, emptied, or is of long ago. Then everything is written
//! once more, under a generation of its own.
use serde::{Deserialize, Serialize};
use sessionary_lake::{LakeError, files::Place};

use crate::registry::Registry;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// A name of the data directory, of which nothing can be learned.
    pub(crate) lake: String,
    /// How often the lake was begun.
    pub(crate) generation: u64,
}

impl Mark {
    /// That of a data directory.
    pub(crate) fn of(secret: &[u8], generation: u64) -> Mark {
        let name = blake3::derive_key("Sessionary 2026 name of a lake", secret);
        let lake = name.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Mark { lake, generation }
    }

    /// What is there; `None`: nothing, or nothing that can be read.
    pub(crate) fn read(place: &dyn Place) -> Result<Option<Mark>, LakeError> {
        Ok(place.mark()?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Makes it durable.
    pub(crate) fn write(&self, place: &dyn Place) -> Result<(), LakeError> {
        place.set_mark(&serde_json::json!(self).to_string())
    }

    /// Whether this is of the same data directory.
    pub(crate) fn is_of_the_same(&self, other: &Mark) -> bool {
        self.lake == other.lake
    }
}

/// The bytes that a data directory's name is made of.
pub(crate) fn secret_of(registry: &Registry) -> [u8; 32] {
    registry.secrets().identity_hash
}
