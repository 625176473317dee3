//! Tropo: `POST /tropo`, where the platform is pointed at, and text sessions played here.
//!
//! A post is on disk before it is answered. With an application behind us it is then passed on, and
//! the application's answer goes back to the byte; otherwise the answer is a document of our own that
//! asks to be told of the end.
use std::sync::Arc;

use axum::{
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::request::Parts;
use serde_json::json;
use sessionary_core::signal::Signal;
use sessionary_dialects::{
    Context,
    tropo::{self, Phase, Posted, Refusal},
};
use sessionary_engine::keys::{Scope, Standing};

use super::{
    App,
    answers::json as answer,
    signals::{context, put_aside, refuse},
};
use crate::{
    auth::{Caller, Gate, Place, Presented, presented},
    body::{BodySize, Payload},
    drain::drain,
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes, no_such_path},
    settings::Settings,
};

mod calls;
mod exchange;
mod kept;
mod paths;
mod relay;
mod texts;

use calls::Calls;
use exchange::{Exchange, stored};
use paths::KEYED;
use relay::Relay;

/// The word of quarantine for what could not be read here.
pub(super) const DIALECT: &str = "tropo";

const POST: Route = Route {
    method: Method::Post,
    path: "/tropo",
    tag: "write",
    summary: "Where the Tropo platform posts sessions and results",
    detail: "`?write_key=KEY` or a Bearer header. The answer is a Tropo document: of the application \
             that `tropo.relay_url` names, to the byte, else one of our own that asks to be told of \
             the end. Posts of a session that came with a key need none.",
    access: Access::InHandler(Scope::SignalsWrite),
    takes: Some(Takes {
        size: BodySize::Single,
        media: &["application/json"],
        schema: "TropoPosted",
    }),
    answers: &[answer(200, "On disk; what the platform is to do", "TropoDocument")],
    problems: &[Code::Unprocessable, Code::DiskFull, Code::StoreUnavailable],
    ..Route::PLAIN
};
const BELOW: Route = Route {
    path: "/tropo/{*path}",
    summary: "The same, for documents of the application below its own URL",
    detail: "",
    ..POST
};
const BY_PATH: Route = Route {
    path: "/tropo/k/{write_key}",
    summary: "The same, with the key in the path",
    detail: "References that are relative to this path with a slash behind it keep the key.",
    ..POST
};
const BELOW_BY_PATH: Route = Route { path: "/tropo/k/{write_key}/{*path}", detail: "", ..BY_PATH };
const SLASH_BY_PATH: Route = Route { path: "/tropo/k/{write_key}/", detail: "", ..BY_PATH };
/// Not in the table: where references that begin with a slash lead.
const ANYWHERE: Route = Route { path: "/{*path}", ..POST };

/// What the routes share beside the engine.
pub(super) struct Tropo {
    gate: Gate,
    calls: Calls,
    relay: Option<Relay>,
    texts: texts::Texts,
}

impl Tropo {
    /// Behind `gate`, with the application that the settings name.
    pub(super) fn new(gate: Gate, settings: &Settings) -> Arc<Tropo> {
        let relay = Relay::new(&settings.tropo);
        Arc::new(Tropo { gate, calls: Calls::default(), relay, texts: texts::Texts::default() })
    }
}

pub(super) fn add(routes: Routes<App>, tropo: &Arc<Tropo>) -> Routes<App> {
    let receiver = |at: At| {
        let tropo = Arc::clone(tropo);
        move |State(app): State<App>, request: Request| {
            let tropo = Arc::clone(&tropo);
            async move { receive(&tropo, app, request, at).await }
        }
    };
    let routes = [&POST, &BELOW, &BY_PATH, &SLASH_BY_PATH, &BELOW_BY_PATH]
        .into_iter()
        .fold(routes, |routes, row| routes.at(row, receiver(At::OurPath)));
    let routes = match tropo.relay {
        Some(_) => routes.elsewhere(&ANYWHERE, receiver(At::NoPath)),
        None => routes,
    };
    texts::add(schemas(routes), tropo)
}

/// Where a post arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// At a path of ours: with a key, or of a session that we know.
    OurPath,
    /// Where nothing is: of a session that we know, or lost.
    NoPath,
}

fn schemas(routes: Routes<App>) -> Routes<App> {
    let object = || json!({ "type": "object" });
    routes
        .schema(
            "TropoPosted",
            json!({ "type": "object", "properties": { "session": object(), "result": object() } }),
        )
        .schema(
            "TropoDocument",
            json!({ "type": "object", "required": ["tropo"], "properties": {
                "tropo": { "type": "array", "items": object() },
            }}),
        )
}

/// Takes a post in.
async fn receive(
    tropo: &Arc<Tropo>,
    app: App,
    request: Request,
    at: At,
) -> Result<Response, Response> {
    let (parts, body) = request.into_parts();
    let by_key = match at {
        At::OurPath => caller_by_key(tropo, &parts),
        At::NoPath => Ok(None),
    };
    let by_key = match by_key {
        Ok(by_key) => by_key,
        Err(problem) => {
            drain(body);
            return Err(problem.into_response());
        }
    };
    let payload = Request::from_parts(parts.clone(), body);
    let payload = Payload::from_request(payload, &()).await?;
    let exchange = async {
        let caller = match by_key {
            Some(caller) => caller,
            None => caller_by_session(tropo, &app, &parts, &payload.bytes, at).await?,
        };
        let posted = take_in(&app, &caller, &payload.bytes).await?;
        let exchange = Exchange { tropo: Arc::clone(tropo), app, caller, parts, payload };
        // It goes on to its end, even if the platform hangs up on us.
        let done = tokio::spawn(exchange.run(posted)).await;
        done.unwrap_or_else(|_| Err(Code::Internal.into()))
    };
    exchange.await.map_err(IntoResponse::into_response)
}

fn caller_by_key(tropo: &Tropo, parts: &Parts) -> Result<Option<Caller>, Problem> {
    let in_path = parts.uri.path().strip_prefix(KEYED).and_then(|rest| rest.split('/').next());
    // As in a query: a secret key has no place in a URL.
    let in_path = in_path.map(|text| Presented { text: text.to_owned(), place: Place::Query });
    let presented = presented(&parts.headers, &parts.uri)?.or(in_path);
    presented.map(|key| tropo.gate.admit(parts, &key, Scope::SignalsWrite)).transpose()
}

/// A post without a key is admitted as one of the session that it names, if that is on its way and
/// its key is still good: references of an application's documents lose the key.
async fn caller_by_session(
    tropo: &Tropo,
    app: &App,
    parts: &Parts,
    body: &Bytes,
    at: At,
) -> Result<Caller, Problem> {
    let context = Context { limits: app.limits, ..Context::default() };
    let posted = tropo::read(&tropo::text_of(body), &context).ok();
    let session = posted.and_then(|posted| posted.session);
    let now = app.engine.now();
    let caller = session.and_then(|session| tropo.calls.caller_of(&session, now));
    let key = caller.as_ref().and_then(|caller| app.registry.keys().get(caller.key.number));
    let is_live = key.is_some_and(|key| key.standing(now) == Standing::Live);
    match (caller.filter(|_| is_live), at) {
        (Some(caller), _) => Ok(caller),
        // The demo's caller has none.
        (None, At::OurPath) => tropo.gate.caller(parts, Scope::SignalsWrite),
        (None, At::NoPath) => Err(no_such_path().await),
    }
}

/// Reads a body; what cannot be read is put aside.
async fn take_in(app: &App, caller: &Caller, body: &Bytes) -> Result<Posted, Problem> {
    let refusal = match tropo::read(&tropo::text_of(body), &context(app, caller)) {
        Ok(posted) => {
            caller.charge(posted.signals.len())?;
            return Ok(posted);
        }
        Err(refusal) => refusal,
    };
    caller.charge(1)?;
    let problem = problem_of(&refusal);
    if body.is_empty() {
        return Err(problem);
    }
    let reason = (refusal.code(), refusal.to_string());
    let item = put_aside(app, caller, DIALECT, reason, body.to_vec());
    Err(refuse(app, caller, vec![item], problem).await)
}

fn problem_of(refusal: &Refusal) -> Problem {
    let code = match refusal {
        Refusal::Unreadable { .. } | Refusal::OverLimit(_) => Code::UnreadableBody,
        Refusal::Neither | Refusal::NoSessionId | Refusal::BadId { .. } => Code::Unprocessable,
    };
    code.because(refusal.to_string())
}

/// What a stored post was, for a replay from quarantine.
pub(super) async fn read_again(
    app: &App,
    caller: &Caller,
    raw: &[u8],
) -> Result<Vec<Signal>, Problem> {
    let posted = tropo::read(&tropo::text_of(raw), &context(app, caller));
    let mut posted = posted.map_err(|refusal| Code::Unprocessable.because(refusal.to_string()))?;
    if let (Phase::Result, [signal]) = (posted.phase, posted.signals.as_slice()) {
        let known = stored(app, caller, signal).await?;
        posted.place(known);
    }
    Ok(posted.signals)
}
