//! SQLite as most would use it: a transaction a group; of each signal its row, its session's row, the
//! indexes over both and the session's timer.
//!
//! The same work as ours: decoded and folded by the same code, with the sessions in memory so that
//! none is read back, and a repeated signal refused by a unique index.
use std::path::Path;

use anyhow::Context;
use rusqlite::{Connection, Transaction, params};
use sessionary_core::lane_fold::Lane;

use super::{Work, fold::Fold, sqlite_blocks::packed};
use crate::bench::stream::Group;

/// A database with one row a signal.
pub(super) struct Rows {
    database: Connection,
    fold: Fold,
}

/// What one signal changes.
struct Change {
    lane: [u8; 16],
    /// Hash of the signal's key.
    key: u64,
    last: i64,
    session: anyhow::Result<Vec<u8>>,
}

const TABLES: &str = "
    create table signals (position integer primary key, lane blob not null, key integer not null, body blob not null);
    create unique index signals_by_key on signals (lane, key);
    create table sessions (lane blob primary key, last integer not null, body blob not null) without rowid;
    create index sessions_by_last on sessions (last);
    create table timers (lane blob primary key, due integer not null) without rowid;
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
        Ok(Rows { database: durable(&dir.join("rows.sqlite"), TABLES)?, fold: Fold::default() })
    }
}

impl Work for Rows {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        let mut changes = Vec::with_capacity(group.spans.len());
        self.fold.fold(group, |lane, _| changes.extend(change(lane)))?;
        anyhow::ensure!(changes.len() == group.spans.len(), "every signal changes a session");
        let transaction = self.database.transaction()?;
        for (change, body) in changes.into_iter().zip(group.signals()) {
            keep(&transaction, change, body)?;
        }
        Ok(transaction.commit()?)
    }
}

fn change(lane: &Lane) -> Option<Change> {
    let session = lane.sessions.last()?;
    let (key, last) = (session.members.last()?.key_hash, session.content.last.at.0);
    Some(Change { lane: lane.key.0, key, last, session: packed(lane) })
}

fn keep(transaction: &Transaction<'_>, change: Change, body: &[u8]) -> anyhow::Result<()> {
    let Change { lane, key, last, session } = change;
    transaction
        .prepare_cached("insert into signals (lane, key, body) values (?1, ?2, ?3)")?
        .execute(params![&lane[..], key.cast_signed(), body])
        .context("SQLite did not keep a signal")?;
    transaction
        .prepare_cached("insert or replace into sessions values (?1, ?2, ?3)")?
        .execute(params![&lane[..], last, session?])?;
    transaction
        .prepare_cached("insert or replace into timers values (?1, ?2)")?
        .execute(params![&lane[..], last + GAP])?;
    Ok(())
}
