//! The members of a call, unread but for what they are.
use std::borrow::Cow;

use sessionary_core::{
    json::{Bounds, JsonText, Scanner},
    time::{Instant, UnixMillis, parse_instant},
};

use crate::{Limits, limits};

/// Why a call is put aside.
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) field: Option<&'static str>,
}

impl Fault {
    pub(super) fn of(field: &'static str, code: &'static str, detail: impl Into<String>) -> Fault {
        Fault { code, detail: detail.into(), field: Some(field) }
    }

    fn whole(code: &'static str, detail: String) -> Fault {
        Fault { code, detail, field: None }
    }
}

/// The members of a call, unread.
#[derive(Default)]
pub(super) struct Unread<'a> {
    pub(super) kind: Option<JsonText<'a>>,
    pub(super) event: Option<JsonText<'a>>,
    pub(super) name: Option<JsonText<'a>>,
    pub(super) message_id: Option<JsonText<'a>>,
    pub(super) anonymous_id: Option<JsonText<'a>>,
    pub(super) user_id: Option<JsonText<'a>>,
    pub(super) previous_id: Option<JsonText<'a>>,
    pub(super) timestamp: Option<JsonText<'a>>,
    pub(super) original_timestamp: Option<JsonText<'a>>,
    pub(super) sent_at: Option<JsonText<'a>>,
    pub(super) channel: Option<JsonText<'a>>,
    pub(super) context: Option<JsonText<'a>>,
    pub(super) traits: Option<JsonText<'a>>,
    pub(super) properties: Option<JsonText<'a>>,
    pub(super) others: Vec<(Cow<'a, str>, JsonText<'a>)>,
}

impl<'a> Unread<'a> {
    /// Reads the text of a call.
    pub(super) fn read(text: &'a str, limits: &Limits) -> Result<Unread<'a>, Fault> {
        if text.len() > limits.item {
            let (got, most) = (text.len(), limits.item);
            let detail = format!("the call has {got} bytes; send at most {most}");
            return Err(Fault::whole("item_too_large", detail));
        }
        Unread::scan(text, limits).ok_or_else(|| {
            if let Err(over) = limits::check(text, limits) {
                return Fault::whole(over.code(), over.to_string());
            }
            let detail = "the call is not a JSON object; send one such as {\"type\": \"page\"}";
            Fault::whole("not_an_object", detail.to_owned())
        })
    }

    fn scan(text: &'a str, limits: &Limits) -> Option<Unread<'a>> {
        let bounds =
            Bounds { depth: limits.depth, members: limits.members, text_bytes: limits.text };
        let mut scanner = Scanner::new(text, bounds);
        let mut unread = Unread::default();
        scanner.members(|name, scanner| {
            let json = scanner.value()?;
            if json.is_null() {
                return Some(());
            }
            match unread.slot(&name) {
                Some(slot) => *slot = Some(json),
                // Transport: it differs from one try to the next, or is a credential.
                None if matches!(&*name, "receivedAt" | "writeKey" | "_metadata") => {}
                None => unread.others.push((name, json)),
            }
            Some(())
        })?;
        scanner.peek().is_none().then_some(unread)
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<JsonText<'a>>> {
        Some(match name {
            "type" => &mut self.kind,
            "event" => &mut self.event,
            "name" => &mut self.name,
            "messageId" => &mut self.message_id,
            "anonymousId" => &mut self.anonymous_id,
            "userId" => &mut self.user_id,
            "previousId" => &mut self.previous_id,
            "timestamp" => &mut self.timestamp,
            "originalTimestamp" => &mut self.original_timestamp,
            "sentAt" => &mut self.sent_at,
            "channel" => &mut self.channel,
            "context" => &mut self.context,
            "traits" => &mut self.traits,
            "properties" => &mut self.properties,
            _ => return None,
        })
    }
}

/// What a member says, if it is plain.
pub(super) fn text(json: JsonText<'_>) -> Option<Cow<'_, str>> {
    json.plain_text().filter(|text| !text.is_empty() && !json.is_null())
}

/// From this number on a time counts milliseconds since 1970, below it seconds.
const MILLIS_FROM: i64 = 100_000_000_000;

/// A time as ISO 8601, or as a number since 1970.
pub(super) fn instant_of(json: JsonText<'_>) -> Option<Instant> {
    if json.get().starts_with('"') {
        return parse_instant(&json.plain_text()?).ok();
    }
    let number: i64 = json.get().parse().ok()?;
    let millis = if number.abs() < MILLIS_FROM { number.checked_mul(1_000)? } else { number };
    // Beyond what a calendar holds it cannot be told again.
    let at = UnixMillis(millis);
    parse_instant(&at.to_string()).ok()
}
