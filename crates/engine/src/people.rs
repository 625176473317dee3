//! People: the identities joined by edges, computed at read and never stored as truth.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sessionary_core::{
    id::SessionId,
    identity::{Identity, IdentityClass},
    signal::TenantId,
};
use sessionary_store::{Direction, Table};

use crate::{
    EngineError, Reader,
    read::SessionFilter,
    rows::{EdgeRow, decode, typed_identity},
};

/// A person of more identities than this is a shared identity by mistake: nothing is joined.
const IDENTITIES_MAX: usize = 1_000;

/// What is known of a person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The identities, the asked one included.
    pub identities: BTreeSet<Identity>,
    /// The edges that join them, each once.
    pub edges: Vec<EdgeRow>,
    /// Their sessions, latest first.
    pub sessions: Vec<SessionId>,
    /// Too many identities: only the asked one is shown.
    pub too_wide: bool,
}

impl Reader {
    /// The person with an identity, breadth first over the edges. Two known users never join
    /// through a device, an e-mail or a number. `None` when the identity was never seen.
    ///
    /// # Errors
    /// Damage of the store.
    pub fn person(
        &self,
        tenant: TenantId,
        kind: &str,
        value: &str,
    ) -> Result<Option<Person>, EngineError> {
        let asked = Identity::new(kind, value);
        let mut found = self.sessions_with(tenant, &asked)?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut seen = BTreeMap::from([(typed_identity(self.secret(), tenant, &asked), asked)]);
        let mut queue: VecDeque<[u8; 16]> = seen.keys().copied().collect();
        let mut user =
            (Identity::new(kind, value).class() == IdentityClass::User).then(|| value.to_owned());
        let mut edges = Vec::new();
        while let Some(node) = queue.pop_front() {
            for edge in self.edges_of(tenant, &node)? {
                let other = typed_identity(self.secret(), tenant, &edge.to);
                let is_user = edge.to.class() == IdentityClass::User;
                if is_user && user.as_deref().is_some_and(|user| *user != *edge.to.value) {
                    continue;
                }
                if seen.contains_key(&other) {
                    continue;
                }
                if is_user {
                    user = Some(edge.to.value.to_string());
                }
                seen.insert(other, edge.to.clone());
                queue.push_back(other);
                edges.push(edge);
            }
            if seen.len() > IDENTITIES_MAX {
                let identities = BTreeSet::from([Identity::new(kind, value)]);
                let sessions = found.into_iter().rev().collect();
                return Ok(Some(Person {
                    identities,
                    edges: Vec::new(),
                    sessions,
                    too_wide: true,
                }));
            }
        }
        for identity in seen.values() {
            found.extend(self.sessions_with(tenant, identity)?);
        }
        let identities = seen.into_values().collect();
        let sessions = found.into_iter().rev().collect();
        Ok(Some(Person { identities, edges, sessions, too_wide: false }))
    }

    fn sessions_with(
        &self,
        tenant: TenantId,
        identity: &Identity,
    ) -> Result<BTreeSet<SessionId>, EngineError> {
        let filter = SessionFilter {
            identity: Some(identity.value.to_string()),
            identity_type: Some(identity.kind.to_string()),
            ..SessionFilter::default()
        };
        let page = self.sessions(tenant, &filter, IDENTITIES_MAX, None)?;
        Ok(page.entities.into_iter().map(|session| session.envelope.id).collect())
    }

    fn edges_of(&self, tenant: TenantId, node: &[u8; 16]) -> Result<Vec<EdgeRow>, EngineError> {
        let mut prefix = tenant.0.to_be_bytes().to_vec();
        prefix.extend_from_slice(node);
        let rows = self.snapshot().scan_prefix(Table::Edges, &prefix, Direction::Forward);
        rows.map(|row| decode("an edge", &row?.1)).collect()
    }
}
