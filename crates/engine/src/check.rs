//! The check of what was folded: every row decodes, and every session equals a fold from nothing of
//! its signals.
//!
//! Reads a store and writes nothing, so it works on one that was opened read-only. What the journal
//! holds beyond the last checkpoint is decoded and not folded: the next start does that.
use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use sessionary_core::{
    content::Content,
    goal::NO_GOALS,
    id::SessionId,
    lane::{HashSecret, LaneKey},
    lane_fold::{Fetch, Lane, Setting},
    rules::Rules,
    session::{Member, Session},
    signal::TenantId,
    stamp::{Marks, Stamped},
    time::UnixMillis,
};
use sessionary_store::{
    Direction, Store, Table,
    keys::{parse_lane_key, parse_session_key},
};

use crate::{
    EngineError,
    entry::Entry,
    quarantine::Quarantined,
    rows::{TimerRow, decode, get_lane, get_session},
    shard::{SHARD, kept},
    signals::Signals,
};

/// So many findings are told; of further ones only the number.
const FINDINGS_MAX: usize = 100;

/// What was read and what does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FoldReport {
    /// Entries of the journal that decode.
    pub entries: u64,
    /// Lanes that decode.
    pub lanes: u64,
    /// Sessions, redirects included, that decode.
    pub sessions: u64,
    /// Sessions whose content equals the fold of their signals.
    pub refolded: u64,
    /// Sessions of which signals were removed by retention, so that they cannot be folded again.
    pub beyond_retention: u64,
    /// Lanes whose boundaries came out the same; those folded under several rules are left out.
    pub boundaries: u64,
    /// What does not hold, at most 100 of it.
    pub findings: Vec<String>,
    /// How many findings there are.
    pub finding_count: u64,
}

impl FoldReport {
    /// Whether everything holds.
    pub fn is_whole(&self) -> bool {
        self.finding_count == 0
    }

    fn find(&mut self, what: impl Into<String>) {
        self.finding_count += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(what.into());
        }
    }
}

/// Checks everything that was folded.
///
/// # Errors
/// A failed read, or a row that says where to begin and cannot be read.
pub fn check(store: &Store) -> Result<FoldReport, EngineError> {
    let mut report = FoldReport::default();
    check_entries(store, &mut report);
    check_rows::<TimerRow>(store, Table::Timers, "a timer", &mut report)?;
    check_rows::<Quarantined>(store, Table::Quarantine, "an item in quarantine", &mut report)?;
    let Some(kept) = kept(store)? else { return Ok(report) };
    let mut named = HashSet::new();
    for row in store.scan(Table::Lanes, .., Direction::Forward) {
        let (key, _) = row?;
        let Some((tenant, _, lane)) = parse_lane_key(&key) else {
            report.find("a row of the table `lanes` has a key of another form");
            continue;
        };
        match get_lane(store, TenantId(tenant), LaneKey(lane)) {
            Ok(Some(lane)) => {
                report.lanes += 1;
                named.extend(lane.sessions.iter().chain(&lane.redirects).map(|s| s.envelope.id));
                check_lane(store, &lane, kept.rules_version, &kept.rules, &mut report);
            }
            Ok(None) => {}
            Err(error) => report.find(format!("lane {:?}: {error}", LaneKey(lane))),
        }
    }
    check_sessions(store, &named, &mut report)?;
    Ok(report)
}

fn check_entries(store: &Store, report: &mut FoldReport) {
    for block in store.replay(SHARD, store.first_position(SHARD)) {
        // A block that cannot be read is a finding of the store's own check.
        let Ok(block) = block else { return };
        for (position, entry) in (block.first..).zip(&block.entries) {
            match Entry::from_bytes(&entry.bytes) {
                Ok(_) => report.entries += 1,
                Err(error) => report.find(format!("journal position {position}: {error}")),
            }
        }
    }
}

fn check_rows<T: serde::de::DeserializeOwned>(
    store: &Store,
    table: Table,
    what: &str,
    report: &mut FoldReport,
) -> Result<(), EngineError> {
    for row in store.scan(table, .., Direction::Forward) {
        if let Err(error) = decode::<T>(what, &row?.1) {
            report.find(error.to_string());
        }
    }
    Ok(())
}

/// Every session row decodes and is named by its lane.
fn check_sessions(
    store: &Store,
    named: &HashSet<SessionId>,
    report: &mut FoldReport,
) -> Result<(), EngineError> {
    for row in store.scan(Table::Sessions, .., Direction::Forward) {
        let (key, _) = row?;
        let Some((tenant, id)) = parse_session_key(&key) else {
            report.find("a row of the table `sessions` has a key of another form");
            continue;
        };
        let id = SessionId(id);
        match get_session(store, TenantId(tenant), id) {
            Ok(_) => report.sessions += 1,
            Err(error) => report.find(format!("session {id}: {error}")),
        }
        if !named.contains(&id) {
            report.find(format!("session {id} is named by no lane"));
        }
    }
    Ok(())
}

fn check_lane(
    store: &Store,
    lane: &Lane,
    rules_version: u32,
    rules: &Rules,
    report: &mut FoldReport,
) {
    let mut signals = Signals { store, shard: SHARD, tenant: lane.tenant, lane: lane.key };
    let mut all = Vec::new();
    let mut whole = true;
    for session in &lane.sessions {
        let mut stamped = match signals.fetch(&session.members) {
            Ok(stamped) => stamped,
            Err(error) => {
                report.find(format!("session {}: {error}", session.envelope.id));
                whole = false;
                continue;
            }
        };
        if stamped.len() < session.members.len() {
            report.beyond_retention += 1;
            whole = false;
            continue;
        }
        stamped.sort_by_cached_key(|signal| (signal.order(), signal.position));
        check_content(session, &stamped, rules, report);
        all.append(&mut stamped);
    }
    // Boundaries that were drawn under earlier rules need not come out the same under these, and
    // what came after sealing moved none.
    let plain = |signal: &Stamped| {
        !signal.marks.has(Marks::PLACED | Marks::AMENDMENT | Marks::ORPHAN | Marks::NOTE)
    };
    if whole && rules_version <= 1 && all.iter().all(plain) {
        check_boundaries(lane, all, rules, report);
    }
}

fn check_content(session: &Session, signals: &[Stamped], rules: &Rules, report: &mut FoldReport) {
    let is_fact = |signal: &&Stamped| !signal.marks.has(Marks::NOTE | Marks::ORPHAN);
    let mut facts = signals.iter().filter(is_fact);
    let Some(first) = facts.next() else {
        report.refolded += 1;
        return;
    };
    let mut content = Content::begin(first, session.content.split_cause, rules);
    facts.for_each(|signal| content.add(signal, rules));
    if is_same_fold(&session.content, content) {
        report.refolded += 1;
    } else {
        let id = session.envelope.id;
        report.find(format!("session {id} is not the fold of its {} signals", signals.len()));
    }
}

/// Whether a fold from nothing gives what is kept. How far a session has come towards goals depends
/// on the definitions that were in force meanwhile, which nobody keeps; they are left out.
fn is_same_fold(kept: &Content, mut folded: Content) -> bool {
    folded.goals.clone_from(&kept.goals);
    *kept == folded
}

fn check_boundaries(
    lane: &Lane,
    mut signals: Vec<Stamped>,
    rules: &Rules,
    report: &mut FoldReport,
) {
    signals.sort_by_cached_key(|signal| (signal.order(), signal.position));
    let by_position: BTreeMap<u64, Stamped> =
        signals.iter().map(|signal| (signal.position, signal.clone())).collect();
    // Ids are not compared, so the secret that goes into them does not matter.
    let secret = HashSecret([0; 32]);
    let setting = Setting { rules, goals: &NO_GOALS, now: UnixMillis(0), secret: &secret };
    let mut fresh = Lane::new(lane.key, lane.tenant, lane.kind);
    let Ok(_) = fresh.fold(signals, setting, &mut Gathered(&by_position));
    let same = fresh.sessions.len() == lane.sessions.len();
    let differs = lane
        .sessions
        .iter()
        .zip(&fresh.sessions)
        .find(|(a, b)| !is_same_fold(&a.content, b.content.clone()));
    match differs {
        None if same => report.boundaries += 1,
        Some((session, _)) => {
            let id = session.envelope.id;
            report.find(format!("session {id} begins or ends elsewhere when its lane is folded"));
        }
        None => report.find(format!(
            "lane {:?} has {} sessions and folds to {}",
            lane.key,
            lane.sessions.len(),
            fresh.sessions.len()
        )),
    }
}

/// Signals at hand, by position.
struct Gathered<'a>(&'a BTreeMap<u64, Stamped>);

impl Fetch for Gathered<'_> {
    type Error = std::convert::Infallible;

    fn fetch(&mut self, members: &[Member]) -> Result<Vec<Stamped>, Self::Error> {
        let stamped = |member: &Member| self.0.get(&member.position).cloned();
        Ok(members.iter().filter_map(stamped).collect())
    }
}
