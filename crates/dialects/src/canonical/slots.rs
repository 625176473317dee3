//! What the members of a signal mean, found by the object that they stand in and their name.
use std::{collections::HashMap, sync::LazyLock};

use sessionary_core::dictionary::{FIELDS, Field, Member, NameHash, by_member};

/// Items of an order: a list of objects, too.
pub(super) const ITEMS: &str = "commerce.items";

/// The object of signals that have a number and no name, as `{"signals":{"110":"x"}}` (D4).
pub(super) const SIGNALS: &str = "signals";

/// A part of a signal that is no field of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Id,
    Type,
    OccurredAt,
    SentAt,
    Sequence,
    Channel,
    SessionType,
    Source,
    SessionId,
    Identities,
    UserId,
    AnonymousId,
    Warnings,
    Code,
    Author,
    Policy,
}

const PARTS: [(&str, Part); 16] = [
    ("id", Part::Id),
    ("type", Part::Type),
    ("occurred_at", Part::OccurredAt),
    ("sent_at", Part::SentAt),
    ("sequence", Part::Sequence),
    ("channel", Part::Channel),
    ("session_type", Part::SessionType),
    ("source", Part::Source),
    ("session_id", Part::SessionId),
    ("identities", Part::Identities),
    ("user_id", Part::UserId),
    ("anonymous_id", Part::AnonymousId),
    ("warnings", Part::Warnings),
    ("disposition.code", Part::Code),
    ("disposition.author", Part::Author),
    ("disposition.policy", Part::Policy),
];

/// What a member means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Part(Part),
    Field(&'static Field),
    Group(Group),
}

/// An object whose members are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    number: u16,
    /// Its dotted path.
    pub(super) path: &'static str,
}

impl Group {
    /// The signal itself.
    pub(super) const WHOLE: Group = Group { number: 0, path: "" };

    /// What its member of this name means; a name may be a dotted path.
    pub(super) fn find(self, name: &str) -> Option<Slot> {
        TABLE.get(&(self.number, name)).copied()
    }

    /// Whether its members are numbers of signals.
    pub(super) fn is_signals(self) -> bool {
        self.path == SIGNALS
    }

    /// The dotted path of its member of this name.
    pub(super) fn path_of(self, name: &str) -> Box<str> {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path).into() }
    }
}

/// What a slot is to a set of slots that were seen: its bit. Fields need none, as their values are
/// seen themselves.
impl Slot {
    pub(super) fn bit(self) -> u128 {
        match self {
            Slot::Part(part) => 1 << part as u32,
            Slot::Group(group) => 1 << (16 + u32::from(group.number)),
            Slot::Field(_) => 0,
        }
    }
}

/// Whether the name means something in our own form, so that no stranger's member may have it.
pub(crate) fn is_own_member(name: &str) -> bool {
    Group::WHOLE.find(name).is_some() && !name.starts_with("disposition.")
        || by_member(name).is_some()
}

static TABLE: LazyLock<HashMap<(u16, &'static str), Slot, NameHash>> = LazyLock::new(|| {
    let mut groups = vec![Group::WHOLE];
    let mut table = HashMap::default();
    let fields = FIELDS.iter().map(|row| row.member);
    for path in fields.chain(PARTS.map(|(path, _)| path)).chain([SIGNALS]) {
        put(&mut table, &mut groups, path);
    }
    table
});

/// Puts a path under each object that it can be reached through.
fn put(
    table: &mut HashMap<(u16, &'static str), Slot, NameHash>,
    groups: &mut Vec<Group>,
    path: &'static str,
) {
    for (dot, _) in path.match_indices('.') {
        put(table, groups, path.split_at(dot).0);
    }
    let slot = slot(groups, path);
    table.insert((Group::WHOLE.number, path), slot);
    for group in groups.iter() {
        let inside = path.strip_prefix(group.path).and_then(|rest| rest.strip_prefix('.'));
        if let Some(name) = inside {
            table.insert((group.number, name), slot);
        }
    }
}

fn slot(groups: &mut Vec<Group>, path: &'static str) -> Slot {
    if let Some((_, part)) = PARTS.iter().find(|(known, _)| *known == path) {
        return Slot::Part(*part);
    }
    if let Some(Member::Field(row)) = by_member(path) {
        return Slot::Field(row);
    }
    if let Some(known) = groups.iter().find(|group| group.path == path) {
        return Slot::Group(*known);
    }
    let number = u16::try_from(groups.len()).unwrap_or(u16::MAX);
    groups.push(Group { number, path });
    Slot::Group(Group { number, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_however_it_is_divided() {
        for row in FIELDS {
            let whole = format!("{:?}", Group::WHOLE.find(row.member).unwrap());
            for (dot, _) in row.member.match_indices('.') {
                let (group, name) = row.member.split_at(dot);
                let Some(Slot::Group(group)) = Group::WHOLE.find(group) else { continue };
                assert_eq!(format!("{:?}", group.find(&name[1..]).unwrap()), whole);
            }
        }
    }

    #[test]
    fn every_part_and_every_group_has_a_bit_of_its_own() {
        let slots = TABLE.iter().filter(|((group, _), _)| *group == 0).map(|(_, slot)| *slot);
        let bits: Vec<u128> = slots.map(Slot::bit).filter(|bit| *bit != 0).collect();
        let all = bits.iter().fold(0, |all, bit| all | bit);
        assert_eq!(all.count_ones() as usize, bits.len());
    }
}
