//! Parcels: each revision of each session arrived everywhere, under one id, and a second time only
//! where a kill fell between the answer and the note.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    receiver::{Answer, Arrival},
    verdict::{Finding, Verdict},
};

/// Parcels of one destination that the server has under way at a time, sent and not noted ones
/// included: no more than these can come twice for one kill.
pub const UNDER_WAY_MAX: u64 = 512;

/// A parcel as the server lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The session that it tells of.
    pub session: String,
    /// The revision of its record.
    pub revision: u64,
    /// The place of its destination among those that were set up.
    pub destination: usize,
    /// `due`, `sent` or `parked`.
    pub status: String,
}

/// What is known when nothing is due any more.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// The revision of each session.
    pub sessions: BTreeMap<String, u64>,
    /// How many destinations there are; the receivers are the first of them.
    pub destinations: usize,
    /// How many of them are receivers.
    pub receivers: usize,
    /// What the server lists.
    pub listed: Vec<Listed>,
    /// What came to the receivers, in the order in which each of them got it.
    pub arrivals: Vec<Arrival>,
    /// What lies in the folder: session and revision.
    pub files: BTreeSet<(String, u64)>,
    /// When each server was killed, in the time of the arrivals.
    pub kills: Vec<Duration>,
}

/// Figures of what was found right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Revisions times destinations.
    pub parcels: u64,
    /// Parcels that came again after they had been taken.
    pub duplicates: u64,
    /// Of one kill and one destination, the most.
    pub duplicates_of_a_kill_max: u64,
    /// The longest time from an answer to the kill that made it be forgotten.
    pub unnoted_max: Duration,
}

impl Delivered {
    /// Notes all that must not be.
    pub fn compare(&self, verdict: &mut Verdict) -> Figures {
        self.check_listing(verdict);
        self.check_arrivals(verdict);
        self.check_completeness(verdict);
        let mut figures = self.count_duplicates(verdict);
        figures.parcels = self.listed.len() as u64;
        figures
    }

    /// Every revision has one parcel for every destination, and each was sent.
    fn check_listing(&self, verdict: &mut Verdict) {
        let mut names = BTreeSet::new();
        for listed in &self.listed {
            let Listed { id, session, revision, destination, status } = listed;
            if status != "sent" {
                verdict.find(Finding::Wrong, format!("parcel {id} is {status}"));
            }
            if !names.insert((session.as_str(), *revision, *destination)) {
                let what = format!("{session} r{revision} has two parcels for {destination}");
                verdict.find(Finding::Doubled, what);
            }
        }
        for (session, revision, destination) in self.expected() {
            if !names.remove(&(session, revision, destination)) {
                let what = format!("{session} r{revision} has no parcel for {destination}");
                verdict.find(Finding::Lost, what);
            }
        }
        for (session, revision, destination) in names {
            let what = format!("{session} r{revision} has a parcel for {destination}, and is none");
            verdict.find(Finding::Phantom, what);
        }
    }

    fn expected(&self) -> impl Iterator<Item = (&str, u64, usize)> {
        self.sessions.iter().flat_map(move |(session, revision)| {
            (1..=*revision).flat_map(move |revision| {
                (0..self.destinations).map(move |one| (session.as_str(), revision, one))
            })
        })
    }

    /// Each arrival is signed, and has the id that the server lists for what it tells.
    fn check_arrivals(&self, verdict: &mut Verdict) {
        let by_id: HashMap<&str, &Listed> =
            self.listed.iter().map(|listed| (listed.id.as_str(), listed)).collect();
        for arrival in &self.arrivals {
            let Arrival { id, session, revision, destination, .. } = arrival;
            if !arrival.is_signed {
                verdict.find(Finding::Wrong, format!("parcel {id} has no valid signature"));
            }
            match by_id.get(id.as_str()) {
                None => {
                    verdict.find(Finding::Phantom, format!("parcel {id} came and is not listed"));
                }
                Some(listed)
                    if (&listed.session, &listed.revision, &listed.destination)
                        != (session, revision, destination) =>
                {
                    let what = format!(
                        "parcel {id} is {} r{} for {} and came as {session} r{revision} to {destination}",
                        listed.session, listed.revision, listed.destination
                    );
                    verdict.find(Finding::Wrong, what);
                }
                Some(_) => {}
            }
        }
    }

    /// What the server calls sent was taken, and every revision was.
    fn check_completeness(&self, verdict: &mut Verdict) {
        let taken = self.arrivals.iter().filter(|arrival| arrival.answer == Answer::Taken);
        let taken: BTreeSet<_> = taken
            .map(|arrival| (arrival.session.as_str(), arrival.revision, arrival.destination))
            .collect();
        for (session, revision, destination) in self.expected() {
            let is_there = if destination < self.receivers {
                taken.contains(&(session, revision, destination))
            } else {
                self.files.contains(&(session.to_owned(), revision))
            };
            if !is_there {
                let what = format!("{session} r{revision} never came to {destination}");
                verdict.find(Finding::Lost, what);
            }
        }
    }

    /// What came again after it was taken: only from a later server, and of one kill no more than
    /// was under way.
    fn count_duplicates(&self, verdict: &mut Verdict) -> Figures {
        let mut figures = Figures::default();
        let mut taken: HashMap<(&str, usize), (u64, Duration)> = HashMap::new();
        let mut of_kill: BTreeMap<(u64, usize), u64> = BTreeMap::new();
        for arrival in &self.arrivals {
            let name = (arrival.id.as_str(), arrival.destination);
            if let Some((epoch, at)) = taken.get(&name).copied() {
                figures.duplicates += 1;
                if arrival.epoch == epoch {
                    let what = format!(
                        "parcel {} came again with no kill between: taken at {at:?}, then at {:?}, \
                         answered {:?}",
                        arrival.id, arrival.at, arrival.answer
                    );
                    verdict.find(Finding::Doubled, what);
                }
                let kill = usize::try_from(epoch).ok().and_then(|kill| self.kills.get(kill));
                let unnoted = kill.map_or(Duration::ZERO, |kill| kill.saturating_sub(at));
                figures.unnoted_max = figures.unnoted_max.max(unnoted);
                *of_kill.entry((epoch, arrival.destination)).or_default() += 1;
            }
            if arrival.answer == Answer::Taken {
                taken.insert(name, (arrival.epoch, arrival.at));
            }
        }
        for ((kill, destination), count) in of_kill {
            figures.duplicates_of_a_kill_max = figures.duplicates_of_a_kill_max.max(count);
            if count > UNDER_WAY_MAX {
                let what = format!("{count} came again to {destination} for kill {kill}");
                verdict.find(Finding::Doubled, what);
            }
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sessions, one of them with two revisions, at two receivers and in a folder.
    fn delivered() -> Delivered {
        let sessions = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let mut all = Delivered {
            sessions,
            destinations: 3,
            receivers: 2,
            kills: vec![Duration::from_millis(100)],
            ..Delivered::default()
        };
        let expected: Vec<_> = all
            .expected()
            .map(|(session, revision, destination)| (session.to_owned(), revision, destination))
            .collect();
        for (session, revision, destination) in expected {
            let id = format!("prc_{session}{revision}{destination}");
            let status = "sent".to_owned();
            if destination < 2 {
                all.arrivals.push(Arrival {
                    destination,
                    id: id.clone(),
                    session: session.clone(),
                    revision,
                    is_signed: true,
                    epoch: 0,
                    at: Duration::from_millis(90),
                    answer: Answer::Taken,
                });
            } else {
                all.files.insert((session.clone(), revision));
            }
            all.listed.push(Listed { id, session, revision, destination, status });
        }
        all
    }

    fn check(plant: impl FnOnce(&mut Delivered), finding: Option<Finding>) -> Figures {
        let mut all = delivered();
        plant(&mut all);
        let mut verdict = Verdict::default();
        let figures = all.compare(&mut verdict);
        let mut found: Vec<Finding> = verdict.told.iter().map(|(finding, _)| *finding).collect();
        found.dedup();
        assert_eq!(found, Vec::from_iter(finding), "{:?}", verdict.told);
        figures
    }

    fn again(all: &mut Delivered, epoch: u64) {
        let arrival = Arrival { epoch, ..all.arrivals[3].clone() };
        all.arrivals.push(arrival);
    }

    #[test]
    fn what_is_right_has_no_finding() {
        let figures = check(|_| (), None);
        assert_eq!((figures.parcels, figures.duplicates), (9, 0));
        // A fault before it is taken is no duplicate.
        let figures = check(
            |all| {
                let silent = Arrival { answer: Answer::Silence, ..all.arrivals[0].clone() };
                all.arrivals.insert(0, silent);
            },
            None,
        );
        assert_eq!(figures.duplicates, 0);
    }

    #[test]
    fn a_planted_loss_is_found() {
        check(|all| drop(all.arrivals.remove(2)), Some(Finding::Lost));
        check(|all| all.arrivals[2].answer = Answer::Status(503), Some(Finding::Lost));
        check(|all| drop(all.files.pop_first()), Some(Finding::Lost));
        check(
            |all| {
                // Neither sent nor listed: the server forgot that it was to be sent.
                all.arrivals.remove(0);
                all.listed.remove(0);
            },
            Some(Finding::Lost),
        );
    }

    #[test]
    fn a_planted_duplicate_is_found_unless_a_kill_fell_between() {
        assert_eq!(check(|all| again(all, 0), Some(Finding::Doubled)).duplicates, 1);
        let figures = check(|all| again(all, 1), None);
        assert_eq!((figures.duplicates, figures.duplicates_of_a_kill_max), (1, 1));
        assert_eq!(figures.unnoted_max, Duration::from_millis(10));
        check(|all| (0..2).for_each(|_| again(all, 1)), Some(Finding::Doubled));
        check(
            |all| {
                let twice = all.listed[0].clone();
                all.listed.push(Listed { id: "prc_x".to_owned(), ..twice });
            },
            Some(Finding::Doubled),
        );
    }

    #[test]
    fn more_duplicates_of_one_kill_than_were_under_way_are_found() {
        let plant = |all: &mut Delivered| {
            for number in 0..=UNDER_WAY_MAX {
                let session = format!("s{number}");
                all.sessions.insert(session.clone(), 1);
                for destination in 0..3 {
                    let id = format!("prc_{session}{destination}");
                    let (session, status) = (session.clone(), "sent".to_owned());
                    all.files.insert((session.clone(), 1));
                    let like = all.arrivals[0].clone();
                    let came =
                        Arrival { id: id.clone(), session: session.clone(), destination, ..like };
                    if destination < 2 {
                        all.arrivals.push(came.clone());
                    }
                    if destination == 0 {
                        all.arrivals.push(Arrival { epoch: 1, ..came });
                    }
                    all.listed.push(Listed { id, session, revision: 1, destination, status });
                }
            }
        };
        let figures = check(plant, Some(Finding::Doubled));
        assert_eq!(figures.duplicates, UNDER_WAY_MAX + 1);
    }

    #[test]
    fn a_planted_wrong_id_signature_or_status_is_found() {
        check(
            |all| {
                all.arrivals
                    .push(Arrival { id: "prc_other".to_owned(), ..all.arrivals[0].clone() });
            },
            Some(Finding::Phantom),
        );
        check(
            |all| {
                // Another parcel's id on what was sent once more.
                let id = all.arrivals[1].id.clone();
                all.arrivals
                    .insert(0, Arrival { id, answer: Answer::Silence, ..all.arrivals[0].clone() });
            },
            Some(Finding::Wrong),
        );
        check(|all| all.arrivals[1].is_signed = false, Some(Finding::Wrong));
        check(|all| all.listed[4].status = "parked".to_owned(), Some(Finding::Wrong));
        check(
            |all| {
                let like = all.listed[0].clone();
                all.listed.push(Listed { id: "prc_y".to_owned(), revision: 9, ..like });
            },
            Some(Finding::Phantom),
        );
    }
}
