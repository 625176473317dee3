//! Importing a file: bytes to batches of signals, with progress and a place to go on from.
//!
//! Decoding always begins at the first row, since keys of identical lines and assumed months depend
//! on what stood before; what a cursor has behind it is decoded and left out.
use std::path::Path;

use anyhow::{Context, bail};
use sessionary_dialects::{
    access_log::{AccessLogSettings, PageRule},
    mapping::Mapping,
};

use crate::arguments::{Format, Import, PageStatus};

mod batches;
mod cursor;
mod decoding;
mod file;
pub(crate) use batches::{Batch, Batches};
pub(crate) use cursor::{Cursor, digest_of};
pub(crate) use decoding::{Decoder, Unreadable};
pub(crate) use file::open;

/// The most signals of one batch, as of one request.
pub(crate) const BATCH_SIGNALS_MAX: usize = 500;

/// Faults that are printed one by one; of further ones only the number is told.
const FAULTS_SHOWN: usize = 10;

/// What a file came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Signals handed on.
    pub(crate) signals: u64,
    /// Rows that could not be read.
    pub(crate) unreadable: u64,
}

/// Does what `sessionary import` was asked.
#[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
pub(crate) fn run(arguments: &Import) -> anyhow::Result<()> {
    if !arguments.dry_run {
        bail!("importing into a store or a server is not built yet; use --dry-run");
    }
    let tally = read(arguments, None, |_| Ok(()))?;
    eprintln!(
        "{}: {} signals, {} rows that cannot be read",
        arguments.file.display(),
        tally.signals,
        tally.unreadable
    );
    Ok(())
}

/// Reads the file and hands on its batches, from after `from` on. A row that cannot be read is
/// told and passed over; an error of `hand_on` ends the import.
#[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
pub(crate) fn read(
    arguments: &Import,
    from: Option<&Cursor>,
    mut hand_on: impl FnMut(Batch) -> anyhow::Result<()>,
) -> anyhow::Result<Tally> {
    let digest = digest_of(&arguments.file)?;
    if let Some(from) = from.filter(|from| from.file != digest) {
        bail!("the file is not the one that was begun with (digest {}, now {digest})", from.file);
    }
    let (reader, progress) = open(&arguments.file)?;
    let items = decoder(arguments)?.items(reader)?;
    let mut tally = Tally::default();
    let faults = |fault: Unreadable| {
        if tally.unreadable < FAULTS_SHOWN as u64 {
            progress.suspend(|| eprintln!("{}: {fault}", arguments.file.display()));
        }
        tally.unreadable += 1;
    };
    let behind = from.map_or(0, |from| from.row);
    for batch in Batches::new(items, digest, behind, faults) {
        tally.signals += batch.signals.len() as u64;
        hand_on(batch)?;
    }
    progress.finish_and_clear();
    Ok(tally)
}

/// The decoder that the flags describe.
pub(crate) fn decoder(arguments: &Import) -> anyhow::Result<Decoder> {
    if let Some(path) = &arguments.mapping {
        return mapped(path, arguments);
    }
    Ok(match arguments.format {
        Format::AccessLog => {
            let defaults = AccessLogSettings::default();
            let settings = AccessLogSettings {
                visitor: arguments.identity,
                page: match arguments.page_status {
                    PageStatus::Shown => PageRule::default(),
                    PageStatus::Any => PageRule::any_status(),
                },
                site: arguments.site.as_deref().map(Into::into),
                source: arguments.source.as_deref().map_or(defaults.source, Into::into),
            };
            Decoder::AccessLog(settings, arguments.only)
        }
        Format::Csv => bail!("a table needs --mapping FILE; docs/formats/mapping.md describes it"),
        Format::Ndjson => Decoder::OwnForm { source: arguments.source.clone().unwrap_or_default() },
    })
}

fn mapped(path: &Path, arguments: &Import) -> anyhow::Result<Decoder> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the mapping {} cannot be read", path.display()))?;
    let mut mapping =
        Mapping::parse(&text).with_context(|| format!("mapping {}", path.display()))?;
    let asked = match arguments.format {
        Format::AccessLog => bail!("an access log needs no --mapping"),
        Format::Csv => "csv",
        Format::Ndjson => "ndjson",
    };
    if mapping.format.word() != asked {
        bail!("--format is {asked}, and {} is for {}", path.display(), mapping.format.word());
    }
    if let Some(source) = &arguments.source {
        mapping.source = source.as_str().into();
    }
    Ok(Decoder::Mapping(Box::new(mapping)))
}

#[cfg(test)]
mod tests;
