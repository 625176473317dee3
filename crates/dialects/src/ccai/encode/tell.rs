//! What a session says of each member that is more than one field.
use jiff::tz::Offset;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use sessionary_core::{
    channel::Channel,
    content::Content,
    dictionary::field,
    disposition,
    json::JsonText,
    leg::{self, LegKind, LegTotals, ToldLeg},
    outcome,
    session::Envelope,
    signal::FieldNumber,
    time::{Instant, UnixMillis},
    value::{RawJson, Value},
};

use super::{
    super::{
        derived::answered_by,
        menu::MenuPath,
        session_type::{self, Type},
    },
    ended_at, is_over, times, value,
};
use crate::View;

/// A session on its way into a file.
pub(super) struct Telling<'a> {
    pub(super) content: &'a Content,
    pub(super) envelope: &'a Envelope,
    /// Whether the platform itself is its source.
    pub(super) is_own: bool,
    pub(super) is_chat: bool,
    pub(super) started_at: UnixMillis,
    ended_at: Option<UnixMillis>,
    is_over: bool,
    pub(super) legs: Vec<ToldLeg>,
    pub(super) totals: LegTotals,
    offset: Offset,
}

impl<'a> Telling<'a> {
    pub(super) fn of(view: &View<'a>) -> Telling<'a> {
        let (content, envelope) = (&view.session.content, &view.session.envelope);
        let is_call = envelope.source.ends_with(":call");
        let is_chat = envelope.source.ends_with(":chat");
        let channel = content.channel_or_other();
        let legs = leg::told(content);
        Telling {
            content,
            envelope,
            is_own: (is_call || is_chat) && envelope.external_id.is_some(),
            is_chat: is_chat || (!is_call && matches!(channel, Channel::Chat | Channel::Messaging)),
            started_at: content.started_at(view.rules),
            ended_at: ended_at(view),
            is_over: is_over(view),
            totals: LegTotals::of(&legs),
            legs,
            offset: times::offset_of(content),
        }
    }

    pub(super) fn text(&self, number: FieldNumber) -> Option<&'a str> {
        value(self.content, number).and_then(Value::as_text)
    }

    pub(super) fn number(&self, number: FieldNumber) -> Option<u64> {
        value(self.content, number).and_then(Value::as_number)
    }

    pub(super) fn instant(&self, number: FieldNumber) -> Option<&'a Instant> {
        match value(self.content, number) {
            Some(Value::Instant(instant)) => Some(instant),
            _ => None,
        }
    }

    pub(super) fn flag(&self, number: FieldNumber) -> Option<bool> {
        match value(self.content, number) {
            Some(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn raw(&self, number: FieldNumber) -> Option<Json> {
        match value(self.content, number) {
            Some(Value::Json(raw)) => Some(raw.to_json()),
            _ => None,
        }
    }

    fn texts(&self, number: FieldNumber) -> Option<&'a [Box<str>]> {
        match value(self.content, number) {
            Some(Value::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    fn kept(&self, name: &str) -> Option<&'a RawJson> {
        self.content.attributes.get(name)
    }

    pub(super) fn time(&self, instant: &Instant) -> Json {
        times::zoned(instant, self.offset)
    }

    /// The platform's own number, else the integer that every session has.
    pub(super) fn id(&self) -> Json {
        let own = self.envelope.external_id.as_deref().filter(|_| self.is_own);
        own.map_or_else(|| Json::from(self.envelope.alias), number_or_text)
    }

    fn kind(&self) -> Option<Type> {
        let sent = self.text(field::SOURCE_TYPE).and_then(session_type::of_name);
        let direction = self.text(field::DIRECTION);
        sent.or_else(|| session_type::of_channel(self.content.channel_or_other(), direction))
    }

    pub(super) fn type_name(&self) -> Option<&'a str> {
        let sent = self.text(field::SOURCE_TYPE).filter(|_| self.is_own);
        sent.or_else(|| self.kind().map(|kind| kind.name))
    }

    /// The older name as it was sent, unless the type is another since.
    pub(super) fn older_type(&self) -> Option<Json> {
        let kind = self.kind();
        let sent = self.kept("session_type").map(RawJson::to_json);
        let sent = sent.filter(|sent| match sent.as_str().and_then(session_type::of_name) {
            Some(named) => {
                kind.is_some_and(|kind| kind.name == named.name || kind.older == named.older)
            }
            None => true,
        });
        let unknown = self.text(field::SOURCE_TYPE).filter(|_| self.is_own);
        sent.or_else(|| kind.map(|kind| Json::from(kind.older))).or_else(|| unknown.map(Json::from))
    }

    /// The source's own status, else what ours comes to.
    pub(super) fn status(&self) -> &'a str {
        if let Some(sent) = self.text(field::SOURCE_STATUS) {
            return sent;
        }
        let last = self.legs.iter().rev().find(|leg| leg.ended_at.is_none());
        match last.map(|leg| (leg.kind, leg.answered_at)) {
            _ if self.is_over && self.content.evidence.is_some() => "failed",
            _ if self.is_over => "finished",
            Some((LegKind::Queue, _)) => "queued",
            Some((LegKind::Menu, _)) => "selecting",
            Some((LegKind::VirtualAgent, Some(_))) => "va_connected",
            Some((LegKind::Agent, None)) => "connecting",
            _ => "connected",
        }
    }

    pub(super) fn ends_at(&self) -> Option<Json> {
        let sent = self.instant(field::ENDED_AT).filter(|_| self.is_over);
        let ended = self.ended_at.map(Instant::at);
        sent.or(ended.as_ref()).map(|at| self.time(at))
    }

    /// When the first leg of a kind began.
    pub(super) fn first_of_leg(&self, member: &str) -> Option<Json> {
        let kind = match member {
            "queued_at" => LegKind::Queue,
            "connected_at" => LegKind::Agent,
            _ => LegKind::VirtualAgent,
        };
        let at = self.legs.iter().filter(|leg| leg.kind == kind).find_map(|leg| match kind {
            LegKind::Queue => leg.started_at,
            _ => leg.answered_at,
        });
        at.map(|at| self.time(&Instant::at(at)))
    }

    /// As the source reports it, else as it lasted.
    pub(super) fn duration(&self) -> Option<Json> {
        let reported = self.number(field::SESSION_DURATION).map(|ms| Json::from(ms / 1_000));
        reported.or_else(|| Some(times::seconds(self.ended_at?.since(self.started_at))))
    }

    pub(super) fn messages(&self) -> Option<Json> {
        let counts = self.content.counts;
        let count = counts.messages_received.saturating_add(counts.messages_sent);
        (count > 0).then(|| Json::from(count))
    }

    /// Our word in theirs; the sender's own where it says the same.
    pub(super) fn answer_type(&self) -> Option<Json> {
        let answered = self.legs.iter().rev().find_map(|leg| leg.answered_by.as_deref());
        let ours = self.text(field::ANSWERED_BY).or(answered);
        let sent = self.kept("answer_type").map(RawJson::to_json);
        let agrees = |sent: &Json| sent.as_str().and_then(answered_by) == ours;
        let known = || match ours {
            Some("human") => Some(Json::from("human_agent")),
            Some("virtual") => Some(Json::from("virtual_agent")),
            other => other.map(Json::from),
        };
        sent.filter(agrees).or_else(known)
    }

    pub(super) fn has_virtual_agent(&self) -> bool {
        self.legs.iter().any(|leg| leg.kind == LegKind::VirtualAgent)
    }

    pub(super) fn has_feedback(&self) -> bool {
        self.number(field::RATING).is_some() || self.text(field::RATING_COMMENT).is_some()
    }

    pub(super) fn identity(&self, kind: &str) -> Option<&'a str> {
        let mut of_kind = self.content.identities.iter().filter(|known| *known.kind == *kind);
        of_kind.next().map(|known| known.original.as_deref().unwrap_or(&known.value))
    }

    /// The path as it was sent, unless it is another since.
    pub(super) fn menu_path(&self) -> Option<Json> {
        let (names, ids) = (self.texts(field::MENU_PATH), self.texts(field::MENU_PATH_IDS));
        if let Some(sent) = self.kept("menu_path")
            && let Ok(raw) = serde_json::from_str::<&RawValue>(sent.text())
            && (names.is_none() || MenuPath::read(JsonText::from(raw)).names.as_deref() == names)
        {
            return Some(sent.to_json());
        }
        let queue = || self.text(field::QUEUE).map(str::to_owned);
        let name = names.map(|names| names.join("/")).or_else(queue);
        let count = ids.or(names).map_or(1, <[_]>::len);
        (name.is_some() || ids.is_some()).then(|| {
            let path = ids.map(|ids| ids.join("/"));
            json!({ "name": name, "materialized_path": path, "items_count": count })
        })
    }

    /// The agent as the source tells, unless it is another since; absent without one.
    pub(super) fn agent_info(&self) -> Option<Json> {
        let (id, name) = (self.text(field::INTEGRATION_AGENT_ID), self.text(field::AGENT_NAME));
        let sent = self.kept("agent_info").map(RawJson::to_json);
        let agrees = |sent: &Json| match sent.get("id") {
            Some(Json::Null) | None => true,
            Some(Json::String(sent)) => id == Some(sent),
            Some(other) => id == Some(&*other.to_string()),
        };
        let known = || {
            let known = id.or(name).is_some();
            known.then(|| json!({ "id": id.map(number_or_text), "name": name }))
        };
        sent.filter(agrees).or_else(known)
    }

    pub(super) fn end_user(&self) -> Option<Json> {
        if let Some(sent) = self.kept("end_user") {
            return Some(sent.to_json());
        }
        let user = ["user_id", "customer_id"].into_iter().find_map(|kind| self.identity(kind));
        let contact = self.identity("external_contact");
        user.or(contact)
            .is_some()
            .then(|| json!({ "id": null, "identifier": user, "out_contact_id": contact }))
    }

    /// How many of each were sent, and whether the person proved who they are.
    pub(super) fn smart_actions(&self) -> Json {
        let count = |name| match self.kept(name).map(RawJson::to_json) {
            Some(Json::Array(list)) => list.len(),
            _ => 0,
        };
        json!({
            "verification": self.flag(field::VERIFIED).unwrap_or(false),
            "photos": count("photos"),
            "videos": count("videos"),
            "texts": count("texts"),
        })
    }

    /// The source's own codes, the first called by the name of ours that somebody claimed; without
    /// codes that name alone.
    pub(super) fn disposition_codes(&self) -> Option<Json> {
        if let Some(sent) = self.raw(field::SOURCE_DISPOSITION)
            && self.is_own
        {
            return Some(if sent.is_array() { sent } else { json!([sent]) });
        }
        let claimed = outcome::winner(self.content).map(|claim| disposition::name_of(claim.code));
        let Some(codes) = self.texts(field::SOURCE_DISPOSITION_CODES) else {
            return claimed.map(|name| json!([{ "code": name }]));
        };
        let mut list: Vec<Json> = codes.iter().map(|code| json!({ "code": code })).collect();
        if let (Some(first), Some(name)) = (list.first_mut(), claimed) {
            *first = json!({ "code": first.get("code"), "name": name });
        }
        Some(Json::Array(list))
    }

    pub(super) fn notes(&self) -> Option<&'a str> {
        outcome::winner(self.content).and_then(|claim| claim.notes.as_deref())
    }
}

/// An integer where the text is one, to the digit.
pub(super) fn number_or_text(text: &str) -> Json {
    match text.parse::<u64>() {
        Ok(number) if number.to_string() == text => Json::from(number),
        _ => Json::from(text),
    }
}
