//! Source clocks: how the time of each source passes, and how far it has come (CORE.md 6).
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sessionary_core::{
    rules::SourceClock,
    signal::TenantId,
    time::{Millis, UnixMillis},
};

/// A source of a tenant.
pub(crate) type SourceKey = (TenantId, Box<str>);

/// What is known of a source whose clock is not the wall's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceState {
    pub(crate) clock: SourceClock,
    /// The greatest event time seen, for a watermark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) greatest: Option<UnixMillis>,
    /// When the source last said that it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) marked_at: Option<UnixMillis>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(HashMap<SourceKey, SourceState>);

impl Sources {
    pub(crate) fn restore(rows: Vec<(TenantId, Box<str>, SourceState)>) -> Sources {
        Sources(rows.into_iter().map(|(tenant, name, state)| ((tenant, name), state)).collect())
    }

    /// Whether every source goes by the wall clock.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rows(&self) -> Vec<(TenantId, Box<str>, SourceState)> {
        let row = |((tenant, name), state): (&SourceKey, &SourceState)| {
            (*tenant, name.clone(), state.clone())
        };
        let mut rows: Vec<_> = self.0.iter().map(row).collect();
        rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        rows
    }

    pub(crate) fn set(&mut self, key: SourceKey, clock: SourceClock) {
        let state = SourceState { clock, greatest: None, marked_at: None };
        self.0.entry(key).and_modify(|known| known.clock = clock).or_insert(state);
    }

    pub(crate) fn clock(&self, tenant: TenantId, source: &str) -> SourceClock {
        if self.0.is_empty() {
            return SourceClock::Wall;
        }
        self.0.get(&(tenant, source.into())).map_or(SourceClock::Wall, |state| state.clock)
    }

    pub(crate) fn note_mark(&mut self, key: &SourceKey, now: UnixMillis) {
        if let Some(state) = self.0.get_mut(key) {
            state.marked_at = Some(now);
        }
    }

    /// Takes note of a signal's event time; gives the instant that a watermark has reached.
    pub(crate) fn note_signal(
        &mut self,
        tenant: TenantId,
        source: &str,
        at: UnixMillis,
    ) -> Option<(SourceKey, UnixMillis)> {
        if self.0.is_empty() {
            return None;
        }
        let key = (tenant, source.into());
        let state = self.0.get_mut(&key)?;
        let SourceClock::Watermark { lateness_ms } = state.clock else { return None };
        let greatest = state.greatest.map_or(at, |known| known.max(at));
        state.greatest = Some(greatest);
        Some((key, greatest.minus(Millis(lateness_ms.0))))
    }
}
