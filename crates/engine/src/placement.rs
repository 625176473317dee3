//! Placing homeless sessions: an outcome that names only a person, or a foreign session id.
//!
//! The matcher proposes while the engine runs; the decision is an entry of the journal, and a replay
//! reads it and never matches again (CORE.md 5).
use std::collections::{BTreeSet, HashMap};

use sessionary_core::{
    channel::{Channel, Family},
    id::SessionId,
    identity::IdentityClass,
    lane::{HashSecret, LaneKey, LaneKind},
    lane_fold::{Fetch, Step},
    placement::{self, Proposal},
    session::{Session, Status},
    signal::TenantId,
    time::UnixMillis,
};
use sessionary_store::{
    Direction, Table,
    keys::{IndexKind, session_key},
};

use crate::{
    EngineError,
    entry::{DoubtEntry, Entry, PlacementEntry, ReviewEntry},
    hot_lane::HotLane,
    rows::{decode, encode, external_hash, get_session, look_up},
    shard::{SHARD, Shard},
    signals::Signals,
    sources::SourceKey,
};

/// What the keys of homeless sessions begin with in the table `Config`.
const HOMELESS: &[u8] = b"homeless/0/";

fn homeless_key(session: SessionId) -> Vec<u8> {
    [HOMELESS, &session.0].concat()
}

/// More candidates than this say nothing: the identity is shared by many.
const CANDIDATES_MAX: usize = 100;

/// Sessions that wait to be placed, and where to look for their place.
#[derive(Default)]
pub(crate) struct Homeless {
    waiting: HashMap<SessionId, Waiting>,
    by_identity: HashMap<[u8; 16], BTreeSet<SessionId>>,
    /// Sessions whose look-up rows are not in the tables yet.
    recent: Recent,
    /// The same, of those that the checkpoint which is being taken will put there.
    recent_frozen: Recent,
    /// Waiting sessions to be matched before the next block.
    retry: BTreeSet<SessionId>,
}

/// Sessions by what they are found by, in little memory: nearly every hash leads to one.
#[derive(Default)]
struct Recent {
    first: HashMap<u64, SessionId>,
    others: BTreeSet<(u64, SessionId)>,
}

impl Recent {
    fn insert(&mut self, hash: [u8; 16], session: SessionId) {
        let hash = LaneKey(hash).prefix();
        let first = *self.first.entry(hash).or_insert(session);
        if first != session {
            self.others.insert((hash, session));
        }
    }

    /// The latest ones first, about.
    fn with(&self, hash: [u8; 16]) -> impl Iterator<Item = SessionId> {
        let hash = LaneKey(hash).prefix();
        let (from, to) = ((hash, SessionId::default()), (hash, SessionId([0xff; 16])));
        let others = self.others.range(from..=to).rev().map(|(_, session)| *session);
        others.chain(self.first.get(&hash).copied())
    }
}

/// A session that waits to be placed.
#[derive(Clone, Debug)]
struct Waiting {
    tenant: TenantId,
    lane: LaneKey,
    source: Box<str>,
    /// The hashes under which it waits for a session like it.
    hashes: Vec<[u8; 16]>,
}

/// How hard the matcher tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// Something new came.
    Early,
    /// A timer of the session may be due now: if it is settling, it is about to become final.
    LastIfSettling { now: UnixMillis },
    /// Its source is about to be complete.
    Last,
}

/// Whether signals state an outcome: one that does may belong to a session elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum States {
    Outcome,
    Nothing,
}

impl Homeless {
    pub(crate) fn holds(&self, session: SessionId) -> bool {
        self.waiting.contains_key(&session)
    }

    /// A session is final or placed: nobody looks for its place any more. Gives whether anybody
    /// did.
    fn forget(&mut self, session: SessionId) -> bool {
        let Some(Waiting { hashes, .. }) = self.waiting.remove(&session) else { return false };
        self.retry.remove(&session);
        for hash in hashes {
            if let Some(waiting) = self.by_identity.get_mut(&hash) {
                waiting.remove(&session);
                if waiting.is_empty() {
                    self.by_identity.remove(&hash);
                }
            }
        }
        true
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes note of where a session can be found until its look-up rows are written.
    pub(crate) fn note_identities(
        &mut self,
        hot: &mut HotLane,
        id: SessionId,
        secret: &HashSecret,
    ) {
        let Some(known) = hot.lane.session(id).map(|s| s.content.identities.len()) else { return };
        // The sender's id is known from the first signal on; identities may follow.
        if std::mem::replace(&mut hot.written(id).noted, known + 1) == known + 1 {
            return;
        }
        let Some(session) = hot.lane.session(id) else { return };
        for (_, hash) in look_up_hashes(secret, session) {
            self.recent.insert(hash, id);
        }
    }

    /// A checkpoint begins, which will write the look-up rows of everything recent.
    pub(crate) fn begin_writing(&mut self) {
        self.recent_frozen = std::mem::take(&mut self.recent);
    }

    /// It is in the tables.
    pub(crate) fn forget_written(&mut self) {
        self.recent_frozen = Recent::default();
    }

    fn wait(&mut self, session: SessionId, waiting: Waiting) {
        self.retry.insert(session);
        for hash in &waiting.hashes {
            self.by_identity.entry(*hash).or_default().insert(session);
        }
        self.waiting.insert(session, waiting);
    }
}

/// Sessions made by outcomes alone, and those in a lane that names only a person, have no place of
/// their own as long as they are not final.
fn is_homeless(session: &Session) -> bool {
    let (counts, envelope) = (session.content.counts, &session.envelope);
    let outcomes_only = counts.events > 0 && counts.claims == counts.events;
    let open = matches!(envelope.status, Status::Open | Status::Settling);
    // A number is a device of calls and messages, but not one that tells two calls apart.
    let by_number = matches!(
        session.content.channel.map(Channel::family),
        Some(Family::Voice | Family::Messaging)
    );
    let placeless = match envelope.lane_kind {
        LaneKind::Person => true,
        LaneKind::Sender | LaneKind::Alone => outcomes_only,
        LaneKind::Device => outcomes_only && by_number,
    };
    open && placeless
}

/// The hashes by which a session and its place find each other.
fn look_up_hashes(secret: &HashSecret, session: &Session) -> Vec<(IndexKind, [u8; 16])> {
    let tenant = session.envelope.tenant;
    let joining = session.content.identities.iter().filter(|i| i.class() != IdentityClass::Weak);
    let identities = joining.map(|i| (IndexKind::Identity, secret.identity(tenant, &i.value)));
    let external = session.envelope.external_id.as_deref();
    let external = external.map(|id| (IndexKind::External, external_hash(secret, tenant, id)));
    identities.chain(external).collect()
}

impl Shard {
    pub(crate) fn restore_homeless(&mut self) -> Result<(), EngineError> {
        let rows = self.store.scan_prefix(Table::Config, HOMELESS, Direction::Forward);
        for row in rows.collect::<Vec<_>>() {
            let (key, value) = row?;
            let tenant: TenantId = decode("a homeless session", &value)?;
            let id = key.last_chunk().copied().map(SessionId);
            let id = id.ok_or(EngineError::Missing { what: "the id of a homeless session" })?;
            match get_session(&self.store, tenant, id)? {
                Some(session) if is_homeless(&session) => self.wait(&session),
                _ => self.forget_homeless(id),
            }
        }
        Ok(())
    }

    fn wait(&mut self, session: &Session) {
        let envelope = &session.envelope;
        let (id, tenant, lane) = (envelope.id, envelope.tenant, envelope.lane);
        let hashes =
            look_up_hashes(&self.secret, session).into_iter().map(|(_, hash)| hash).collect();
        let source = envelope.source.clone();
        self.homeless.wait(id, Waiting { tenant, lane, source, hashes });
        self.pending.put(Table::Config, homeless_key(id), encode(&tenant));
    }

    /// Nobody looks for the place of a session any more.
    pub(crate) fn forget_homeless(&mut self, id: SessionId) {
        if self.homeless.forget(id) {
            self.pending.delete(Table::Config, homeless_key(id));
        }
    }

    /// Sessions that were opened by outcomes alone, or in a lane that names only a person, look for
    /// a place.
    pub(crate) fn note_homeless(
        &mut self,
        tenant: TenantId,
        (lane, kind): (LaneKey, LaneKind),
        states: States,
        step: &Step,
    ) -> Result<(), EngineError> {
        let nobody = self.homeless.is_empty() && states == States::Nothing;
        if kind != LaneKind::Person && nobody {
            return Ok(());
        }
        for id in &step.changed {
            let hot = self.hot.lane(&self.store, &self.secret, tenant, lane, kind)?;
            let Some(session) = hot.lane.session(*id) else { continue };
            if is_homeless(session) {
                let session = session.clone();
                self.wait(&session);
            } else {
                self.forget_homeless(*id);
            }
        }
        Ok(())
    }

    /// A session ended: those that wait for one like it are matched again.
    pub(crate) fn note_ended(&mut self, lane: LaneKey, id: SessionId) {
        if self.homeless.is_empty() {
            return;
        }
        let Some(session) = self.hot.session(lane, id) else { return };
        for (_, hash) in look_up_hashes(&self.secret, session) {
            if let Some(waiting) = self.homeless.by_identity.get(&hash) {
                self.homeless.retry.extend(waiting.iter().filter(|other| **other != id));
            }
        }
    }

    // ---- proposing, while the engine runs

    /// Placements to append before the next block: of what changed, of homeless sessions that are
    /// about to become final at `now`, and of those whose source is about to be complete. The next
    /// block fires the timers of at most `most` sessions.
    pub(crate) fn propose_placements(
        &mut self,
        now: UnixMillis,
        most: usize,
        completing: &[SourceKey],
    ) -> Result<Vec<Entry>, EngineError> {
        if self.homeless.is_empty() {
            return Ok(Vec::new());
        }
        let due = self.timers.wall.first_through(&self.store, now, most)?;
        let due = due.map(|((_, session), _)| *session);
        let due: BTreeSet<SessionId> = due.filter(|id| self.homeless.holds(*id)).collect();
        let is_completing = |waiting: &Waiting| {
            let same = |(tenant, source): &SourceKey| {
                *tenant == waiting.tenant && *source == waiting.source
            };
            completing.iter().any(same)
        };
        let last: BTreeSet<SessionId> = if completing.is_empty() {
            BTreeSet::new()
        } else {
            let waiting =
                self.homeless.waiting.iter().filter(|(_, waiting)| is_completing(waiting));
            waiting.map(|(id, _)| *id).collect()
        };
        let early = std::mem::take(&mut self.homeless.retry);
        let mut entries = Vec::new();
        let all: BTreeSet<SessionId> = early.iter().chain(&due).chain(&last).copied().collect();
        for id in all {
            let attempt = match (last.contains(&id), due.contains(&id)) {
                (true, _) => Attempt::Last,
                (false, true) => Attempt::LastIfSettling { now },
                (false, false) => Attempt::Early,
            };
            entries.extend(self.propose(id, attempt)?);
        }
        Ok(entries)
    }

    fn propose(&mut self, id: SessionId, attempt: Attempt) -> Result<Option<Entry>, EngineError> {
        let Some(Waiting { tenant, lane, .. }) = self.homeless.waiting.get(&id).cloned() else {
            return Ok(None);
        };
        let hot = self.hot.lane(&self.store, &self.secret, tenant, lane, LaneKind::Person)?;
        let Some(own) = hot.lane.session(id).cloned() else { return Ok(None) };
        if !is_homeless(&own) {
            return Ok(None);
        }
        let candidates = self.candidates(&own)?;
        let rules = self.rules.clone();
        let settling = own.envelope.status == Status::Settling;
        let last = match attempt {
            Attempt::Last => true,
            Attempt::LastIfSettling { now } => {
                settling && own.envelope.due.is_some_and(|due| due <= now)
            }
            Attempt::Early => false,
        };
        match placement::propose(&own, candidates.iter(), &rules) {
            Proposal::Place(best, rule) => Ok(Some(Entry::Placement(PlacementEntry {
                tenant,
                session: id,
                into: best.session.envelope.id,
                rule: rule.into(),
                score: best.score,
            }))),
            Proposal::Doubtful if last => {
                let score = |session: &Session| placement::score(&own, session, &rules);
                let candidates = candidates.iter();
                let candidates = candidates.map(|session| (session.envelope.id, score(session)));
                let candidates = candidates.collect();
                Ok(Some(Entry::Doubt(DoubtEntry { tenant, session: id, candidates })))
            }
            Proposal::Doubtful | Proposal::Nobody => Ok(None),
        }
    }

    fn candidates(&mut self, own: &Session) -> Result<Vec<Session>, EngineError> {
        let tenant = own.envelope.tenant;
        let mut found: BTreeSet<SessionId> = BTreeSet::new();
        for (kind, hash) in look_up_hashes(&self.secret, own) {
            for id in look_up(&self.store, tenant, kind, &hash).take(CANDIDATES_MAX) {
                found.insert(id?);
            }
            for recent in [&self.homeless.recent, &self.homeless.recent_frozen] {
                found.extend(recent.with(hash).take(CANDIDATES_MAX));
            }
        }
        let mut candidates = Vec::new();
        for id in found.into_iter().rev() {
            if id == own.envelope.id || self.homeless.holds(id) {
                continue;
            }
            let Some(session) = self.session(tenant, id)? else { continue };
            let stands = session.envelope.status != Status::Merged;
            if stands && !session.is_sealed(self.now, &self.rules) {
                candidates.push(session);
            }
        }
        candidates.truncate(CANDIDATES_MAX);
        Ok(candidates)
    }

    // ---- folding decisions

    pub(crate) fn fold_placement(&mut self, entry: &PlacementEntry) -> Result<(), EngineError> {
        let (tenant, own) = (entry.tenant, entry.session);
        self.forget_homeless(own);
        let own_home = self.hot.home(&self.store, &self.secret, tenant, own)?;
        // What it was to be placed into may itself have been merged since.
        let home = self.hot.survivor(&self.store, &self.secret, tenant, entry.into)?;
        let (Some(own_home), Some(home)) = (own_home, home) else { return Ok(()) };
        if home.session == own {
            return Ok(());
        }
        let (own_lane, own_kind) = (own_home.lane, own_home.kind);
        let (lane, kind, into) = (home.lane, home.kind, home.session);
        let store = self.store.clone();
        let now = self.now;
        let hot = self.hot.lane(&store, &self.secret, tenant, own_lane, own_kind)?;
        let Some((mut session, begins_anew)) = hot.lane.take_out(own, now) else {
            return Ok(());
        };
        session.redirect_to(into, self.now);
        let mut merged_ids = std::mem::take(&mut session.envelope.merged_ids);
        merged_ids.push(own);
        let members = session.members.clone();
        hot.lane.redirects.push(session);
        let changed = begins_anew.into_iter().chain([own]).collect();
        self.after_step(own_lane, &Step { fates: Vec::new(), opened: Vec::new(), changed });
        let mut signals = Signals { store: &store, shard: SHARD, tenant, lane: own_lane };
        for stamped in signals.fetch(&members)? {
            self.take_in(tenant, (lane, kind), into, stamped, own_lane)?;
        }
        let hot = self.hot.lane(&store, &self.secret, tenant, lane, kind)?;
        if let Some(into) = hot.lane.session_mut(into) {
            into.envelope.merged_ids.append(&mut merged_ids);
        }
        self.hot.changed(lane, &[into]);
        self.pending.delete(Table::Review, session_key(tenant.0, &own.0));
        Ok(())
    }

    /// Puts a session on the review list; nobody looks for its place any more.
    pub(crate) fn fold_doubt(&mut self, entry: DoubtEntry) {
        let DoubtEntry { tenant, session, candidates } = entry;
        self.forget_homeless(session);
        let row = ReviewRow { session, since: self.now, candidates };
        self.pending.put(Table::Review, session_key(tenant.0, &session.0), encode(&row));
    }

    pub(crate) fn fold_review(&mut self, entry: &ReviewEntry) -> Result<(), EngineError> {
        self.forget_homeless(entry.session);
        self.pending.delete(Table::Review, session_key(entry.tenant.0, &entry.session.0));
        let Some(into) = entry.into else { return Ok(()) };
        self.fold_placement(&PlacementEntry {
            tenant: entry.tenant,
            session: entry.session,
            into,
            rule: "review".into(),
            score: 1.0,
        })
    }

    /// The session with this id, redirects followed.
    pub(crate) fn survivor(
        &mut self,
        tenant: TenantId,
        id: SessionId,
    ) -> Result<Option<Session>, EngineError> {
        match self.hot.survivor(&self.store, &self.secret, tenant, id)? {
            Some(home) => self.session(tenant, home.session),
            None => Ok(None),
        }
    }

    /// A session, from memory or disk.
    pub(crate) fn session(
        &mut self,
        tenant: TenantId,
        id: SessionId,
    ) -> Result<Option<Session>, EngineError> {
        let home = self.hot.home(&self.store, &self.secret, tenant, id)?;
        let Some(home) = home else { return Ok(None) };
        if let Some(hot) = self.hot.in_memory(&self.store, &self.secret, home.lane)? {
            return Ok(hot.lane.session(id).cloned());
        }
        get_session(&self.store, tenant, id)
    }
}

/// A doubtful placement, for a person to decide.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ReviewRow {
    /// The session in question.
    pub session: SessionId,
    /// Since when it has been on the list.
    pub since: UnixMillis,
    /// Where it might belong, with scores.
    pub candidates: Vec<(SessionId, f64)>,
}
