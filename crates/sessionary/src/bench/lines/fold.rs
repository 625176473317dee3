//! Decoding and the pure fold: what the meaning of a signal costs, with every session in memory.
use std::collections::HashMap;

use anyhow::bail;
use sessionary_core::{
    goal::NO_GOALS,
    lane::{HashSecret, LaneKey, lane_of},
    lane_fold::{Fetch, Lane, Setting},
    rules::Rules,
    session::Member,
    signal::{Signal, TenantId},
    stamp::Stamped,
    time::UnixMillis,
};
use sessionary_dialects::{Context, Limits, canonical};
use sessionary_engine::clock::ServerClock;

use super::Work;
use crate::bench::stream::{Group, PER_SESSION};

/// Whose signals they are.
pub(super) const TENANT: TenantId = TenantId(1);

/// The lanes of those visitors who are still there.
pub(in crate::bench) struct Fold {
    lanes: HashMap<LaneKey, Lane>,
    secret: HashSecret,
    rules: Rules,
    clock: ServerClock,
    position: u64,
}

impl Default for Fold {
    fn default() -> Fold {
        Fold {
            lanes: HashMap::new(),
            secret: HashSecret([7; 32]),
            rules: Rules::default(),
            clock: ServerClock::start(None),
            position: 1,
        }
    }
}

impl Work for Fold {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        self.fold(group, |_, _| {})
    }
}

impl Fold {
    /// Decodes and folds a group. `changed` sees each lane after its signal; a visitor who has
    /// sent all signals of a session leaves.
    pub(super) fn fold(
        &mut self,
        group: &Group,
        mut changed: impl FnMut(&Lane, bool),
    ) -> anyhow::Result<()> {
        let now = self.clock.now();
        for signal in decoded(group)? {
            self.fold_one(signal, now, &mut changed)?;
        }
        Ok(())
    }

    fn fold_one(
        &mut self,
        signal: Signal,
        now: UnixMillis,
        changed: &mut impl FnMut(&Lane, bool),
    ) -> anyhow::Result<()> {
        let name = lane_of(&self.secret, TENANT, &signal);
        let lane = self.lanes.entry(name.key);
        let lane = lane.or_insert_with(|| Lane::new(name.key, TENANT, name.kind));
        let (position, batch) = (self.position, self.position / 512);
        let (at, marks) = lane.skew.stamp(&signal, now, batch);
        let key_hash = self.secret.key_hash(TENANT, &signal.key);
        let signal = Box::new(signal);
        let stamped = Stamped { position, at, received_at: now, marks, key_hash, signal };
        let (rules, secret) = (&self.rules, &self.secret);
        let setting = Setting { rules, goals: &NO_GOALS, now, secret };
        lane.fold(vec![stamped], setting, &mut Nowhere)?;
        self.position += 1;
        let session = lane.sessions.last();
        let is_over = session.is_some_and(|session| session.members.len() as u64 >= PER_SESSION);
        changed(lane, is_over);
        if is_over {
            self.lanes.remove(&name.key);
        }
        Ok(())
    }

    /// A lane that is in memory.
    #[cfg(feature = "bench-peers")]
    pub(super) fn lane(&self, key: LaneKey) -> Option<&Lane> {
        self.lanes.get(&key)
    }
}

/// The signals of a group, every one of them good.
pub(in crate::bench) fn decoded(group: &Group) -> anyhow::Result<Vec<Signal>> {
    let limits = Limits { items: group.spans.len(), ..Limits::default() };
    let items = canonical::decode(&group.body, &Context { limits, ..Context::default() })?;
    Ok(items.into_iter().collect::<Result<_, _>>()?)
}

/// No signals are stored, and none come late.
struct Nowhere;

impl Fetch for Nowhere {
    type Error = anyhow::Error;

    fn fetch(&mut self, _: &[Member]) -> anyhow::Result<Vec<Stamped>> {
        bail!("a signal of the benchmark came late")
    }
}

#[cfg(test)]
mod tests {
    use sessionary_core::time::Millis;

    use super::*;
    use crate::bench::stream::{Order, Stream};

    #[test]
    fn visitors_come_and_leave() {
        let stream = Stream::new(Order::Hot(1000), 0).unwrap();
        let (mut fold, mut group, mut over) = (Fold::default(), Group::default(), 0);
        let now = fold.clock.now();
        for number in 0..100 {
            let at = now.plus(Millis(i64::try_from(number).unwrap())).to_string();
            stream.render(&mut group, number * 500, 500, &at);
            fold.fold(&group, |_, is_over| over += usize::from(is_over)).unwrap();
        }
        // 50,000 signals of 1,000 visitors at a time; those who were there first had begun before.
        assert!((4_000..=5_000).contains(&over), "{over}");
        assert!(fold.lanes.len() <= 2_000, "{}", fold.lanes.len());
    }
}
