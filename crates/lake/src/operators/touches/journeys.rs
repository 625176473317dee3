//! Touches for the tests of attribution and of Markov chains.
use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*};

use super::{TouchColumns, TouchTable, Touches};
use crate::{
    Member,
    forms::{ask, batches, moments, numbers, people, texts},
};

/// Visitor, moment, channel, whether it converted, revenue, number of the touch's id.
pub(crate) type Said = (Option<String>, Option<i64>, Option<&'static str>, bool, Option<i64>, u8);

#[derive(Clone, Debug)]
pub(crate) struct Journeys {
    pub(crate) rows: Vec<Said>,
    pub(crate) links: BTreeMap<String, String>,
}

/// Any journeys; no two touches have the same id.
pub(crate) fn journeys() -> impl Strategy<Value = Journeys> {
    let channel = prop_oneof![Just("direct"), Just("email"), Just("search"), Just("tv")];
    let row = (
        option::weighted(0.95, "v[0-9]"),
        option::weighted(0.95, 0_i64..30),
        option::weighted(0.95, channel),
        prop::bool::weighted(0.3),
        option::weighted(0.8, -5_i64..100),
    );
    let links = prop::collection::btree_map("v[0-9]", "p[0-3]", 0..10);
    let ids = Just((0..40).collect::<Vec<u8>>()).prop_shuffle();
    (vec(row, 0..40), ids, links).prop_map(|(rows, ids, links)| {
        let rows = rows.into_iter().zip(ids);
        let rows = rows.map(|((who, when, channel, converted, revenue), id)| {
            (who, when, channel, converted, revenue, id)
        });
        Journeys { rows: rows.collect(), links }
    })
}

impl Journeys {
    pub(crate) fn table(&self, rank: Option<&str>, clones: usize) -> Touches {
        let columns = |rows: &[Said], form| {
            let ids: Vec<String> = rows.iter().map(|row| format!("{:032x}", row.5)).collect();
            let converted: Vec<_> = rows.iter().map(|row| Some(i64::from(row.3))).collect();
            vec![
                ("who", texts(&rows.iter().map(|row| row.0.as_deref()).collect::<Vec<_>>(), form)),
                ("when", moments(&rows.iter().map(|row| row.1).collect::<Vec<_>>(), form)),
                ("channel", texts(&rows.iter().map(|row| row.2).collect::<Vec<_>>(), form + 1)),
                ("converted", numbers(&converted, form)),
                ("revenue", numbers(&rows.iter().map(|row| row.4).collect::<Vec<_>>(), form + 2)),
                ("id", texts(&ids.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>(), form)),
            ]
        };
        let names = TouchColumns {
            key: "who".into(),
            at: "when".into(),
            rank: rank.map(Into::into),
            channel: "channel".into(),
            converted: Member::new("converted", [1]),
            revenue: Some("revenue".into()),
        };
        let links: Vec<(String, String)> = self.links.clone().into_iter().collect();
        let operator = TouchTable::new(&names, people(&links));
        ask(&operator, &batches(&self.rows, columns), clones)
    }

    /// The touches of each person, in order of moment and id.
    pub(crate) fn persons(&self) -> Vec<Vec<&Said>> {
        let mut persons: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.1.is_some()) {
            if let Some(who) = &row.0 {
                persons.entry(self.links.get(who).unwrap_or(who)).or_default().push(row);
            }
        }
        let mut persons: Vec<Vec<&Said>> = persons.into_values().collect();
        for rows in &mut persons {
            rows.sort_by_key(|row| (row.1, row.5));
        }
        persons
    }
}
