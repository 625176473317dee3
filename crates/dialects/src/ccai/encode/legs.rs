//! The legs of a session as the platform's books, for sessions whose source keeps none of its own.
use serde_json::{Value as Json, json};
use sessionary_core::{
    leg::{LegKind, ToldLeg},
    time::{Instant, Millis, UnixMillis},
};

use super::{
    tell::{Telling, number_or_text},
    times::seconds,
};

/// Per agent; also of a leg that nobody answered nothing is booked.
pub(super) fn agents(telling: &Telling<'_>) -> Option<Json> {
    book(telling, LegKind::Agent, |telling, leg, is_transfer| {
        let talk = length(leg.talk_ms);
        let (call, chat) = if telling.is_chat { (Json::Null, talk) } else { (talk, Json::Null) };
        json!({
            "id": null,
            "agent_id": leg.agent.as_deref().map(number_or_text),
            "menu_path": leg.queue,
            "transfer": is_transfer,
            "started_at": time(telling, leg.answered_at.or(leg.started_at)),
            "ended_at": time(telling, leg.ended_at),
            "call_duration": call,
            "chat_duration": chat,
            "hold_duration": length(leg.hold_ms),
            "acw_duration": length(leg.after_work_ms),
            "bcw_duration": length(leg.before_work_ms),
        })
    })
}

/// Per queue.
pub(super) fn queues(telling: &Telling<'_>) -> Option<Json> {
    book(telling, LegKind::Queue, |telling, leg, is_transfer| {
        json!({
            "id": null,
            "menu_path": leg.queue,
            "lang": null,
            "agent_id": null,
            "started_at": time(telling, leg.started_at),
            "ended_at": time(telling, leg.ended_at),
            "queue_duration": length(leg.wait_ms),
            "service_level_event": leg.met_service_level.map(|met| if met { "in_sla" } else { "not_in_sla" }),
            "transfer": is_transfer,
            "transfer_id": null,
            "transfer_cold": null,
        })
    })
}

/// Per virtual agent.
pub(super) fn virtual_agents(telling: &Telling<'_>) -> Option<Json> {
    book(telling, LegKind::VirtualAgent, |telling, leg, _| {
        let talk = length(leg.talk_ms);
        let (call, chat) = if telling.is_chat { (Json::Null, talk) } else { (talk, Json::Null) };
        let agent = leg.agent.as_deref().map(|agent| match number_or_text(agent) {
            Json::String(name) => json!({ "id": null, "name": name }),
            id => json!({ "id": id, "name": null }),
        });
        json!({
            "virtual_agent": agent,
            "started_at": time(telling, leg.answered_at.or(leg.started_at)),
            "ended_at": time(telling, leg.ended_at),
            "call_duration": call,
            "chat_duration": chat,
            "finish_reason": null,
            "escalation_reason": null,
            "sentiment": null,
            "response_count": null,
            "fallback_response_count": null,
            "transfer_id": null,
        })
    })
}

/// Per menu.
pub(super) fn menus(telling: &Telling<'_>) -> Option<Json> {
    if telling.content.attributes.contains_key("consumer_in_menu_durations") {
        return None;
    }
    book(telling, LegKind::Menu, |telling, leg, _| {
        json!({
            "started_at": time(telling, leg.started_at),
            "ended_at": time(telling, leg.ended_at),
            "duration": length(leg.ended_at.zip(leg.started_at).map(|(to, from)| to.since(from))),
            "event": null,
        })
    })
}

type Line = fn(&Telling<'_>, &ToldLeg, bool) -> Json;

/// The lines of the legs of a kind; `None`: there are none.
fn book(telling: &Telling<'_>, kind: LegKind, line: Line) -> Option<Json> {
    let mut was_answered = false;
    let mut lines = Vec::new();
    for leg in &telling.legs {
        let counts = leg.answered_at.is_some() || kind != LegKind::Agent;
        if leg.kind == kind && counts {
            lines.push(line(telling, leg, was_answered));
        }
        was_answered |= leg.answered_at.is_some();
    }
    (!lines.is_empty()).then_some(Json::Array(lines))
}

fn length(length: Option<Millis>) -> Json {
    length.map_or(Json::Null, seconds)
}

fn time(telling: &Telling<'_>, at: Option<UnixMillis>) -> Json {
    at.map_or(Json::Null, |at| telling.time(&Instant::at(at)))
}
