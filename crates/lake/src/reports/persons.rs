//! Which sessions are of one person: by the identities that they have in common.
//!
//! A user of the sender is a person, whatever devices and addresses were used. An address or a device
//! that several users had joins nobody, and neither does a network's address. What no user had is
//! joined by what was seen together in a session. The answer is a function of the set of sessions.
use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;
use sessionary_core::identity::{IdentityClass, class_of};

use super::columns::objects_of;
use crate::LakeError;

/// More identities than this are one thing that many share, taken for a person by mistake.
const IDENTITIES_MAX: usize = 1_000;

/// Identities of sessions, as they are met.
#[derive(Default)]
pub(super) struct Persons {
    nodes: HashMap<(Box<str>, [u8; 16]), usize>,
    /// Of each node, the type where it is a user's.
    users: Vec<Option<Box<str>>>,
    /// The nodes of each session.
    sessions: Vec<Vec<usize>>,
}

/// The user that a node or a group of them belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum User {
    #[default]
    Nobody,
    One(usize),
    Many,
}

impl User {
    fn and(self, other: User) -> User {
        match (self, other) {
            (User::Nobody, user) | (user, User::Nobody) => user,
            (User::One(one), User::One(other)) if one == other => self,
            _ => User::Many,
        }
    }
}

impl Persons {
    /// Takes the sessions of a batch, which are numbered on.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let identities = objects_of(batch, "identities")?;
        let (kinds, hashes) = (identities.texts("type")?, identities.hashes("hash")?);
        for row in 0..batch.num_rows() {
            let known = identities.of(row).filter_map(|at| Some((kinds.at(at)?, hashes.at(at)?)));
            let nodes = known.filter_map(|(kind, hash)| self.node(kind, hash)).collect();
            self.sessions.push(nodes);
        }
        Ok(())
    }

    fn node(&mut self, kind: &str, hash: [u8; 16]) -> Option<usize> {
        let class = class_of(kind);
        if class == IdentityClass::Weak {
            return None;
        }
        let next = self.users.len();
        let node = *self.nodes.entry((kind.into(), hash)).or_insert(next);
        if node == next {
            self.users.push((class == IdentityClass::User).then(|| kind.into()));
        }
        Some(node)
    }

    /// What a reader must know where sessions tell no identity.
    pub(super) fn note(&self) -> Option<String> {
        let strangers = self.sessions.iter().filter(|nodes| nodes.is_empty()).count();
        (strangers > 0).then(|| {
            format!("{strangers} sessions tell no identity; each counts as a person of its own.")
        })
    }

    fn is_user(&self, node: usize) -> bool {
        self.users.get(node).is_some_and(Option::is_some)
    }

    /// A number for the person of each session, in their order.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let mut joined = Joined::new(self.users.len());
        self.join_users(&mut joined);
        let owners = self.owners(&mut joined);
        let is_shared = |node: usize| owners.get(node) == Some(&User::Many);
        for nodes in &self.sessions {
            let mut alone = nodes.iter().filter(|node| !self.is_user(**node) && !is_shared(**node));
            let Some(first) = alone.next() else { continue };
            for node in alone {
                joined.join(*first, *node);
            }
        }
        let groups = self.groups(&mut joined, &owners);
        let mut numbers: HashMap<Person, i64> = HashMap::new();
        let mut number = |person: Person| {
            let next = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
            *numbers.entry(person).or_insert(next)
        };
        let sessions = self.sessions.iter().enumerate();
        sessions
            .map(|(session, nodes)| {
                let person = self.person(nodes, &owners, &groups, &mut joined);
                number(person.unwrap_or(Person::Stranger(session)))
            })
            .collect()
    }

    /// A user may have an id of several types; two of one type are two users.
    fn join_users(&self, joined: &mut Joined) {
        for nodes in &self.sessions {
            let mut types = HashSet::new();
            let users = nodes.iter().filter(|node| {
                let kind = self.users.get(**node).and_then(Option::as_deref);
                kind.is_some_and(|kind| types.insert(kind))
            });
            let users: Vec<usize> = users.copied().collect();
            let Some((first, others)) = users.split_first() else { continue };
            for node in others {
                joined.join(*first, *node);
            }
        }
    }

    /// The users that each node was seen with.
    fn owners(&self, joined: &mut Joined) -> Vec<User> {
        let mut owners = vec![User::Nobody; self.users.len()];
        for nodes in &self.sessions {
            let users = nodes.iter().filter(|node| self.is_user(**node));
            let user =
                users.fold(User::Nobody, |user, node| user.and(User::One(joined.root(*node))));
            for node in nodes.iter().filter(|node| !self.is_user(**node)) {
                if let Some(owner) = owners.get_mut(*node) {
                    *owner = owner.and(user);
                }
            }
        }
        owners
    }

    /// The users of each group of nodes, and how many nodes it has.
    fn groups(&self, joined: &mut Joined, owners: &[User]) -> HashMap<usize, (User, usize)> {
        let mut groups: HashMap<usize, (User, usize)> = HashMap::new();
        for (node, owner) in owners.iter().enumerate().filter(|(node, _)| !self.is_user(*node)) {
            let group = groups.entry(joined.root(node)).or_default();
            *group = (group.0.and(*owner), group.1 + 1);
        }
        groups
    }

    fn person(
        &self,
        nodes: &[usize],
        owners: &[User],
        groups: &HashMap<usize, (User, usize)>,
        joined: &mut Joined,
    ) -> Option<Person> {
        if let Some(user) = nodes.iter().find(|node| self.is_user(**node)) {
            return Some(Person::User(joined.root(*user)));
        }
        let owned = nodes.iter().find_map(|node| match owners.get(*node) {
            Some(User::One(user)) => Some(Person::User(*user)),
            _ => None,
        });
        if owned.is_some() {
            return owned;
        }
        let first = nodes.iter().find(|node| owners.get(**node) != Some(&User::Many))?;
        let root = joined.root(*first);
        Some(match groups.get(&root) {
            Some((_, size)) if *size > IDENTITIES_MAX => Person::Group(*first),
            Some((User::One(user), _)) => Person::User(*user),
            _ => Person::Group(root),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Person {
    User(usize),
    Group(usize),
    Stranger(usize),
}

/// Nodes that are joined have one root, the least of them.
struct Joined(Vec<usize>);

impl Joined {
    fn new(nodes: usize) -> Joined {
        Joined((0..nodes).collect())
    }

    fn above(&self, node: usize) -> usize {
        self.0.get(node).copied().unwrap_or(node)
    }

    fn root(&mut self, node: usize) -> usize {
        let mut root = node;
        while self.above(root) != root {
            root = self.above(root);
        }
        let mut at = node;
        while at != root {
            let above = self.above(at);
            if let Some(known) = self.0.get_mut(at) {
                *known = root;
            }
            at = above;
        }
        root
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(greater) = self.0.get_mut(one.max(other)) {
            *greater = one.min(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions as lists of `type:value`; the persons as letters.
    fn check(sessions: &[&str], expected: &str) {
        let mut persons = Persons::default();
        for session in sessions {
            let pairs = session.split_whitespace().filter_map(|pair| pair.split_once(':'));
            let nodes = pairs.filter_map(|(kind, value)| {
                let mut hash = [0; 16];
                hash.iter_mut().zip(value.bytes()).for_each(|(to, byte)| *to = byte);
                persons.node(kind, hash)
            });
            let nodes = nodes.collect();
            persons.sessions.push(nodes);
        }
        let letters = persons
            .numbers()
            .into_iter()
            .map(|number| char::from(b'a' + u8::try_from(number).unwrap()));
        assert_eq!(letters.collect::<String>(), expected, "{sessions:?}");
    }

    #[test]
    fn a_call_and_a_click_are_one_person_by_what_they_have_in_common() {
        check(&["cookie:1 phone:7", "phone:7", "cookie:1", "cookie:2"], "aaab");
        check(&["cookie:1", "phone:7", "phone:7 cookie:1"], "aaa");
        check(&["ip_address:1", "ip_address:1", ""], "abc");
        // One value of two types is two identities.
        check(&["cookie:1", "phone:1"], "ab");
    }

    #[test]
    fn what_two_users_share_joins_nobody() {
        check(&["user_id:u cookie:1", "user_id:v cookie:1", "cookie:1"], "abc");
        // Not even by way of something that has no user of its own.
        check(
            &["user_id:u cookie:1", "user_id:v phone:7", "cookie:1 phone:7 email:e", "email:e"],
            "abac",
        );
    }

    #[test]
    fn a_user_brings_in_what_was_seen_before_they_signed_in() {
        check(&["cookie:1", "cookie:1 email:e", "email:e user_id:u", "cookie:1"], "aaaa");
        check(&["user_id:u customer_id:c", "customer_id:c", "user_id:u"], "aaa");
    }
}
