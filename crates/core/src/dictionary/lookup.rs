//! Finding a row by the ways in which senders name a field.
use std::{collections::HashMap, sync::LazyLock};

use super::{FIELDS, Field, NameHash};

/// The row of a long name, an alias or a signal name: `user_phone`, `ANI`,
/// `SessionTrackingCampaigName`. Long names go before signal names.
pub fn by_name(name: &str) -> Option<&'static Field> {
    static ROWS: LazyLock<HashMap<&str, &Field, NameHash>> = LazyLock::new(|| {
        let others = |row: &'static Field| row.aliases.iter().chain([&row.signal_name]).copied();
        let signal_names = FIELDS.iter().flat_map(|row| others(row).map(move |name| (name, row)));
        let names = FIELDS.iter().map(|row| (row.name, row));
        signal_names.chain(names).filter(|(name, _)| !name.is_empty()).collect()
    });
    ROWS.get(name).copied()
}

/// The row of a short parameter of the Handshake's query form, as `TSC`.
pub fn by_parameter(parameter: &str) -> Option<&'static Field> {
    static ROWS: LazyLock<HashMap<&str, &Field, NameHash>> = LazyLock::new(|| {
        FIELDS.iter().filter_map(|row| row.parameter.map(|parameter| (parameter, row))).collect()
    });
    ROWS.get(parameter).copied()
}

/// What a dotted path names in a signal of our own form.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// A field.
    Field(&'static Field),
    /// An object that holds fields, as `page` does.
    Group,
}

/// What the member at a dotted path is, as `page.url`; `None`: nothing that we know.
pub fn by_member(path: &str) -> Option<Member> {
    static MEMBERS: LazyLock<HashMap<&str, Member, NameHash>> = LazyLock::new(|| {
        let mut members = HashMap::default();
        for row in FIELDS {
            for (dot, _) in row.member.match_indices('.') {
                members.insert(row.member.split_at(dot).0, Member::Group);
            }
            members.insert(row.member, Member::Field(row));
        }
        members
    });
    MEMBERS.get(path).copied()
}
