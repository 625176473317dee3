//! A definition ready to be looked for: keys resolved, values prepared, once for all signals.
use rust_decimal::Decimal;

use super::{
    Definition, GoalKind, Progress, Reached, Standing, ValueType,
    criterion::Criterion,
    pattern::Step,
    subject::{Facts, Subject},
};
use crate::{channel::Channel, content::Content, lane::channel_of, signal::Signal, stamp::Stamped};

/// A definition that is in force.
#[derive(Debug)]
pub struct Goal {
    id: Box<str>,
    kind: GoalKind,
    name: Box<str>,
    conditions_version: u32,
    steps: Vec<Step>,
    /// One of these, of which all must hold.
    context: Vec<Vec<Criterion>>,
    value: Option<(Subject, ValueType)>,
    feared: bool,
    expires_after_days: Option<u32>,
}

/// What all definitions look at in one signal.
pub(super) struct Seen<'a> {
    channel: Channel,
    facts: Facts<'a>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(signal: &'a Signal, content: &Content) -> Seen<'a> {
        let channel = channel_of(signal).unwrap_or_else(|| content.channel_or_other());
        Seen { channel, facts: Facts::of_signal(signal) }
    }
}

impl Goal {
    /// The goal of a definition; `None` where it is not active, has no conditions, or stands for a
    /// segment of another system.
    pub fn of(definition: &Definition) -> Option<Goal> {
        let conditions = &definition.conditions;
        let nothing_asked = conditions.journey.is_empty() && conditions.context.is_empty();
        if !definition.active || nothing_asked || definition.external.is_some() {
            return None;
        }
        let context = conditions.context.iter();
        Some(Goal {
            id: definition.id.clone(),
            kind: definition.kind,
            name: definition.name.clone(),
            conditions_version: definition.conditions_version,
            steps: conditions.journey.iter().map(Step::of).collect(),
            context: context
                .map(|pattern| pattern.criteria.iter().map(Criterion::of).collect())
                .collect(),
            value: definition.value.as_ref().map(|field| (Subject::of(&field.key), field.number)),
            feared: definition.kind == GoalKind::Outcome && !definition.positive,
            expires_after_days: definition.expires_after_days,
        })
    }

    /// Takes note of a signal that has just been added to `content`. One signal takes one step at
    /// most.
    pub(super) fn observe(&self, content: &mut Content, stamped: &Stamped, seen: &Seen<'_>) {
        let before = match content.goals.get(&*self.id) {
            Some(Standing::Reached(_)) => return,
            Some(Standing::OnTheWay(progress)) => Some(*progress),
            None => None,
        };
        let version = self.conditions_version;
        let start = Progress { conditions_version: version, complete: 0, matched: 0 };
        let begun = before.filter(|progress| progress.conditions_version == version);
        let after = self.stepped(begun.unwrap_or(start), content, seen);
        let standing = if self.is_complete(after) && self.context_holds(content) {
            Standing::Reached(Box::new(self.reached(stamped, &seen.facts)))
        } else if after == start || begun == Some(after) {
            return;
        } else {
            Standing::OnTheWay(after)
        };
        content.goals.insert(self.id.clone(), standing);
    }

    fn stepped(&self, mut progress: Progress, content: &Content, seen: &Seen<'_>) -> Progress {
        let next = usize::try_from(progress.complete).ok().and_then(|next| self.steps.get(next));
        if let Some(step) = next
            && step.fits(seen.channel, &seen.facts, content)
        {
            progress.matched = progress.matched.saturating_add(1);
            if progress.matched >= step.count() {
                progress.complete = progress.complete.saturating_add(1);
                progress.matched = 0;
            }
        }
        progress
    }

    fn is_complete(&self, progress: Progress) -> bool {
        progress.complete as usize >= self.steps.len()
    }

    fn context_holds(&self, content: &Content) -> bool {
        let facts = Facts::of_session(content);
        let all = |pattern: &Vec<Criterion>| pattern.iter().all(|one| one.holds(&facts));
        self.context.is_empty() || self.context.iter().any(all)
    }

    fn reached(&self, stamped: &Stamped, facts: &Facts<'_>) -> Reached {
        Reached {
            kind: self.kind,
            name: self.name.clone(),
            at: stamped.at,
            signal: stamped.signal.key.clone(),
            value: self.value_in(facts),
            feared: self.feared,
            expires_after_days: self.expires_after_days,
        }
    }

    fn value_in(&self, facts: &Facts<'_>) -> Option<Decimal> {
        let (subject, number) = self.value.as_ref()?;
        let mut found = None;
        subject.any(facts, &mut |text| {
            found = text.trim().parse::<Decimal>().ok();
            found.is_some()
        });
        match number {
            ValueType::Number => found,
            ValueType::Integer => found.map(|value| value.trunc()),
        }
    }
}
