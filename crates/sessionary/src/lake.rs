//! `sessionary lake`: writing the lake, beside a server and without one.
use std::sync::Arc;

use anyhow::Context;
use indicatif::ProgressBar;
use serde_json::json;
use sessionary_engine::{
    Engine,
    lake::{Contents, Lake, LakeWriter, Progress, Writing},
    registry::Registry,
};

use crate::{
    arguments,
    config::{self, Config},
    directory,
    exit::Exit,
    logging,
};

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

/// Writes or compacts the lake of a directory that no server has open.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(command: &arguments::Lake) -> anyhow::Result<()> {
    logging::start("warn");
    let (arguments::Lake::Write(arguments) | arguments::Lake::Compact(arguments)) = command;
    let config = config::load(None)?;
    if !config.lake.enabled {
        let message = "lake.enabled is false, so there is no lake to write".to_owned();
        return Err(Exit { code: 78, message }.into());
    }
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    let how = "which writes its lake by itself, every lake.append_every_ms";
    let (store, registry) = directory::open_unserved(dir, &config, how)?;
    let rules = directory::kept_rules(&store, &config)?;
    let engine = directory::start(store, &registry, &config, rules)?;
    let root = config.lake_root(dir);
    let (rows, folders) =
        write_all(&engine, &registry, &Lake::new(&root), command, config.lake_settings().contents)?;
    engine.shutdown();
    let root = root.display();
    if arguments.json {
        println!("{}", json!({ "path": root.to_string(), "rows": rows, "compacted": folders }));
    } else {
        println!("{rows} records were written to {root}");
        if matches!(command, arguments::Lake::Compact(_)) {
            println!("the files of {folders} days were made one");
        }
    }
    Ok(())
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
        arguments::Lake::Write(_) => 0,
        arguments::Lake::Compact(_) => writer.compact_all()?,
    };
    bar.finish_and_clear();
    Ok((rows, folders))
}
