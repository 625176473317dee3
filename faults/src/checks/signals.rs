//! Signals: each that was acknowledged is there once, as it was sent, and no other.
use std::collections::HashMap;

use serde_json::Value;

use super::named;
use crate::{
    dice::Dice,
    json::at,
    ledger::State,
    load::{Load, lock},
    reader::Reader,
    traffic::{BatchName, Sent, SignalName, millis},
    verdict::{Finding, Verdict},
};

/// So many acknowledged signals are looked up by their id.
const LOOKED_UP: u64 = 40;

/// How often each signal was found, and when the server says it was received.
#[derive(Debug, Default)]
pub struct Found(pub(super) HashMap<SignalName, (u32, u64)>);

/// Batches made again; signals of one lie beside each other.
struct Made<'a> {
    load: &'a Load,
    batches: HashMap<BatchName, Vec<Sent>>,
}

impl Made<'_> {
    fn get(&mut self, name: SignalName) -> Option<&Sent> {
        lock(&self.load.ledger).state(name.batch)?;
        if self.batches.len() > 1_000 {
            self.batches.clear();
        }
        let traffic = &self.load.traffic;
        let batch = self.batches.entry(name.batch).or_insert_with(|| traffic.batch(name.batch));
        batch.get(usize::try_from(name.item).ok()?)
    }
}

/// Every signal that must be there.
pub(super) fn acknowledged(load: &Load) -> impl Iterator<Item = SignalName> {
    let batches: Vec<_> = lock(&load.ledger).batches().collect();
    batches.into_iter().filter(|(_, state)| *state == State::Acknowledged).flat_map(|(batch, _)| {
        let size = u32::try_from(load.traffic.batch(batch).len()).unwrap_or(0);
        (0..size).map(move |item| SignalName { batch, item })
    })
}

impl Found {
    /// Walks the listing of all signals to its end, and compares each with what was sent.
    ///
    /// # Errors
    /// A page cannot be read.
    pub fn walk(reader: &Reader, load: &Load, verdict: &mut Verdict) -> anyhow::Result<Found> {
        let mut found = Found::default();
        let mut made = Made { load, batches: HashMap::new() };
        reader.each("/v1/signals", |entity| {
            let id = at(entity, "/id").as_str().unwrap_or_default();
            let name = SignalName::parse(id);
            let sent = name.and_then(|name| Some((name, made.get(name)?)));
            let Some((name, sent)) = sent else {
                return verdict.find(Finding::Phantom, format!("signal {id:?} was never sent"));
            };
            if !is_as_sent(entity, &sent.body) {
                verdict.find(
                    Finding::Wrong,
                    format!("{} is {entity}, sent {}", named(name), sent.body),
                );
            }
            let received_ms = millis(at(entity, "/received_at")).unwrap_or(0);
            found.0.entry(name).or_insert((0, received_ms)).0 += 1;
        })?;
        Ok(found)
    }

    /// Compares what was found with what was acknowledged.
    pub fn compare(&self, load: &Load, verdict: &mut Verdict) {
        for name in acknowledged(load) {
            if !self.0.contains_key(&name) {
                verdict.find(Finding::Lost, named(name));
            }
        }
        for (name, (times, _)) in self.0.iter().filter(|(_, (times, _))| *times > 1) {
            verdict.find(Finding::Doubled, format!("{} is there {times} times", named(*name)));
        }
    }

    /// Each signal with the instant of its arrival, in the server's milliseconds since 1970.
    pub fn received(&self) -> impl Iterator<Item = (SignalName, u64)> {
        self.0.iter().map(|(name, (_, received_ms))| (*name, *received_ms))
    }

    /// Looks some acknowledged signals up by their id.
    pub(super) fn look_up(
        &self,
        reader: &Reader,
        load: &Load,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        let all: Vec<SignalName> = acknowledged(load).collect();
        let mut dice = Dice::of(&[load.traffic.seed, all.len() as u64]);
        let mut made = Made { load, batches: HashMap::new() };
        for _ in 0..LOOKED_UP {
            let Some(name) = dice.pick(&all).copied() else { return Ok(()) };
            let (status, answer) = reader.get(&format!("/v1/signals/{}", name.id()))?;
            let as_sent = made.get(name).is_some_and(|sent| is_as_sent(&answer, &sent.body));
            match status {
                200 if as_sent => {}
                200 => {
                    verdict.find(Finding::Wrong, format!("{} looked up is {answer}", named(name)));
                }
                404 if !self.0.contains_key(&name) => {}
                404 => {
                    verdict.find(Finding::Lost, format!("{} is listed and not found", named(name)));
                }
                other => verdict.find(Finding::Other, format!("a look-up was answered {other}")),
            }
        }
        Ok(())
    }
}

/// Whether every member that was sent is there unchanged, and nothing but what the server adds.
fn is_as_sent(entity: &Value, sent: &Value) -> bool {
    const ADDED: [&str; 4] = ["received_at", "at", "in_session", "marks"];
    let (Some(entity), Some(sent)) = (entity.as_object(), sent.as_object()) else { return false };
    sent.iter().all(|(member, value)| entity.get(member) == Some(value))
        && entity.keys().all(|member| sent.contains_key(member) || ADDED.contains(&member.as_str()))
}
