//! `/v1/quarantine`: what could not be understood; seen, and replayed.
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};
use sessionary_core::signal::Signal;
use sessionary_dialects::canonical;
use sessionary_engine::{
    Submission, VerdictStatus,
    keys::Scope,
    quarantine::{CONFLICT, QuarantineId, Quarantined},
};

use super::{
    App,
    answers::{Answered, Listing, integer, json as answer, ok, text},
    ccai,
    dispositions::{read_again, read_visit},
    genesys,
    paging::{Query, Segment},
    segment,
    signals::context,
    tropo,
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes},
};

const LIST: Route = Route {
    path: "/v1/quarantine",
    tag: "run",
    summary: "What was put aside, in order of arrival, with reasons",
    access: Access::Key(Scope::DeliveriesReplay),
    query: &[
        integer("limit", "Entities of a page, 1 to 1000; 100 if not said"),
        text("cursor", "`next_cursor` of the page before; empty: the beginning"),
    ],
    answers: &[answer(200, "A page", "QuarantinePage")],
    problems: &[Code::InvalidParameter],
    ..Route::PLAIN
};
const GET: Route = Route {
    path: "/v1/quarantine/{id}",
    tag: "run",
    summary: "One item with its bytes as they came",
    access: Access::Key(Scope::DeliveriesReplay),
    answers: &[answer(200, "The item", "QuarantineItem")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const REPLAY: Route = Route {
    method: Method::Post,
    path: "/v1/quarantine/{id}/replay",
    tag: "run",
    summary: "Take an item in again, as corrected in the body or as it came",
    detail: "It keeps the instant at which it first came.",
    access: Access::Key(Scope::DeliveriesReplay),
    takes: Some(Takes { size: BodySize::Single, media: &["application/json"], schema: "" }),
    answers: &[answer(200, "Taken in", "Replayed")],
    problems: &[Code::NotFound, Code::Unprocessable, Code::SignalConflict],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&LIST, list).at(&GET, get).at(&REPLAY, replay)
}

fn shown(id: QuarantineId, item: &Quarantined) -> Value {
    json!({
        "id": id.text(),
        "received_at": item.received_at.to_string(),
        "dialect": item.dialect,
        "reason": item.reason,
        "detail": item.detail,
        "field": item.field,
        "bytes": item.raw.len(),
        "truncated": item.truncated,
        "key_number": item.key_number,
        "session_id": item.session.map(|session| session.to_string()),
        "replayed_at": item.replayed_at.map(|at| at.to_string()),
    })
}

async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Answered {
    let query = Query::of(&uri);
    let limit = query.limit()?;
    let parse = |text: &str| QuarantineId::parse(caller.tenant(), text);
    let after = query.parsed("cursor", parse, "the `next_cursor` of a page")?;
    let reader = app.engine.reader().await?;
    let page = reader.quarantine(caller.tenant(), limit, after)?;
    let entities: Vec<Value> = page.entities.iter().map(|(id, item)| shown(*id, item)).collect();
    Ok(ok(&Listing { entities, next_cursor: page.next_cursor }))
}

async fn find(
    app: &App,
    caller: &Caller,
    id: &str,
) -> Result<(QuarantineId, Quarantined), Problem> {
    let not_found = || Code::NotFound.because("nothing in quarantine has this id");
    let id = QuarantineId::parse(caller.tenant(), id).ok_or_else(not_found)?;
    let item = app.engine.reader().await?.quarantined(id)?.ok_or_else(not_found)?;
    Ok((id, item))
}

async fn get(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let (id, item) = find(&app, &caller, &id).await?;
    let mut body = shown(id, &item);
    if let Some(body) = body.as_object_mut() {
        body.insert("raw".to_owned(), json!(String::from_utf8_lossy(&item.raw)));
    }
    Ok(ok(&body))
}

async fn replay(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
    payload: Payload,
) -> Answered {
    let (id, item) = find(&app, &caller, &id).await?;
    if *item.reason == *CONFLICT {
        let detail = "a conflict cannot be replayed: its id is taken; send it under a new id";
        return Err(Code::Unprocessable.because(detail));
    }
    let raw = if payload.bytes.is_empty() { &item.raw[..] } else { &payload.bytes[..] };
    // Its own key says what its ids and amounts mean, even if another one replays it.
    let own = app.registry.keys().get(item.key_number);
    let caller = own.map_or_else(|| caller.clone(), |key| caller.with_settings_of(&key));
    let signals = match &*item.dialect {
        tropo::DIALECT => tropo::read_again(&app, &caller, raw).await?,
        _ => read(&app, &caller, &item, raw)?,
    };
    let tenant = caller.tenant();
    let received_at = Some(item.received_at);
    let submission = Submission { tenant, signals, received_at, quarantine: Vec::new() };
    let receipt = app.engine.submit(submission).await?;
    if receipt.verdicts.iter().any(|verdict| verdict.status == VerdictStatus::Conflict) {
        return Err(Code::SignalConflict.into());
    }
    app.engine.note_replayed(id, &item)?;
    let sessions: Vec<String> =
        receipt.verdicts.iter().map(|verdict| verdict.session.to_string()).collect();
    Ok(ok(&json!({ "id": id.text(), "sessions": sessions })))
}

fn read(
    app: &App,
    caller: &Caller,
    item: &Quarantined,
    raw: &[u8],
) -> Result<Vec<Signal>, Problem> {
    if let Some(signals) = ccai::read_again(app, caller, &item.dialect, raw) {
        return signals;
    }
    if matches!(&*item.dialect, "handshake" | "pixel") {
        let read_again = if &*item.dialect == "pixel" { read_visit } else { read_again };
        let signal = read_again(app, caller, raw).map_err(|why| match why {
            Ok(problem) => problem,
            Err(refusal) => Code::Unprocessable.because(refusal.to_string()),
        })?;
        return Ok(vec![signal]);
    }
    if let Some(signals) = segment::read_again(app, caller, &item.dialect, raw) {
        return signals;
    }
    if let Some(signals) = genesys::read_again(app, caller, item, raw) {
        return signals;
    }
    let items = canonical::decode(raw, &context(app, caller))
        .map_err(|error| Code::Unprocessable.because(error.to_string()))?;
    let signals: Result<Vec<Signal>, _> = items.into_iter().collect();
    signals.map_err(|error| {
        let pointer = format!("/{}", error.field.unwrap_or_default().replace('.', "/"));
        Problem::from(Code::Unprocessable).at(pointer, error.detail)
    })
}
