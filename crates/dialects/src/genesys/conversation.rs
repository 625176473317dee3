//! The conversation of a session: channels, queue, agent, how it went and what the agent said.
use serde_json::{Value as Json, json};
use sessionary_core::{
    channel::Channel,
    content::{Claim, Content},
    dictionary::field,
    disposition::Author,
    outcome,
    signal::FieldNumber,
    value::{RawJson, Value},
};

use super::{
    customer::as_sent,
    told::{Told, json as kept, text},
    words,
};

/// Puts everything that a session says of its conversation.
pub(super) fn put(told: &mut Told, content: &Content, record: &Json) {
    let fields = &content.fields;
    told.put_some("externalContact", contact(content));
    told.put_some("conversation", conversation(content));
    told.put_some("conversationChannels", channels(content));
    told.put_some("conversationSubject", text(fields, field::SUBJECT));
    told.put_some("originatingDirection", text(fields, field::DIRECTION).map(words::direction_out));
    let legs = Legs(record);
    let queue = text(fields, field::QUEUE).or_else(|| legs.last("queue"));
    told.put_some("lastConnectedQueue", reference(content, QUEUE, queue));
    let agent = text(fields, field::AGENT_NAME).or_else(|| legs.last("agent"));
    let agent = agent.or_else(|| text(fields, field::INTEGRATION_AGENT_ID));
    told.put_some("lastConnectedUser", reference(content, USER, agent));
    told.put_some("lastUserDisposition", disposition(content));
    let reason = text(fields, field::DISCONNECT_REASON);
    let reason = reason.or_else(|| text(fields, field::DISCONNECTED_BY));
    told.put_some("lastUserDisconnectType", reason.map(words::disconnect_out));
    let acd = text(fields, field::ACD_OUTCOME).map(words::acd_outcome_out);
    told.put_some("lastAcdOutcome", acd.or_else(|| legs.acd_outcome(content)));
    put_cases(told, content);
}

/// A reference's member, the attribute in which all of it is kept, and where the vendor serves it.
type Reference = (&'static str, &'static str);
const QUEUE: Reference = ("genesys.lastConnectedQueue", "/api/v2/routing/queues/");
const USER: Reference = ("genesys.lastConnectedUser", "/api/v2/users/");

fn reference(content: &Content, (path, uri): Reference, id: Option<&str>) -> Option<Json> {
    let id = id?;
    let whole = content.attributes.get(path).map(RawJson::to_json);
    let whole = whole.filter(|whole| whole.get("id").and_then(Json::as_str) == Some(id));
    Some(whole.unwrap_or_else(|| json!({"id": id, "selfUri": format!("{uri}{id}")})))
}

fn contact(content: &Content) -> Option<Json> {
    let fields = &content.fields;
    let identity = || content.identities.iter().find(|known| &*known.kind == "external_contact");
    let id = || identity().map(as_sent).or_else(|| text(fields, field::INTEGRATION_USER_ID));
    let stated = kept(fields, field::EXTERNAL_CONTACT).filter(Json::is_object);
    stated.or_else(|| {
        let id = id()?;
        Some(json!({"id": id, "selfUri": format!("/api/v2/externalcontacts/contacts/{id}")}))
    })
}

fn conversation(content: &Content) -> Option<Json> {
    let stated = kept(&content.fields, field::CONVERSATION).filter(Json::is_object);
    stated.or_else(|| {
        let id = text(&content.fields, field::CALL_ID)?;
        Some(json!({"id": id, "selfUri": format!("/api/v2/conversations/{id}")}))
    })
}

/// The channels that were listed, else that of the session, where it is one of a conversation.
fn channels(content: &Content) -> Option<Json> {
    if let Some(Json::Array(listed)) = kept(&content.fields, field::CHANNELS) {
        return Some(listed.iter().map(channel).collect());
    }
    let channel = content.channel_or_other();
    if !matches!(channel, Channel::Voice | Channel::Chat | Channel::Messaging) {
        return None;
    }
    let mut told = Told::default();
    told.put("type", words::channel_type_out(channel.word()));
    if channel == Channel::Messaging {
        let medium = text(&content.fields, field::MEDIUM);
        told.put_some("messageType", medium.map(words::message_type_out));
    }
    Some(json!([told.done()]))
}

/// One channel of a list, as the vendor or another dialect spells it.
fn channel(listed: &Json) -> Json {
    let text = |names: [&str; 2]| names.iter().find_map(|name| listed.get(name)?.as_str());
    let mut told = Told::default();
    told.put("type", words::channel_type_out(text(["type", "channel"]).unwrap_or_default()));
    told.put_some("messageType", text(["messageType", "medium"]).map(words::message_type_out));
    told.put_some("platform", text(["platform", "platform"]));
    told.done()
}

/// What the agent stated: as it was sent, else the outcome that a person or the business claims.
fn disposition(content: &Content) -> Option<Json> {
    let stated = kept(&content.fields, field::SOURCE_DISPOSITION);
    if let Some(stated) = stated.filter(|stated| stated.get("code").is_some()) {
        return Some(stated);
    }
    let claims = |claim: &&Claim| matches!(claim.author, Author::Business | Author::Agent);
    let claim = outcome::winner(content).filter(claims);
    let of_source = match content.fields.get(&field::SOURCE_DISPOSITION_CODES) {
        Some(Value::Texts(codes)) => codes.first().map(ToString::to_string),
        _ => None,
    };
    let code = claim.map(|claim| claim.code.to_string()).or(of_source)?;
    let of_claim = |part: fn(&Claim) -> &Option<Box<str>>, number: FieldNumber| {
        let claimed = claim.and_then(|claim| part(claim).as_deref());
        claimed.or_else(|| text(&content.fields, number))
    };
    let agent = of_claim(|claim| &claim.agent, field::INTEGRATION_AGENT_ID);
    let uri = |id| json!({"id": id, "selfUri": format!("{}{id}", USER.1)});
    let mut told = Told::default();
    told.put("code", code);
    told.put_some("notes", of_claim(|claim| &claim.notes, field::INTEGRATION_NOTES));
    told.put("user", agent.map_or_else(|| json!({}), uri));
    Some(told.done())
}

fn put_cases(told: &mut Told, content: &Content) {
    told.put_some("caseReference", text(&content.fields, field::TICKET_ID));
    let Some(cases) = kept(&content.fields, field::CASES) else { return };
    for name in ["caseAssociations", "caseEntity"] {
        told.put_some(name, cases.get(name).cloned());
    }
    let status = cases.get("caseStatus").and_then(Json::as_str);
    told.put_some("caseStatus", status.map(words::case_status_out));
}

/// The legs of a record.
struct Legs<'a>(&'a Json);

impl<'a> Legs<'a> {
    fn all(&self) -> impl DoubleEndedIterator<Item = &'a Json> {
        self.0.get("legs").and_then(Json::as_array).into_iter().flatten()
    }

    /// What the last leg that says it says.
    fn last(&self, name: &str) -> Option<&'a str> {
        self.all().rev().find_map(|leg| leg.get(name)?.as_str())
    }

    /// What distribution came to, by the legs: somebody answered, or it is over and nobody did.
    fn acd_outcome(&self, content: &Content) -> Option<&'static str> {
        let has = |name: &str| self.all().any(|leg| leg.get(name).is_some_and(|at| !at.is_null()));
        if content.answered.is_some() || has("answered_at") {
            return Some("Answered");
        }
        has("ended_at").then_some("Abandon")
    }
}
