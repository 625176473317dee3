//! Each report against plain loops over the same sessions; what an answer says when it is empty; days
//! of 23 and 25 hours.
use std::collections::BTreeMap;

use expect_test::expect;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::operators::Transition;

mod told;
mod plain;

use told::{Told, Visit, visits};

/// The report, with its parameters as `name=value` with spaces between.
fn ask(visits: &[Visit], report: &str, parameters: &str) -> Report {
    let pairs = parameters.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let asked = Asked::parse(Kind::from_word(report).unwrap(), &pairs).unwrap();
    let solve = |_: &[Transition]| Err("there is no statistician here".to_owned());
    let means = Means { solve: &solve, beside: Beside { counts: vec![("reviews", 7)] } };
    answer(&asked, &Told::of(visits), &means).unwrap()
}

/// Rows as text, a line each, cells with a bar between.
fn lines(report: &Report) -> Vec<String> {
    let cell = |cell: &Cell| match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Number(number) => format!("{number:.6}"),
        Cell::Amount(amount) => amount.to_string(),
    };
    report.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
}

/// The named columns of the rows, sorted.
fn columns(report: &Report, names: &[&str]) -> Vec<String> {
    let places: Vec<usize> = names
        .iter()
        .map(|name| report.columns.iter().position(|column| column.name == **name).unwrap())
        .collect();
    let mut rows: Vec<String> = lines(report)
        .into_iter()
        .map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            places.iter().map(|at| cells[*at]).collect::<Vec<_>>().join("|")
        })
        .collect();
    rows.sort_unstable();
    rows
}

proptest! {
    #[test]
    fn dispositions_count_each_session_once(visits in vec(visits(), 0..40)) {
        let report = ask(&visits, "dispositions", "by=source,day zone=Europe/Berlin");
        let has_euros = report.columns.iter().any(|column| column.name == "revenue_EUR");
        let names = ["source", "day", "code", "sessions"];
        prop_assert_eq!(columns(&report, &names), plain::dispositions(&visits));
        let names = ["source", "day", "code", "revenue_EUR"];
        let found = if has_euros { columns(&report, &names) } else { Vec::new() };
        let found: Vec<_> = found.into_iter().filter(|row| !row.ends_with('|')).collect();
        prop_assert_eq!(found, plain::revenue(&visits));
        let people = visits.iter().filter(|visit| !visit.bot).count() as u64;
        prop_assert_eq!(report.frame.counted, people);
        prop_assert_eq!(report.frame.left_out.bots, visits.len() as u64 - people);
        let all = ask(&visits, "dispositions", "bots=include");
        prop_assert_eq!(all.frame.counted, visits.len() as u64);
    }

    #[test]
    fn performance_is_a_loop_over_contacts(visits in vec(visits(), 0..40)) {
        let report = ask(&visits, "performance", "by=channel threshold=20s");
        let names = [
            "channel", "contacts", "answered", "abandoned", "wait_p50", "wait_p90", "wait_max",
            "service_level", "conversions", "ratings",
        ];
        prop_assert_eq!(columns(&report, &names), plain::performance(&visits));
        let by_queue = ask(&visits, "performance", "by=queue");
        prop_assert_eq!(columns(&by_queue, &["queue", "contacts"]), plain::queues(&visits));
    }

    #[test]
    fn attribution_is_a_loop_over_conversions(visits in vec(visits(), 0..30), days in 1_u64..40) {
        let models = ["first", "last", "last_non_direct", "linear"];
        let parameters = format!("model={} lookback={days}d from=2026-03-10", models.join(","));
        let report = ask(&visits, "attribution", &parameters);
        let mut found: BTreeMap<(String, String), f64> = BTreeMap::new();
        for line in columns(&report, &["model", "source", "conversions"]) {
            let [model, source, sum] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
            found.insert((model.to_owned(), source.to_owned()), sum.parse().unwrap());
        }
        let expected = plain::attribution(&visits, days);
        prop_assert_eq!(found.len(), expected.len(), "{:?} {:?}", found, expected);
        for (key, sum) in &expected {
            let own = found.get(key).copied().unwrap_or_default();
            prop_assert!((own - sum).abs() < 1e-5, "{key:?}: {own} and not {sum}");
        }
    }

    #[test]
    fn funnels_are_a_search_through_everybodys_steps(visits in vec(visits(), 0..30)) {
        let steps = "arrived,cart,order";
        let report = ask(&visits, "funnel", &format!("steps={steps} window=10d"));
        prop_assert_eq!(columns(&report, &["name", "persons"]), plain::funnel(&visits));
    }

    #[test]
    fn retention_is_a_set_of_weeks(visits in vec(visits(), 0..40)) {
        let report = ask(&visits, "retention", "zone=Europe/Berlin");
        let names = ["cohort", "weeks_later", "persons"];
        prop_assert_eq!(columns(&report, &names), plain::retention(&visits));
    }

    #[test]
    fn paths_are_windows_over_journeys(visits in vec(visits(), 0..30)) {
        let report = ask(&visits, "paths", "length=2 most=1000");
        let names = ["journey", "path", "times"];
        prop_assert_eq!(columns(&report, &names), plain::paths(&visits, 2));
    }

    #[test]
    fn health_counts_everything(visits in vec(visits(), 1..40)) {
        let report = ask(&visits, "health", "");
        let count = |measure: &str, value: &str| {
            let wanted = format!("{measure}|{value}|");
            let line = lines(&report).into_iter().find(|line| line.starts_with(&wanted));
            line.map_or(0, |line| line.split('|').nth(2).unwrap().parse::<usize>().unwrap())
        };
        let bots = visits.iter().filter(|visit| visit.bot).count();
        prop_assert_eq!(count("sessions", "all"), visits.len());
        prop_assert_eq!(count("bots", "crawler"), bots);
        prop_assert_eq!(count("warnings", "odd"), bots);
        prop_assert_eq!(count("signals", "facts"), visits.len() * 3);
        prop_assert_eq!(count("whole tenant, now", "reviews"), 7);
    }
}

fn visit(channel: &'static str, minute: u32, code: u32) -> Visit {
    Visit { minute, channel, code, ..Visit::plain() }
}

#[test]
fn a_call_and_a_click_of_one_person_stand_in_one_path() {
    let click = Visit { source: Some("google"), phone: Some(7), ..visit("web", 10, 6) };
    let call = Visit { cookie: None, phone: Some(7), order: Some(25), ..visit("voice", 500, 10) };
    let report = ask(&[call, click], "attribution", "model=first,last,linear,position");
    expect![[r"
        first|google|1.000000|25
        last|phone|1.000000|25
        linear|google|0.500000|12.5
        linear|phone|0.500000|12.5
        position|google|0.500000|12.5
        position|phone|0.500000|12.5"]]
    .assert_eq(&lines(&report).join("\n"));
    let paths = ask(&[click, call], "paths", "length=2");
    assert_eq!(lines(&paths), ["converted|google > phone|1"]);
    let markov = ask(&[click, call], "attribution", "model=markov");
    assert!(markov.frame.notes.iter().any(|note| note.contains("no statistician")));
}

#[test]
fn days_of_23_and_25_hours_hold_their_own_sessions() {
    // Half an hour before and after each midnight of Berlin around both changes of the clocks.
    let at = |text: &str| {
        let at = sessionary_core::time::parse_instant(text).unwrap().at.0;
        u32::try_from((at - told::BASE_MS) / 60_000).unwrap()
    };
    let moments = [
        "2026-03-28T22:30:00Z",
        "2026-03-28T23:30:00Z",
        "2026-03-29T21:30:00Z",
        "2026-03-29T22:30:00Z",
        "2026-10-24T21:30:00Z",
        "2026-10-24T22:30:00Z",
        "2026-10-25T22:30:00Z",
        "2026-10-25T23:30:00Z",
    ];
    let visits: Vec<Visit> = moments
        .iter()
        .enumerate()
        .map(|(n, text)| Visit { cookie: Some(n), ..visit("web", at(text), 2) })
        .collect();
    let by_day = ask(&visits, "dispositions", "by=day zone=Europe/Berlin");
    assert_eq!(
        columns(&by_day, &["day", "sessions"]),
        [
            "2026-03-28|1",
            "2026-03-29|2",
            "2026-03-30|1",
            "2026-10-24|1",
            "2026-10-25|2",
            "2026-10-26|1"
        ]
    );
    let long = ask(&visits, "dispositions", "zone=Europe/Berlin from=2026-10-25 to=2026-10-26");
    assert_eq!(long.frame.counted, 2);
    let length = long.frame.to.unwrap().0 - long.frame.from.unwrap().0;
    assert_eq!(length, 25 * 3_600_000);
}

#[test]
fn an_empty_answer_says_why() {
    let why = |visits: &[Visit], report: &str, parameters: &str| {
        let report = ask(visits, report, parameters);
        assert!(report.rows.is_empty(), "{:?}", lines(&report));
        report.frame.notes.first().cloned().unwrap_or_default()
    };
    let bot = Visit { bot: true, ..visit("web", 1, 2) };
    let person = visit("web", 5, 2);
    expect!["There is no finished session yet. A session is final 15 minutes after its end, or when its source says that it is complete."]
        .assert_eq(&why(&[], "dispositions", ""));
    expect!["No session began in this range. The 2 there are began from 2026-03-01T00:01:00+00:00 to 2026-03-01T00:05:00+00:00."]
        .assert_eq(&why(&[bot, person], "dispositions", "from=2027-01-01"));
    expect!["All 1 sessions of this range were made by machines; `bots=include` counts them."]
        .assert_eq(&why(&[bot], "retention", ""));
    expect!["None of the 1 sessions of this range that people made has channel=voice."]
        .assert_eq(&why(&[bot, person], "dispositions", "channel=voice"));
    expect!["No session of this range has an outcome of the class conversion."].assert_eq(&why(
        &[person],
        "attribution",
        "",
    ));
    expect!["None of the sessions is a contact: none has a leg, and none is a call, a chat or a message."]
        .assert_eq(&why(&[person], "performance", ""));
    expect![[r#"Nobody came by "bing"; there are: direct."#]].assert_eq(&why(
        &[person],
        "paths",
        "node=bing",
    ));
}

#[test]
fn amounts_of_two_currencies_are_never_added() {
    let euros = Visit { order: Some(5), ..visit("web", 1, 10) };
    let dollars = Visit { order: Some(7), currency: "USD", ..visit("web", 2, 10) };
    let report = ask(&[euros, dollars], "dispositions", "");
    let names: Vec<&str> = report.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names[5..], ["revenue_EUR", "revenue_USD"]);
    assert_eq!(lines(&report), ["10|Code 10|conversion|2|1.000000|5|7"]);
    let text = report.to_csv().unwrap();
    assert_eq!(
        text,
        "code,disposition,class,sessions,share,revenue_EUR,revenue_USD\n10,Code 10,conversion,2,1,5,7\n"
    );
}

#[test]
fn a_step_tells_how_long_it_took() {
    let look = Visit { phone: Some(1), ..visit("web", 0, 7) };
    let order = Visit { phone: Some(1), order: Some(5), ..visit("web", 90, 10) };
    let report = ask(&[look, order], "funnel", "steps=channel:web,order");
    // Fifteen seconds into the second session, which is where its own arrival counts from.
    assert_eq!(lines(&report), ["1|channel:web|1|1.000000||", "2|order|1|1.000000|1.000000|15000"]);
}
