//! `sessionary report`: a named report from a data directory or a running server, as a table with a
//! chart, as JSON or as CSV.
use std::{collections::BTreeMap, sync::atomic::AtomicBool};

use anyhow::bail;
use serde_json::Value;
use sessionary_engine::{registry::Tenant, reports};
use sessionary_lake::reports::{Asked, Kind, Report};

use crate::{
    arguments::{ReportArguments, ReportFormat},
    client::{Client, escaped},
    config, directory, lake, logging,
};

mod cells;
mod shown;
mod width;

/// Prints the report, or the list of all.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(arguments: &ReportArguments) -> anyhow::Result<()> {
    logging::start("warn");
    let Some(name) = &arguments.name else {
        print!("{}", shown::list());
        return Ok(());
    };
    let given = given(arguments)?;
    let text = match &arguments.server.url {
        Some(url) => online(arguments, url, name, &given)?,
        None => offline(arguments, name, &given)?,
    };
    println!("{}", text.trim_end());
    Ok(())
}

/// The parameters of flags, and those that stand behind the name.
fn given(arguments: &ReportArguments) -> anyhow::Result<BTreeMap<String, String>> {
    let flags = [
        ("from", &arguments.from),
        ("to", &arguments.to),
        ("zone", &arguments.zone),
        ("by", &arguments.by),
        ("bots", &arguments.bots),
    ];
    let flags = flags
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name.to_owned(), value.clone())));
    let mut given: BTreeMap<String, String> = flags.collect();
    for text in &arguments.parameters {
        let Some((name, value)) = text.split_once('=') else {
            bail!("{text:?} is no parameter; write NAME=VALUE, such as channel=voice");
        };
        if given.insert(name.to_owned(), value.to_owned()).is_some() {
            bail!("`{name}` is given twice");
        }
    }
    Ok(given)
}

fn online(
    arguments: &ReportArguments,
    url: &str,
    name: &str,
    given: &BTreeMap<String, String>,
) -> anyhow::Result<String> {
    let client = Client::new(url, arguments.server.key.as_deref())?;
    let format = if arguments.format == ReportFormat::Csv { "csv" } else { "json" };
    let pairs = given.iter().map(|(name, value)| format!("&{}={}", escaped(name), escaped(value)));
    let path =
        format!("/v1/reports/{}?format={format}{}", escaped(name), pairs.collect::<String>());
    let text = client.text(&path)?;
    match arguments.format {
        ReportFormat::Csv => Ok(text),
        ReportFormat::Json => told(&serde_json::from_str(&text)?),
        ReportFormat::Table => Ok(shown::report(&serde_json::from_str(&text)?, width::columns())),
    }
}

fn offline(
    arguments: &ReportArguments,
    name: &str,
    given: &BTreeMap<String, String>,
) -> anyhow::Result<String> {
    let Some(kind) = Kind::from_word(name) else {
        let all: Vec<&str> = Kind::all().map(Kind::word).collect();
        bail!("there is no report {name:?}; there are: {}", all.join(", "));
    };
    let asked = Asked::parse(kind, given)?;
    let report = from_directory(arguments, &asked)?;
    Ok(match arguments.format {
        ReportFormat::Csv => report.to_csv()?,
        ReportFormat::Json => told(&report.to_json())?,
        ReportFormat::Table => shown::report(&report.to_json(), width::columns()),
    })
}

fn told(report: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(report)?)
}

fn from_directory(arguments: &ReportArguments, asked: &Asked) -> anyhow::Result<Report> {
    let config = config::load(None)?;
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    let (store, registry) = directory::open_unserved(dir, &config, "with --url and --key")?;
    let tenant = tenant(&registry.tenants(), arguments.tenant.as_deref())?;
    let rules = directory::kept_rules(&store, &config)?;
    let engine = directory::start(store, &registry, &config, rules)?;
    let lake = lake::of(&config, dir)?;
    let report = reports::report(&engine, Some(&lake), &tenant, asked, &AtomicBool::new(false));
    engine.shutdown();
    Ok(report?)
}

/// The tenant of that name; the only one, where none is named.
fn tenant(all: &[Tenant], name: Option<&str>) -> anyhow::Result<Tenant> {
    let names: Vec<&str> = all.iter().map(|tenant| &*tenant.name).collect();
    let names = names.join(", ");
    match (name, all) {
        (None, [only]) => Ok(only.clone()),
        (None, []) => bail!("nothing has come into this data directory yet"),
        (None, _) => bail!("there are several tenants; name one with --tenant: {names}"),
        (Some(name), _) => match all.iter().find(|tenant| tenant.name == name) {
            Some(tenant) => Ok(tenant.clone()),
            None => bail!("there is no tenant {name:?}; there are: {names}"),
        },
    }
}
