//! `sessionary query`: SQL over the sessions of a data directory or of a running server.
use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use sessionary_lake::sql::{Desk, Question, Shape, described};

use crate::{
    arguments::{Query, QueryFormat},
    client::Client,
    config, directory, lake, logging,
};

mod shown;

/// Bytes that are handed on at a time.
const PIECE: usize = 64 * 1024;

/// Answers, or says what can be asked.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(arguments: &Query) -> anyhow::Result<()> {
    logging::start("warn");
    let Some(sql) = &arguments.sql else {
        print!("{}", shown::tables(&described()));
        return Ok(());
    };
    let shape = shape(arguments.format);
    let binary = matches!(shape, Shape::Parquet | Shape::Arrow);
    if binary && arguments.output.is_none() && io::stdout().is_terminal() {
        bail!("{} is nothing for a terminal; name a file with --output", shape.word());
    }
    let mut sink = Sink::open(arguments)?;
    match &arguments.server.url {
        Some(url) => online(arguments, url, sql, shape, &mut sink)?,
        None => offline(arguments, sql, shape, &mut sink)?,
    }
    sink.finish()
}

fn shape(format: QueryFormat) -> Shape {
    match format {
        QueryFormat::Table | QueryFormat::Json => Shape::Json,
        QueryFormat::Ndjson => Shape::Ndjson,
        QueryFormat::Csv => Shape::Csv,
        QueryFormat::Parquet => Shape::Parquet,
        QueryFormat::Arrow => Shape::Arrow,
    }
}

fn online(
    arguments: &Query,
    url: &str,
    sql: &str,
    shape: Shape,
    sink: &mut Sink,
) -> anyhow::Result<()> {
    let client = Client::new(url, arguments.server.key.as_deref())?;
    let body = json!({ "sql": sql, "limit": arguments.limit });
    let mut answer = client.ask("/v1/query", &body, shape.media())?;
    let mut piece = vec![0; PIECE];
    loop {
        let read =
            answer.read(&mut piece).context("the answer ended early; the server's log says why")?;
        match piece.get(..read) {
            Some(piece) if !piece.is_empty() => sink.take(piece)?,
            _ => return Ok(()),
        }
    }
}

fn offline(arguments: &Query, sql: &str, shape: Shape, sink: &mut Sink) -> anyhow::Result<()> {
    let config = config::load(None)?;
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    let (store, registry) = directory::open_unserved(dir, &config, "with --url and --key")?;
    let rules = directory::kept_rules(&store, &config)?;
    let engine = directory::start(store, &registry, &config, rules)?;
    let tenants = registry.tenants();
    let Some(tenant) = tenants.iter().find(|tenant| tenant.name == arguments.tenant) else {
        let names: Vec<&str> = tenants.iter().map(|tenant| &*tenant.name).collect();
        bail!("there is no tenant {:?}; there are: {}", arguments.tenant, names.join(", "));
    };
    let desk = Desk::new(config.query_budget())?;
    let source = engine.source(&lake::of(&config, dir)?, tenant.number, &tenant.name);
    let question = Question { sql: sql.to_owned(), limit: arguments.limit, shape };
    let mut answer = desk.ask(source, question)?;
    while let Some(piece) = answer.next_blocking() {
        sink.take(&piece?)?;
    }
    drop(desk);
    engine.shutdown();
    Ok(())
}

/// Where an answer goes.
enum Sink {
    /// Shown when it is whole.
    Table(Vec<u8>, Option<PathBuf>),
    /// Handed on as it comes.
    Terminal,
    /// Into a file that has its name when it is whole.
    File { file: File, part: PathBuf, path: PathBuf },
}

impl Sink {
    fn open(arguments: &Query) -> anyhow::Result<Sink> {
        let to = arguments.output.clone();
        if arguments.format == QueryFormat::Table {
            return Ok(Sink::Table(Vec::new(), to));
        }
        let Some(path) = to else { return Ok(Sink::Terminal) };
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).with_context(|| cannot_write(&path))?;
        Ok(Sink::File { file, part, path })
    }

    fn take(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        match self {
            Sink::Table(text, _) => text.extend_from_slice(piece),
            Sink::Terminal => io::stdout().write_all(piece)?,
            Sink::File { file, path, .. } => {
                file.write_all(piece).with_context(|| cannot_write(path))?;
            }
        }
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "what the command is for")]
    fn finish(self) -> anyhow::Result<()> {
        match self {
            Sink::Terminal => Ok(io::stdout().flush()?),
            Sink::Table(text, to) => {
                let answer: Value =
                    serde_json::from_slice(&text).context("the answer is no JSON")?;
                match to {
                    Some(path) => {
                        let table = shown::answer(&answer, None);
                        std::fs::write(&path, table).with_context(|| cannot_write(&path))?;
                    }
                    None => print!("{}", shown::answer(&answer, width())),
                }
                Ok(())
            }
            Sink::File { file, part, path } => {
                file.sync_all().with_context(|| cannot_write(&path))?;
                std::fs::rename(&part, &path).with_context(|| cannot_write(&path))
            }
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// Letters in a line; `None`: as many as it takes.
fn width() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}
