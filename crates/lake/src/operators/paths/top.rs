//! The most frequent of many numbers, exactly.
use std::cmp::Reverse;

use super::{Path, code::Code};
use crate::parts::Part;

/// Candidates for the most frequent paths. No more are dropped than cannot be among them.
#[derive(Debug)]
pub(super) struct Top<C> {
    most: usize,
    /// Paths that were gone less often are out.
    least: u64,
    candidates: Vec<(u64, C)>,
    /// How many were left the last time: with many ties, none can be dropped.
    narrowed: usize,
    /// An open table of the part that is being counted: how often, and which.
    slots: Vec<(u32, C)>,
}

impl<C: Code> Top<C> {
    pub(super) fn new(most: usize) -> Top<C> {
        Top { most, least: 1, candidates: Vec::new(), narrowed: 0, slots: Vec::new() }
    }

    /// Counts the paths of a part, all of them: no other part has any of these.
    pub(super) fn count(&mut self, part: &Part<C>) {
        let paths = part.len();
        assert!(u32::try_from(paths).is_ok(), "a part has fewer than 2^32 paths");
        self.slots.clear();
        self.slots.resize((paths * 2).next_power_of_two(), (0, C::default()));
        let mask = self.slots.len() - 1;
        for path in part.chunks().flatten() {
            let mut at = usize::try_from(path.spread() & mask as u64).unwrap_or(0);
            while let Some((count, held)) = self.slots.get_mut(at) {
                if *count == 0 || held == path {
                    (*count, *held) = (*count + 1, *path);
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        let counted = self.slots.iter().map(|(count, path)| (u64::from(*count), *path));
        let least = self.least;
        self.candidates.extend(counted.filter(|(count, _)| *count >= least));
        self.narrow();
    }

    pub(super) fn add(&mut self, other: Top<C>) {
        self.least = self.least.max(other.least);
        self.candidates.extend(other.candidates);
        self.narrow();
    }

    /// Drops what is certainly out, once that is worth the while.
    fn narrow(&mut self) {
        if self.most == 0 {
            self.candidates.clear();
        } else if self.candidates.len() > self.most.saturating_mul(16).max(2 * self.narrowed) {
            let by_count = |(count, _): &(u64, C)| Reverse(*count);
            let (_, (last, _), _) =
                self.candidates.select_nth_unstable_by_key(self.most - 1, by_count);
            self.least = self.least.max(*last);
            self.candidates.retain(|(count, _)| *count >= self.least);
            self.narrowed = self.candidates.len();
        }
    }

    /// The most frequent, in order; only they and those that tie with the last are put into words.
    pub(super) fn paths(mut self, text: impl Fn(C) -> String) -> Vec<Path> {
        self.candidates.sort_unstable_by_key(|(count, _)| Reverse(*count));
        let place = self.most.checked_sub(1);
        let last = place.and_then(|place| self.candidates.get(place));
        let enough = last.map_or(1, |(count, _)| *count);
        self.candidates.retain(|(count, _)| *count >= enough);
        let worded = self.candidates.iter().map(|(count, path)| (Reverse(*count), text(*path)));
        let mut worded: Vec<_> = worded.collect();
        worded.sort_unstable();
        worded.truncate(self.most);
        worded.into_iter().map(|(Reverse(count), path)| Path { count, path }).collect()
    }
}
