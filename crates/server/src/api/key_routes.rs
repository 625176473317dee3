//! `/v1/keys` and `/v1/action-keys`: issuing, listing, rotating and revoking.
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use sessionary_core::{
    channel::{Channel, SessionType},
    disposition::ClaimPolicy,
    time::{Millis, UnixMillis, is_zone, parse_instant},
};
use sessionary_engine::{
    action_keys::{ActionKeyRecord, ProgramSignal},
    keys::{KeyKind, KeyRecord, Scope},
    registry::NewKey,
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
    routes::{Access, Method, Route, Routes, Takes},
};

const MANAGE: Access = Access::Key(Scope::ConfigWrite);

const fn body(schema: &'static str) -> Takes {
    Takes { size: BodySize::Single, media: &["application/json"], schema }
}

const ISSUE: Route = Route {
    method: Method::Post,
    path: "/v1/keys",
    tag: "run",
    summary: "Issue an API key; its text is in this answer and nowhere else",
    access: MANAGE,
    takes: Some(body("NewKey")),
    answers: &[answer(201, "The key", "IssuedKey")],
    problems: &[Code::Unprocessable],
    ..Route::PLAIN
};
const LIST: Route = Route {
    path: "/v1/keys",
    tag: "run",
    summary: "The tenant's API keys, without their texts",
    access: MANAGE,
    answers: &[answer(200, "The keys", "KeyList")],
    ..Route::PLAIN
};
const REVOKE: Route = Route {
    method: Method::Delete,
    path: "/v1/keys/{number}",
    tag: "run",
    summary: "Revoke an API key, from the next request on",
    access: MANAGE,
    answers: &[answer(200, "The key", "Key")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const ROTATE: Route = Route {
    method: Method::Post,
    path: "/v1/keys/{number}/rotate",
    tag: "run",
    summary: "Issue a key like another, which goes on for a while",
    access: MANAGE,
    takes: Some(body("Rotation")),
    answers: &[answer(201, "The new key", "IssuedKey")],
    problems: &[Code::NotFound, Code::Unprocessable],
    ..Route::PLAIN
};
const CREATE_ACTION: Route = Route {
    method: Method::Post,
    path: "/v1/action-keys",
    tag: "run",
    summary: "Register an integration point: a page tag, a tracking number, a kiosk, a till",
    access: MANAGE,
    takes: Some(body("NewActionKey")),
    answers: &[answer(201, "The action key", "ActionKey")],
    problems: &[Code::Unprocessable],
    ..Route::PLAIN
};
const LIST_ACTION: Route = Route {
    path: "/v1/action-keys",
    tag: "run",
    summary: "The tenant's action keys",
    access: MANAGE,
    answers: &[answer(200, "The action keys", "ActionKeyList")],
    ..Route::PLAIN
};
const REVOKE_ACTION: Route = Route {
    method: Method::Delete,
    path: "/v1/action-keys/{number}",
    tag: "run",
    summary: "Revoke an action key",
    access: MANAGE,
    answers: &[answer(200, "The action key", "ActionKey")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .at(&ISSUE, issue)
        .at(&LIST, list)
        .at(&REVOKE, revoke)
        .at(&ROTATE, rotate)
        .at(&CREATE_ACTION, create_action)
        .at(&LIST_ACTION, list_action)
        .at(&REVOKE_ACTION, revoke_action)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyWish {
    kind: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    label: String,
    #[serde(default)]
    expires_at: Option<String>,
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Code::UnreadableBody.because(error.to_string()))
}

fn wrong(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::from(Code::Unprocessable).at(pointer, detail)
}

async fn issue(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let wish: KeyWish = read(&payload.bytes)?;
    let kind = match &*wish.kind {
        "secret" => KeyKind::Secret,
        "publishable" => KeyKind::Publishable,
        _ => return Err(wrong("/kind", "send secret or publishable")),
    };
    let mut scopes = Vec::new();
    for word in &wish.scopes {
        let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        let problem = || wrong("/scopes", format!("send some of {}", words.join(", ")));
        let scope = Scope::from_word(word).ok_or_else(problem)?;
        // A key cannot give more than it has.
        caller.demand(scope)?;
        scopes.push(scope);
    }
    if scopes.is_empty() && kind == KeyKind::Secret {
        scopes = caller.key.scopes.iter().copied().collect();
    }
    if wish.timezone.as_deref().is_some_and(|name| !is_zone(name)) {
        return Err(wrong("/timezone", "send the IANA name of a time zone such as Europe/Berlin"));
    }
    let expires_at = match wish.expires_at.as_deref() {
        None => None,
        Some(text) => {
            let instant = parse_instant(text);
            Some(instant.map_err(|error| wrong("/expires_at", error.to_string()))?.at)
        }
    };
    let new = NewKey {
        scopes,
        origins: wish.origins,
        strict: wish.strict,
        currency: wish.currency,
        country: wish.country,
        timezone: wish.timezone,
        source: wish.source,
        label: wish.label,
        expires_at,
        ..NewKey::new(kind, caller.key.tenant_name.clone())
    };
    let now = app.engine.now();
    let (text, record) = app.registry.issue(new, now)?;
    Ok(created(&issued(text.reveal(), &record)))
}

fn issued(text: &str, record: &KeyRecord) -> Value {
    let mut shown = shown(record);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("key".to_owned(), json!(text));
    }
    shown
}

fn time(at: Option<UnixMillis>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn shown(record: &KeyRecord) -> Value {
    let scopes: Vec<&str> = record.scopes.iter().map(|scope| scope.word()).collect();
    json!({
        "number": record.number,
        "kind": record.kind,
        "display": format!("{}{}…", record.kind.prefix(), record.display),
        "tenant": record.tenant_name,
        "scopes": scopes,
        "origins": record.origins,
        "strict": record.strict,
        "currency": record.currency,
        "country": record.country,
        "timezone": record.timezone,
        "source": record.source,
        "label": record.label,
        "created_at": record.created_at.to_string(),
        "expires_at": time(record.expires_at),
        "revoked_at": time(record.revoked_at),
    })
}

async fn list(State(app): State<App>, caller: Caller) -> Answered {
    let keys = app.registry.keys().list();
    let own = keys.iter().filter(|record| record.tenant == caller.tenant());
    let entities: Vec<Value> = own.map(|record| shown(record)).collect();
    Ok(ok(&Listing { entities, next_cursor: None }))
}

async fn revoke(State(app): State<App>, caller: Caller, Segment(number): Segment<u32>) -> Answered {
    let record = app.registry.revoke(caller.tenant(), number, app.engine.now())?;
    Ok(ok(&shown(&record)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// How long the old key goes on, ms.
    #[serde(default)]
    overlap_ms: u32,
}

async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Segment(number): Segment<u32>,
    payload: Payload,
) -> Answered {
    let Rotation { overlap_ms } =
        if payload.bytes.is_empty() { Rotation { overlap_ms: 0 } } else { read(&payload.bytes)? };
    let rotated = app.registry.keys().get(number).filter(|key| key.tenant == caller.tenant());
    // The new key's text is told: it must not open more than the caller's own.
    for scope in rotated.iter().flat_map(|key| &key.scopes) {
        caller.demand(*scope)?;
    }
    let overlap = Millis(overlap_ms.into());
    let (text, record) = app.registry.rotate(caller.tenant(), number, overlap, app.engine.now())?;
    Ok(created(&issued(text.reveal(), &record)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionKeyWish {
    action_type: String,
    #[serde(default)]
    channel: Option<Channel>,
    #[serde(default)]
    label: String,
    #[serde(default)]
    policy: ClaimPolicy,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    program: Option<ProgramSignal>,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
}

async fn create_action(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let wish: ActionKeyWish = read(&payload.bytes)?;
    let action_type = SessionType::from_word(&wish.action_type)
        .ok_or_else(|| wrong("/action_type", "send one of the eight, such as phone_call"))?;
    let record = ActionKeyRecord {
        number: 0,
        action_type,
        tenant: caller.tenant(),
        channel: wish.channel,
        label: wish.label,
        policy: wish.policy,
        currency: wish.currency,
        country: wish.country,
        program: wish.program,
        origins: wish.origins,
        aliases: wish.aliases,
        created_at: UnixMillis(0),
        revoked_at: None,
    };
    let record = app.registry.create_action_key(record, app.engine.now())?;
    Ok(created(&shown_action(&app, &record)))
}

fn shown_action(app: &App, record: &ActionKeyRecord) -> Value {
    json!({
        "number": record.number,
        "action_key": app.registry.action_keys().token(record),
        "action_type": record.action_type.word(),
        "channel": record.channel().map(Channel::word),
        "label": record.label,
        "policy": record.policy,
        "currency": record.currency,
        "country": record.country,
        "program": record.program,
        "origins": record.origins,
        "aliases": record.aliases,
        "created_at": record.created_at.to_string(),
        "revoked_at": time(record.revoked_at),
    })
}

async fn list_action(State(app): State<App>, caller: Caller) -> Answered {
    let records = app.registry.action_keys().list(caller.tenant());
    let entities: Vec<Value> = records.iter().map(|record| shown_action(&app, record)).collect();
    Ok(ok(&Listing { entities, next_cursor: None }))
}

async fn revoke_action(
    State(app): State<App>,
    caller: Caller,
    Segment(number): Segment<u32>,
) -> Answered {
    let record = app.registry.revoke_action_key(caller.tenant(), number, app.engine.now())?;
    Ok(ok(&shown_action(&app, &record)))
}
