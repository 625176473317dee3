//! Signals folded into a session, so that it can be told.
use std::collections::HashMap;

use sessionary_core::{
    goal::NO_GOALS,
    lane::{HashSecret, lane_of},
    lane_fold::{Fetch, Lane, Setting},
    rules::Rules,
    session::{Member, Session},
    signal::{Arrival, Signal, TenantId},
    stamp::{Skew, Stamped},
};
use sessionary_dialects::View;

use super::NOW;

const SECRET: HashSecret = HashSecret([7; 32]);

/// A session with its signals in event order.
pub(super) struct Folded {
    pub(super) session: Session,
    pub(super) signals: Vec<(Member, Arrival)>,
    rules: Rules,
}

impl Folded {
    pub(super) fn view(&self) -> View<'_> {
        View { session: &self.session, rules: &self.rules, now: NOW, signals: &self.signals }
    }
}

struct Stored(HashMap<u64, Stamped>);

impl Fetch for Stored {
    type Error = std::convert::Infallible;
    fn fetch(&mut self, members: &[Member]) -> Result<Vec<Stamped>, Self::Error> {
        Ok(members.iter().map(|member| self.0[&member.position].clone()).collect())
    }
}

/// Folds signals, all received now, of one lane and one session.
pub(super) fn fold(signals: impl IntoIterator<Item = Signal>) -> Folded {
    let signals: Vec<Signal> = signals.into_iter().collect();
    let rules = Rules::default();
    let tenant = TenantId(1);
    let name = lane_of(&SECRET, tenant, &signals[0]);
    let mut lane = Lane::new(name.key, tenant, name.kind);
    let mut skew = Skew::default();
    let stamped: Vec<Stamped> = signals
        .iter()
        .zip(1..)
        .map(|(signal, position)| {
            let (at, marks) = skew.stamp(signal, NOW, position);
            let key_hash = SECRET.key_hash(tenant, &signal.key);
            Stamped {
                position,
                at,
                received_at: NOW,
                marks,
                key_hash,
                signal: signal.clone().into(),
            }
        })
        .collect();
    let mut stored = Stored(stamped.iter().map(|s| (s.position, s.clone())).collect());
    let setting = Setting { rules: &rules, goals: &NO_GOALS, now: NOW, secret: &SECRET };
    let Ok(_) = lane.fold(stamped, setting, &mut stored);
    assert_eq!(lane.sessions.len(), 1, "the signals of a test are of one session");
    let session = lane.sessions.remove(0);
    let mut members = session.members.clone();
    members.sort_by_key(|member| (member.at, member.position));
    let arrival = |member: Member| {
        let signal = signals[usize::try_from(member.position).unwrap() - 1].clone();
        (member, Arrival { tenant, received_at: NOW, batch: 0, signal: Box::new(signal) })
    };
    Folded { signals: members.into_iter().map(arrival).collect(), session, rules }
}
