//! Contacts, and their parts with one queue or agent each.
use arrow::array::RecordBatch;

use super::{Asked, Breakdown};
use crate::{
    LakeError,
    reports::{
        columns::{Numbers, Objects, Texts, numbers_of, objects_of, texts_of},
        labels::{Labels, labels},
    },
};

/// A contact, or its part with one queue or agent. Times are milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    /// The row of its session.
    pub(super) row: usize,
    pub(super) queue: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) end: End,
    pub(super) wait: Option<i64>,
    pub(super) hold: Option<i64>,
    pub(super) talk: Option<i64>,
    pub(super) handle: Option<i64>,
    pub(super) transfers: Option<i64>,
    pub(super) rating: Option<i64>,
    pub(super) outcome: Outcome,
}

/// Whether somebody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    /// Nobody answered who came to us.
    Abandoned,
    /// Nobody answered our call.
    NotReached,
}

/// What came of it, for the conversion rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Converted,
    NotConverted,
    /// Failures, junk and service stand in no rate.
    OutsideRates,
}

/// The queue and the agent of a part.
type Key = (Option<String>, Option<String>);

/// The contacts of a batch.
pub(super) struct Contacts {
    legs: Objects,
    kinds: Texts,
    queues: Texts,
    agents: Texts,
    answered_at: Numbers,
    waits: Numbers,
    holds: Numbers,
    talks: Numbers,
    handles: Numbers,
    channels: Texts,
    answered_by: Texts,
    directions: Texts,
    wait: Numbers,
    hold: Numbers,
    handle: Numbers,
    transfers: Texts,
    ratings: Numbers,
    classes: Texts,
    last_queues: Labels,
    last_agents: Labels,
}

impl Contacts {
    pub(super) fn of(batch: &RecordBatch) -> Result<Contacts, LakeError> {
        let legs = objects_of(batch, "legs")?;
        let clock = crate::reports::Clock::of_zone("UTC");
        let last = |breakdown| match &clock {
            Some(clock) => labels(breakdown, batch, clock),
            None => Ok(Vec::new()),
        };
        Ok(Contacts {
            kinds: legs.texts("kind")?,
            queues: legs.texts("queue")?,
            agents: legs.texts("agent")?,
            answered_at: legs.numbers("answered_at")?,
            waits: legs.numbers("wait_ms")?,
            holds: legs.numbers("hold_ms")?,
            talks: legs.numbers("talk_ms")?,
            handles: legs.numbers("handle_ms")?,
            legs,
            channels: texts_of(batch, "channel")?,
            answered_by: texts_of(batch, "answered_by")?,
            directions: texts_of(batch, "call_direction")?,
            wait: numbers_of(batch, "wait_ms")?,
            hold: numbers_of(batch, "hold_ms")?,
            handle: numbers_of(batch, "handle_ms")?,
            transfers: texts_of(batch, "transfers")?,
            ratings: numbers_of(batch, "rating_value")?,
            classes: texts_of(batch, "disposition_class")?,
            last_queues: last(Breakdown::Queue)?,
            last_agents: last(Breakdown::Agent)?,
        })
    }

    /// The contact of a row, if it is one.
    pub(super) fn at(&self, row: usize) -> Option<Contact> {
        let legs = self.legs.of(row);
        let talks_there = ["voice", "chat", "messaging"];
        let is_contact =
            !legs.is_empty() || self.channels.at(row).is_some_and(|at| talks_there.contains(&at));
        if !is_contact {
            return None;
        }
        let by_whom = ["human", "virtual", "machine"];
        let answered = self.answered_by.at(row).is_some_and(|by| by_whom.contains(&by))
            || legs.clone().any(|leg| self.answered_at.at(leg).is_some());
        Some(Contact {
            row,
            queue: None,
            agent: None,
            end: match (answered, self.directions.at(row)) {
                (true, _) => End::Answered,
                (false, Some("outbound")) => End::NotReached,
                (false, _) => End::Abandoned,
            },
            wait: self.wait.at(row),
            hold: self.hold.at(row),
            talk: sum(&self.talks, legs),
            handle: self.handle.at(row),
            transfers: self.transfers_of(row),
            rating: self.ratings.at(row),
            outcome: match self.classes.at(row) {
                Some("conversion") => Outcome::Converted,
                None | Some("failure" | "junk" | "service") => Outcome::OutsideRates,
                Some(_) => Outcome::NotConverted,
            },
        })
    }

    /// The transfers that the source tells of; else one less than there were agents on the line.
    fn transfers_of(&self, row: usize) -> Option<i64> {
        let told = self.transfers.at(row);
        let told = told.and_then(|text| serde_json::from_str::<Vec<serde_json::Value>>(text).ok());
        let agents = self.legs.of(row).filter(|leg| {
            self.kinds.at(*leg) == Some("agent") && self.answered_at.at(*leg).is_some()
        });
        let count = told.map_or_else(|| agents.count().saturating_sub(1), |told| told.len());
        i64::try_from(count).ok()
    }

    /// Its parts with each queue and agent that was asked for; itself where nothing of these was.
    pub(super) fn parts(&self, asked: &Asked, whole: &Contact) -> Vec<Contact> {
        let by_queue = asked.by.contains(&Breakdown::Queue);
        let by_agent = asked.by.contains(&Breakdown::Agent);
        if !by_queue && !by_agent {
            return vec![whole.clone()];
        }
        let name = |of: &Texts, leg: usize, asked: bool| {
            if asked { of.at(leg).map(str::to_owned) } else { None }
        };
        let mut parts: Vec<(Key, Vec<usize>)> = Vec::new();
        for leg in self.legs.of(whole.row) {
            let key = (name(&self.queues, leg, by_queue), name(&self.agents, leg, by_agent));
            if key.0.is_some() != by_queue || key.1.is_some() != by_agent {
                continue;
            }
            match parts.iter_mut().find(|(known, _)| *known == key) {
                Some((_, legs)) => legs.push(leg),
                None => parts.push((key, vec![leg])),
            }
        }
        if parts.is_empty() {
            let last = |labels: &Labels| labels.get(whole.row).cloned().flatten();
            let queue = last(&self.last_queues).filter(|_| by_queue);
            let agent = last(&self.last_agents).filter(|_| by_agent);
            return vec![Contact { queue, agent, ..whole.clone() }];
        }
        let count = parts.len();
        let part = |(at, ((queue, agent), legs)): (usize, (Key, Vec<usize>))| {
            let is_last = at + 1 == count;
            let answered = legs.iter().any(|leg| self.answered_at.at(*leg).is_some());
            let sum = |of: &Numbers| sum(of, legs.iter().copied());
            Contact {
                queue,
                agent,
                end: match whole.end {
                    End::Answered if answered || (is_last && !by_agent) => End::Answered,
                    End::Answered => End::NotReached,
                    end => end,
                },
                wait: sum(&self.waits),
                hold: sum(&self.holds),
                talk: sum(&self.talks),
                handle: sum(&self.handles),
                ..whole.clone()
            }
        };
        parts.into_iter().enumerate().map(part).collect()
    }
}

/// The sum of what legs say; none where none says anything.
fn sum(of: &Numbers, mut legs: impl Iterator<Item = usize>) -> Option<i64> {
    legs.try_fold(None::<i64>, |sum, leg| {
        Some(match (sum, of.at(leg)) {
            (sum, None) => sum,
            (None, number) => number,
            (Some(sum), Some(number)) => Some(sum.saturating_add(number)),
        })
    })
    .flatten()
}
