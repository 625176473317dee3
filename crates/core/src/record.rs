//! The record: a session as our own JSON, made from content and envelope by the dictionary.
//!
//! Member names are fixed by the golden record of the tests: a rename here is a change of the public
//! record.
use serde_json::{Map, Value, json};

use crate::{
    content::{Claim, Content},
    dictionary, goal,
    leg::{self, LegTotals},
    outcome,
    rules::Rules,
    session::{Envelope, Session, Status},
    stamp::Marks,
    time::UnixMillis,
    touch::{Touch, TouchRule},
};

/// The version of the record's shape.
pub const RECORD_VERSION: u32 = 1;

/// The record of a session as it stands at `now`.
pub fn of(session: &Session, rules: &Rules, now: UnixMillis) -> Value {
    if session.envelope.status == Status::Merged {
        return merged(session);
    }
    let mut record = Map::new();
    add_fields(&mut record, &session.content);
    add_envelope(&mut record, session, rules, now);
    add_content(&mut record, session, rules);
    add_outcome(&mut record, &session.content, rules);
    Value::Object(record)
}

/// What is left of a redirect: where it leads.
fn merged(session: &Session) -> Value {
    let envelope = &session.envelope;
    json!({
        "id": envelope.id.to_string(),
        "status": envelope.status.word(),
        "revision": envelope.revision,
        "merged_into": envelope.merged_into.map(|id| id.to_string()),
    })
}

/// Puts every kept field where its dictionary row says; numbers without a row are replayed by
/// number (D4).
fn add_fields(record: &mut Map<String, Value>, content: &Content) {
    for (number, kept) in &content.fields {
        match dictionary::by_number(*number) {
            Some(row) if !row.record.is_empty() => put(record, row.record, kept.to_json()),
            Some(_) => {}
            None => put(record, &format!("signals.{}", number.0), kept.to_json()),
        }
    }
    if !content.attributes.is_empty() {
        let attributes = content.attributes.iter();
        let attributes: Map<String, Value> =
            attributes.map(|(name, raw)| (name.to_string(), raw.to_json())).collect();
        record.insert("attributes".to_owned(), Value::Object(attributes));
    }
}

fn add_envelope(
    record: &mut Map<String, Value>,
    session: &Session,
    rules: &Rules,
    now: UnixMillis,
) {
    let Envelope {
        id,
        source,
        external_id,
        status,
        revision,
        version,
        opened_at,
        last_received_at,
        closed_at,
        end_rule,
        final_at,
        revised_at,
        merged_ids,
        short_id,
        alias,
        ..
    } = &session.envelope;
    let time = |at: &Option<UnixMillis>| at.map(|at| at.to_string());
    let silent = |after| session.content.last.at.plus(after);
    let open = matches!(status, Status::Open | Status::Settling);
    let computed = [
        ("record_version", json!(RECORD_VERSION)),
        ("id", json!(id.to_string())),
        ("short_id", json!(short_id)),
        ("alias", json!(alias)),
        ("external_id", json!(external_id)),
        ("source", json!(source)),
        ("status", json!(status.word())),
        ("revision", json!(revision)),
        ("version", json!(version)),
        ("opened_at", json!(opened_at.to_string())),
        ("last_received_at", json!(last_received_at.to_string())),
        ("closed_at", json!(time(closed_at))),
        ("end_rule", json!(end_rule.map(crate::session::EndRule::word))),
        ("final_at", json!(time(final_at))),
        ("revised_at", json!(time(revised_at))),
        ("idle_at", json!(silent(rules.lifecycle.idle_ms).to_string())),
        ("away_at", json!(silent(rules.lifecycle.away_ms).to_string())),
        ("is_idle", json!(open && now > silent(rules.lifecycle.idle_ms))),
        ("is_away", json!(open && now > silent(rules.lifecycle.away_ms))),
    ];
    for (name, value) in computed {
        record.insert(name.to_owned(), value);
    }
    if !merged_ids.is_empty() {
        let ids: Vec<String> = merged_ids.iter().map(ToString::to_string).collect();
        record.insert("merged_ids".to_owned(), json!(ids));
    }
}

fn add_content(record: &mut Map<String, Value>, session: &Session, rules: &Rules) {
    let content = &session.content;
    let started = content.started_at(rules);
    let ended = content.ended_at();
    let marks = |mark| session.members.iter().filter(|m| m.marks.has(mark)).count();
    let counts = content.counts;
    let legs = leg::told(content);
    let computed = [
        ("type", json!(content.session_type().word())),
        ("channel", json!(content.channel_or_other().word())),
        ("split_cause", json!(content.split_cause.word())),
        ("started_at", json!(started.to_string())),
        ("ended_at", json!(ended.to_string())),
        ("duration_ms", json!(ended.since(started).0)),
        ("engaged_ms", json!(content.engaged_ms.0)),
        ("engaged", json!(outcome::is_engaged(content, rules))),
        ("single_view", json!(counts.pageviews.saturating_add(counts.screenviews) == 1)),
        ("event_count", json!(counts.events)),
        ("pageview_count", json!(counts.pageviews)),
        ("screenview_count", json!(counts.screenviews)),
        ("message_count", json!(counts.messages_received.saturating_add(counts.messages_sent))),
        ("note_count", json!(marks(Marks::NOTE))),
        ("orphan_count", json!(marks(Marks::ORPHAN))),
        ("identities", identities(content)),
        ("touches", content.touches.iter().map(touch).collect()),
        ("legs", json!(legs)),
        ("orders", orders(content)),
        ("warnings", json!(content.warnings)),
    ];
    for (name, value) in computed {
        record.insert(name.to_owned(), value);
    }
    if !legs.is_empty() {
        add_totals(record, LegTotals::of(&legs));
    }
    put(record, "attribution", attribution(content, record.get("attribution")));
}

/// The sums over the legs, where the source reports none of its own.
fn add_totals(record: &mut Map<String, Value>, totals: LegTotals) {
    let LegTotals { wait, hold, handle } = totals;
    for (name, total) in [("wait_ms", wait), ("hold_ms", hold), ("handle_ms", handle)] {
        record.entry(name).or_insert_with(|| json!(total));
    }
}

fn add_outcome(record: &mut Map<String, Value>, content: &Content, rules: &Rules) {
    let outcome = outcome::of(content, rules);
    let axes = outcome::axes(content, &outcome);
    let winner = outcome::winner(content);
    let disposition = json!({
        "code": outcome.code,
        "name": outcome.name,
        "class": outcome.class,
        "author": outcome.author,
        "derived": outcome.derived,
        "reason": outcome.reason,
        "evidence": outcome.evidence,
        "at": outcome.at.to_string(),
        "notes": winner.and_then(|claim| claim.notes.clone()),
        "agent": winner.and_then(|claim| claim.agent.clone()),
    });
    let mut merged = match record.remove("disposition") {
        Some(Value::Object(known)) => known,
        _ => Map::new(),
    };
    if let Value::Object(disposition) = disposition {
        merged.extend(disposition);
    }
    record.insert("disposition".to_owned(), Value::Object(merged));
    record.insert("claim_count".to_owned(), json!(content.claims.len()));
    record.insert("ended_how".to_owned(), json!(axes.ended_how));
    record.insert("achieved".to_owned(), json!(axes.achieved));
    record.insert("answered_by".to_owned(), json!(axes.answered_by));
    record.insert("do_not_contact".to_owned(), json!(axes.do_not_contact));
    goal::add_to(record, content, &outcome);
}

fn identities(content: &Content) -> Value {
    content
        .identities
        .iter()
        .map(|identity| match &identity.original {
            Some(original) => json!({
                "type": identity.kind, "value": identity.value, "original": original,
            }),
            None => json!({ "type": identity.kind, "value": identity.value }),
        })
        .collect()
}

/// The session's own source: the first touch that is not direct, all its parts together; parts that
/// no touch has come from the kept fields.
fn attribution(content: &Content, kept: Option<&Value>) -> Value {
    let first = content.touches.iter().find(|touch| touch.rule != TouchRule::Direct);
    let mut parts = match kept {
        Some(Value::Object(kept)) => kept.clone(),
        _ => Map::new(),
    };
    let touched =
        |part: fn(&Touch) -> &Option<Box<str>>| first.and_then(|touch| part(touch).as_deref());
    let members: [(&str, Option<&str>); 7] = [
        ("source", touched(|touch| &touch.source)),
        ("medium", touched(|touch| &touch.medium)),
        ("campaign_id", touched(|touch| &touch.campaign_id)),
        ("campaign_name", touched(|touch| &touch.campaign_name)),
        ("content", touched(|touch| &touch.content)),
        ("term", touched(|touch| &touch.term)),
        ("click_id", touched(|touch| &touch.click_id)),
    ];
    for (name, value) in members {
        match value {
            Some(value) => {
                parts.insert(name.to_owned(), json!(value));
            }
            None => {
                parts.entry(name).or_insert(Value::Null);
            }
        }
    }
    Value::Object(parts)
}

fn touch(touch: &Touch) -> Value {
    json!({
        "at": touch.at.to_string(),
        "signal": touch.signal,
        "rule": touch.rule,
        "source": touch.source,
        "medium": touch.medium,
        "campaign_id": touch.campaign_id,
        "campaign_name": touch.campaign_name,
        "content": touch.content,
        "term": touch.term,
        "click_id": touch.click_id,
    })
}

fn orders(content: &Content) -> Value {
    content
        .orders
        .iter()
        .map(|(id, order)| {
            let refunds = order.refunds.iter();
            let refunded: rust_decimal::Decimal = refunds.clone().map(|(_, amount)| amount).sum();
            json!({
                "order_id": id,
                "total": order.total.map(|total| total.to_string()),
                "currency": order.currency,
                "at": order.at.map(|at| at.to_string()),
                "refunded": (!order.refunds.is_empty()).then(|| refunded.to_string()),
            })
        })
        .collect()
}

/// One line of the ledger, as `GET /v1/sessions/{id}/claims` gives it.
pub fn claim(claim: &Claim) -> Value {
    json!({
        "code": claim.code,
        "name": crate::disposition::name_of(claim.code),
        "class": crate::disposition::class_of(claim.code),
        "author": claim.author.word(),
        "at": claim.at.to_string(),
        "signal": claim.signal,
        "first_wins": claim.first_wins,
        "notes": claim.notes,
        "agent": claim.agent,
    })
}

/// Puts a value at a dotted path, making the objects on the way; a value that stands in the way
/// stays.
fn put(record: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            record.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = record.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
