//! Traffic: what each client sends, as a function of seed, client and batch.
//!
//! Nothing is remembered of a body: whoever knows its id can make it again.
use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// The gap of web sessions that the program is configured with, in milliseconds.
pub const GAP_MS: u64 = 200;
/// The settle time that the program is configured with, in milliseconds.
pub const SETTLE_MS: u64 = 100;
/// 2025-01-05T10:00:00Z: when the first signals say they happened.
const EPOCH_MS: u64 = 1_736_071_200_000;
/// By how much the stories of two batches of a client lie apart.
const STEP_MS: u64 = 175;
/// Lanes of one client that go on from batch to batch.
const LANES: u64 = 12;
/// Signals of one batch, at most.
const SIZE_MAX: u64 = 50;

/// Which batch: its client and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchName {
    /// The client.
    pub client: u32,
    /// Counted from 0.
    pub number: u32,
}

/// Which signal: its batch and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalName {
    /// The batch that it belongs to.
    pub batch: BatchName,
    /// Counted from 0.
    pub item: u32,
}

/// What a lane may be expected to become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// All its signals come in one request: one session, final at revision 1.
    Once(String),
    /// Pages and explicit ends in any order: the sessioniser of the harness knows its sessions.
    Plain(String),
    /// Orders, outcomes, searches and persons: only presence is checked here, the rest by the fold.
    Mixed,
}

/// One signal to send.
#[derive(Clone, Debug)]
pub struct Sent {
    /// As it is sent.
    pub body: Value,
    /// Where it belongs.
    pub lane: Lane,
    /// When it says that it happened, in milliseconds since 1970.
    pub at_ms: u64,
    /// Whether it ends its session.
    pub ends: bool,
}

/// How to make every batch.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// The same seed gives the same batches.
    pub seed: u64,
    /// Text without a pattern in each signal, in bytes.
    pub padding: u64,
}

impl SignalName {
    /// The id as it is sent: `c3-17-5`.
    pub fn id(self) -> String {
        format!("c{}-{}-{}", self.batch.client, self.batch.number, self.item)
    }

    /// Reads an id; `None` when it is none of ours.
    pub fn parse(id: &str) -> Option<SignalName> {
        let mut parts = id.strip_prefix('c')?.split('-').map(str::parse);
        let mut part = || parts.next()?.ok();
        let name =
            SignalName { batch: BatchName { client: part()?, number: part()? }, item: part()? };
        (name.id() == id).then_some(name)
    }
}

impl Traffic {
    /// The signals of a batch.
    pub fn batch(&self, name: BatchName) -> Vec<Sent> {
        let mut dice = Dice::of(&[self.seed, u64::from(name.client), u64::from(name.number)]);
        let size = if dice.one_in(5) { 1 } else { dice.between(1, SIZE_MAX) };
        let story = EPOCH_MS + u64::from(name.number) * STEP_MS;
        let once = dice.one_in(3);
        let lanes = [dice.below(LANES), dice.below(LANES), dice.below(LANES)];
        let mut batch = Vec::new();
        for item in 0..u32::try_from(size).unwrap_or(1) {
            let id = SignalName { batch: name, item }.id();
            let sent = if once {
                self.of_once(&mut dice, name, &id, story + u64::from(item) * 10)
            } else {
                let lane = dice.pick(&lanes).copied().unwrap_or(0);
                let delay = if dice.one_in(12) { dice.below(60 * STEP_MS) } else { 0 };
                let at = story.saturating_sub(delay) + dice.below(STEP_MS);
                self.of_lane(&mut dice, name.client, lane, &id, at)
            };
            batch.push(sent);
        }
        batch
    }

    fn of_once(&self, dice: &mut Dice, batch: BatchName, id: &str, at_ms: u64) -> Sent {
        let cookie = format!("once-{}-{}", batch.client, batch.number);
        let body = self.body(dice, id, "page_viewed", at_ms, &cookie);
        Sent { body: Value::Object(body), lane: Lane::Once(cookie), at_ms, ends: false }
    }

    fn of_lane(&self, dice: &mut Dice, client: u32, lane: u64, id: &str, at_ms: u64) -> Sent {
        let cookie = format!("lane-{client}-{lane}");
        match lane {
            0..=4 => {
                let body = self.body(dice, id, "page_viewed", at_ms, &cookie);
                Sent { body: Value::Object(body), lane: Lane::Plain(cookie), at_ms, ends: false }
            }
            5..=8 => {
                let ends = dice.one_in(6);
                let kind = if ends { "session_ended" } else { "page_viewed" };
                let body = self.body(dice, id, kind, at_ms, &cookie);
                Sent { body: Value::Object(body), lane: Lane::Plain(cookie), at_ms, ends }
            }
            _ => {
                let body = self.mixed(dice, id, at_ms, &cookie);
                Sent { body: Value::Object(body), lane: Lane::Mixed, at_ms, ends: false }
            }
        }
    }

    fn mixed(&self, dice: &mut Dice, id: &str, at_ms: u64, cookie: &str) -> Map<String, Value> {
        const KINDS: [&str; 6] = [
            "page_viewed",
            "search_performed",
            "product_viewed",
            "rating_given",
            "experiment_viewed",
            "something_of_our_own",
        ];
        let kind = dice.pick(&KINDS).copied().unwrap_or("page_viewed");
        let mut body = self.body(dice, id, kind, at_ms, cookie);
        let email = json!({"type": "email", "value": format!("{cookie}@example.com")});
        match dice.below(8) {
            // An outcome, once by the device and once by the person alone.
            roll @ 0..=1 => {
                set(&mut body, "type", json!("disposition_posted"));
                let code = dice.between(1, 14);
                let claim = json!({"code": code, "author": "business"});
                set(&mut body, "disposition", claim);
                if roll == 0 {
                    set(&mut body, "identities", json!([email]));
                }
            }
            2 => {
                let device = json!({"type": "cookie", "value": cookie});
                set(&mut body, "identities", json!([device, email]));
            }
            _ => {}
        }
        body
    }

    fn body(
        &self,
        dice: &mut Dice,
        id: &str,
        kind: &str,
        at_ms: u64,
        cookie: &str,
    ) -> Map<String, Value> {
        let Value::Object(mut body) = json!({
            "id": id,
            "type": kind,
            "occurred_at": instant(at_ms),
            "identities": [{"type": "cookie", "value": cookie}],
            "url": format!("https://shop.example/p/{}", dice.below(1_000)),
        }) else {
            unreachable!("an object was written there")
        };
        if self.padding > 0 {
            let words = (0..self.padding.div_ceil(16)).map(|_| format!("{:016x}", dice.roll()));
            set(&mut body, "padding", json!(words.collect::<String>()));
        }
        body
    }
}

fn set(body: &mut Map<String, Value>, member: &str, value: Value) {
    body.insert(member.to_owned(), value);
}

/// An instant as it is sent.
pub fn instant(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

/// An instant as it was sent or answered, in milliseconds since 1970.
pub fn millis(text: &Value) -> Option<u64> {
    let at: jiff::Timestamp = text.as_str()?.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_function_of_its_name_and_an_id_leads_back_to_it() {
        let traffic = Traffic { seed: 3, padding: 40 };
        for number in 0..200 {
            let name = BatchName { client: 2, number };
            let batch = traffic.batch(name);
            assert!((1..=50).contains(&batch.len()));
            let again = traffic.batch(name);
            for ((sent, same), item) in batch.iter().zip(&again).zip(0..) {
                assert_eq!(sent.body, same.body);
                let id = sent.body["id"].as_str().unwrap();
                assert_eq!(SignalName::parse(id), Some(SignalName { batch: name, item }));
                assert_eq!(millis(&sent.body["occurred_at"]), Some(sent.at_ms));
            }
        }
        assert_eq!(SignalName::parse("c1-02-3"), None);
    }
}
