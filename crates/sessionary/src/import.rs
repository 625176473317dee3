//! Importing a file: bytes to batches of signals, with progress and a place to go on from.
use std::path::PathBuf;

use anyhow::bail;

use crate::{arguments::Import, client::Client, config};

mod batches;
mod cursor;
mod decoding;
mod destination;
mod file;
mod job;
mod offline;
mod online;
mod summary;
mod transfer;

pub(crate) use batches::{Batch, Batches};
pub(crate) use cursor::Cursor;
pub(crate) use decoding::Decoder;
pub(crate) use destination::{Destination, Nowhere, Taken};
pub(crate) use file::Input;
pub(crate) use job::Job;
pub(crate) use offline::Offline;
pub(crate) use online::Online;
pub(crate) use summary::Summary;
pub(crate) use transfer::{Place, transfer};

/// The most signals of one request.
pub(crate) const BATCH_SIGNALS_MAX: usize = 500;

/// Does what `sessionary import` was asked.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(arguments: &Import) -> anyhow::Result<()> {
    crate::logging::start("warn");
    let job = Job::of(arguments)?;
    let summary = match (&arguments.url, arguments.dry_run) {
        (_, true) => dry(job)?,
        (Some(url), false) => online(arguments, job, url)?,
        (None, false) => offline(arguments, job)?,
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        print!("{summary}");
    }
    if summary.signals == 0 && summary.quarantined > 0 {
        bail!("no row could be read; is --format right?");
    }
    Ok(())
}

fn dry(job: Job) -> anyhow::Result<Summary> {
    let place = Place { path: None, import: String::new(), again: false };
    transfer(job, &mut Nowhere, &place, &|| false)
}

fn offline(arguments: &Import, job: Job) -> anyhow::Result<Summary> {
    let config = config::load(arguments.config.as_deref())?;
    let dir = &arguments.data_dir.data_dir;
    let import = job.name(&arguments.tenant)?;
    let kept = dir.join("imports").join(format!("{import}.json"));
    let path = arguments.state.clone().unwrap_or(kept);
    let mut to = Offline::open(dir, &config, &arguments.tenant)?;
    let place = Place { path: Some(&path), import, again: arguments.again };
    let summary = transfer(job, &mut to, &place, &|| false);
    to.close();
    summary
}

fn online(arguments: &Import, job: Job, url: &str) -> anyhow::Result<Summary> {
    let client = Client::new(url, arguments.key.as_deref())?;
    let import = job.name(url)?;
    let beside = || {
        let mut name = arguments.file.clone().into_os_string();
        name.push(".import-state");
        PathBuf::from(name)
    };
    let path = arguments.state.clone().unwrap_or_else(beside);
    let place = Place { path: Some(&path), import, again: arguments.again };
    transfer(job, &mut Online::new(&client), &place, &|| false)
}

#[cfg(test)]
mod tests;
