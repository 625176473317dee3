//! What the members of a signal mean, found by the object that they stand in and their name.
use std::{hash::Hasher, sync::LazyLock};

use sessionary_core::dictionary::{FIELDS, Field, Member, NameHasher, by_member};

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
    #[inline]
    pub(super) fn find(self, name: &str) -> Option<&'static Slot> {
        TABLE.find(self.number, name)
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

/// The slots by object and name: half of the places are free, so that nearly every look-up ends at
/// the first.
struct Table {
    rows: Vec<Row>,
    /// For each hash a row's number, or [`FREE`]; what finds its place taken takes the next free one.
    places: Vec<u16>,
}

struct Row {
    group: u16,
    name: &'static str,
    slot: Slot,
}

const PLACES: usize = 2_048;
const FREE: u16 = u16::MAX;

static TABLE: LazyLock<Table> = LazyLock::new(Table::full);

impl Table {
    fn full() -> Table {
        let mut table = Table { rows: Vec::new(), places: vec![FREE; PLACES] };
        let mut groups = vec![Group::WHOLE];
        let fields = FIELDS.iter().map(|row| row.member);
        for path in fields.chain(PARTS.map(|(path, _)| path)).chain([SIGNALS]) {
            table.put_path(&mut groups, path);
        }
        table
    }

    /// Puts a path under each object that it can be reached through.
    fn put_path(&mut self, groups: &mut Vec<Group>, path: &'static str) {
        for (dot, _) in path.match_indices('.') {
            self.put_path(groups, path.split_at(dot).0);
        }
        let slot = slot(groups, path);
        self.put(Row { group: Group::WHOLE.number, name: path, slot });
        for group in groups.iter() {
            let inside = path.strip_prefix(group.path).and_then(|rest| rest.strip_prefix('.'));
            if let Some(name) = inside.filter(|_| *group != Group::WHOLE) {
                self.put(Row { group: group.number, name, slot });
            }
        }
    }

    fn put(&mut self, row: Row) {
        if self.find(row.group, row.name).is_some() {
            return;
        }
        let number = u16::try_from(self.rows.len()).unwrap_or(FREE);
        let mut place = place_of(row.group, row.name);
        while let Some(taken) = self.places.get_mut(place) {
            if *taken == FREE {
                *taken = number;
                break;
            }
            place = (place + 1) % PLACES;
        }
        self.rows.push(row);
    }

    #[inline]
    fn find(&self, group: u16, name: &str) -> Option<&Slot> {
        let mut place = place_of(group, name);
        loop {
            let row = self.rows.get(usize::from(*self.places.get(place)?))?;
            if row.group == group && row.name == name {
                return Some(&row.slot);
            }
            place = (place + 1) % PLACES;
        }
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "only the lowest bits are of use")]
fn place_of(group: u16, name: &str) -> usize {
    let mut hasher = NameHasher::default();
    hasher.write_u16(group);
    hasher.write(name.as_bytes());
    hasher.finish() as usize % PLACES
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
        let slots = TABLE.rows.iter().filter(|row| row.group == 0).map(|row| row.slot);
        let bits: Vec<u128> = slots.map(Slot::bit).filter(|bit| *bit != 0).collect();
        let all = bits.iter().fold(0, |all, bit| all | bit);
        assert_eq!(all.count_ones() as usize, bits.len());
        assert!(TABLE.rows.len() < PLACES / 2, "look-ups stay short: {}", TABLE.rows.len());
    }
}
