//! What would be otherwise under other rules: what is stored, folded again beside the sessions as
//! they stand.
//!
//! Reads a store and writes nothing. A lane is folded by itself, so memory is that of one lane.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;
use sessionary_core::{
    goal::NO_GOALS,
    lane::{HashSecret, LaneKey},
    lane_fold::{Fetch, Lane, Setting},
    rules::Rules,
    session::{Member, Session, Status},
    signal::TenantId,
    stamp::{Marks, Stamped},
    time::UnixMillis,
};
use sessionary_dialects::format;
use sessionary_store::{Direction, Store, Table, keys::parse_lane_key};

use crate::{EngineError, rows::get_lane, shard::SHARD, signals::Signals};

/// Whose sessions are compared, which of them, and with what.
#[derive(Clone, Copy)]
pub struct Comparing<'a> {
    /// The store that has them.
    pub store: &'a Store,
    /// Whose.
    pub tenant: TenantId,
    /// Under which ids are made: that of the directory, so that a session that begins with the same
    /// signal has the same id.
    pub secret: &'a HashSecret,
    /// The rules by which they stand.
    pub before: &'a Rules,
    /// The rules by which they are folded again.
    pub after: &'a Rules,
    /// Only lanes with a session that began at or after, and before.
    pub from: Option<UnixMillis>,
    /// See `from`.
    pub until: Option<UnixMillis>,
}

/// Sums over sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// How many.
    pub sessions: u64,
    /// Of these, engaged.
    pub engaged: u64,
    /// Of these, with one view and no more.
    pub single_view: u64,
    /// From start to end, over all, ms.
    pub duration_ms: i64,
    /// How many have each outcome, by its name.
    pub dispositions: BTreeMap<String, u64>,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// As they stand.
    pub before: Sums,
    /// As they would be.
    pub after: Sums,
    /// Sessions that would be the same.
    pub same: u64,
    /// Sessions of the same signals that would end otherwise.
    pub changed: u64,
    /// Sessions that would be several.
    pub split: u64,
    /// Sessions that would be part of one.
    pub joined: u64,
    /// Sessions whose signals would be spread otherwise.
    pub spread: u64,
    /// Lanes that were left out, because signals of them were removed by retention.
    pub lanes_left_out: u64,
}

/// A session as a difference tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its id.
    pub id: String,
    /// When it began, as RFC 3339.
    pub started_at: String,
    /// When it ended, as RFC 3339.
    pub ended_at: String,
    /// From start to end, ms.
    pub duration_ms: i64,
    /// Facts.
    pub event_count: u64,
    /// Why it begins where it begins.
    pub split_cause: String,
    /// The name of its outcome.
    pub disposition: String,
    /// Whether it is engaged.
    pub engaged: bool,
    #[serde(skip)]
    single_view: bool,
}

/// Sessions that would be otherwise, and what they would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `changed`, `split`, `joined` or `spread`.
    pub kind: &'static str,
    /// As they stand.
    pub before: Vec<Told>,
    /// As they would be.
    pub after: Vec<Told>,
}

/// Compares, and hands over each difference.
///
/// # Errors
/// Damage of the store.
pub fn compare(
    asked: &Comparing<'_>,
    mut each: impl FnMut(Difference),
) -> Result<Compared, EngineError> {
    let mut compared = Compared::default();
    let prefix = asked.tenant.0.to_be_bytes();
    for row in asked.store.scan_prefix(Table::Lanes, &prefix, Direction::Forward) {
        let Some((_, _, lane)) = parse_lane_key(&row?.0) else { continue };
        let Some(lane) = get_lane(asked.store, asked.tenant, LaneKey(lane))? else { continue };
        let is_asked_for = |session: &Session| {
            let started = session.content.started_at(asked.before);
            asked.from.is_none_or(|from| started >= from)
                && asked.until.is_none_or(|until| started < until)
        };
        if !lane.sessions.iter().any(is_asked_for) {
            continue;
        }
        match asked.signals(&lane)? {
            None => compared.lanes_left_out += 1,
            Some(signals) => {
                let folded = asked.fold(&lane, signals);
                asked.compare_lane(&lane.sessions, &folded, &mut compared, &mut each);
            }
        }
    }
    Ok(compared)
}

impl Comparing<'_> {
    /// The facts of a lane in their order; `None` when some of them are no longer there.
    fn signals(&self, lane: &Lane) -> Result<Option<Vec<Stamped>>, EngineError> {
        let mut signals =
            Signals { store: self.store, shard: SHARD, tenant: lane.tenant, lane: lane.key };
        let mut all = Vec::new();
        for session in &lane.sessions {
            let stamped = signals.fetch(&session.members)?;
            if stamped.len() < session.members.len() {
                return Ok(None);
            }
            let takes_part = |one: &Stamped| !one.marks.has(Marks::NOTE | Marks::ORPHAN);
            all.extend(stamped.into_iter().filter(takes_part));
        }
        all.sort_by_cached_key(|signal| (signal.order(), signal.position));
        Ok(Some(all))
    }

    fn fold(&self, lane: &Lane, signals: Vec<Stamped>) -> Vec<Session> {
        let mut fresh = Lane::new(lane.key, lane.tenant, lane.kind);
        for signal in signals {
            let now = signal.received_at;
            let setting = Setting { rules: self.after, goals: &NO_GOALS, now, secret: self.secret };
            let Ok(_) = fresh.fold(vec![signal], setting, &mut Nothing);
        }
        fresh.sessions
    }

    fn compare_lane(
        &self,
        before: &[Session],
        after: &[Session],
        compared: &mut Compared,
        each: &mut impl FnMut(Difference),
    ) {
        let before: Vec<Seen> = before.iter().map(|one| Seen::new(one, one, self.before)).collect();
        let after: Vec<Seen> = after
            .iter()
            .map(|one| {
                let own = positions(one);
                let like = before.iter().find(|known| !known.positions.is_disjoint(&own));
                Seen::new(one, like.map_or(one, |like| like.session), self.after)
            })
            .collect();
        for seen in &before {
            compared.before.add(&seen.told);
        }
        for seen in &after {
            compared.after.add(&seen.told);
        }
        for (before, after) in groups(&before, &after) {
            let (kind, count) = match (&before[..], &after[..]) {
                ([one], [other]) if one.is_like(other) => {
                    compared.same += 1;
                    continue;
                }
                ([_], [_]) => ("changed", &mut compared.changed),
                ([_], _) => ("split", &mut compared.split),
                (_, [_]) => ("joined", &mut compared.joined),
                _ => ("spread", &mut compared.spread),
            };
            *count += before.len() as u64;
            let told = |seen: &[&Seen<'_>]| seen.iter().map(|seen| seen.told.clone()).collect();
            each(Difference { kind, before: told(&before), after: told(&after) });
        }
    }
}

/// A session with the positions of its facts.
struct Seen<'a> {
    session: &'a Session,
    positions: BTreeSet<u64>,
    told: Told,
}

fn positions(session: &Session) -> BTreeSet<u64> {
    let facts = session.members.iter();
    let facts = facts.filter(|member| !member.marks.has(Marks::NOTE | Marks::ORPHAN));
    facts.map(|member| member.position).collect()
}

impl<'a> Seen<'a> {
    /// A session that has come as far in its life as `like`.
    fn new(session: &'a Session, like: &Session, rules: &Rules) -> Seen<'a> {
        let mut told = session.clone();
        told.envelope.status = match like.envelope.status {
            Status::Merged => Status::Final,
            status => status,
        };
        told.envelope.closed_at = like.envelope.closed_at;
        let record = format::record(&told, rules, session.envelope.last_received_at);
        let word = |pointer: &str| {
            record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let flag = |name: &str| record.get(name).and_then(Value::as_bool).unwrap_or_default();
        let (started_at, ended_at) =
            (session.content.started_at(rules), session.content.ended_at());
        let told = Told {
            id: session.envelope.id.to_string(),
            started_at: started_at.to_string(),
            ended_at: ended_at.to_string(),
            duration_ms: ended_at.since(started_at).0,
            event_count: record.get("event_count").and_then(Value::as_u64).unwrap_or_default(),
            split_cause: session.content.split_cause.word().to_owned(),
            disposition: word("/disposition/name"),
            engaged: flag("engaged"),
            single_view: flag("single_view"),
        };
        Seen { session, positions: positions(session), told }
    }

    /// Whether it has the same signals and came to the same end.
    fn is_like(&self, other: &Seen<'_>) -> bool {
        let cause =
            |told: &Told| Told { split_cause: String::new(), id: String::new(), ..told.clone() };
        self.positions == other.positions && cause(&self.told) == cause(&other.told)
    }
}

impl Sums {
    fn add(&mut self, told: &Told) {
        self.sessions += 1;
        self.engaged += u64::from(told.engaged);
        self.single_view += u64::from(told.single_view);
        self.duration_ms += told.duration_ms;
        *self.dispositions.entry(told.disposition.clone()).or_default() += 1;
    }
}

type Group<'a, 'b> = (Vec<&'a Seen<'b>>, Vec<&'a Seen<'b>>);

/// Sessions that share signals, directly or by way of others, in the order of the first of each.
fn groups<'a, 'b>(before: &'a [Seen<'b>], after: &'a [Seen<'b>]) -> Vec<Group<'a, 'b>> {
    // Each session names an earlier one of its group, or itself.
    let mut named: Vec<usize> = (0..before.len() + after.len()).collect();
    let mut holder: HashMap<u64, usize> = HashMap::new();
    for (own, seen) in before.iter().chain(after).enumerate() {
        for position in &seen.positions {
            let other = *holder.entry(*position).or_insert(own);
            let (first, second) = (first_of(&named, own), first_of(&named, other));
            if let Some(later) = named.get_mut(first.max(second)) {
                *later = first.min(second);
            }
        }
    }
    let mut groups: BTreeMap<usize, Group<'_, '_>> = BTreeMap::new();
    for (own, seen) in before.iter().enumerate() {
        groups.entry(first_of(&named, own)).or_default().0.push(seen);
    }
    for (own, seen) in (before.len()..).zip(after) {
        groups.entry(first_of(&named, own)).or_default().1.push(seen);
    }
    groups.into_values().collect()
}

fn first_of(named: &[usize], mut own: usize) -> usize {
    while let Some(earlier) = named.get(own).copied().filter(|earlier| *earlier < own) {
        own = earlier;
    }
    own
}

/// Signals come in their order, so nothing is ever asked for again.
struct Nothing;

impl Fetch for Nothing {
    type Error = std::convert::Infallible;

    fn fetch(&mut self, _: &[Member]) -> Result<Vec<Stamped>, Self::Error> {
        Ok(Vec::new())
    }
}
