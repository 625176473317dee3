//! How signals move the legs.
use super::{Leg, LegKind};
use crate::{
    dictionary::field,
    signal::{FieldNumber, Signal, kind},
    time::{Millis, UnixMillis},
    value::Value,
};

/// The most legs that a session keeps.
const LEGS_MAX: usize = 1_000;

/// Moves the legs by one signal in event order; signals of other kinds than these leave them alone.
pub(crate) fn add(legs: &mut Vec<Leg>, at: UnixMillis, signal: &Signal) {
    let word = &*signal.kind;
    if !word.starts_with("call_") && word != kind::MENU_ENTERED {
        return;
    }
    match word {
        kind::CALL_STARTED => ring(legs, at, signal),
        kind::MENU_ENTERED => enter(legs, at, signal, LegKind::Menu),
        kind::CALL_QUEUED => enter(legs, at, signal, LegKind::Queue),
        kind::CALL_ANSWERED => answer(legs, at, signal),
        kind::CALL_HELD => {
            ring(legs, at, signal);
            if let Some(leg) = open(legs) {
                leg.held_since.get_or_insert(at);
            }
        }
        kind::CALL_RESUMED => {
            ring(legs, at, signal);
            if let Some(leg) = open(legs) {
                leg.release(at);
            }
        }
        kind::CALL_TRANSFERRED => {
            ring(legs, at, signal);
            close(legs, at);
            push(legs, Leg::begin(LegKind::Agent, at, signal));
        }
        kind::CALL_DEFLECTED | kind::CALL_ENDED => close(legs, at),
        _ => {}
    }
    add_figures(legs, signal);
}

/// Begins a leg of which nothing more is known, unless one goes on.
fn ring(legs: &mut Vec<Leg>, at: UnixMillis, signal: &Signal) {
    if open(legs).is_none() {
        push(legs, Leg::begin(LegKind::Agent, at, signal));
    }
}

/// Goes on in a menu or a queue. A leg that nobody answered turns out to be that very part; with
/// the bare beginning of a call nobody was with the person yet.
fn enter(legs: &mut Vec<Leg>, at: UnixMillis, signal: &Signal, into: LegKind) {
    let queue = signal.text(field::QUEUE);
    let is_first = legs.len() == 1;
    match open(legs) {
        Some(leg) if leg.kind == LegKind::Agent && leg.answered_at.is_none() => {
            if is_first && leg.queue.is_none() {
                leg.started_at = at;
            }
            leg.kind = into;
            leg.queue = queue.map(Into::into).or(leg.queue.take());
        }
        Some(leg) if leg.kind == into && (queue.is_none() || leg.queue.as_deref() == queue) => {}
        Some(leg) if leg.kind == into && leg.queue.is_none() => leg.queue = queue.map(Into::into),
        _ => {
            close(legs, at);
            push(legs, Leg::begin(into, at, signal));
        }
    }
}

/// Somebody is there: the one who rings, or somebody new behind the queue or the one before.
fn answer(legs: &mut Vec<Leg>, at: UnixMillis, signal: &Signal) {
    let agent = signal.text(field::INTEGRATION_AGENT_ID).or_else(|| signal.text(field::AGENT_NAME));
    let answered_by = signal.text(field::ANSWERED_BY).unwrap_or("human");
    let kind = if answered_by == "virtual" { LegKind::VirtualAgent } else { LegKind::Agent };
    let is_other = |leg: &Leg| {
        let other_agent = leg.agent.as_deref().zip(agent).is_some_and(|(known, new)| known != new);
        other_agent || (leg.answered_at.is_some() && leg.kind != kind)
    };
    let before = open(legs).map(|leg| (leg.queue.clone(), leg.kind, is_other(leg)));
    match before {
        Some((_, LegKind::Agent | LegKind::VirtualAgent, false)) => {}
        before => {
            close(legs, at);
            let mut leg = Leg::begin(kind, at, signal);
            leg.queue = leg.queue.or(before.and_then(|(queue, ..)| queue));
            push(legs, leg);
        }
    }
    if let Some(leg) = open(legs) {
        leg.kind = kind;
        leg.answered_at.get_or_insert(at);
        leg.agent = agent.map(Into::into).or(leg.agent.take());
        leg.answered_by = Some(answered_by.into());
    }
}

/// What a signal says of the work around a leg, and of the wait before it.
fn add_figures(legs: &mut [Leg], signal: &Signal) {
    let length = |number: FieldNumber| {
        signal.number(number).map(|length| Millis(i64::try_from(length).unwrap_or(i64::MAX)))
    };
    if let Some(length) = length(field::AFTER_WORK_MS)
        && let Some(leg) = legs.iter_mut().rev().find(|leg| leg.answered_at.is_some())
    {
        leg.after_work_ms = Some(length);
    }
    if let Some(length) = length(field::BEFORE_WORK_MS)
        && let Some(leg) = legs.iter_mut().rev().find(|leg| leg.kind == LegKind::Agent)
    {
        leg.before_work_ms = Some(length);
    }
    if let Some(Value::Flag(met)) = signal.fields.get(&field::MET_SERVICE_LEVEL)
        && let Some(leg) = legs.iter_mut().rev().find(|leg| leg.kind == LegKind::Queue)
    {
        leg.met_service_level = Some(*met);
    }
}

/// The leg that goes on.
fn open(legs: &mut [Leg]) -> Option<&mut Leg> {
    legs.last_mut().filter(|leg| leg.ended_at.is_none())
}

fn close(legs: &mut [Leg], at: UnixMillis) {
    if let Some(leg) = open(legs) {
        leg.release(at);
        leg.ended_at = Some(at);
    }
}

fn push(legs: &mut Vec<Leg>, leg: Leg) {
    if legs.len() < LEGS_MAX {
        legs.push(leg);
    }
}

impl Leg {
    fn begin(kind: LegKind, at: UnixMillis, signal: &Signal) -> Leg {
        Leg {
            kind,
            started_at: at,
            answered_at: None,
            ended_at: None,
            queue: signal.text(field::QUEUE).map(Into::into),
            agent: None,
            answered_by: None,
            hold_ms: Millis(0),
            held_since: None,
            after_work_ms: None,
            before_work_ms: None,
            met_service_level: None,
        }
    }

    fn release(&mut self, at: UnixMillis) {
        if let Some(since) = self.held_since.take() {
            self.hold_ms = Millis(self.hold_ms.0.saturating_add(at.since(since).0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// `second kind [field=value …]` a line; one leg a line comes out.
    fn check(lines: &str, expected: &Expect) {
        let mut legs = Vec::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (second, rest) = line.split_once(' ').unwrap();
            let mut words = rest.split(' ');
            let mut signal = signal(words.next().unwrap());
            for (name, value) in words.map(|word| word.split_once('=').unwrap()) {
                let (number, value) = match name {
                    "queue" => (field::QUEUE, Value::Text(value.into())),
                    "agent" => (field::INTEGRATION_AGENT_ID, Value::Text(value.into())),
                    "by" => (field::ANSWERED_BY, Value::Text(value.into())),
                    "after" => (field::AFTER_WORK_MS, Value::Number(value.parse().unwrap())),
                    "before" => (field::BEFORE_WORK_MS, Value::Number(value.parse().unwrap())),
                    _ => (field::MET_SERVICE_LEVEL, Value::Flag(value == "yes")),
                };
                signal.fields.insert(number, value);
            }
            add(&mut legs, UnixMillis(second.parse::<i64>().unwrap() * 1_000), &signal);
        }
        let shown: Vec<String> = legs.iter().map(show).collect();
        expected.assert_eq(&shown.join("\n"));
    }

    fn signal(kind: &str) -> Signal {
        serde_json::from_value(serde_json::json!({ "k": "a", "y": kind })).unwrap()
    }

    fn show(leg: &Leg) -> String {
        let seconds =
            |length: Option<Millis>| length.map_or("-".into(), |ms| format!("{}", ms.0 / 1_000));
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
        let mut line = format!(
            "{} from {} to {} queue {} agent {} wait {} hold {} talk {}",
            leg.kind.word(),
            leg.started_at.0 / 1_000,
            leg.ended_at.map_or("-".into(), |at| (at.0 / 1_000).to_string()),
            text(&leg.queue),
            text(&leg.agent),
            seconds(leg.wait_ms()),
            leg.hold_ms.0 / 1_000,
            seconds(leg.talk_ms()),
        );
        for (name, figure) in [("after", leg.after_work_ms), ("before", leg.before_work_ms)] {
            line += &figure.map_or(String::new(), |ms| format!(" {name} {}", ms.0));
        }
        line + &leg.met_service_level.map_or(String::new(), |met| format!(" met {met}"))
    }

    #[test]
    fn a_plain_call_is_one_leg() {
        check(
            "0 call_started queue=sales
             20 call_answered agent=a1
             30 call_held
             40 call_resumed
             60 call_ended",
            &expect!["agent from 0 to 60 queue sales agent a1 wait 20 hold 10 talk 30"],
        );
    }

    #[test]
    fn menu_queue_virtual_agent_and_agent_follow_each_other() {
        check(
            "0 call_started
             1 menu_entered
             10 call_answered by=virtual agent=bot
             30 call_queued queue=sales
             50 call_answered agent=a1 met=yes before=2000
             90 call_ended
             95 call_progressed after=5000",
            &expect![[r"
                menu from 1 to 10 queue - agent - wait - hold 0 talk -
                virtual_agent from 10 to 30 queue - agent bot wait 0 hold 0 talk 20
                queue from 30 to 50 queue sales agent - wait 20 hold 0 talk - met true
                agent from 50 to 90 queue sales agent a1 wait 0 hold 0 talk 40 after 5000 before 2000"]],
        );
    }

    #[test]
    fn a_transfer_opens_a_leg_and_each_leg_sums_its_own_holds() {
        check(
            "0 call_queued queue=sales
             10 call_answered agent=a1
             20 call_held
             25 call_resumed
             30 call_held
             35 call_transferred
             40 call_queued queue=billing
             60 call_answered agent=a2
             70 call_held
             71 call_resumed
             80 call_transferred
             82 call_answered agent=a3
             90 call_ended",
            &expect![[r"
                queue from 0 to 10 queue sales agent - wait 10 hold 0 talk -
                agent from 10 to 35 queue sales agent a1 wait 0 hold 10 talk 15
                queue from 35 to 60 queue billing agent - wait 25 hold 0 talk -
                agent from 60 to 80 queue billing agent a2 wait 0 hold 1 talk 19
                agent from 80 to 90 queue - agent a3 wait 2 hold 0 talk 8"]],
        );
    }

    #[test]
    fn what_is_said_twice_opens_no_leg_and_another_queue_or_agent_does() {
        check(
            "0 call_queued queue=a
             1 call_queued
             2 call_queued queue=a
             5 call_queued queue=b
             9 call_answered agent=a1
             10 call_answered
             11 call_answered agent=a1
             20 call_answered agent=a2
             30 call_ended
             31 call_ended",
            &expect![[r"
                queue from 0 to 5 queue a agent - wait 5 hold 0 talk -
                queue from 5 to 9 queue b agent - wait 4 hold 0 talk -
                agent from 9 to 20 queue b agent a1 wait 0 hold 0 talk 11
                agent from 20 to 30 queue b agent a2 wait 0 hold 0 talk 10"]],
        );
    }

    #[test]
    fn a_deflection_ends_the_wait_and_an_end_alone_opens_nothing() {
        check(
            "0 call_queued
             8 call_deflected
             20 call_ended",
            &expect!["queue from 0 to 8 queue - agent - wait 8 hold 0 talk -"],
        );
        check("3 call_ended\n4 page_viewed", &expect![""]);
    }

    #[test]
    fn a_leg_that_was_stored_without_a_kind_is_read_as_before() {
        let stored = r#"{"s":1000,"a":3000,"e":9000,"q":"sales","g":"a1","b":"human","h":2000}"#;
        let leg: Leg = serde_json::from_str(stored).unwrap();
        expect!["agent from 1 to 9 queue sales agent a1 wait 2 hold 2 talk 4"]
            .assert_eq(&show(&leg));
        assert_eq!(serde_json::to_string(&leg).unwrap(), stored);
    }

    #[test]
    fn there_are_so_many_legs_and_no_more() {
        let mut legs = Vec::new();
        for at in 0..3_000 {
            add(&mut legs, UnixMillis(at), &signal(kind::CALL_TRANSFERRED));
        }
        assert_eq!(legs.len(), LEGS_MAX);
    }
}
