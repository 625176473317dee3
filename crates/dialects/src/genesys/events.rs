//! The events of a session, one by one, as the vendor lists them.
//!
//! Each fact that was taken in is an event; outcomes that were achieved and segments that were
//! assigned stand among them. The order is that of their times, and never changes for those that
//! are there: a page ends at a place, and the next begins behind it.
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use sessionary_core::{
    channel::Channel,
    dictionary::field,
    lane::channel_of,
    record,
    signal::Signal,
    time::{UnixMillis, parse_instant},
    value::{RawJson, Value},
};

use super::{
    attributes, campaign, customer,
    event::ACTION,
    outcomes::{Goal, Reached},
    session::{Counts, events_of, session_type, session_uri},
    technical,
    told::{Told, is_authenticated, text},
    traits, url_parts,
};
use crate::View;

/// Where an event stands: its time, the device's own counter, its id.
type Place = (UnixMillis, u64, String);

/// An event that has not been written yet.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    place: Place,
    what: What<'a>,
}

#[derive(Clone, Debug)]
enum What<'a> {
    /// A signal, and how many events and pages there were with it.
    Signal(&'a Signal, Counts),
    Goal(Goal, Reached),
}

/// The events of a session, in their order.
pub fn events<'a>(view: &View<'a>) -> Vec<Event<'a>> {
    let mut counts = Counts::default();
    let mut events: Vec<Event<'a>> = events_of(view)
        .map(|(at, signal)| {
            counts.add(signal);
            let place = (at, signal.sequence, signal.key.to_string());
            Event { place, what: What::Signal(signal, counts) }
        })
        .collect();
    let record = record::of(view.session, view.rules, view.now);
    for goal in [Goal::Outcome, Goal::Segment] {
        events.extend(goal.of_record(&record).into_iter().filter_map(|reached| {
            let at = parse_instant(&reached.at).ok()?.at;
            let by = reached.signal.as_deref().unwrap_or_default();
            // Behind the event that reached it.
            let place = (at, u64::MAX, format!("{by}:{}", reached.id));
            Some(Event { place, what: What::Goal(goal, reached) })
        }));
    }
    events.sort_by(|a, b| a.place.cmp(&b.place));
    events
}

impl Event<'_> {
    /// The vendor's word for what it is.
    pub fn kind(&self) -> &'static str {
        match &self.what {
            What::Signal(signal, _) if &*signal.kind == ACTION => {
                "com.genesys.journey.WebActionEvent"
            }
            What::Signal(signal, _) if is_of_app(signal) => "com.genesys.journey.AppEvent",
            What::Signal(..) => "com.genesys.journey.WebEvent",
            What::Goal(Goal::Outcome, _) => "com.genesys.journey.OutcomeAchievedEvent",
            What::Goal(Goal::Segment, _) => "com.genesys.journey.SegmentAssignmentEvent",
        }
    }

    /// Its place in the order, for the address of the page behind it.
    pub fn cursor(&self) -> String {
        let (at, sequence, id) = &self.place;
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{sequence}:{id}", at.0))
    }

    /// Whether it comes behind a cursor; `None`: that is no cursor of ours.
    pub fn is_behind(&self, cursor: &str) -> Option<bool> {
        Some(self.place > place_of(cursor)?)
    }

    /// The event in a session that is told by `view`.
    pub fn encode(&self, view: &View<'_>) -> Json {
        let content = &view.session.content;
        let session = view.session.envelope.id.to_string();
        let (at, _, id) = &self.place;
        let mut told = Told::default();
        told.put("id", id.as_str());
        told.put("correlationId", id.as_str());
        told.put("eventType", self.kind());
        told.date("createdDate", Some(*at));
        customer::put(&mut told, &content.fields, content.identities.iter());
        told.put(
            "session",
            json!({
                "selfUri": session_uri(&session), "id": session, "type": session_type(content),
            }),
        );
        match &self.what {
            What::Signal(signal, _) if &*signal.kind == ACTION => {
                told.put("webActionEvent", web_action(signal, *at));
            }
            What::Signal(signal, _) if is_of_app(signal) => told.put("appEvent", app_event(signal)),
            What::Signal(signal, counts) => told.put("webEvent", web_event(signal, *counts)),
            What::Goal(Goal::Outcome, reached) => {
                told.put("outcomeAchievedEvent", outcome(reached));
            }
            What::Goal(Goal::Segment, reached) => {
                let uri = Goal::Segment.uri(&reached.id);
                let segment = json!({"id": reached.id, "selfUri": uri});
                told.put("segmentAssignmentEvent", json!({"segment": segment}));
            }
        }
        told.done()
    }
}

fn place_of(cursor: &str) -> Option<Place> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (at, rest) = text.split_once(':')?;
    let (sequence, id) = rest.split_once(':')?;
    Some((UnixMillis(at.parse().ok()?), sequence.parse().ok()?, id.to_owned()))
}

fn is_of_app(signal: &Signal) -> bool {
    channel_of(signal) == Some(Channel::App)
}

fn web_event(signal: &Signal, counts: Counts) -> Json {
    let fields = &signal.fields;
    let mut told = common(signal);
    told.put("totalEventCount", counts.events);
    told.put("totalPageviewCount", counts.pageviews);
    let page = url_parts::page(fields, &signal.attributes);
    told.put("page", page.unwrap_or_else(url_parts::no_page));
    told.put("userAgentString", text(fields, field::USER_AGENT).unwrap_or_default());
    told.put("browser", technical::browser_or_unknown(fields));
    told.put_some("referrer", url_parts::referrer(fields, &signal.attributes));
    told.put("authenticated", is_authenticated(fields));
    told.done()
}

fn app_event(signal: &Signal) -> Json {
    let fields = &signal.fields;
    let mut told = common(signal);
    told.put("screenName", text(fields, field::SCREEN_NAME).unwrap_or_default());
    told.put("app", technical::app_or_unknown(fields));
    technical::put_library(&mut told, fields);
    told.done()
}

/// What web and app events have in common.
pub(super) fn common(signal: &Signal) -> Told {
    let fields = &signal.fields;
    let mut told = Told::default();
    told.put("eventName", &*signal.kind);
    told.put("device", technical::device_or_unknown(fields));
    technical::put_place(&mut told, fields);
    told.put_some("mktCampaign", campaign::of_fields(fields));
    told.put("attributes", attributes::of_event(&signal.attributes));
    told.put("traits", traits::of_event(signal));
    if let Some(Value::Texts(terms)) = fields.get(&field::SEARCH_TERMS) {
        told.put("searchQuery", terms.join(" "));
    }
    told
}

/// A step of an action. Which kind of action it was, the request does not say.
fn web_action(signal: &Signal, at: UnixMillis) -> Json {
    let part = |name: &str| {
        let path = format!("webAction.{name}");
        signal.attributes.get(&*path).map(RawJson::to_json)
    };
    let mut told = Told::default();
    told.put(
        "action",
        json!({
            "id": part("actionId"), "state": part("actionState"), "prompt": "",
            "createdDate": at.to_string(),
        }),
    );
    told.put_some("errorCode", part("errorCode"));
    told.put_some("errorMessage", part("errorMessage"));
    told.put("userAgentString", text(&signal.fields, field::USER_AGENT).unwrap_or_default());
    told.put("browser", technical::browser_or_unknown(&signal.fields));
    told.put("device", technical::device_or_unknown(&signal.fields));
    told.done()
}

fn outcome(reached: &Reached) -> Json {
    json!({"outcome": {
        "id": reached.id, "selfUri": Goal::Outcome.uri(&reached.id),
        "displayName": reached.name.as_deref().unwrap_or_default(), "version": 1,
    }})
}
