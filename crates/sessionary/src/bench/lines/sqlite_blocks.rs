//! SQLite in our own shape: compressed blocks appended, the fold in memory, a session written when it
//! is over or when its oldest unwritten signal has left a window of the journal.
use std::{
    collections::{HashMap, VecDeque},
    path::Path,
};

use rusqlite::{Connection, Transaction, params};
use sessionary_core::{lane::LaneKey, lane_fold::Lane};

use super::{Work, fold::Fold, sqlite_rows::durable};
use crate::bench::stream::Group;

/// Signals of a block.
const BLOCK: usize = 128;
/// Bytes of journal after which a session that changed is written.
const WINDOW: u64 = 64 << 20;

const TABLES: &str = "
    create table journal (position integer primary key, block blob not null);
    create table sessions (lane blob primary key, body blob not null) without rowid;
";

/// A database of blocks, and the sessions in memory.
pub(super) struct Blocks {
    database: Connection,
    fold: Fold,
    position: i64,
    appended: u64,
    /// Lanes with unwritten signals, by where the oldest of them stands; and the same in order.
    unwritten: HashMap<LaneKey, u64>,
    oldest: VecDeque<(u64, LaneKey)>,
}

impl Blocks {
    pub(super) fn create(dir: &Path) -> anyhow::Result<Blocks> {
        Ok(Blocks {
            database: durable(&dir.join("blocks.sqlite"), TABLES)?,
            fold: Fold::default(),
            position: 1,
            appended: 0,
            unwritten: HashMap::new(),
            oldest: VecDeque::new(),
        })
    }
}

impl Work for Blocks {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        let Blocks { database, fold, position, appended, unwritten, oldest } = self;
        let transaction = database.transaction()?;
        for spans in group.spans.chunks(BLOCK) {
            let (Some(first), Some(last)) = (spans.first(), spans.last()) else { continue };
            let block = group.body.get(first.start..last.end).unwrap_or_default();
            transaction
                .prepare_cached("insert into journal values (?1, ?2)")?
                .execute(params![*position, zstd::bulk::compress(block, 1)?])?;
            *position += i64::try_from(spans.len())?;
        }
        *appended += group.body.len() as u64;
        let mut over = Vec::new();
        fold.fold(group, |lane, is_over| {
            if is_over {
                unwritten.remove(&lane.key);
                over.push((lane.key, packed(lane)));
            } else {
                unwritten.entry(lane.key).or_insert_with(|| {
                    oldest.push_back((*appended, lane.key));
                    *appended
                });
            }
        })?;
        for (key, body) in over {
            write(&transaction, key, &body?)?;
        }
        while let Some((since, key)) = oldest.pop_front_if(|(since, _)| *since + WINDOW < *appended)
        {
            if unwritten.get(&key) == Some(&since)
                && let Some(lane) = fold.lane(key)
            {
                unwritten.remove(&key);
                write(&transaction, key, &packed(lane)?)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

/// The sessions of a lane, as a row.
pub(super) fn packed(lane: &Lane) -> anyhow::Result<Vec<u8>> {
    let parts = |session: &sessionary_core::session::Session| {
        rmp_serde::to_vec_named(&(&session.envelope, &session.content, &session.members))
    };
    Ok(lane.sessions.iter().map(parts).collect::<Result<Vec<_>, _>>()?.concat())
}

fn write(transaction: &Transaction<'_>, key: LaneKey, body: &[u8]) -> anyhow::Result<()> {
    transaction
        .prepare_cached("insert or replace into sessions values (?1, ?2)")?
        .execute(params![&key.0[..], body])?;
    Ok(())
}
