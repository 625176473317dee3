//! Signals that come out of order: the run they fall into is folded again.
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    boundary,
    content::{Content, SplitCause},
    id::SessionId,
    lane::LaneKind,
    session::{End, Envelope, Member, Session},
    stamp::{Order, Stamped},
};

use super::{Fate, Fetch, Lane, Setting, Step, is_first_of, member_of, refolded, sort};

/// A stretch of bounding facts between two boundaries.
struct Segment {
    cause: SplitCause,
    content: Content,
    facts: Vec<Stamped>,
}

/// The sessions of a lane that are folded again, and what came of them.
struct Run {
    /// The index of its first session in the lane.
    from: usize,
    segments: Vec<Segment>,
    /// Positions of facts that were not in any session before.
    fresh: BTreeSet<u64>,
    /// Signals that stay with their session wherever its boundaries move: notes, placed ones,
    /// amendments, orphans; each with the index of its session within the run.
    pinned: Vec<(usize, Stamped, Member)>,
    /// The references of all facts, by position.
    members: BTreeMap<u64, Member>,
}

impl Lane {
    /// Folds signals that are not later than everything before them.
    pub(super) fn fold_late<F: Fetch>(
        &mut self,
        mut late: Vec<Stamped>,
        setting: Setting<'_>,
        fetch: &mut F,
        step: &mut Step,
    ) -> Result<(), F::Error> {
        sort(&mut late);
        let mut joining = Vec::new();
        for stamped in late {
            match self.sealed_home(&stamped, setting) {
                Some((at, fate)) => {
                    self.keep_with_sealed(at, stamped, fate, setting, fetch, step)?;
                }
                None => joining.push(stamped),
            }
        }
        while let Some(first) = joining.first() {
            let order = first.order();
            let from = self.run_start(&order, setting);
            joining = self.refold_run(from, joining, setting, fetch, step)?;
        }
        Ok(())
    }

    /// The sealed session that a signal belongs to by its time, if that is where it belongs.
    fn sealed_home(&self, stamped: &Stamped, setting: Setting<'_>) -> Option<(usize, Fate)> {
        let after = self.after(&stamped.order());
        let belongs_before = |session: &Session| {
            stamped.order() <= session.content.last
                || boundary::between(self.kind, &session.content, stamped, setting.rules).is_none()
        };
        let belongs_after = |session: &Session| {
            let channel = session.content.channel_or_other();
            let (gap, _) = setting.rules.boundary.gap(channel);
            session.content.first.at.since(stamped.at) <= gap || self.kind == LaneKind::Sender
        };
        let before =
            after.checked_sub(1).filter(|at| self.sessions.get(*at).is_some_and(belongs_before));
        let home = before.or_else(|| {
            self.sessions.get(after).filter(|next| belongs_after(next)).map(|_| after)
        })?;
        let fate = self.sessions.get(home)?.too_late(stamped, setting)?;
        Some((home, fate))
    }

    fn keep_with_sealed<F: Fetch>(
        &mut self,
        at: usize,
        mut stamped: Stamped,
        fate: Fate,
        setting: Setting<'_>,
        fetch: &mut F,
        step: &mut Step,
    ) -> Result<(), F::Error> {
        stamped.mark(fate);
        let member = member_of(&stamped);
        let Some(session) = self.sessions.get_mut(at) else { return Ok(()) };
        if fate == Fate::Orphaned {
            session.members.push(member);
        } else {
            session.take_in(&stamped, member, setting, fetch)?;
        }
        step.note(stamped.position, session.envelope.id, fate);
        Ok(())
    }

    /// The index of the first session that begins after `order`.
    fn after(&self, order: &Order) -> usize {
        self.sessions.partition_point(|session| session.content.first <= *order)
    }

    /// Where the run of a signal begins: at the session before it, unless that one is sealed.
    fn run_start(&self, order: &Order, setting: Setting<'_>) -> usize {
        let after = self.after(order);
        let before = after.checked_sub(1);
        let open = |at: &usize| {
            self.sessions.get(*at).is_some_and(|s| !s.is_sealed(setting.now, setting.rules))
        };
        before.filter(open).unwrap_or(after)
    }

    /// Folds again from session `from` until a boundary comes out the same; gives back the late
    /// signals that lie beyond.
    fn refold_run<F: Fetch>(
        &mut self,
        from: usize,
        late: Vec<Stamped>,
        setting: Setting<'_>,
        fetch: &mut F,
        step: &mut Step,
    ) -> Result<Vec<Stamped>, F::Error> {
        let mut run = Run::begin(from);
        let mut late = late.into_iter().peekable();
        let mut until = from;
        // The session that holds the run's first signal, when there is one before it.
        if late.peek().is_some_and(|first| self.after(&first.order()) > from) {
            self.consume(until, &mut run, setting, fetch)?;
            until += 1;
        }
        loop {
            let limit = self.sessions.get(until).map(|session| session.content.first.clone());
            let before_next =
                |stamped: &Stamped| limit.as_ref().is_none_or(|limit| stamped.order() < *limit);
            let stretch: Vec<Stamped> =
                std::iter::from_fn(|| late.next_if(|stamped| before_next(stamped))).collect();
            for stamped in &stretch {
                run.fresh.insert(stamped.position);
                run.members.insert(stamped.position, member_of(stamped));
            }
            self.extend(&mut run, stretch, setting);
            if self.comes_out_the_same(until, &run, setting, fetch)? {
                break;
            }
            self.consume(until, &mut run, setting, fetch)?;
            until += 1;
        }
        self.settle_run(until, run, setting, step);
        Ok(late.collect())
    }

    /// Whether the boundary before session `at` is still there for the same cause.
    fn comes_out_the_same<F: Fetch>(
        &self,
        at: usize,
        run: &Run,
        setting: Setting<'_>,
        fetch: &mut F,
    ) -> Result<bool, F::Error> {
        let Some(next) = self.sessions.get(at) else { return Ok(true) };
        if next.is_sealed(setting.now, setting.rules) {
            return Ok(true);
        }
        let Some(last) = run.segments.last() else { return Ok(false) };
        let hash = setting.secret.key_hash(self.tenant, &next.content.first.key);
        let first = next.members.iter().filter(|member| member.key_hash == hash);
        let first = fetch.fetch(&first.cloned().collect::<Vec<_>>())?;
        let Some(first) = first.iter().find(|stamped| is_first_of(&next.content, stamped)) else {
            return Ok(false);
        };
        let cause = boundary::between(self.kind, &last.content, first, setting.rules);
        Ok(next.content.bounded && cause == Some(next.content.split_cause))
    }

    /// Takes all signals of session `at` into the run.
    fn consume<F: Fetch>(
        &self,
        at: usize,
        run: &mut Run,
        setting: Setting<'_>,
        fetch: &mut F,
    ) -> Result<(), F::Error> {
        let Some(session) = self.sessions.get(at) else { return Ok(()) };
        let members: BTreeMap<u64, &Member> =
            session.members.iter().map(|member| (member.position, member)).collect();
        let mut facts = Vec::new();
        for stamped in fetch.fetch(&session.members)? {
            let Some(member) = members.get(&stamped.position).copied().cloned() else { continue };
            if stamped.is_bounding_fact() {
                run.members.insert(member.position, member);
                facts.push(stamped);
            } else {
                run.pinned.push((at - run.from, stamped, member));
            }
        }
        self.extend(run, facts, setting);
        Ok(())
    }

    /// Folds further facts into the run. They may lie before facts that it already has: the
    /// segments from there on are folded again.
    fn extend(&self, run: &mut Run, mut facts: Vec<Stamped>, setting: Setting<'_>) {
        run.reopen(&mut facts);
        sort(&mut facts);
        for stamped in facts {
            let cause = match run.segments.last() {
                Some(last) => boundary::between(self.kind, &last.content, &stamped, setting.rules),
                None => Some(self.first_cause(run.from, &stamped, setting)),
            };
            match (cause, run.segments.last_mut()) {
                (None, Some(segment)) => {
                    setting.add(&mut segment.content, &stamped);
                    segment.facts.push(stamped);
                }
                (cause, _) => {
                    let cause = cause.unwrap_or(SplitCause::First);
                    let content = setting.begin(&stamped, cause);
                    run.segments.push(Segment { cause, content, facts: vec![stamped] });
                }
            }
        }
    }

    /// Why the first session of a run begins: the boundary towards the session before the run.
    fn first_cause(&self, from: usize, first: &Stamped, setting: Setting<'_>) -> SplitCause {
        let before = from.checked_sub(1).and_then(|at| self.sessions.get(at));
        let Some(before) = before else { return SplitCause::First };
        boundary::between(self.kind, &before.content, first, setting.rules)
            // A sealed session keeps its end, even if the signal lies within its gap.
            .unwrap_or(SplitCause::Inactivity)
    }

    /// Gives the segments their ids and puts them in place of the run's sessions.
    fn settle_run(&mut self, until: usize, run: Run, setting: Setting<'_>, step: &mut Step) {
        let Run { from, segments, fresh, pinned, members } = run;
        let until = until.min(self.sessions.len());
        let old: Vec<Session> = self.sessions.drain(from..until).collect();
        let anchors: Vec<usize> = old.iter().map(|session| anchor(session, &segments)).collect();
        let anchored = |index: usize, at: usize| anchors.get(at) == Some(&index);
        let mut settled: Vec<Session> = Vec::with_capacity(segments.len());
        for (index, mut segment) in segments.into_iter().enumerate() {
            let of_facts = segment.facts.iter().filter_map(|fact| members.get(&fact.position));
            let mut refs: Vec<Member> = of_facts.cloned().collect();
            let mut extra: Vec<Stamped> = Vec::new();
            for (_, stamped, member) in pinned.iter().filter(|(at, ..)| anchored(index, *at)) {
                extra.push(stamped.clone());
                refs.push(member.clone());
            }
            refs.sort_unstable_by_key(|member| member.position);
            if !extra.is_empty() {
                extra.extend(segment.facts.iter().cloned());
                let content = refolded(extra, segment.cause, setting);
                segment.content = content.unwrap_or(segment.content);
            }
            let held = old.iter().enumerate().filter(|(at, _)| anchored(index, *at));
            let held: Vec<&Session> = held.map(|(_, session)| session).collect();
            let facts: Vec<u64> = segment.facts.iter().map(|fact| fact.position).collect();
            let taken: Vec<SessionId> =
                old.iter().chain(&settled).map(|session| session.envelope.id).collect();
            let session = self.settle_segment(segment, refs, (&held, &taken), setting, step);
            for position in facts.into_iter().filter(|position| fresh.contains(position)) {
                step.note(position, session.envelope.id, Fate::Folded);
            }
            settled.push(session);
        }
        // An id that lives again is no redirect any more.
        for session in self.sessions.iter_mut().chain(&mut settled) {
            let merged_ids = &mut session.envelope.merged_ids;
            let before = merged_ids.len();
            merged_ids.retain(|id| !step.opened.contains(id));
            if merged_ids.len() < before {
                step.change(session.envelope.id);
            }
        }
        self.sessions.splice(from..from, settled);
    }

    fn settle_segment(
        &mut self,
        segment: Segment,
        members: Vec<Member>,
        (held, taken): (&[&Session], &[SessionId]),
        setting: Setting<'_>,
        step: &mut Step,
    ) -> Session {
        let Segment { content, facts, .. } = segment;
        // The id with the earliest start lives, on a tie the smaller one (CORE.md 12).
        let survivor =
            held.iter().min_by_key(|session| (session.content.first.at, session.envelope.id));
        let Some(survivor) = survivor else {
            return self.open_segment(&facts, content, members, taken, setting, step);
        };
        let mut session = Session { envelope: survivor.envelope.clone(), content, members };
        let id = session.envelope.id;
        for other in held.iter().filter(|other| other.envelope.id != id) {
            let mut redirect = (*other).clone();
            session.envelope.merged_ids.push(redirect.envelope.id);
            session.envelope.merged_ids.append(&mut redirect.envelope.merged_ids);
            redirect.members.clear();
            redirect.redirect_to(id, setting.now);
            step.change(redirect.envelope.id);
            self.redirects.push(redirect);
        }
        if session.content != survivor.content || session.members != survivor.members {
            session.envelope.received(&facts);
            session.envelope.version += 1;
            if session.content != survivor.content {
                let end = End::moved_if(|| session.content.last != survivor.content.last);
                session.note_changed(end, setting.now);
            }
            step.change(id);
        }
        session
    }

    fn open_segment(
        &mut self,
        facts: &[Stamped],
        content: Content,
        members: Vec<Member>,
        taken: &[SessionId],
        setting: Setting<'_>,
        step: &mut Step,
    ) -> Session {
        let first = facts.first().expect("a segment begins with a fact");
        let mut envelope = self.envelope(first, taken, setting);
        envelope.received(facts);
        envelope.version += 1;
        let mut session = Session { envelope, content, members };
        session.note_changed(End::Moved, setting.now);
        step.opened.push(session.envelope.id);
        step.change(session.envelope.id);
        session
    }
}

impl Run {
    fn begin(from: usize) -> Run {
        let (segments, pinned) = (Vec::new(), Vec::new());
        Run { from, segments, fresh: BTreeSet::new(), pinned, members: BTreeMap::new() }
    }

    /// Takes back the facts of the segments that `facts` reach into, so that they are folded
    /// together in order.
    fn reopen(&mut self, facts: &mut Vec<Stamped>) {
        let Some(earliest) = facts.iter().map(Stamped::order).min() else { return };
        while self.segments.last().is_some_and(|last| last.content.high > earliest) {
            if let Some(segment) = self.segments.pop() {
                facts.extend(segment.facts);
            }
        }
    }
}

/// The segment that an old session lives on in: the one with its first fact; for a session without
/// facts the last that begins before it.
fn anchor(session: &Session, segments: &[Segment]) -> usize {
    let holds = |segment: &Segment| {
        session.content.bounded
            && segment.facts.iter().any(|fact| is_first_of(&session.content, fact))
    };
    let by_time = || {
        let before = |segment: &Segment| segment.content.first <= session.content.first;
        segments.iter().rposition(before).unwrap_or(0)
    };
    segments.iter().position(holds).unwrap_or_else(by_time)
}

impl Envelope {
    /// Takes note of when the latest of these facts came.
    fn received(&mut self, facts: &[Stamped]) {
        let latest = facts.iter().map(|fact| fact.received_at).max();
        self.last_received_at = self.last_received_at.max(latest.unwrap_or_default());
    }
}
