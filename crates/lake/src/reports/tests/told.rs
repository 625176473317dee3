//! Sessions made up: few values of everything, so that they meet.
use proptest::prelude::*;
use serde_json::{Value, json};
use sessionary_core::{
    disposition::class_of, lane::HashSecret, signal::TenantId, time::UnixMillis,
};

use crate::{
    LakeError,
    reports::{Cuts, SessionBatches, Wanted},
    sessions::SessionRows,
};

/// 2026-03-01T00:00:00Z.
pub(super) const BASE_MS: i64 = 1_772_323_200_000;

/// A session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    /// When it began, minutes after the base.
    pub(super) minute: u32,
    pub(super) channel: &'static str,
    /// Where its first arrival came from; none: directly.
    pub(super) source: Option<&'static str>,
    /// Where another arrival ten seconds later came from.
    pub(super) then: Option<&'static str>,
    pub(super) code: u32,
    pub(super) bot: bool,
    pub(super) cookie: Option<usize>,
    pub(super) phone: Option<usize>,
    /// What it ordered, after 15 seconds.
    pub(super) order: Option<u32>,
    pub(super) currency: &'static str,
    /// How long it waited in a queue, seconds, and whether somebody answered.
    pub(super) wait: Option<(u32, bool)>,
    pub(super) rating: Option<u32>,
}

impl Visit {
    /// Nothing but a cookie of its own.
    pub(super) fn plain() -> Visit {
        Visit {
            minute: 0,
            channel: "web",
            source: None,
            then: None,
            code: 2,
            bot: false,
            cookie: Some(0),
            phone: None,
            order: None,
            currency: "EUR",
            wait: None,
            rating: None,
        }
    }

    /// Moments of one session never are those of another: its number is in the milliseconds.
    pub(super) fn started(&self, number: usize) -> i64 {
        BASE_MS + i64::from(self.minute) * 60_000 + i64::try_from(number).unwrap()
    }

    pub(super) fn class(&self) -> &'static str {
        match serde_json::to_value(class_of(self.code)).unwrap().as_str().unwrap() {
            "conversion" => "conversion",
            "failure" => "failure",
            "service" => "service",
            "junk" => "junk",
            _ => "abandon",
        }
    }

    fn record(&self, number: usize) -> Value {
        let at = |ms: i64| UnixMillis(self.started(number) + ms).to_string();
        let touch = |ms: i64, source: Option<&str>| {
            let rule = if source.is_some() { "stated" } else { "direct" };
            json!({ "at": at(ms), "rule": rule, "source": source })
        };
        let touches: Vec<Value> = [touch(0, self.source)]
            .into_iter()
            .chain(self.then.map(|source| touch(10_000, Some(source))))
            .collect();
        let led = self.source.or(self.then);
        let leg = self.wait.map(|(seconds, answered)| {
            json!({
                "kind": "queue", "queue": if seconds < 20 { "fast" } else { "slow" },
                "wait_ms": seconds * 1_000,
                "answered_at": answered.then(|| at(20_000)),
            })
        });
        let identity = |kind: &str, value: Option<usize>| {
            value.map(|value| json!({ "type": kind, "value": format!("{kind}{value}") }))
        };
        let identities = [identity("cookie", self.cookie), identity("phone", self.phone)];
        json!({
            "id": format!("{number:032x}"),
            "revision": 1,
            "status": "final",
            "channel": self.channel,
            "started_at": at(0),
            "ended_at": at(30_000),
            "revised_at": at(900_000),
            "bot_class": self.bot.then_some("crawler"),
            "warnings": if self.bot { vec!["odd", "odd"] } else { Vec::new() },
            "event_count": 3,
            "attribution": { "source": led },
            "touches": touches,
            "legs": leg.into_iter().collect::<Value>(),
            "wait_ms": self.wait.map(|(seconds, _)| seconds * 1_000),
            "answered_by": match self.wait {
                Some((_, true)) => "human",
                Some((_, false)) => "nobody",
                None => "unknown",
            },
            "rating": { "value": self.rating },
            "orders": self.order.map(|total| json!({
                "order_id": format!("o{number}"), "total": total.to_string(),
                "currency": self.currency, "at": at(15_000),
            })).into_iter().collect::<Value>(),
            "achieved": if self.order.is_some() { vec!["order"] } else { Vec::new() },
            "identities": identities.into_iter().flatten().collect::<Value>(),
            "disposition": {
                "code": self.code, "name": format!("Code {}", self.code), "class": self.class(),
                "derived": self.order.is_none(), "author": "rule:made_up",
            },
        })
    }
}

/// Any session, within 60 days around a change of the clocks.
pub(super) fn visits() -> impl Strategy<Value = Visit> {
    let source = prop::sample::select(vec![None, Some("google"), Some("mail"), Some("shop")]);
    let channel = prop::sample::select(vec!["web", "web", "app", "voice", "chat"]);
    let code = prop::sample::select(vec![1_u32, 2, 7, 8, 10, 10, 11]);
    let seconds = prop::option::of((0_u32..60, any::<bool>()));
    let what = (0_u32..86_400, channel, source.clone(), source, code, prop::bool::weighted(0.1));
    let who = (prop::option::of(0_usize..6), prop::option::of(0_usize..3));
    let rest = (prop::option::of(1_u32..100), seconds, prop::option::of(1_u32..5));
    (what, who, rest).prop_map(|(what, (cookie, phone), (order, wait, rating))| {
        let (minute, channel, source, then, code, bot) = what;
        // Orders are of conversions, and queues of those who call.
        let order = order.filter(|_| code == 10);
        let wait = wait.filter(|_| channel == "voice");
        let then = then.filter(|then| Some(*then) != source);
        let currency = "EUR";
        Visit {
            minute,
            channel,
            source,
            then,
            code,
            bot,
            cookie,
            phone,
            order,
            currency,
            wait,
            rating,
        }
    })
}

/// The sessions as a source of rows.
pub(super) struct Told(Vec<Value>);

impl Told {
    pub(super) fn of(visits: &[Visit]) -> Told {
        let records = visits.iter().enumerate();
        let redirect =
            json!({ "id": "ff", "revision": 2, "status": "merged", "merged_into": "00" });
        let redirect = (!visits.is_empty()).then_some(redirect);
        Told(records.map(|(number, visit)| visit.record(number)).chain(redirect).collect())
    }
}

impl SessionBatches for Told {
    fn batches<'s>(&'s self, wanted: &Wanted) -> Result<Cuts<'s>, LakeError> {
        let mut rows = SessionRows::of_columns(&wanted.columns);
        Ok(Box::new(self.0.chunks(7).map(move |records| {
            for record in records {
                rows.push(record, TenantId(1), &HashSecret([7; 32]))?;
            }
            rows.finish()
        })))
    }

    fn read_at(&self) -> UnixMillis {
        UnixMillis(BASE_MS)
    }
}
