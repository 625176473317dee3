//! What a call says of itself: what it is, when it happened, and by which id it is recognised again.
use sessionary_core::{signal::kind, time::Instant, word::Word};

use super::{
    ALIASED, Call, GROUPED,
    draft::{Draft, says_nothing},
    events::kind_of,
    unread::{Fault, Unread, instant_of, text},
};
use crate::identities::is_id;

impl<'a> Unread<'a> {
    /// Which of the six it is.
    pub(super) fn call(&self, default: Option<Call>) -> Result<Call, Fault> {
        const SEND: &str = "send track, identify, page, screen, group or alias";
        match self.kind.and_then(text) {
            Some(word) => Call::from_word(&word).ok_or_else(|| {
                let word: String = word.chars().take(64).collect();
                Fault::of("type", "unknown_type", format!("`type` is {word:?}; {SEND}"))
            }),
            None => default.ok_or_else(|| {
                Fault::of("type", "missing_type", format!("`type` is missing; {SEND}"))
            }),
        }
    }

    /// The type that call and event name make.
    pub(super) fn natural_kind(&self, call: Call) -> Result<Word, Fault> {
        Ok(match call {
            Call::Page => kind::PAGE_VIEWED.into(),
            Call::Screen => kind::SCREEN_VIEWED.into(),
            Call::Identify => kind::IDENTIFIED.into(),
            Call::Group => GROUPED.into(),
            Call::Alias => ALIASED.into(),
            Call::Track => {
                let event = self.event.and_then(text);
                let kind = event.filter(|event| !event.trim().is_empty()).map(|e| kind_of(&e));
                kind.filter(|kind| !kind.trim().is_empty()).ok_or_else(|| {
                    let detail = "`event` is missing; send what happened, such as Order Completed";
                    Fault::of("event", "missing_event", detail)
                })?
            }
        })
    }

    /// Its id, if it can be the key of a signal; any other is kept.
    pub(super) fn key(&self, draft: &mut Draft<'a, '_>) -> Option<Box<str>> {
        let json = self.message_id.filter(|json| !says_nothing(*json))?;
        let id = text(json).filter(|id| is_id(id));
        if id.is_none() {
            draft.warn("unusable_message_id");
            draft.keep("", "messageId", json);
        }
        id.map(Into::into)
    }

    /// Its time: the moment of the event, else that of the call.
    pub(super) fn occurred_at(&self) -> Result<Option<Instant>, Fault> {
        let said = [("timestamp", self.timestamp), ("originalTimestamp", self.original_timestamp)];
        for (name, json) in said {
            let Some(json) = json.filter(|json| !says_nothing(*json)) else {
                continue;
            };
            let Some(at) = instant_of(json) else {
                let got: String = json.get().chars().take(64).collect();
                let detail =
                    format!("`{name}` is {got}; send ISO 8601 such as 2026-01-05T10:00:00Z");
                return Err(Fault::of(name, "unreadable_time", detail));
            };
            return Ok(Some(at));
        }
        Ok(None)
    }
}
