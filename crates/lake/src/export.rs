//! The sessions of a data directory as files that any engine reads: one folder a tenant and day.
use std::{fmt::Write, sync::Arc};

use serde_json::Value;
use sessionary_core::{id::SessionId, lane::HashSecret, signal::TenantId};

use crate::{
    LakeError,
    files::Place,
    parquet_file::{ParquetFile, Written},
    sessions::SessionRows,
};

/// Rows that are gathered before they go to the file.
pub(crate) const BATCH: usize = 8_192;
/// Rows of one file; the folder gets another behind it.
pub(crate) const ROWS_MAX: u64 = 1 << 20;
/// The folder of the table of sessions.
pub const SESSIONS: &str = "sessions";

/// The folder of a session below that of its table: `tenant=shop/dt=2026-01-05`. The day is the one
/// in the id, UTC, so all revisions of a session lie in one folder.
pub fn folder(tenant: &str, id: SessionId) -> String {
    let at = id.at().to_string();
    let day = at.split_once('T').map_or(&*at, |(day, _)| day);
    format!("tenant={}/dt={day}", escaped(tenant))
}

/// What the names of the files of a number begin with; their order is that of the numbers.
pub(crate) fn begin_of(number: u64) -> String {
    format!("{number:010}-")
}

/// The number in the name of a file of the lake.
pub fn number_of(name: &str) -> Option<u64> {
    let (_, file) = name.rsplit_once('/')?;
    file.split_once('-')?.0.parse().ok()
}

pub(crate) fn file_name(begin: &str, part: u32) -> String {
    format!("{begin}{part:05}.parquet")
}

/// A name as the value of a folder: what would end it or mean something there is written as Hive
/// does, `%` and two digits.
fn escaped(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        if is_plain(letter) {
            escaped.push(letter);
            continue;
        }
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Whose sessions: the name in the folders, and the number under which identities are hashed.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The tenant's name.
    pub name: &'a str,
    /// The tenant's number.
    pub number: TenantId,
}

/// Sessions on their way into files. Those of one folder come one after the other.
pub struct Export {
    place: Arc<dyn Place>,
    /// What the names of the files begin with.
    begin: String,
    secret: HashSecret,
    rows: SessionRows,
    /// The folder that is being written to, and how many files it has already.
    open: Option<(String, u32, ParquetFile)>,
    written: Vec<Written>,
}

impl Export {
    /// Into the folder `sessions` of a place; identities are hashed under `secret`.
    pub fn new(place: Arc<dyn Place>, secret: HashSecret) -> Export {
        let rows = SessionRows::new();
        Export { place, begin: String::new(), secret, rows, open: None, written: Vec::new() }
    }

    /// The same, beside files that are there: these bear a number that no other files of the lake
    /// have. The same sessions under the same number make the same files, and overwrite them.
    pub fn numbered(place: Arc<dyn Place>, secret: HashSecret, number: u64) -> Export {
        Export { begin: begin_of(number), ..Export::new(place, secret) }
    }

    /// Adds the cut record of a session.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn push(
        &mut self,
        owner: Owner<'_>,
        id: SessionId,
        record: &Value,
    ) -> Result<(), LakeError> {
        let folder = folder(owner.name, id);
        let next = match &self.open {
            Some((open, _, file)) if *open == folder && file.rows() < ROWS_MAX => None,
            Some((open, number, _)) if *open == folder => Some(number + 1),
            Some(_) | None => Some(0),
        };
        if let Some(number) = next {
            self.close()?;
            let name = format!("{SESSIONS}/{folder}/{}", file_name(&self.begin, number));
            let file = ParquetFile::create(&self.place, &name, self.rows.schema())?;
            self.open = Some((folder, number, file));
        }
        self.rows.push(record, owner.number, &self.secret)?;
        if self.rows.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), LakeError> {
        match &mut self.open {
            Some((_, _, file)) if !self.rows.is_empty() => file.write(&self.rows.finish()?),
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), LakeError> {
        self.flush()?;
        if let Some((_, _, file)) = self.open.take() {
            self.written.push(file.finish()?);
        }
        Ok(())
    }

    /// Finishes the last file; gives all of them.
    ///
    /// # Errors
    /// The disk's, with the path.
    pub fn finish(mut self) -> Result<Vec<Written>, LakeError> {
        self.close()?;
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_by_tenant_and_the_day_in_the_id() {
        let id = SessionId::parse("0198c1f2-0000-7000-8000-000000000001").unwrap();
        assert_eq!(folder("shop", id), "tenant=shop/dt=2025-08-19");
        assert_eq!(folder("bücher.example", id), "tenant=bücher.example/dt=2025-08-19");
        assert_eq!(folder("a=b:c", id), "tenant=a%3Db%3Ac/dt=2025-08-19");
    }
}
