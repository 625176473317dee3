//! `sessionary lake`: writing the lake, beside a server and without one.
use std::{path::Path, sync::Arc};

use anyhow::Context;
use indicatif::ProgressBar;
use serde_json::json;
use sessionary_deliver::{Secret, SettingsError};
use sessionary_engine::{
    Engine,
    lake::{Bucket, BucketError, BucketSettings, Contents, Lake, LakeWriter, Progress, Writing},
    registry::Registry,
};
use sessionary_lake::files::Checked;
use url::Url;

use crate::{
    arguments,
    config::{self, Config},
    directory,
    exit::Exit,
    logging,
};

/// Where files for a bucket lie on their way, in the data directory.
const STAGING: &str = "lake-staging";
/// The same for files that are only looked at, which may be beside a server.
const CHECKING: &str = "lake-checking";

/// The lake of a data directory, where the configuration says.
pub(crate) fn of(config: &Config, data_dir: &Path) -> anyhow::Result<Lake> {
    staged_in(config, data_dir, STAGING)
}

fn staged_in(config: &Config, data_dir: &Path, staging: &str) -> anyhow::Result<Lake> {
    let Some(path) = &config.lake.path.0 else { return Ok(Lake::new(&data_dir.join("lake"))) };
    let url = Url::parse(path).ok().filter(|_| path.contains("://"));
    match url {
        None => Ok(Lake::new(Path::new(path))),
        Some(url) if url.scheme() == "file" => match url.to_file_path() {
            Ok(folder) => Ok(Lake::new(&folder)),
            Err(()) => Err(refused("path", "write file:///folder")),
        },
        Some(url) => {
            let settings = bucket(config, &url)?;
            let bucket = Bucket::open(&settings, &data_dir.join(staging)).map_err(wrong)?;
            Ok(Lake::at(Arc::new(bucket)))
        }
    }
}

fn bucket(config: &Config, url: &Url) -> anyhow::Result<BucketSettings> {
    // What is logged and told holds no secret.
    if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refused(
            "path",
            "write it without credentials; lake.secret names a file of them",
        ));
    }
    let lake = &config.lake;
    let endpoint = lake.endpoint.0.as_ref();
    let secret = match &lake.secret.0 {
        None => None,
        Some(path) => {
            let read = std::fs::read_to_string(path);
            let read = read.with_context(|| format!("lake.secret: {}", path.display()))?;
            Some(Secret::new(read.trim()))
        }
    };
    Ok(BucketSettings {
        url: url.to_string(),
        endpoint: endpoint.map(|url| url.as_str().trim_end_matches('/').to_owned()),
        region: lake.region.0.clone(),
        account: lake.account.0.clone(),
        secret,
    })
}

/// What is wrong with a bucket, by the names of its settings here.
fn wrong(error: BucketError) -> anyhow::Error {
    let BucketError::Settings(SettingsError { pointer, message }) = &error else {
        return error.into();
    };
    let setting = match pointer.as_str() {
        "/secret" => "secret",
        "/options/endpoint" => "endpoint",
        "/options/region" => "region",
        "/options/account" => "account",
        _ => "path",
    };
    refused(setting, message)
}

fn refused(setting: &str, message: &str) -> anyhow::Error {
    Exit { code: 78, message: format!("lake.{setting}: {message}") }.into()
}

/// Has a server write its lake, if it is to have one.
pub(crate) fn write(
    engine: &Engine,
    registry: &Arc<Registry>,
    lake: &Arc<Lake>,
    config: &Config,
) -> anyhow::Result<Option<Writing>> {
    if !config.lake.enabled {
        sessionary_engine::lake::forget(engine.store())?;
        return Ok(None);
    }
    let writing = Writing::start(engine, registry, lake, config.lake_settings());
    writing.map(Some).context("the thread that writes the lake cannot be started")
}

/// Writes, compacts or checks the lake of a directory that no server has open.
pub(crate) fn run(command: &arguments::Lake) -> anyhow::Result<()> {
    logging::start("warn");
    let arguments = command.of_all();
    let config = config::load(None)?;
    if !config.lake.enabled {
        let message = "lake.enabled is false, so there is no lake to write".to_owned();
        return Err(Exit { code: 78, message }.into());
    }
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    if matches!(command, arguments::Lake::Check(_)) {
        return check(&staged_in(&config, dir, CHECKING)?, arguments);
    }
    let lake = of(&config, dir)?;
    let how = "which writes its lake by itself, every lake.append_every_ms";
    let (store, registry) = directory::open_unserved(dir, &config, how)?;
    if matches!(command, arguments::Lake::Write(write) if write.all) {
        sessionary_engine::lake::begin_again(&store)?;
    }
    let rules = directory::kept_rules(&store, &config)?;
    let engine = directory::start(store, &registry, &config, rules)?;
    let (rows, folders) =
        write_all(&engine, &registry, &lake, command, config.lake_settings().contents)?;
    engine.shutdown();
    tell_written(&lake, command, rows, folders);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn tell_written(lake: &Lake, command: &arguments::Lake, rows: usize, folders: usize) {
    let root = lake.root();
    if command.of_all().json {
        println!("{}", json!({ "path": root, "rows": rows, "compacted": folders }));
    } else {
        println!("{rows} records were written to {root}");
        if matches!(command, arguments::Lake::Compact(_)) {
            println!("the files of {folders} days were made one");
        }
    }
}

/// Reads every file, and says which are damaged.
#[expect(clippy::print_stdout, reason = "what the command is for")]
fn check(lake: &Lake, arguments: &arguments::LakeArguments) -> anyhow::Result<()> {
    let bar = ProgressBar::new_spinner();
    let Checked { files, bytes, damaged } = lake.files().check(|name| {
        bar.set_message(name.to_owned());
        bar.tick();
    })?;
    bar.finish_and_clear();
    let said: Vec<String> = damaged.iter().map(ToString::to_string).collect();
    if arguments.json {
        println!("{}", json!({ "files": files, "bytes": bytes, "damaged": said }));
    } else {
        println!("{files} files with {bytes} bytes were read");
    }
    if said.is_empty() {
        return Ok(());
    }
    let message = format!("{} files are damaged:\n{}", said.len(), said.join("\n"));
    Err(Exit { code: 65, message }.into())
}

/// How many records were written, and how many folders compacted.
fn write_all(
    engine: &Engine,
    registry: &Registry,
    lake: &Lake,
    command: &arguments::Lake,
    contents: Contents,
) -> anyhow::Result<(usize, usize)> {
    let bar = ProgressBar::new_spinner();
    let (mut rows, mut files) = (0, 0);
    let mut tell = |progress: Progress| {
        match progress {
            Progress::Read(count) => bar.set_message(format!("{count} records of this part")),
            Progress::Wrote => {
                files += 1;
                bar.set_message(format!("{files} files"));
            }
            Progress::Planned | Progress::Deleted | Progress::Done => {}
        }
        bar.tick();
        true
    };
    let mut writer = LakeWriter::open(engine, registry, lake, contents, &mut tell)?;
    loop {
        match writer.append()? {
            0 => break,
            written => rows += written,
        }
    }
    let folders = match command {
        arguments::Lake::Write(_) | arguments::Lake::Check(_) => 0,
        arguments::Lake::Compact(_) => writer.compact_all()?,
    };
    bar.finish_and_clear();
    Ok((rows, folders))
}
