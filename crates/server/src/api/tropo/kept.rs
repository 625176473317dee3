//! What is kept of the application behind us: its answers as notes, its failures as flags.
//!
//! A note changes nothing of a session. A failure is a fact of its own, one more event of the
//! session, placed so that it never opens a session again that has ended.
use serde_json::Value as Json;
use sessionary_core::{
    id::SessionId,
    signal::{Attributes, Fields, Signal, kind},
    time::{Instant, UnixMillis},
    value::RawJson,
};

use super::relay::{Answer, NoAnswer};

/// The type of a failure.
const RELAY_FAILED: &str = "relay_failed";
/// Bytes of an answer that are kept.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// The note of an answer to what `asked` says.
pub(super) fn answer(asked: &Signal, session: SessionId, answer: &Answer) -> Signal {
    let mut note = beside(asked, session, kind::APPLICATION_ANSWERED);
    let text = String::from_utf8_lossy(&answer.body);
    let is_whole = text.len() <= KEPT_BYTES_MAX;
    let json = is_whole.then(|| serde_json::from_str::<&serde_json::value::RawValue>(&text).ok());
    let mut put = |name: &str, raw: RawJson| note.attributes.insert(name.into(), raw);
    match json.flatten() {
        Some(json) => put("answer.body", RawJson::from_parsed(json)),
        None => put("answer.text", of(cut(&text))),
    };
    if !is_whole {
        put("answer.bytes", of(answer.body.len()));
    }
    note.key = note.derived_key();
    note
}

/// On which side of what was asked a flag stands: an end stays the last of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Before an end, which came no earlier than at this moment.
    Before(UnixMillis),
    /// Behind anything else.
    Behind,
}

/// The flag of a failure to pass on what `asked` says.
pub(super) fn failure(asked: &Signal, session: SessionId, why: &NoAnswer, side: Side) -> Signal {
    let mut flag = beside(asked, session, RELAY_FAILED);
    flag.warnings.push(why.code().into());
    flag.attributes.insert("relay.detail".into(), of(why.to_string()));
    // They are of one moment, so the keys decide: `!` comes before all letters, `~` behind them.
    flag.key = match side {
        Side::Before(came) => {
            flag.occurred_at.get_or_insert(Instant::at(came));
            format!("!relay:{}", asked.key).into()
        }
        Side::Behind => format!("{}~relay", asked.key).into(),
    };
    flag
}

/// A signal of the same moment and session.
fn beside(asked: &Signal, session: SessionId, word: &str) -> Signal {
    Signal {
        key: "".into(),
        kind: word.into(),
        session: Some(session.to_string().into()),
        identities: Vec::new(),
        fields: Fields::new(),
        attributes: Attributes::new(),
        warnings: Vec::new(),
        ..asked.clone()
    }
}

fn of(value: impl Into<Json>) -> RawJson {
    RawJson::of(&value.into())
}

fn cut(text: &str) -> &str {
    let end = (0..=KEPT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
