//! Signals folded into a session, so that it can be told.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by failing")]
use std::collections::HashMap;

use sessionary_core::{
    goal::NO_GOALS,
    lane::{HashSecret, lane_of},
    lane_fold::{Fetch, Lane, Setting},
    rules::Rules,
    session::{Member, Session},
    signal::{Arrival, Signal, TenantId},
    stamp::Stamped,
    time::UnixMillis,
};
use sessionary_dialects::View;

const SECRET: HashSecret = HashSecret([7; 32]);
const TENANT: TenantId = TenantId(1);

/// A session with its signals in event order.
pub(crate) struct Folded {
    pub(crate) session: Session,
    pub(crate) signals: Vec<(Member, Arrival)>,
    rules: Rules,
    now: UnixMillis,
}

impl Folded {
    pub(crate) fn view(&self) -> View<'_> {
        let Folded { session, signals, rules, now } = self;
        View { session, rules, now: *now, signals }
    }
}

/// Everything that was folded, by position.
#[derive(Default)]
struct Journal(HashMap<u64, Stamped>);

impl Fetch for Journal {
    type Error = std::convert::Infallible;
    fn fetch(&mut self, members: &[Member]) -> Result<Vec<Stamped>, Self::Error> {
        let stamped = |member: &Member| {
            let stored = self.0[&member.position].clone();
            Stamped { marks: member.marks, at: member.at, ..stored }
        };
        Ok(members.iter().map(stamped).collect())
    }
}

/// The one session of signals that arrive one by one at a moment; a repeated key is a repetition.
pub(crate) fn fold(signals: impl IntoIterator<Item = Signal>, now: UnixMillis) -> Folded {
    let mut journal = Journal::default();
    let mut lane: Option<Lane> = None;
    let rules = Rules::default();
    for signal in signals {
        let name = lane_of(&SECRET, TENANT, &signal);
        let lane = lane.get_or_insert_with(|| Lane::new(name.key, TENANT, name.kind));
        assert_eq!(name.key, lane.key, "the signals of a test are of one lane");
        let key_hash = SECRET.key_hash(TENANT, &signal.key);
        if journal.0.values().any(|known| known.key_hash == key_hash) {
            continue;
        }
        let position = journal.0.len() as u64 + 1;
        let (at, marks) = lane.skew.clone().stamp(&signal, now, position);
        let signal = Box::new(signal);
        let stamped = Stamped { position, at, received_at: now, marks, key_hash, signal };
        journal.0.insert(position, stamped.clone());
        let setting = Setting { rules: &rules, goals: &NO_GOALS, now, secret: &SECRET };
        let Ok(_) = lane.fold(vec![stamped], setting, &mut journal);
    }
    let mut lane = lane.unwrap();
    assert_eq!(lane.sessions.len(), 1, "the signals of a test are of one session");
    let session = lane.sessions.remove(0);
    let mut members = session.members.clone();
    members.sort_by_key(|member| (member.at, member.position));
    let arrival = |member: Member| {
        let signal = journal.0[&member.position].signal.clone();
        (member, Arrival { tenant: TENANT, received_at: now, batch: 0, signal })
    };
    let signals = members.into_iter().map(arrival).collect();
    Folded { session, signals, rules, now }
}
