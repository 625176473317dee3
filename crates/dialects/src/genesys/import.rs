//! A whole session of the vendor's, taken in: two signals that give the same session back.
//!
//! One says that it began; the other, at its end or its last known moment, brings everything that
//! the session says. So a later state of the same session, exported again, adds to the earlier.
use std::borrow::Cow;

use serde_json::value::RawValue;
use sessionary_core::{
    channel::Channel,
    dictionary::field,
    disposition::{Author, ClaimPolicy, code},
    json::JsonText,
    signal::{ClaimBody, FieldNumber, Signal, kind},
    time::{Instant, Millis, parse_instant},
    value::{RawJson, Value},
};

use super::{
    Refusal,
    draft::{Draft, Frame},
    object::{Members, item, members, text_of},
    words,
};
use crate::{Context, canonical, handshake, identities::is_id};

/// Where the vendor's id of an imported session is kept.
pub(super) const ID: &str = "genesys.id";

/// Whether a signal only brings what another system knows of a session, and is no event of its own.
pub(super) fn is_summary(signal: &Signal) -> bool {
    matches!(&*signal.kind, kind::SESSION_STARTED | kind::SESSION_ENDED | kind::SESSION_UPDATED)
}

/// One item of a body, and the signals that it is.
pub type Imported<'a> = (&'a str, Result<[Signal; 2], Refusal>);

/// Decodes sessions: one object, a list, or one object a line. Each item is taken in or refused by
/// itself.
///
/// # Errors
/// The body as a whole cannot be divided into items.
pub fn decode_sessions<'a>(
    bytes: &'a [u8],
    context: &Context<'_>,
) -> Result<Vec<Imported<'a>>, Refusal> {
    let whole = |error: canonical::BodyError| match error {
        canonical::BodyError::TooManyItems { got, most } => Refusal::TooMany { got, most },
        error => Refusal::Unreadable { reason: error.to_string() },
    };
    let text = canonical::text_of(bytes).map_err(whole)?;
    let items = canonical::split(text, &context.limits).map_err(whole)?;
    Ok(items.into_iter().map(|text| (text, session(text, context))).collect())
}

const AN_ID: &str = "the id of the session, 1 to 255 visible characters";

fn session(text: &str, context: &Context<'_>) -> Result<[Signal; 2], Refusal> {
    let members = item(text, &context.limits)?;
    let id = text_of(&members, "id").ok_or(Refusal::Missing { field: "id", send: AN_ID })?;
    if !is_id(&id) {
        return Err(Refusal::wrong("id", &id, AN_ID));
    }
    let created = instant(&members, "createdDate")?;
    let created =
        created.ok_or(Refusal::Missing { field: "createdDate", send: "when it began" })?;
    let ended = instant(&members, "endedDate")?;
    let channel = channel(&members, &context.limits);
    let frame = |kind: &str, at: &Instant| Frame {
        kind: kind.into(),
        occurred_at: Some(at.clone()),
        channel: Some(channel),
        session: Some(id.as_ref().into()),
    };
    let mut draft = Draft::new(context);
    let customer = text_of(&members, "customerId");
    draft.customer(customer.as_deref(), text_of(&members, "customerIdType").as_deref());
    // The start says whose it is too, so that it is known by the customer from the first.
    let mut start = Draft::new(context);
    start.identities.clone_from(&draft.identities);
    principal(&mut draft);
    for (name, json) in &members {
        member(&mut draft, name, *json);
    }
    cases(&mut draft, &members);
    let last = ended.clone().unwrap_or_else(|| last_known(&members, &created, context));
    let claim = claim(&mut draft, channel);
    let kind = if ended.is_some() { kind::SESSION_ENDED } else { kind::SESSION_UPDATED };
    let mut start = start.finish(frame(kind::SESSION_STARTED, &created));
    let mut summary = draft.finish(frame(kind, &last));
    summary.claim = claim;
    start.key = start.derived_key();
    summary.key = summary.derived_key();
    Ok([start, summary])
}

fn instant(members: &Members<'_>, name: &'static str) -> Result<Option<Instant>, Refusal> {
    let Some(text) = text_of(members, name) else { return Ok(None) };
    let read = parse_instant(&text);
    read.map(Some).map_err(|error| Refusal::wrong(name, &error.got, "ISO 8601 with Z"))
}

/// The last moment of which a session that goes on says anything.
fn last_known(members: &Members<'_>, created: &Instant, context: &Context<'_>) -> Instant {
    let of_event = || {
        let event = members.iter().rev().find(|(name, _)| name == "lastEvent")?.1;
        let event = super::object::members(event.get(), &context.limits)?;
        parse_instant(&text_of(&event, "createdDate")?).ok()
    };
    let of_length = || {
        let seconds: i64 = text_of(members, "durationInSeconds")?.parse().ok()?;
        Some(Instant::at(created.at.plus(Millis(seconds.clamp(0, YEAR_S) * 1_000))))
    };
    let known = [of_event(), of_length()].into_iter().flatten();
    known.filter(|at| at.at > created.at).max_by_key(|at| at.at).unwrap_or_else(|| created.clone())
}

const YEAR_S: i64 = 366 * 24 * 3_600;

/// The channel by the type of the session, or else by the first channel of its conversation.
fn channel(of: &Members<'_>, limits: &crate::Limits) -> Channel {
    let by_type = text_of(of, "type").and_then(|word| words::channel_of_type(&word));
    let by_conversation = || {
        let channels = of.iter().rev().find(|(name, _)| name == "conversationChannels")?.1;
        let first: Vec<&RawValue> = serde_json::from_str(channels.get()).ok()?;
        let first = members(first.first()?.get(), limits)?;
        words::channel_of_conversation(&text_of(&first, "type")?)
    };
    by_type.or_else(by_conversation).unwrap_or(Channel::Other)
}

/// The customer as the principal identity of other dialects, where they know its type.
fn principal(draft: &mut Draft<'_>) {
    let known = |kind: &str| handshake::USER_SIGNAL_TYPES.iter().find(|row| row.1 == kind);
    let Some(identity) = draft.identities.first() else { return };
    let Some((number, _)) = known(&identity.kind) else { return };
    let text = identity.original.clone().unwrap_or_else(|| identity.value.clone());
    draft.fields.insert(field::USER_SIGNAL_TYPE, Value::Number(*number));
    draft.fields.insert(field::USER_SIGNAL_VALUE, Value::Text(text));
}

/// Members that are fields as they are.
#[rustfmt::skip]
const FIELDS: [(&str, FieldNumber); 19] = [
    ("type", field::SOURCE_TYPE),                ("externalUrl", field::EXTERNAL_URL),
    ("shortId", field::SHORT_ID),                ("ipAddress", field::REMOTE_IP),
    ("ipOrganization", field::IP_ORGANIZATION),  ("userAgentString", field::USER_AGENT),
    ("searchTerms", field::SEARCH_TERMS),        ("eventCount", field::EVENT_COUNT),
    ("pageviewCount", field::PAGEVIEW_COUNT),    ("screenviewCount", field::SCREENVIEW_COUNT),
    ("conversationSubject", field::SUBJECT),     ("authenticated", field::AUTHENTICATED),
    ("divisionIds", field::ACCOUNT),             ("lastScreen", field::SCREEN_NAME),
    ("caseReference", field::TICKET_ID),         ("createdDate", field::SESSION_START),
    ("endedDate", field::ENDED_AT),              ("awayDate", field::AWAY_AT),
    ("idleDate", field::IDLE_AT),
];

/// Members that are kept whole.
#[rustfmt::skip]
const OBJECTS: [(&str, FieldNumber); 12] = [
    ("outcomeAchievements", field::OUTCOMES),    ("segmentAssignments", field::SEGMENTS),
    ("attributes", field::SOURCE_ATTRIBUTES),    ("attributeLists", field::SOURCE_ATTRIBUTE_LISTS),
    ("device", field::DEVICE),                   ("geolocation", field::GEOLOCATION),
    ("app", field::APP),                         ("sdkLibrary", field::SDK),
    ("networkConnectivity", field::CONNECTIVITY), ("lastEvent", field::LAST_EVENT),
    ("conversation", field::CONVERSATION),       ("conversationChannels", field::CHANNELS),
];

fn member(draft: &mut Draft<'_>, name: &str, json: JsonText<'_>) {
    match name {
        // Told anew where the session is served, or read already.
        "selfUri" | "customerId" | "customerIdType" => return,
        name if CASES.contains(&name) => return,
        "browser" => return draft.browser(json),
        "lastPage" => return draft.page(name, json),
        "mktCampaign" => return draft.campaign(json),
        "referrer" => return draft.referrer(json),
        "durationInSeconds" => return draft.seconds(name, field::SESSION_DURATION, json),
        "originatingDirection" => {
            return draft.word(name, field::DIRECTION, json, words::direction_in);
        }
        "lastUserDisconnectType" => {
            return draft.word(name, field::DISCONNECT_REASON, json, words::disconnect_in);
        }
        "lastAcdOutcome" => {
            return draft.word(name, field::ACD_OUTCOME, json, words::acd_outcome_in);
        }
        "externalContact" => return external_contact(draft, name, json),
        "lastConnectedQueue" => return reference(draft, name, field::QUEUE, json),
        "lastConnectedUser" => return reference(draft, name, field::AGENT_NAME, json),
        "lastUserDisposition" => return disposition(draft, name, json),
        "id" => return draft.attribute(ID, json),
        _ => {}
    }
    if let Some((_, number)) = OBJECTS.iter().find(|row| row.0 == name) {
        draft.object(name, *number, json);
    } else if let Some((_, number)) = FIELDS.iter().find(|row| row.0 == name) {
        draft.field(name, *number, json);
    } else {
        draft.unknown(name, json);
    }
}

fn external_contact(draft: &mut Draft<'_>, name: &str, json: JsonText<'_>) {
    draft.object(name, field::EXTERNAL_CONTACT, json);
    let contact = members(json.get(), &draft.context.limits).unwrap_or_default();
    if let Some(id) = text_of(&contact, "id") {
        draft.identity("external_contact", &id);
    }
}

/// A reference by id; what it says beside the id is kept.
fn reference(draft: &mut Draft<'_>, name: &str, number: FieldNumber, json: JsonText<'_>) {
    let of = draft.members(name, json);
    if let Some(id) = text_of(&of, "id") {
        draft.put_text(number, &id);
    }
    if of.len() > 1 {
        draft.attribute(&format!("genesys.{name}"), json);
    }
}

fn disposition(draft: &mut Draft<'_>, name: &str, json: JsonText<'_>) {
    draft.object(name, field::SOURCE_DISPOSITION, json);
    let of = members(json.get(), &draft.context.limits).unwrap_or_default();
    if let Some(code) = text_of(&of, "code") {
        let codes = Value::Texts(vec![code.into()]);
        draft.fields.insert(field::SOURCE_DISPOSITION_CODES, codes);
    }
    if let Some(notes) = text_of(&of, "notes") {
        draft.put_text(field::INTEGRATION_NOTES, &notes);
    }
    let user = of.iter().find(|(member, _)| member == "user");
    let user = user.and_then(|(_, user)| members(user.get(), &draft.context.limits));
    if let Some(id) = user.and_then(|user| text_of(&user, "id").map(Cow::into_owned)) {
        draft.put_text(field::INTEGRATION_AGENT_ID, &id);
    }
}

/// What the session says of cases, together in one object.
const CASES: [&str; 3] = ["caseAssociations", "caseEntity", "caseStatus"];

fn cases(draft: &mut Draft<'_>, members: &Members<'_>) {
    let said = members.iter().filter(|(name, json)| CASES.contains(&&**name) && !json.is_null());
    let said: Vec<String> = said.map(|(name, json)| format!("\"{name}\":{}", json.get())).collect();
    let text = format!("{{{}}}", said.join(","));
    if !said.is_empty()
        && let Ok(raw) = serde_json::from_str::<&RawValue>(&text)
    {
        draft.fields.insert(field::CASES, Value::Json(RawJson::from_parsed(raw)));
    }
}

/// The outcome that the session states: the agent's code where it is one of ours, else what came of
/// the call as a rule says.
fn claim(draft: &mut Draft<'_>, channel: Channel) -> Option<ClaimBody> {
    let stated = match draft.fields.get(&field::SOURCE_DISPOSITION_CODES) {
        Some(Value::Texts(codes)) => codes.first().and_then(|code| code.parse().ok()),
        _ => None,
    };
    let reason = draft.fields.get(&field::DISCONNECT_REASON).and_then(Value::as_text);
    let acd = draft.fields.get(&field::ACD_OUTCOME).and_then(Value::as_text);
    let by_rule = || match (channel, acd?, reason) {
        // The reason alone says that it was junk, or that it broke.
        (_, _, Some("Spam"))
        | (_, "answered", Some("Error" | "TransportFailure" | "Uncallable"))
        | (Channel::Web | Channel::App, ..) => None,
        (_, "answered", _) => Some(code::CUSTOMER_SERVICE),
        (_, "abandoned", _) => Some(code::VISIT_ABANDON),
        _ => None,
    };
    let (code, author) = match stated {
        Some(code) => (code, Author::Agent),
        None => (by_rule()?, Author::Rule),
    };
    Some(ClaimBody { code, author, policy: ClaimPolicy::Last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_member_is_in_two_tables() {
        let mut names: Vec<&str> = FIELDS.iter().chain(&OBJECTS).map(|(name, _)| *name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn what_is_said_of_cases_is_kept_together() {
        let context = Context::default();
        let text =
            r#"{"caseStatus":"Open","id":"7","caseEntity":{"id":"1"},"caseAssociations":null}"#;
        let mut draft = Draft::new(&context);
        cases(&mut draft, &members(text, &context.limits).unwrap());
        let Some(Value::Json(kept)) = draft.fields.get(&field::CASES) else { panic!("kept") };
        assert_eq!(kept.text(), r#"{"caseStatus":"Open","caseEntity":{"id":"1"}}"#);
    }
}
