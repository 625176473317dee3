use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    Split,
    forms::{ask, batches, moments, people, texts},
};

type Said = (Option<String>, Option<i64>);

fn columns(rows: &[Said], form: usize) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("who", texts(&rows.iter().map(|row| row.0.as_deref()).collect::<Vec<_>>(), form)),
        ("when", moments(&rows.iter().map(|row| row.1).collect::<Vec<_>>(), form)),
    ]
}

fn parameters() -> RetentionParameters {
    RetentionParameters { key: "who".into(), at: "when".into(), origin_ms: 20, period_ms: 7 }
}

/// By plain loops.
fn expected(rows: &[Said], persons: &BTreeMap<String, String>) -> Vec<Retained> {
    let mut periods: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for (who, when) in rows {
        if let (Some(who), Some(when)) = (who, when) {
            let person = persons.get(who).unwrap_or(who);
            periods
                .entry(person)
                .or_default()
                .insert((when - 20).div_euclid(7).try_into().unwrap());
        }
    }
    let mut counts: BTreeMap<(i32, u32), u64> = BTreeMap::new();
    for periods in periods.into_values() {
        let cohort = *periods.first().unwrap();
        for period in periods {
            *counts.entry((cohort, period.abs_diff(cohort))).or_default() += 1;
        }
    }
    let row = |((cohort, later), persons)| Retained { cohort, later, persons };
    counts.into_iter().map(row).collect()
}

proptest! {
    #[test]
    fn persons_come_back_as_by_plain_loops(
        rows in vec((option::weighted(0.95, "v[0-9]"), option::weighted(0.95, 0_i64..60)), 0..40),
        links in prop::collection::btree_map("v[0-9]", "p[0-3]", 0..10), clones in 1_usize..4,
    ) {
        let pairs: Vec<(String, String)> = links.clone().into_iter().collect();
        let operator = Retention::new(&parameters(), people(&pairs)).unwrap();
        prop_assert_eq!(ask(&operator, &batches(&rows, columns), clones), expected(&rows, &links));
    }
}

#[test]
fn of_two_links_the_same_holds_in_any_order() {
    let link = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let both = [link("v1", "p1"), link("v1", "p2"), link("v2", "p1"), link("v3", "p2")];
    let rows = [("v1", 20), ("v2", 27), ("v3", 34)].map(|(who, at)| (Some(who.into()), Some(at)));
    let answer = |links: &[(String, String)]| {
        let operator = Retention::new(&parameters(), people(links)).unwrap();
        ask(&operator, &batches(&rows, columns), 2)
    };
    let mut reversed = both.clone();
    reversed.reverse();
    assert_eq!(answer(&both), answer(&reversed));
    assert_eq!(answer(&[]).len(), 3);
}

#[test]
fn periods_are_bounded_and_become_columns() {
    let people = crate::People::strangers(Split::default());
    let none = RetentionParameters { period_ms: 0, ..parameters() };
    assert!(Retention::new(&none, people.clone()).is_err());
    let short = RetentionParameters { period_ms: 1, ..parameters() };
    let mut operator = Retention::new(&short, people).unwrap();
    let rows = [0, 200_000].map(|at| (Some("ada".to_owned()), Some(at)));
    for batch in batches(&rows, columns) {
        operator.push(&batch).unwrap();
    }
    let error = operator.finish().unwrap_err().to_string();
    assert_eq!(error, "more than 100000 periods; make them longer");
    let table = [Retained { cohort: -1, later: 2, persons: 3 }];
    assert_eq!(Retained::batch(&table).unwrap().num_columns(), 3);
}
