//! PostgreSQL: one table of signals and one of sessions, a statement each for a whole group.
use std::path::PathBuf;

use anyhow::{Context, ensure};
use postgres::{Client, NoTls};
use serde::Deserialize;

use super::Work;
use crate::bench::{counters::Counters, stream::Group};

/// Tables of a server.
pub(super) struct Tables {
    client: Client,
    /// The process that serves this connection, where it is on this machine.
    backend: Option<u32>,
}

#[derive(Deserialize)]
struct Read<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    occurred_at: &'a str,
    anonymous_id: &'a str,
    page: Page<'a>,
}

#[derive(Deserialize)]
struct Page<'a> {
    url: &'a str,
}

const TABLES: &str = "
    drop table if exists sessionary_bench_signals, sessionary_bench_sessions;
    create table sessionary_bench_signals (id text primary key, session text not null, at text not null, body text);
    create table sessionary_bench_sessions (
        id text primary key, began text, last text, signals bigint, pages bigint, landing text, exit text
    );
    create index on sessionary_bench_sessions (last);
    set synchronous_commit = on;
";

const SIGNALS: &str = "insert into sessionary_bench_signals
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])";

const SESSIONS: &str = "insert into sessionary_bench_sessions
    select id, min(at), max(at), count(*), sum(page), min(url), max(url)
    from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as new (id, at, page, url)
    group by id order by id
    on conflict (id) do update set last = greatest(sessionary_bench_sessions.last, excluded.last),
    signals = sessionary_bench_sessions.signals + excluded.signals,
    pages = sessionary_bench_sessions.pages + excluded.pages, exit = excluded.exit";

impl Tables {
    pub(super) fn create(url: &str) -> anyhow::Result<Tables> {
        let mut client = Client::connect(url, NoTls).context("PostgreSQL takes no connection")?;
        client.batch_execute(TABLES)?;
        let pid: i32 = client.query_one("select pg_backend_pid()", &[])?.get(0);
        Ok(Tables { client, backend: u32::try_from(pid).ok().filter(|pid| is_postgres(*pid)) })
    }
}

/// Whether the process of this number is PostgreSQL's and not another machine's.
fn is_postgres(pid: u32) -> bool {
    let name = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/comm")));
    name.is_ok_and(|name| name.contains("postgres"))
}

impl Work for Tables {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        let read = |bytes| serde_json::from_slice(bytes);
        let read: Vec<Read<'_>> = group.signals().map(read).collect::<Result<_, _>>()?;
        let bodies: Vec<&str> =
            group.signals().map(std::str::from_utf8).collect::<Result<_, _>>()?;
        let ids: Vec<&str> = read.iter().map(|read| read.id).collect();
        let visitors: Vec<&str> = read.iter().map(|read| read.anonymous_id).collect();
        let times: Vec<&str> = read.iter().map(|read| read.occurred_at).collect();
        let pages: Vec<i64> =
            read.iter().map(|read| i64::from(read.kind == "page_viewed")).collect();
        let urls: Vec<&str> = read.iter().map(|read| read.page.url).collect();
        let mut transaction = self.client.transaction()?;
        let kept = transaction.execute(SIGNALS, &[&ids, &visitors, &times, &bodies])?;
        ensure!(kept == ids.len() as u64, "PostgreSQL kept {kept} of {} signals", ids.len());
        transaction.execute(SESSIONS, &[&visitors, &times, &pages, &urls])?;
        Ok(transaction.commit()?)
    }

    fn cpu_elsewhere_us(&self) -> f64 {
        let counters = self.backend.and_then(|pid| Counters::of(pid).ok());
        counters.map_or(0.0, |counters| counters.cpu_us)
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        let tables = "drop table if exists sessionary_bench_signals, sessionary_bench_sessions";
        let _ = self.client.batch_execute(tables);
    }
}
