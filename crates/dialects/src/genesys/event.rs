//! Web events, app events, steps of web actions and pings: one request, one signal.
//!
//! An event carries no id. Its key is the digest of what it says, with the deployment it came by; so
//! a request that is repeated is the same signal, and two events that say the very same of the same
//! moment are one.
use std::borrow::Cow;

use sessionary_core::{
    channel::Channel,
    dictionary::field,
    json::JsonText,
    signal::{Signal, kind},
    time::{Instant, UnixMillis, parse_instant},
    value::{RawJson, Value},
    word::Word,
};

use super::{
    Refusal,
    draft::{Draft, Frame},
    object::{body, is_something, text_of},
    traits,
};
use crate::{Context, identities::is_id};

/// What an event is decoded with.
#[derive(Clone, Copy, Debug)]
pub struct EventContext<'a> {
    /// Settings of the key that the deployment id is.
    pub key: Context<'a>,
    /// The number of that key: events of two deployments are two.
    pub deployment: u32,
    /// When the request came.
    pub received_at: UnixMillis,
}

/// Events without a time of their own are the same when they say the same and come within so long
/// of each other: clients repeat a lost request at once, and people do not repeat themselves so fast.
const SAME_WITHIN_MS: i64 = 10_000;

/// Characters that the name of an event may have.
const NAME_MAX: usize = 128;

/// The word under which a step of a web action is stored.
pub(super) const ACTION: &str = "web_action";

/// Decodes the body of `webevents`.
///
/// # Errors
/// It is no object, has no name, nobody it is about, or a time that cannot be read.
pub fn decode_web(bytes: &[u8], context: &EventContext<'_>) -> Result<Signal, Refusal> {
    decode(bytes, context, Channel::Web)
}

/// Decodes the body of `appevents`.
///
/// # Errors
/// As [`decode_web`].
pub fn decode_app(bytes: &[u8], context: &EventContext<'_>) -> Result<Signal, Refusal> {
    decode(bytes, context, Channel::App)
}

fn decode(bytes: &[u8], context: &EventContext<'_>, channel: Channel) -> Result<Signal, Refusal> {
    let members = body(bytes, &context.key.limits)?;
    let mut draft = Draft::new(&context.key);
    let mut event = Event::default();
    for (name, json) in members {
        if !event.take(&name, json)? {
            member(&mut draft, &name, json);
        }
    }
    let name = event.name.ok_or(Refusal::Missing { field: "eventName", send: A_NAME })?;
    if let Some(cookie) = event.cookie.as_deref() {
        draft.identity("cookie", cookie);
    }
    draft.customer(event.customer.as_deref(), event.customer_type.as_deref());
    // The cookie first, then the customer, then what the traits say.
    if let Some(json) = event.traits {
        traits::read(&mut draft, json);
    }
    if draft.identities.is_empty() {
        if let Some(cookie) = event.cookie {
            return Err(Refusal::wrong("customerCookieId", &cookie, A_COOKIE));
        }
        return Err(Refusal::Missing { field: "customerCookieId", send: A_COOKIE });
    }
    let frame =
        Frame { kind: name, occurred_at: event.occurred_at, channel: Some(channel), session: None };
    Ok(keyed(draft.finish(frame), context))
}

const A_NAME: &str = "what happened, such as page_viewed, in 1 to 128 visible characters";
const A_COOKIE: &str = "the id that the browser or the app keeps, 1 to 255 visible characters";
const A_TIME: &str = "ISO 8601 such as 2026-01-05T10:00:00.000Z";

/// The members that decide what signal it is.
#[derive(Default)]
struct Event<'a> {
    name: Option<Word>,
    occurred_at: Option<Instant>,
    cookie: Option<Cow<'a, str>>,
    customer: Option<Cow<'a, str>>,
    customer_type: Option<Cow<'a, str>>,
    traits: Option<JsonText<'a>>,
}

impl<'a> Event<'a> {
    /// Whether the member is one of these.
    fn take(&mut self, name: &str, json: JsonText<'a>) -> Result<bool, Refusal> {
        match name {
            "eventName" => {
                self.name = text("eventName", json, A_NAME)?.as_deref().map(word).transpose()?;
            }
            "createdDate" => {
                self.occurred_at =
                    text("createdDate", json, A_TIME)?.as_deref().map(instant).transpose()?;
            }
            "customerCookieId" => self.cookie = text("customerCookieId", json, A_COOKIE)?,
            "customerId" => self.customer = text("customerId", json, A_COOKIE)?,
            "customerIdType" => {
                self.customer_type = text("customerIdType", json, "cookie, email, phone or so")?;
            }
            "traits" => self.traits = Some(json),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn text<'a>(
    field: &'static str,
    json: JsonText<'a>,
    send: &'static str,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    match json.plain_text() {
        Some(text) => Ok(is_something(&text, json).then_some(text)),
        None => Err(Refusal::wrong(field, json.get(), send)),
    }
}

fn word(text: &str) -> Result<Word, Refusal> {
    let is_word = text.chars().count() <= NAME_MAX && !text.chars().any(char::is_control);
    if is_word { Ok(Word::from(text)) } else { Err(Refusal::wrong("eventName", text, A_NAME)) }
}

fn instant(text: &str) -> Result<Instant, Refusal> {
    parse_instant(text).map_err(|error| Refusal::wrong("createdDate", &error.got, A_TIME))
}

/// A member of a web or app event, in a request or as the vendor tells events.
fn member(draft: &mut Draft<'_>, name: &str, json: JsonText<'_>) {
    match name {
        "page" => draft.page(name, json),
        "referrer" => draft.referrer(json),
        "referrerUrl" => draft.field(name, field::REFERRER, json),
        "userAgentString" => draft.field(name, field::USER_AGENT, json),
        "browser" => draft.browser(json),
        "device" => draft.object(name, field::DEVICE, json),
        "geolocation" => draft.object(name, field::GEOLOCATION, json),
        "ipAddress" => draft.field(name, field::REMOTE_IP, json),
        "ipOrganization" => draft.field(name, field::IP_ORGANIZATION, json),
        "mktCampaign" => draft.campaign(json),
        "searchQuery" => search(draft, name, json),
        "authenticated" => draft.field(name, field::AUTHENTICATED, json),
        "screenName" => draft.field(name, field::SCREEN_NAME, json),
        "app" => draft.object(name, field::APP, json),
        "sdkLibrary" => draft.object(name, field::SDK, json),
        "networkConnectivity" => draft.object(name, field::CONNECTIVITY, json),
        "attributes" => {
            for (name, value) in draft.members(name, json) {
                draft.attribute(&format!("attributes.{name}"), value);
            }
        }
        _ => draft.unknown(name, json),
    }
}

fn search(draft: &mut Draft<'_>, name: &str, json: JsonText<'_>) {
    match json.plain_text() {
        Some(text) if is_something(&text, json) => {
            draft.fields.insert(field::SEARCH_TERMS, Value::Texts(vec![text.into()]));
        }
        Some(_) => {}
        None => draft.unreadable(name, json),
    }
}

fn keyed(mut signal: Signal, context: &EventContext<'_>) -> Signal {
    let (key, deployment) = (signal.derived_key(), context.deployment);
    let key = if signal.occurred_at.is_some() {
        format!("{key}.{deployment:x}")
    } else {
        let when = context.received_at.0.div_euclid(SAME_WITHIN_MS);
        format!("{key}.{deployment:x}.{when:x}")
    };
    signal.key = key.into();
    signal
}

/// Decodes the body of `actionevent`: a step of a web action, such as an offer that was accepted.
///
/// # Errors
/// It is no object, or does not say which action, which step and of which session.
pub fn decode_action(bytes: &[u8], context: &EventContext<'_>) -> Result<Signal, Refusal> {
    let members = body(bytes, &context.key.limits)?;
    let need = |field: &'static str, send| {
        text_of(&members, field).ok_or(Refusal::Missing { field, send })
    };
    let session = need("sessionId", "the id of the session that the action was offered in")?;
    let action = need("actionId", "the id of the action")?;
    let state = need("actionState", "what became of it, such as offered or accepted")?;
    if !is_id(&session) {
        return Err(Refusal::wrong("sessionId", &session, "1 to 255 visible characters"));
    }
    let mut draft = Draft::new(&context.key);
    for (name, json) in &members {
        if name != "sessionId" {
            draft.attribute(&format!("webAction.{name}"), *json);
        }
    }
    let frame = Frame {
        kind: ACTION.into(),
        occurred_at: None,
        channel: Some(Channel::Web),
        session: Some(session.as_ref().into()),
    };
    let mut signal = draft.finish(frame);
    // An action passes each state once, so a state that comes again is a repetition.
    let id = text_of(&members, "id").filter(|id| is_id(id));
    let derived = || format!("{action}.{state}");
    let named = id.map_or_else(derived, Cow::into_owned);
    signal.key = if is_id(&named) { named.into() } else { signal.derived_key() };
    Ok(signal)
}

/// What a ping says: the page is still open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ping<'a> {
    /// Whose browser or app.
    pub cookie: &'a str,
    /// Address of the page.
    pub url: Option<&'a str>,
    /// Its title.
    pub title: Option<&'a str>,
    /// The session that the client believes it is in.
    pub session: Option<&'a str>,
    /// Time since the ping before, ms.
    pub since_last_ms: Option<u64>,
    /// The name space of an app, which a page lacks.
    pub app: Option<&'a str>,
}

/// A ping as a heartbeat. `number` tells it from every other: a ping has neither id nor time, and
/// each one counts.
///
/// # Errors
/// The cookie is no id.
pub fn ping(ping: &Ping<'_>, context: &EventContext<'_>, number: u64) -> Result<Signal, Refusal> {
    if !is_id(ping.cookie) {
        return Err(Refusal::wrong("customerCookieId", ping.cookie, A_COOKIE));
    }
    let mut draft = Draft::new(&context.key);
    draft.identity("cookie", ping.cookie);
    let page = [(field::PAGE_URL, ping.url), (field::PAGE_TITLE, ping.title)];
    for (number, text) in page {
        if let Some(text) = text {
            draft.put_text(number, text);
        }
    }
    if let Some(length) = ping.since_last_ms {
        draft.fields.insert(field::FOREGROUND_MS, Value::Number(length));
    }
    let channel = if ping.app.is_some() { Channel::App } else { Channel::Web };
    let frame = Frame {
        kind: kind::HEARTBEAT.into(),
        occurred_at: None,
        channel: Some(channel),
        session: None,
    };
    let mut signal = draft.finish(frame);
    for (name, text) in [("ping.sessionId", ping.session), ("ping.appNamespace", ping.app)] {
        if let Some(text) = text {
            signal.attributes.insert(name.into(), RawJson::of(&text.into()));
        }
    }
    signal.key = format!("{}.{number:x}", signal.derived_key()).into();
    Ok(signal)
}
