//! The outcomes and segments that each tenant has defined, as the journal has them.
//!
//! A change is an entry, and holds for what is folded behind it. A checkpoint writes what changed,
//! so the rows are always those of the position that it has come to.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use sessionary_core::{
    goal::{DEFINITIONS_MAX, Definition, Goal, Goals},
    signal::TenantId,
};
use sessionary_store::{Direction, Store, Table};

use crate::{
    EngineError,
    entry::GoalEntry,
    keys::random_32,
    rows::{decode, encode},
    staging::Staging,
};

/// What the keys of definitions begin with in the table `Config`.
const GOALS: &[u8] = b"goal/0/";

fn goal_key(tenant: TenantId, id: &str) -> Vec<u8> {
    [GOALS, &tenant.0.to_be_bytes(), id.as_bytes()].concat()
}

/// The definitions of one tenant.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    definitions: BTreeMap<Box<str>, Defined>,
    goals: Arc<Goals>,
}

#[derive(Clone, Debug)]
struct Defined {
    definition: Arc<Definition>,
    /// Ready to be looked for, if it is in force.
    goal: Option<Arc<Goal>>,
}

impl Catalogue {
    /// The definition with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Definition>> {
        self.definitions.get(id).map(|defined| &defined.definition)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.definitions.values().map(|defined| &defined.definition)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.len() >= DEFINITIONS_MAX
    }

    fn version_of(&self, id: &str) -> u32 {
        self.get(id).map_or(0, |known| known.version)
    }

    fn put(&mut self, definition: Definition) {
        let goal = Goal::of(&definition).map(Arc::new);
        let id = definition.id.clone();
        let definition = Arc::new(definition);
        self.definitions.insert(id, Defined { definition, goal });
    }

    /// Puts in force what is there.
    fn prepare(&mut self) {
        let goals = self.definitions.values().filter_map(|defined| defined.goal.clone());
        self.goals = Arc::new(Goals::from_compiled(goals));
    }
}

/// The definitions of all tenants.
#[derive(Default)]
pub(crate) struct Catalogues {
    by_tenant: HashMap<TenantId, Arc<Catalogue>>,
    /// What the next checkpoint writes.
    changed: BTreeSet<(TenantId, Box<str>)>,
}

impl Catalogues {
    /// Those of the last checkpoint.
    pub(crate) fn restore(store: &Store) -> Result<Catalogues, EngineError> {
        let mut catalogues: HashMap<TenantId, Catalogue> = HashMap::new();
        for row in store.scan_prefix(Table::Config, GOALS, Direction::Forward) {
            let (key, row) = row?;
            let tenant = key.get(GOALS.len()..).and_then(<[u8]>::first_chunk).copied();
            let missing = EngineError::Missing { what: "the tenant of an outcome or segment" };
            let tenant = TenantId(u32::from_be_bytes(tenant.ok_or(missing)?));
            catalogues.entry(tenant).or_default().put(decode("an outcome or segment", &row)?);
        }
        let prepared = catalogues.into_iter().map(|(tenant, mut catalogue)| {
            catalogue.prepare();
            (tenant, Arc::new(catalogue))
        });
        Ok(Catalogues { by_tenant: prepared.collect(), changed: BTreeSet::new() })
    }

    /// What a tenant has in force; `None` where it has defined nothing.
    pub(crate) fn goals(&self, tenant: TenantId) -> Option<Arc<Goals>> {
        if self.by_tenant.is_empty() {
            return None;
        }
        self.by_tenant.get(&tenant).map(|catalogue| Arc::clone(&catalogue.goals))
    }

    /// What a tenant has defined.
    pub(crate) fn of(&self, tenant: TenantId) -> Arc<Catalogue> {
        self.by_tenant.get(&tenant).cloned().unwrap_or_default()
    }

    /// Makes a change, unless it was made for another version than the one that is there. Gives
    /// whether it was made.
    pub(crate) fn fold(&mut self, entry: GoalEntry) -> bool {
        let GoalEntry { tenant, id, was, definition } = entry;
        let catalogue = Arc::make_mut(self.by_tenant.entry(tenant).or_default());
        let is_new = was == 0;
        if catalogue.version_of(&id) != was || (is_new && catalogue.is_full()) {
            return false;
        }
        match definition {
            Some(definition) => {
                let version = was.saturating_add(1);
                catalogue.put(Definition { id: id.clone(), version, ..definition });
            }
            None => drop(catalogue.definitions.remove(&id)),
        }
        catalogue.prepare();
        self.changed.insert((tenant, id));
        true
    }

    /// Stages the rows of what has changed since the last checkpoint began.
    pub(crate) fn stage(&mut self, staging: &mut Staging) {
        for (tenant, id) in std::mem::take(&mut self.changed) {
            let key = goal_key(tenant, &id);
            match self.of(tenant).get(&id) {
                Some(definition) => staging.put(Table::Config, &key, &encode(&**definition)),
                None => staging.delete(Table::Config, &key),
            }
        }
    }
}

/// An id that no definition has, in the form of a random UUID.
pub fn new_goal_id() -> String {
    let random = random_32();
    let random = random.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    let number = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{number:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| digits.get(part).unwrap_or_default().to_owned()).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_uuids() {
        let (one, other) = (new_goal_id(), new_goal_id());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&one.as_bytes()[19]));
    }
}
