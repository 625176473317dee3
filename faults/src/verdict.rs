//! The verdict: what was found, in one line and in words.
use std::fmt;

/// So many findings of each kind are told in words; of further ones only the number.
const TOLD_MAX: usize = 6;

/// What a scenario found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Signals that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged and not there.
    pub lost: u64,
    /// There more than once.
    pub doubled: u64,
    /// There and never sent.
    pub phantom: u64,
    /// There, and not as they were sent.
    pub wrong: u64,
    /// Sessions that are not the fold of their signals.
    pub sessions: u64,
    /// Timers that fired early, twice or never.
    pub timers: u64,
    /// Everything else that must not be: hangs, other answers, other exits, panics.
    pub other: u64,
    /// The first findings of each kind in words.
    pub told: Vec<(Finding, String)>,
}

/// What is wrong about what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Acknowledged and not there.
    Lost,
    /// There more than once.
    Doubled,
    /// There and never sent.
    Phantom,
    /// Not as it was sent.
    Wrong,
    /// A session that is not the fold of its signals.
    Session,
    /// A timer that fired early, twice or never.
    Timer,
    /// Everything else.
    Other,
}

impl Verdict {
    /// Notes a finding.
    pub fn find(&mut self, finding: Finding, what: impl Into<String>) {
        let count = match finding {
            Finding::Lost => &mut self.lost,
            Finding::Doubled => &mut self.doubled,
            Finding::Phantom => &mut self.phantom,
            Finding::Wrong => &mut self.wrong,
            Finding::Session => &mut self.sessions,
            Finding::Timer => &mut self.timers,
            Finding::Other => &mut self.other,
        };
        *count += 1;
        self.tell(finding, what);
    }

    /// Whether nothing was found.
    pub fn is_good(&self) -> bool {
        let Verdict { lost, doubled, phantom, wrong, sessions, timers, other, .. } = self;
        lost + doubled + phantom + wrong + sessions + timers + other == 0
    }

    /// Takes in the findings of a later part, each with where it was found.
    pub fn add(&mut self, part: &Verdict, place: &str) {
        self.lost += part.lost;
        self.doubled += part.doubled;
        self.phantom += part.phantom;
        self.wrong += part.wrong;
        self.sessions += part.sessions;
        self.timers += part.timers;
        self.other += part.other;
        for (finding, what) in &part.told {
            self.tell(*finding, format!("{place}: {what}"));
        }
    }

    fn tell(&mut self, finding: Finding, what: impl Into<String>) {
        if self.told.iter().filter(|(told, _)| *told == finding).count() < TOLD_MAX {
            self.told.push((finding, what.into()));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict {
            acknowledged, lost, doubled, phantom, wrong, sessions, timers, other, ..
        } = self;
        write!(
            to,
            "acknowledged={acknowledged} lost={lost} doubled={doubled} phantom={phantom} \
             wrong={wrong} sessions={sessions} timers={timers} other={other}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_counts_against_it() {
        use Finding::{Doubled, Lost, Other, Phantom, Session, Timer, Wrong};
        for finding in [Lost, Doubled, Phantom, Wrong, Session, Timer, Other] {
            let mut verdict = Verdict::default();
            assert!(verdict.is_good());
            verdict.find(finding, "x");
            assert!(!verdict.is_good(), "{finding:?}");
            let mut whole = Verdict::default();
            whole.add(&verdict, "round 1");
            assert!(
                !whole.is_good() && whole.told[0] == (finding, "round 1: x".to_owned()),
                "{finding:?}"
            );
        }
    }
}
