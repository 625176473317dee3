//! `/v1/destinations`: where finished sessions go; setting up, changing, removing and trying one.
use axum::{extract::State, response::IntoResponse};
use http::StatusCode;
use serde_json::{Map, Value, json};
use sessionary_core::{destination::Destination, parcel::DestinationId, signal::TenantId};
use sessionary_deliver::Outcome;
use sessionary_engine::{
    EngineError,
    destinations::new_destination_id,
    entry::{DestinationEntry, Entry},
    keys::Scope,
    pump::{self, Tested},
};

use super::{
    App,
    answers::{Answered, Listing, created, json as answer, ok},
    paging::Segment,
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Answer, Method, Route, Routes, Takes},
};

mod wish;
pub(super) use wish::read_filter;
use wish::{Wish, checked};

const MANAGE: Access = Access::Key(Scope::ConfigWrite);
const BODY: Takes =
    Takes { size: BodySize::Single, media: &["application/json"], schema: "NewDestination" };

const CREATE: Route = Route {
    method: Method::Post,
    path: "/v1/destinations",
    tag: "run",
    summary: "Set up a destination; a secret that is made for it is in this answer and nowhere else",
    detail: "Sessions are delivered from now on; those that were final before go there by \
             redelivery. Without `secret` a webhook gets a new one.",
    access: MANAGE,
    takes: Some(BODY),
    answers: &[answer(201, "The destination", "Destination")],
    problems: &[Code::Unprocessable, Code::AlreadyExists],
    ..Route::PLAIN
};
const LIST: Route = Route {
    path: "/v1/destinations",
    tag: "run",
    summary: "The tenant's destinations, without their secrets",
    access: MANAGE,
    answers: &[answer(200, "The destinations", "DestinationList")],
    ..Route::PLAIN
};
const GET: Route = Route {
    path: "/v1/destinations/{id}",
    tag: "run",
    summary: "One destination, without its secret",
    access: MANAGE,
    answers: &[answer(200, "The destination", "Destination")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const CHANGE: Route = Route {
    method: Method::Patch,
    path: "/v1/destinations/{id}",
    tag: "run",
    summary: "Change the members that are sent, and no others",
    detail: "With `version` the change is made only if the destination still has it. `enabled: true` \
             takes up again what was disabled: what became due meanwhile is sent then.",
    access: MANAGE,
    takes: Some(BODY),
    answers: &[answer(200, "The destination", "Destination")],
    problems: &[
        Code::NotFound,
        Code::Unprocessable,
        Code::AlreadyExists,
        Code::DefinitionChanged,
        Code::VersionMismatch,
    ],
    ..Route::PLAIN
};
const REMOVE: Route = Route {
    method: Method::Delete,
    path: "/v1/destinations/{id}",
    tag: "run",
    summary: "Remove a destination; what is due there is not sent",
    access: MANAGE,
    answers: &[Answer { status: 204, summary: "Removed", media: "", schema: "" }],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const TEST: Route = Route {
    method: Method::Post,
    path: "/v1/destinations/{id}/test",
    tag: "run",
    summary: "Send a sample now, and tell what came of it",
    detail: "The sample is a session that never was, with the event `destination.test`.",
    access: MANAGE,
    answers: &[answer(200, "What came of it", "Tested")],
    problems: &[Code::NotFound, Code::Unprocessable],
    ..Route::PLAIN
};
const ROTATE: Route = Route {
    method: Method::Post,
    path: "/v1/destinations/{id}/rotate",
    tag: "run",
    summary: "Give a webhook a new secret beside the one it has",
    detail: "Until the next rotation every request is signed with both, so the receiver can change \
             over in its own time.",
    access: MANAGE,
    answers: &[answer(200, "The destination with its new secret", "Destination")],
    problems: &[Code::NotFound, Code::Unprocessable],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .at(&CREATE, create)
        .at(&LIST, list)
        .at(&GET, get)
        .at(&CHANGE, change)
        .at(&REMOVE, remove)
        .at(&TEST, test)
        .at(&ROTATE, rotate)
}

/// A destination as it is shown: everything but its secret.
pub(super) fn shown(destination: &Destination) -> Value {
    let options: Value = serde_json::from_str(&destination.options).unwrap_or_else(|_| json!({}));
    let withheld: Vec<&str> =
        destination.withheld.classes().iter().map(|class| class.word()).collect();
    json!({
        "id": destination.id.to_string(),
        "name": destination.name,
        "kind": destination.kind,
        "url": destination.url,
        "format": destination.format,
        "when": destination.when.word(),
        "after_ms": destination.after.map(|after| after.0),
        "filter": destination.filter,
        "withhold": withheld,
        "options": options,
        "has_secret": !destination.secret.is_empty(),
        "enabled": destination.enabled,
        "disabled_because": destination.disabled_because,
        "version": destination.version,
        "created_at": destination.created_at.to_string(),
        "modified_at": destination.modified_at.to_string(),
    })
}

/// The same, with a secret that was made just now.
fn shown_with(destination: &Destination, secret: Option<&str>) -> Value {
    let mut shown = shown(destination);
    if let (Some(shown), Some(secret)) = (shown.as_object_mut(), secret) {
        shown.insert("secret".to_owned(), json!(secret));
    }
    shown
}

/// The destination of a path.
pub(super) async fn find(app: &App, tenant: TenantId, id: &str) -> Result<Destination, Problem> {
    let missing = || Code::NotFound.because("no destination of this tenant has this id");
    let id = DestinationId::parse(id).ok_or_else(missing)?;
    let destinations = app.engine.destinations(tenant).await?;
    destinations.get(id).map(|one| Destination::clone(one)).ok_or_else(missing)
}

/// Writes a change down.
async fn keep(
    app: &App,
    tenant: TenantId,
    was: u32,
    destination: Destination,
) -> Result<Destination, Problem> {
    let entry = DestinationEntry {
        tenant,
        id: destination.id,
        was,
        destination: Some(destination.clone()),
    };
    app.engine.decide(Entry::Destination(Box::new(entry))).await?;
    Ok(Destination { version: was.saturating_add(1), ..destination })
}

async fn create(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let (tenant, now) = (caller.tenant(), app.engine.now());
    let wish = Wish::read(&payload.bytes)?;
    let known = app.engine.destinations(tenant).await?;
    if known.is_full() {
        let detail = format!("there are {} destinations already; remove one first", known.len());
        return Err(Code::Unprocessable.because(detail));
    }
    let id = new_destination_id();
    let (destination, secret) = wish.new_destination(&app.delivery.sealer, tenant, id, now)?;
    checked(&app, tenant, &known, &destination)?;
    let destination = keep(&app, tenant, 0, destination).await?;
    Ok(created(&shown_with(&destination, secret.as_deref())))
}

/// Sets up a destination that a configuration names, or changes the one of its name to what it says.
///
/// # Errors
/// What is wrong with it.
pub async fn put(app: &App, tenant: TenantId, members: Map<String, Value>) -> Result<(), Problem> {
    let now = app.engine.now();
    let wish = Wish::of(Value::Object(members))?;
    let known = app.engine.destinations(tenant).await?;
    let named = wish.name().and_then(|name| known.iter().find(|one| *one.name == *name));
    let sealer = &app.delivery.sealer;
    let destination = if let Some(before) = named {
        wish.changed(sealer, tenant, Destination::clone(before), now)?
    } else {
        let (made, secret) = wish.new_destination(sealer, tenant, new_destination_id(), now)?;
        if secret.is_some() {
            let detail = "a webhook that a file sets up needs its secret there: `whsec_` and 24 to \
                          64 random bytes in base64";
            return Err(Problem::from(Code::Unprocessable).at("/secret", detail));
        }
        made
    };
    checked(app, tenant, &known, &destination)?;
    let was = named.map_or(0, |before| before.version);
    keep(app, tenant, was, destination).await.map(|_| ())
}

async fn list(State(app): State<App>, caller: Caller) -> Answered {
    let destinations = app.engine.destinations(caller.tenant()).await?;
    let mut entities: Vec<_> = destinations.iter().collect();
    entities.sort_by_key(|one| (one.created_at, one.id));
    let entities: Vec<Value> = entities.into_iter().map(|one| shown(one)).collect();
    Ok(ok(&Listing { entities, next_cursor: None }))
}

async fn get(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    Ok(ok(&shown(&find(&app, caller.tenant(), &id).await?)))
}

async fn change(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
    payload: Payload,
) -> Answered {
    let (tenant, wish) = (caller.tenant(), Wish::read(&payload.bytes)?);
    let before = find(&app, tenant, &id).await?;
    if wish.version.is_some_and(|version| version != before.version) {
        let detail = format!("it has version {} now", before.version);
        return Err(Code::VersionMismatch.because(detail));
    }
    let version = before.version;
    let after = wish.changed(&app.delivery.sealer, tenant, before, app.engine.now())?;
    checked(&app, tenant, &app.engine.destinations(tenant).await?, &after)?;
    Ok(ok(&shown(&keep(&app, tenant, version, after).await?)))
}

async fn remove(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let tenant = caller.tenant();
    loop {
        let Destination { id, version: was, .. } = find(&app, tenant, &id).await?;
        let entry = DestinationEntry { tenant, id, was, destination: None };
        match app.engine.decide(Entry::Destination(Box::new(entry))).await {
            Ok(()) => return Ok(StatusCode::NO_CONTENT.into_response()),
            // Somebody changed it meanwhile; it shall go all the same.
            Err(EngineError::Outdated) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn test(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let tenant = caller.tenant();
    let destination = find(&app, tenant, &id).await?;
    let tested = pump::test(&app.engine, &app.delivery, tenant, &destination).await?;
    let outcome = match tested {
        Tested::Tried(outcome) => outcome,
        Tested::Settings(error) => {
            return Err(Problem::from(Code::Unprocessable).at(error.pointer, error.message));
        }
    };
    Ok(ok(&match outcome {
        Outcome::Sent(sent) => json!({
            "status": "sent", "answer": sent.status, "note": sent.note,
            "reason": null, "detail": null,
        }),
        Outcome::Retry { why, .. } | Outcome::GiveUp { why } | Outcome::Gone { why } => json!({
            "status": "failed", "answer": why.status, "note": null,
            "reason": why.reason, "detail": why.detail,
        }),
    }))
}

async fn rotate(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let tenant = caller.tenant();
    let before = find(&app, tenant, &id).await?;
    let version = before.version;
    let now = app.engine.now();
    let (after, secret) = wish::rotated(&app.delivery.sealer, tenant, before, now)?;
    let after = keep(&app, tenant, version, after).await?;
    Ok(ok(&shown_with(&after, Some(&secret))))
}
