//! `sessionary export`: what a data directory has, as files that any engine reads.
use std::{path::Path, sync::Arc};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use sessionary_core::lane::HashSecret;
use sessionary_engine::{
    Engine,
    registry::{Registry, Tenant},
};
use sessionary_lake::{
    export::{Export, Owner},
    files::Folder,
    parquet_file::Written,
};

use crate::{
    arguments::{self, ExportSessions},
    config, directory,
    exit::Exit,
    logging,
};

/// Sessions between two looks at the bar.
const SHOW_EVERY: u64 = 1_000;

/// Exports what was asked for.
pub(crate) fn run(command: &arguments::Export) -> anyhow::Result<()> {
    logging::start("warn");
    match command {
        arguments::Export::Sessions(arguments) => sessions(arguments),
    }
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn sessions(arguments: &ExportSessions) -> anyhow::Result<()> {
    must_be_free(&arguments.to)?;
    let config = config::load(None)?;
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    let how = "by GET /v1/sessions, or stop it for as long as the export takes";
    let (store, registry) = directory::open_unserved(dir, &config, how)?;
    let tenants = tenants(&registry, arguments.tenant.as_deref())?;
    let rules = directory::kept_rules(&store, &config)?;
    let engine = directory::start(store, &registry, &config, rules)?;
    let to = Arc::new(Folder::new(&arguments.to));
    let secret = HashSecret(registry.secrets().identity_hash);
    let written = write(&engine, &tenants, Export::new(to, secret))?;
    engine.shutdown();
    println!(
        "{}",
        if arguments.json {
            told(&arguments.to, &written).to_string()
        } else {
            said(arguments, &written)
        }
    );
    Ok(())
}

/// Rows beside those of an earlier export would be there twice.
fn must_be_free(to: &Path) -> anyhow::Result<()> {
    let folder = to.join("sessions");
    if !folder.exists() {
        return Ok(());
    }
    let message = format!(
        "{} is there already; name another folder with --to, or remove it first",
        folder.display()
    );
    Err(Exit { code: 73, message }.into())
}

/// All tenants, or the one of that name.
fn tenants(registry: &Registry, name: Option<&str>) -> anyhow::Result<Vec<Tenant>> {
    let all = registry.tenants();
    let Some(name) = name else { return Ok(all) };
    let Some(one) = all.iter().find(|tenant| tenant.name == name) else {
        let names: Vec<&str> = all.iter().map(|tenant| &*tenant.name).collect();
        bail!("there is no tenant {name:?}; there are: {}", names.join(", "));
    };
    Ok(vec![one.clone()])
}

fn write(engine: &Engine, tenants: &[Tenant], mut export: Export) -> anyhow::Result<Vec<Written>> {
    let reader = engine.reader_blocking()?;
    let bar = ProgressBar::new_spinner();
    for tenant in tenants {
        let owner = Owner { name: &tenant.name, number: tenant.number };
        for (count, record) in (1_u64..).zip(reader.latest_records(tenant.number)) {
            let record = record?;
            let told: Value = serde_json::from_slice(&record.json)
                .with_context(|| format!("the record of {} is damaged", record.session))?;
            export.push(owner, record.session, &told)?;
            if count % SHOW_EVERY == 0 {
                bar.set_message(format!("{}: {count} sessions", tenant.name));
                bar.tick();
            }
        }
    }
    bar.finish_and_clear();
    Ok(export.finish()?)
}

fn told(to: &Path, written: &[Written]) -> Value {
    let files = written.iter().map(|one| {
        json!({ "path": to.join(&one.name).display().to_string(), "rows": one.rows, "bytes": one.bytes })
    });
    json!({ "rows": rows(written), "files": files.collect::<Value>() })
}

fn rows(written: &[Written]) -> u64 {
    written.iter().map(|one| one.rows).sum()
}

fn said(arguments: &ExportSessions, written: &[Written]) -> String {
    if written.is_empty() {
        return "No session is final yet, so nothing was written. A session is final 15 minutes \
                after its end, or when its source says that it is complete."
            .to_owned();
    }
    let bytes: u64 = written.iter().map(|one| one.bytes).sum();
    let to = arguments.to.display();
    format!(
        "{} sessions in {} files, {} KiB, below {to}/sessions. Read them with, say:\n  \
         duckdb -c \"SELECT disposition_name, count(*) FROM \
         read_parquet('{to}/sessions/*/*/*.parquet', hive_partitioning = true) GROUP BY ALL\"",
        rows(written),
        written.len(),
        bytes.div_ceil(1024),
    )
}
