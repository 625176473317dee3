//! A session as the vendor tells it: 51 members, six of them always.
use serde_json::Value as Json;
use sessionary_core::{
    channel::Channel,
    content::Content,
    dictionary::field,
    record,
    signal::{Signal, kind},
    stamp::Marks,
    time::{Millis, UnixMillis},
    value::RawJson,
};

use super::{
    attributes::{self, EXTERNAL_ID},
    campaign, conversation, customer,
    import::{ID, is_summary},
    outcomes::Goal,
    technical,
    told::{Told, instant, is_authenticated, json, number, text},
    url_parts, words,
};
use crate::View;

/// Where the vendor serves a session.
pub fn session_uri(id: &str) -> String {
    format!("/api/v2/journey/sessions/{id}")
}

/// The session.
pub fn of_session(view: &View<'_>) -> Json {
    let (content, envelope) = (&view.session.content, &view.session.envelope);
    let record = record::of(view.session, view.rules, view.now);
    let id = envelope.id.to_string();
    let mut told = Told::default();
    told.put("selfUri", session_uri(&id));
    told.put("id", id);
    told.put("type", session_type(content));
    customer::put(&mut told, &content.fields, content.identities.iter());
    put_names(&mut told, view);
    put_times(&mut told, view);
    put_counts(&mut told, view);
    put_visit(&mut told, content);
    told.put_some("outcomeAchievements", Goal::Outcome.listed(&record));
    told.put_some("segmentAssignments", Goal::Segment.listed(&record));
    told.put_some("attributes", attributes::of_session(content));
    let signals = events_of(view).map(|(_, signal)| signal);
    told.put_some("attributeLists", attributes::lists_of_session(content, signals));
    conversation::put(&mut told, content, &record);
    told.done()
}

/// The type that an imported session came with, else that of the channel.
pub(super) fn session_type(content: &Content) -> String {
    let stated = text(&content.fields, field::SOURCE_TYPE).filter(|_| is_imported(content));
    stated.unwrap_or_else(|| words::type_of_channel(content.channel_or_other())).to_owned()
}

/// Whether the vendor's own account of the session was taken in.
fn is_imported(content: &Content) -> bool {
    content.attributes.contains_key(ID)
}

/// The signals that are events to the vendor: facts, without pings, and without what merely
/// summarises an imported session.
pub(super) fn events_of<'a>(
    view: &View<'a>,
) -> impl Iterator<Item = (UnixMillis, &'a Signal)> + use<'a> {
    let imported = is_imported(&view.session.content);
    view.signals.iter().filter_map(move |(member, arrival)| {
        let signal = &*arrival.signal;
        let is_event = !member.marks.has(Marks::NOTE | Marks::ORPHAN)
            && &*signal.kind != kind::HEARTBEAT
            && !(imported && is_summary(signal));
        is_event.then_some((member.at, signal))
    })
}

fn put_names(told: &mut Told, view: &View<'_>) {
    let (content, envelope) = (&view.session.content, &view.session.envelope);
    let sent = content.attributes.get(EXTERNAL_ID).map(RawJson::to_json);
    let sent = sent.filter(Json::is_string);
    told.put_some("externalId", sent.or_else(|| envelope.external_id.as_deref().map(Json::from)));
    told.put_some("externalUrl", text(&content.fields, field::EXTERNAL_URL));
    let own = envelope.short_id.map(|short| short.to_string());
    let short = text(&content.fields, field::SHORT_ID).map(str::to_owned);
    told.put_some("shortId", short.or(own));
    told.field("divisionIds", &content.fields, field::ACCOUNT);
    told.put("authenticated", is_authenticated(&content.fields));
}

fn put_times(told: &mut Told, view: &View<'_>) {
    let content = &view.session.content;
    let lifecycle = &view.rules.lifecycle;
    let (started, ended) = (content.started_at(view.rules), content.ended_at());
    told.date("createdDate", Some(started));
    told.date("endedDate", view.session.envelope.closed_at.map(|_| ended));
    let silent = |after: Millis| content.last.at.plus(after);
    let idle = instant(&content.fields, field::IDLE_AT);
    told.date("idleDate", Some(idle.unwrap_or_else(|| silent(lifecycle.idle_ms))));
    let away = instant(&content.fields, field::AWAY_AT);
    told.date("awayDate", Some(away.unwrap_or_else(|| silent(lifecycle.away_ms))));
    // An account of the vendor's is of time spent, which may be less than lies between (C2).
    let reported = number(&content.fields, field::SESSION_DURATION);
    let reported = reported.filter(|_| is_imported(content) && events_of(view).next().is_none());
    let own = u64::try_from(ended.since(started).0).unwrap_or_default();
    told.put("durationInSeconds", reported.unwrap_or(own) / 1_000);
}

fn put_counts(told: &mut Told, view: &View<'_>) {
    let content = &view.session.content;
    let counts = counts(view);
    let reported = |name| number(&content.fields, name).unwrap_or_default();
    told.put("eventCount", counts.events.max(reported(field::EVENT_COUNT)));
    let of_channel = |channel| content.channel_or_other() == channel;
    let views = [
        ("pageviewCount", counts.pageviews, field::PAGEVIEW_COUNT, Channel::Web),
        ("screenviewCount", counts.screenviews, field::SCREENVIEW_COUNT, Channel::App),
    ];
    for (name, own, stated, channel) in views {
        let count = own.max(reported(stated));
        let is_told = count > 0 || of_channel(channel) || content.fields.contains_key(&stated);
        told.put_some(name, is_told.then_some(count));
    }
    told.put("lastEvent", last_event(view));
}

/// Events of a session, as the vendor counts them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) pageviews: u64,
    pub(super) screenviews: u64,
}

impl Counts {
    pub(super) fn add(&mut self, signal: &Signal) {
        self.events += 1;
        self.pageviews += u64::from(&*signal.kind == kind::PAGE_VIEWED);
        self.screenviews += u64::from(&*signal.kind == kind::SCREEN_VIEWED);
    }
}

/// What is stored of the signals counts; where retention has removed them, what was counted once.
pub(super) fn counts(view: &View<'_>) -> Counts {
    let mut counts = Counts::default();
    events_of(view).for_each(|(_, signal)| counts.add(signal));
    let kept = view.session.content.counts;
    if view.signals.is_empty() {
        counts.events = u64::from(kept.events);
    }
    Counts {
        pageviews: counts.pageviews.max(kept.pageviews.into()),
        screenviews: counts.screenviews.max(kept.screenviews.into()),
        ..counts
    }
}

/// The last event: one of ours, or a later one that an imported session names.
fn last_event(view: &View<'_>) -> Json {
    let content = &view.session.content;
    let imported = json(&content.fields, field::LAST_EVENT).filter(Json::is_object);
    let last = events_of(view).last().map(|(at, signal)| (at.to_string(), signal));
    let date = |event: &Json| event.get("createdDate").and_then(Json::as_str).map(str::to_owned);
    if let Some(imported) = imported
        && last.as_ref().is_none_or(|(at, _)| date(&imported).is_some_and(|date| date >= *at))
    {
        return imported;
    }
    let mut told = Told::default();
    if let Some((at, signal)) = last {
        told.put("id", &*signal.key);
        told.put("eventName", &*signal.kind);
        told.put("createdDate", at);
    } else {
        told.put("id", &*content.last.key);
        told.put("eventName", "unknown");
        told.date("createdDate", Some(content.last.at));
    }
    told.done()
}

/// Where the visitor came from, with what, and what was seen last.
fn put_visit(told: &mut Told, content: &Content) {
    let (fields, attributes) = (&content.fields, &content.attributes);
    told.put_some("browser", technical::browser(fields));
    told.put_some("device", technical::device(fields));
    technical::put_place(told, fields);
    told.put_some("app", technical::app(fields));
    technical::put_library(told, fields);
    told.field("userAgentString", fields, field::USER_AGENT);
    told.put_some("lastPage", url_parts::page(fields, attributes));
    told.field("lastScreen", fields, field::SCREEN_NAME);
    told.put_some("referrer", url_parts::referrer(fields, attributes));
    told.put_some("mktCampaign", campaign::of_content(content));
    told.field("searchTerms", fields, field::SEARCH_TERMS);
}
