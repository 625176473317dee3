//! The fold of a lane: signals in, sessions out.
//!
//! A signal that is later than everything folded so far is added to the last session or opens the
//! next one. One that comes out of order folds its run again: from the session before it to the
//! first boundary that comes out the same (CORE.md 8). Pure but for `fetch`, which gives back signals
//! that the caller stored; what it gives depends on nothing but the references.
use serde::{Deserialize, Serialize};

use crate::{
    boundary,
    content::{Content, SplitCause},
    goal::Goals,
    id::SessionId,
    lane::{HashSecret, LaneKey, LaneKind},
    rules::Rules,
    session::{End, Envelope, Member, Session, Status},
    signal::TenantId,
    stamp::{Marks, Order, Skew, Stamped},
    time::UnixMillis,
};

mod late;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod laws;

/// A lane and its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its key.
    pub key: LaneKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// The rule that made it.
    pub kind: LaneKind,
    /// The clock error of its device.
    pub skew: Skew,
    /// Its live sessions in event order.
    pub sessions: Vec<Session>,
    /// Its redirects, kept because an id that is a redirect may live again (CORE.md 12).
    pub redirects: Vec<Session>,
}

/// What stays the same during one block.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The rules in force.
    pub rules: &'a Rules,
    /// The tenant's outcomes and segments in force.
    pub goals: &'a Goals,
    /// The server's time, from the block's header.
    pub now: UnixMillis,
    /// The secret of the hashes.
    pub secret: &'a HashSecret,
}

impl Setting<'_> {
    /// The content of a session that begins with this signal.
    pub fn begin(self, first: &Stamped, cause: SplitCause) -> Content {
        let mut content = Content::begin(first, cause, self.rules);
        self.goals.observe(&mut content, first, self.rules);
        content
    }

    /// Adds the next signal in event order.
    pub fn add(self, content: &mut Content, stamped: &Stamped) {
        content.add(stamped, self.rules);
        self.goals.observe(content, stamped, self.rules);
    }
}

/// What became of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is in the session's content.
    Folded,
    /// It amends a sealed session.
    Amended,
    /// It came too late and is only kept.
    Orphaned,
    /// It is a note.
    Noted,
}

/// All that a group of signals changed in one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Position, session and fate of each signal, in order of position.
    pub fates: Vec<(u64, SessionId, Fate)>,
    /// Sessions that were opened, in order.
    pub opened: Vec<SessionId>,
    /// Sessions whose state changed, each once, the opened and the redirected ones included.
    pub changed: Vec<SessionId>,
}

/// Gives back the signals that members refer to, in any order.
pub trait Fetch {
    /// What can go wrong.
    type Error;
    /// The signals of `members`, each with its position and the member's stamp.
    ///
    /// # Errors
    /// They cannot be read.
    fn fetch(&mut self, members: &[Member]) -> Result<Vec<Stamped>, Self::Error>;
}

impl Lane {
    /// A lane without sessions.
    pub fn new(key: LaneKey, tenant: TenantId, kind: LaneKind) -> Lane {
        let (sessions, redirects) = (Vec::new(), Vec::new());
        Lane { key, tenant, kind, skew: Skew::default(), sessions, redirects }
    }

    /// Folds the signals of one block that fall into this lane, in order of position.
    ///
    /// # Errors
    /// Stored signals of the lane cannot be read.
    pub fn fold<F: Fetch>(
        &mut self,
        signals: Vec<Stamped>,
        setting: Setting<'_>,
        fetch: &mut F,
    ) -> Result<Step, F::Error> {
        let mut step = Step::default();
        let mut late = Vec::new();
        for stamped in signals {
            if stamped.marks.has(Marks::NOTE) {
                self.note(&stamped, setting, &mut step);
            } else if late.is_empty() && self.is_in_order(&stamped) {
                self.fold_in_order(stamped, setting, &mut step);
            } else {
                late.push(stamped);
            }
        }
        if !late.is_empty() {
            self.fold_late(late, setting, fetch, &mut step)?;
        }
        if step.fates.len() > 1 {
            step.fates.sort_unstable_by_key(|(position, ..)| *position);
        }
        Ok(step)
    }

    /// The live session or redirect with this id.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.iter().chain(&self.redirects).find(|session| session.envelope.id == id)
    }

    /// The same, to change it.
    pub fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let mut all = self.sessions.iter_mut().chain(&mut self.redirects);
        all.find(|session| session.envelope.id == id)
    }

    /// The sessions that may hold a signal with this key, with its reference.
    pub fn holders(&self, key_hash: u64) -> impl Iterator<Item = (SessionId, &Member)> {
        self.sessions.iter().chain(&self.redirects).flat_map(move |session| {
            let same = session.members.iter().filter(move |member| member.key_hash == key_hash);
            same.map(|member| (session.envelope.id, member))
        })
    }

    /// Adds a signal of another lane to a live session by placement: it adds to content and moves
    /// no boundary. Gives whether there is such a session; a redirect takes nothing in.
    ///
    /// # Errors
    /// Stored signals of the session cannot be read.
    pub fn place<F: Fetch>(
        &mut self,
        mut stamped: Stamped,
        from: LaneKey,
        into: SessionId,
        setting: Setting<'_>,
        fetch: &mut F,
    ) -> Result<bool, F::Error> {
        stamped.marks = stamped.marks.with(Marks::PLACED);
        let member = Member { lane: Some(Box::new(from)), ..member_of(&stamped) };
        let mut live = self.sessions.iter_mut();
        let Some(session) = live.find(|session| session.envelope.id == into) else {
            return Ok(false);
        };
        if session.members.iter().any(|known| known.position == member.position) {
            return Ok(true);
        }
        session.take_in(&stamped, member, setting, fetch)?;
        Ok(true)
    }

    /// Takes a session out of the lane's live ones, because it is placed elsewhere. The session
    /// behind it, if it is now the first of the lane, begins for that reason; its id is given, too.
    pub fn take_out(
        &mut self,
        id: SessionId,
        now: UnixMillis,
    ) -> Option<(Session, Option<SessionId>)> {
        let at = self.sessions.iter().position(|session| session.envelope.id == id)?;
        let taken = self.sessions.remove(at);
        let first = self.sessions.first_mut().filter(|_| at == 0);
        let begins_anew = first.map(|first| {
            first.content.split_cause = SplitCause::First;
            first.envelope.version += 1;
            first.note_changed(End::Same, now);
            first.envelope.id
        });
        Some((taken, begins_anew))
    }

    fn is_in_order(&self, stamped: &Stamped) -> bool {
        self.sessions.last().is_none_or(|last| stamped.is_after(&last.content.high))
    }

    fn fold_in_order(&mut self, mut stamped: Stamped, setting: Setting<'_>, step: &mut Step) {
        let Some(last) = self.sessions.last_mut() else {
            return self.open(&stamped, SplitCause::First, setting, step);
        };
        if let Some(cause) = boundary::between(self.kind, &last.content, &stamped, setting.rules) {
            return self.open(&stamped, cause, setting, step);
        }
        let fate = last.too_late(&stamped, setting).unwrap_or(Fate::Folded);
        stamped.mark(fate);
        last.members.push(member_of(&stamped));
        if fate != Fate::Orphaned {
            let end = End::moved_if(|| stamped.is_bounding_fact());
            setting.add(&mut last.content, &stamped);
            last.note_folded(&stamped, end, setting.now);
        }
        step.note(stamped.position, last.envelope.id, fate);
    }

    fn open(
        &mut self,
        stamped: &Stamped,
        cause: SplitCause,
        setting: Setting<'_>,
        step: &mut Step,
    ) {
        let content = setting.begin(stamped, cause);
        let envelope = self.envelope(stamped, &[], setting);
        let members = vec![member_of(stamped)];
        let mut session = Session { envelope, content, members };
        session.note_folded(stamped, End::Moved, setting.now);
        step.opened.push(session.envelope.id);
        step.note(stamped.position, session.envelope.id, Fate::Folded);
        push_exactly(&mut self.sessions, session);
    }

    /// The envelope of the session that a signal opens: a new one, or that of a redirect with the
    /// same id, which lives again. `taken`: ids that are in use though not in the lane just now.
    fn envelope(&mut self, first: &Stamped, taken: &[SessionId], setting: Setting<'_>) -> Envelope {
        let id = self.mint(first, taken, setting);
        if let Some(at) = self.redirects.iter().position(|known| known.envelope.id == id) {
            let envelope = self.redirects.remove(at).envelope;
            let status = if envelope.revision > 0 { Status::Amended } else { Status::Open };
            return Envelope { status, merged_into: None, changed_at: None, ..envelope };
        }
        Envelope {
            id,
            tenant: self.tenant,
            lane: self.key,
            lane_kind: self.kind,
            source: first.signal.source.clone(),
            external_id: first.signal.session.clone().filter(|_| self.kind == LaneKind::Sender),
            status: Status::Open,
            revision: 0,
            version: 0,
            opened_at: first.received_at,
            last_received_at: first.received_at,
            closed_at: None,
            end_rule: None,
            final_at: None,
            revised_at: None,
            changed_at: None,
            merged_into: None,
            merged_ids: Vec::new(),
            short_id: None,
            alias: 0,
            due: None,
            event_due: None,
            told: None,
        }
    }

    /// The id that a session's first signal gives it. A signal that has given its id to a session
    /// which by now begins with another signal gives a second one.
    fn mint(&self, first: &Stamped, taken: &[SessionId], setting: Setting<'_>) -> SessionId {
        let credible = first.at >= UnixMillis::YEAR_2000 && first.at <= first.received_at;
        let at = if credible { first.at } else { first.received_at };
        let in_use = |id: &SessionId| {
            taken.contains(id) || self.sessions.iter().any(|known| known.envelope.id == *id)
        };
        let mut ids = (0_u32..).map(|turn| {
            let tag = if turn == 0 { String::new() } else { turn.to_string() };
            let parts = [&self.key.0[..], first.signal.key.as_bytes(), tag.as_bytes()];
            let hash = setting.secret.hash(self.tenant, "session", &parts);
            SessionId::mint(at, self.key.partition(), hash)
        });
        ids.find(|id| !in_use(id)).expect("hashes differ")
    }

    /// Keeps a note with the session that its time falls to; in an empty lane it opens one.
    fn note(&mut self, stamped: &Stamped, setting: Setting<'_>, step: &mut Step) {
        let order = stamped.order();
        let at = self.sessions.partition_point(|session| session.content.first <= order);
        let Some(session) = self.sessions.get_mut(at.saturating_sub(1)) else {
            self.open(stamped, SplitCause::First, setting, step);
            return;
        };
        session.members.push(member_of(stamped));
        session.note_folded(stamped, End::Moved, setting.now);
        step.note(stamped.position, session.envelope.id, Fate::Noted);
    }
}

/// Most lanes have one or two sessions, and a session is large: no room is kept for more.
fn push_exactly<T>(vec: &mut Vec<T>, value: T) {
    if vec.len() == vec.capacity() && vec.len() < 4 {
        vec.reserve_exact(1);
    }
    vec.push(value);
}

impl Step {
    fn note(&mut self, position: u64, session: SessionId, fate: Fate) {
        self.fates.push((position, session, fate));
        self.change(session);
    }

    /// Takes note that a session changed.
    pub fn change(&mut self, session: SessionId) {
        if !self.changed.contains(&session) {
            self.changed.push(session);
        }
    }
}

impl Session {
    /// What becomes of a fact that belongs to this session if the session is sealed.
    fn too_late(&self, stamped: &Stamped, setting: Setting<'_>) -> Option<Fate> {
        let sealed = self.is_sealed(setting.now, setting.rules);
        let beyond = self.is_beyond_amendment(setting.now, setting.rules);
        let amends = stamped.signal.is_amendment() && !beyond;
        sealed.then_some(if amends { Fate::Amended } else { Fate::Orphaned })
    }

    /// Adds a signal that moves no boundary, wherever its time lies.
    fn take_in<F: Fetch>(
        &mut self,
        stamped: &Stamped,
        member: Member,
        setting: Setting<'_>,
        fetch: &mut F,
    ) -> Result<(), F::Error> {
        let end_before = self.content.last.clone();
        if stamped.is_after(&self.content.high) {
            setting.add(&mut self.content, stamped);
        } else {
            let mut all = fetch.fetch(&self.members)?;
            all.push(stamped.clone());
            if let Some(content) = refolded(all, self.content.split_cause, setting) {
                self.content = content;
            }
        }
        self.members.push(member);
        let end = End::moved_if(|| end_before != self.content.last);
        self.note_folded(stamped, end, setting.now);
        Ok(())
    }
}

/// The content of exactly these signals; `None` for none.
fn refolded(mut signals: Vec<Stamped>, cause: SplitCause, setting: Setting<'_>) -> Option<Content> {
    sort(&mut signals);
    let mut signals = signals.iter();
    let mut content = setting.begin(signals.next()?, cause);
    for stamped in signals {
        setting.add(&mut content, stamped);
    }
    Some(content)
}

fn sort(signals: &mut [Stamped]) {
    signals.sort_by_cached_key(|stamped| (stamped.order(), stamped.position));
}

impl Stamped {
    fn mark(&mut self, fate: Fate) {
        let mark = match fate {
            Fate::Folded | Fate::Noted => 0,
            Fate::Amended => Marks::AMENDMENT,
            Fate::Orphaned => Marks::ORPHAN,
        };
        self.marks = self.marks.with(mark);
    }
}

fn member_of(stamped: &Stamped) -> Member {
    Member {
        position: stamped.position,
        key_hash: stamped.key_hash,
        at: stamped.at,
        marks: stamped.marks,
        lane: None,
    }
}

/// The key under which a boundary's first signal is recognised.
fn is_first_of(content: &Content, stamped: &Stamped) -> bool {
    let first: &Order = &content.first;
    first.at == stamped.at && *first.key == *stamped.signal.key
}
