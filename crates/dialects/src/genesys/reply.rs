//! The answer to an event: the event with what is known besides, and the session it fell into.
use serde_json::Value as Json;
use sessionary_core::{dictionary::field, signal::Signal, time::UnixMillis, value::RawJson};

use super::{
    attributes::EXTERNAL_ID,
    customer, events,
    session::{counts, session_uri},
    technical,
    told::{Told, is_authenticated, text},
    url_parts,
};
use crate::View;

/// The answer to a web event.
pub fn web_reply(signal: &Signal, view: &View<'_>) -> Json {
    let fields = &signal.fields;
    let mut told = common(signal, view);
    told.put("session", session(view, "pageviewCount"));
    let page = url_parts::page(fields, &signal.attributes);
    told.put("page", page.unwrap_or_else(url_parts::no_page));
    told.put("userAgentString", text(fields, field::USER_AGENT).unwrap_or_default());
    told.put("browser", technical::browser_or_unknown(fields));
    told.put_some("referrer", url_parts::referrer(fields, &signal.attributes));
    told.put("authenticated", is_authenticated(fields));
    told.done()
}

/// The answer to an app event.
pub fn app_reply(signal: &Signal, view: &View<'_>) -> Json {
    let fields = &signal.fields;
    let mut told = common(signal, view);
    told.put("id", &*signal.key);
    told.put("session", session(view, "screenviewCount"));
    told.put("screenName", text(fields, field::SCREEN_NAME).unwrap_or_default());
    told.put("app", technical::app_or_unknown(fields));
    technical::put_library(&mut told, fields);
    told.done()
}

fn common(signal: &Signal, view: &View<'_>) -> Told {
    let mut told = events::common(signal);
    customer::put(&mut told, &signal.fields, signal.identities.iter());
    told.put_some(EXTERNAL_ID, signal.attributes.get(EXTERNAL_ID).map(RawJson::to_json));
    told.date("createdDate", Some(moment(signal, view.now)));
    told
}

fn moment(signal: &Signal, now: UnixMillis) -> UnixMillis {
    signal.occurred_at.as_ref().map_or(now, |occurred| occurred.at)
}

/// What the client learns of its session, with the count of its views under this name.
///
/// Where the signals were not read, pings count among its events.
fn session(view: &View<'_>, views: &str) -> Json {
    let content = &view.session.content;
    let started = content.started_at(view.rules);
    let length = u64::try_from(content.ended_at().since(started).0).unwrap_or_default();
    let id = view.session.envelope.id.to_string();
    let counts = counts(view);
    let seen = if views == "pageviewCount" { counts.pageviews } else { counts.screenviews };
    let mut told = Told::default();
    told.put("selfUri", session_uri(&id));
    told.put("id", id);
    told.put("durationInSeconds", length / 1_000);
    told.put("eventCount", counts.events);
    told.put(views, seen);
    told.date("createdDate", Some(started));
    told.put_some("referrer", url_parts::referrer(&content.fields, &content.attributes));
    told.done()
}
