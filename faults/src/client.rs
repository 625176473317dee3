//! One client: posts batches and single signals, and sends again what nobody answered.
use std::{sync::atomic::Ordering, time::Duration};

use reqwest::blocking::{Client, Response};
use serde_json::Value;

use crate::{
    dice::Dice,
    json::at,
    ledger::State,
    load::{Load, lock},
    traffic::{BatchName, Lane, SignalName},
};

/// Longer than this nobody waits for an answer.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);

/// One request: what it holds, and what is told of each item.
struct Request {
    batch: BatchName,
    items: Vec<(SignalName, Value)>,
}

/// What became of a request.
enum Fate {
    Acknowledged,
    Refused { wait: Duration },
    Unknown,
}

/// Posts until the load is over.
pub(crate) fn run(load: &Load, number: u32, leg: u64) {
    let http = Client::builder().no_proxy().timeout(ANSWER_MAX).build();
    let Ok(http) = http else { return load.answers.fault("no HTTP client".to_owned()) };
    let mut dice = Dice::of(&[load.traffic.seed, u64::from(number), leg, 77]);
    while !load.is_over() {
        let batch = {
            let mut ledger = lock(&load.ledger);
            ledger.unanswered(number).unwrap_or_else(|| ledger.next(number))
        };
        let request = Request { batch, items: items(load, batch, &mut dice) };
        send(load, &http, &request);
        std::thread::sleep(Duration::from_millis(dice.below(load.pause_ms)));
    }
}

/// Posts batches until one of them is a session of its own, and gives the cookie of that.
pub(crate) fn post_once(load: &Load, number: u32) -> anyhow::Result<String> {
    let http = Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
    for _ in 0..100 {
        let batch = lock(&load.ledger).next(number);
        let sent = load.traffic.batch(batch);
        let items = (0..).zip(&sent);
        let items = items.map(|(item, sent)| (SignalName { batch, item }, sent.body.clone()));
        let request = Request { batch, items: items.collect() };
        let url = load.url().unwrap_or_default();
        anyhow::ensure!(
            matches!(fate(load, &http, &url, &request), Fate::Acknowledged),
            "not taken"
        );
        lock(&load.ledger).acknowledge(batch);
        if let Some(Lane::Once(cookie)) = sent.into_iter().next().map(|sent| sent.lane) {
            return Ok(cookie);
        }
    }
    anyhow::bail!("no batch of a hundred is a session of its own")
}

/// The batch, one time in ten with its first signal twice, one time in ten with some that were
/// acknowledged earlier.
fn items(load: &Load, batch: BatchName, dice: &mut Dice) -> Vec<(SignalName, Value)> {
    let named = |batch: BatchName| {
        let sent = load.traffic.batch(batch);
        (0..).zip(sent).map(move |(item, sent)| (SignalName { batch, item }, sent.body))
    };
    let mut items: Vec<_> = named(batch).collect();
    if dice.one_in(10) {
        items.extend(items.first().cloned());
    }
    if dice.one_in(10) {
        let earlier = lock(&load.ledger).some_acknowledged(batch.client, dice);
        let count = usize::try_from(dice.between(1, 5)).unwrap_or(1);
        items.extend(earlier.into_iter().flat_map(|earlier| named(earlier).take(count)));
    }
    items
}

/// Sends a request until it is acknowledged or the load is over.
fn send(load: &Load, http: &Client, request: &Request) {
    while !load.is_over() {
        let Some(url) = load.url() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        match fate(load, http, &url, request) {
            Fate::Acknowledged => {
                load.answers.accepted.fetch_add(1, Ordering::Relaxed);
                lock(&load.ledger).acknowledge(request.batch);
                return;
            }
            Fate::Refused { wait } => std::thread::sleep(wait),
            Fate::Unknown => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn fate(load: &Load, http: &Client, url: &str, request: &Request) -> Fate {
    let bodies: Vec<&Value> = request.items.iter().map(|(_, body)| body).collect();
    let post = http.post(format!("{url}/v1/signals")).bearer_auth(&load.key);
    let post = match bodies.as_slice() {
        // A single signal is sent as itself, not as a list of one.
        [single] => post.json(single),
        many => post.json(many),
    };
    let answer = match post.send() {
        Ok(answer) => answer,
        Err(error) => return failed(load, &error),
    };
    match answer.status().as_u16() {
        200..=299 => match answer.json::<Value>() {
            Ok(body) => {
                look_at_results(load, request, &body);
                Fate::Acknowledged
            }
            Err(error) => failed(load, &error),
        },
        status => refused(load, status, &answer),
    }
}

fn failed(load: &Load, error: &reqwest::Error) -> Fate {
    let count = if error.is_timeout() { &load.answers.hung } else { &load.answers.unknown };
    count.fetch_add(1, Ordering::Relaxed);
    Fate::Unknown
}

fn refused(load: &Load, status: u16, answer: &Response) -> Fate {
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let is_problem =
        header("content-type").is_some_and(|form| form.starts_with("application/problem+json"));
    match status {
        503 => load.answers.unavailable.fetch_add(1, Ordering::Relaxed),
        507 => load.answers.disk_full.fetch_add(1, Ordering::Relaxed),
        other => {
            load.answers.fault(format!("a post was answered {other}"));
            0
        }
    };
    if !is_problem {
        load.answers.fault(format!("a {status} without a problem document"));
    }
    if header("retry-after").is_none() && matches!(status, 503 | 507) {
        load.answers.fault(format!("a {status} without Retry-After"));
    }
    // Sooner than it was told to: the harness measures when writes go on.
    Fate::Refused { wait: Duration::from_millis(100) }
}

/// Each item has its result, in order, and what was acknowledged before is a duplicate.
fn look_at_results(load: &Load, request: &Request, answer: &Value) {
    let results = at(answer, "/results").as_array().map_or(&[][..], Vec::as_slice);
    if results.len() != request.items.len() {
        let (got, sent) = (results.len(), request.items.len());
        return load.answers.fault(format!("{got} results for {sent} signals"));
    }
    let ledger = lock(&load.ledger);
    for (result, (name, _)) in results.iter().zip(&request.items) {
        let status = at(result, "/status").as_str().unwrap_or_default();
        if at(result, "/id").as_str() != Some(name.id().as_str()) {
            load.answers.fault(format!(
                "a result of {} where {}'s belongs",
                at(result, "/id"),
                name.id()
            ));
        }
        let known = ledger.state(name.batch) == Some(State::Acknowledged);
        match status {
            "duplicate" => {}
            "accepted" if !known => {}
            "accepted" => {
                load.answers.fault(format!("{} was acknowledged, and is new again", name.id()));
            }
            other => load.answers.fault(format!("a signal is {other:?}")),
        }
    }
}
