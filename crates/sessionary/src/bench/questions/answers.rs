//! What each question means in the columns of the files, and its answer as rows.
use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Value, json};
use sessionary_lake::{
    Member, Split, Word,
    operators::{
        Attribution, Chains, Credited, Dimension, Funnel, FunnelParameters, Group, GroupBy,
        GroupByParameters, Model, Order, Paths, PathsParameters, Retention, RetentionParameters,
        Session, Sessionize, SessionizeParameters, State, TouchColumns, TouchTable, Touches,
        Transition,
    },
};
use sessionary_learn::markov;

use super::files::Files;

/// 2026-01-01T00:00:00Z.
const ORIGIN_MS: i64 = 1_767_225_600_000;
const WEEK_MS: i64 = 604_800_000;
const MONTH_MS: u64 = 2_592_000_000;
const GAP_MS: u64 = 1_800_000;
/// A session that converted.
const CONVERTED: i64 = 10;
const VIEWS: [&str; 2] = ["page_view", "product_view"];

/// Q1: sessions out of raw events, as sums.
pub(super) fn sessions(files: &Files) -> anyhow::Result<Vec<Value>> {
    let columns =
        ["message_id", "visitor_id", "ts", "type", "disposition", "value_cents", "is_bot"];
    let scan = files.scan("raw", &columns)?;
    let parameters = SessionizeParameters {
        key: "visitor_id".into(),
        at: "ts".into(),
        id: Some("message_id".into()),
        gap_ms: GAP_MS,
        without: Some(Member::new("is_bot", [true])),
        counted: Some(Member::new("type", VIEWS)),
        disposition: Some("disposition".into()),
        value: Some("value_cents".into()),
    };
    let operator = Sessionize::new(&parameters, Split::for_rows(scan.rows()));
    let clones = files.push(&scan, &operator)?;
    let sums = Sessionize::fold(clones, files.threads, Sums::default, Sums::add);
    let sum = sums.into_iter().fold(Sums::default(), Sums::and);
    Ok(vec![json!(sum.0)])
}

/// Sessions; events; milliseconds; page views; squares of events; conversions; what they brought.
#[derive(Default)]
struct Sums([i64; 7]);

impl Sums {
    fn add(&mut self, session: &Session) {
        let events = i64::try_from(session.events).unwrap_or(i64::MAX);
        let views = i64::try_from(session.counted).unwrap_or(i64::MAX);
        let converted = session.disposition == Some(CONVERTED);
        let value = session.value.filter(|_| converted).unwrap_or(0);
        let length = session.ended_at - session.started_at;
        let row = [1, events, length, views, events * events, i64::from(converted), value];
        self.0.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
    }

    fn and(mut self, Sums(other): Sums) -> Sums {
        self.0.iter_mut().zip(other).for_each(|(sum, number)| *sum += number);
        self
    }
}

/// Q2: sessions by campaign, week and disposition.
pub(super) fn dispositions(files: &Files) -> anyhow::Result<Vec<Value>> {
    let columns = ["campaign", "start_ts", "disposition", "order_cents"];
    let scan = files.scan("sessions", &columns)?;
    let week =
        Dimension::Period { column: "start_ts".into(), origin_ms: ORIGIN_MS, period_ms: WEEK_MS };
    let parameters = GroupByParameters {
        by: vec![Dimension::Value("campaign".into()), week, Dimension::Value("disposition".into())],
        counted: None,
        value: Some("order_cents".into()),
    };
    let groups = files.ask(&scan, &GroupBy::new(&parameters)?)?;
    let row = |group: &Group| {
        let by = group.by.iter().map(|word| match word {
            Word::Null => json!("(none)"),
            word => value(word),
        });
        let sum = i64::try_from(group.sum).unwrap_or(i64::MAX);
        by.chain([json!(group.rows), json!(sum)]).collect()
    };
    Ok(groups.iter().map(row).collect())
}

/// Q3: conversions and revenue by source, by two models.
pub(super) fn attribution(files: &Files) -> anyhow::Result<Vec<Value>> {
    let attribution = Attribution {
        lookback_ms: MONTH_MS,
        direct: Some("direct".into()),
        models: vec![Model::LastNonDirect, Model::Linear],
    };
    let revenue = Some("order_cents");
    let mut answer = attribution.of(&touches(files, revenue, None)?, files.threads)?;
    if answer.ties > 0 {
        answer = attribution.of(&touches(files, revenue, RANK)?, files.threads)?;
    }
    let row = |credited: &Credited| {
        let credits = credited.credits.iter().map(|credit| [credit.conversions, credit.revenue]);
        [value(&credited.channel)].into_iter().chain(credits.flatten().map(Value::from)).collect()
    };
    Ok(answer.channels.iter().map(row).collect())
}

/// Ids order sessions of one person that began in one millisecond. There is hardly ever such a pair,
/// so the column, which is as large as all others together, is read only when there is one.
const RANK: Option<&str> = Some("session_id");

/// The sessions of persons, as the path table.
fn touches(files: &Files, revenue: Option<&str>, rank: Option<&str>) -> anyhow::Result<Touches> {
    let columns = ["visitor_id", "start_ts", "source", "disposition"];
    let columns: Vec<&str> = columns.into_iter().chain(revenue).chain(rank).collect();
    let scan = files.scan("sessions", &columns)?;
    let columns = TouchColumns {
        key: "visitor_id".into(),
        at: "start_ts".into(),
        rank: rank.map(Into::into),
        channel: "source".into(),
        converted: Member::new("disposition", [CONVERTED]),
        revenue: revenue.map(Into::into),
    };
    let people = files.people(scan.rows())?;
    Ok(files.ask(&scan, &TouchTable::new(&columns, people))?)
}

/// Q4: visitors by the step that they reached.
pub(super) fn funnel(files: &Files) -> anyhow::Result<Vec<Value>> {
    let scan = files.scan("events", &["visitor_id", "ts", "type"])?;
    let steps = ["page_view", "product_view", "cart_add", "order"];
    let parameters = FunnelParameters {
        key: "visitor_id".into(),
        at: "ts".into(),
        event: "type".into(),
        steps: steps.map(|step| vec![step.into()]).to_vec(),
        window_ms: WEEK_MS.unsigned_abs(),
        order: Order::GapsAllowed,
    };
    let reached = files.ask(&scan, &Funnel::new(&parameters, Split::for_rows(scan.rows()))?)?;
    Ok(vec![reached.iter().map(|step| step.keys).collect()])
}

/// Q5: the most frequent runs of five categories.
pub(super) fn paths(files: &Files) -> anyhow::Result<Vec<Value>> {
    let scan = files.scan("events", &["session_id", "ts", "type", "category"])?;
    let parameters = PathsParameters {
        key: "session_id".into(),
        at: "ts".into(),
        node: "category".into(),
        only: Some(Member::new("type", VIEWS)),
        length: 5,
        most: 50,
        separator: ">".into(),
    };
    let paths = files.ask(&scan, &Paths::new(parameters, Split::for_rows(scan.rows()))?)?;
    Ok(paths.iter().map(|path| json!([path.path, path.count])).collect())
}

/// Q6: persons by the week of their first session, and how many weeks later they came.
pub(super) fn retention(files: &Files) -> anyhow::Result<Vec<Value>> {
    let scan = files.scan("sessions", &["visitor_id", "start_ts"])?;
    let parameters = RetentionParameters {
        key: "visitor_id".into(),
        at: "start_ts".into(),
        origin_ms: ORIGIN_MS,
        period_ms: WEEK_MS,
    };
    let people = files.people(scan.rows())?;
    let retained = files.ask(&scan, &Retention::new(&parameters, people)?)?;
    Ok(retained.iter().map(|row| json!([row.cohort, row.later, row.persons])).collect())
}

/// Q7: sessions, conversions and order values by variant.
pub(super) fn variants(files: &Files) -> anyhow::Result<Vec<Value>> {
    let scan = files.scan("sessions", &["variant", "disposition", "order_cents"])?;
    let parameters = GroupByParameters {
        by: vec![Dimension::Value("variant".into())],
        counted: Some(Member::new("disposition", [CONVERTED])),
        value: Some("order_cents".into()),
    };
    let groups = files.ask(&scan, &GroupBy::new(&parameters)?)?;
    let named = groups.iter().filter_map(|group| match group.by.first() {
        None | Some(Word::Null) => None,
        Some(variant) => Some((variant, group)),
    });
    let row = |(variant, group): (&Word, &Group)| {
        json!([value(variant), group.rows, group.counted, group.mean(), group.variance()])
    };
    Ok(named.map(row).collect())
}

/// Q8: what conversions would be lost without a source.
pub(super) fn markov(files: &Files) -> anyhow::Result<Vec<Value>> {
    let mut chains = Chains::of(&touches(files, None, None)?, files.threads);
    if chains.ties > 0 {
        chains = Chains::of(&touches(files, None, RANK)?, files.threads);
    }
    let transitions = chains.transitions;
    let mut channels = BTreeMap::new();
    for Transition { to, .. } in &transitions {
        if let State::Channel(channel) = to {
            channels.insert(channel, 0);
        }
    }
    channels.values_mut().enumerate().for_each(|(number, channel)| *channel = number);
    let state = |state: &State| match state {
        State::Start => Some(markov::State::Start),
        State::Channel(channel) => channels.get(channel).copied().map(markov::State::Channel),
        State::Converted => Some(markov::State::Converted),
        State::Lost => Some(markov::State::Lost),
    };
    let moves = transitions.iter().map(|Transition { from, to, count }| {
        Some(markov::Transition { from: state(from)?, to: state(to)?, count: *count })
    });
    let moves: Vec<_> = moves.collect::<Option<_>>().context("every channel is moved to")?;
    let effects = markov::effects(channels.len(), &moves)?;
    let row = |(channel, effect): (&&Word, &markov::Effect)| {
        json!([value(channel), effect.removal, effect.conversions])
    };
    Ok(channels.keys().zip(&effects).map(row).collect())
}

fn value(word: &Word) -> Value {
    match word {
        Word::Null => Value::Null,
        Word::Truth(truth) => json!(truth),
        Word::Number(number) => json!(number),
        Word::Text(text) => json!(text),
    }
}
