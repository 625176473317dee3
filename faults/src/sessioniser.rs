//! The plain sessioniser: what the sessions of a lane of pages and explicit ends must be.
//!
//! Written from the definitions, and sharing nothing with the program: facts in the order of their
//! time, then of their id; a gap greater than the limit and an explicit end divide them.
use crate::traffic::GAP_MS;

/// What is known of a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// When it happened, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its id.
    pub id: String,
    /// Whether it ends its session.
    pub ends: bool,
}

/// What is compared of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Time of the first fact.
    pub started_ms: u64,
    /// Time of the last fact.
    pub ended_ms: u64,
    /// How many facts.
    pub facts: u64,
}

/// The sessions of the facts of one lane, by their start.
pub fn sessions(mut facts: Vec<Fact>) -> Vec<Stretch> {
    facts.sort();
    let mut sessions: Vec<Stretch> = Vec::new();
    let mut over = true;
    for fact in facts {
        let last = sessions.last_mut().filter(|last| !over && fact.at_ms - last.ended_ms <= GAP_MS);
        if let Some(last) = last {
            last.ended_ms = fact.at_ms;
            last.facts += 1;
        } else {
            sessions.push(Stretch { started_ms: fact.at_ms, ended_ms: fact.at_ms, facts: 1 });
        }
        over = fact.ends;
    }
    sessions.sort();
    sessions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(facts: &[(u64, bool)], expected: &[(u64, u64, u64)]) {
        let facts = facts.iter().map(|(at_ms, ends)| Fact {
            at_ms: *at_ms,
            id: format!("i{at_ms}"),
            ends: *ends,
        });
        let found = sessions(facts.rev().collect()).into_iter();
        let found: Vec<_> =
            found.map(|found| (found.started_ms, found.ended_ms, found.facts)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_gap_at_the_limit_joins_a_greater_one_splits_and_an_end_splits() {
        check(&[(0, false), (GAP_MS, false)], &[(0, GAP_MS, 2)]);
        check(&[(0, false), (GAP_MS + 1, false)], &[(0, 0, 1), (GAP_MS + 1, GAP_MS + 1, 1)]);
        check(&[(0, false), (5, true), (6, true), (7, false)], &[(0, 5, 2), (6, 6, 1), (7, 7, 1)]);
    }
}
