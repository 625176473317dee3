//! `sessionary demo`: real data through the door of a real server, and what became of it.
//!
//! The data are part of the program, so the one file is enough. They are sent by a client with a
//! key, as any sender would.
use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail};
use sessionary_engine::{keys::KeyKind, registry::NewKey};

use crate::{
    arguments::Demo,
    client::Client,
    config,
    config::Config,
    import::{Input, Job, Online, Place, Summary, transfer},
    logging, postgres,
    serving::{Behind, Serving},
};

mod shown;

/// Ports that are tried after the one that was asked for.
const PORTS: u16 = 50;

const ACCESS_LOG: &[u8] = include_bytes!("../../../data/access-log/access.log.gz");
const SHOPPERS: &[u8] =
    include_bytes!("../../../data/online-shoppers/online_shoppers_intention.csv.gz");
const SHOPPERS_MAPPING: &str = include_str!("../../../data/online-shoppers/mapping.toml");
const CALLS: &[u8] = include_bytes!("../../../data/bank-calls/bank-additional-full.csv.gz");
const CALLS_MAPPING: &str = include_str!("../../../data/bank-calls/mapping.toml");

/// Runs the demo.
#[expect(clippy::print_stdout, reason = "a person reads along")]
pub(crate) fn run(arguments: &Demo) -> anyhow::Result<()> {
    logging::start("warn");
    let mut config = config::load(arguments.config.as_deref())?;
    config.postgres.listen.0 = arguments.postgres.or(config.postgres.listen.0);
    postgres::may_listen(&config)?;
    let folder = Folder::of(arguments.data_dir.as_ref())?;
    let serving = listen(arguments.listen, &config)?;
    serving.heed_signals()?;
    let behind = serving.open(&folder.path, &config)?;
    let url = format!("http://{}", serving.address());
    println!("Sessionary demo on {url}, data in {}\n", folder.path.display());
    let key = keys(&behind)?;
    let client = Client::new(&url, Some(&key.secret))?;
    for job in jobs()? {
        let summary = send(job, &client, &serving);
        match summary {
            // Interrupted by a person, who knows.
            Err(_) if serving.stop().is_cancelled() => return serving.run(behind),
            summary => println!("{}", summary?),
        }
    }
    print!("{}", shown::tables(&behind)?);
    print!("{}", shown::example(&behind, &client)?);
    println!("The server:       {url}");
    println!("A key to read:    {}", key.secret);
    println!("A key for a page: {}", key.publishable);
    println!(
        "\nTry:\n  curl -s -H 'authorization: Bearer {}' '{url}/v1/sessions?limit=3'\n",
        key.secret
    );
    behind.postgres.iter().for_each(|wire| println!("  {}\n", wire.command()));
    if arguments.exit {
        serving.stop().cancel();
    } else {
        println!("Serving until Ctrl-C.");
    }
    serving.run(behind)
}

/// The demo's data directory; a temporary one goes with it.
struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn of(asked: Option<&PathBuf>) -> anyhow::Result<Folder> {
        let Some(path) = asked else {
            let temporary = tempfile::Builder::new().prefix("sessionary-demo-").tempdir();
            let temporary =
                temporary.context("a temporary folder cannot be made; name one with --data-dir")?;
            return Ok(Folder { path: temporary.path().to_owned(), _temporary: Some(temporary) });
        };
        let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if path.exists() && !is_empty {
            bail!(
                "{} is not empty, and the demo fills an empty data directory; name another, or \
                 serve this one with `sessionary serve --data-dir {}`",
                path.display(),
                path.display()
            );
        }
        Ok(Folder { path: path.clone(), _temporary: None })
    }
}

/// The port that was asked for, or the next free one.
fn listen(asked: SocketAddr, config: &Config) -> anyhow::Result<Serving> {
    let mut address = asked;
    for _ in 0..PORTS {
        match Serving::listen(address, config) {
            Ok(serving) => return Ok(serving),
            Err(_) if address.port() > 0 && address.port() < u16::MAX => {
                address.set_port(address.port() + 1);
            }
            Err(error) => return Err(error),
        }
    }
    bail!("no port from {asked} on is free; choose another with --listen")
}

struct DemoKeys {
    secret: String,
    publishable: String,
}

fn keys(behind: &Behind) -> anyhow::Result<DemoKeys> {
    let issue = |kind, label: &str| {
        let new = NewKey { label: label.to_owned(), ..NewKey::new(kind, "default") };
        let (text, record) = behind.registry.issue(new, behind.engine.now())?;
        anyhow::Ok((text.reveal().to_owned(), record.number))
    };
    let (secret, number) = issue(KeyKind::Secret, "demo")?;
    let (publishable, _) = issue(KeyKind::Publishable, "demo, for a page")?;
    behind.gate.open_to_this_machine(number);
    Ok(DemoKeys { secret, publishable })
}

fn jobs() -> anyhow::Result<Vec<Job>> {
    let shoppers = Input::Bundled("online_shoppers_intention.csv.gz", SHOPPERS);
    let calls = Input::Bundled("bank-additional-full.csv.gz", CALLS);
    Ok(vec![
        Job::access_log(Input::Bundled("access.log.gz", ACCESS_LOG), "access-log"),
        Job::by_mapping(shoppers, SHOPPERS_MAPPING)?,
        Job::by_mapping(calls, CALLS_MAPPING)?,
    ])
}

fn send(job: Job, client: &Client, serving: &Serving) -> anyhow::Result<Summary> {
    let place = Place { path: None, import: String::new(), again: false };
    let is_stopped = || serving.stop().is_cancelled();
    transfer(job, &mut Online::new(client), &place, &is_stopped)
}
