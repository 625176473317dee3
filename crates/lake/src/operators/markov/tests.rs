use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::operators::touches::journeys::{Journeys, journeys};

/// By plain loops.
fn expected(journeys: &Journeys) -> BTreeMap<(State, State), u64> {
    let mut counts: BTreeMap<(State, State), u64> = BTreeMap::new();
    let mut go = |from: &State, to: &State| {
        *counts.entry((from.clone(), to.clone())).or_default() += 1;
    };
    for rows in journeys.persons() {
        let mut at = State::Start;
        for row in rows {
            let channel = State::Channel(row.2.map_or(Word::Null, Word::from));
            go(&at, &channel);
            at = channel;
            if row.3 {
                go(&at, &State::Converted);
                at = State::Start;
            }
        }
        if at != State::Start {
            go(&at, &State::Lost);
        }
    }
    counts
}

proptest! {
    #[test]
    fn moves_are_counted_as_by_plain_loops(journeys in journeys(), clones in 1_usize..4) {
        let threads = NonZeroUsize::new(clones).unwrap();
        let chains = Chains::of(&journeys.table(Some("id"), clones), threads);
        let moves = chains.transitions.into_iter().map(|one| ((one.from, one.to), one.count));
        prop_assert_eq!(moves.collect::<BTreeMap<_, _>>(), expected(&journeys));
        prop_assert_eq!(chains.ties, 0);
    }
}

#[test]
fn chains_become_columns() {
    let one = Transition { from: State::Start, to: State::Channel("tv".into()), count: 2 };
    let batch = Transition::batch(&[one]).unwrap();
    let text = |at: usize| format!("{:?}", batch.column(at).slice(0, 1));
    assert!(text(0).contains("(start)") && text(1).contains("tv"), "{batch:?}");
    assert_eq!(Chains::of(&Touches::default(), NonZeroUsize::MIN).transitions, []);
}
