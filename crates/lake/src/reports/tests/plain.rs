//! The answers by plain loops, from the definitions of docs/reports.md and nothing else.
use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};

use super::told::Visit;

const DAY_MS: i64 = 86_400_000;

fn people(visits: &[Visit]) -> impl Iterator<Item = (usize, &Visit)> {
    visits.iter().enumerate().filter(|(_, visit)| !visit.bot)
}

fn unled(visit: &Visit) -> &'static str {
    match visit.channel {
        "voice" => "phone",
        "chat" => "chat",
        _ => "direct",
    }
}

fn day(visit: &Visit, number: usize) -> jiff::civil::Date {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    zone.to_datetime(Timestamp::from_millisecond(visit.started(number)).unwrap()).date()
}

fn sorted(rows: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.into_iter().collect();
    rows.sort_unstable();
    rows
}

/// Source, day and code.
fn outcome(visit: &Visit, number: usize) -> String {
    let source = visit.source.or(visit.then).unwrap_or(unled(visit));
    format!("{source}|{}|{}", day(visit, number), visit.code)
}

pub(super) fn dispositions(visits: &[Visit]) -> Vec<String> {
    let mut groups: BTreeMap<String, u32> = BTreeMap::new();
    for (number, visit) in people(visits) {
        *groups.entry(outcome(visit, number)).or_default() += 1;
    }
    sorted(groups.into_iter().map(|(key, sessions)| format!("{key}|{sessions}")))
}

pub(super) fn revenue(visits: &[Visit]) -> Vec<String> {
    let mut groups: BTreeMap<String, u32> = BTreeMap::new();
    for (number, visit) in people(visits) {
        if let Some(order) = visit.order {
            *groups.entry(outcome(visit, number)).or_default() += order;
        }
    }
    sorted(groups.into_iter().map(|(key, sum)| format!("{key}|{sum}")))
}

/// A part of a whole.
fn share(part: usize, whole: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
}

fn is_contact(visit: &Visit) -> bool {
    matches!(visit.channel, "voice" | "chat") || visit.wait.is_some()
}

pub(super) fn performance(visits: &[Visit]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<&Visit>> = BTreeMap::new();
    for (_, visit) in people(visits).filter(|(_, visit)| is_contact(visit)) {
        groups.entry(visit.channel).or_default().push(visit);
    }
    sorted(groups.into_iter().map(|(channel, visits)| {
        let answered = |visit: &&&Visit| matches!(visit.wait, Some((_, true)));
        let all = visits.iter();
        let count = all.clone().filter(answered).count();
        let mut waits: Vec<u32> =
            all.clone().filter_map(|visit| visit.wait).map(|one| one.0).collect();
        waits.sort_unstable();
        // The smallest wait that at least so many percent do not exceed.
        let rank = |percent: usize| {
            let enough = |wait: &&u32| {
                let within = waits.iter().filter(|other| *other <= *wait).count();
                within * 100 >= waits.len() * percent
            };
            waits.iter().find(enough).map(|wait| (wait * 1_000).to_string()).unwrap_or_default()
        };
        let within = all.clone().filter(|visit| matches!(visit.wait, Some((0..=20, true)))).count();
        let level = if waits.is_empty() {
            String::new()
        } else {
            format!("{:.6}", share(within, waits.len()))
        };
        format!(
            "{channel}|{}|{count}|{}|{}|{}|{}|{level}|{}|{}",
            visits.len(),
            visits.len() - count,
            rank(50),
            rank(90),
            rank(100),
            all.clone().filter(|visit| visit.code == 10).count(),
            all.filter(|visit| visit.rating.is_some()).count(),
        )
    }))
}

pub(super) fn queues(visits: &[Visit]) -> Vec<String> {
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, visit) in people(visits).filter(|(_, visit)| is_contact(visit)) {
        let queue = match visit.wait {
            Some((0..20, _)) => "fast",
            Some(_) => "slow",
            None => "(none)",
        };
        *groups.entry(queue).or_default() += 1;
    }
    sorted(groups.into_iter().map(|(queue, count)| format!("{queue}|{count}")))
}

/// The least number among sessions that are joined by a cookie or a phone, step by step. Those that
/// began before a moment join nobody.
fn persons(visits: &[Visit], since: i64) -> Vec<usize> {
    let mut persons: Vec<usize> = (0..visits.len()).collect();
    loop {
        let mut changed = false;
        let read = || people(visits).filter(|(number, visit)| visit.started(*number) >= since);
        for (one, a) in read() {
            for (other, b) in read() {
                let same = (a.cookie.is_some() && a.cookie == b.cookie)
                    || (a.phone.is_some() && a.phone == b.phone);
                let least = persons[one].min(persons[other]);
                if same && (persons[one], persons[other]) != (least, least) {
                    (persons[one], persons[other]) = (least, least);
                    changed = true;
                }
            }
        }
        if !changed {
            return persons;
        }
    }
}

/// (person, moment, source, session), in the order of time.
fn arrivals(visits: &[Visit], since: i64) -> Vec<(usize, i64, &'static str, usize)> {
    let persons = persons(visits, since);
    let mut arrivals = Vec::new();
    for (number, visit) in people(visits) {
        let started = visit.started(number);
        let first = visit.source.unwrap_or(unled(visit));
        arrivals.push((persons[number], started, first, number));
        if let Some(source) = visit.then {
            arrivals.push((persons[number], started + 10_000, source, number));
        }
    }
    arrivals.sort_by_key(|arrival| arrival.1);
    arrivals
}

/// The arrival that a session converts at, its last: both are before its order.
fn converts(visits: &[Visit], (_, at, _, number): &(usize, i64, &str, usize)) -> bool {
    let visit = &visits[*number];
    let last = visit.started(*number) + if visit.then.is_some() { 10_000 } else { 0 };
    visit.code == 10 && *at == last
}

pub(super) fn attribution(visits: &[Visit], days: u64) -> BTreeMap<(String, String), f64> {
    let from = 1_773_100_800_000; // 2026-03-10T00:00:00Z
    let lookback = i64::try_from(days).unwrap() * DAY_MS;
    // A report reads the range, and the look-back and a day before it.
    let all = arrivals(visits, from - lookback - DAY_MS);
    let mut credits: BTreeMap<(String, String), f64> = BTreeMap::new();
    for conversion in all.iter().filter(|arrival| converts(visits, arrival)) {
        let (person, at, _, number) = *conversion;
        if visits[number].started(number) < from {
            continue;
        }
        let touches: Vec<&str> = all
            .iter()
            .filter(|other| other.0 == person && other.1 <= at && at - other.1 < lookback)
            .map(|other| other.2)
            .collect();
        let led = touches.iter().rev().find(|source| **source != "direct");
        let mut credit = |model: &str, source: &str, share: f64| {
            *credits.entry((model.to_owned(), source.to_owned())).or_default() += share;
        };
        credit("first", touches[0], 1.0);
        credit("last", touches[touches.len() - 1], 1.0);
        credit("last_non_direct", led.unwrap_or(&"direct"), 1.0);
        for source in &touches {
            credit("linear", source, share(1, touches.len()));
        }
    }
    credits
}

/// Whether there are moments of each step, rising, all within ten days of the first.
fn goes(steps: &[Vec<i64>], after: i64, until: i64) -> bool {
    let Some((first, rest)) = steps.split_first() else { return true };
    first.iter().any(|at| *at > after && *at <= until && goes(rest, *at, until))
}

pub(super) fn funnel(visits: &[Visit]) -> Vec<String> {
    let persons = persons(visits, i64::MIN);
    let mut moments: BTreeMap<usize, Vec<Vec<i64>>> = BTreeMap::new();
    for (number, visit) in people(visits) {
        let started = visit.started(number);
        let steps = moments.entry(persons[number]).or_insert_with(|| vec![Vec::new(); 3]);
        steps[0].push(started);
        if matches!(visit.code, 7 | 8) || visit.order.is_some() {
            steps[1].push(started + 5);
        }
        if visit.order.is_some() {
            steps[2].push(started + 15_000);
        }
    }
    let reached = |count: usize| {
        let reaches = |steps: &&Vec<Vec<i64>>| {
            let (first, rest) = steps.split_first().unwrap();
            first.iter().any(|at| goes(&rest[..count - 1], *at, at + 10 * DAY_MS))
        };
        moments.values().filter(reaches).count()
    };
    if moments.is_empty() {
        return Vec::new();
    }
    let names = ["arrived", "cart", "order"];
    sorted(names.iter().zip(1..).map(|(name, count)| format!("{name}|{}", reached(count))))
}

pub(super) fn retention(visits: &[Visit]) -> Vec<String> {
    let persons = persons(visits, i64::MIN);
    let mut weeks: BTreeMap<usize, BTreeSet<jiff::civil::Date>> = BTreeMap::new();
    for (number, visit) in people(visits) {
        let day = day(visit, number);
        let monday = day.iso_week_date().year();
        let week = jiff::civil::ISOWeekDate::new(
            monday,
            day.iso_week_date().week(),
            jiff::civil::Weekday::Monday,
        );
        weeks.entry(persons[number]).or_default().insert(week.unwrap().date());
    }
    let mut counts: BTreeMap<(String, i32), u64> = BTreeMap::new();
    for weeks in weeks.values() {
        let first = weeks.first().unwrap();
        let name = first.iso_week_date();
        let name = format!("{:04}-W{:02}", name.year(), name.week());
        for week in weeks {
            let later = (*week - *first).get_days() / 7;
            *counts.entry((name.clone(), later)).or_default() += 1;
        }
    }
    sorted(counts.into_iter().map(|((name, later), count)| format!("{name}|{later}|{count}")))
}

pub(super) fn paths(visits: &[Visit], length: usize) -> Vec<String> {
    let mut journeys: Vec<(bool, Vec<&str>)> = Vec::new();
    let all = arrivals(visits, i64::MIN);
    let persons: BTreeSet<usize> = all.iter().map(|arrival| arrival.0).collect();
    for person in persons {
        let mut journey = Vec::new();
        for arrival in all.iter().filter(|arrival| arrival.0 == person) {
            journey.push(arrival.2);
            if converts(visits, arrival) {
                journeys.push((true, std::mem::take(&mut journey)));
            }
        }
        journeys.push((false, journey));
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (converted, journey) in &journeys {
        for window in journey.windows(length) {
            let how = if *converted { "converted" } else { "not converted" };
            *counts.entry(format!("{how}|{}", window.join(" > "))).or_default() += 1;
        }
    }
    sorted(counts.into_iter().map(|(path, count)| format!("{path}|{count}")))
}
