//! SQLite as most would use it: a transaction a group; of each signal its row, its session's row, the
//! index over them and the session's timer.
use std::path::Path;

use rusqlite::{Connection, Transaction, params};
use serde::Deserialize;
use sessionary_engine::clock::ServerClock;

use super::Work;
use crate::bench::stream::Group;

/// A database with one row a signal.
pub(super) struct Rows {
    database: Connection,
    clock: ServerClock,
}

/// What such a program would read of a signal.
#[derive(Deserialize)]
struct Read<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    occurred_at: &'a str,
    anonymous_id: &'a str,
    page: Page<'a>,
    ip: &'a str,
    user_agent: &'a str,
}

#[derive(Deserialize)]
struct Page<'a> {
    url: &'a str,
}

const TABLES: &str = "
    create table signals (id text primary key, session text not null, at text not null, body blob) without rowid;
    create table sessions (
        id text primary key, began text, last text, signals integer, pages integer, landing text,
        exit text, ip text, agent text
    ) without rowid;
    create index sessions_by_last on sessions (last);
    create table timers (session text primary key, due integer not null) without rowid;
    create index timers_by_due on timers (due);
";

/// From the last signal of a session until it ends, milliseconds.
const GAP: i64 = 30 * 60 * 1000;

/// Opens a database that syncs every transaction.
pub(super) fn durable(path: &Path, tables: &str) -> anyhow::Result<Connection> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "full")?;
    database.pragma_update(None, "cache_size", -256 * 1024)?;
    database.execute_batch(tables)?;
    Ok(database)
}

impl Rows {
    pub(super) fn create(dir: &Path) -> anyhow::Result<Rows> {
        let database = durable(&dir.join("rows.sqlite"), TABLES)?;
        Ok(Rows { database, clock: ServerClock::start(None) })
    }
}

impl Work for Rows {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        let due = self.clock.now().0 + GAP;
        let transaction = self.database.transaction()?;
        for bytes in group.signals() {
            insert(&transaction, bytes, due)?;
        }
        Ok(transaction.commit()?)
    }
}

fn insert(transaction: &Transaction<'_>, bytes: &[u8], due: i64) -> anyhow::Result<()> {
    let read: Read<'_> = serde_json::from_slice(bytes)?;
    let signal = "insert into signals values (?1, ?2, ?3, ?4)";
    let signal = transaction.prepare_cached(signal)?.execute(params![
        read.id,
        read.anonymous_id,
        read.occurred_at,
        bytes
    ])?;
    anyhow::ensure!(signal == 1, "SQLite did not keep a signal");
    let page = i64::from(read.kind == "page_viewed");
    transaction
        .prepare_cached(
            "insert into sessions values (?1, ?2, ?2, 1, ?3, ?4, ?4, ?5, ?6)
             on conflict (id) do update set last = max(last, excluded.last), signals = signals + 1,
             pages = pages + excluded.pages, exit = excluded.exit",
        )?
        .execute(params![
            read.anonymous_id,
            read.occurred_at,
            page,
            read.page.url,
            read.ip,
            read.user_agent
        ])?;
    transaction
        .prepare_cached("insert or replace into timers values (?1, ?2)")?
        .execute(params![read.anonymous_id, due])?;
    Ok(())
}
