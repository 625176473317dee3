//! A session as a session metadata file, whatever dialect it came by.
use serde_json::{Map, Value as Json, json};
use sessionary_core::{
    content::Content,
    dictionary::field,
    outcome,
    record::RECORD_VERSION,
    session::{Envelope, Status},
    signal::FieldNumber,
    time::{Instant, UnixMillis},
    value::Value,
};

use self::tell::Telling;
use super::members::{MEMBERS, Member, Of, Shape, find};
use crate::View;

mod legs;
mod tell;
mod times;

/// A session as a metadata file.
pub fn of_session(view: &View<'_>) -> Json {
    let telling = Telling::of(view);
    let mut file = Map::new();
    for member in MEMBERS.iter().filter(|member| member.of != Of::Input) {
        let kept = telling.content.attributes.get(member.name);
        if let Some(value) = telling.member(member) {
            file.insert(member.name.to_owned(), value);
        } else if let Some(raw) = kept.filter(|_| member.shape != Shape::Own) {
            file.insert(member.name.to_owned(), raw.to_json());
        } else if telling.has(member) && member.name != "agent_info" {
            file.insert(member.name.to_owned(), nothing(member));
        }
    }
    // What the platform sent besides goes back to it as it came.
    let others = telling.content.attributes.iter().filter(|(name, _)| find(name).is_none());
    let others = others.map(|(name, raw)| (name.to_string(), raw.to_json()));
    let mut ours = ours(view);
    if telling.is_own {
        file.extend(others);
    } else {
        let others: Map<String, Json> = others.collect();
        ours.insert("attributes".to_owned(), Json::Object(others));
    }
    file.insert("sessionary".to_owned(), Json::Object(ours));
    Json::Object(file)
}

/// What stands for a member of which nothing is known: lists are always there.
fn nothing(member: &Member) -> Json {
    match (member.shape, member.name) {
        (Shape::List(_) | Shape::KeptList, _) | (_, "disposition_codes") => json!([]),
        (_, "diagnostics" | "smart_actions") => json!({}),
        (_, "virtual_agent" | "has_feedback") => json!(false),
        _ => Json::Null,
    }
}

/// Our own additions, under one name so that no other reader is disturbed.
fn ours(view: &View<'_>) -> Map<String, Json> {
    let content = &view.session.content;
    let Envelope { id, source, external_id, status, revision, .. } = &view.session.envelope;
    let outcome = outcome::of(content, view.rules);
    let members = [
        ("session_id", json!(id.to_string())),
        ("source", json!(source)),
        ("external_id", json!(external_id)),
        ("status", json!(status.word())),
        ("revision", json!(revision)),
        ("schema_version", json!(RECORD_VERSION)),
        (
            "disposition",
            json!({ "code": outcome.code, "name": outcome.name, "class": outcome.class,
                    "derived": outcome.derived }),
        ),
        ("warnings", json!(content.warnings)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Telling<'_> {
    /// Whether sessions like this have the member at all.
    fn has(&self, member: &Member) -> bool {
        match member.of {
            Of::Both => true,
            Of::Calls => !self.is_chat,
            Of::Chats => self.is_chat,
            Of::Input => false,
        }
    }

    /// The value of a member, where the session has one.
    fn member(&self, member: &Member) -> Option<Json> {
        let of_field = match member.shape {
            Shape::Text(number) => self.text(number).map(Json::from),
            Shape::Id(number) => self.text(number).map(tell::number_or_text),
            Shape::Number(number) => self.number(number).map(Json::from),
            Shape::Seconds(number) => self.number(number).map(|ms| Json::from(ms / 1_000)),
            Shape::Time(number) => self.instant(number).map(|at| self.time(at)),
            Shape::Flag(number) => self.flag(number).map(Json::from),
            Shape::List(number) => self.raw(number).filter(Json::is_array),
            Shape::Object(number) => self.raw(number).filter(Json::is_object),
            Shape::Own | Shape::Kept | Shape::KeptList => None,
        };
        // What is known is told also where the platform's own sessions of the kind have no such
        // member: somebody who writes may have a phone.
        of_field
            .filter(|_| member.name != "ends_at")
            .or_else(|| self.own(member.name).filter(|_| self.has(member)))
    }

    /// Members that a code of their own tells, and those that follow from others where the source
    /// gives none.
    fn own(&self, name: &str) -> Option<Json> {
        match name {
            "id" => Some(self.id()),
            "session_type_v2" => self.type_name().map(Json::from),
            "session_type" | "call_type" | "chat_type" => self.older_type(),
            "status" => Some(Json::from(self.status())),
            "created_at" => Some(self.time(&Instant::at(self.started_at))),
            "queued_at" | "connected_at" | "va_connected_at" => self.first_of_leg(name),
            "ends_at" => self.ends_at(),
            "updated_at" => Some(self.time(&Instant::at(self.envelope.last_received_at))),
            "call_duration" | "chat_duration" => self.duration(),
            "wait_duration" => self.totals.wait.map(times::seconds),
            "hold_duration" => self.totals.hold.map(times::seconds),
            "message_count" => self.messages(),
            "answer_type" => self.answer_type(),
            "virtual_agent" => Some(Json::from(self.has_virtual_agent())),
            "has_feedback" => Some(Json::from(self.has_feedback())),
            "recording_permission" => self.text(field::RECORDING_PERMISSION).map(Json::from),
            "customer_phone_number" => self.identity("phone").map(Json::from),
            "menu_path" => self.menu_path(),
            "agent_info" => self.agent_info(),
            "end_user" => self.end_user(),
            "smart_actions" => Some(self.smart_actions()),
            "disposition_codes" => self.disposition_codes(),
            "disposition_notes" => self.notes().map(Json::from),
            "handle_durations" => legs::agents(self),
            "queue_durations" => legs::queues(self),
            "virtual_agent_handle_durations" => legs::virtual_agents(self),
            "consumer_in_menu_durations" => legs::menus(self),
            _ => None,
        }
    }
}

/// The value of a field in the content of a session.
fn value(content: &Content, number: FieldNumber) -> Option<&Value> {
    content.fields.get(&number)
}

/// Whether the session is over for now.
fn is_over(view: &View<'_>) -> bool {
    view.session.content.end_mark.is_some() || view.session.envelope.status != Status::Open
}

/// When the session ended, if it has.
fn ended_at(view: &View<'_>) -> Option<UnixMillis> {
    is_over(view).then(|| view.session.content.ended_at())
}
