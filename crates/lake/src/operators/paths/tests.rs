use std::{cmp::Reverse, collections::BTreeMap};

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::forms::{ask, batches, moments, texts};

type Said = (Option<&'static str>, Option<i64>, Option<String>, bool);

fn columns(rows: &[Said], form: usize) -> Vec<(&'static str, ArrayRef)> {
    let kinds: Vec<_> = rows.iter().map(|row| Some(if row.3 { "view" } else { "other" })).collect();
    vec![
        ("who", texts(&rows.iter().map(|row| row.0).collect::<Vec<_>>(), form)),
        ("when", moments(&rows.iter().map(|row| row.1).collect::<Vec<_>>(), form)),
        ("node", texts(&rows.iter().map(|row| row.2.as_deref()).collect::<Vec<_>>(), form + 1)),
        ("kind", texts(&kinds, form + 3)),
    ]
}

fn parameters(length: usize, most: usize) -> PathsParameters {
    PathsParameters {
        key: "who".into(),
        at: "when".into(),
        node: "node".into(),
        only: Some(Member::new("kind", ["view"])),
        length,
        most,
        separator: ">".into(),
    }
}

fn paths(rows: &[Said], length: usize, most: usize, clones: usize) -> Vec<(u64, String)> {
    let operator = Paths::new(parameters(length, most), Split::for_rows(50_000)).unwrap();
    let paths = ask(&operator, &batches(rows, columns), clones);
    paths.into_iter().map(|path| (path.count, path.path)).collect()
}

/// By plain loops.
fn expected(rows: &[Said], length: usize, most: usize) -> Vec<(u64, String)> {
    let mut by_key: BTreeMap<&str, Vec<(i64, &str)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.3) {
        if let (Some(key), Some(at), Some(node)) = (row.0, row.1, row.2.as_deref()) {
            by_key.entry(key).or_default().push((at, node));
        }
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for mut visits in by_key.into_values() {
        visits.sort_unstable();
        let nodes: Vec<&str> = visits.into_iter().map(|(_, node)| node).collect();
        for path in nodes.windows(length) {
            *counts.entry(path.join(">")).or_default() += 1;
        }
    }
    let mut sorted: Vec<(Reverse<u64>, String)> =
        counts.into_iter().map(|(path, count)| (Reverse(count), path)).collect();
    sorted.sort();
    sorted.into_iter().take(most).map(|(count, path)| (count.0, path)).collect()
}

fn said(nodes: &'static str) -> impl Strategy<Value = Said> {
    (
        option::weighted(0.95, prop_oneof![Just("ada"), Just("bea")]),
        option::weighted(0.95, 0_i64..30),
        option::weighted(0.9, nodes),
        prop::bool::weighted(0.9),
    )
}

proptest! {
    #[test]
    fn paths_are_those_of_plain_loops(
        // `/` sorts before the separator, so `c1/s2>…` comes before `c1>…`.
        rows in vec(said("c1|c1/s2|d"), 0..60), length in 1_usize..5, most in 0_usize..6,
        clones in 1_usize..4,
    ) {
        prop_assert_eq!(paths(&rows, length, most, clones), expected(&rows, length, most));
    }

    #[test]
    fn long_paths_take_a_wider_number(rows in vec(said("[a-h]{1,2}"), 0..60)) {
        prop_assert_eq!(paths(&rows, 18, 9, 2), expected(&rows, 18, 9));
    }
}

#[test]
fn what_cannot_be_numbered_is_refused() {
    let coding = |nodes, length| Coding::new(nodes, length).map(|_| ()).map_err(|e| e.to_string());
    assert_eq!(coding(256, 16), Ok(()));
    assert!(coding(257, 16).unwrap_err().contains("9 bits a node"));
    assert!(Paths::new(parameters(0, 1), Split::default()).is_err());
    assert_eq!(paths(&[], 3, 5, 2), []);
}

#[test]
fn nodes_come_back_out_of_a_path() {
    for (nodes, length) in [(1, 64), (2, 64), (3, 5), (108, 5), (256, 16), (65_536, 8)] {
        let coding = Coding::new(nodes, length).unwrap();
        let places = (0..length + 3).map(|at| u32::try_from(at * 7 % nodes).unwrap());
        let places: Vec<u32> = places.collect();
        let path = places.iter().fold(0_u128, |path, place| coding.then(path, *place));
        assert_eq!(coding.nodes(path).collect::<Vec<_>>(), places[3..], "{nodes} {length}");
    }
}

#[test]
fn many_ties_are_kept_until_the_end() {
    // A thousand paths of equal count, more than candidates are kept for without a look at them.
    let row = |at: i64| (Some("ada"), Some(at), Some(format!("{at:04}")), true);
    let rows: Vec<Said> = (0..1001).map(row).collect();
    let answer = paths(&rows, 2, 3, 2);
    let expected = [(1, "0000>0001"), (1, "0001>0002"), (1, "0002>0003")];
    assert_eq!(answer, expected.map(|(count, path)| (count, path.to_owned())));
    let path = [Path { count: 1, path: "a>b".into() }];
    assert_eq!(Path::batch(&path).unwrap().num_columns(), 2);
}
