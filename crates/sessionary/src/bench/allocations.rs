//! Allocations of a signal in decoding and in the fold, counted; only with `count-allocations`.
//!
//! CPU varies with the machine; this count does not, so a copy that creeps in is seen at once.
use sessionary_core::time::Millis;

use super::{
    counters::real,
    lines::{GROUP, Work, fold},
    report::{Figure, Goal},
    stream::{Group, Order, Stream},
};

/// Counts every allocation of this program while a profiler runs.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Groups that are counted, after as many that are not.
const GROUPS: u64 = 20;

/// Allocations and allocated bytes of a signal.
pub(super) fn figures(sessions: u64) -> anyhow::Result<Vec<Figure>> {
    let stream = Stream::new(Order::Hot(sessions.min(GROUPS * GROUP / 4)), 0)?;
    let now = sessionary_engine::clock::ServerClock::start(None).now();
    let mut work = fold::Fold::default();
    let mut groups = Vec::new();
    for number in 0..2 * GROUPS {
        let mut group = Group::default();
        // A millisecond apart: of two signals of one instant, either may be the later.
        let at = now.plus(Millis(i64::try_from(number)?)).to_string();
        stream.render(&mut group, number * GROUP, GROUP, &at);
        groups.push(group);
    }
    let (before, counted) = groups.split_at(groups.len() / 2);
    before.iter().try_for_each(|group| work.take(group))?;
    let decoding = count(|| counted.iter().try_for_each(|group| fold::decoded(group).map(drop)))?;
    let both = count(|| counted.iter().try_for_each(|group| work.take(group)))?;
    let figure = |name: &str, count: u64, unit| {
        Figure::new(name, Some(real(count) / real(GROUPS * GROUP)), unit, Goal::None)
    };
    Ok(vec![
        figure("allocations per signal, decoding", decoding.0, ""),
        figure("allocated bytes per signal, decoding", decoding.1, "B"),
        figure("allocations per signal, decoding and fold", both.0, ""),
        figure("allocated bytes per signal, decoding and fold", both.1, "B"),
    ])
}

/// Allocations and bytes of some work.
fn count(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<(u64, u64)> {
    let _profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get();
    work()?;
    let after = dhat::HeapStats::get();
    Ok((after.total_blocks - before.total_blocks, after.total_bytes - before.total_bytes))
}
