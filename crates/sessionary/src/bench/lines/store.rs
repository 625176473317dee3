//! The store alone: the bytes of the signals as entries of the journal, one durable group each.
use std::path::Path;

use sessionary_engine::clock::ServerClock;
use sessionary_store::{BlockHeader, Entry, Rows, Store};

use super::Work;
use crate::{bench::stream::Group, config};

/// A store that is appended to.
pub(super) struct Append {
    store: Store,
    clock: ServerClock,
}

impl Append {
    pub(super) fn open(dir: &Path) -> anyhow::Result<Append> {
        let store = Store::open(dir, &config::load(None)?.store_options())?;
        Ok(Append { store, clock: ServerClock::start(None) })
    }
}

impl Work for Append {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        let header = BlockHeader { now: self.clock.now().0, ..BlockHeader::default() };
        let entries: Vec<_> = group.signals().map(|bytes| Entry { partition: 0, bytes }).collect();
        self.store.append(0, &header, &entries, Rows::new())?;
        Ok(())
    }
}
