//! An object whose session is known: what every object must say.
use std::borrow::Cow;

use sessionary_core::{
    channel::{Channel, SessionType},
    json::JsonText,
    signal::{Attributes, Fields, Signal},
};

use super::{
    members::Slot,
    session_type::{self, Type},
    sheet::{Fault, Sheet},
    status::{self, Status},
};
use crate::Context;

/// Characters that the id of a session may have; it is part of keys.
const ID_MAX: usize = 64;

/// An object whose session is known.
pub(super) struct Reading<'a> {
    pub(super) sheet: Sheet<'a>,
    /// The number of the call or chat.
    pub(super) id: Box<str>,
    /// Whether it is a chat: calls and chats are numbered apart.
    pub(super) is_chat: bool,
    /// The type, where it is one that we know.
    pub(super) kind: Option<Type>,
    /// The status, where it is one that we know.
    pub(super) status: Option<Status>,
    /// The name of the status, known or not.
    pub(super) status_name: Option<Box<str>>,
    pub(super) warnings: Vec<Box<str>>,
}

impl<'a> Reading<'a> {
    /// Looks at what every object must say.
    pub(super) fn of(sheet: Sheet<'a>) -> Result<Reading<'a>, Fault> {
        let mut warnings = Vec::new();
        let named = [Slot::ID, Slot::CALL_ID, Slot::CHAT_ID].map(|slot| (slot, sheet.get(slot)));
        let named = named.into_iter().find_map(|(slot, json)| Some((slot, json?)));
        let Some((slot, json)) = named else {
            return Err(Fault::missing(
                "id",
                "`id` is missing; send the number of the call or chat",
            ));
        };
        let id = id_of(json).ok_or_else(|| {
            Fault::wrong("id", json.get(), "the number of the call or chat, at most 64 characters")
        })?;
        let name = type_name(&sheet);
        let kind = name.as_deref().and_then(session_type::of_name);
        if name.is_some() && kind.is_none() {
            warnings.push("unknown_session_type".into());
        }
        let is_chat = match kind {
            Some(kind) => kind.channel() != Channel::Voice,
            None => says_chat(&sheet, slot, name.as_deref()),
        };
        let (status, status_name) = status_of(&sheet, &mut warnings)?;
        Ok(Reading { sheet, id, is_chat, kind, status, status_name, warnings })
    }

    /// `call` or `chat`.
    pub(super) fn word(&self) -> &'static str {
        if self.is_chat { "chat" } else { "call" }
    }

    /// A signal of the session that says nothing yet.
    pub(super) fn signal(&self, kind: &str, context: &Context<'_>) -> Signal {
        let channel = self.kind.map(Type::channel);
        let channel = channel.unwrap_or(if self.is_chat { Channel::Chat } else { Channel::Voice });
        let session_type = self.kind.map(Type::session_type);
        let name_space = if context.source.is_empty() { "ccai" } else { context.source };
        Signal {
            key: "".into(),
            kind: kind.into(),
            occurred_at: None,
            sent_at: None,
            sequence: 0,
            channel: Some(channel),
            session_type: Some(session_type.unwrap_or_else(|| SessionType::of_channel(channel))),
            source: format!("{name_space}:{}", self.word()).into(),
            session: Some(self.id.clone()),
            identities: Vec::new(),
            claim: None,
            fields: Fields::new(),
            attributes: Attributes::new(),
            warnings: Vec::new(),
        }
    }
}

fn id_of(json: JsonText<'_>) -> Option<Box<str>> {
    let text = json.plain_text()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_text = json.get().starts_with('"') && text.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = (1..=ID_MAX).contains(&text.len());
    ((is_number || is_text) && fits).then(|| text.into())
}

/// The current name of the type, else an older one.
pub(super) fn type_name<'a>(sheet: &Sheet<'a>) -> Option<Cow<'a, str>> {
    let slots = [Slot::SESSION_TYPE_V2, Slot::SESSION_TYPE, Slot::CALL_TYPE, Slot::CHAT_TYPE];
    slots.into_iter().find_map(|slot| sheet.text(slot))
}

/// Whether an object without a known type is about a chat.
fn says_chat(sheet: &Sheet<'_>, id: Slot, name: Option<&str>) -> bool {
    let members = [Slot::CHAT_UUID, Slot::CHAT_TYPE, Slot::CHAT_ID, Slot::CHAT_DURATION];
    let has_member = members.into_iter().any(|slot| sheet.get(slot).is_some());
    let is_named = name.is_some_and(|name| {
        name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("messaging"))
    });
    id == Slot::CHAT_ID || has_member || is_named
}

fn status_of(
    sheet: &Sheet<'_>,
    warnings: &mut Vec<Box<str>>,
) -> Result<(Option<Status>, Option<Box<str>>), Fault> {
    let Some(json) = sheet.get(Slot::STATUS) else { return Ok((None, None)) };
    let word = json.plain_text().filter(|word| word.len() <= ID_MAX);
    let Some(word) = word else {
        return Err(Fault::wrong("status", json.get(), "a name such as queued, or its number"));
    };
    let status = status::of_word(word.trim());
    if status.is_none() {
        warnings.push("unknown_status".into());
    }
    let name = status.as_ref().map_or_else(|| word.into(), |status| status.name.into());
    Ok((status, Some(name)))
}
