//! Tables that are made of the sessions: those that count, and their lists, one row an object.
use std::fmt::Write;

use crate::{
    sessions::{
        self,
        cell::Kind,
        own::{LISTS, List},
    },
    tables::Table,
};

/// The sessions, redirects included.
pub(super) const ALL: &str = "sessions_all";

/// Every view and its text, in the order in which they can be made.
pub(super) fn views() -> Vec<(String, String)> {
    let sessions = ("sessions".to_owned(), format!("SELECT * FROM {ALL} WHERE status <> 'merged'"));
    let lists = LISTS.iter().map(|list| (list.record.to_owned(), of_list(list)));
    std::iter::once(sessions).chain(lists).collect()
}

/// What the rows of a list's view begin with.
const BEGIN: [(&str, Kind, &str); 3] = [
    ("session_id", Kind::Text, "The session that it is in."),
    ("ordinal", Kind::Number, "Its place in the list, from 1."),
    ("session_started_at", Kind::Instant, "When the session began."),
];

fn of_list(list: &List) -> String {
    let name = list.record;
    let mut text = "SELECT session_id, ordinal, session_started_at".to_owned();
    for (member, ..) in list.members {
        let _ = write!(text, ", object['{member}'] AS \"{member}\"");
    }
    let _ = write!(
        text,
        " FROM (SELECT id AS session_id, started_at AS session_started_at, unnest(\"{name}\") AS object, \
         unnest(ordinals(\"{name}\")) AS ordinal \
         FROM sessions WHERE array_length(\"{name}\") > 0)"
    );
    text
}

/// A table as the reference page and the command tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What a row is.
    pub about: String,
    /// Columns: name, kind, meaning.
    pub columns: Vec<(String, String, String)>,
}

/// Every table that can be asked, in the order in which people look for them.
pub fn described() -> Vec<Described> {
    let told = |columns: Vec<sessions::Column>| {
        let one = |it: sessions::Column| (it.name, it.kind, it.about.to_owned());
        columns.into_iter().map(one).collect::<Vec<_>>()
    };
    let table = |name: &str, about: &str, columns| Described {
        name: name.to_owned(),
        about: about.to_owned(),
        columns,
    };
    let mut all = vec![
        table("sessions", "one row a session, open or final", told(sessions::columns())),
        table(ALL, "the same with redirects, whose status is `merged`", told(sessions::columns())),
    ];
    let cell = |(name, kind, about): &(&str, Kind, &str)| {
        ((*name).to_owned(), kind.word().to_owned(), (*about).to_owned())
    };
    all.extend(LISTS.iter().map(|list| {
        let columns = BEGIN.iter().chain(list.members).map(cell).collect();
        table(list.record, &format!("one row an object of `sessions.{}`", list.record), columns)
    }));
    all.extend(Table::ALL.map(|it| table(it.name(), it.about(), told(it.columns()))));
    all
}
