//! Footers that were read lately, within bounds.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use super::opened::Footer;

/// Memory for footers, in bytes.
const BYTES_MAX: usize = 64 << 20;

/// The footers that were read last.
#[derive(Default)]
pub(super) struct Footers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_name: HashMap<String, Arc<Footer>>,
    /// The longest known first.
    order: VecDeque<String>,
    bytes: usize,
}

impl std::fmt::Debug for Footers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Footers")
    }
}

impl Footers {
    /// That of a file of this size.
    pub(super) fn get(&self, name: &str, bytes: u64) -> Option<Arc<Footer>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_name.get(name).filter(|footer| footer.bytes == bytes).cloned()
    }

    /// Remembers one, and forgets others for it.
    pub(super) fn keep(&self, name: &str, footer: Footer) -> Arc<Footer> {
        let footer = Arc::new(footer);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take(name, Arc::clone(&footer));
        footer
    }
}

impl Kept {
    fn take(&mut self, name: &str, footer: Arc<Footer>) {
        self.bytes += footer.memory();
        match self.by_name.insert(name.to_owned(), footer) {
            Some(before) => self.bytes = self.bytes.saturating_sub(before.memory()),
            None => self.order.push_back(name.to_owned()),
        }
        while self.bytes > BYTES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            let gone = self.by_name.remove(&oldest);
            self.bytes = self.bytes.saturating_sub(gone.map_or(0, |footer| footer.memory()));
        }
    }
}
