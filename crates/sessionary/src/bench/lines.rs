//! The lines that work without HTTP, each in a process of its own, so that its memory, its writes and
//! its CPU are nobody else's.
use std::path::Path;

use anyhow::bail;

use super::stream::Group;

mod engine;
mod floor;
pub(super) mod fold;
#[cfg(feature = "bench-peers")]
mod postgres;
#[cfg(feature = "bench-peers")]
mod sqlite_blocks;
#[cfg(feature = "bench-peers")]
mod sqlite_rows;
mod store;

/// Something that takes signals in.
pub(super) trait Work {
    /// Takes a group in; where it keeps anything, that is durable before the next group but one.
    fn take(&mut self, group: &Group) -> anyhow::Result<()>;

    /// Ends a round: everything is durable.
    fn settle(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// CPU of other processes that do its work, microseconds.
    fn cpu_elsewhere_us(&self) -> f64 {
        0.0
    }
}

/// Signals of a group.
pub(super) const GROUP: u64 = 512;

/// Their names in the order of the table; docs/bench.md says what each does.
#[rustfmt::skip]
pub(super) const LINES: [&str; 8] = [
    "floor", "floor-pre", "parse+fold", "sqlite-row", "sqlite-blocks", "postgres", "store", "engine",
];

/// The lines that need the feature `bench-peers`.
pub(super) const PEERS: [&str; 3] = ["sqlite-row", "sqlite-blocks", "postgres"];

/// The work of a line, in a folder of its own.
pub(super) fn open(
    name: &str,
    dir: &Path,
    postgres: Option<&str>,
) -> anyhow::Result<Box<dyn Work>> {
    #[cfg(not(feature = "bench-peers"))]
    let _ = postgres;
    Ok(match name {
        "floor" => Box::new(floor::Growing::create(dir)?),
        "floor-pre" => Box::new(floor::Prewritten::create(dir)?),
        "parse+fold" => Box::new(fold::Fold::default()),
        "store" => Box::new(store::Append::open(dir)?),
        "engine" => Box::new(engine::Submit::open(dir)?),
        #[cfg(feature = "bench-peers")]
        "sqlite-row" => Box::new(sqlite_rows::Rows::create(dir)?),
        #[cfg(feature = "bench-peers")]
        "sqlite-blocks" => Box::new(sqlite_blocks::Blocks::create(dir)?),
        #[cfg(feature = "bench-peers")]
        "postgres" => Box::new(postgres::Tables::create(postgres.unwrap_or_default())?),
        other => bail!("this build has no line {other:?}"),
    })
}

/// Signals of a group of a line.
pub(super) fn group_of(name: &str) -> u64 {
    if name == "postgres" { 500 } else { GROUP }
}
