//! The files of the common questions, and how operators are run over them.
use std::{num::NonZeroUsize, path::PathBuf};

use sessionary_lake::{LakeError, Links, People, Split, operators::Operator, scan::Scan};

/// A folder with `raw.parquet`, `events.parquet`, `sessions.parquet` and `identities.parquet`.
pub(super) struct Files {
    pub(super) dir: PathBuf,
    pub(super) threads: NonZeroUsize,
}

impl Files {
    pub(super) fn new(dir: PathBuf, threads: NonZeroUsize) -> Files {
        Files { dir, threads }
    }

    pub(super) fn scan(&self, name: &str, columns: &[&str]) -> Result<Scan, LakeError> {
        Scan::open(&self.dir.join(format!("{name}.parquet")), columns)
    }

    /// Gives each thread a clone of the operator, and all batches to them.
    pub(super) fn push<O: Operator + Sync>(
        &self,
        scan: &Scan,
        operator: &O,
    ) -> Result<Vec<O>, LakeError> {
        scan.each(self.threads, operator, O::push)
    }

    pub(super) fn ask<O: Operator + Sync>(
        &self,
        scan: &Scan,
        operator: &O,
    ) -> Result<O::Answer, LakeError> {
        O::together(self.push(scan, operator)?, self.threads)
    }

    /// Who is who, for questions over so many rows.
    pub(super) fn people(&self, rows: u64) -> Result<People, LakeError> {
        let scan = self.scan("identities", &["visitor_id", "person_id"])?;
        let links = Links::new("visitor_id", "person_id", Split::for_rows(rows));
        Ok(Links::people(scan.each(self.threads, &links, Links::push)?))
    }
}
